/*
 * What the samples mean: decodes them by their probe, pairs entries with returns and allocations with frees, and writes the
 * trace's events. Knows no descriptors and no rings.
 */
#ifndef SLABREC_SAMPLER_RECORDER_H
#define SLABREC_SAMPLER_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/call_pairs.h"
#include "sampler/chain_memo.h"
#include "sampler/digest.h"
#include "sampler/kmalloc_cache.h"
#include "sampler/live_table.h"
#include "sampler/peek.h"
#include "sampler/probe_plan.h"
#include "sampler/process_table.h"
#include "sampler/sample.h"
#include "sampler/stack_table.h"
#include "sampler/user_recall.h"
#include "sampler/user_unwind.h"
#include "trace/writer.h"

struct recorder_counts {
	uint64_t samples;
	uint64_t allocs;
	uint64_t frees;
	uint64_t frees_implied;
	uint64_t frees_older;
	uint64_t frees_not_selected; /* under -p or -C: of objects that were older, or not selected */
	uint64_t frees_rcu;	     /* of frees: requests of kfree_rcu() */
	uint64_t bulk_allocs_unseen; /* handed out by a bulk function that does not tell addresses */
	uint64_t bulk_beyond;	     /* objects of bulk calls longer than is followed */
	uint64_t frees_unknown;
	uint64_t allocs_not_selected;
	uint64_t allocs_duplicate;
	uint64_t failed_allocs;
	uint64_t cache_inferred;
	uint64_t witness_both;
	uint64_t witness_kprobe_only;
	uint64_t witness_tracepoint_only;
	uint64_t samples_unreadable;
	uint64_t chains_by_key; /* samples whose call chain a key stood for */
	uint64_t chains_unknown; /* of those: it had not come */
	uint64_t chains_mistaken; /* of keys: another one came later. Its samples may have the wrong one */
	uint64_t user_stacks_whole; /* samples of allocations whose user part was unwound: to the outermost frame */
	uint64_t user_stacks_cut;   /* the same, but it is longer than what is copied */
	uint64_t user_stacks_lost;  /* the same, but a frame on the way could not be left */
	uint64_t user_stacks_recalled; /* of all these: recognised as one that was unwound before */
	uint64_t user_stacks_forgotten; /* in none of these: recognised, but that one was not known any more, or the code is another: no user part */
	uint64_t user_stacks_degraded; /* samples of allocations whose user part is by frame pointers, for want of a copy */
	uint64_t lost[TRACE_RING_COUNT];
};

/* Addresses of a call chain that is put together here, with markers. */
#define RECORDER_CHAIN_MAX (256 + USER_UNWIND_FRAMES_MAX)

struct user_copy;

struct recorder {
	struct trace_writer *writer;		/* borrowed, like all pointers here */
	const struct slab_cache_list *all;
	const struct slab_cache_list *selected; /* index + 1 is the trace id */
	struct probe_plan *plan;
	struct process_table *processes;
	struct stack_table *stacks;
	const struct kernel_image *kernel;
	struct kmalloc_flags flags;
	bool has_witnesses;
	bool is_filtered; /* by process or CPU: an object that is not known need not be older */
	struct u64_map probes;	      /* sample id -> place in plan + 1, and the parts of its samples */
	struct u64_map last_frees;    /* task and address of frees that a kprobe on kmem_cache_free told -> when */
	struct u64_map lost_told;     /* CPU and ring -> records lost that the ring itself told of */
	struct u64_map bucket_sites;  /* call site -> name of its set of buckets */
	struct u64_map kmalloc_answers; /* size class and flags -> their cache */
	struct chain_memo chains;     /* by key: raw tracepoints */
	struct user_unwind *unwind;   /* NULL: user parts are by frame pointers, or there are none */
	struct user_recall *recall;   /* NULL: user parts are not recognised */
	struct u64_map user_copies;   /* CPU and probe -> struct user_copy, owned: came before what they belong to */
	uint64_t unwound_count; /* so many in so much time */
	uint64_t unwound_ns;
	uint64_t chain[RECORDER_CHAIN_MAX]; /* with the user part unwound */
	/* Called with the kernel's part of each call chain that raw tracepoints take; is_good: its key may be used. NULL: nobody learns. */
	void (*learn_chain)(void *context, const uint64_t *kernel, size_t count, bool is_good);
	void *learn_context;
	struct digest *digest;	      /* what is kept instead of events; NULL: every event is written */
	struct peek *peek;	      /* told of allocations; NULL: nobody looks at contents */
	struct live_table live;
	struct call_pairs calls;
	struct recorder_counts counts;
	uint64_t loss_ns;  /* of the last loss, since the start */
	uint64_t start_ns; /* CLOCK_MONOTONIC */
};

void recorder_init(struct recorder *recorder, uint64_t start_ns);
void recorder_release(struct recorder *recorder);

/* From here on the digest (borrowed) takes what events say. Call it before the first sample. */
void recorder_set_digest(struct recorder *recorder, struct digest *digest);

/* Tells which probe the samples of an id come from, and which enum sample_parts they have. -ENOMEM. */
int recorder_add_id(struct recorder *recorder, uint64_t id, size_t probe, unsigned int parts);

/* A time_order_take: context is the recorder, records come in the order of time. 0 or -ENOMEM; after that counts are missing. */
int recorder_take(void *context, const uint8_t *record, size_t size_bytes, uint32_t ring);

/*
 * Takes in what the kernel says a CPU's ring lost in all: a ring tells of a loss only with a later record that fits, so some may
 * never have been told.
 */
void recorder_settle_lost(struct recorder *recorder, uint32_t cpu, enum trace_ring ring, uint64_t lost, uint64_t time_ns);

/* Events so far, written or counted. */
uint64_t recorder_events(const struct recorder *recorder);

/* Writes the addresses of live objects and all counters. */
int recorder_finish(struct recorder *recorder, uint64_t out_of_order, struct error *err);

#endif
