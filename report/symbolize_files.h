/*
 * The names of a report: from debug files where there are some of the right build, else from the trace.
 */
#ifndef SLABREC_REPORT_SYMBOLIZE_FILES_H
#define SLABREC_REPORT_SYMBOLIZE_FILES_H

#include "report/debug_file.h"
#include "report/recording.h"
#include "report/symbolizer.h"

struct symbolize_files;

/* Borrows search and recording, which have to outlive it. 0 or -ENOMEM. */
int symbolize_files_new(struct symbolize_files **files, const struct recording *recording, const struct debug_search *search,
			struct error *err);
void symbolize_files_free(struct symbolize_files *files);
/* The seam; valid as long as files. */
struct symbolizer symbolize_files(struct symbolize_files *files);

#endif
