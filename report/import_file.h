/* From perf.data, or from the text of `perf script`, to a trace file. */
#ifndef SLABREC_REPORT_IMPORT_FILE_H
#define SLABREC_REPORT_IMPORT_FILE_H

#include "report/import.h"
#include "trace/error.h"

/*
 * "-" is standard input or output; standard input has the text. 0, or a negative errno with the sentence; then output is as it was before.
 */
int import_file(const char *input, const char *output, struct import_totals *totals, struct error *err);

#endif
