/* Knows how the life of tasks shows in perf's records, and that they may come from processes that are gone already. */
#include "sampler/process_table.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sampler/text_file.h"
#include "trace/cleanup.h"

/* The last work of a task (closing its files) comes with its own pid, so the dead are kept for a while. */
#define DEAD_KEPT_NS 5000000000u

#define MAPPINGS_MAX 8192u
#define OTHER_COMMS "[others]"

struct mapping {
	uint64_t begin;
	uint64_t end;
	uint64_t page_offset_bytes;
	uint32_t file;
};

struct process {
	uint64_t space; /* number of its present address space */
	uint64_t exited_ns;
	struct mapping *mappings; /* newest last */
	uint32_t count;
	uint32_t capacity;
	int32_t parent; /* as scanned; 0 not known */
	int32_t forked_by; /* 0 not known */
	bool is_selected;
	bool has_living_task; /* while sweeping */
};

struct task {
	int32_t pid;
	uint32_t id; /* in the trace; 0 not written with this name */
	uint64_t exited_ns;
	uint64_t cgroup_id; /* the kernel's, 0 not told */
	struct cgroup *cgroup; /* NULL not known */
	bool has_read_cgroup;  /* since its last fork or exec */
	char comm[16];
};

/* Keys of maps are not 0, and tid 0 is the idle task. */
static uint64_t key_of(int32_t id)
{
	return (uint64_t)(uint32_t)id + 1;
}

void process_table_init(struct process_table *table, struct trace_writer *writer, struct user_file_table *files)
{
	*table = (struct process_table){.writer = writer, .files = files, .next_space = 1};
}

static void process_free(struct process *process)
{
	if (!process)
		return;
	free(process->mappings);
	free(process);
}

void process_table_release(struct process_table *table)
{
	for (size_t i = 0; i < table->processes.capacity; i++)
		if (table->processes.slots[i].key)
			process_free((struct process *)(uintptr_t)table->processes.slots[i].value);
	for (size_t i = 0; i < table->tasks.capacity; i++)
		if (table->tasks.slots[i].key)
			free((struct task *)(uintptr_t)table->tasks.slots[i].value);
	u64_map_release(&table->processes);
	u64_map_release(&table->tasks);
	u64_map_release(&table->comm_numbers);
	free(table->comms);
}

static struct process *find_process(const struct process_table *table, int32_t pid)
{
	uint64_t *value = u64_map_find(&table->processes, key_of(pid));

	return value ? (struct process *)(uintptr_t)*value : NULL;
}

static struct process *need_process(struct process_table *table, int32_t pid)
{
	uint64_t *value = u64_map_put(&table->processes, key_of(pid));

	if (!value)
		return NULL;
	if (!*value) {
		struct process *process = calloc(1, sizeof(*process));

		if (!process) {
			u64_map_remove(&table->processes, key_of(pid));
			return NULL;
		}
		process->space = table->next_space++;
		process->is_selected = !table->filter_pid || pid == table->filter_pid;
		*value = (uintptr_t)process;
	}
	return (struct process *)(uintptr_t)*value;
}

static struct task *find_task(const struct process_table *table, int32_t tid)
{
	uint64_t *value = u64_map_find(&table->tasks, key_of(tid));

	return value ? (struct task *)(uintptr_t)*value : NULL;
}

static struct task *need_task(struct process_table *table, int32_t pid, int32_t tid)
{
	uint64_t *value = u64_map_put(&table->tasks, key_of(tid));

	if (!value)
		return NULL;
	if (!*value) {
		struct task *task = calloc(1, sizeof(*task));

		if (!task) {
			u64_map_remove(&table->tasks, key_of(tid));
			return NULL;
		}
		*value = (uintptr_t)task;
	}
	struct task *task = (struct task *)(uintptr_t)*value;
	if (task->pid != pid) {
		task->pid = pid;
		task->id = 0;
	}
	return task;
}

