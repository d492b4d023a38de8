/* Merges stacks by function name from the outermost frame on, keeps the heaviest cells, places children by weight. */
#include "report/flame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/number.h"
#include "trace/cleanup.h"
#include "trace/hash.h"

/* A function in its place: all frames with one label below the same callers. */
struct cell {
	uint32_t parent; /* smaller than the cell's own index; cell 0 is the root */
	uint32_t frame;
	uint32_t depth;
	uint32_t rect; /* number of its rectangle + 1, 0: it is folded */
	uint64_t weight;
};

struct tree {
	const struct model *model;
	struct cell *cells;
	uint32_t count;
	uint32_t *slots; /* cell index, 0 free */
	uint32_t slot_mask;
	uint32_t *cell_of;	 /* by node of the model */
	uint32_t no_stack;	 /* cell of what has none, 0: all have one */
	uint64_t *function_hash; /* by frame of the model */
	bool *is_live;		 /* by node of the model: something allocated below is */
};

static void tree_release(struct tree *tree)
{
	free(tree->cells);
	free(tree->slots);
	free(tree->cell_of);
	free(tree->function_hash);
	free(tree->is_live);
}

void flame_release(struct flame *flame)
{
	if (!flame)
		return;
	free(flame->rects);
	*flame = (struct flame){0};
}

static uint64_t hash_function(const struct model_frame *frame)
{
	return hash_text(hash_text(frame->is_user ? 1 : HASH_START, frame->label), frame->module);
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

/* Marks the nodes of what is live; returns how many there are. */
static uint32_t tree_mark(struct tree *tree, const struct model *model)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < model->site_count; i++)
		for (uint32_t node = model->sites[i].live ? model->sites[i].node : 0; node && !tree->is_live[node];
		     node = model->nodes[node].parent) {
			tree->is_live[node] = true;
			count++;
		}
	return count;
}

static int tree_init(struct tree *tree, const struct model *model, struct error *err)
{
	size_t slots = 64;

	tree->model = model;
	tree->is_live = calloc((size_t)model->node_count + 1, sizeof(*tree->is_live));
	uint32_t count = tree->is_live ? tree_mark(tree, model) : 0;
	while (3 * slots < 4 * (size_t)count)
		slots *= 2;
	/* Every node may become a cell, and there are the root and the one for what has no stack. */
	tree->cells = calloc((size_t)count + 2, sizeof(*tree->cells));
	tree->slots = calloc(slots, sizeof(*tree->slots));
	tree->slot_mask = (uint32_t)(slots - 1);
	tree->cell_of = calloc((size_t)model->node_count + 1, sizeof(*tree->cell_of));
	tree->function_hash = calloc((size_t)model->frame_count + 1, sizeof(*tree->function_hash));
	if (!tree->is_live || !tree->cells || !tree->slots || !tree->cell_of || !tree->function_hash)
		return error_set(err, -ENOMEM, "not enough memory for the flame graph");
	for (uint32_t i = 0; i < model->frame_count; i++)
		tree->function_hash[i] = hash_function(&model->frames[i]);
	tree->cells[0] = (struct cell){.frame = FLAME_ROOT};
	tree->count = 1;
	return 0;
}

static uint64_t site_weight(const struct model_site *site, bool is_objects)
{
	return is_objects ? site->live : site->live_bytes;
}

static uint32_t site_cell(const struct tree *tree, const struct model_site *site)
{
	return site->node ? tree->cell_of[site->node] : tree->no_stack;
}

/* Adds up what ends in each cell, then from the leaves to the root. */
static void tree_weigh(struct tree *tree, bool is_objects)
{
	for (uint32_t i = 0; i < tree->model->site_count; i++) {
		const struct model_site *site = &tree->model->sites[i];

		if (!site->live)
			continue;
		if (!site->node && !tree->no_stack) {
			tree->no_stack = tree->count++;
			tree->cells[tree->no_stack] = (struct cell){.frame = FLAME_NO_STACK, .depth = 1};
		}
		struct cell *cell = &tree->cells[site_cell(tree, site)];
		cell->weight = number_add(cell->weight, site_weight(site, is_objects));
	}
	for (uint32_t i = tree->count - 1; i > 0; i--) {
		struct cell *cell = &tree->cells[i], *parent = &tree->cells[cell->parent];

		parent->weight = number_add(parent->weight, cell->weight);
	}
}

/* Heavier first; of equal ones the outer first, so that a cell is never kept without its callers. */
static bool is_before(const struct cell *cells, uint32_t a, uint32_t b)
{
	return cells[a].weight != cells[b].weight ? cells[a].weight > cells[b].weight : a < b;
}

static int by_place(const void *left, const void *right, void *context)
{
	const uint32_t *a = left, *b = right;
	const struct cell *cells = context;

	if (cells[*a].parent != cells[*b].parent)
		return cells[*a].parent < cells[*b].parent ? -1 : 1;
	return *a == *b ? 0 : is_before(cells, *a, *b) ? -1 : 1;
}

