/* The kernel's parts of call chains by the keys that stand for them in later samples. */
#ifndef SLABREC_SAMPLER_CHAIN_MEMO_H
#define SLABREC_SAMPLER_CHAIN_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/u64_map.h"

/* Of a whole call chain, with its markers. */
#define CHAIN_MEMO_WORDS 256u

/* All-zero is an empty one. */
struct chain_memo {
	struct u64_map keys; /* key -> place of the chain in words + 1 */
	uint64_t *words;     /* owned; of each chain the count, then the addresses */
	size_t word_count;
	size_t word_capacity;
	uint64_t whole[CHAIN_MEMO_WORDS]; /* the one that was put together last */
};

void chain_memo_release(struct chain_memo *memo);

/*
 * Remembers the addresses of the kernel's part. 0; -EEXIST: the key stands for other ones already, which it keeps; -ENOSPC: so many are
 * remembered that no more will be; -ENOMEM.
 */
int chain_memo_put(struct chain_memo *memo, uint64_t key, const uint64_t *kernel, size_t count);

/*
 * Puts the whole chain together, as perf gives it: the kernel's part that the key stands for, left out where it is not known, and
 * the user part of count addresses of 8 bytes. Returns its length and true where the key is known.
 */
bool chain_memo_get(struct chain_memo *memo, uint64_t key, const uint8_t *user, size_t user_count, size_t *length);

#endif
