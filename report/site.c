/* The table of sites: a hash of indices over blocks of sites, which stand in the order of the indices. */
#include "report/site.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "report/fetch.h"

#define FIRST_SLOTS 256u

void site_table_release(struct site_table *table)
{
	if (!table)
		return;
	pool_release(&table->sites);
	pool_release(&table->tallies);
	pool_release(&table->lives);
	free(table->slots);
	*table = (struct site_table){0};
}

static uint64_t site_home(uint32_t cache, uint32_t stack)
{
	return (((uint64_t)cache << 32) | stack) * 0x9e3779b97f4a7c15u >> 32;
}

static struct site_slot *site_slot(const struct site_table *table, uint32_t cache, uint32_t stack)
{
	uint64_t at = site_home(cache, stack);

	for (;; at++) {
		struct site_slot *slot = &table->slots[at & (table->slots_capacity - 1)];

		if (!slot->place || (slot->cache == cache && slot->stack == stack))
			return slot;
	}
}

static bool site_table_grow(struct site_table *table)
{
	struct site_table grown = {.slots_capacity = table->slots_capacity ? 2 * table->slots_capacity : FIRST_SLOTS};

	grown.slots = calloc(grown.slots_capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (uint32_t i = 0; i < table->slots_capacity; i++)
		if (table->slots[i].place)
			*site_slot(&grown, table->slots[i].cache, table->slots[i].stack) = table->slots[i];
	free(table->slots);
	table->slots = grown.slots;
	table->slots_capacity = grown.slots_capacity;
	return true;
}

/* The next place of the last block. NULL without memory. */
static struct site *site_new(struct site_table *table)
{
	struct site **block = &table->blocks[table->count / SITES_PER_BLOCK];

	if (!*block)
		*block = pool_take(&table->sites, SITES_PER_BLOCK * sizeof(struct site));
	return *block ? site_at(table, table->count++) : NULL;
}

int site_table_find(struct site_table *table, uint32_t cache, uint32_t stack, uint32_t *index, struct error *err)
{
	struct site_slot *slot = table->slots_capacity ? site_slot(table, cache, stack) : NULL;

	if (slot && slot->place) {
		*index = slot->place - 1;
		return 0;
	}
	if (table->count >= SITES_MAX)
		return error_set(err, -EFBIG, "more than %u allocation sites; record fewer caches", SITES_MAX);
	struct site *site = 4 * (table->count + 1) > 3 * table->slots_capacity && !site_table_grow(table) ? NULL : site_new(table);
	if (!site)
		return error_set(err, -ENOMEM, "not enough memory for %u allocation sites", table->count);
	site->cache = cache;
	site->stack = stack;
	*index = table->count - 1;
	*site_slot(table, cache, stack) = (struct site_slot){.cache = cache, .stack = stack, .place = table->count};
	return 0;
}

void site_table_close(struct site_table *table)
{
	free(table->slots);
	table->slots = NULL;
	table->slots_capacity = 0;
}

void site_table_expect(const struct site_table *table, uint32_t cache, uint32_t stack)
{
	if (table->slots_capacity)
		fetch(&table->slots[site_home(cache, stack) & (table->slots_capacity - 1)]);
}
