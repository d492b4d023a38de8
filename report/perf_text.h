/*
 * The text of `perf script`, a line at a time: samples with their fields, frames, lost records, what its header says. Pure. Whoever makes
 * the text may have any intention: what is not understood is PERF_LINE_OTHER.
 */
#ifndef SLABREC_REPORT_PERF_TEXT_H
#define SLABREC_REPORT_PERF_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum perf_line_kind {
	PERF_LINE_OTHER = 0,
	PERF_LINE_BLANK,  /* ends a sample with a call chain */
	PERF_LINE_SAMPLE, /* comm, pid, tid, cpu, time_ns, event, fields */
	PERF_LINE_FRAME,  /* frame, innermost first behind its sample */
	PERF_LINE_LOST,	  /* time_ns, cpu, lost: records that did not fit into perf's ring */
	PERF_LINE_LOST_SAMPLES, /* the same, counted once more by event, in newer perfs */
	PERF_LINE_HEADER, /* key and value of "# key : value" */
};

struct perf_frame {
	uint64_t ip;
	const char *symbol; /* NULL where perf has none */
	uint64_t offset;
	const char *file; /* what stands in parentheses: [kernel.kallsyms], [ext4], a path; "" none */
};

/* Strings are borrowed from the line that was read. */
struct perf_line {
	enum perf_line_kind kind;
	const char *comm;
	int32_t pid, tid; /* pid is tid where the text has one number */
	uint32_t cpu;
	uint64_t time_ns;
	const char *event; /* with its group, as in "kmem:kfree" */
	const char *fields;
	uint64_t lost;
	struct perf_frame frame;
	const char *key, *value;
};

/* Reads a line without its end, which is cut into pieces. is_header: it may be one of the header, with which a text begins. */
void perf_line_read(struct perf_line *line, char *text, bool is_header);

/*
 * Copies the value of a field of a sample ("ptr" of "call_site=... ptr=0x1"), without quotes, to value, of size_bytes at least 1. False where
 * there is none, or it is longer.
 */
bool perf_field(const char *fields, const char *name, char *value, size_t size_bytes);
/* The same for a number, decimal or hexadecimal with 0x; "(nil)" is 0. */
bool perf_field_number(const char *fields, const char *name, uint64_t *value);

#endif
