/*
 * How many records of each kind a trace lacks, from all that it says about it: what rings dropped, what probes missed, what a witness
 * made up for.
 */
#ifndef SLABREC_REPORT_LOSSES_H
#define SLABREC_REPORT_LOSSES_H

#include <stdint.h>

#include "report/capture.h"
#include "trace/reader.h"

struct losses {
	uint64_t allocs; /* records of allocations that were dropped */
	uint64_t frees;	 /* the same of frees, where nobody else told of them */
	uint64_t tasks;
	uint64_t missed_allocs; /* at most: hits, most of them of other caches, that the kernel did not hand to a probe */
	uint64_t missed_frees;	/* the same, which no witness told */
	uint64_t unaccounted;	/* hits that passed the filters by the kernel's count and neither came nor were lost, or the other way */
	uint64_t freed_at_most; /* objects whose free may be among the lost and missed */
	uint64_t objects_per_free; /* most objects of one record of a free that was lost or missed: bulk frees have more */
};

/* Adds up what the capture says; reader names its strings. */
void losses_count(struct losses *losses, const struct capture *capture, const struct trace_reader *reader);

#endif
