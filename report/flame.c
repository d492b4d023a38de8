/* Merges stacks by function name from the outermost frame on, keeps the heaviest cells, places children by weight. */
#include "report/flame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/number.h"
#include "trace/cleanup.h"

/* A function in its place: all frames with one label below the same callers. */
struct cell {
	uint32_t parent; /* smaller than the cell's own index; cell 0 is the root */
	uint32_t frame;
	uint32_t depth;
	bool is_kept;
	uint64_t ends; /* weight of stacks that end here */
	uint64_t weight;
	uint64_t objects;
	uint64_t start;
	uint64_t placed; /* weight of children that have their place */
};

struct tree {
	const struct model *model;
	struct cell *cells;
	uint32_t count;
	uint32_t *slots; /* cell index, 0 free */
	uint32_t slot_mask;
	uint32_t *cell_of;	 /* by node of the model */
	uint64_t *function_hash; /* by frame of the model */
};

static void tree_release(struct tree *tree)
{
	free(tree->cells);
	free(tree->slots);
	free(tree->cell_of);
	free(tree->function_hash);
}

void flame_release(struct flame *flame)
{
	if (!flame)
		return;
	free(flame->rects);
	*flame = (struct flame){0};
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
	return hash;
}

static uint64_t hash_function(const struct model_frame *frame)
{
	return hash_text(hash_text(frame->is_user ? 1 : 0xcbf29ce484222325u, frame->label), frame->module);
}

static bool is_same_function(const struct tree *tree, uint32_t a, uint32_t b)
{
	const struct model_frame *left = &tree->model->frames[a], *right = &tree->model->frames[b];

	if (a == b)
		return true;
	if (tree->function_hash[a] != tree->function_hash[b] || left->is_user != right->is_user)
		return false;
	/* main() of two programs are two functions. */
	return !strcmp(left->label, right->label) && !strcmp(left->module, right->module);
}

static uint32_t tree_child(struct tree *tree, uint32_t parent, uint32_t frame)
{
	uint64_t at = ((tree->function_hash[frame] ^ parent) * 0x9e3779b97f4a7c15u) >> 20;
	uint32_t *slot = &tree->slots[at & tree->slot_mask];

	while (*slot &&
	       (tree->cells[*slot].parent != parent || !is_same_function(tree, tree->cells[*slot].frame, frame)))
		slot = &tree->slots[++at & tree->slot_mask];
	if (!*slot) {
		*slot = tree->count;
		tree->cells[tree->count++] =
			(struct cell){.parent = parent, .frame = frame, .depth = tree->cells[parent].depth + 1};
	}
	return *slot;
}

static int tree_init(struct tree *tree, const struct model *model, struct error *err)
{
	size_t slots = 64;

	while (slots < 2 * (size_t)model->node_count)
		slots *= 2;
	tree->model = model;
	/* Every node may become a cell, and there are the root and the one for what has no stack. */
	tree->cells = calloc((size_t)model->node_count + 2, sizeof(*tree->cells));
	tree->slots = calloc(slots, sizeof(*tree->slots));
	tree->slot_mask = (uint32_t)(slots - 1);
	tree->cell_of = calloc((size_t)model->node_count + 1, sizeof(*tree->cell_of));
	tree->function_hash = calloc((size_t)model->frame_count + 1, sizeof(*tree->function_hash));
	if (!tree->cells || !tree->slots || !tree->cell_of || !tree->function_hash)
		return error_set(err, -ENOMEM, "not enough memory for the flame graph");
	for (uint32_t i = 0; i < model->frame_count; i++)
		tree->function_hash[i] = hash_function(&model->frames[i]);
	tree->cells[0] = (struct cell){.frame = FLAME_ROOT};
	tree->count = 1;
	return 0;
}

/* Adds up what ends in each cell, then from the leaves to the root. */
static void tree_weigh(struct tree *tree, bool is_objects)
{
	uint32_t no_stack = 0;

	for (uint32_t i = 0; i < tree->model->site_count; i++) {
		const struct model_site *site = &tree->model->sites[i];
		uint32_t at = site->node ? tree->cell_of[site->node] : no_stack;

		if (!site->live)
			continue;
		if (!at) {
			at = no_stack = tree->count++;
			tree->cells[at] = (struct cell){.frame = FLAME_NO_STACK, .depth = 1};
		}
		uint64_t weight = is_objects ? site->live : site->live_bytes;
		tree->cells[at].ends = number_add(tree->cells[at].ends, weight);
		tree->cells[at].weight = number_add(tree->cells[at].weight, weight);
		tree->cells[at].objects += site->live;
	}
	for (uint32_t i = tree->count - 1; i > 0; i--) {
		struct cell *cell = &tree->cells[i], *parent = &tree->cells[cell->parent];

		parent->weight = number_add(parent->weight, cell->weight);
		parent->objects += cell->objects;
	}
}

