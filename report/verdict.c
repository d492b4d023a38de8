/* The wording of the first lines of every report. */
#include "report/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "report/number.h"
#include "report/site_sum.h"
#include "trace/cleanup.h"
#include "trace/u64_map.h"

#define LEAST_RATE_NS 1000000000u

/* The name at which most live objects were allocated, over all sites that share it. */
struct top_name {
	const char *name;
	uint32_t cache; /* of its first site */
	bool is_one_cache;
	uint64_t live;
	uint64_t live_bytes;
};

static int by_name(const void *left, const void *right)
{
	const struct top_name *a = left, *b = right;

	return strcmp(a->name, b->name);
}

static bool is_above(const struct top_name *a, const struct top_name *b)
{
	if (a->live != b->live)
		return a->live > b->live;
	return a->live_bytes > b->live_bytes;
}

static void add_name(struct top_name *sum, const struct top_name *name)
{
	sum->is_one_cache = sum->is_one_cache && name->is_one_cache && name->cache == sum->cache;
	sum->live += name->live;
	sum->live_bytes = number_add(sum->live_bytes, name->live_bytes);
}

/* Sites of one name mostly share its text: the sum of each text, in no order. Returns how many there are. */
static uint32_t sum_texts(struct arena *arena, const struct model *model, struct top_name *texts)
{
	CLEANUP(u64_map_release) struct u64_map numbers = {0}; /* number of the text + 1, by its address */
	uint32_t count = 0;

	for (uint32_t i = 0; i < model->site_count; i++) {
		const struct model_site *site = &model->sites[i];
		struct top_name name = {.name = site->name, .cache = site->cache, .is_one_cache = true, .live = site->live, .live_bytes = site->live_bytes};
		uint64_t *number = site->live ? u64_map_put(&numbers, (uintptr_t)site->name) : NULL;

		arena->failed |= site->live && !number;
		if (!number)
			continue;
		if (*number) {
			add_name(&texts[*number - 1], &name);
			continue;
		}
		texts[count++] = name;
		*number = count;
	}
	return count;
}

static struct top_name top_name(struct arena *arena, const struct model *model)
{
	CLEANUP(cleanup_free) struct top_name *texts = calloc((size_t)model->site_count + 1, sizeof(*texts));
	uint32_t count = texts ? sum_texts(arena, model, texts) : 0;
	struct top_name top = {.name = ""};

	arena->failed |= !texts;
	if (count)
		qsort(texts, count, sizeof(*texts), by_name);
	for (uint32_t i = 0; i < count;) {
		struct top_name sum = texts[i];

		while (++i < count && !strcmp(texts[i].name, sum.name))
			add_name(&sum, &texts[i]);
		if (is_above(&sum, &top))
			top = sum;
	}
	return top;
}

static const char *were(uint64_t count)
{
	return count == 1 ? "was" : "were";
}

static const char *is_or_are(uint64_t count)
{
	return count == 1 ? "is" : "are";
}

static const char *objects(uint64_t count)
{
	return count == 1 ? "object" : "objects";
}

const char *verdict_subject(struct arena *arena, const struct model *model)
{
	if (!model->cache_count)
		return "no cache";
	const char *first = arena_format(arena, "%.64s", model->caches[0].name);
	if (model->cache_count == 1)
		return first;
	return arena_format(arena, "%s and %u other cache%s", first, model->cache_count - 1,
			    model->cache_count == 2 ? "" : "s");
}

static uint32_t live_caches(const struct model *model)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < model->cache_count; i++)
		count += model->caches[i].live != 0;
	return count;
}

/* "kmalloc-cg-1k objects" where only one cache has live ones; caches are sorted, so it is the first. */
static const char *live_objects(struct arena *arena, const struct model *model)
{
	const char *plural = model->live == 1 ? "" : "s";

	if (live_caches(model) == 1)
		return arena_format(arena, "%.64s object%s", model->caches[0].name, plural);
	return arena_format(arena, "object%s of %u caches", plural, live_caches(model));
}

