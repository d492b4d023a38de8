/*
 * Counts by dictionary id: which tasks allocate at a site, which stacks free its objects.
 */
#ifndef SLABREC_TRACE_TALLY_H
#define SLABREC_TRACE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

/* Distinct keys that are told apart; what comes after goes to others, so that a site's memory is bounded. */
#define TALLY_KEYS_MAX 256u

struct tally_entry {
	uint64_t count;
	uint64_t live; /* for the caller: how many of count are still live */
	uint32_t key;
};

/* All-zero is an empty tally. */
struct tally {
	struct tally_entry *slots; /* owned, open addressing, key 0 is a free slot */
	uint32_t capacity;
	uint32_t used;
	struct tally_entry unknown; /* key 0 */
	struct tally_entry others;  /* keys that came after TALLY_KEYS_MAX */
};

void tally_release(struct tally *tally);
/* The entry of the key, made at first use; that of unknown or others where it has none. NULL without memory. */
struct tally_entry *tally_entry(struct tally *tally, uint32_t key);
/*
 * Copies the entries, most counted first, then by key; at most max. Returns how many. Neither unknown nor others is
 * among them.
 */
uint32_t tally_top(const struct tally *tally, struct tally_entry *top, uint32_t max);

#endif
