/*
 * The processed format of the Firefox Profiler, version 48: a track a measure, whose samples are call stacks at the time their objects
 * were allocated (frees: freed), with how many as weight. So a selection of time shows what of it is still live.
 */
#include "report/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/call_tree.h"
#include "report/json.h"
#include "report/metric.h"
#include "report/remarks.h"
#include "report/room.h"
#include "trace/cleanup.h"
#include "trace/hash.h"
#include "trace/u64_map.h"

#define PROFILE_VERSION 48u
#define GECKO_VERSION 29u
#define RESOURCE_LIBRARY 1u
#define MS_NS 1e6

enum { CATEGORY_OTHER = 0, CATEGORY_KERNEL, CATEGORY_USER };

static const enum metric tracks[] = {METRIC_BYTES, METRIC_LIVE, METRIC_ALLOCS, METRIC_FREES};

/* What happened at a site in a bucket of time. */
struct sample {
	uint32_t site;
	uint32_t bucket;
	uint64_t weight;
};

struct firefox {
	struct json json;
	const struct model *model;
	struct call_tree tree;
	uint32_t *resources; /* by function: number of what it lies in */
	uint32_t *resource_functions; /* for each a function in it */
	uint32_t resource_count;
	struct sample *samples; /* of the track being written */
	uint32_t sample_count, sample_capacity;
};

static void firefox_release(struct firefox *firefox)
{
	call_tree_release(&firefox->tree);
	free(firefox->resources);
	free(firefox->resource_functions);
	free(firefox->samples);
}

static const struct model_frame *frame_of(const struct firefox *firefox, uint32_t function)
{
	return &firefox->model->frames[firefox->tree.functions[function]];
}

/* Function numbers of the file: those of the tree, then one for objects without a stack. */
static uint32_t function_number(const struct firefox *firefox, uint32_t function)
{
	return function == CALL_TREE_NO_STACK ? firefox->tree.function_count : function;
}

static uint32_t function_count(const struct firefox *firefox)
{
	return firefox->tree.function_count + 1;
}

static bool find_resource(struct firefox *firefox, struct u64_map *map, uint32_t function)
{
	const struct model_frame *frame = frame_of(firefox, function);

	for (uint64_t hash = hash_text(hash_byte(HASH_START, frame->is_user), frame->module) | 1;; hash += 2) {
		uint64_t *found = u64_map_put(map, hash);

		if (!found)
			return false;
		if (!*found) {
			firefox->resource_functions[firefox->resource_count] = function;
			*found = ++firefox->resource_count;
		}
		const struct model_frame *other = frame_of(firefox, firefox->resource_functions[*found - 1]);
		if (other->is_user == frame->is_user && !strcmp(other->module, frame->module)) {
			firefox->resources[function] = (uint32_t)*found - 1;
			return true;
		}
	}
}

static int prepare(struct firefox *firefox, struct error *err)
{
	struct u64_map map = {0};
	bool is_whole = true;
	int ret = call_tree_build(&firefox->tree, firefox->model, false, err);

	if (ret)
		return ret;
	firefox->resources = calloc(function_count(firefox), sizeof(*firefox->resources));
	firefox->resource_functions = calloc(function_count(firefox), sizeof(*firefox->resource_functions));
	is_whole = firefox->resources && firefox->resource_functions;
	for (uint32_t i = 0; i < firefox->tree.function_count && is_whole; i++)
		is_whole = find_resource(firefox, &map, i);
	u64_map_release(&map);
	return is_whole ? 0 : error_set(err, -ENOMEM, "not enough memory for the profile");
}

/* ---- samples ---- */

static bool add_sample(struct firefox *firefox, uint32_t site, uint32_t bucket, uint64_t weight)
{
	if (!room_for(&firefox->samples, firefox->sample_count, &firefox->sample_capacity, sizeof(*firefox->samples)))
		return false;
	firefox->samples[firefox->sample_count++] = (struct sample){.site = site, .bucket = bucket, .weight = weight};
	return true;
}

static uint64_t bucket_weight(const struct firefox *firefox, const struct model_site *site, const struct timeline *timeline,
			      const uint64_t survivors[], enum metric metric, uint32_t bucket)
{
	if (metric == METRIC_ALLOCS)
		return timeline->allocs[bucket];
	if (metric == METRIC_FREES)
		return timeline->frees[bucket];
	return metric == METRIC_LIVE ? survivors[bucket] : metric_slot_bytes(firefox->model, site, survivors[bucket]);
}

