/* What suspect.c cannot know of one site alone: how good the capture is, what older objects tell, and by how much the cache grew at all. */
#include "report/analysis.h"

#include <math.h>
#include <string.h>

#include "report/fetch.h"
#include "report/number.h"
#include "report/ranking.h"
#include "report/variants.h"
#include "report/worker.h"
#include "trace/cleanup.h"

#define LOST_MOST 10u	   /* a verdict needs that no more than 1 of so many events was lost */
#define REPAIRED_MOST 1000u /* more than 1 of so many frees inferred: others were missed for good */
#define RECORDER "slabrec"  /* its tasks' name */
#define OWN_PART 10u	    /* all but one of so many live objects are its own */
#define SITES_FOR_TWO 4096u /* fewer are not worth a thread */
#define SITES_AHEAD 8u	   /* whose counts are fetched while one is judged */

static uint64_t lost_events(const struct model_integrity *integrity)
{
	return number_add(integrity->lost_allocs, integrity->lost_frees);
}

/* What probes missed is a bound over all caches, and most of it is theirs: only what was lost for sure is held against a suspect. */
bool analysis_has_lost_frees(const struct model *model)
{
	const struct model_integrity *integrity = &model->integrity;

	return integrity->lost_frees || integrity->cpus_unseen || integrity->ending != TRACE_ENDING_COMPLETE;
}