static void set_comm(struct task *task, const char *comm)
{
	if (!strncmp(task->comm, comm, sizeof(task->comm) - 1))
		return;
	snprintf(task->comm, sizeof(task->comm), "%.15s", comm);
	task->id = 0;
}

static int add_mapping(struct process *process, struct mapping mapping)
{
	/* Nobody tells of munmap(): of a program that maps code for ever the oldest half is forgotten. */
	if (process->count == MAPPINGS_MAX) {
		process->count /= 2;
		memmove(process->mappings, process->mappings + process->count, process->count * sizeof(mapping));
	}
	if (process->count == process->capacity) {
		uint32_t capacity = process->capacity ? process->capacity * 2 : 8;
		struct mapping *mappings = realloc(process->mappings, capacity * sizeof(*mappings));

		if (!mappings)
			return -ENOMEM;
		process->mappings = mappings;
		process->capacity = capacity;
	}
	process->mappings[process->count++] = mapping;
	return 0;
}

/* Forgets mappings that the new one covers whole: they were unmapped, or are the same once more. */
static void drop_covered(struct process *process, uint64_t begin, uint64_t end)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < process->count; i++)
		if (process->mappings[i].begin < begin || process->mappings[i].end > end)
			process->mappings[kept++] = process->mappings[i];
	process->count = kept;
}

static int map_file(struct process_table *table, int32_t pid, struct mapping mapping, const char *path, uint64_t inode)
{
	struct process *process = need_process(table, pid);

	if (!process)
		return -ENOMEM;
	/* What has no file counts from its start. */
	if (*path != '/' || !strncmp(path, "//anon", 6))
		mapping.page_offset_bytes = 0;
	struct user_file_view view = {
		.pid = pid, .parent_pid = process->forked_by, .begin = mapping.begin, .end = mapping.end};
	mapping.file = user_file_find_mapped(table->files, &view, *path && strncmp(path, "//anon", 6) ? path : "[anon]", inode);
	drop_covered(process, mapping.begin, mapping.end);
	process->space = table->next_space++;
	return add_mapping(process, mapping);
}

/* One line of /proc/PID/maps; only executable mappings count. */
static int scan_mapping(struct process_table *table, int32_t pid, const char *line)
{
	unsigned long long begin, end, offset, inode;
	char permissions[5];
	int path = 0;

	if (sscanf(line, "%llx-%llx %4s %llx %*x:%*x %llu %n", &begin, &end, permissions, &offset, &inode, &path) != 5 ||
	    permissions[2] != 'x')
		return 0;
	struct mapping mapping = {.begin = begin, .end = end, .page_offset_bytes = offset};
	return map_file(table, pid, mapping, path ? line + path : "", inode);
}

static int scan_mappings(struct process_table *table, int32_t pid)
{
	char path[64];
	char *rest = NULL;
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	char *maps CLEANUP(cleanup_free) = text_file_read(path, NULL);
	for (char *line = maps ? strtok_r(maps, "\n", &rest) : NULL; line && !ret; line = strtok_r(NULL, "\n", &rest))
		ret = scan_mapping(table, pid, line);
	return ret;
}

static struct cgroup *scan_cgroup(struct process_table *table, int32_t pid)
{
	char path[64];

	if (!table->cgroups)
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	char *text CLEANUP(cleanup_free) = text_file_read(path, NULL);
	return text ? cgroup_table_of_text(table->cgroups, text) : NULL;
}

static int scan_tasks(struct process_table *table, int32_t pid)
{
	struct cgroup *cgroup = scan_cgroup(table, pid);
	char path[64];
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && !ret && (entry = readdir(dir));) {
		char comm_path[128], comm[16];
		int32_t tid = atoi(entry->d_name);

		snprintf(comm_path, sizeof(comm_path), "/proc/%d/task/%d/comm", pid, tid);
		if (tid <= 0 || text_file_line(comm_path, comm, sizeof(comm)))
			continue;
		struct task *task = need_task(table, pid, tid);
		if (!task) {
			ret = -ENOMEM;
			continue;
		}
		set_comm(task, comm);
		task->cgroup = cgroup;
	}
	if (dir)
		closedir(dir);
	return ret;
}

