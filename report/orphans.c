/* A table by cache and stack, and a merge of two sorted lists of paths. */
#include "report/orphans.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define FIRST_SLOTS 64u

void orphans_release(struct orphans *orphans)
{
	if (!orphans)
		return;
	free(orphans->stacks);
	free(orphans->slots);
	*orphans = (struct orphans){0};
}

static uint32_t *orphan_slot(const struct orphans *orphans, uint32_t cache, uint32_t stack)
{
	uint64_t at = (((uint64_t)cache << 32) | stack) * 0x9e3779b97f4a7c15u >> 32;

	for (;; at++) {
		uint32_t *slot = &orphans->slots[at & (orphans->slots_capacity - 1)];

		if (!*slot || (orphans->stacks[*slot - 1].cache == cache && orphans->stacks[*slot - 1].stack == stack))
			return slot;
	}
}

static bool orphans_grow(struct orphans *orphans)
{
	uint32_t capacity = orphans->slots_capacity ? 2 * orphans->slots_capacity : FIRST_SLOTS;
	struct orphan_stack *stacks = reallocarray(orphans->stacks, capacity, sizeof(*stacks));

	if (!stacks)
		return false;
	orphans->stacks = stacks;
	orphans->capacity = capacity;
	uint32_t *slots = calloc(capacity, sizeof(*slots));
	if (!slots)
		return false;
	free(orphans->slots);
	orphans->slots = slots;
	orphans->slots_capacity = capacity;
	for (uint32_t i = 0; i < orphans->count; i++)
		*orphan_slot(orphans, stacks[i].cache, stacks[i].stack) = i + 1;
	return true;
}

int orphans_add(struct orphans *orphans, uint32_t cache, uint32_t stack, uint64_t time_ns, uint32_t shift, struct error *err)
{
	uint32_t *slot;

	if (4 * (orphans->count + 1) > 3 * orphans->slots_capacity && !orphans_grow(orphans))
		return error_set(err, -ENOMEM, "not enough memory for frees of older objects");
	slot = orphan_slot(orphans, cache, stack);
	if (!*slot && stack && orphans->count >= ORPHAN_STACKS_MAX) {
		stack = 0;
		slot = orphan_slot(orphans, cache, stack);
	}
	if (!*slot) {
		orphans->stacks[orphans->count] = (struct orphan_stack){.cache = cache, .stack = stack};
		*slot = ++orphans->count;
	}
	struct orphan_stack *found = &orphans->stacks[*slot - 1];
	timeline_widen(&found->timeline, shift);
	found->timeline.frees[timeline_bucket(found->timeline.shift, time_ns)]++;
	found->frees++;
	return 0;
}

static int path_order(const struct orphan_path *a, const struct orphan_path *b)
{
	if (a->cache != b->cache)
		return a->cache < b->cache ? -1 : 1;
	return (a->path > b->path) - (a->path < b->path);
}

static int by_path(const void *left, const void *right)
{
	const struct orphan_path *a = left, *b = right;

	int order = path_order(a, b);

	return order ? order : (a->owner > b->owner) - (a->owner < b->owner);
}

static int by_site(const void *left, const void *right)
{
	const struct orphan_charge *a = left, *b = right;

	if (a->site != b->site)
		return a->site < b->site ? -1 : 1;
	return (a->flow > b->flow) - (a->flow < b->flow);
}

/* All frees of older objects of the cache, for one of those whose stack is known. */
static double scale_of(const struct orphans *orphans, uint32_t cache)
{
	double all = 0, known = 0;

	for (uint32_t i = 0; i < orphans->count; i++) {
		if (orphans->stacks[i].cache != cache)
			continue;
		all += (double)orphans->stacks[i].frees;
		known += orphans->stacks[i].stack ? (double)orphans->stacks[i].frees : 0;
	}
	return known > 0 ? all / known : 0;
}

void orphan_charges_release(struct orphan_charges *charges)
{
	if (!charges)
		return;
	free(charges->flows);
	free(charges->charges);
	*charges = (struct orphan_charges){0};
}

/* Of one path: its older frees as a flow, and each site's share of it. */
static void charge_path(const struct orphans *orphans, const struct orphan_path *sites, uint32_t site_count,
			const struct orphan_path *older, uint32_t older_count, struct orphan_charges *charges)
{
	struct orphan_flow *flow = &charges->flows[charges->flow_count];
	double sum = 0;

	flow->scale = scale_of(orphans, older->cache);
	for (uint32_t i = 0; i < older_count; i++)
		for (uint32_t bucket = 0; bucket < TIMELINE_BUCKETS; bucket++)
			flow->frees[bucket] += flow->scale * (double)orphans->stacks[older[i].owner].timeline.frees[bucket];
	for (uint32_t i = 0; i < site_count; i++)
		sum += sites[i].frees;
	for (uint32_t i = 0; i < site_count && sum > 0; i++)
		charges->charges[charges->charge_count++] = (struct orphan_charge){
			.site = sites[i].owner, .flow = charges->flow_count, .share = sites[i].frees / sum};
	charges->flow_count++;
}

static uint32_t same_path(const struct orphan_path *paths, uint32_t count)
{
	uint32_t same = 1;

	while (same < count && paths[same].cache == paths->cache && paths[same].path == paths->path)
		same++;
	return same;
}

int orphans_charge(const struct orphans *orphans, struct orphan_path *paths, uint32_t path_count, struct orphan_path *older,
		   uint32_t older_count, struct orphan_charges *charges, struct error *err)
{
	uint32_t site = 0, old = 0;

	*charges = (struct orphan_charges){0};
	if (!path_count || !older_count)
		return 0;
	charges->flows = calloc(older_count, sizeof(*charges->flows));
	charges->charges = calloc(path_count, sizeof(*charges->charges));
	if (!charges->flows || !charges->charges) {
		orphan_charges_release(charges);
		return error_set(err, -ENOMEM, "not enough memory for frees of older objects");
	}
	qsort(paths, path_count, sizeof(*paths), by_path);
	qsort(older, older_count, sizeof(*older), by_path);
	while (site < path_count && old < older_count) {
		uint32_t sites = same_path(paths + site, path_count - site);
		uint32_t olds = same_path(older + old, older_count - old);
		int order = path_order(&paths[site], &older[old]);

		if (!order)
			charge_path(orphans, paths + site, sites, older + old, olds, charges);
		site += order <= 0 ? sites : 0;
		old += order >= 0 ? olds : 0;
	}
	if (charges->charge_count)
		qsort(charges->charges, charges->charge_count, sizeof(*charges->charges), by_site);
	return 0;
}
