/*
 * perf_event's descriptors and rings: opening events on a CPU, sending them into one ring, taking records out of it. What the
 * records mean is sample.h's business.
 */
#ifndef SLABREC_SAMPLER_PERF_RING_H
#define SLABREC_SAMPLER_PERF_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/cursor.h"
#include "trace/error.h"

/* One mapped ring of one CPU, with the descriptor that owns it. */
struct perf_ring {
	int fd; /* -1: not open */
	void *pages;
	size_t data_bytes;
	uint64_t mask;
};

/*
 * Opens a ring of data_bytes (a power of two of pages) on the CPU. with_tasks: it also gets the records of tasks and
 * executable mappings of all processes on that CPU. -EPERM/-EACCES, -ENODEV (CPU offline), -ENOMEM, -EMFILE.
 */
int perf_ring_open(struct perf_ring *ring, int cpu, size_t data_bytes, bool with_tasks, struct error *err);
void perf_ring_close(struct perf_ring *ring);

/* Appends all records that are there to out, each whole as the kernel wrote it, and frees their room. */
void perf_ring_drain(struct perf_ring *ring, struct buffer *out);

/* How a probe's event is to be opened. */
struct perf_event_options {
	uint64_t tracepoint_id; /* 0: what a BPF program sends */
	const char *filter; /* "" none */
	uint32_t period;     /* one sample for so many hits; 0 and 1: for each */
	bool has_callchain;
	bool has_user_callchain;
	uint32_t user_stack_bytes; /* samples bring the user registers and so much of the user stack; 0: they do not */
	bool has_cgroup; /* samples tell the task's cgroup */
	bool is_in_cgroup; /* only for tasks of the cgroup of this folder */
	int cgroup_fd;
};

/* True where samples take the cgroup of a task (5.7, CONFIG_CGROUP_PERF). */
bool perf_event_tells_cgroups(void);
/* 0 where events can be opened for this cgroup alone; else -errno. */
int perf_event_takes_cgroup(int cgroup_fd);

/*
 * Opens the event on the CPU, disabled, its samples going to ring, which is of the same CPU. Returns the descriptor, or a
 * negative errno; id gets the number that its samples carry.
 */
int perf_event_open_probe(const struct perf_event_options *options, int cpu, const struct perf_ring *ring,
			       uint64_t *id, struct error *err);

/* Has the BPF program run at each hit of the tracepoint, on all CPUs, until the returned descriptor is closed. A negative errno. */
int perf_event_run_program(uint64_t tracepoint_id, int program_fd, struct error *err);

int perf_event_enable(int fd);
int perf_event_disable(int fd);
/* Enabled for so many samples more than it was. */
int perf_event_enable_for(int fd, int samples);

/* What the kernel counted of an event. */
struct perf_event_counts {
	uint64_t passed; /* hits that passed the filter */
	uint64_t lost;	 /* of those, records that did not fit the ring */
	bool has_lost;	 /* the kernel can tell */
};

/* 0 or -errno. */
int perf_event_read(int fd, struct perf_event_counts *counts);

#endif