/* Field 4 of /proc/PID/stat; 0 when it is gone. */
static int32_t parent_of(int32_t pid)
{
	char path[64], state;
	int32_t parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	char *stat CLEANUP(cleanup_free) = text_file_read(path, NULL);
	const char *behind_comm = stat ? strrchr(stat, ')') : NULL;
	if (behind_comm && sscanf(behind_comm + 1, " %c %d", &state, &parent) != 2)
		parent = 0;
	return parent;
}

/* Selects the descendants of selected processes, generation by generation. */
static void select_descendants(struct process_table *table)
{
	bool has_more = table->filter_pid != 0;

	while (has_more) {
		has_more = false;
		for (size_t i = 0; i < table->processes.capacity; i++) {
			struct process *process = (struct process *)(uintptr_t)table->processes.slots[i].value;
			const struct process *parent = NULL;

			if (table->processes.slots[i].key && !process->is_selected && process->parent)
				parent = find_process(table, process->parent);
			if (parent && parent->is_selected)
				process->is_selected = has_more = true;
		}
	}
}

static int scan_process(struct process_table *table, int32_t pid)
{
	struct process *process = need_process(table, pid);

	if (!process)
		return -ENOMEM;
	if (table->filter_pid)
		process->parent = parent_of(pid);
	int ret = scan_tasks(table, pid);
	return ret ? ret : scan_mappings(table, pid);
}

int process_table_scan(struct process_table *table)
{
	int ret = 0;
	DIR *dir = opendir("/proc");

	for (struct dirent *entry; dir && !ret && (entry = readdir(dir));)
		if (isdigit((unsigned char)*entry->d_name))
			ret = scan_process(table, atoi(entry->d_name));
	if (dir)
		closedir(dir);
	select_descendants(table);
	return ret;
}

int process_table_scan_descendants(struct process_table *table)
{
	int ret = 0;
	DIR *dir = opendir("/proc");

	for (struct dirent *entry; dir && !ret && (entry = readdir(dir));) {
		int32_t pid = atoi(entry->d_name);
		struct process *process = pid > 0 ? need_process(table, pid) : NULL;

		if (process && !process->is_selected)
			process->parent = parent_of(pid);
		ret = pid > 0 && !process ? -ENOMEM : 0;
	}
	if (dir)
		closedir(dir);
	select_descendants(table);
	return ret;
}

static int update_comm(struct process_table *table, const struct sample *sample)
{
	struct task *task = need_task(table, sample->pid, sample->tid);

	if (!task)
		return -ENOMEM;
	set_comm(task, sample->name);
	task->has_read_cgroup &= !sample->is_exec;
	if (!sample->is_exec)
		return 0;
	struct process *process = need_process(table, sample->pid);
	if (!process)
		return -ENOMEM;
	process->count = 0;
	process->space = table->next_space++;
	/* A thread that execs becomes the main thread, whose end was told just before. */
	task->exited_ns = process->exited_ns = 0;
	return 0;
}

static int update_fork(struct process_table *table, const struct sample *sample)
{
	struct task *parent_task = find_task(table, sample->parent_tid);
	struct task *task = need_task(table, sample->pid, sample->tid);
	int ret = 0;

	if (!task)
		return -ENOMEM;
	task->exited_ns = 0;
	task->id = 0;
	task->has_read_cgroup = false;
	task->cgroup = parent_task ? parent_task->cgroup : NULL;
	task->cgroup_id = parent_task ? parent_task->cgroup_id : 0;
	if (parent_task)
		set_comm(task, parent_task->comm);
	if (sample->pid == sample->parent_pid)
		return 0;
	struct process *process = need_process(table, sample->pid);
	struct process *parent = find_process(table, sample->parent_pid);
	if (!process)
		return -ENOMEM;
	process->exited_ns = 0;
	process->forked_by = sample->parent_pid;
	process->count = 0;
	process->space = table->next_space++;
	for (uint32_t i = 0; parent && i < parent->count && !ret; i++)
		ret = add_mapping(process, parent->mappings[i]);
	/* Not what an earlier process of this number was. */
	process->is_selected = process_table_is_selected(table, sample->parent_pid) || sample->pid == table->filter_pid;
	return ret;
}