static const char *during(struct arena *arena, const struct model *model)
{
	if (!model->duration_ns)
		return "in the time recorded";
	return arena_format(arena, "during %s", number_duration(model->duration_ns).text);
}

static const char *nothing_live(struct arena *arena, const struct model *model)
{
	const char *when = during(arena, model);

	if (!model->allocs)
		return model->duration_ns ? arena_format(arena, "No allocation was recorded %s.", when)
					  : "No allocation was recorded.";
	if (model->allocs == 1)
		return arena_format(arena, "The one object allocated %s was freed again.", when);
	return arena_format(arena, "All %s objects allocated %s were freed again.", number_count(model->allocs).text,
			    when);
}

/* "96 % of them at alloc_pipe_info"; where no function stands out, that it is so. */
static const char *where(struct arena *arena, const struct model *model)
{
	struct top_name top = top_name(arena, model);
	const char *cache = "", *share = arena_text(arena, number_percent(top.live, model->live).text);

	if (live_caches(model) > 1 && top.is_one_cache)
		cache = arena_format(arena, " in %.64s", model->caches[top.cache].name);
	if (model->live == 1)
		return arena_format(arena, "it is at %.128s", top.name);
	if (top.live == model->live)
		return arena_format(arena, "all of them at %.128s%s", top.name, cache);
	if (top.live < model->live / 5)
		return arena_format(arena, "no function has many of them, most has %.128s%s (%s)", top.name, cache,
				    share);
	return arena_format(arena, "%s of them at %.128s%s", share, top.name, cache);
}

const char *verdict_live(struct arena *arena, uint64_t live, uint64_t live_at_least)
{
	const char *count = arena_text(arena, number_count(live).text);

	if (live_at_least == live)
		return count;
	return arena_format(arena, "%s (at least %s)", count, number_count(live_at_least).text);
}

const char *verdict_headline(struct arena *arena, const struct model *model)
{
	const char *bytes = "";

	if (!model->live)
		return nothing_live(arena, model);
	if (model->has_slot_bytes)
		bytes = arena_format(arena, " (%s)", number_bytes(model->live_bytes).text);
	return arena_format(arena, "%s %s%s allocated %s %s still live at the end; %s.",
			    verdict_live(arena, model->live, model->live_at_least), live_objects(arena, model), bytes, during(arena, model), is_or_are(model->live),
			    where(arena, model));
}

/*
 * Whoever is told two rates quotes the wrong one: where there is a suspect it is the lower bound of its leak, and where a recording that was
 * long enough accuses nobody an average growth would be read as a leak.
 */
static bool has_average(const struct model *model)
{
	/* A shorter recording would be multiplied up. */
	if (model->duration_ns < LEAST_RATE_NS || (model->suspect_count && !*model->unreliable))
		return false;
	return *model->unreliable || !model->site_count || model->duration_ns < SUSPECT_LENGTH_NS ||
	       model->sites[0].suspect.class == SUSPECT_UNDETERMINED;
}

const char *verdict_rate(struct arena *arena, const struct model *model)
{
	const char *rate = "", *bytes = "";

	if (!model->live)
		return "";
	if (model->has_slot_bytes)
		bytes = arena_format(arena, " (%s)", number_rate_bytes(model->live_bytes, model->duration_ns).text);
	if (has_average(model))
		rate = arena_format(arena, "On average %s objects%s more each second, all call stacks together; ",
				    number_rate(model->live, model->duration_ns).text, bytes);
	return arena_format(arena, "%s%s of %s allocations %s freed again.", rate, number_count(model->frees + model->frees_implied).text,
			    number_count(model->allocs).text, were(model->frees + model->frees_implied));
}

/* A page that is read again may say anything. */
static uint64_t whole(double value)
{
	return value > 0 && value < 9e18 ? (uint64_t)value : 0;
}

