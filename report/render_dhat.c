/*
 * DHAT's format, version 2, for valgrind's dh_view.html: a "program point" a cache and call stack. Times are in us. What the most was
 * at one time is known at the ends of the timeline's buckets; lifetimes are of objects that were seen to be freed, or are live.
 */
#include "report/render.h"

#include <errno.h>
#include <stdlib.h>

#include "report/call_tree.h"
#include "report/frame_text.h"
#include "report/json.h"
#include "report/metric.h"
#include "report/number.h"
#include "report/remarks.h"
#include "trace/cleanup.h"

#define US_NS 1000u
#define SHORT_LIVED_US 1000u

/* A site and where it belongs: those of one cache and call path are one point. */
struct entry {
	uint32_t site;
	uint32_t node;
};

struct dhat {
	struct json json;
	const struct model *model;
	struct call_tree tree;
	struct entry *entries; /* by cache, then node */
	uint32_t shift;	       /* of all timelines */
	uint32_t buckets;
	uint32_t peak;	       /* the bucket at whose end most bytes were live */
	bool has_times;	       /* every site tells when its objects came and went */
};

struct point {
	uint64_t allocs, live, lifetimes_us;
	uint64_t live_at[TIMELINE_BUCKETS]; /* at the end of each bucket */
};

static void dhat_release(struct dhat *dhat)
{
	call_tree_release(&dhat->tree);
	free(dhat->entries);
}

static int by_point(const void *left, const void *right, void *context)
{
	const struct entry *a = left, *b = right;
	const struct model_site *sites = context;
	uint32_t cache_a = sites[a->site].cache, cache_b = sites[b->site].cache;

	if (cache_a != cache_b)
		return cache_a < cache_b ? -1 : 1;
	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	return (a->site > b->site) - (a->site < b->site);
}

static bool is_same_point(const struct dhat *dhat, uint32_t a, uint32_t b)
{
	const struct entry *entries = dhat->entries;

	return entries[a].node == entries[b].node &&
	       dhat->model->sites[entries[a].site].cache == dhat->model->sites[entries[b].site].cache;
}

/* Adds what the site had live at the end of each bucket; at the last one it is what the report says. */
static void add_live(const struct dhat *dhat, const struct model_site *site, uint64_t live_at[])
{
	struct timeline timeline = history_timeline(&site->lives->history);
	uint64_t live[TIMELINE_BUCKETS];

	timeline_widen(&timeline, dhat->shift);
	timeline_live(&timeline, dhat->model->duration_ns, live);
	live[dhat->buckets - 1] = site->live;
	for (uint32_t i = 0; i < dhat->buckets; i++)
		live_at[i] = number_add(live_at[i], live[i]);
}

static int prepare(struct dhat *dhat, struct error *err)
{
	const struct model *model = dhat->model;
	uint64_t bytes_at[TIMELINE_BUCKETS] = {0};
	int ret = call_tree_build(&dhat->tree, model, true, err);

	if (ret)
		return ret;
	dhat->entries = calloc((size_t)model->site_count + 1, sizeof(*dhat->entries));
	if (!dhat->entries)
		return error_set(err, -ENOMEM, "not enough memory for the call stacks");
	dhat->has_times = model->sites_detailed >= model->site_count;
	dhat->shift = timeline_shift_for(TIMELINE_FIRST_SHIFT, model->duration_ns);
	for (uint32_t i = 0; i < model->site_count; i++) {
		dhat->entries[i] = (struct entry){.site = i, .node = dhat->tree.site_nodes[i]};
		if (model->sites[i].lives->history.shift > dhat->shift)
			dhat->shift = model->sites[i].lives->history.shift;
	}
	struct timeline nothing = {.shift = dhat->shift};
	uint64_t nothing_live[TIMELINE_BUCKETS];
	dhat->buckets = timeline_live(&nothing, model->duration_ns, nothing_live);
	for (uint32_t i = 0; i < model->site_count; i++) {
		uint64_t live_at[TIMELINE_BUCKETS] = {0};

		add_live(dhat, &model->sites[i], live_at);
		for (uint32_t j = 0; j < dhat->buckets; j++)
			bytes_at[j] = number_add(bytes_at[j], metric_slot_bytes(model, &model->sites[i], live_at[j]));
	}
	for (uint32_t i = 0; i < dhat->buckets; i++)
		if (bytes_at[i] >= bytes_at[dhat->peak])
			dhat->peak = i;
	if (model->site_count)
		qsort_r(dhat->entries, model->site_count, sizeof(*dhat->entries), by_point, model->sites);
	return 0;
}

static uint64_t us(uint64_t time_ns)
{
	return time_ns / US_NS;
}

static uint64_t bucket_end_us(const struct dhat *dhat, uint32_t bucket)
{
	uint64_t end_ns = number_multiply(bucket + 1, 1ull << dhat->shift);

	return us(end_ns < dhat->model->duration_ns && bucket + 1 < dhat->buckets ? end_ns : dhat->model->duration_ns);
}