/* A process whose main thread has ended lives on while it has other threads. */
static void mark_living(struct process_table *table)
{
	for (size_t i = 0; i < table->tasks.capacity; i++) {
		const struct task *task = (const struct task *)(uintptr_t)table->tasks.slots[i].value;
		struct process *process = NULL;

		if (table->tasks.slots[i].key && !task->exited_ns)
			process = find_process(table, task->pid);
		if (process)
			process->has_living_task = true;
	}
}

/* Without it numbers would be kept of every program that ever ran. */
static void forget_files(struct process_table *table)
{
	if (!user_file_is_crowded(table->files))
		return;
	for (size_t i = 0; i < table->processes.capacity; i++) {
		const struct process *process = (const struct process *)(uintptr_t)table->processes.slots[i].value;

		for (uint32_t k = 0; table->processes.slots[i].key && k < process->count; k++)
			user_file_keep(table->files, process->mappings[k].file);
	}
	user_file_forget_others(table->files);
}

/* Forgets tasks and processes that ended some time ago. */
static void sweep(struct process_table *table, uint64_t now_ns)
{
	if (now_ns < table->swept_ns + DEAD_KEPT_NS)
		return;
	table->swept_ns = now_ns;
	for (size_t i = 0; i < table->tasks.capacity;) {
		struct task *task = (struct task *)(uintptr_t)table->tasks.slots[i].value;

		/* A removal may move another entry here: look at the place again. */
		if (table->tasks.slots[i].key && task->exited_ns && now_ns > task->exited_ns + DEAD_KEPT_NS) {
			u64_map_remove(&table->tasks, table->tasks.slots[i].key);
			free(task);
		} else {
			i++;
		}
	}
	mark_living(table);
	for (size_t i = 0; i < table->processes.capacity;) {
		struct process *process = (struct process *)(uintptr_t)table->processes.slots[i].value;

		if (table->processes.slots[i].key && process->exited_ns && now_ns > process->exited_ns + DEAD_KEPT_NS &&
		    !process->has_living_task) {
			u64_map_remove(&table->processes, table->processes.slots[i].key);
			process_free(process);
		} else {
			if (table->processes.slots[i].key)
				process->has_living_task = false;
			i++;
		}
	}
	forget_files(table);
}

/* Numbers from 0 down stand for the idle task and for those whose number was gone already. */
static bool is_gone(uint64_t key)
{
	char path[64];
	int32_t id = (int32_t)(key - 1);

	snprintf(path, sizeof(path), "/proc/%d", id);
	return id > 0 && access(path, F_OK) && errno == ENOENT;
}

static void forget_cgroups(struct process_table *table)
{
	if (!table->cgroups || !cgroup_table_begin_forgetting(table->cgroups))
		return;
	for (size_t i = 0; i < table->tasks.capacity; i++) {
		struct task *task = (struct task *)(uintptr_t)table->tasks.slots[i].value;

		if (table->tasks.slots[i].key && task->cgroup)
			task->cgroup->is_kept = true;
	}
	cgroup_table_forget(table->cgroups);
}