/* bound: what it is, where that is not said elsewhere. */
static const char *low_rate(struct arena *arena, const struct model *model, const struct model_site *site, const char *bound)
{
	uint32_t slot_bytes = model->caches[site->cache].slot_bytes;
	double rate = (double)site->suspect.low_rate;
	/* As so many thousandths in 1000 s. */
	const char *objects = arena_text(arena, number_rate(whole(rate * 1000), 1000 * (uint64_t)LEAST_RATE_NS).text);

	if (!slot_bytes)
		return arena_format(arena, *bound ? "%s objects/s (%s)" : "%s objects/s", objects, bound);
	return arena_format(arena, "%s objects/s (%s/s%s%s)", objects, number_bytes(whole(rate * slot_bytes)).text, *bound ? "; " : "", bound);
}

const char *verdict_low_rate(struct arena *arena, const struct model *model, const struct model_site *site)
{
	return low_rate(arena, model, site, "");
}

static const char *old_and_live(struct arena *arena, const struct suspect *suspect)
{
	return arena_format(arena, "%s %s older than %s %s live", number_count(suspect->old_live).text, objects(suspect->old_live),
			    number_duration(suspect->tau_ns).text, is_or_are(suspect->old_live));
}

/* What happens to those that do not stay; "95 %" is kept for the bound of the rate. */
static const char *freed_within(struct arena *arena, const struct model_site *site)
{
	if (!site->suspect.p95_ns)
		return "none was seen to be freed";
	return arena_format(arena, "19 in 20 of those freed were freed within %s", number_duration(site->suspect.p95_ns).text);
}

static const char *why_leak(struct arena *arena, const struct model_site *site)
{
	const struct suspect *suspect = &site->suspect;
	const char *older = "";

	if (site->reclaimed)
		older = arena_format(arena, ", beside %s that %s freed when memory was asked back", number_count(site->reclaimed).text,
				     were(site->reclaimed));
	else if (suspect->old_orphans)
		older = arena_format(arena, ", against %s older %s freed", number_count(suspect->old_orphans).text, objects(suspect->old_orphans));
	return arena_format(arena, "%s, %s of those allocated so long ago%s; they were allocated all along (evenness %.2f); %s",
			    old_and_live(arena, suspect), number_percent(suspect->old_live, suspect->old_born).text, older,
			    (double)suspect->evenness, freed_within(arena, site));
}

static const char *why_churn(struct arena *arena, const struct suspect *suspect)
{
	if (suspect->old_orphans)
		return arena_format(arena, "%s, and %s older %s %s freed meanwhile: a steady state", old_and_live(arena, suspect),
				    number_count(suspect->old_orphans).text, objects(suspect->old_orphans), were(suspect->old_orphans));
	return arena_format(arena, "of %s %s allocated more than %s before the end %s %s live", number_count(suspect->old_born).text,
			    objects(suspect->old_born), number_duration(suspect->tau_ns).text, number_count(suspect->old_live).text,
			    is_or_are(suspect->old_live));
}

static const char *why(struct arena *arena, const struct model_site *site)
{
	const struct suspect *suspect = &site->suspect;

	switch (suspect->class) {
	case SUSPECT_LEAK:
	case SUSPECT_PARTIAL_LEAK:
		return why_leak(arena, site);
	case SUSPECT_UNDETERMINED:
		return arena_format(arena, "%s, but %s; too early to tell: record at least %s", old_and_live(arena, suspect),
				    freed_within(arena, site), number_duration(suspect->need_ns).text);
	case SUSPECT_SATURATING:
		return arena_format(arena, "ever fewer stay, as in a cache that fills: %s of the first third, %s of the last",
				    number_count(suspect->first_third).text, number_count(suspect->last_third).text);
	case SUSPECT_ONE_SHOT:
		return arena_format(arena, "%s, but they were allocated at one time (evenness %.2f)", old_and_live(arena, suspect),
				    (double)suspect->evenness);
	case SUSPECT_LONG_LIVED:
		return arena_format(arena, "%.0f %% of those that became old were freed then: they live long",
				    100 * (double)suspect->dies_old);
	case SUSPECT_CHURN:
		return why_churn(arena, suspect);
	case SUSPECT_RECLAIMABLE:
		return arena_format(arena, "held by a cache: %s of %s live objects were freed when memory was asked back",
				    number_count(site->reclaimed).text, number_count(site->live).text);
	case SUSPECT_QUIET:
	case SUSPECT_CLASS_COUNT:
		break;
	}
	return "too few objects to say anything";
}

