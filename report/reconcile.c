/* The balance of a cache: allocations less frees against active objects at the end less those at the start. */
#include "report/reconcile.h"

#include "report/number.h"

static const struct model_census *census_of(const struct model *model, uint32_t cache, enum trace_census_phase phase)
{
	for (uint32_t i = 0; i < model->census_count; i++)
		if (model->census[i].cache == cache && model->census[i].phase == phase)
			return &model->census[i];
	return NULL;
}

static uint64_t distance(int64_t a, int64_t b)
{
	return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

static enum model_reconciliation_state compare(const struct model *model, const struct model_reconciliation *balance)
{
	uint64_t off_by = distance(balance->grown_events, balance->grown_census);

	if (off_by <= balance->tolerance)
		return MODEL_RECONCILED;
	/* Frees without a cache can only lower what the events say. */
	if (balance->grown_events > balance->grown_census &&
	    off_by <= number_add(balance->tolerance, model->integrity.frees_unknown))
		return MODEL_RECONCILED_OLDER;
	return MODEL_UNEXPLAINED;
}

/* Free objects that a CPU may hold; where the trace does not tell, those of the slab it allocates from. */
static uint32_t held_per_cpu(const struct model_cache *cache)
{
	return cache->percpu_objects ? cache->percpu_objects : cache->objects_per_slab;
}

static void reconcile_cache(const struct model *model, uint32_t index)
{
	struct model_cache *cache = &model->caches[index];
	struct model_reconciliation *balance = &cache->reconciliation;
	const struct model_census *start = census_of(model, index, TRACE_CENSUS_START);
	const struct model_census *end = census_of(model, index, TRACE_CENSUS_END);
	uint64_t frees = number_add(number_add(cache->frees, cache->frees_implied), cache->frees_older);

	/* What waits for RCU still counts as active. */
	balance->grown_events = number_difference(number_add(cache->allocs, cache->pending_rcu), frees);
	balance->tolerance = (uint64_t)held_per_cpu(cache) * model->cpus;
	if (*model_fact(model, "filter.pid") || *model_fact(model, "filter.tid") || *model_fact(model, "filter.cgroup") ||
	    *model_fact(model, "filter.cpus")) {
		balance->state = MODEL_RECONCILE_FILTERED;
	} else if (!start || !end) {
		balance->state = MODEL_RECONCILE_NO_CENSUS;
	} else {
		balance->grown_census = number_difference(end->active_objects, start->active_objects);
		balance->state = compare(model, balance);
	}
}

void reconcile_caches(struct model *model)
{
	for (uint32_t i = 0; i < model->cache_count; i++)
		reconcile_cache(model, i);
}

static const char *explained(struct arena *arena, const struct model_reconciliation *balance)
{
	if (balance->grown_events >= 0 && balance->grown_census > 0 && balance->grown_events <= balance->grown_census)
		return arena_format(arena, "events explain %s of the %s objects by which the kernel's own count grew",
				    number_count((uint64_t)balance->grown_events).text,
				    number_count((uint64_t)balance->grown_census).text);
	return arena_format(arena, "by events it changed by %s objects, by the kernel's own count by %s",
			    number_change(balance->grown_events).text, number_change(balance->grown_census).text);
}

/* "64: 16 free objects a CPU" */
static const char *tolerance(struct arena *arena, const struct model_cache *cache)
{
	uint32_t held = held_per_cpu(cache);

	return arena_format(arena, "%s: each CPU may hold %u free one%s",
			    number_count(cache->reconciliation.tolerance).text, held, held == 1 ? "" : "s");
}

const char *reconcile_sentence(struct arena *arena, const struct model *model, const struct model_cache *cache)
{
	const struct model_reconciliation *balance = &cache->reconciliation;

	switch (balance->state) {
	case MODEL_RECONCILED:
		return arena_format(arena, "%s (within the tolerance of %s)", explained(arena, balance),
				    tolerance(arena, cache));
	case MODEL_UNEXPLAINED:
		return arena_format(arena, "%s (further apart than the tolerance of %s), so events are missing",
				    explained(arena, balance), tolerance(arena, cache));
	case MODEL_RECONCILED_OLDER:
		return arena_format(
			arena,
			"%s; the rest fits if at least %s of the %s frees whose cache is not known were of older "
			"objects of this cache",
			explained(arena, balance),
			number_count(distance(balance->grown_events, balance->grown_census) - balance->tolerance).text,
			number_count(model->integrity.frees_unknown).text);
	case MODEL_RECONCILE_FILTERED:
		return "not compared with the kernel's own count: only some processes or CPUs were recorded";
	case MODEL_RECONCILE_NO_CENSUS:
		break;
	}
	return "not compared with the kernel's own count: the trace lacks it at the start or at the end";
}
