/*
 * Control groups by the kernel's ids and by path: which one a task is in, and whether it lies under the one that is recorded. Paths
 * are as trace/FORMAT.md says: /a/b of version 2, CONTROLLERS:/a/b where only version 1 tells.
 */
#ifndef SLABREC_SAMPLER_CGROUP_TABLE_H
#define SLABREC_SAMPLER_CGROUP_TABLE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/u64_map.h"
#include "trace/error.h"
#include "trace/writer.h"

#define CGROUP_TABLE_MANY 8192u

struct cgroup {
	char *path;
	uint32_t string;  /* of the trace; 0 not written yet */
	bool is_selected; /* is the recorded one, or lies below it */
	bool is_root;
	bool is_kept;	 /* while forgetting */
	bool is_of_perf; /* of the hierarchy that perf events know */
};

struct cgroup_table {
	struct trace_writer *writer; /* borrowed */
	char mount[PATH_MAX];	     /* of the hierarchy that perf events know; "" it is not mounted */
	char label[32];		     /* before its paths: "" for version 2, "perf_event:" */
	struct u64_map ids;	     /* of the kernel -> struct cgroup *, NULL for those that are nowhere */
	struct u64_map paths;	     /* hash of the path -> struct cgroup * */
	char *filter;		     /* path; NULL: all are recorded */
	bool is_kernels_choice;	     /* events of others do not come */
};

/* mounts is the text of /proc/self/mounts. Pure. */
void cgroup_table_init(struct cgroup_table *table, struct trace_writer *writer, const char *mounts);
void cgroup_table_release(struct cgroup_table *table);

/*
 * Records only what is in the cgroup and below it: name is a path in the file system or in the hierarchy. Call it before anything is
 * added. Returns the descriptor of its folder, the caller's to close, or -ENOENT, -EINVAL, another negative errno.
 */
int cgroup_table_select(struct cgroup_table *table, const char *name, struct error *err);

/* Adds all that are mounted. -ENOMEM. */
int cgroup_table_scan(struct cgroup_table *table);
/* Adds one by the path that the kernel tells. -ENOMEM. */
int cgroup_table_add(struct cgroup_table *table, uint64_t id, const char *path);

/* NULL: nobody knows it. Valid until the table is released, as all cgroups are. */
struct cgroup *cgroup_table_find(struct cgroup_table *table, uint64_t id);
/* The one that the text of /proc/PID/cgroup tells; NULL none, or without memory. */
struct cgroup *cgroup_table_of_text(struct cgroup_table *table, const char *text);

/*
 * Forgets, where more than CGROUP_TABLE_MANY are known, those that are neither mounted any more nor is_kept, which the caller sets
 * after cgroup_table_begin_forgetting() told it to: others are invalid then. -ENOMEM.
 */
bool cgroup_table_begin_forgetting(struct cgroup_table *table);
int cgroup_table_forget(struct cgroup_table *table);

/* True where cgroup, which may be NULL, is to be recorded. */
bool cgroup_table_is_selected(const struct cgroup_table *table, const struct cgroup *cgroup);

/* The path as a string of the trace; 0 for NULL. */
uint32_t cgroup_table_string(struct cgroup_table *table, struct cgroup *cgroup);

#endif