const char *verdict_why(struct arena *arena, const struct model_site *site)
{
	const struct suspect *suspect = &site->suspect;
	const char *stacks = arena_text(arena, number_count((uint64_t)suspect->others + 1).text);

	if (suspect->is_variant)
		return arena_format(arena, "one of %s call stacks that differ in user space only; what is said of the first is said of all", stacks);
	if (suspect->others)
		return arena_format(arena, "%s call stacks that differ in user space only, together: %s", stacks, why(arena, site));
	return why(arena, site);
}

/* "+2 objects, give or take 32 that CPUs may hold", by the kernel's own count. */
static const char *change_of(struct arena *arena, const struct model_cache *cache)
{
	int64_t grown = cache->reconciliation.grown_census;

	return arena_format(arena, "%s %s, give or take %s that CPUs may hold", number_change(grown).text,
			    objects(grown < 0 ? 0 - (uint64_t)grown : (uint64_t)grown), number_count(cache->reconciliation.tolerance).text);
}

/* "no growth in this cache: ..." of all caches, as far as the kernel told; "" where one grew or nothing is known. */
static const char *no_growth(struct arena *arena, const struct model *model)
{
	const char *first = "";

	for (uint32_t i = 0; i < model->cache_count; i++) {
		const struct model_cache *cache = &model->caches[i];

		if (cache->growth != MODEL_GROWTH_NONE)
			return "";
		if (!*first)
			first = arena_format(arena, "%.64s %s", cache->name, change_of(arena, cache));
	}
	if (!*first)
		return "";
	return arena_format(arena, "No growth in %s by the kernel's own count (%s%s).", model->cache_count == 1 ? "this cache" : "these caches", first,
			    model->cache_count == 1 ? "" : ", and so on");
}

/* The same as no_growth() is not "". */
static bool has_no_growth(const struct model *model)
{
	for (uint32_t i = 0; i < model->cache_count; i++)
		if (model->caches[i].growth != MODEL_GROWTH_NONE)
			return false;
	return model->cache_count != 0;
}

bool verdict_is_too_early(const struct model *model)
{
	if (*model->unreliable || !model->allocs || model->suspect_count)
		return false;
	if (model->sites->suspect.class == SUSPECT_UNDETERMINED)
		return true;
	return !has_no_growth(model) && model->live && model->duration_ns < SUSPECT_LENGTH_NS;
}

/* Who should have freed it, with a blank before it. */
static const char *normally_freed(struct arena *arena, const struct model *model, const struct model_site *first)
{
	struct model_site sum = site_sum(model, (uint32_t)(first - model->sites), arena);

	return sum.freed_by_count ? arena_format(arena, " Such objects are normally freed by %.64s (%s of frees).", sum.freed_by[0].name,
						 number_percent(sum.freed_by[0].frees, sum.frees_with_stack).text)
				  : "";
}

const char *verdict_path(struct arena *arena, const struct model_site *site)
{
	return arena_format(arena, "%.128s%s%.128s%s%.128s", site->name, *site->caller ? " <- " : "", site->caller,
			    !*site->via	      ? ""
			    : site->via_skips ? " <- ... "
					      : " <- ",
			    site->via);
}

/* What the kernel says against a leak in this cache, with a blank before it; "" where the cache grew or nothing is known. */
static const char *against(struct arena *arena, const struct model_cache *cache)
{
	if (cache->growth != MODEL_GROWTH_NONE)
		return "";
	return arena_format(arena, " The kernel's own count of %.64s did not grow%s (%s).", cache->name,
			    cache->reconciliation.grown_census > 0 ? " beyond doubt" : "", change_of(arena, cache));
}

