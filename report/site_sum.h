/* A site and its variants as one. */
#ifndef SLABREC_REPORT_SITE_SUM_H
#define SLABREC_REPORT_SITE_SUM_H

#include "report/model.h"

/*
 * What is counted is the sum of all; tasks, control groups, CPUs, nodes and who frees are those of all, made in the arena, or of the first
 * with arena NULL. Names, stack, ages, history and contents are of the first. Where a variant has more of these than a model keeps of a
 * site the sums are lower bounds; for tasks has_more_tasks says so. Check the arena for failed.
 */
struct model_site site_sum(const struct model *model, uint32_t first, struct arena *arena);

#endif
