/*
 * What tells the sites of a report from each other where name and caller are the same: many paths lead through alloc_empty_file().
 */
#ifndef SLABREC_REPORT_SITE_PATH_H
#define SLABREC_REPORT_SITE_PATH_H

#include "report/model.h"
#include "trace/error.h"

/*
 * Fills in via of the sites that a report shows, in the order of the ranking: the innermost function that is in no other of them at
 * that place behind the same callers. 0 or -ENOMEM.
 */
int site_path_tell_apart(struct model *model, struct error *err);

#endif
