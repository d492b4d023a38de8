/* Lists of CPUs as the kernel and perf write them: "0-3,7". */
#ifndef SLABREC_SAMPLER_CPU_LIST_H
#define SLABREC_SAMPLER_CPU_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "trace/error.h"

struct cpu_list {
	int *cpus; /* owned, rising */
	size_t count;
};

/* -EINVAL: not a list; -ENOMEM. */
int cpu_list_parse(struct cpu_list *list, const char *text);
void cpu_list_release(struct cpu_list *list);

/* The CPUs that are online now. */
int cpu_list_online(struct cpu_list *list, struct error *err);

bool cpu_list_has(const struct cpu_list *list, int cpu);

#endif