/* The buckets' weights; together never more, and with the last never less, than the report says. */
static bool add_site(struct firefox *firefox, uint32_t index, enum metric metric)
{
	const struct model_site *site = &firefox->model->sites[index];
	struct timeline timeline = history_timeline(&site->lives->history);
	uint64_t survivors[TIMELINE_BUCKETS], left = metric_value(firefox->model, site, metric);
	uint32_t last = 0;

	if (!left)
		return true;
	history_survivors(&site->lives->history, survivors);
	for (uint32_t i = 0; i < TIMELINE_BUCKETS && left; i++) {
		uint64_t weight = bucket_weight(firefox, site, &timeline, survivors, metric, i);

		weight = weight < left ? weight : left;
		if (weight && !add_sample(firefox, index, i, weight))
			return false;
		left -= weight;
		last = weight ? i : last;
	}
	return !left || add_sample(firefox, index, last, left);
}

static double bucket_ms(const struct firefox *firefox, const struct sample *sample)
{
	return (double)sample->bucket * (double)(1ull << firefox->model->sites[sample->site].lives->history.shift) / MS_NS;
}

static int by_time(const void *left, const void *right, void *context)
{
	const struct sample *a = left, *b = right;
	double at_a = bucket_ms(context, a), at_b = bucket_ms(context, b);

	if (at_a < at_b || at_b < at_a)
		return at_a < at_b ? -1 : 1;
	if (a->site != b->site)
		return a->site < b->site ? -1 : 1;
	return (a->bucket > b->bucket) - (a->bucket < b->bucket);
}

static void put_samples(struct firefox *firefox, enum metric metric)
{
	struct json *json = &firefox->json;

	json_open(json, "samples", '{');
	json_count(json, "length", firefox->sample_count);
	json_text(json, "weightType", metric_is_bytes(metric) ? "bytes" : "samples");
	json_open(json, "stack", '[');
	for (uint32_t i = 0; i < firefox->sample_count; i++)
		json_count(json, NULL, firefox->tree.site_nodes[firefox->samples[i].site] - 1);
	json_close(json, ']');
	json_open(json, "time", '[');
	for (uint32_t i = 0; i < firefox->sample_count; i++)
		json_real(json, NULL, bucket_ms(firefox, &firefox->samples[i]));
	json_close(json, ']');
	json_open(json, "weight", '[');
	for (uint32_t i = 0; i < firefox->sample_count; i++)
		json_count(json, NULL, firefox->samples[i].weight);
	json_close(json, ']');
	json_close(json, '}');
}

/* ---- tables ---- */

/* A column of one value. */
static void put_same(struct json *json, const char *name, uint32_t count, int64_t value)
{
	json_open(json, name, '[');
	for (uint32_t i = 0; i < count; i++)
		json_change(json, NULL, value);
	json_close(json, ']');
}

static void put_nulls(struct json *json, const char *name, uint32_t count)
{
	json_open(json, name, '[');
	for (uint32_t i = 0; i < count; i++)
		json_null(json, NULL);
	json_close(json, ']');
}

static void put_flags(struct json *json, const char *name, uint32_t count)
{
	json_open(json, name, '[');
	for (uint32_t i = 0; i < count; i++)
		json_flag(json, NULL, false);
	json_close(json, ']');
}

static void put_numbers(struct json *json, const char *name, uint32_t count)
{
	json_open(json, name, '[');
	for (uint32_t i = 0; i < count; i++)
		json_count(json, NULL, i);
	json_close(json, ']');
}

static uint32_t category(const struct firefox *firefox, uint32_t function)
{
	if (function >= firefox->tree.function_count)
		return CATEGORY_OTHER;
	return frame_of(firefox, function)->is_user ? CATEGORY_USER : CATEGORY_KERNEL;
}

static void put_frames(struct firefox *firefox)
{
	struct json *json = &firefox->json;
	uint32_t count = function_count(firefox);

	json_open(json, "frameTable", '{');
	json_count(json, "length", count);
	put_same(json, "address", count, -1);
	put_same(json, "inlineDepth", count, 0);
	json_open(json, "category", '[');
	for (uint32_t i = 0; i < count; i++)
		json_count(json, NULL, category(firefox, i));
	json_close(json, ']');
	put_same(json, "subcategory", count, 0);
	put_numbers(json, "func", count);
	put_nulls(json, "nativeSymbol", count);
	put_same(json, "innerWindowID", count, 0);
	put_nulls(json, "implementation", count);
	put_nulls(json, "line", count);
	put_nulls(json, "column", count);
	json_close(json, '}');
}

