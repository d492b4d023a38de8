/*
 * All allocation stacks as one tree for other people's viewers, the outermost caller first: each path is there once, also where the
 * model has it several times (another line of the same function, or what redaction made equal).
 */
#ifndef SLABREC_REPORT_CALL_TREE_H
#define SLABREC_REPORT_CALL_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "report/model.h"
#include "trace/error.h"

/* The function of objects whose stack was not recorded. */
#define CALL_TREE_NO_STACK UINT32_MAX

struct call_tree_node {
	uint32_t parent;   /* smaller than its own index; 0 is the root */
	uint32_t function; /* CALL_TREE_NO_STACK or an index in functions */
};

/* All-zero is none. */
struct call_tree {
	struct call_tree_node *nodes; /* 0 is the root */
	uint32_t node_count;
	uint32_t *functions; /* for each a frame of the model */
	uint32_t function_count;
	uint32_t *site_nodes; /* by site of the model */
};

/* by_frame: frames are only equal to themselves; else all of one function are. Stacks are cut behind MODEL_STACK_DEPTH_MAX frames. 0 or -ENOMEM. */
int call_tree_build(struct call_tree *tree, const struct model *model, bool by_frame, struct error *err);
void call_tree_release(struct call_tree *tree);
/* What the function of the node is called: "[no stack]" where there is none. */
const char *call_tree_name(const struct call_tree *tree, const struct model *model, uint32_t node);
/* Nodes from the node outwards, at most MODEL_STACK_DEPTH_MAX; returns how many. */
uint32_t call_tree_path(const struct call_tree *tree, uint32_t node, uint32_t path[]);

#endif
