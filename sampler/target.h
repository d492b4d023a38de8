/*
 * Whose allocations are recorded: what -p, -t, -G and -C name, that it is there, and what of it the kernel can filter. An allocation
 * has to be of all that are named; a free is recorded whoever frees.
 */
#ifndef SLABREC_SAMPLER_TARGET_H
#define SLABREC_SAMPLER_TARGET_H

#include <stdbool.h>

#include "sampler/cgroup_table.h"
#include "sampler/options.h"
#include "trace/error.h"
#include "trace/writer.h"

#define TARGET_SENTENCES 5

struct target {
	const struct options *options; /* borrowed */
	bool is_namespaced;	       /* in a PID namespace of our own: the kernel's numbers of tasks are others */
	bool has_cgroup_ids;	       /* samples can tell the task's cgroup */
	int cgroup_fd;		       /* for the kernel to filter by; -1: none, or it cannot */
	char task_filter[40];	       /* the condition on an event's common fields; "" none */
	char cpus[1024];	       /* as the kernel writes lists; "" all */
	char texts[TARGET_SENTENCES][256];
	char *process_text; /* the one of --pid; NULL none */
	const char *sentences[TARGET_SENTENCES + 1]; /* what is recorded and where it is filtered; ends with NULL */
};

/* 0, or -ESRCH, -ENODEV, -ENOENT, -EINVAL with the sentence: it does not exist, or nothing can be of all that are named. */
int target_open(struct target *target, const struct options *options, struct cgroup_table *cgroups, struct error *err);
void target_close(struct target *target);

/* True where the kernel can filter by process: its numbers are ours. */
bool target_has_process(const struct target *target);
/* It does: says so. */
void target_process_is_kernels(struct target *target);

/* True where allocations of some are not recorded. */
bool target_is_limited(const struct target *target);

void target_write_facts(const struct target *target, const struct cgroup_table *cgroups, struct trace_writer *writer);

#endif
