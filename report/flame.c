/* Merges stacks by function name from the outermost frame on, keeps the heaviest cells, places children by weight. */
#include "report/flame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/huge_pages.h"
#include "report/number.h"
#include "trace/cleanup.h"
#include "trace/hash.h"
#include "trace/u64_map.h"

/*
 * A function in its place: all nodes with one label below the same callers, under the number of the first of them. Cell 0 is the root,
 * the one behind all nodes is for what has no stack: so a cell's callers have smaller numbers.
 */
struct cell {
	uint64_t weight, objects; /* what ends in it or below; of a node that was merged into another cell 0 */
	uint32_t first_child;	  /* 0: none */
	uint32_t next;		  /* child of the same cell, 0: none; of a node that was merged its cell */
};

struct tree {
	const struct model *model;
	struct cell *cells;    /* by node of the model */
	uint64_t *parts;       /* by cell; NULL: none are added up */
	uint32_t *function_of; /* by frame of the model: the first frame of the same function */
	uint32_t *slots;       /* cells that are not the first child of theirs, by caller and function; 0 free */
	uint32_t slot_mask;
	uint32_t no_stack;     /* cell of what has none */
	uint32_t cell_count;
	bool is_objects;
};

/* A cell that may be drawn: its caller is. */
struct candidate {
	uint64_t weight;
	uint32_t cell;
	uint32_t parent; /* rectangle of the caller */
};

/* Those that are not drawn yet; the heaviest of them comes first. */
struct heap {
	struct candidate *items;
	uint32_t count;
};

static void tree_release(struct tree *tree)
{
	free(tree->cells);
	free(tree->parts);
	free(tree->function_of);
	free(tree->slots);
}

static void heap_release(struct heap *heap)
{
	free(heap->items);
}

void flame_release(struct flame *flame)
{
	if (!flame)
		return;
	free(flame->rects);
	*flame = (struct flame){0};
}

static int tree_init(struct tree *tree, const struct model *model, bool has_parts, struct error *err)
{
	size_t count = (size_t)model->node_count + 1, slots = 64;

	/* A cell that is not the first child of its own begins a branch, and there is no branch without a stack at its end. */
	while (slots < 2 * (size_t)model->site_count)
		slots *= 2;
	tree->slot_mask = (uint32_t)(slots - 1);
	tree->model = model;
	tree->is_objects = !model->has_slot_bytes;
	tree->no_stack = model->node_count;
	tree->cells = huge_pages_array(count, sizeof(*tree->cells));
	tree->parts = has_parts ? calloc(count, sizeof(*tree->parts)) : NULL;
	tree->function_of = calloc((size_t)model->frame_count + 1, sizeof(*tree->function_of));
	tree->slots = huge_pages_array(slots, sizeof(*tree->slots));
	if (!tree->cells || (has_parts && !tree->parts) || !tree->function_of || !tree->slots)
		return error_set(err, -ENOMEM, "not enough memory for the flame graph");
	return 0;
}

static bool is_same_function(const struct model_frame *a, const struct model_frame *b)
{
	/* main() of two programs are two functions. */
	return a->is_user == b->is_user && !strcmp(a->label, b->label) && !strcmp(a->module, b->module);
}

static uint64_t hash_function(const struct model_frame *frame)
{
	uint64_t hash = hash_text(hash_text(frame->is_user ? 1 : HASH_START, frame->label), frame->module);

	return hash ^ hash >> 32;
}

/* Finds out which frames are of one function; false without memory. */
static bool tree_name(struct tree *tree)
{
	const struct model_frame *frames = tree->model->frames;
	size_t capacity = 64;

	while (capacity < 2 * (size_t)tree->model->frame_count)
		capacity *= 2;
	CLEANUP(cleanup_free) uint32_t *slots = calloc(capacity, sizeof(*slots)); /* frame + 1, 0 free */
	for (uint32_t i = 0; slots && i < tree->model->frame_count; i++) {
		uint64_t at = hash_function(&frames[i]);
		uint32_t *slot = &slots[at & (capacity - 1)];

		while (*slot && !is_same_function(&frames[*slot - 1], &frames[i]))
			slot = &slots[++at & (capacity - 1)];
		if (!*slot)
			*slot = i + 1;
		tree->function_of[i] = *slot - 1;
	}
	return slots;
}

