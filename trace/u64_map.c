/* Linear probing with backward-shift removal, so that no tombstones gather in a recording that runs for days. */
#include "trace/u64_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void u64_map_release(struct u64_map *map)
{
	free(map->slots);
	*map = (struct u64_map){0};
}

void u64_map_clear(struct u64_map *map)
{
	if (map->slots)
		memset(map->slots, 0, map->capacity * sizeof(*map->slots));
	map->count = 0;
}

/* The slot of the key, or the free one where it would go. The map has a free slot. */
static struct u64_slot *slot_of(const struct u64_map *map, uint64_t key)
{
	size_t mask = map->capacity - 1;
	size_t at = u64_mix(key) & mask;

	while (map->slots[at].key && map->slots[at].key != key)
		at = (at + 1) & mask;
	return &map->slots[at];
}

uint64_t *u64_map_find(const struct u64_map *map, uint64_t key)
{
	if (!map->count)
		return NULL;
	struct u64_slot *slot = slot_of(map, key);
	return slot->key ? &slot->value : NULL;
}

static bool grow(struct u64_map *map)
{
	size_t capacity = map->capacity ? map->capacity * 2 : 64;
	struct u64_map larger = {.slots = calloc(capacity, sizeof(*larger.slots)), .capacity = capacity, .count = map->count};

	if (!larger.slots)
		return false;
	for (size_t i = 0; i < map->capacity; i++)
		if (map->slots[i].key)
			*slot_of(&larger, map->slots[i].key) = map->slots[i];
	free(map->slots);
	*map = larger;
	return true;
}

uint64_t *u64_map_put(struct u64_map *map, uint64_t key)
{
	assert(key);
	if ((map->count + 1) * 4 > map->capacity * 3 && !grow(map))
		return NULL;
	struct u64_slot *slot = slot_of(map, key);
	if (!slot->key) {
		*slot = (struct u64_slot){.key = key};
		map->count++;
	}
	return &slot->value;
}

bool u64_map_remove(struct u64_map *map, uint64_t key)
{
	if (!map->count)
		return false;
	struct u64_slot *slot = slot_of(map, key);
	if (!slot->key)
		return false;
	size_t mask = map->capacity - 1;
	size_t hole = (size_t)(slot - map->slots);
	for (size_t at = (hole + 1) & mask; map->slots[at].key; at = (at + 1) & mask) {
		size_t home = u64_mix(map->slots[at].key) & mask;

		/* What lies between its home and its place without crossing the hole stays. */
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			map->slots[hole] = map->slots[at];
			hole = at;
		}
	}
	map->slots[hole].key = 0;
	map->count--;
	return true;
}
