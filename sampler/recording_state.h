/*
 * A recording with all that it has open, for recording.c and the files that do its larger steps: recording_probes.c opens the source of
 * events, recording_story.c writes what the trace tells of itself.
 */
#ifndef SLABREC_SAMPLER_RECORDING_STATE_H
#define SLABREC_SAMPLER_RECORDING_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

#include "sampler/btf.h"
#include "sampler/cpu_watch.h"
#include "sampler/miss_watch.h"
#include "sampler/module_watch.h"
#include "sampler/output.h"
#include "sampler/peek.h"
#include "sampler/probe_session.h"
#include "sampler/progress.h"
#include "sampler/reclaim.h"
#include "sampler/recorder.h"
#include "sampler/slab_bpf.h"
#include "sampler/snapshot.h"
#include "sampler/target.h"
#include "sampler/workload.h"

/* Room for recording_source_why(). */
#define WHY_BYTES 1024
/* What may be spent at once on user stacks. */
#define UNWINDING_AHEAD_NS 50000000u

struct recording {
	const struct options *options;
	struct start_condition start_when;
	struct slab_cache_list all;
	struct slab_cache_list selected;
	struct tracefs tracefs;
	struct kernel_image kernel;
	struct kernel_btf *btf;
	struct output output;
	struct trace_writer *writer;
	struct user_file_table files;
	struct target target;
	struct cgroup_table cgroups;
	struct process_table processes;
	struct stack_table stacks;
	struct user_unwind *unwind; /* NULL: no user stacks, or by frame pointers */
	struct probe_plan plan;
	struct slab_bpf bpf;
	struct process_filter process_filter;
	struct probe_session session;
	struct recorder recorder;
	struct digest digest; /* with --only-live */
	struct time_order order;
	struct workload workload;
	struct progress progress;
	struct snapshots snapshots;
	struct trace_probe *totals; /* owned; of the plan's probes, once gathered */
	struct perf_event_counts *counts; /* owned; the same for each CPU of the session */
	int *counted_cpus; /* owned; those CPUs */
	size_t counted_cpu_count;
	struct cpu_watch cpu_watch;
	struct miss_watch miss_watch;
	struct module_watch module_watch;
	struct reclaim reclaim; /* with --reclaim */
	uint64_t work_before; /* with --work-cmd: units of work when the recording began */
	struct peek peek;	/* with --peek */
	char *formats[8]; /* of tracepoints, kept while planning */
	size_t format_count;
	enum source source;
	char why[SOURCE_COUNT][300]; /* the source was picked, or was not */
	uint32_t name_offset_bytes;
	enum name_offset_source name_offset_from;
	int signals;	 /* signalfd */
	int end_signals; /* signalfd without SIGCHLD, never read: tells that a signal waits */
	struct rlimit file_limit; /* as it was */
	int stop_signal;
	const char *stop_reason;
	bool is_limit_reached; /* the command did not end, nor did anybody ask us to */
	uint64_t start_ns;
	uint64_t flushed_ns;
	uint64_t counted_ns;
	uint64_t census_cost_ns; /* of the last one */
	unsigned int census_count; /* at intervals */
	uint64_t weighed_ns; /* when our own memory was looked at */
	uint64_t cpus_checked_ns; /* when the CPUs were as they were thought to be */
	uint64_t verified_ns; /* when tasks that ended unseen were looked for */
	uint64_t granted_ns; /* when user stacks were let come */
	uint64_t unwinding_ns; /* that may be spent on them */
	uint64_t waited_ns;  /* before the start, for its condition */
	uint64_t end_ns;
};

static inline uint64_t recording_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* recording_probes.c */

/* What the kernel has, for planning: valid while the recording is. */
struct probe_plan_facts recording_plan_facts(struct recording *recording);
/* How user stacks are got. */
enum user_stacks recording_user_stacks(const struct recording *recording);
/* Opens the source that is asked for, or the best that this kernel has. -errno. */
int recording_open_probes(struct recording *recording, struct error *err);
/* Why it is that source; in text. */
const char *recording_source_why(const struct recording *recording, char *text, size_t size_bytes);
/* True where a tracepoint tells of the frees that probes may miss. */
bool recording_has_witnesses(const struct recording *recording);
/* Tells the filter in the kernel which processes are selected, once they are known. -errno. */
int recording_tell_processes(struct recording *recording);
/* Lets as many copies of user stacks come as there is time for. */
void recording_grant_copies(struct recording *recording, uint64_t now_ns);

/* recording_story.c */

void recording_write_caches(struct recording *recording);
/* What was chosen, and what the source does not see. */
void recording_write_choices(struct recording *recording);
/* What slabinfo counts now. */
void recording_write_census(struct recording *recording, enum trace_census_phase phase);
bool recording_is_census_due(const struct recording *recording, uint64_t now_ns);
/* Sums up what each probe has counted. -ENOMEM. */
int recording_gather_totals(struct recording *recording, struct error *err);
/* The totals, and in *misses how many hits were missed. */
void recording_write_probes(struct recording *recording, uint64_t *misses);
/* Notes when probes missed hits. -errno. */
int recording_date_misses(struct recording *recording, struct error *err);
/* Takes in CPUs that came and lets go of those that went. -errno. */
int recording_follow_cpus(struct recording *recording, uint64_t now_ns, struct error *err);

#endif
