/* Random numbers that are the same in every run: xorshift64*. */
#ifndef SLABREC_TESTS_RANDOM_H
#define SLABREC_TESTS_RANDOM_H

#include <stdint.h>

/* The next number; *seed is not 0. */
static inline uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 0x2545f4914f6cdd1du >> 16;
}

/* One from 0 to limit - 1. */
static inline uint64_t random_below(uint64_t *seed, uint64_t limit)
{
	return random_next(seed) % limit;
}

#endif
