/* Adds up the sites of one model that another build would have as one. */
#include "report/diff_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/analysis.h"
#include "report/integrity.h"
#include "report/number.h"
#include "report/survival.h"
#include "trace/cleanup.h"

void diff_input_init(struct diff_input *input)
{
	*input = (struct diff_input){0};
	for (int side = 0; side < DIFF_SIDES; side++)
		input->tables[side].names = &input->names;
}

void diff_input_release(struct diff_input *input)
{
	if (!input)
		return;
	for (int side = 0; side < DIFF_SIDES; side++)
		signature_table_release(&input->tables[side]);
	signature_names_release(&input->names);
	arena_release(&input->arena);
}

const struct diff_site *diff_input_site(const struct diff_run *run, uint32_t signature)
{
	uint32_t place = signature < run->place_count ? run->places[signature] : 0;

	return place ? &run->sites[place - 1] : NULL;
}

bool diff_input_has_cache(const struct diff_run *run, uint32_t cache)
{
	for (uint32_t i = 0; i < run->cache_count; i++)
		if (run->caches[i] == cache)
			return true;
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static enum symbol_source names_of(const struct model *model)
{
	for (uint32_t i = 0; i < model->object_count; i++)
		if (model->objects[i].kind == SYMBOL_OBJECT_KERNEL)
			return model->objects[i].source;
	return SYMBOL_SOURCE_NONE;
}

static void describe(struct diff_input *input, struct diff_run *run, enum diff_side side, const char *name, const struct model *model)
{
	struct arena *arena = &input->arena;
	bool is_strict = model->redaction.level == REDACTION_STRICT;

	*run = (struct diff_run){
		/* People call files after machines. */
		.name = is_strict ? arena_format(arena, "%s %u", side ? "after" : "before", input->run_count[side] + 1) : arena_text(arena, base_name(name)),
		.release = arena_text(arena, model_fact(model, "kernel.release")),
		.trust = arena_text(arena, integrity_sentence(arena, model)),
		.unreliable = arena_text(arena, model->unreliable),
		.names = names_of(model),
		.duration_ns = model->duration_ns,
		.is_whole = integrity_is_whole(model),
		.allocs = model->allocs,
		.live = model->live,
		.live_bytes = model->live_bytes,
		.site_count = model->site_count,
	};
	for (uint32_t i = 0; i < model->counter_count; i++)
		if (!strcmp(model->counters[i].key, "work")) {
			run->work = model->counters[i].value;
			run->has_work = true;
		}
	for (uint32_t i = 0; i < REDACTED_COUNT; i++)
		input->redaction.counts[i] += model->redaction.counts[i];
	input->redaction.level = model->redaction.level;
	/* All histories of a model have one width; one that is empty may not. */
	for (uint32_t i = 0; i < model->sites_detailed; i++)
		if (model->sites[i].lives->history.shift > run->shift)
			run->shift = model->sites[i].lives->history.shift;
	if (!run->shift)
		run->shift = timeline_shift_for(TIMELINE_FIRST_SHIFT, model->duration_ns);
}

static int add_caches(struct diff_input *input, struct diff_run *run, const struct model *model, struct error *err)
{
	run->caches = arena_array(&input->arena, model->cache_count, sizeof(*run->caches));
	for (uint32_t i = 0; run->caches && i < model->cache_count; i++) {
		run->caches[run->cache_count] = signature_number(&input->names, model->caches[i].name);
		if (run->caches[run->cache_count++] == UINT32_MAX)
			return error_set(err, -ENOMEM, "not enough memory to compare %u caches", model->cache_count);
	}
	return 0;
}

static bool is_worse(const struct suspect *suspect, const struct diff_site *than)
{
	if (suspect->confidence != than->confidence)
		return suspect->confidence > than->confidence;
	if (suspect->low_rate > than->low_rate || suspect->low_rate < than->low_rate)
		return suspect->low_rate > than->low_rate;
	return suspect->class < than->class;
}

/* What became of those that are live, by when they were allocated, and how many were live when. */
static bool add_history(struct arena *arena, struct diff_site *to, const struct diff_run *run, const struct history *history)
{
	struct timeline timeline = history_timeline(history);
	uint64_t survivors[TIMELINE_BUCKETS], live[TIMELINE_BUCKETS];

	if (!to->survivors) {
		to->survivors = arena_array(arena, TIMELINE_BUCKETS, sizeof(*to->survivors));
		to->curve = arena_array(arena, TIMELINE_BUCKETS, sizeof(*to->curve));
	}
	if (!to->survivors || !to->curve)
		return false;
	history_survivors(history, survivors);
	timeline_live(&timeline, run->duration_ns, live);
	for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++) {
		to->survivors[i] += survivors[i] - history_count(history, i, HISTORY_RECLAIMED);
		to->curve[i] += live[i];
	}
	return true;
}

static bool add_site(struct arena *arena, struct diff_site *to, const struct diff_run *run, const struct model *model,
		     const struct model_site *site, bool is_detailed)
{
	struct ages freed = history_ages(&site->lives->freed_ages);
	uint64_t p99_ns = survival_quantile(&freed, 0.99);

	if (!to->allocs || is_worse(&site->suspect, to)) {
		to->class = site->suspect.class;
		to->confidence = site->suspect.confidence;
		to->low_rate = site->suspect.low_rate;
	}
	to->allocs = number_add(to->allocs, site->allocs);
	to->frees = number_add(to->frees, number_add(site->frees, site->frees_implied));
	to->live = number_add(to->live, site->live);
	to->slot_bytes = model->caches[site->cache].slot_bytes;
	if (analysis_has_lost_frees(model))
		to->doubt = number_add(to->doubt, site->live - site->live_at_least);
	if (p99_ns > to->p99_ns)
		to->p99_ns = p99_ns;
	to->is_coarse |= !is_detailed && site->live;
	return !site->live || !is_detailed || add_history(arena, to, run, &site->lives->history);
}

int diff_input_add(struct diff_input *input, enum diff_side side, const char *name, const struct model *model, struct error *err)
{
	CLEANUP(cleanup_free) uint32_t *signatures = calloc((size_t)model->site_count + 1, sizeof(*signatures));
	struct diff_run *run = &input->runs[side][input->run_count[side]];
	struct arena *arena = &input->arena;
	uint32_t used = 0;

	if (input->run_count[side] == DIFF_RUNS_MAX)
		return error_set(err, -EFBIG, "more than %u recordings of one side", DIFF_RUNS_MAX);
	if (!signatures)
		return error_set(err, -ENOMEM, "not enough memory to compare %u call stacks", model->site_count);
	int ret = signature_table_add(&input->tables[side], model, signatures, err);
	if (ret)
		return ret;
	describe(input, run, side, name, model);
	ret = add_caches(input, run, model, err);
	if (ret)
		return ret;
	run->place_count = input->tables[side].count;
	run->places = arena_array(arena, run->place_count, sizeof(*run->places));
	run->sites = arena_array(arena, model->site_count, sizeof(*run->sites));
	for (uint32_t i = 0; i < model->site_count && !arena->failed; i++) {
		uint32_t *place = &run->places[signatures[i]];

		if (!*place)
			*place = ++used;
		add_site(arena, &run->sites[*place - 1], run, model, &model->sites[i], i < model->sites_detailed);
	}
	if (arena->failed)
		return error_set(err, -ENOMEM, "not enough memory to compare %u call stacks", model->site_count);
	input->run_count[side]++;
	return 0;
}
