/*
 * What frames, stacks and sites of a model are called: follows from the frames alone.
 */
#ifndef SLABREC_REPORT_MODEL_NAMES_H
#define SLABREC_REPORT_MODEL_NAMES_H

#include "report/model.h"

/* Strings are the model's. Never an address: an offset into something that has a name, or nothing at all. */
const char *model_frame_label(struct model *model, const struct model_frame *frame);
/* The label, of a kernel function without what its compiler appended. */
const char *model_plain_label(struct model *model, const struct model_frame *frame);
/* The first frames from the inside that are neither allocator nor probe; at most max. Returns how many. */
uint32_t model_telling_frames(const struct model *model, uint32_t node, const struct model_frame **frames, uint32_t max);
/* The innermost function of the stack that is neither allocator nor probe; where there is none, whatever there is. */
const char *model_stack_name(struct model *model, uint32_t node);
/* Fills in name and caller of the site, whose node is known. */
void model_name_site(struct model *model, struct model_site *site);

#endif