void process_table_verify(struct process_table *table, uint64_t now_ns)
{
	for (size_t i = 0; i < table->tasks.capacity; i++) {
		struct task *task = (struct task *)(uintptr_t)table->tasks.slots[i].value;

		if (table->tasks.slots[i].key && !task->exited_ns && is_gone(table->tasks.slots[i].key))
			task->exited_ns = now_ns;
	}
	for (size_t i = 0; i < table->processes.capacity; i++) {
		struct process *process = (struct process *)(uintptr_t)table->processes.slots[i].value;

		if (table->processes.slots[i].key && !process->exited_ns && is_gone(table->processes.slots[i].key))
			process->exited_ns = now_ns;
	}
	forget_cgroups(table);
}

static void update_exit(struct process_table *table, const struct sample *sample)
{
	struct task *task = find_task(table, sample->tid);
	struct process *process = sample->tid == sample->pid ? find_process(table, sample->pid) : NULL;

	if (task)
		task->exited_ns = sample->time_ns;
	if (process)
		process->exited_ns = sample->time_ns;
	sweep(table, sample->time_ns);
}

int process_table_update(struct process_table *table, const struct sample *sample)
{
	struct mapping mapping;

	/* One number for many processes: what one of them maps or is called says nothing of the others. */
	if (table->is_namespaced && sample->pid <= 0 && sample->type != SAMPLE_CGROUP)
		return 0;
	switch (sample->type) {
	case SAMPLE_COMM:
		return update_comm(table, sample);
	case SAMPLE_FORK:
		return update_fork(table, sample);
	case SAMPLE_EXIT:
		update_exit(table, sample);
		return 0;
	case SAMPLE_MMAP:
		mapping = (struct mapping){.begin = sample->address,
					   .end = sample->address + sample->size_bytes,
					   .page_offset_bytes = sample->page_offset_bytes};
		return map_file(table, sample->pid, mapping, sample->name, sample->inode);
	case SAMPLE_CGROUP:
		return table->cgroups ? cgroup_table_add(table->cgroups, sample->cgroup, sample->name) : 0;
	default:
		return 0;
	}
}

static void set_cgroup(const struct process_table *table, struct task *task, struct cgroup *cgroup)
{
	if (!cgroup || cgroup == task->cgroup)
		return;
	task->cgroup = cgroup;
	if (!table->merges_tasks)
		task->id = 0;
}

void process_table_set_cgroup(struct process_table *table, int32_t pid, int32_t tid, uint64_t cgroup_id)
{
	struct task *task = cgroup_id && table->cgroups ? need_task(table, pid, tid) : NULL;

	if (!task || task->cgroup_id == cgroup_id)
		return;
	task->cgroup_id = cgroup_id;
	struct cgroup *cgroup = cgroup_table_find(table->cgroups, cgroup_id);
	/* The root of one hierarchy tells less than what /proc told of another. */
	if (!(task->cgroup && !task->cgroup->is_of_perf && cgroup && cgroup->is_root))
		set_cgroup(table, task, cgroup);
}

/* Once after each fork and exec, if the task is still there. */
static void read_cgroup(struct process_table *table, int32_t tid)
{
	struct task *task = table->cgroups && table->reads_cgroups ? find_task(table, tid) : NULL;

	if (!task || task->has_read_cgroup)
		return;
	task->has_read_cgroup = true;
	set_cgroup(table, task, scan_cgroup(table, tid));
}

static uint32_t add_comm(struct process_table *table, const char comm[16])
{
	if (table->comm_count == table->comm_capacity) {
		uint32_t capacity = table->comm_capacity ? table->comm_capacity * 2 : 64;
		char(*comms)[16] = reallocarray(table->comms, capacity, sizeof(*comms));

		if (!comms)
			return 0;
		table->comms = comms;
		table->comm_capacity = capacity;
	}
	memcpy(table->comms[table->comm_count], comm, sizeof(*table->comms));
	return ++table->comm_count;
}

