/*
 * From numbers to suspects: judges each site of a model, and together those that differ in user space only; holds what they add up to against the kernel's own count, and ranks them.
 */
#ifndef SLABREC_REPORT_ANALYSIS_H
#define SLABREC_REPORT_ANALYSIS_H

#include "report/model.h"
#include "report/orphans.h"
#include "trace/error.h"

/*
 * Fills the suspects of a model whose other parts are complete and whose sites stand as in the recording's ledger, and sorts them. charges
 * are of these sites. 0 or -ENOMEM.
 */
int analysis_judge(struct model *model, const struct orphan_charges *charges, struct error *err);
/* Whether frees were lost for sure, and not only may have been missed: some live objects may have been freed. */
bool analysis_has_lost_frees(const struct model *model);

#endif
