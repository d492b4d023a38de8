/* What suspect.c cannot know of one site alone: how good the capture is, what older objects tell, and by how much the cache grew at all. */
#include "report/analysis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/number.h"

#define LOST_MOST 10u	   /* a verdict needs that no more than 1 of so many events was lost */
#define REPAIRED_MOST 1000u /* more than 1 of so many frees inferred: others were missed for good */

static uint64_t lost_events(const struct model_integrity *integrity)
{
	return number_add(integrity->lost_allocs, integrity->lost_frees);
}

/* What probes missed is a bound over all caches, and most of it is theirs: only what was lost for sure is held against a suspect. */
static bool has_lost_frees(const struct model_integrity *integrity)
{
	return integrity->lost_frees || integrity->cpus_unseen || integrity->ending != TRACE_ENDING_COMPLETE;
}

/* Why nobody should be accused on the ground of this capture; "" where it will do. */
static const char *unreliable(struct model *model)
{
	const struct model_integrity *integrity = &model->integrity;

	if (lost_events(integrity) > model->events / LOST_MOST)
		return arena_format(&model->arena, "%s of %s events were lost", number_count(lost_events(integrity)).text,
				    number_count(number_add(model->events, lost_events(integrity))).text);
	if (model->live && has_lost_frees(integrity) && integrity->freed_at_most > model->live / 2)
		return arena_format(&model->arena, "up to %s of the %s live objects may have been freed",
				    number_count(integrity->freed_at_most).text, number_count(model->live).text);
	return "";
}

static bool is_lossy(const struct model *model)
{
	const struct model_integrity *integrity = &model->integrity;

	return lost_events(integrity) || integrity->ending != TRACE_ENDING_COMPLETE || integrity->cpus_unseen ||
	       integrity->unaccounted || integrity->frees_unmatched ||
	       integrity->frees_implied > model->frees / REPAIRED_MOST;
}

static enum model_growth growth_of(const struct model_reconciliation *balance)
{
	if (balance->state == MODEL_RECONCILE_FILTERED || balance->state == MODEL_RECONCILE_NO_CENSUS)
		return MODEL_GROWTH_UNKNOWN;
	return balance->grown_census <= 0 || (uint64_t)balance->grown_census <= balance->tolerance ? MODEL_GROWTH_NONE
												    : MODEL_GROWS;
}

static struct suspect_trust trust_of(const struct model *model, const struct model_cache *cache)
{
	enum model_reconciliation_state state = cache->reconciliation.state;

	return (struct suspect_trust){
		.is_unreliable = *model->unreliable,
		.is_lossy = is_lossy(model),
		.has_missed = model->integrity.freed_at_most,
		.is_unbalanced = state != MODEL_RECONCILED && state != MODEL_RECONCILED_OLDER,
	};
}

/* What is charged to the site, in orphans; returns how often one that was seen counts, 0 where there is nothing. */
static double sum_charges(const struct orphan_charges *charges, uint32_t *next, uint32_t site, double orphans[TIMELINE_BUCKETS])
{
	double scale = 0;

	memset(orphans, 0, TIMELINE_BUCKETS * sizeof(orphans[0]));
	for (; *next < charges->charge_count && charges->charges[*next].site == site; (*next)++) {
		const struct orphan_charge *charge = &charges->charges[*next];
		const struct orphan_flow *flow = &charges->flows[charge->flow];

		for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++)
			orphans[i] += charge->share * flow->frees[i];
		scale = fmax(scale, flow->scale);
	}
	return scale;
}

/* Of each cache, how many of its frees of older objects are charged to somebody. */
static void count_charged(struct model *model, const struct orphan_charges *charges)
{
	for (uint32_t i = 0; i < charges->charge_count; i++) {
		const struct orphan_charge *charge = &charges->charges[i];
		double *charged = &model->caches[model->sites[charge->site].cache].charged;

		for (uint32_t bucket = 0; bucket < TIMELINE_BUCKETS; bucket++)
			*charged += charge->share * charges->flows[charge->flow].frees[bucket];
	}
}

