/* Which NUMA node each CPU belongs to, as the trace's facts numa_node.N.cpus tell. */
#ifndef SLABREC_REPORT_CPU_NODES_H
#define SLABREC_REPORT_CPU_NODES_H

#include <stdint.h>

#include "report/recording.h"

/* All-zero knows nothing. */
struct cpu_nodes {
	int32_t *nodes; /* owned: of CPU i; -1 not known */
	uint32_t nr_cpus;
	uint32_t nr_nodes; /* that have CPUs */
};

/* What is no list of CPUs is passed over; without memory nothing is known. */
void cpu_nodes_read(struct cpu_nodes *nodes, const struct recording *recording);
void cpu_nodes_release(struct cpu_nodes *nodes);

/* -1: not known. */
int32_t cpu_nodes_of(const struct cpu_nodes *nodes, uint32_t cpu);

#endif