static int by_depth(const void *left, const void *right)
{
	const struct flame_rect *a = left, *b = right;

	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	return (a->start > b->start) - (a->start < b->start);
}

/* Restores the heap whose first is the last in order, where only the one at that place may be wrong. */
static void sift(const struct cell *cells, uint32_t *heap, uint32_t count, uint32_t at)
{
	for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
		uint32_t moved = heap[at];

		if (child + 1 < count && is_before(cells, heap[child], heap[child + 1]))
			child++;
		if (!is_before(cells, moved, heap[child]))
			return;
		heap[at] = heap[child];
		heap[child] = moved;
	}
}

/* Writes the cells to be drawn to kept and counts the rest; returns how many are drawn. */
static uint32_t tree_select(struct tree *tree, uint32_t *kept, uint32_t max_rects, uint32_t max_depth, struct flame *flame)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < tree->count; i++) {
		if (!tree->cells[i].weight)
			continue;
		if (tree->cells[i].depth < max_depth && count < max_rects) {
			kept[count++] = i;
			for (uint32_t at = count == max_rects ? count / 2 : 0; at-- > 0;)
				sift(tree->cells, kept, count, at);
			continue;
		}
		if (tree->cells[i].depth < max_depth && is_before(tree->cells, i, kept[0])) {
			kept[0] = i;
			sift(tree->cells, kept, count, 0);
		}
		flame->folded_frames++;
	}
	return count;
}

/* placed: by rectangle, the weight of children that have their place; all 0. */
static void tree_place(struct tree *tree, uint32_t *kept, uint32_t count, uint64_t *placed, struct flame *flame)
{
	/* By parent: a parent's number is smaller, so it has its own place before its children ask for theirs. */
	qsort_r(kept, count, sizeof(*kept), by_place, tree->cells);
	for (uint32_t i = 0; i < count; i++) {
		struct cell *cell = &tree->cells[kept[i]];
		uint64_t start = 0;

		if (kept[i]) {
			uint32_t parent = tree->cells[cell->parent].rect - 1;

			start = flame->rects[parent].start + placed[parent];
			placed[parent] += cell->weight;
		}
		flame->rects[flame->rect_count] =
			(struct flame_rect){.frame = cell->frame, .depth = cell->depth, .start = start, .weight = cell->weight};
		cell->rect = ++flame->rect_count;
		if (cell->depth >= flame->depth)
			flame->depth = cell->depth + 1;
	}
}

/* How many objects each rectangle stands for, and what ends below them. */
static void tree_count(const struct tree *tree, const uint64_t *parts, struct flame *flame)
{
	for (uint32_t i = 0; i < tree->model->site_count; i++) {
		const struct model_site *site = &tree->model->sites[i];
		uint32_t at = site_cell(tree, site);

		if (!site->live)
			continue;
		if (!tree->cells[at].rect)
			flame->folded_weight = number_add(flame->folded_weight, site_weight(site, flame->is_objects));
		for (bool is_root = false; !is_root; at = tree->cells[at].parent) {
			is_root = !at;
			if (!tree->cells[at].rect)
				continue;
			struct flame_rect *rect = &flame->rects[tree->cells[at].rect - 1];
			rect->objects += site->live;
			rect->part = number_add(rect->part, parts ? parts[i] : 0);
		}
	}
	qsort(flame->rects, flame->rect_count, sizeof(*flame->rects), by_depth);
}

int flame_build(struct flame *flame, const struct model *model, uint32_t max_rects, uint32_t max_depth,
		struct error *err)
{
	return flame_build_parts(flame, model, NULL, max_rects, max_depth, err);
}

int flame_build_parts(struct flame *flame, const struct model *model, const uint64_t *parts, uint32_t max_rects, uint32_t max_depth,
		      struct error *err)
{
	CLEANUP(tree_release) struct tree tree = {0};
	int ret = tree_init(&tree, model, err);

	*flame = (struct flame){.is_objects = !model->has_slot_bytes};
	if (ret)
		return ret;
	for (uint32_t node = 1; node < model->node_count; node++)
		if (tree.is_live[node])
			tree.cell_of[node] =
				tree_child(&tree, tree.cell_of[model->nodes[node].parent], model->nodes[node].frame);
	tree_weigh(&tree, flame->is_objects);
	flame->total = tree.cells[0].weight;
	CLEANUP(cleanup_free) uint32_t *kept = calloc(max_rects, sizeof(*kept));
	CLEANUP(cleanup_free) uint64_t *placed = calloc(max_rects, sizeof(*placed));
	flame->rects = calloc(tree.count < max_rects ? tree.count : max_rects, sizeof(*flame->rects));
	if (!kept || !placed || !flame->rects) {
		flame_release(flame);
		return error_set(err, -ENOMEM, "not enough memory for the flame graph");
	}
	if (flame->total) {
		uint32_t count = tree_select(&tree, kept, max_rects, max_depth, flame);

		tree_place(&tree, kept, count, placed, flame);
		tree_count(&tree, parts, flame);
	}
	return 0;
}
