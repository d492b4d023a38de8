/*
 * Reads a trace record by record, from a file or a pipe, and keeps its dictionaries. Hostile bytes are expected: every
 * count and id is checked before it is used; memory is bounded by format.h's limits.
 */
#ifndef SLABREC_TRACE_READER_H
#define SLABREC_TRACE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"
#include "trace/record.h"

struct trace_reader;

/*
 * Fills at most size_bytes and returns how many; 0 at the end of input, a negative errno with the sentence in err.
 */
typedef long trace_source(void *context, void *bytes, size_t size_bytes, struct error *err);

/* How the input ended; known once trace_reader_next() returned 0 or an error. */
enum trace_ending {
	TRACE_ENDING_COMPLETE = 0, /* END was read */
	TRACE_ENDING_CUT,          /* the input ends within or after a block, without END */
	TRACE_ENDING_DAMAGED,      /* a checksum or a record is wrong; what came before is good */
};

/* One thing the trace says, in file order. Dictionary entries are not handed out: ask for them by id. */
struct trace_record {
	enum trace_record_type type;
	union {
		struct trace_fact fact;
		struct trace_event event;
		struct trace_census census;
		struct trace_meminfo meminfo;
		struct trace_loss loss;
		struct trace_unseen unseen;
		struct trace_reclaim reclaim;
		struct trace_contents contents; /* valid until the next call */
		struct trace_probe probe;
		struct trace_probe_cpu probe_cpu;
		struct trace_counter counter;
		struct trace_note note;
		struct trace_live live;
		struct trace_freed freed; /* its shares: until the next call */
		struct trace_freed_older freed_older;
		struct trace_end end;
	};
};

/*
 * Reads the file header. 0, -ENODATA (empty), -EINVAL (no trace), -ENOTSUP (a newer major version), -ENOMEM or what the
 * source returned. name is used in sentences and copied.
 */
int trace_reader_new(struct trace_reader **reader, const char *name, trace_source *source, void *context,
		     struct error *err);
void trace_reader_free(struct trace_reader *reader);

/* The same over a file descriptor, which stays the caller's. */
int trace_reader_open_fd(struct trace_reader **reader, const char *name, int fd, struct error *err);

/*
 * 1 with the next record (FACTS, EVENTS, CENSUS, MEMINFO, LOSS, UNSEEN, RECLAIM, PROBES, PROBE_CPUS, COUNTERS, NOTES, LIVE, FREED, FREED_OLDER,
 * CONTENTS or END); 0 at the end,
 * also at damage or a cut: ask trace_reader_ending(). -ENOMEM, -EFBIG (a limit of format.h) or what the source returned:
 * what was read before is good then too, and the ending is a cut.
 * Unknown record types are skipped.
 */
int trace_reader_next(struct trace_reader *reader, struct trace_record *record, struct error *err);

/* How it ended; sentence is set to one line that says so ("" when complete), owned by the reader. */
enum trace_ending trace_reader_ending(const struct trace_reader *reader, const char **sentence);
/* Bytes of input that were read and found good: where the block with the damage or cut begins, if there is one. */
uint64_t trace_reader_good_bytes(const struct trace_reader *reader);

/*
 * Dictionaries: entries seen so far, valid until the next call of trace_reader_next() (strings: until the reader is freed).
 * Ids given out by the reader are valid; an id out of range gives the empty string or NULL.
 */
const char *trace_reader_string(const struct trace_reader *reader, uint32_t id, size_t *size_bytes);
/* The same as a C string: bytes after an embedded NUL are not seen. Never NULL. */
const char *trace_reader_text(const struct trace_reader *reader, uint32_t id);
const struct trace_module *trace_reader_module(const struct trace_reader *reader, uint32_t id);
const struct trace_cache *trace_reader_cache(const struct trace_reader *reader, uint32_t id);
const struct trace_file *trace_reader_file(const struct trace_reader *reader, uint32_t id);
const struct trace_frame *trace_reader_frame(const struct trace_reader *reader, uint32_t id);
const struct trace_node *trace_reader_node(const struct trace_reader *reader, uint32_t id);
const struct trace_task *trace_reader_task(const struct trace_reader *reader, uint32_t id);
/* How many entries each has: ids run from 1 to this number. */
uint32_t trace_reader_module_count(const struct trace_reader *reader);
uint32_t trace_reader_cache_count(const struct trace_reader *reader);
uint32_t trace_reader_file_count(const struct trace_reader *reader);
uint32_t trace_reader_frame_count(const struct trace_reader *reader);
uint32_t trace_reader_node_count(const struct trace_reader *reader);
uint32_t trace_reader_task_count(const struct trace_reader *reader);
uint32_t trace_reader_string_count(const struct trace_reader *reader);

#endif
