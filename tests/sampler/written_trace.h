/* A trace written into memory and read back whole, for units that need a writer. */
#ifndef SLABREC_TESTS_SAMPLER_WRITTEN_TRACE_H
#define SLABREC_TESTS_SAMPLER_WRITTEN_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/cursor.h"
#include "trace/reader.h"
#include "trace/writer.h"

#define WRITTEN_EVENTS_MAX 4096

struct written_trace {
	struct trace_writer *writer;
	struct buffer bytes;
	size_t read_at_bytes;
	struct trace_reader *reader; /* after written_trace_read(): its dictionaries are whole */
	struct trace_event events[WRITTEN_EVENTS_MAX];
	size_t event_count;
	struct trace_counter counters[128];
	size_t counter_count;
	struct trace_live live[256];
	size_t live_count;
	struct trace_loss losses[16];
	size_t loss_count;
	struct trace_unseen unseen[16];
	size_t unseen_count;
	struct trace_freed freed[16]; /* without its shares */
	size_t freed_count;
	uint64_t frees_older; /* counted, of all caches */
	enum trace_ending ending;
};

static inline int written_trace_sink(void *context, const void *bytes, size_t size_bytes, struct error *err)
{
	struct written_trace *trace = context;

	(void)err;
	buffer_add(&trace->bytes, bytes, size_bytes);
	return 0;
}

static inline long written_trace_source(void *context, void *bytes, size_t size_bytes, struct error *err)
{
	struct written_trace *trace = context;
	size_t left = trace->bytes.size_bytes - trace->read_at_bytes;
	size_t got = size_bytes < left ? size_bytes : left;

	(void)err;
	memcpy(bytes, trace->bytes.bytes + trace->read_at_bytes, got);
	trace->read_at_bytes += got;
	return (long)got;
}

static inline struct written_trace *written_trace_new(void)
{
	struct written_trace *trace = calloc(1, sizeof(*trace));

	trace_writer_new(&trace->writer, written_trace_sink, trace, NULL);
	return trace;
}

static inline void written_trace_free(struct written_trace *trace)
{
	trace_writer_free(trace->writer);
	trace_reader_free(trace->reader);
	buffer_release(&trace->bytes);
	free(trace);
}

/* Ends the trace and reads everything it says. 0, or what writer or reader said. */
static inline int written_trace_read(struct written_trace *trace)
{
	struct trace_record record;
	int ret = trace_writer_end(trace->writer, 0, NULL);

	if (!ret)
		ret = trace_reader_new(&trace->reader, "memory", written_trace_source, trace, NULL);
	while (!ret && (ret = trace_reader_next(trace->reader, &record, NULL)) > 0) {
		ret = 0;
		if (record.type == TRACE_RECORD_EVENTS && trace->event_count < WRITTEN_EVENTS_MAX)
			trace->events[trace->event_count++] = record.event;
		else if (record.type == TRACE_RECORD_COUNTERS && trace->counter_count < 128)
			trace->counters[trace->counter_count++] = record.counter;
		else if (record.type == TRACE_RECORD_LIVE && trace->live_count < 256)
			trace->live[trace->live_count++] = record.live;
		else if (record.type == TRACE_RECORD_LOSS && trace->loss_count < 16)
			trace->losses[trace->loss_count++] = record.loss;
		else if (record.type == TRACE_RECORD_UNSEEN && trace->unseen_count < 16)
			trace->unseen[trace->unseen_count++] = record.unseen;
		else if (record.type == TRACE_RECORD_FREED && trace->freed_count < 16)
			trace->freed[trace->freed_count++] = record.freed;
		else if (record.type == TRACE_RECORD_FREED_OLDER)
			trace->frees_older += record.freed_older.frees;
	}
	if (trace->reader)
		trace->ending = trace_reader_ending(trace->reader, NULL);
	return ret;
}

/* The counter's value; UINT64_MAX where the trace has none of this name. */
static inline uint64_t written_trace_counter(const struct written_trace *trace, const char *key)
{
	for (size_t i = 0; i < trace->counter_count; i++)
		if (!strcmp(trace_reader_text(trace->reader, trace->counters[i].key), key))
			return trace->counters[i].value;
	return UINT64_MAX;
}

/* The stack as "outermost;...;innermost", by names of symbols, "?" for those without. */
static inline const char *written_trace_stack(const struct written_trace *trace, uint32_t stack)
{
	static char text[1024];
	char outer[1024];

	*text = '\0';
	for (const struct trace_node *node; (node = trace_reader_node(trace->reader, stack)); stack = node->parent) {
		const struct trace_frame *frame = trace_reader_frame(trace->reader, node->frame);
		const char *name = frame ? trace_reader_text(trace->reader, frame->symbol) : "";

		snprintf(outer, sizeof(outer), "%s%s%s", *name ? name : "?", *text ? ";" : "", text);
		memcpy(text, outer, sizeof(text));
	}
	return text;
}

#endif
