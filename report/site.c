/* The table of sites: a hash of indices over sites that never move. */
#include "report/site.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define FIRST_SLOTS 256u
#define BLOCK_SITES_LEAST 16u
#define BLOCK_SITES_MOST 1024u

void site_forget_history(struct site *site)
{
	site->history = (struct history){0};
	site->freed_ages = site->live_ages = (struct history_ages){0};
}

void site_release_tallies(struct site *site)
{
	tally_release(&site->tasks);
	tally_release(&site->comms);
	tally_release(&site->freed_by);
	tally_release(&site->cpus);
	tally_release(&site->nodes_asked);
}

static void site_release(struct site *site)
{
	site_release_tallies(site);
	history_release(&site->history);
	history_ages_release(&site->freed_ages);
	history_ages_release(&site->live_ages);
}

void site_table_release(struct site_table *table)
{
	if (!table)
		return;
	for (uint32_t i = 0; i < table->count; i++)
		site_release(table->sites[i]);
	for (uint32_t i = 0; i < table->block_count; i++)
		free(table->blocks[i]);
	free(table->blocks);
	free(table->sites);
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
	uint32_t capacity = table->slots_capacity ? 2 * table->slots_capacity : FIRST_SLOTS;
	struct site **sites = reallocarray(table->sites, capacity, sizeof(*sites));

	if (!sites)
		return false;
	table->sites = sites;
	struct site_slot *slots = calloc(capacity, sizeof(*slots));
	if (!slots)
		return false;
	free(table->slots);
	table->slots = slots;
	table->slots_capacity = capacity;
	for (uint32_t i = 0; i < table->count; i++)
		*site_slot(table, sites[i]->cache, sites[i]->stack) =
			(struct site_slot){.cache = sites[i]->cache, .stack = sites[i]->stack, .place = i + 1};
	return true;
}

/* The next place of the last block; one more block is as large as all before it, within limits. */
static struct site *site_new(struct site_table *table)
{
	if (!table->block_left) {
		uint32_t room = table->count < BLOCK_SITES_LEAST ? BLOCK_SITES_LEAST : table->count;
		struct site **blocks = reallocarray(table->blocks, table->block_count + 1, sizeof(struct site *));

		if (!blocks)
			return NULL;
		table->blocks = blocks;
		if (room > BLOCK_SITES_MOST)
			room = BLOCK_SITES_MOST;
		blocks[table->block_count] = calloc(room, sizeof(**blocks));
		if (!blocks[table->block_count])
			return NULL;
		table->block_count++;
		table->block_left = room;
	}
	return &table->blocks[table->block_count - 1][--table->block_left];
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
	if (4 * (table->count + 1) > 3 * table->slots_capacity && !site_table_grow(table))
		return error_set(err, -ENOMEM, "not enough memory for %u allocation sites", table->count);
	struct site *site = site_new(table);
	if (!site)
		return error_set(err, -ENOMEM, "not enough memory for %u allocation sites", table->count);
	site->cache = cache;
	site->stack = stack;
	*index = table->count;
	table->sites[table->count++] = site;
	*site_slot(table, cache, stack) = (struct site_slot){.cache = cache, .stack = stack, .place = table->count};
	return 0;
}

void site_table_close(struct site_table *table)
{
	struct site **sites = table->count ? reallocarray(table->sites, table->count, sizeof(*sites)) : NULL;

	if (sites)
		table->sites = sites;
	free(table->slots);
	table->slots = NULL;
	table->slots_capacity = 0;
}

void site_table_expect(const struct site_table *table, uint32_t cache, uint32_t stack)
{
	if (table->slots_capacity)
		__builtin_prefetch(&table->slots[site_home(cache, stack) & (table->slots_capacity - 1)]);
}

const struct site *site_table_get(const struct site_table *table, uint32_t cache, uint32_t stack)
{
	const struct site_slot *slot = table->slots_capacity ? site_slot(table, cache, stack) : NULL;

	return slot && slot->place ? table->sites[slot->place - 1] : NULL;
}