/* Why nobody should be accused on the ground of this capture; "" where it will do. */
static const char *unreliable(struct model *model)
{
	const struct model_integrity *integrity = &model->integrity;

	if (!model->allocs && integrity->ending != TRACE_ENDING_COMPLETE)
		return "the trace breaks off before the first allocation";
	if (lost_events(integrity) > model->events / LOST_MOST)
		return arena_format(&model->arena, "%s of %s events were lost", number_count(lost_events(integrity)).text,
				    number_count(number_add(model->events, lost_events(integrity))).text);
	if (model->live && analysis_has_lost_frees(model) && integrity->freed_at_most > model->live / 2)
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

/* The first that is charged to the site or to one behind it. */
static uint32_t first_charge(const struct orphan_charges *charges, uint32_t site)
{
	uint32_t low = 0, high = charges->charge_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (charges->charges[middle].site < site)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What was counted at a site, or at several of one cache. All-zero has none. */
struct evidence {
	const struct model_cache *cache;
	struct suspect_evidence all;
	struct history_sum history;
	struct ages freed_ages, live_ages;
	double orphans[TIMELINE_BUCKETS];
};

static void add_charges(struct evidence *evidence, const struct orphan_charges *charges, uint32_t site)
{
	for (uint32_t at = first_charge(charges, site); at < charges->charge_count && charges->charges[at].site == site; at++) {
		const struct orphan_charge *charge = &charges->charges[at];
		const struct orphan_flow *flow = &charges->flows[charge->flow];

		for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++)
			evidence->orphans[i] += charge->share * flow->frees[i];
		evidence->all.orphan_scale = fmax(evidence->all.orphan_scale, flow->scale);
	}
}

static void add_evidence(struct evidence *evidence, const struct model *model, const struct orphan_charges *charges, uint32_t number)
{
	const struct model_site *site = &model->sites[number];
	struct suspect_evidence *all = &evidence->all;

	evidence->cache = &model->caches[site->cache];
	history_sum_add(&evidence->history, &site->lives->history);
	history_ages_add_to(&site->lives->freed_ages, &evidence->freed_ages);
	add_charges(evidence, charges, number);
	all->allocs = number_add(all->allocs, site->allocs);
	all->live = number_add(all->live, site->live);
	all->reclaimed = number_add(all->reclaimed, site->reclaimed);
	if (analysis_has_lost_frees(model))
		all->freed_at_most = number_add(all->freed_at_most, site->live - site->live_at_least);
}

/* These sites as if they were one. */
static struct suspect judge(const struct model *model, const struct orphan_charges *charges, const struct variant *same, uint32_t count)
{
	struct evidence evidence = {0};

	for (uint32_t i = 0; i < count; i++)
		add_evidence(&evidence, model, charges, same[i].site);
	for (uint32_t i = 0; i < count && evidence.all.live >= SUSPECT_OLD_LEAST; i++)
		history_ages_add_to(&model->sites[same[i].site].lives->live_ages, &evidence.live_ages);
	struct suspect_trust trust = trust_of(model, evidence.cache);
	evidence.all.history = &evidence.history;
	evidence.all.freed_ages = &evidence.freed_ages;
	evidence.all.live_ages = &evidence.live_ages;
	evidence.all.orphans = evidence.all.orphan_scale > 0 ? evidence.orphans : NULL;
	evidence.all.orphans_elsewhere = fmax(0, (double)evidence.cache->frees_older - evidence.cache->charged);
	evidence.all.duration_ns = model->duration_ns;
	evidence.all.slot_bytes = evidence.cache->slot_bytes;
	return suspect_judge(&evidence.all, &trust);
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

/* Has memory begin to fetch what judge() will look up for sites after this one: first where their counts are, then these. */
static void expect_after(const struct model *model, uint32_t number)
{
	const struct model_site *next = &model->sites[number];
	uint32_t left = model->site_count - number;

	if (left > 2 * SITES_AHEAD)
		fetch_whole(next[2 * SITES_AHEAD].lives, sizeof(*next->lives));
	if (left <= SITES_AHEAD)
		return;
	next += SITES_AHEAD;
	history_expect(&next->lives->history);
	history_ages_expect(&next->lives->freed_ages);
	if (next->live >= SUSPECT_OLD_LEAST)
		history_ages_expect(&next->lives->live_ages);
}

struct sites_to_judge {
	struct model *model;
	const struct orphan_charges *charges;
	uint32_t first, end;
};

static void judge_some(void *context)
{
	const struct sites_to_judge *some = context;

	for (uint32_t i = some->first; i < some->end; i++) {
		expect_after(some->model, i);
		some->model->sites[i].suspect = judge(some->model, some->charges, &(struct variant){.site = i}, 1);
	}
}

/* Each site alone, and meanwhile which of them are one path. */
static int judge_sites(struct model *model, const struct orphan_charges *charges, struct variants *variants, struct error *err)
{
	/* To find variants takes as long as to judge a third of the sites. */
	struct sites_to_judge some = {.model = model, .charges = charges, .end = model->site_count - model->site_count / 3};
	struct sites_to_judge rest = {.model = model, .charges = charges, .first = some.end, .end = model->site_count};
	struct worker worker = {0};

	if (model->site_count >= SITES_FOR_TWO)
		worker_start(&worker, judge_some, &some);
	else
		judge_some(&some);
	int ret = variants_find(variants, model, err);
	judge_some(&rest);
	worker_wait(&worker);
	return ret;
}

/* A part may well leak where the whole does not grow; but of many parts some look so by chance. */
static bool stands_alone(const struct suspect *own, const struct suspect *whole)
{
	return !suspect_is_leak(whole) && suspect_is_leak(own) && own->confidence == SUSPECT_HIGH;
}

static bool has_more_old(const struct model_site *a, const struct model_site *b)
{
	return a->suspect.old_live != b->suspect.old_live ? a->suspect.old_live > b->suspect.old_live : model_by_live(a, b) < 0;
}

static void make_variant(struct suspect *suspect)
{
	suspect->is_variant = true;
	suspect->rate = suspect->low_rate = suspect->score = 0;
}

/*
 * A leak of many objects may be few in each of many user stacks, or look like one that began late where they were not unwound at first;
 * and what is even as a whole may look like growth in a part. The site with the most old objects stands for the whole.
 */
static void judge_together(struct model *model, const struct orphan_charges *charges, const struct variant *same, uint32_t count)
{
	struct suspect whole = judge(model, charges, same, count);
	struct model_site *first = NULL;

	for (uint32_t i = 0; i < count; i++) {
		struct model_site *site = &model->sites[same[i].site];

		if (stands_alone(&site->suspect, &whole))
			continue;
		whole.others += first != NULL;
		if (!first || has_more_old(site, first))
			first = site;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct model_site *site = &model->sites[same[i].site];

		if (stands_alone(&site->suspect, &whole)) {
			suspect_limit(&site->suspect, SUSPECT_MEDIUM, "its place in the kernel does not leak as a whole");
			continue;
		}
		site->suspect = whole;
		if (site != first)
			make_variant(&site->suspect);
	}
}

static void judge_variants(struct model *model, const struct orphan_charges *charges, const struct variants *variants)
{
	for (uint32_t at = 0, count; (count = variants_alike(variants, at)); at += count)
		if (count > 1)
			judge_together(model, charges, &variants->items[at], count);
}

/* Of the live objects of these sites, how many tasks of that name hold. */
static uint64_t held_by(const struct model *model, const struct variant *same, uint32_t count, const char *comm)
{
	uint64_t live = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct model_site *site = &model->sites[same[i].site];

		for (uint32_t task = 0; task < site->task_count; task++)
			if (!strcmp(site->tasks[task].comm, comm))
				live = number_add(live, site->tasks[task].live);
	}
	return live;
}

/* What slabrec keeps while it records, as files that are mapped, goes with it. */
static void doubt_own(struct model *model, const struct variants *variants)
{
	for (uint32_t at = 0, count; (count = variants_alike(variants, at)); at += count) {
		const struct variant *same = &variants->items[at];
		uint64_t live = 0;
		bool is_leak = false;

		for (uint32_t i = 0; i < count; i++) {
			live = number_add(live, model->sites[same[i].site].live);
			is_leak |= suspect_is_leak(&model->sites[same[i].site].suspect);
		}
		if (!is_leak || held_by(model, same, count, RECORDER) < live - live / OWN_PART)
			continue;
		for (uint32_t i = 0; i < count; i++)
			suspect_limit(&model->sites[same[i].site].suspect, SUSPECT_LOW, "slabrec itself allocated them");
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

int analysis_judge(struct model *model, const struct orphan_charges *charges, struct error *err)
{
	CLEANUP(variants_release) struct variants variants = {0};

	model->unreliable = unreliable(model);
	for (uint32_t i = 0; i < model->cache_count; i++)
		model->caches[i].growth = growth_of(&model->caches[i].reconciliation);
	count_charged(model, charges);
	int ret = judge_sites(model, charges, &variants, err);
	if (ret)
		return ret;
	judge_variants(model, charges, &variants);
	doubt_own(model, &variants);
	hold_against_census(model);
	return ranking_sort(model, &variants, err);
}