static const char *leak_of(struct arena *arena, const struct model *model, const struct model_site *site)
{
	const char *more = "", *limit = "", *kind = site->suspect.class == SUSPECT_LEAK ? "Leak" : "Partial leak";

	if (*site->suspect.limit)
		limit = arena_format(arena, ", because %s", site->suspect.limit);
	if (model->suspect_count > 1)
		more = arena_format(arena, " %u more suspect%s.", model->suspect_count - 1, model->suspect_count == 2 ? "" : "s");
	return arena_format(arena, "%s, %s confidence%s.%s At least %s through %s in %.64s.%s%s", kind,
			    suspect_confidence_name(site->suspect.confidence), limit, against(arena, &model->caches[site->cache]), low_rate(arena, model, site, "95 % lower bound"),
			    verdict_path(arena, site), model->caches[site->cache].name, normally_freed(arena, model, site), more);
}

/* The classes of what is live, most live bytes first: "2,000 saturating, 12 churn". */
static const char *live_classes(struct arena *arena, const struct model *model)
{
	uint64_t live[SUSPECT_CLASS_COUNT] = {0};
	const char *list = "";

	for (uint32_t i = 0; i < model->site_count; i++)
		live[model->sites[i].suspect.class] += model->sites[i].live;
	for (uint32_t i = 0; i < SUSPECT_CLASS_COUNT; i++)
		if (live[i])
			list = arena_format(arena, "%s%s%s %s", list, *list ? ", " : "", number_count(live[i]).text,
					    suspect_class_name((enum suspect_class)i));
	return list;
}

/* What the cache held: with a blank before it, "" where memory was not asked back or nothing was live. */
static const char *reclaimed(struct arena *arena, const struct model *model)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < model->cache_count; i++)
		count = number_add(count, model->caches[i].reclaimed);
	if (!model->has_reclaim || !model->live)
		return "";
	if (model->live == 1)
		return count ? " The one live object was freed when memory was asked back: held by a cache, not leaked."
			     : " The one live object was not freed when memory was asked back.";
	if (!count)
		return arena_format(arena, " None of the %s live objects was freed when memory was asked back.", number_count(model->live).text);
	return arena_format(arena, " %s of the %s live objects %s freed when memory was asked back: held by a cache, not leaked.",
			    number_count(count).text, number_count(model->live).text, were(count));
}

static const char *verdict(struct arena *arena, const struct model *model)
{
	const struct model_site *first = model->sites;
	const char *growth = no_growth(arena, model);

	if (*model->unreliable)
		return arena_format(arena, "No verdict, because this capture cannot be relied on: %s.", model->unreliable);
	if (!model->allocs)
		return growth;
	if (model->suspect_count)
		return leak_of(arena, model, first);
	if (first->suspect.class == SUSPECT_UNDETERMINED)
		return arena_format(arena, "Too early for a verdict: record at least %s.%s%s",
				    number_duration(first->suspect.need_ns).text, *growth ? " " : "", growth);
	if (*growth)
		return growth;
	if (!model->live)
		return "No leak: nothing of what was allocated is live.";
	if (model->duration_ns < SUSPECT_LENGTH_NS)
		return arena_format(arena, "Too early for a verdict: record at least %s.", number_duration(SUSPECT_NEED_NS).text);
	return arena_format(arena, "No leak was found. Of what is live: %s.", live_classes(arena, model));
}

const char *verdict_leak(struct arena *arena, const struct model *model)
{
	return arena_format(arena, "%s%s", verdict(arena, model), reclaimed(arena, model));
}

const char *verdict_caveat(struct arena *arena, const struct model *model)
{
	if (!model->live || model->suspect_count || (model->sites->suspect.class != SUSPECT_UNDETERMINED && !*model->unreliable))
		return "";
	return arena_format(arena,
			    "Live at the end is not yet leaked: %s cannot tell a leak from a cache that fills or from "
			    "objects that live long.",
			    model->duration_ns
				    ? arena_format(arena, "%s of recording", number_duration(model->duration_ns).text)
				    : "a recording of unknown length");
}