/* Frames of texts: 0 the root, then the caches, then one for objects without a stack, then those of the model. */
static uint32_t frame_number(const struct dhat *dhat, uint32_t function)
{
	uint32_t before = 1 + dhat->model->cache_count;

	return function == CALL_TREE_NO_STACK ? before : before + 1 + dhat->tree.functions[function];
}

static bool put_texts(struct dhat *dhat)
{
	const struct model *model = dhat->model;
	struct arena arena = {0};
	bool is_whole = true;

	json_open(&dhat->json, "ftbl", '[');
	json_text(&dhat->json, NULL, "[root]");
	for (uint32_t i = 0; i < model->cache_count; i++)
		json_text(&dhat->json, NULL, model->caches[i].name);
	json_text(&dhat->json, NULL, "[no stack]");
	for (uint32_t i = 0; i < model->frame_count; i++) {
		json_text(&dhat->json, NULL, arena_format(&arena, "%s%s", model->frames[i].label, frame_text_place(&arena, &model->frames[i])));
		is_whole = is_whole && !arena.failed;
		arena_release(&arena);
	}
	json_close(&dhat->json, ']');
	return is_whole;
}

static void put_times(struct dhat *dhat, const struct point *point, uint64_t slot_bytes)
{
	struct json *json = &dhat->json;
	uint64_t most = 0;

	for (uint32_t i = 0; i < dhat->buckets; i++)
		most = point->live_at[i] > most ? point->live_at[i] : most;
	json_count(json, "tl", point->lifetimes_us);
	json_count(json, "mb", number_multiply(most, slot_bytes));
	json_count(json, "mbk", most);
	json_count(json, "gb", number_multiply(point->live_at[dhat->peak], slot_bytes));
	json_count(json, "gbk", point->live_at[dhat->peak]);
	json_count(json, "eb", number_multiply(point->live, slot_bytes));
	json_count(json, "ebk", point->live);
}

/* The sites of entries from first on that are one point; returns how many. */
static uint32_t put_point(struct dhat *dhat, uint32_t first)
{
	const struct model *model = dhat->model;
	const struct model_site *site = &model->sites[dhat->entries[first].site];
	uint32_t path[MODEL_STACK_DEPTH_MAX], depth = call_tree_path(&dhat->tree, dhat->entries[first].node, path), count = 0;
	struct json *json = &dhat->json;
	struct point point = {0};

	for (; first + count < model->site_count && is_same_point(dhat, first, first + count); count++) {
		const struct model_site *one = &model->sites[dhat->entries[first + count].site];

		point.allocs = number_add(point.allocs, one->allocs);
		point.live = number_add(point.live, one->live);
		point.lifetimes_us = number_add(point.lifetimes_us, number_add(us(one->lives->freed_ages.sum_ns), us(one->lives->live_ages.sum_ns)));
		add_live(dhat, one, point.live_at);
	}
	json_open(json, NULL, '{');
	json_count(json, "tb", metric_slot_bytes(model, site, point.allocs));
	json_count(json, "tbk", point.allocs);
	if (dhat->has_times)
		put_times(dhat, &point, metric_slot_bytes(model, site, 1));
	json_open(json, "fs", '[');
	json_count(json, NULL, 1 + site->cache);
	for (uint32_t i = 0; i < depth; i++)
		json_count(json, NULL, frame_number(dhat, dhat->tree.nodes[path[i]].function));
	json_close(json, ']');
	json_close(json, '}');
	return count;
}

int render_dhat(const struct model *model, FILE *out, struct error *err)
{
	CLEANUP(dhat_release) struct dhat dhat = {.json = {.out = out, .is_dense = true}, .model = model};
	CLEANUP(arena_release) struct arena arena = {0};
	struct json *json = &dhat.json;
	int ret = prepare(&dhat, err);

	if (ret)
		return ret;
	json_open(json, NULL, '{');
	json_count(json, "dhatFileVersion", 2);
	json_text(json, "mode", "slab");
	json_text(json, "verb", "Allocated");
	json_flag(json, "bklt", dhat.has_times);
	json_flag(json, "bkacc", false);
	json_text(json, "tu", "us");
	json_text(json, "Mtu", "s");
	json_count(json, "tuth", SHORT_LIVED_US);
	/* The only place for words. */
	const char *command = model_fact(model, "recorder.command"), *words = remarks_line(&arena, model);
	json_text(json, "cmd", arena_format(&arena, "%s (%s)", *command ? command : "slabrec", words));
	/* The whole machine, not a process. */
	json_count(json, "pid", 0);
	json_count(json, "te", us(model->duration_ns));
	json_count(json, "tg", bucket_end_us(&dhat, dhat.peak));
	json_open(json, "pps", '[');
	for (uint32_t i = 0; i < model->site_count;)
		i += put_point(&dhat, i);
	json_close(json, ']');
	if (!put_texts(&dhat) || arena.failed)
		ret = error_set(err, -ENOMEM, "not enough memory for the texts");
	json_close(json, '}');
	fputc('\n', out);
	return ret;
}
