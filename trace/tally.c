/* A small hash of counters; most hold one or two keys, so it starts with room for three. */
#include "trace/tally.h"

#include <stdlib.h>

#define FIRST_CAPACITY 4u

void tally_release(struct tally *tally)
{
	if (!tally)
		return;
	free(tally->slots);
	*tally = (struct tally){0};
}

static struct tally_entry *tally_slot(const struct tally *tally, uint32_t key)
{
	uint32_t at = key * 2654435761u >> 7;

	while (tally->slots[at & (tally->capacity - 1)].key && tally->slots[at & (tally->capacity - 1)].key != key)
		at++;
	return &tally->slots[at & (tally->capacity - 1)];
}

static bool tally_grow(struct tally *tally)
{
	struct tally grown = *tally;

	grown.capacity = tally->capacity ? 2 * tally->capacity : FIRST_CAPACITY;
	grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (uint32_t i = 0; i < tally->capacity; i++)
		if (tally->slots[i].key)
			*tally_slot(&grown, tally->slots[i].key) = tally->slots[i];
	free(tally->slots);
	*tally = grown;
	return true;
}

struct tally_entry *tally_entry(struct tally *tally, uint32_t key)
{
	if (!key)
		return &tally->unknown;
	struct tally_entry *entry = tally->capacity ? tally_slot(tally, key) : NULL;
	if (entry && entry->key)
		return entry;
	if (tally->used == TALLY_KEYS_MAX)
		return &tally->others;
	if (4 * (tally->used + 1) > 3 * tally->capacity) {
		if (!tally_grow(tally))
			return NULL;
		entry = tally_slot(tally, key);
	}
	entry->key = key;
	tally->used++;
	return entry;
}

static int by_count(const void *left, const void *right)
{
	const struct tally_entry *a = left, *b = right;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return (a->key > b->key) - (a->key < b->key);
}

uint32_t tally_top(const struct tally *tally, struct tally_entry *top, uint32_t max)
{
	struct tally_entry sorted[TALLY_KEYS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < tally->capacity; i++)
		if (tally->slots[i].key)
			sorted[count++] = tally->slots[i];
	qsort(sorted, count, sizeof(sorted[0]), by_count);
	if (count > max)
		count = max;
	for (uint32_t i = 0; i < count; i++)
		top[i] = sorted[i];
	return count;
}
