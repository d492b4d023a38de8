/* Two maps: frames to functions, and a function below its callers to its node. */
#include "report/call_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/hash.h"
#include "trace/u64_map.h"

struct builder {
	struct call_tree *tree;
	const struct model *model;
	struct u64_map functions; /* by hash: index + 1 */
	struct u64_map nodes;	  /* by parent and function */
	uint32_t *function_of;	  /* by frame of the model */
	uint32_t *node_of;	  /* by node of the model, 0: not yet */
	uint32_t capacity;
};

void call_tree_release(struct call_tree *tree)
{
	if (!tree)
		return;
	free(tree->nodes);
	free(tree->functions);
	free(tree->site_nodes);
	*tree = (struct call_tree){0};
}

static bool is_same_function(const struct model_frame *a, const struct model_frame *b)
{
	return a->is_user == b->is_user && !strcmp(a->label, b->label) && !strcmp(a->module, b->module);
}

static bool find_function(struct builder *builder, uint32_t index, bool by_frame)
{
	struct call_tree *tree = builder->tree;
	const struct model_frame *frame = &builder->model->frames[index];
	uint64_t hash = hash_text(hash_text(hash_byte(HASH_START, frame->is_user), frame->label), frame->module) | 1;

	for (;; hash += 2) {
		uint64_t *found = by_frame ? NULL : u64_map_put(&builder->functions, hash);

		if (!found && !by_frame)
			return false;
		if (by_frame || !*found) {
			builder->function_of[index] = tree->function_count;
			tree->functions[tree->function_count++] = index;
			if (found)
				*found = tree->function_count;
			return true;
		}
		if (is_same_function(&builder->model->frames[tree->functions[*found - 1]], frame)) {
			builder->function_of[index] = (uint32_t)*found - 1;
			return true;
		}
	}
}

/* The child's index; 0 without memory. */
static uint32_t child(struct builder *builder, uint32_t parent, uint32_t function)
{
	struct call_tree *tree = builder->tree;
	uint64_t *found = u64_map_put(&builder->nodes, (uint64_t)(parent + 1) << 32 | function);

	if (!found || *found)
		return found ? (uint32_t)*found : 0;
	if (tree->node_count == builder->capacity) {
		struct call_tree_node *grown = realloc(tree->nodes, 2 * (size_t)builder->capacity * sizeof(*grown));

		if (!grown)
			return 0;
		tree->nodes = grown;
		builder->capacity *= 2;
	}
	tree->nodes[tree->node_count] = (struct call_tree_node){.parent = parent, .function = function};
	*found = tree->node_count;
	return tree->node_count++;
}

/* Goes out to a node that is known, then in again. One that is cut has no place that others could go on from. */
static uint32_t place(struct builder *builder, uint32_t node)
{
	const struct model *model = builder->model;
	uint32_t path[MODEL_STACK_DEPTH_MAX], depth = 0, at = node;

	if (!node)
		return child(builder, 0, CALL_TREE_NO_STACK);
	for (; at && !builder->node_of[at] && depth < MODEL_STACK_DEPTH_MAX; at = model->nodes[at].parent)
		path[depth++] = at;
	bool is_cut = at && !builder->node_of[at];
	uint32_t placed = is_cut ? 0 : builder->node_of[at];
	while (depth) {
		at = path[--depth];
		placed = child(builder, placed, builder->function_of[model->nodes[at].frame]);
		if (!placed)
			return 0;
		if (!is_cut)
			builder->node_of[at] = placed;
	}
	return placed;
}

static int build(struct builder *builder, bool by_frame)
{
	struct call_tree *tree = builder->tree;
	const struct model *model = builder->model;

	builder->capacity = 1024;
	builder->function_of = calloc((size_t)model->frame_count + 1, sizeof(*builder->function_of));
	builder->node_of = calloc((size_t)model->node_count + 1, sizeof(*builder->node_of));
	tree->nodes = calloc(builder->capacity, sizeof(*tree->nodes));
	tree->functions = calloc((size_t)model->frame_count + 1, sizeof(*tree->functions));
	tree->site_nodes = calloc((size_t)model->site_count + 1, sizeof(*tree->site_nodes));
	if (!builder->function_of || !builder->node_of || !tree->nodes || !tree->functions || !tree->site_nodes)
		return -ENOMEM;
	tree->node_count = 1;
	for (uint32_t i = 0; i < model->frame_count; i++)
		if (!find_function(builder, i, by_frame))
			return -ENOMEM;
	for (uint32_t i = 0; i < model->site_count; i++) {
		tree->site_nodes[i] = place(builder, model->sites[i].node);
		if (!tree->site_nodes[i])
			return -ENOMEM;
	}
	return 0;
}

int call_tree_build(struct call_tree *tree, const struct model *model, bool by_frame, struct error *err)
{
	struct builder builder = {.tree = tree, .model = model};

	*tree = (struct call_tree){0};
	int ret = build(&builder, by_frame);
	u64_map_release(&builder.functions);
	u64_map_release(&builder.nodes);
	free(builder.function_of);
	free(builder.node_of);
	if (!ret)
		return 0;
	call_tree_release(tree);
	return error_set(err, ret, "not enough memory for the call stacks");
}

const char *call_tree_name(const struct call_tree *tree, const struct model *model, uint32_t node)
{
	uint32_t function = tree->nodes[node].function;

	return function == CALL_TREE_NO_STACK ? "[no stack]" : model->frames[tree->functions[function]].label;
}

uint32_t call_tree_path(const struct call_tree *tree, uint32_t node, uint32_t path[])
{
	uint32_t depth = 0;

	for (; node && depth < MODEL_STACK_DEPTH_MAX; node = tree->nodes[node].parent)
		path[depth++] = node;
	return depth;
}
