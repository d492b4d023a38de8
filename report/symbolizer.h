/*
 * Who can name a frame, and what its names come from.
 */
#ifndef SLABREC_REPORT_SYMBOLIZER_H
#define SLABREC_REPORT_SYMBOLIZER_H

#include <stdint.h>

#include "report/symbol_object.h"
#include "trace/error.h"
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

/* What the names in one object come from. */
struct symbol_origin {
	enum symbol_object_kind kind;
	enum symbol_source source;
	uint32_t id;	     /* of the trace: module or file */
	uint32_t frames;     /* how many were asked for */
	const char *problem; /* why there is no better source, "" nothing to say; valid as long as the symbolizer */
};

struct symbolizer {
	void *context;
	/* Is told each frame that will be asked for, before the first is. NULL: needs not know. */
	void (*want)(void *context, const struct trace_frame *frame);
	/* Looks them up. 0 or -ENOMEM. NULL: nothing to do. */
	int (*prepare)(void *context, struct error *err);
	/*
	 * Fills at most max symbols, the innermost inlined function first, the function that was really called last,
	 * and returns how many; 0: not known here, ask the next one.
	 */
	uint32_t (*frame)(void *context, const struct trace_frame *frame, struct symbol *symbols, uint32_t max);
	/* Objects that frames lie in, once they are looked up; NULL: not told. */
	const struct symbol_origin *(*origins)(void *context, uint32_t *count);
};

/* Names that the trace itself carries (kallsyms at the time, symbols of user files). Borrows the reader. */
struct symbolizer symbolize_trace(const struct trace_reader *reader);

#endif
