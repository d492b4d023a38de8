/*
 * The part of the trace's call tree that the report needs, with names: builds frames and nodes of a model.
 */
#ifndef SLABREC_REPORT_STACKS_H
#define SLABREC_REPORT_STACKS_H

#include <stdint.h>

#include "report/arena.h"
#include "report/model.h"
#include "report/symbolizer.h"
#include "trace/reader.h"

/* Which stacks are wanted, and where their nodes went. All-zero before stacks_init(). */
struct stacks {
	const struct trace_reader *reader; /* borrowed */
	uint32_t node_count;		   /* of the trace, with 0 */
	uint32_t *nodes; /* owned, by node id of the trace: 1 wanted; after stacks_name() node of the model */
};

/* 0 or -ENOMEM. */
int stacks_init(struct stacks *stacks, const struct trace_reader *reader, struct error *err);
void stacks_release(struct stacks *stacks);
/* Wants the stack (a node id of the trace; 0 is ignored). */
void stacks_want(struct stacks *stacks, uint32_t stack);
/* Names all that is wanted into model->frames and model->nodes. 0 or -ENOMEM. */
int stacks_name(struct stacks *stacks, struct model *model, const struct symbolizer *symbolizer, struct error *err);
/* Takes over what the symbolizer tells of its names. Call it after stacks_name(). */
void stacks_objects(const struct stacks *stacks, struct model *model, const struct symbolizer *symbolizer);
/* Node of the model for a wanted stack, 0 for stack 0. */
uint32_t stacks_node(const struct stacks *stacks, uint32_t stack);

#endif
