/*
 * Writes a trace: dictionaries, events in columns, blocks with a checksum. Pure but for the sink it is given.
 * Running out of memory or a failing sink makes every later call fail; what the sink took stays readable.
 */
#ifndef SLABREC_TRACE_WRITER_H
#define SLABREC_TRACE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"
#include "trace/record.h"

struct trace_writer;

/* Takes size_bytes whole or returns a negative errno with the sentence in err. */
typedef int trace_sink(void *context, const void *bytes, size_t size_bytes, struct error *err);

/* Writes the file header. Returns 0, -ENOMEM or what the sink returned. */
int trace_writer_new(struct trace_writer **writer, trace_sink *sink, void *context, struct error *err);
void trace_writer_free(struct trace_writer *writer);

/*
 * Id of the string, written once. size_bytes may be cut at TRACE_STRING_MAX_BYTES. Any bytes are allowed.
 * 0 for the empty string.
 */
uint32_t trace_writer_string(struct trace_writer *writer, const char *bytes, size_t size_bytes);
/* The same for a C string. */
uint32_t trace_writer_text(struct trace_writer *writer, const char *text);

/* Each adds one entry to its dictionary and returns its id. Strings and ids inside must have been written before. */
uint32_t trace_writer_module(struct trace_writer *writer, const struct trace_module *module);
uint32_t trace_writer_cache(struct trace_writer *writer, const struct trace_cache *cache);
uint32_t trace_writer_file(struct trace_writer *writer, const struct trace_file *file);
uint32_t trace_writer_frame(struct trace_writer *writer, const struct trace_frame *frame);
uint32_t trace_writer_node(struct trace_writer *writer, const struct trace_node *node);
uint32_t trace_writer_task(struct trace_writer *writer, const struct trace_task *task);

void trace_writer_fact(struct trace_writer *writer, const char *key, const char *value);
void trace_writer_counter(struct trace_writer *writer, const char *key, uint64_t value);
void trace_writer_note(struct trace_writer *writer, const char *text);
void trace_writer_census(struct trace_writer *writer, const struct trace_census *census);
void trace_writer_meminfo(struct trace_writer *writer, const struct trace_meminfo *meminfo);
void trace_writer_loss(struct trace_writer *writer, const struct trace_loss *loss);
void trace_writer_unseen(struct trace_writer *writer, const struct trace_unseen *unseen);
void trace_writer_reclaim(struct trace_writer *writer, const struct trace_reclaim *reclaim);
void trace_writer_probe(struct trace_writer *writer, const struct trace_probe *probe);
void trace_writer_probe_cpu(struct trace_writer *writer, const struct trace_probe_cpu *counts);
/* Name of a user frame that was written without one. */
void trace_writer_user_symbol(struct trace_writer *writer, uint32_t frame, uint32_t symbol, uint64_t offset_bytes);
/* At most TRACE_SHARES_MAX of each share. */
void trace_writer_freed(struct trace_writer *writer, const struct trace_freed *freed);
void trace_writer_freed_older(struct trace_writer *writer, const struct trace_freed_older *older);
/* objects in rising order of object. */
void trace_writer_live(struct trace_writer *writer, const struct trace_live *live);

/* The object's event has been added. */
void trace_writer_contents(struct trace_writer *writer, const struct trace_contents *contents);

/*
 * Adds an event. For ALLOC, event->object is ignored and the serial it got is returned; else 0 is. Events should come
 * in the order of time; a step back is allowed and kept.
 */
uint64_t trace_writer_event(struct trace_writer *writer, const struct trace_event *event);

/* From here on the blocks go to another sink, which has got what the first one took. */
void trace_writer_redirect(struct trace_writer *writer, trace_sink *sink, void *context);

/*
 * Hands everything so far to the sink as whole blocks; without it blocks are written as they get full. Returns 0 or the first
 * error the writer met.
 */
int trace_writer_flush(struct trace_writer *writer, struct error *err);
/* Writes END and flushes. The same returns. */
int trace_writer_end(struct trace_writer *writer, uint64_t time_ns, struct error *err);

/* Bytes given to the sink so far. */
uint64_t trace_writer_bytes(const struct trace_writer *writer);
/* Bytes that wait for the next block, before compression. */
uint64_t trace_writer_gathered_bytes(const struct trace_writer *writer);
uint64_t trace_writer_events(const struct trace_writer *writer);

#endif
