/* A hash map from 64-bit keys to 64-bit values: open addressing, 16 bytes a slot, at most three quarters full. All-zero is empty. */
#ifndef SLABREC_TRACE_U64_MAP_H
#define SLABREC_TRACE_U64_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct u64_slot {
	uint64_t key; /* 0: free */
	uint64_t value;
};

struct u64_map {
	struct u64_slot *slots; /* owned */
	size_t capacity;	/* a power of two, or 0 */
	size_t count;
};

void u64_map_release(struct u64_map *map);

/* The value of the key, for reading and writing until the next change of the map; NULL where it is not in. key is not 0. */
uint64_t *u64_map_find(const struct u64_map *map, uint64_t key);

/* The same, putting the key in with the value 0 where it is not in yet; NULL without memory. */
uint64_t *u64_map_put(struct u64_map *map, uint64_t key);

/* True where the key was in. */
bool u64_map_remove(struct u64_map *map, uint64_t key);

/* Empties the map, keeping its memory. */
void u64_map_clear(struct u64_map *map);

/* A good 64-bit mix of the bits of value. */
static inline uint64_t u64_mix(uint64_t value)
{
	value = (value ^ value >> 32) * 0xd6e8feb86659fd93u;
	value = (value ^ value >> 32) * 0xd6e8feb86659fd93u;
	return value ^ value >> 32;
}

#endif
