/*
 * Counts by a small index in about as many bytes as there are of them: of a hundred thousand sites most have few.
 */
#ifndef SLABREC_REPORT_SPARSE_H
#define SLABREC_REPORT_SPARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/pool.h"

/* Indices are below this. */
#define SPARSE_INDICES 256u

/* All-zero is empty; its memory goes with the pool, which is always the same one. */
struct sparse {
	void *counts; /* sorted pairs of an index and a count of 24 bits, or, where that is not enough, one count of 64 bits by index */
	uint16_t used;
	uint16_t capacity; /* of pairs; SPARSE_INDICES: counts by index */
};

/* Gives its memory back to the pool; it is empty then. */
void sparse_release(struct sparse *sparse, struct pool *pool);
/* Adds to the count of the index; it stops at UINT64_MAX. False without memory. */
bool sparse_add(struct sparse *sparse, struct pool *pool, uint32_t index, uint64_t count);
uint64_t sparse_get(const struct sparse *sparse, uint32_t index);
/* The first index at or above the given one whose count is not 0; SPARSE_INDICES where there is none. */
uint32_t sparse_next(const struct sparse *sparse, uint32_t index);

/* A count that is not 0. */
struct sparse_count {
	uint64_t count;
	uint32_t index;
};

/* All of them at once, by rising index; returns how many. */
uint32_t sparse_read(const struct sparse *sparse, struct sparse_count counts[SPARSE_INDICES]);
/* They will be read soon: has memory begin to fetch them. */
void sparse_expect(const struct sparse *sparse);

/* Walks over the counts that are not 0, by rising index; place is 0 at first. False at the end. */
bool sparse_walk(const struct sparse *sparse, uint32_t *place, uint32_t *index, uint64_t *count);

#endif
