/* speedscope's own format: a profile a metric, with a sample for each call path that has any of it. */
#include "report/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/call_tree.h"
#include "report/json.h"
#include "report/metric.h"
#include "report/number.h"
#include "report/remarks.h"
#include "trace/cleanup.h"

struct scope {
	struct json *json;
	const struct model *model;
	struct call_tree tree;
	uint64_t *weights; /* by node, of the metric being written */
};

static void scope_release(struct scope *scope)
{
	call_tree_release(&scope->tree);
	free(scope->weights);
}

static int scope_init(struct scope *scope, struct error *err)
{
	int ret = call_tree_build(&scope->tree, scope->model, false, err);

	if (ret)
		return ret;
	scope->weights = calloc(scope->tree.node_count, sizeof(*scope->weights));
	return scope->weights ? 0 : error_set(err, -ENOMEM, "not enough memory for the call tree");
}

/* Returns the sum. */
static uint64_t weigh(struct scope *scope, enum metric metric)
{
	uint64_t sum = 0;

	memset(scope->weights, 0, scope->tree.node_count * sizeof(*scope->weights));
	for (uint32_t i = 0; i < scope->model->site_count; i++) {
		uint64_t *weight = &scope->weights[scope->tree.site_nodes[i]], more = metric_value(scope->model, &scope->model->sites[i], metric);

		*weight = number_add(*weight, more);
		sum = number_add(sum, more);
	}
	return sum;
}

static uint32_t frame_of(const struct scope *scope, uint32_t node)
{
	uint32_t function = scope->tree.nodes[node].function;

	return function == CALL_TREE_NO_STACK ? scope->tree.function_count : function;
}

static void put_sample(struct scope *scope, uint32_t node)
{
	uint32_t path[MODEL_STACK_DEPTH_MAX], depth = call_tree_path(&scope->tree, node, path);

	json_open(scope->json, NULL, '[');
	while (depth)
		json_count(scope->json, NULL, frame_of(scope, path[--depth]));
	json_close(scope->json, ']');
}

static void put_profile(struct scope *scope, enum metric metric)
{
	struct json *json = scope->json;
	uint64_t sum = weigh(scope, metric);

	json_open(json, NULL, '{');
	json_text(json, "type", "sampled");
	json_text(json, "name", metric_title(metric));
	json_text(json, "unit", metric_is_bytes(metric) ? "bytes" : "none");
	json_count(json, "startValue", 0);
	json_count(json, "endValue", sum);
	json_open(json, "samples", '[');
	for (uint32_t i = 1; i < scope->tree.node_count; i++)
		if (scope->weights[i])
			put_sample(scope, i);
	json_close(json, ']');
	json_open(json, "weights", '[');
	for (uint32_t i = 1; i < scope->tree.node_count; i++)
		if (scope->weights[i])
			json_count(json, NULL, scope->weights[i]);
	json_close(json, ']');
	json_close(json, '}');
}

static void put_frames(struct scope *scope)
{
	struct json *json = scope->json;

	json_open(json, "frames", '[');
	for (uint32_t i = 0; i < scope->tree.function_count; i++) {
		const struct model_frame *frame = &scope->model->frames[scope->tree.functions[i]];

		json_open(json, NULL, '{');
		json_text(json, "name", frame->label);
		if (*frame->source_file || *frame->module)
			json_text(json, "file", *frame->source_file ? frame->source_file : frame->module);
		json_close(json, '}');
	}
	json_open(json, NULL, '{');
	json_text(json, "name", "[no stack]");
	json_close(json, '}');
	json_close(json, ']');
}

int render_speedscope(const struct model *model, FILE *out, struct error *err)
{
	CLEANUP(arena_release) struct arena arena = {0};
	struct json json = {.out = out, .is_dense = true};
	CLEANUP(scope_release) struct scope scope = {.json = &json, .model = model};
	int ret = scope_init(&scope, err);

	if (ret)
		return ret;
	json_open(&json, NULL, '{');
	json_text(&json, "$schema", "https://www.speedscope.app/file-format-schema.json");
	json_text(&json, "exporter", "slabreport " SLABREC_VERSION);
	json_text(&json, "name", remarks_line(&arena, model));
	json_count(&json, "activeProfileIndex", 0);
	json_open(&json, "shared", '{');
	put_frames(&scope);
	json_close(&json, '}');
	json_open(&json, "profiles", '[');
	for (enum metric metric = 0; metric < METRIC_COUNT; metric++)
		put_profile(&scope, metric);
	json_close(&json, ']');
	json_close(&json, '}');
	fputc('\n', out);
	return arena.failed ? error_set(err, -ENOMEM, "not enough memory for the profile") : 0;
}