/* Strings: names of functions, of what they lie in, of source files by function. */
static void put_strings(struct firefox *firefox)
{
	struct json *json = &firefox->json;

	json_open(json, "stringArray", '[');
	for (uint32_t i = 0; i < firefox->tree.function_count; i++)
		json_text(json, NULL, frame_of(firefox, i)->label);
	json_text(json, NULL, "[no stack]");
	for (uint32_t i = 0; i < firefox->resource_count; i++) {
		const struct model_frame *frame = frame_of(firefox, firefox->resource_functions[i]);

		json_text(json, NULL, *frame->module ? frame->module : frame->is_user ? "[unknown]" : "kernel");
	}
	for (uint32_t i = 0; i < firefox->tree.function_count; i++)
		if (*frame_of(firefox, i)->source_file)
			json_text(json, NULL, frame_of(firefox, i)->source_file);
	json_close(json, ']');
}

static void put_functions(struct firefox *firefox)
{
	struct json *json = &firefox->json;
	uint32_t count = function_count(firefox), file = count + firefox->resource_count;

	json_open(json, "funcTable", '{');
	json_count(json, "length", count);
	put_numbers(json, "name", count);
	put_flags(json, "isJS", count);
	put_flags(json, "relevantForJS", count);
	json_open(json, "resource", '[');
	for (uint32_t i = 0; i < firefox->tree.function_count; i++)
		json_count(json, NULL, firefox->resources[i]);
	json_change(json, NULL, -1);
	json_close(json, ']');
	json_open(json, "fileName", '[');
	for (uint32_t i = 0; i < firefox->tree.function_count; i++)
		if (*frame_of(firefox, i)->source_file)
			json_count(json, NULL, file++);
		else
			json_null(json, NULL);
	json_null(json, NULL);
	json_close(json, ']');
	put_nulls(json, "lineNumber", count);
	put_nulls(json, "columnNumber", count);
	json_close(json, '}');
}

static void put_stacks(struct firefox *firefox)
{
	const struct call_tree *tree = &firefox->tree;
	struct json *json = &firefox->json;

	json_open(json, "stackTable", '{');
	json_count(json, "length", tree->node_count - 1);
	json_open(json, "prefix", '[');
	for (uint32_t i = 1; i < tree->node_count; i++)
		if (tree->nodes[i].parent)
			json_count(json, NULL, tree->nodes[i].parent - 1);
		else
			json_null(json, NULL);
	json_close(json, ']');
	json_open(json, "frame", '[');
	for (uint32_t i = 1; i < tree->node_count; i++)
		json_count(json, NULL, function_number(firefox, tree->nodes[i].function));
	json_close(json, ']');
	json_open(json, "category", '[');
	for (uint32_t i = 1; i < tree->node_count; i++)
		json_count(json, NULL, category(firefox, function_number(firefox, tree->nodes[i].function)));
	json_close(json, ']');
	put_same(json, "subcategory", tree->node_count - 1, 0);
	json_close(json, '}');
}

static void put_resources(struct firefox *firefox)
{
	struct json *json = &firefox->json;
	uint32_t count = firefox->resource_count;

	json_open(json, "resourceTable", '{');
	json_count(json, "length", count);
	put_numbers(json, "lib", count);
	json_open(json, "name", '[');
	for (uint32_t i = 0; i < count; i++)
		json_count(json, NULL, function_count(firefox) + i);
	json_close(json, ']');
	put_nulls(json, "host", count);
	put_same(json, "type", count, RESOURCE_LIBRARY);
	json_close(json, '}');
}

static void put_empty_table(struct json *json, const char *name, const char *const columns[])
{
	json_open(json, name, '{');
	json_count(json, "length", 0);
	for (; *columns; columns++)
		put_nulls(json, *columns, 0);
	json_close(json, '}');
}

static int put_thread(struct firefox *firefox, uint32_t number, struct error *err)
{
	static const char *const markers[] = {"category", "data", "endTime", "name", "phase", "startTime", NULL};
	static const char *const symbols[] = {"libIndex", "address", "name", "functionSize", NULL};
	enum metric metric = tracks[number];
	struct json *json = &firefox->json;

	firefox->sample_count = 0;
	for (uint32_t i = 0; i < firefox->model->site_count; i++)
		if (!add_site(firefox, i, metric))
			return error_set(err, -ENOMEM, "not enough memory for the profile");
	if (firefox->sample_count)
		qsort_r(firefox->samples, firefox->sample_count, sizeof(*firefox->samples), by_time, firefox);
	json_open(json, NULL, '{');
	json_text(json, "name", metric_title(metric));
	json_text(json, "processName", "slabrec");
	json_text(json, "processType", "default");
	json_flag(json, "isMainThread", number == 0);
	json_text(json, "pid", "0");
	json_count(json, "tid", number);
	json_count(json, "processStartupTime", 0);
	json_null(json, "processShutdownTime");
	json_count(json, "registerTime", 0);
	json_null(json, "unregisterTime");
	json_open(json, "pausedRanges", '[');
	json_close(json, ']');
	put_samples(firefox, metric);
	put_empty_table(json, "markers", markers);
	put_stacks(firefox);
	put_frames(firefox);
	put_functions(firefox);
	put_resources(firefox);
	put_empty_table(json, "nativeSymbols", symbols);
	put_strings(firefox);
	json_close(json, '}');
	return 0;
}

