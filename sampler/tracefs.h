/*
 * The kernel's tracing file system: where it is, its events and our own kprobe events in it. Everything that touches
 * kprobe_events goes through here, so that what was made is removed again and nothing else is.
 */
#ifndef SLABREC_SAMPLER_TRACEFS_H
#define SLABREC_SAMPLER_TRACEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"

struct tracefs {
	char path[128];  /* where it is mounted */
	char group[64];  /* of this run's kprobe events: slabrec_<pid>_<start time of the pid> */
	bool has_kprobes; /* kprobe_events is there and can be written */
	bool has_return_args; /* return probes can fetch $argN of the entry */
	bool has_maxactive; /* rNNN: is understood */
	bool has_arg_names; /* $argN is understood at function entry */
	char **events; /* owned; names of own kprobe events not yet removed */
	unsigned int event_count;
	unsigned int busy_count; /* after tracefs_close(), of those: they stay, because another tracer has enabled them */
	char busy[128];		 /* one of them */
};

/*
 * Finds tracefs, mounting it on /sys/kernel/tracing where nobody has. 0; -EPERM or -EACCES (not root), -ENOENT (the kernel has
 * none).
 */
int tracefs_open(struct tracefs *tracefs, struct error *err);
/* Removes the kprobe events that this run defined and has not removed. Call it after their perf descriptors are closed. */
void tracefs_close(struct tracefs *tracefs);

/* Removes kprobe events of runs of slabrec whose process is gone. Returns how many. */
unsigned int tracefs_sweep(struct tracefs *tracefs);

/*
 * Defines a kprobe event: kind "p" or "r", name within the run's own group. 0; -ENOENT (no such function), -EINVAL (the kernel
 * does not take the definition), or another negative errno.
 */
int tracefs_define(struct tracefs *tracefs, const char *kind, const char *name, const char *function, const char *args,
		   struct error *err);

/* Numeric id and text of events/<subsystem>/<name>/format; *format is the caller's to free. -ENOENT: no such event. */
int tracefs_event(const struct tracefs *tracefs, const char *subsystem, const char *name, uint64_t *id, char **format,
		  struct error *err);

/* Text of kprobe_profile, the caller's to free; NULL with errno set. */
char *tracefs_profile(const struct tracefs *tracefs);
/* What an event of the run missed, from that text. -ENOENT: not listed. Pure. */
int tracefs_profile_misses(const char *profile, const char *name, uint64_t *misses);

/* True where group is one of slabrec's and names a process that is gone. Pure but for /proc. */
bool tracefs_is_stale_group(const char *group);

#endif
