/* The table of sites: a hash of indices over sites that never move. */
#include "report/site.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define FIRST_SLOTS 256u

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

static void site_free(struct site *site)
{
	site_release_tallies(site);
	history_release(&site->history);
	history_ages_release(&site->freed_ages);
	history_ages_release(&site->live_ages);
	free(site);
}

void site_table_release(struct site_table *table)
{
	if (!table)
		return;
	for (uint32_t i = 0; i < table->count; i++)
		site_free(table->sites[i]);
	free(table->sites);
	free(table->slots);
	*table = (struct site_table){0};
}

static struct site_slot *site_slot(const struct site_table *table, uint32_t cache, uint32_t stack)
{
	uint64_t at = (((uint64_t)cache << 32) | stack) * 0x9e3779b97f4a7c15u >> 32;

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
	table->sites_capacity = capacity;
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
	struct site *site = calloc(1, sizeof(*site));
	if (!site)
		return error_set(err, -ENOMEM, "not enough memory for %u allocation sites", table->count);
	site->cache = cache;
	site->stack = stack;
	*index = table->count;
	table->sites[table->count++] = site;
	*site_slot(table, cache, stack) = (struct site_slot){.cache = cache, .stack = stack, .place = table->count};
	return 0;
}
