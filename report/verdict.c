/* The wording of the first lines of every report. */
#include "report/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "report/number.h"

#define LEAST_RATE_NS 1000000000u

/* The name at which most live bytes were allocated, over all sites that share it. */
struct top_name {
	const char *name;
	uint32_t cache; /* of its first site */
	bool is_one_cache;
	uint64_t live;
	uint64_t live_bytes;
};

static int by_name(const void *left, const void *right)
{
	const struct model_site *const *a = left, *const *b = right;

	return strcmp((*a)->name, (*b)->name);
}

static bool is_above(const struct top_name *a, const struct top_name *b)
{
	if (a->live_bytes != b->live_bytes)
		return a->live_bytes > b->live_bytes;
	return a->live > b->live;
}

static struct top_name top_name(struct arena *arena, const struct model *model)
{
	const struct model_site **sites = arena_array(arena, model->site_count, sizeof(*sites));
	struct top_name top = {.name = ""}, group = {.name = ""};
	uint32_t count = 0;

	for (uint32_t i = 0; sites && i < model->site_count; i++)
		if (model->sites[i].live)
			sites[count++] = &model->sites[i];
	if (count)
		qsort(sites, count, sizeof(*sites), by_name);
	for (uint32_t i = 0; i < count; i++) {
		if (!i || strcmp(sites[i]->name, group.name))
			group = (struct top_name){
				.name = sites[i]->name, .cache = sites[i]->cache, .is_one_cache = true};
		group.is_one_cache = group.is_one_cache && sites[i]->cache == group.cache;
		group.live += sites[i]->live;
		group.live_bytes = number_add(group.live_bytes, sites[i]->live_bytes);
		if (is_above(&group, &top))
			top = group;
	}
	return top;
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
			    verdict_live(arena, model->live, model->live_at_least), live_objects(arena, model), bytes, during(arena, model), model->live == 1 ? "is" : "are",
			    where(arena, model));
}

const char *verdict_rate(struct arena *arena, const struct model *model)
{
	const char *rate = "", *bytes = "";

	if (!model->live)
		return "";
	if (model->has_slot_bytes)
		bytes = arena_format(arena, " (%s)", number_rate_bytes(model->live_bytes, model->duration_ns).text);
	if (verdict_has_rate(model))
		rate = arena_format(arena, "On average %s objects%s more each second; ",
				    number_rate(model->live, model->duration_ns).text, bytes);
	return arena_format(arena, "%s%s of %s allocations were freed again.", rate,
			    number_count(model->frees + model->frees_implied).text, number_count(model->allocs).text);
}

bool verdict_has_rate(const struct model *model)
{
	return model->duration_ns >= LEAST_RATE_NS;
}

const char *verdict_caveat(struct arena *arena, const struct model *model)
{
	if (!model->live)
		return "";
	return arena_format(arena,
			    "Live at the end is not yet leaked: %s cannot tell a leak from a cache that fills or from "
			    "objects that live long.",
			    model->duration_ns
				    ? arena_format(arena, "%s of recording", number_duration(model->duration_ns).text)
				    : "a recording of unknown length");
}