/* Number of the name, from 1; 0 without memory. */
static uint32_t comm_number(struct process_table *table, const char *name)
{
	char comm[16] = "";
	uint64_t half[2];
	uint64_t *number;

	snprintf(comm, sizeof(comm), "%.15s", name);
	memcpy(half, comm, sizeof(half));
	uint64_t key = u64_mix(u64_mix(half[0]) + half[1]) | 1;
	/* Of two names with one hash the second has the next key. */
	while ((number = u64_map_find(&table->comm_numbers, key)) && memcmp(table->comms[*number - 1], comm, sizeof(comm)))
		key += 2;
	if (number)
		return (uint32_t)*number;
	if (table->comm_count >= PROCESS_COMMS_MAX && strcmp(comm, OTHER_COMMS))
		return comm_number(table, OTHER_COMMS);
	uint32_t added = add_comm(table, comm);
	number = added ? u64_map_put(&table->comm_numbers, key) : NULL;
	if (number)
		*number = added;
	return number ? added : 0;
}

const char *process_table_comm(const struct process_table *table, uint32_t number)
{
	return number && number <= table->comm_count ? table->comms[number - 1] : "";
}

static const char *task_name(const struct process_table *table, int32_t tid, const struct task *task)
{
	if (tid < 0)
		return "[exited]";
	if (!tid)
		return table->is_namespaced ? "[other namespace]" : "swapper";
	return task->comm;
}

uint32_t process_table_task(struct process_table *table, int32_t pid, int32_t tid)
{
	struct task *task = need_task(table, pid, tid);

	if (!task)
		return 0;
	read_cgroup(table, tid);
	if (!task->id) {
		struct trace_task record = {.pid = pid, .tid = tid};
		const char *comm = task_name(table, tid, task);

		if (table->merges_tasks) {
			task->id = comm_number(table, comm);
			return task->id;
		}
		record.comm = trace_writer_text(table->writer, comm);
		record.cgroup = table->cgroups ? cgroup_table_string(table->cgroups, task->cgroup) : 0;
		task->id = trace_writer_task(table->writer, &record);
	}
	return task->id;
}

bool process_table_is_selected(const struct process_table *table, int32_t pid)
{
	const struct process *process = table->filter_pid ? find_process(table, pid) : NULL;

	return !table->filter_pid || pid == table->filter_pid || (process && process->is_selected);
}

void process_table_each_selected(const struct process_table *table, process_table_take *take, void *context)
{
	if (table->filter_pid)
		take(context, table->filter_pid);
	for (size_t i = 0; i < table->processes.capacity; i++) {
		const struct process *process = (const struct process *)(uintptr_t)table->processes.slots[i].value;

		if (table->processes.slots[i].key && process->is_selected)
			take(context, (int32_t)(table->processes.slots[i].key - key_of(0)));
	}
}

static bool is_in_cgroup(struct process_table *table, int32_t tid, uint64_t cgroup_id)
{
	if (!table->cgroups || !table->cgroups->filter)
		return true;
	read_cgroup(table, tid);
	const struct task *task = cgroup_id ? NULL : find_task(table, tid);
	return cgroup_table_is_selected(table->cgroups, cgroup_id ? cgroup_table_find(table->cgroups, cgroup_id) :
						      task	  ? task->cgroup :
								    NULL);
}

bool process_table_selects(struct process_table *table, int32_t pid, int32_t tid, uint64_t cgroup_id)
{
	return process_table_is_selected(table, pid) && (!table->filter_tid || tid == table->filter_tid) &&
	       is_in_cgroup(table, tid, cgroup_id);
}

uint64_t process_table_space(const struct process_table *table, int32_t pid)
{
	const struct process *process = find_process(table, pid);

	return process ? process->space : 0;
}

struct user_place process_table_place(const struct process_table *table, int32_t pid, uint64_t address)
{
	const struct process *process = find_process(table, pid);

	for (uint32_t i = process ? process->count : 0; i > 0; i--) {
		const struct mapping *mapping = &process->mappings[i - 1];

		if (address >= mapping->begin && address < mapping->end)
			return (struct user_place){.file = mapping->file,
						   .offset_bytes = address - mapping->begin + mapping->page_offset_bytes};
	}
	return (struct user_place){0};
}
