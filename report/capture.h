/*
 * What a trace says besides its events: how, where and with what losses it was recorded. Strings stay ids of the
 * reader.
 */
#ifndef SLABREC_REPORT_CAPTURE_H
#define SLABREC_REPORT_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"
#include "trace/reader.h"
#include "trace/record.h"

/* Most entries of each list that are kept; more than any recorder writes. */
#define CAPTURE_LIST_MAX (1u << 18)
#define CAPTURE_CPUS_MAX 8192u /* losses of higher ones count as the last one's; Linux has no more */

/* All-zero is an empty one. The arrays are owned. */
struct capture {
	struct trace_fact *facts;
	size_t fact_count;
	struct trace_counter *counters;
	size_t counter_count;
	struct trace_note *notes;
	size_t note_count;
	struct trace_probe *probes;
	size_t probe_count;
	struct trace_loss *losses; /* index cpu * TRACE_RING_COUNT + ring, summed over the recording */
	size_t loss_count;
	struct trace_census *census;
	size_t census_count;
	struct trace_meminfo *meminfo;
	size_t meminfo_count;
	uint64_t cpus_unseen; /* times that a CPU was not recorded, */
	uint64_t cpus_unseen_ns; /* for so long in all */
	bool has_end;
	struct trace_end end;
	uint64_t last_ns; /* latest time in any of these records */
};

void capture_release(struct capture *capture);
/* Keeps the record; does nothing for events and live addresses. 0, -ENOMEM, -EFBIG over CAPTURE_LIST_MAX. */
int capture_take(struct capture *capture, const struct trace_record *record, struct error *err);

#endif
