/*
 * When probes missed frees: the kernel counts their misses over all CPUs, so they are looked at now and then, and what came is told
 * with the time between two looks.
 */
#ifndef SLABREC_SAMPLER_MISS_WATCH_H
#define SLABREC_SAMPLER_MISS_WATCH_H

#include <stdint.h>

#include "sampler/probe_plan.h"
#include "trace/writer.h"

/* All-zero is one that has not looked yet. */
struct miss_watch {
	uint64_t *misses; /* owned; of the plan's probes, at the last look */
	uint64_t looked_ns;
};

void miss_watch_release(struct miss_watch *watch);

/*
 * Writes an UNSEEN record for each probe of the free side that missed hits since the last look and whose events no other probe tells.
 * profile is the text of kprobe_profile, time_ns since the start of the recording. 0 or -ENOMEM.
 */
int miss_watch_look(struct miss_watch *watch, const struct probe_plan *plan, const char *profile, uint64_t time_ns,
		    struct trace_writer *writer);

#endif