static void put_category(struct json *json, const char *name, const char *colour)
{
	json_open(json, NULL, '{');
	json_text(json, "name", name);
	json_text(json, "color", colour);
	json_open(json, "subcategories", '[');
	json_text(json, NULL, "Other");
	json_close(json, ']');
	json_close(json, '}');
}

/* What the profiler shows about the profile. */
static void put_remarks(struct firefox *firefox)
{
	struct arena arena = {0};
	struct json *json = &firefox->json;
	uint32_t count;
	const char **sentences = remarks(&arena, firefox->model, &count);

	json_open(json, "extra", '[');
	json_open(json, NULL, '{');
	json_text(json, "label", "slabrec");
	json_open(json, "entries", '[');
	for (uint32_t i = 0; sentences && i < count; i++) {
		json_open(json, NULL, '{');
		json_text(json, "label", "");
		json_text(json, "format", "string");
		json_text(json, "value", sentences[i]);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
	json_close(json, ']');
	arena_release(&arena);
}

static void put_meta(struct firefox *firefox)
{
	const struct model *model = firefox->model;
	struct json *json = &firefox->json;
	uint64_t start_ns = strtoull(model_fact(model, "start.realtime_ns"), NULL, 10);

	json_open(json, "meta", '{');
	json_count(json, "version", GECKO_VERSION);
	json_count(json, "preprocessedProfileVersion", PROFILE_VERSION);
	json_text(json, "product", "slabrec");
	json_text(json, "importedFrom", "slabreport " SLABREC_VERSION);
	json_text(json, "oscpu", model_fact(model, "kernel.release"));
	json_real(json, "interval", (double)(1ull << timeline_shift_for(TIMELINE_FIRST_SHIFT, model->duration_ns)) / MS_NS);
	json_count(json, "startTime", start_ns / (uint64_t)MS_NS);
	json_count(json, "processType", 0);
	json_count(json, "stackwalk", 1);
	json_flag(json, "debug", false);
	json_flag(json, "symbolicated", true);
	json_open(json, "categories", '[');
	put_category(json, "Other", "grey");
	put_category(json, "Kernel", "orange");
	put_category(json, "User", "lightblue");
	json_close(json, ']');
	put_remarks(firefox);
	json_open(json, "markerSchema", '[');
	json_close(json, ']');
	json_close(json, '}');
}

static void put_libraries(struct firefox *firefox)
{
	struct json *json = &firefox->json;

	json_open(json, "libs", '[');
	for (uint32_t i = 0; i < firefox->resource_count; i++) {
		const struct model_frame *frame = frame_of(firefox, firefox->resource_functions[i]);
		const char *name = *frame->module ? frame->module : frame->is_user ? "[unknown]" : "kernel";
		const char *path = *frame->path ? frame->path : name;

		json_open(json, NULL, '{');
		json_text(json, "arch", model_fact(firefox->model, "kernel.machine"));
		json_text(json, "name", name);
		json_text(json, "path", path);
		json_text(json, "debugName", name);
		json_text(json, "debugPath", path);
		json_text(json, "breakpadId", "");
		if (*frame->build_id)
			json_text(json, "codeId", frame->build_id);
		else
			json_null(json, "codeId");
		json_close(json, '}');
	}
	json_close(json, ']');
}

int render_firefox(const struct model *model, FILE *out, struct error *err)
{
	CLEANUP(firefox_release) struct firefox firefox = {.json = {.out = out, .is_dense = true}, .model = model};
	int ret = prepare(&firefox, err);

	if (ret)
		return ret;
	json_open(&firefox.json, NULL, '{');
	put_meta(&firefox);
	put_libraries(&firefox);
	json_open(&firefox.json, "threads", '[');
	for (uint32_t i = 0; i < sizeof(tracks) / sizeof(tracks[0]) && !ret; i++)
		ret = put_thread(&firefox, i, err);
	json_close(&firefox.json, ']');
	json_open(&firefox.json, "counters", '[');
	json_close(&firefox.json, ']');
	json_close(&firefox.json, '}');
	fputc('\n', out);
	return ret;
}
