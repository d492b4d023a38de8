/* What the user asked for on the command line. */
#ifndef SLABREC_SAMPLER_OPTIONS_H
#define SLABREC_SAMPLER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sampler/cpu_list.h"
#include "sampler/name_offset.h"
#include "sampler/start_condition.h"
#include "sampler/user_stacks.h"
#include "trace/error.h"

#define OPTIONS_CACHES_MAX 256

enum source {
	SOURCE_AUTO,
	SOURCE_BPF, /* raw tracepoints that BPF programs filter */
	SOURCE_KPROBE,
	SOURCE_TRACEPOINT,
	SOURCE_COUNT
};

enum options_action {
	ACTION_RECORD,
	ACTION_LIST_CACHES,
	ACTION_EXPLAIN,
	ACTION_HELP,
	ACTION_VERSION,
};

struct options {
	enum options_action action;
	char *caches[OPTIONS_CACHES_MAX]; /* owned; patterns as given, split at commas */
	size_t cache_count;
	const char *output;
	uint64_t duration_ns; /* 0: until the command ends or a signal comes */
	uint64_t max_size_bytes;   /* of the trace; 0: no limit */
	uint64_t max_memory_bytes; /* of our own; 0: by the machine's */
	struct start_condition start_when;
	bool is_only_live;
	bool is_reclaim; /* at the end memory is asked back */
	uint32_t peek_bytes; /* of objects that are live at the end; 0: their contents are not looked at */
	int snapshot_signal; /* 0: none */
	uint64_t work_units;	 /* that the workload does while it is recorded; 0: not told */
	const char *work_command; /* prints how many it has done so far; NULL: none */
	pid_t pid;	      /* 0: all */
	pid_t tid;	      /* 0: all */
	const char *cgroup;   /* NULL: all */
	struct cpu_list cpus; /* empty: all */
	enum source source;
	size_t ring_bytes; /* 0: by the number of CPUs */
	unsigned int maxactive; /* of return probes; 0: by the number of CPUs */
	enum user_stacks user_stacks;
	bool all_free_stacks;
	bool no_free_stacks;
	bool is_quiet;
	bool is_verbose;
	/* Features of the kernel that are not to be used, so that fallbacks can be tested. */
	bool without_bpf;
	bool without_walk;
	bool without_return_args;
	bool without_maxactive;
	bool without_arg_names;
	bool without_witness;
	enum name_offset_source name_offset;
	char *const *command; /* NULL: none; ends with NULL */
	int argc;	      /* as main() got it */
	char **argv;
};

/* -EINVAL with the sentence. Looks at the command line only: what it names may not exist. */
int options_parse(struct options *options, int argc, char **argv, struct error *err);
void options_release(struct options *options);

/* As --source spells it. */
const char *source_name(enum source source);

extern const char options_help[];

#endif
