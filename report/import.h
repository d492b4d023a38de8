/*
 * A trace of a recording that perf made: takes the text of `perf script` line by line and pairs allocations with frees by their addresses.
 * What the text cannot tell is written into the trace as notes. Memory grows with live objects and distinct call stacks, not with the text.
 */
#ifndef SLABREC_REPORT_IMPORT_H
#define SLABREC_REPORT_IMPORT_H

#include <stdint.h>
#include <stdio.h>

#include "trace/error.h"
#include "trace/writer.h"

/* What was made of the text. */
struct import_totals {
	uint64_t allocs, frees, live, lost;
	uint64_t lines_unknown; /* neither sample nor frame nor header: of a text that was cut, or no text of perf script */
};

/*
 * Reads the text to its end and ends the trace. name is what the text is called in errors. 0; -ENODATA where it has no event of an
 * allocator, or only one event in so many was recorded; -ENOMEM, or what the writer's sink returned.
 */
int import_perf_text(struct trace_writer *writer, FILE *text, const char *name, struct import_totals *totals, struct error *err);

#endif
