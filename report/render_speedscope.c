/* speedscope's own format: a profile a metric, in which each function of the call tree opens and closes once. */
#include "report/render.h"

#include <errno.h>
#include <stdlib.h>

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
	uint32_t *first, *next; /* children of a node, 0 none */
	uint64_t *self, *total; /* by node */
};

static void scope_release(struct scope *scope)
{
	call_tree_release(&scope->tree);
	free(scope->first);
	free(scope->next);
	free(scope->self);
	free(scope->total);
}

static int scope_init(struct scope *scope, struct error *err)
{
	int ret = call_tree_build(&scope->tree, scope->model, false, err);
	size_t count = scope->tree.node_count;

	if (ret)
		return ret;
	scope->first = calloc(count, sizeof(*scope->first));
	scope->next = calloc(count, sizeof(*scope->next));
	scope->self = calloc(count, sizeof(*scope->self));
	scope->total = calloc(count, sizeof(*scope->total));
	if (!scope->first || !scope->next || !scope->self || !scope->total)
		return error_set(err, -ENOMEM, "not enough memory for the call tree");
	for (uint32_t i = (uint32_t)count - 1; i > 0; i--) {
		uint32_t *first = &scope->first[scope->tree.nodes[i].parent];

		scope->next[i] = *first;
		*first = i;
	}
	return 0;
}

static void weigh(struct scope *scope, enum metric metric)
{
	const struct call_tree *tree = &scope->tree;

	for (uint32_t i = 0; i < tree->node_count; i++)
		scope->self[i] = 0;
	for (uint32_t i = 0; i < scope->model->site_count; i++) {
		uint64_t *self = &scope->self[tree->site_nodes[i]];

		*self = number_add(*self, metric_value(scope->model, &scope->model->sites[i], metric));
	}
	for (uint32_t i = 0; i < tree->node_count; i++)
		scope->total[i] = scope->self[i];
	for (uint32_t i = tree->node_count - 1; i > 0; i--) {
		uint64_t *parent = &scope->total[tree->nodes[i].parent];

		*parent = number_add(*parent, scope->total[i]);
	}
}

static uint32_t frame_of(const struct scope *scope, uint32_t node)
{
	uint32_t function = scope->tree.nodes[node].function;

	return function == CALL_TREE_NO_STACK ? scope->tree.function_count : function;
}

static void put_event(struct scope *scope, char type, uint32_t node, uint64_t at)
{
	struct json *json = scope->json;

	json_open(json, NULL, '{');
	json_text(json, "type", type == 'O' ? "O" : "C");
	json_count(json, "frame", frame_of(scope, node));
	json_count(json, "at", at);
	json_close(json, '}');
}

/* The first that has weight, among the node and those next to it; 0 none. */
static uint32_t with_weight(const struct scope *scope, uint32_t node)
{
	while (node && !scope->total[node])
		node = scope->next[node];
	return node;
}

static void put_events(struct scope *scope)
{
	uint64_t at = 0;

	for (uint32_t node = with_weight(scope, scope->first[0]); node;) {
		put_event(scope, 'O', node, at);
		at = number_add(at, scope->self[node]);
		uint32_t below = with_weight(scope, scope->first[node]);
		if (below) {
			node = below;
			continue;
		}
		for (below = 0; node && !below;) {
			put_event(scope, 'C', node, at);
			below = with_weight(scope, scope->next[node]);
			node = below ? below : scope->tree.nodes[node].parent;
		}
	}
}

static void put_profile(struct scope *scope, enum metric metric)
{
	struct json *json = scope->json;

	weigh(scope, metric);
	json_open(json, NULL, '{');
	json_text(json, "type", "evented");
	json_text(json, "name", metric_title(metric));
	json_text(json, "unit", metric_is_bytes(metric) ? "bytes" : "none");
	json_count(json, "startValue", 0);
	json_count(json, "endValue", scope->total[0]);
	json_open(json, "events", '[');
	put_events(scope);
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
