/* A small hash of counters; most hold one or two keys, so it starts with room for one and is filled to the brim while it is small. */
#include "trace/tally.h"

#include <stdlib.h>

#define OTHERS UINT32_MAX
#define BRIM 8u

/* The key's slot or the free one where it belongs; NULL where there is neither. */
static struct tally_entry *tally_slot(const struct tally *tally, uint32_t key)
{
	uint32_t at = key * 2654435761u >> 7;

	for (uint32_t tried = 0; tried < tally->capacity; tried++, at++) {
		struct tally_entry *slot = &tally->slots[at & (tally->capacity - 1u)];

		if (!slot->is_used || slot->key == key)
			return slot;
	}
	return NULL;
}

static bool tally_grow(struct tally *tally, struct pool *pool)
{
	struct tally grown = *tally;

	grown.capacity = tally->capacity ? (uint16_t)(2 * tally->capacity) : 1;
	grown.slots = pool_take(pool, grown.capacity * sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (uint32_t i = 0; i < tally->capacity; i++)
		if (tally->slots[i].is_used)
			*tally_slot(&grown, tally->slots[i].key) = tally->slots[i];
	pool_give(pool, tally->slots, tally->capacity * sizeof(*tally->slots));
	*tally = grown;
	return true;
}

static bool is_full(const struct tally *tally)
{
	if (tally->capacity <= BRIM)
		return tally->used == tally->capacity;
	return 4u * (tally->used + 1u) > 3u * tally->capacity;
}

struct tally_entry *tally_entry(struct tally *tally, uint32_t key, struct pool *pool)
{
	struct tally_entry *entry = tally_slot(tally, key);
	bool is_key = key && key != OTHERS;

	if (entry && entry->is_used)
		return entry;
	if (is_key && tally->keys == TALLY_KEYS_MAX)
		return tally_entry(tally, OTHERS, pool);
	if (is_full(tally)) {
		if (!tally_grow(tally, pool))
			return NULL;
		entry = tally_slot(tally, key);
	}
	*entry = (struct tally_entry){.key = key, .is_used = true};
	tally->used++;
	tally->keys = (uint16_t)(tally->keys + is_key);
	return entry;
}

static struct tally_entry tally_get(const struct tally *tally, uint32_t key)
{
	const struct tally_entry *entry = tally_slot(tally, key);

	return entry && entry->is_used ? *entry : (struct tally_entry){0};
}

struct tally_entry tally_unknown(const struct tally *tally)
{
	return tally_get(tally, 0);
}

struct tally_entry tally_others(const struct tally *tally)
{
	return tally_get(tally, OTHERS);
}

static int by_count(const void *left, const void *right)
{
	const struct tally_entry *a = left, *b = right;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return (a->key > b->key) - (a->key < b->key);
}

/* Most have one or two. */
static void sort(struct tally_entry *entries, uint32_t count)
{
	if (count > BRIM) {
		qsort(entries, count, sizeof(entries[0]), by_count);
		return;
	}
	for (uint32_t i = 1; i < count; i++) {
		struct tally_entry entry = entries[i];
		uint32_t at = i;

		for (; at && by_count(&entries[at - 1], &entry) > 0; at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
}

uint32_t tally_top(const struct tally *tally, struct tally_entry *top, uint32_t max)
{
	struct tally_entry sorted[TALLY_KEYS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < tally->capacity; i++)
		if (tally->slots[i].is_used && tally->slots[i].key && tally->slots[i].key != OTHERS)
			sorted[count++] = tally->slots[i];
	sort(sorted, count);
	if (count > max)
		count = max;
	for (uint32_t i = 0; i < count; i++)
		top[i] = sorted[i];
	return count;
}
