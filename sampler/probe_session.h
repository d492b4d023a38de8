/*
 * The probes of a plan, set and opened on every CPU, with their rings: the kernel side of a recording. Everything it makes is gone
 * after probe_session_close().
 */
#ifndef SLABREC_SAMPLER_PROBE_SESSION_H
#define SLABREC_SAMPLER_PROBE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/cpu_list.h"
#include "sampler/perf_ring.h"
#include "sampler/probe_plan.h"
#include "sampler/ring_drainer.h"
#include "sampler/slab_bpf.h"
#include "sampler/time_order.h"
#include "sampler/tracefs.h"
#include "trace/record.h"

struct probe_event {
	int fd; /* -1: closed, because its CPU went */
	uint32_t probe; /* place in the plan */
	uint32_t cpu;	/* place in the session's list */
	bool is_repeat; /* samples the call chains of hits that another event tells */
	bool is_copy;	/* brings the user stacks of hits that another event tells just after */
	uint64_t granted; /* of a copy: samples that it may give in all */
	struct perf_event_counts counts; /* once closed */
};

/* Called for every opened event: samples with this id come from the plan's probe and have these enum sample_parts. -ENOMEM ends the opening. */
typedef int probe_session_id(void *context, uint64_t id, size_t probe, unsigned int parts);

struct probe_session_options {
	const struct cpu_list *alloc_cpus; /* where allocations are recorded; empty: everywhere */
	size_t ring_bytes; /* of the allocations' ring of each CPU; a power of two of pages */
	bool has_user_callchain;
	uint32_t user_stack_bytes; /* allocations bring the user registers and so much of the user stack, where there is time; 0: never */
	bool has_cgroups; /* samples of allocations tell the task's cgroup */
	bool is_in_cgroup; /* allocations of its tasks only */
	int cgroup_fd;
	probe_session_id *add_id;
	void *context; /* of add_id */
	struct slab_bpf *bpf; /* where the plan has raw tracepoints */
};

struct probe_session {
	struct tracefs *tracefs;  /* borrowed */
	struct probe_plan *plan;  /* borrowed */
	struct probe_session_options options;
	struct cpu_list cpus;	 /* that were online at any time, those that came later behind the others */
	bool *has_cpu;		 /* owned; by place in cpus: it is open */
	struct perf_ring *rings; /* owned; TRACE_RING_COUNT for each CPU */
	struct ring_drainer *drainer; /* of the rings; NULL: they are emptied when asked only */
	struct probe_event *events; /* owned */
	size_t event_count;
	size_t event_capacity;
};

/*
 * Defines the plan's kprobes, opens everything on the CPUs that are online, disabled. A probe that the kernel does not take is an
 * error. On failure nothing is left behind. What the options point at has to outlive the session.
 */
int probe_session_open(struct probe_session *session, struct tracefs *tracefs, struct probe_plan *plan,
		       const struct probe_session_options *options, struct error *err);
void probe_session_close(struct probe_session *session);

/* In a child process: lets go of what belongs to the parent, which keeps it. The session tells and drains nothing any more. */
void probe_session_leave(struct probe_session *session);

/* Records of tasks and mappings begin to come; call it before looking at /proc. */
int probe_session_enable_tasks(struct probe_session *session, struct error *err);
/* Frees first, so that no allocation goes without its free; and the other way round at the end. */
int probe_session_enable(struct probe_session *session, struct error *err);
void probe_session_disable(struct probe_session *session);

/*
 * Follows the CPUs while everything is enabled: those that are not in online, or in gone (they were off in between, which ended their
 * events), are drained into order and closed; those in online that are not open are opened and enabled. Told is called for each. 0;
 * a CPU that cannot be opened is an error only where it stays online.
 */
typedef void probe_session_told(void *context, int cpu, bool is_open);
int probe_session_follow_cpus(struct probe_session *session, const struct cpu_list *online, const struct cpu_list *gone,
			      struct time_order *order, probe_session_told *told, void *context, struct error *err);

/* False where so much waits in the order that what the rings have should stay there. */
bool probe_session_may_drain(const struct probe_session *session, const struct time_order *order);

/* Takes everything out of all rings. -ENOMEM. */
int probe_session_drain(struct probe_session *session, struct time_order *order);

/* Gives back memory that a burst took and that was not needed since the last call. */
void probe_session_trim(struct probe_session *session, struct time_order *order);

/*
 * Lets user stacks come: of each event for them up to most at a time, count more at most in all. Returns how many more. Before the first call
 * none come.
 */
uint64_t probe_session_grant_copies(struct probe_session *session, uint64_t most, uint64_t count);

/* Waits until a ring is a quarter full or timeout_ms is over; also for fd (-1: none) to be readable. 0 or -errno; -EINTR too. */
int probe_session_wait(struct probe_session *session, int fd, int timeout_ms);

/*
 * What the kernel counted of each probe on each CPU, at probe * cpus.count + place of the CPU, without the events that only repeat;
 * call it before closing. counts has room for all. 0 or -errno.
 */
int probe_session_count(const struct probe_session *session, struct perf_event_counts *counts);

/* Samples that the CPU's ring had no room for; 0 where the kernel cannot tell (before 6.0 without the backport). */
uint64_t probe_session_lost(const struct probe_session *session, size_t cpu, enum trace_ring ring);

#endif
