/*
 * Allocation calls under way, where a kernel tells the cache at entry and the pointer at return. The stack pointer is the key:
 * no two calls under way have the same one, whatever interrupts, sleeps or migrates in between. It also tells which calls have
 * ended unseen: those deeper on the same stack than an event that came later. Pure.
 */
#ifndef SLABREC_SAMPLER_CALL_PAIRS_H
#define SLABREC_SAMPLER_CALL_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#include "trace/u64_map.h"

struct call_entry {
	uint64_t sp;
	uint64_t time_ns;
	uint64_t bytes_req;
	const void *function; /* which function was entered; compared only */
	int32_t pid;
	int32_t tid;
	int32_t node;
	uint32_t task;
	uint32_t stack;
	uint32_t gfp;
	uint16_t cache;
	uint32_t outer; /* call_pairs' own: place + 1 of the next call out on the same stack, 0 none */
};

struct call_pairs {
	struct call_entry *entries; /* owned; places */
	size_t count;
	size_t capacity;
	size_t live_count; /* calls under way */
	uint32_t *unused;  /* owned; place + 1 */
	size_t unused_count;
	struct u64_map stacks;	 /* kernel stack -> place + 1 of its innermost call */
	uint64_t without_return; /* entries whose return was never seen */
};

void call_pairs_release(struct call_pairs *pairs);

/* Remembers the call. -ENOMEM. */
int call_pairs_enter(struct call_pairs *pairs, const struct call_entry *entry);

/*
 * Ends the call of this task and function whose return has the stack pointer: 1 with the entry, 0 where no entry was seen (another
 * cache's).
 */
int call_pairs_return(struct call_pairs *pairs, uint64_t sp, int32_t tid, const void *function, struct call_entry *entry);

/* Forgets all calls under way, as without return: records were lost, so any of their returns may never come. */
void call_pairs_forget(struct call_pairs *pairs);

/* Calls whose return was not seen, those still under way included: for the end of a recording. */
uint64_t call_pairs_unreturned(const struct call_pairs *pairs);

#endif