/* Heavier first; of equal ones the outer first, so that a cell is never kept without its callers. */
static int by_weight(const void *left, const void *right, void *context)
{
	const uint32_t *a = left, *b = right;
	const struct cell *cells = context;

	if (cells[*a].weight != cells[*b].weight)
		return cells[*a].weight < cells[*b].weight ? 1 : -1;
	return (*a > *b) - (*a < *b);
}

static int by_place(const void *left, const void *right, void *context)
{
	const uint32_t *a = left, *b = right;
	const struct cell *cells = context;

	if (cells[*a].parent != cells[*b].parent)
		return cells[*a].parent < cells[*b].parent ? -1 : 1;
	return by_weight(left, right, context);
}

static int by_depth(const void *left, const void *right)
{
	const struct flame_rect *a = left, *b = right;

	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	return (a->start > b->start) - (a->start < b->start);
}

/* Marks the cells to be drawn, adds the rest to the folded ones; returns how many are drawn. */
static uint32_t tree_select(struct tree *tree, uint32_t *order, uint32_t max_rects, uint32_t max_depth,
			    struct flame *flame)
{
	uint32_t used = 0, kept = 0;

	for (uint32_t i = 0; i < tree->count; i++)
		if (tree->cells[i].weight)
			order[used++] = i;
	qsort_r(order, used, sizeof(*order), by_weight, tree->cells);
	for (uint32_t i = 0; i < used; i++) {
		struct cell *cell = &tree->cells[order[i]];

		if (kept < max_rects && cell->depth < max_depth) {
			cell->is_kept = true;
			order[kept++] = order[i];
		} else {
			flame->folded_frames++;
			flame->folded_weight = number_add(flame->folded_weight, cell->ends);
		}
	}
	return kept;
}

static void tree_place(struct tree *tree, uint32_t *order, uint32_t kept, struct flame *flame)
{
	/* By parent: a parent's number is smaller, so it has its own place before its children ask for theirs. */
	qsort_r(order, kept, sizeof(*order), by_place, tree->cells);
	for (uint32_t i = 0; i < kept; i++) {
		struct cell *cell = &tree->cells[order[i]], *parent = &tree->cells[cell->parent];

		if (order[i]) {
			cell->start = parent->start + parent->placed;
			parent->placed += cell->weight;
		}
		flame->rects[flame->rect_count++] = (struct flame_rect){.frame = cell->frame,
									.depth = cell->depth,
									.start = cell->start,
									.weight = cell->weight,
									.objects = cell->objects};
		if (cell->depth >= flame->depth)
			flame->depth = cell->depth + 1;
	}
	qsort(flame->rects, flame->rect_count, sizeof(*flame->rects), by_depth);
}

int flame_build(struct flame *flame, const struct model *model, uint32_t max_rects, uint32_t max_depth,
		struct error *err)
{
	CLEANUP(tree_release) struct tree tree = {0};
	int ret = tree_init(&tree, model, err);

	*flame = (struct flame){.is_objects = !model->has_slot_bytes};
	if (ret)
		return ret;
	for (uint32_t node = 1; node < model->node_count; node++)
		tree.cell_of[node] =
			tree_child(&tree, tree.cell_of[model->nodes[node].parent], model->nodes[node].frame);
	tree_weigh(&tree, flame->is_objects);
	flame->total = tree.cells[0].weight;
	CLEANUP(cleanup_free) uint32_t *order = calloc(tree.count, sizeof(*order));
	flame->rects = calloc(tree.count < max_rects ? tree.count : max_rects, sizeof(*flame->rects));
	if (!order || !flame->rects) {
		flame_release(flame);
		return error_set(err, -ENOMEM, "not enough memory for the flame graph");
	}
	if (flame->total)
		tree_place(&tree, order, tree_select(&tree, order, max_rects, max_depth, flame), flame);
	return 0;
}
