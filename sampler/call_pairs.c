/*
 * Knows how far the stack pointer of a return lies from that of its entry (the return address has been popped), and that kernel
 * stacks are aligned to their size.
 */
#include "sampler/call_pairs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#if defined(__x86_64__)
#define RETURN_POPS_BYTES 8
#else
#define RETURN_POPS_BYTES 0
#endif

/* 16 KiB, of tasks as of interrupts; where stacks are larger, one counts as several, and less is known to have ended. */
#define STACK_BITS 14

void call_pairs_release(struct call_pairs *pairs)
{
	free(pairs->entries);
	free(pairs->unused);
	u64_map_release(&pairs->stacks);
	*pairs = (struct call_pairs){0};
}

static int grow(struct call_pairs *pairs)
{
	size_t capacity = pairs->capacity ? pairs->capacity * 2 : 64;
	struct call_entry *entries = realloc(pairs->entries, capacity * sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	pairs->entries = entries;
	uint32_t *unused = realloc(pairs->unused, capacity * sizeof(*unused));
	if (!unused)
		return -ENOMEM;
	pairs->unused = unused;
	pairs->capacity = capacity;
	return 0;
}

static uint64_t stack_key(uint64_t sp)
{
	return (sp >> STACK_BITS) + 1;
}

static void drop(struct call_pairs *pairs, uint32_t place)
{
	pairs->unused[pairs->unused_count++] = place;
	pairs->live_count--;
}

/*
 * Drops the calls of a stack that have ended: those of a task that had the stack before, and those deeper than sp, where a return is
 * or (is_entry) the return of a call that begins will be: its frame is free, so a call that had it has ended too. Returns the innermost
 * that is left, as place + 1.
 */
static uint32_t drop_ended(struct call_pairs *pairs, uint32_t innermost, uint64_t sp, int32_t tid, bool is_entry)
{
	while (innermost) {
		const struct call_entry *entry = &pairs->entries[innermost - 1];
		uint64_t end_sp = entry->sp + RETURN_POPS_BYTES;

		if (entry->tid == tid && (end_sp > sp || (end_sp == sp && !is_entry)))
			break;
		uint32_t outer = entry->outer;
		drop(pairs, innermost);
		pairs->without_return++;
		innermost = outer;
	}
	return innermost;
}

int call_pairs_enter(struct call_pairs *pairs, const struct call_entry *entry)
{
	uint64_t sp = entry->sp + RETURN_POPS_BYTES;

	/* No call has such a stack pointer: the record was cut. */
	if (!sp) {
		pairs->without_return++;
		return 0;
	}
	if (!pairs->unused_count && pairs->count == pairs->capacity && grow(pairs))
		return -ENOMEM;
	uint64_t *innermost = u64_map_put(&pairs->stacks, stack_key(sp));
	if (!innermost)
		return -ENOMEM;
	uint32_t outer = drop_ended(pairs, (uint32_t)*innermost, sp, entry->tid, true);
	uint32_t place = pairs->unused_count ? pairs->unused[--pairs->unused_count] : (uint32_t)++pairs->count;
	pairs->entries[place - 1] = *entry;
	pairs->entries[place - 1].outer = outer;
	pairs->live_count++;
	*innermost = place;
	return 0;
}

int call_pairs_return(struct call_pairs *pairs, uint64_t sp, int32_t tid, const void *function, struct call_entry *entry)
{
	uint64_t *innermost = sp ? u64_map_find(&pairs->stacks, stack_key(sp)) : NULL;
	int is_paired = 0;

	if (!innermost)
		return 0;
	uint32_t place = drop_ended(pairs, (uint32_t)*innermost, sp, tid, false);
	if (place && pairs->entries[place - 1].sp + RETURN_POPS_BYTES == sp) {
		*entry = pairs->entries[place - 1];
		/* Another function returns from this frame: the entry's own return was not seen. */
		is_paired = entry->function == function;
		pairs->without_return += !is_paired;
		drop(pairs, place);
		place = entry->outer;
		entry->outer = 0;
	}
	if (place)
		*innermost = place;
	else
		u64_map_remove(&pairs->stacks, stack_key(sp));
	return is_paired;
}

void call_pairs_forget(struct call_pairs *pairs)
{
	pairs->without_return += pairs->live_count;
	u64_map_clear(&pairs->stacks);
	pairs->live_count = 0;
	pairs->count = 0;
	pairs->unused_count = 0;
}

uint64_t call_pairs_unreturned(const struct call_pairs *pairs)
{
	return pairs->without_return + pairs->live_count;
}
