/*
 * The processes whose allocations are recorded, for BPF programs to look up: a map of their numbers, to which a program on
 * sched:sched_process_fork adds what they fork before it runs. It may hold more than is recorded (numbers of threads, and of processes that
 * are gone): who reads the samples still decides.
 */
#ifndef SLABREC_SAMPLER_PROCESS_FILTER_H
#define SLABREC_SAMPLER_PROCESS_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "sampler/bpf_program.h"
#include "sampler/tracefs.h"

struct process_filter {
	bool is_on;
	int map; /* number -> 1; number 0 -> 1 when one could not be put in: then all processes pass */
	int program;
	int event; /* perf event that runs it */
};

/* Opens it and follows forks from now on. -ENOTSUP: this kernel cannot. process_filter_close() is due in any case. */
int process_filter_open(struct process_filter *filter, const struct tracefs *tracefs, struct error *err);
void process_filter_close(struct process_filter *filter);

/* A process_table_take: context is the filter. */
void process_filter_add(void *context, int32_t pid);

/* Writes into program what goes to out where the current task's process does not pass. key_at: 4 bytes on its stack. */
void process_filter_write(const struct process_filter *filter, struct bpf_program *program, int key_at, bpf_program_label out);

#endif