/* Adds to a cell what another has. */
static void tree_add(struct tree *tree, uint32_t to, uint32_t from)
{
	struct cell *sum = &tree->cells[to];

	sum->weight = number_add(sum->weight, tree->cells[from].weight);
	sum->objects += tree->cells[from].objects;
	if (tree->parts)
		tree->parts[to] = number_add(tree->parts[to], tree->parts[from]);
}

/* Adds up what ends in each node, then from the leaves to the root. */
static void tree_weigh(struct tree *tree, const uint64_t *parts)
{
	const struct model *model = tree->model;

	for (uint32_t i = 0; i < model->site_count; i++) {
		const struct model_site *site = &model->sites[i];
		uint32_t node = site->node ? site->node : tree->no_stack;
		struct cell *cell = &tree->cells[node];
		uint64_t weight = tree->is_objects ? site->live : site->live_bytes;

		/* Which are live cannot be foreseen: without a branch on it the memory of the next ones is already on its way. */
		cell->weight = number_add(cell->weight, site->live ? weight : 0);
		cell->objects += site->live;
		if (parts && site->live)
			tree->parts[node] = number_add(tree->parts[node], parts[i]);
	}
	for (uint32_t node = tree->no_stack; node-- > 1;)
		if (tree->cells[node].objects)
			tree_add(tree, model->nodes[node].parent, node);
	tree_add(tree, 0, tree->no_stack);
}

static uint32_t cell_of(const struct tree *tree, uint32_t node)
{
	return tree->cells[node].weight ? node : tree->cells[node].next;
}

/* Makes a cell of the node, a child of that one; first is the child it has, if any. */
static uint32_t tree_add_child(struct tree *tree, uint32_t parent, uint32_t first, uint32_t node)
{
	uint32_t *link = first ? &tree->cells[first].next : &tree->cells[parent].first_child;

	tree->cells[node].next = *link;
	*link = node;
	tree->cell_count++;
	return node;
}

static bool is_child(const struct tree *tree, uint32_t cell, uint32_t parent, uint32_t function)
{
	const struct model_node *node = &tree->model->nodes[cell];

	return tree->function_of[node->frame] == function && cell_of(tree, node->parent) == parent;
}

/* The cell of a node below that cell. Most cells have one child: only what comes after the first is looked for. */
static uint32_t tree_child(struct tree *tree, uint32_t parent, uint32_t node)
{
	const struct model_node *nodes = tree->model->nodes;
	uint32_t first = tree->cells[parent].first_child, function = tree->function_of[nodes[node].frame];

	if (!first)
		return tree_add_child(tree, parent, 0, node);
	if (tree->function_of[nodes[first].frame] == function)
		return first;
	uint64_t at = u64_mix((uint64_t)parent << 32 | function);
	uint32_t *slot = &tree->slots[at & tree->slot_mask];
	while (*slot && !is_child(tree, *slot, parent, function))
		slot = &tree->slots[++at & tree->slot_mask];
	if (!*slot)
		*slot = tree_add_child(tree, parent, first, node);
	return *slot;
}

/* Makes cells of the nodes. */
static void tree_merge(struct tree *tree)
{
	for (uint32_t node = 1; node < tree->no_stack; node++) {
		if (!tree->cells[node].weight)
			continue;
		uint32_t cell = tree_child(tree, cell_of(tree, tree->model->nodes[node].parent), node);
		if (cell == node)
			continue;
		tree_add(tree, cell, node);
		tree->cells[node] = (struct cell){.next = cell};
	}
	if (tree->cells[tree->no_stack].weight)
		tree_add_child(tree, 0, tree->cells[0].first_child, tree->no_stack);
}

/* Heavier first; of equal ones the outer first. */
static bool is_before(const struct candidate *a, const struct candidate *b)
{
	return a->weight != b->weight ? a->weight > b->weight : a->cell < b->cell;
}

static void heap_push(struct heap *heap, struct candidate candidate)
{
	uint32_t at = heap->count++;

	for (; at && is_before(&candidate, &heap->items[(at - 1) / 2]); at = (at - 1) / 2)
		heap->items[at] = heap->items[(at - 1) / 2];
	heap->items[at] = candidate;
}

