/* Pairs of one word each while they are few and small. */
#include "report/sparse.h"

#include <string.h>

#include "report/fetch.h"
#include "report/number.h"

#define COUNT_BITS 24u
#define COUNT_MAX ((1u << COUNT_BITS) - 1)
#define PAIRS_MAX 128u
#define LAST_PAIRS 4u /* looked at one by one */

static bool is_by_index(const struct sparse *sparse)
{
	return sparse->capacity == SPARSE_INDICES;
}

static size_t counts_bytes(const struct sparse *sparse)
{
	return sparse->capacity * (is_by_index(sparse) ? sizeof(uint64_t) : sizeof(uint32_t));
}

void sparse_release(struct sparse *sparse, struct pool *pool)
{
	pool_give(pool, sparse->counts, counts_bytes(sparse));
	*sparse = (struct sparse){0};
}

/* Place of the first pair whose index is not below. What is new in time comes last. */
static uint32_t pair_place(const struct sparse *sparse, uint32_t index)
{
	const uint32_t *pairs = sparse->counts;
	uint32_t first = 0, end = sparse->used;

	for (uint32_t step = 0; step < LAST_PAIRS; step++, end--)
		if (!end || pairs[end - 1] >> COUNT_BITS < index)
			return end;
	while (first < end) {
		uint32_t middle = (first + end) / 2;

		if (pairs[middle] >> COUNT_BITS < index)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

uint64_t sparse_get(const struct sparse *sparse, uint32_t index)
{
	if (is_by_index(sparse))
		return ((const uint64_t *)sparse->counts)[index];
	const uint32_t *pairs = sparse->counts;
	uint32_t at = pair_place(sparse, index);

	return at < sparse->used && pairs[at] >> COUNT_BITS == index ? pairs[at] & COUNT_MAX : 0;
}

uint32_t sparse_next(const struct sparse *sparse, uint32_t index)
{
	if (!is_by_index(sparse)) {
		uint32_t at = pair_place(sparse, index);

		return at < sparse->used ? ((const uint32_t *)sparse->counts)[at] >> COUNT_BITS : SPARSE_INDICES;
	}
	while (index < SPARSE_INDICES && !((const uint64_t *)sparse->counts)[index])
		index++;
	return index;
}

bool sparse_walk(const struct sparse *sparse, uint32_t *place, uint32_t *index, uint64_t *count)
{
	if (!is_by_index(sparse)) {
		uint32_t pair = *place < sparse->used ? ((const uint32_t *)sparse->counts)[*place] : 0;

		*index = pair >> COUNT_BITS;
		*count = pair & COUNT_MAX;
		return (*place)++ < sparse->used;
	}
	*index = sparse_next(sparse, *place);
	*place = *index + 1;
	*count = *index < SPARSE_INDICES ? ((const uint64_t *)sparse->counts)[*index] : 0;
	return *index < SPARSE_INDICES;
}

uint32_t sparse_read(const struct sparse *sparse, struct sparse_count counts[SPARSE_INDICES])
{
	const uint32_t *pairs = sparse->counts;
	uint32_t count = 0;

	if (is_by_index(sparse)) {
		for (uint32_t i = sparse_next(sparse, 0); i < SPARSE_INDICES; i = sparse_next(sparse, i + 1))
			counts[count++] = (struct sparse_count){.index = i, .count = ((const uint64_t *)sparse->counts)[i]};
		return count;
	}
	for (; count < sparse->used; count++)
		counts[count] = (struct sparse_count){.index = pairs[count] >> COUNT_BITS, .count = pairs[count] & COUNT_MAX};
	return count;
}

void sparse_expect(const struct sparse *sparse)
{
	fetch(sparse->counts);
}

static bool change_to_index(struct sparse *sparse, struct pool *pool)
{
	uint64_t *counts = pool_take(pool, SPARSE_INDICES * sizeof(*counts));
	const uint32_t *pairs = sparse->counts;

	if (!counts)
		return false;
	for (uint32_t i = 0; i < sparse->used; i++)
		counts[pairs[i] >> COUNT_BITS] = pairs[i] & COUNT_MAX;
	pool_give(pool, sparse->counts, counts_bytes(sparse));
	*sparse = (struct sparse){.counts = counts, .capacity = SPARSE_INDICES};
	return true;
}

static bool room_for_pair(struct sparse *sparse, struct pool *pool)
{
	if (sparse->used < sparse->capacity)
		return true;
	/* Even ones: pieces of the pool are in steps of 8 bytes. */
	uint32_t capacity = sparse->capacity ? (sparse->capacity + sparse->capacity / 2 + 1) & ~1u : 6;
	void *counts = pool_grow(pool, sparse->counts, counts_bytes(sparse), capacity * sizeof(uint32_t));
	if (!counts)
		return false;
	sparse->counts = counts;
	sparse->capacity = (uint16_t)capacity;
	return true;
}

/* A new pair at that place. False without memory. */
static bool insert_pair(struct sparse *sparse, struct pool *pool, uint32_t at, uint32_t pair)
{
	if (!room_for_pair(sparse, pool))
		return false;
	uint32_t *pairs = sparse->counts;
	for (uint32_t i = sparse->used++; i > at; i--)
		pairs[i] = pairs[i - 1];
	pairs[at] = pair;
	return true;
}

bool sparse_add(struct sparse *sparse, struct pool *pool, uint32_t index, uint64_t count)
{
	if (!count)
		return true;
	if (!is_by_index(sparse)) {
		uint32_t at = pair_place(sparse, index);
		uint32_t *pairs = sparse->counts;
		bool is_there = at < sparse->used && pairs[at] >> COUNT_BITS == index;
		uint64_t sum = number_add(count, is_there ? pairs[at] & COUNT_MAX : 0);

		if (sum <= COUNT_MAX && is_there) {
			pairs[at] = index << COUNT_BITS | (uint32_t)sum;
			return true;
		}
		if (sum <= COUNT_MAX && sparse->used < PAIRS_MAX)
			return insert_pair(sparse, pool, at, index << COUNT_BITS | (uint32_t)sum);
		if (!change_to_index(sparse, pool))
			return false;
	}
	uint64_t *counts = sparse->counts;

	counts[index] = number_add(counts[index], count);
	return true;
}
