/* Names from the trace's own dictionaries: always there, no inlines, no lines. */
#include "report/symbolizer.h"

static uint32_t trace_frame_symbols(void *context, const struct trace_frame *frame, struct symbol *symbols,
				    uint32_t max)
{
	const char *function = trace_reader_text(context, frame->symbol);

	if (!*function || !max)
		return 0;
	symbols[0] =
		(struct symbol){.function = function, .offset_bytes = frame->symbol_offset_bytes, .source_file = ""};
	return 1;
}

struct symbolizer symbolize_trace(const struct trace_reader *reader)
{
	return (struct symbolizer){.context = (void *)(uintptr_t)reader, .frame = trace_frame_symbols};
}
