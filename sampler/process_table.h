/*
 * Tasks and address spaces while they live, kept up to date by the kernel's records of forks, execs, names, mappings and exits:
 * who a sample belongs to and which file a user address lies in.
 */
#ifndef SLABREC_SAMPLER_PROCESS_TABLE_H
#define SLABREC_SAMPLER_PROCESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/cgroup_table.h"
#include "sampler/sample.h"
#include "trace/u64_map.h"
#include "sampler/user_file.h"
#include "trace/writer.h"

#define PROCESS_COMMS_MAX 65536u

struct process_table {
	struct trace_writer *writer;	/* borrowed */
	struct user_file_table *files;	/* borrowed */
	struct u64_map tasks;		/* tid -> struct task * */
	struct u64_map processes;	/* pid -> struct process * */
	uint64_t next_space;
	uint64_t swept_ns;
	bool merges_tasks;		/* ids of tasks are numbers of names */
	struct u64_map comm_numbers;	/* hash of a name -> number */
	char (*comms)[16];		/* owned; number - 1 */
	uint32_t comm_count;
	uint32_t comm_capacity;
	struct cgroup_table *cgroups; /* borrowed; NULL: nobody asks for them */
	bool reads_cgroups;	      /* of new tasks from /proc, because samples do not tell */
	bool is_namespaced; /* 0 is what tasks outside our PID namespace are told as, not the idle task */
	int32_t filter_tid; /* only this thread; 0 all */
	int32_t filter_pid; /* only this process and what it forks is selected; 0 all */
};

/* A place of code: a file and an offset in it. */
struct user_place {
	uint32_t file; /* number in the table of files; 0: in no known mapping */
	uint64_t offset_bytes;
};

void process_table_init(struct process_table *table, struct trace_writer *writer, struct user_file_table *files);
void process_table_release(struct process_table *table);

/* Takes in all processes that run now. -ENOMEM. */
int process_table_scan(struct process_table *table);
/* Again, only who descends from whom. -ENOMEM. */
int process_table_scan_descendants(struct process_table *table);

/*
 * Takes tasks and processes that are not there any more for ended: the records of some ends may have been lost. Looks at /proc; call it
 * now and then.
 */
void process_table_verify(struct process_table *table, uint64_t now_ns);

/* Takes in a COMM, FORK, EXIT, MMAP or CGROUP record; others are ignored. -ENOMEM. */
int process_table_update(struct process_table *table, const struct sample *sample);

/*
 * Trace id of the task, written the first time and again when its name changes; 0 without memory. Where tasks are merged, the number of
 * its name, and nothing is written: as many as PROCESS_COMMS_MAX are told apart, "[others]" is what comes then.
 */
uint32_t process_table_task(struct process_table *table, int32_t pid, int32_t tid);

/* The name of that number; "" for 0. */
const char *process_table_comm(const struct process_table *table, uint32_t number);

/* The kernel told of the task's cgroup, by its id; 0 is ignored. */
void process_table_set_cgroup(struct process_table *table, int32_t pid, int32_t tid, uint64_t cgroup);

/*
 * True where the task is the thread that is recorded, of the process or of one that it forked, and in the cgroup, each as far as
 * one was asked for. cgroup is the id that the event told; without it (0) the task's last known counts.
 */
bool process_table_selects(struct process_table *table, int32_t pid, int32_t tid, uint64_t cgroup);

/* The selected processes that are known, the one that was asked for first. */
typedef void process_table_take(void *context, int32_t pid);
void process_table_each_selected(const struct process_table *table, process_table_take *take, void *context);

/* True where filter_pid is 0, the process itself, or an ancestor of it by forks that were seen. */
bool process_table_is_selected(const struct process_table *table, int32_t pid);

/* A number that changes whenever addresses of the process may mean something else; 0 for unknown processes. */
uint64_t process_table_space(const struct process_table *table, int32_t pid);

struct user_place process_table_place(const struct process_table *table, int32_t pid, uint64_t address);

#endif