static void judge_sites(struct model *model, const struct orphan_charges *charges)
{
	uint32_t next = 0;

	count_charged(model, charges);

	for (uint32_t i = 0; i < model->site_count; i++) {
		struct model_site *site = &model->sites[i];
		const struct model_cache *cache = &model->caches[site->cache];
		struct suspect_trust trust = trust_of(model, cache);
		struct timeline timeline = history_timeline(site->history);
		struct ages freed_ages = history_ages(site->freed_ages), live_ages = history_ages(site->live_ages);
		uint64_t survivors[TIMELINE_BUCKETS];
		double orphans[TIMELINE_BUCKETS];
		double scale = sum_charges(charges, &next, i, orphans);

		history_survivors(site->history, survivors);
		for (uint32_t bucket = 0; bucket < TIMELINE_BUCKETS && site->reclaimed; bucket++)
			survivors[bucket] -= history_count(site->history, bucket, HISTORY_RECLAIMED);
		site->suspect = suspect_judge(
			&(struct suspect_evidence){
				.timeline = &timeline,
				.survivors = survivors,
				.freed_ages = &freed_ages,
				.live_ages = &live_ages,
				.orphans = scale > 0 ? orphans : NULL,
				.orphan_scale = scale,
				.orphans_elsewhere = fmax(0, (double)cache->frees_older - cache->charged),
				.duration_ns = model->duration_ns,
				.allocs = site->allocs,
				.live = site->live,
				.reclaimed = site->reclaimed,
				.freed_at_most = has_lost_frees(&model->integrity) ? site->live - site->live_at_least : 0,
				.slot_bytes = cache->slot_bytes,
			},
			&trust);
	}
}

/* Together the leaks of a cache cannot be more than it grew by, and what CPUs may hold. */
static void hold_against_census(struct model *model)
{
	double seconds = (double)model->duration_ns / 1e9;

	for (uint32_t i = 0; i < model->site_count; i++)
		if (suspect_is_leak(&model->sites[i].suspect))
			model->caches[model->sites[i].cache].leaked += model->sites[i].suspect.low_rate * seconds;
	for (uint32_t i = 0; i < model->site_count; i++) {
		struct suspect *suspect = &model->sites[i].suspect;
		const struct model_cache *cache = &model->caches[model->sites[i].cache];
		double grown = (double)cache->reconciliation.grown_census;
		double most = fmax(0, grown) + (double)cache->reconciliation.tolerance;

		if (!suspect_is_leak(suspect) || cache->growth == MODEL_GROWTH_UNKNOWN || cache->leaked <= most)
			continue;
		double part = most / cache->leaked;
		suspect->low_rate *= (float)part;
		suspect->score *= (float)part;
		if (part < 0.5 && suspect->confidence > SUSPECT_LOW) {
			suspect->confidence = SUSPECT_LOW;
			suspect->limit = "the cache did not grow as much";
		}
	}
}

/* Leaks first, then what may be one. */
static int rank_of(const struct model_site *site)
{
	return suspect_is_leak(&site->suspect) ? 0 : site->suspect.class == SUSPECT_UNDETERMINED ? 1 : 2;
}

static int by_rank(const void *left, const void *right)
{
	const struct model_site *a = left, *b = right;

	if (rank_of(a) != rank_of(b))
		return rank_of(a) - rank_of(b);
	if (rank_of(a) < 2 && (a->suspect.score > b->suspect.score || a->suspect.score < b->suspect.score))
		return a->suspect.score < b->suspect.score ? 1 : -1;
	return model_by_live(left, right);
}

void analysis_judge(struct model *model, const struct orphan_charges *charges)
{
	model->unreliable = unreliable(model);
	for (uint32_t i = 0; i < model->cache_count; i++)
		model->caches[i].growth = growth_of(&model->caches[i].reconciliation);
	judge_sites(model, charges);
	hold_against_census(model);
	if (model->site_count)
		qsort(model->sites, model->site_count, sizeof(*model->sites), by_rank);
	for (uint32_t i = 0; i < model->site_count; i++)
		model->suspect_count += !*model->unreliable && suspect_is_leak(&model->sites[i].suspect);
}