static struct candidate heap_pop(struct heap *heap)
{
	struct candidate first = heap->items[0], moved = heap->items[--heap->count];
	uint32_t at = 0;

	for (uint32_t child; (child = 2 * at + 1) < heap->count; at = child) {
		if (child + 1 < heap->count && is_before(&heap->items[child + 1], &heap->items[child]))
			child++;
		if (is_before(&moved, &heap->items[child]))
			break;
		heap->items[at] = heap->items[child];
	}
	heap->items[at] = moved;
	return first;
}

static int by_depth(const void *left, const void *right)
{
	const struct flame_rect *a = left, *b = right;

	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	return (a->start > b->start) - (a->start < b->start);
}

static uint32_t cell_frame(const struct tree *tree, uint32_t cell)
{
	return !cell ? FLAME_ROOT : cell == tree->no_stack ? FLAME_NO_STACK : tree->model->nodes[cell].frame;
}

/* Beside the heavier ones of the same caller, which came before. placed: by rectangle, the weight of children that have their place. */
static void draw(const struct tree *tree, const struct candidate *candidate, uint64_t *placed, struct flame *flame)
{
	const struct cell *cell = &tree->cells[candidate->cell];
	struct flame_rect rect = {.frame = cell_frame(tree, candidate->cell), .weight = cell->weight, .objects = cell->objects};

	if (candidate->cell) {
		rect.depth = flame->rects[candidate->parent].depth + 1;
		rect.start = flame->rects[candidate->parent].start + placed[candidate->parent];
		placed[candidate->parent] += rect.weight;
	}
	if (tree->parts)
		rect.part = tree->parts[candidate->cell];
	if (rect.depth >= flame->depth)
		flame->depth = rect.depth + 1;
	flame->rects[flame->rect_count++] = rect;
}

static void fold(const struct candidate *candidate, struct flame *flame)
{
	flame->folded_weight = number_add(flame->folded_weight, candidate->weight);
}

/* A caller is as heavy as what it calls: the heaviest of those whose caller is drawn is the heaviest of all. */
static void tree_draw(const struct tree *tree, struct heap *heap, uint64_t *placed, uint32_t max_rects, uint32_t max_depth,
		      struct flame *flame)
{
	heap_push(heap, (struct candidate){.weight = tree->cells[0].weight});
	while (heap->count && flame->rect_count < max_rects) {
		struct candidate next = heap_pop(heap);
		uint32_t rect = flame->rect_count;

		draw(tree, &next, placed, flame);
		for (uint32_t cell = tree->cells[next.cell].first_child; cell; cell = tree->cells[cell].next) {
			struct candidate child = {.weight = tree->cells[cell].weight, .cell = cell, .parent = rect};

			if (flame->rects[rect].depth + 1 < max_depth)
				heap_push(heap, child);
			else
				fold(&child, flame);
		}
	}
	for (uint32_t i = 0; i < heap->count; i++)
		fold(&heap->items[i], flame);
	flame->folded_frames = tree->cell_count - flame->rect_count;
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
	CLEANUP(tree_release) struct tree tree = {.cell_count = 1};
	CLEANUP(heap_release) struct heap heap = {0};
	CLEANUP(cleanup_free) uint64_t *placed = calloc(max_rects, sizeof(*placed));
	int ret = tree_init(&tree, model, parts != NULL, err);

	*flame = (struct flame){.is_objects = !model->has_slot_bytes};
	if (ret)
		return ret;
	tree_weigh(&tree, parts);
	bool has_memory = tree_name(&tree);
	if (has_memory)
		tree_merge(&tree);
	heap.items = reallocarray(NULL, tree.cell_count, sizeof(*heap.items));
	flame->rects = calloc(tree.cell_count < max_rects ? tree.cell_count : max_rects, sizeof(*flame->rects));
	if (!has_memory || !placed || !heap.items || !flame->rects) {
		flame_release(flame);
		return error_set(err, -ENOMEM, "not enough memory for the flame graph");
	}
	flame->total = tree.cells[0].weight;
	if (flame->total)
		tree_draw(&tree, &heap, placed, max_rects, max_depth, flame);
	return 0;
}
