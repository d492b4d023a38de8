/*
 * Counts by dictionary id: which tasks allocate at a site, which stacks free its objects.
 */
#ifndef SLABREC_TRACE_TALLY_H
#define SLABREC_TRACE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/pool.h"

/* Distinct keys that are told apart; what comes after goes to others, so that a site's memory is bounded. */
#define TALLY_KEYS_MAX 256u

struct tally_entry {
	uint64_t count;
	uint32_t live : 31; /* for the caller: how many of count are still live */
	uint32_t is_used : 1;
	uint32_t key;
};

/* All-zero is an empty tally; its memory goes with the pool, which is always the same one. */
struct tally {
	struct tally_entry *slots; /* of the pool, open addressing */
	uint16_t capacity;
	uint16_t used;
	uint16_t keys; /* of used, those that are neither unknown nor others */
};

/*
 * The entry of the key, made at first use: 0 is that of what is not known, UINT32_MAX that of all others. NULL without
 * memory. Valid until the next call.
 */
struct tally_entry *tally_entry(struct tally *tally, uint32_t key, struct pool *pool);
/* What is counted under key 0 and under UINT32_MAX; all-zero where nothing is. */
struct tally_entry tally_unknown(const struct tally *tally);
struct tally_entry tally_others(const struct tally *tally);
/*
 * Copies the entries, most counted first, then by key; at most max. Returns how many. Neither unknown nor others is
 * among them.
 */
uint32_t tally_top(const struct tally *tally, struct tally_entry *top, uint32_t max);

#endif
