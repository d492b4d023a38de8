/*
 * Who can name a frame. One implementation per file symbolize_*.c; all answer the same question.
 */
#ifndef SLABREC_REPORT_SYMBOLIZER_H
#define SLABREC_REPORT_SYMBOLIZER_H

#include <stdint.h>

#include "trace/reader.h"
#include "trace/record.h"

/* Most functions that one address can lie in (inlined into each other). */
#define SYMBOLS_PER_FRAME_MAX 32u

struct symbol {
	const char *function;	 /* valid as long as the symbolizer */
	uint64_t offset_bytes;	 /* of the address in the function; 0 for the inlined */
	const char *source_file; /* "" not known */
	uint32_t line;
};

struct symbolizer {
	void *context;
	/*
	 * Fills at most max symbols, the innermost inlined function first, the function that was really called last,
	 * and returns how many; 0: not known here, ask the next one.
	 */
	uint32_t (*frame)(void *context, const struct trace_frame *frame, struct symbol *symbols, uint32_t max);
};

/* Names that the trace itself carries (kallsyms at the time, symbols of user files). Borrows the reader. */
struct symbolizer symbolize_trace(const struct trace_reader *reader);

#endif
