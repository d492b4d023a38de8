/*
 * The order of a report: the place in the kernel that accuses itself most comes first, and behind each site stand its variants, which are
 * told with it.
 */
#ifndef SLABREC_REPORT_RANKING_H
#define SLABREC_REPORT_RANKING_H

#include "report/model.h"
#include "report/variants.h"
#include "trace/error.h"

/* Sorts the judged sites and counts the suspects. variants are of the sites as they stand. 0 or -ENOMEM. */
int ranking_sort(struct model *model, const struct variants *variants, struct error *err);

/* The first site behind this one and its variants. */
uint32_t ranking_next(const struct model *model, uint32_t first);
/* How many sites are not told with another. */
uint32_t ranking_count(const struct model *model);

#endif
