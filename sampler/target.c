/* Knows what the kernel filters exactly, and that its numbers of tasks are not ours in a PID namespace. */
#include "sampler/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sampler/cpu_list.h"
#include "sampler/perf_ring.h"
#include "sampler/text_file.h"
#include "trace/cleanup.h"

static int check_cpus(const struct options *options, struct error *err)
{
	struct cpu_list online;
	int ret = cpu_list_online(&online, err);

	for (size_t i = 0; i < options->cpus.count && !ret; i++)
		if (!cpu_list_has(&online, options->cpus.cpus[i]))
			ret = error_set(err, -ENODEV, "--cpu: there is no CPU %d online", options->cpus.cpus[i]);
	cpu_list_release(&online);
	return ret;
}

/* A number of /proc/TID/status; 0 where the task is gone. */
static pid_t status_number(pid_t tid, const char *key)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	char *text CLEANUP(cleanup_free) = text_file_read(path, NULL);
	const char *at = text ? strstr(text, key) : NULL;
	return at ? (pid_t)atoi(at + strlen(key)) : 0;
}

/* The thread's process is the other one or descends from it. */
static bool is_of_process(pid_t tid, pid_t ancestor)
{
	pid_t pid = status_number(tid, "\nTgid:");

	while (pid && pid != ancestor)
		pid = status_number(pid, "\nPPid:");
	return pid == ancestor;
}

static int check_tasks(const struct options *options, struct error *err)
{
	if (options->pid && kill(options->pid, 0) && errno == ESRCH)
		return error_set(err, -ESRCH, "--pid %d: there is no such process", (int)options->pid);
	if (options->tid && !status_number(options->tid, "\nTgid:"))
		return error_set(err, -ESRCH, "--tid %d: there is no such thread", (int)options->tid);
	if (options->pid && options->tid && !is_of_process(options->tid, options->pid))
		return error_set(err, -EINVAL, "--tid %d is no thread of process %d or of its children: nothing would be recorded",
				 (int)options->tid, (int)options->pid);
	return 0;
}

/* Events carry the numbers of the first namespace; samples are told in ours. */
static bool is_first_pid_namespace(void)
{
	char link[64] = "";

	return readlink("/proc/self/ns/pid", link, sizeof(link) - 1) > 0 && !strcmp(link, "pid:[4026531836]");
}

static void say(struct target *target, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct target *target, const char *format, ...)
{
	size_t count = 0;
	va_list args;

	while (target->sentences[count])
		count++;
	va_start(args, format);
	vsnprintf(target->texts[count], sizeof(target->texts[count]), format, args);
	va_end(args);
	target->sentences[count] = target->texts[count];
}

static void list_cpus(struct target *target)
{
	const struct cpu_list *cpus = &target->options->cpus;
	size_t used = 0;

	for (size_t i = 0, next; i < cpus->count && used < sizeof(target->cpus); i = next) {
		for (next = i + 1; next < cpus->count && cpus->cpus[next] == cpus->cpus[next - 1] + 1;)
			next++;
		used += (size_t)snprintf(target->cpus + used, sizeof(target->cpus) - used,
					 next > i + 1 ? "%s%d-%d" : "%s%d", i ? "," : "", cpus->cpus[i], cpus->cpus[next - 1]);
	}
	if (cpus->count)
		say(target, "allocations on CPUs %.200s: filtered in the kernel", target->cpus);
}

#define PROCESS_WORDS "allocations of process %d and the processes that it forks: "

bool target_has_process(const struct target *target)
{
	return target->process_text && !target->is_namespaced;
}

void target_process_is_kernels(struct target *target)
{
	snprintf(target->process_text, sizeof(target->texts[0]), PROCESS_WORDS "filtered in the kernel", (int)target->options->pid);
}

static void filter_tasks(struct target *target)
{
	const struct options *options = target->options;

	if (options->pid) {
		target->process_text = target->texts[0];
		say(target, PROCESS_WORDS "filtered by slabrec, those of others come and are counted", (int)options->pid);
	}
	if (options->tid && !target->is_namespaced)
		snprintf(target->task_filter, sizeof(target->task_filter), "common_pid == %d", (int)options->tid);
	if (options->tid)
		say(target, "allocations of thread %d: filtered %s", (int)options->tid,
		    *target->task_filter ? "in the kernel" : "by slabrec, because its number is another one for the kernel");
}

/*
 * Where no controller was ever enabled below the root of version 2, perf's is not there either, and samples say that all tasks are in
 * the root.
 */
static bool has_cgroup_ids(const struct cgroup_table *cgroups)
{
	bool has_ids = perf_event_tells_cgroups();
	DIR *dir = has_ids && *cgroups->mount ? opendir(cgroups->mount) : NULL;
	bool is_tried = false;

	for (struct dirent *entry; dir && !is_tried && (entry = readdir(dir));) {
		if (entry->d_type != DT_DIR || *entry->d_name == '.')
			continue;
		int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		is_tried = fd >= 0;
		has_ids = !is_tried || !perf_event_takes_cgroup(fd);
		if (is_tried)
			close(fd);
	}
	if (dir)
		closedir(dir);
	return has_ids;
}

static int filter_cgroup(struct target *target, struct cgroup_table *cgroups, struct error *err)
{
	int fd = cgroup_table_select(cgroups, target->options->cgroup, err);

	if (fd < 0)
		return fd;
	if (!perf_event_takes_cgroup(fd)) {
		target->cgroup_fd = fd;
		cgroups->is_kernels_choice = true;
		say(target, "allocations in cgroup %.150s and those below: filtered in the kernel", cgroups->filter);
		return 0;
	}
	close(fd);
	say(target, "allocations in cgroup %.100s and those below: filtered by slabrec, by where /proc and forks put a task, so not the brief ones that move",
	    cgroups->filter);
	return 0;
}

int target_open(struct target *target, const struct options *options, struct cgroup_table *cgroups, struct error *err)
{
	*target = (struct target){.options = options, .cgroup_fd = -1};
	int ret = check_cpus(options, err);
	if (!ret)
		ret = check_tasks(options, err);
	if (ret)
		return ret;
	target->is_namespaced = !is_first_pid_namespace();
	target->has_cgroup_ids = has_cgroup_ids(cgroups);
	filter_tasks(target);
	if (options->cgroup)
		ret = filter_cgroup(target, cgroups, err);
	if (ret)
		return ret;
	list_cpus(target);
	if (target_is_limited(target))
		say(target, "frees of these objects are recorded whoever frees them, and wherever");
	return 0;
}

void target_close(struct target *target)
{
	/* All zero is one that was never opened. */
	if (target->options && target->cgroup_fd >= 0)
		close(target->cgroup_fd);
	*target = (struct target){.cgroup_fd = -1};
}

bool target_is_limited(const struct target *target)
{
	const struct options *options = target->options;

	return options->pid || options->tid || options->cgroup || options->cpus.count;
}

static void write_number(struct trace_writer *writer, const char *key, pid_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)number);
	if (number)
		trace_writer_fact(writer, key, text);
}

void target_write_facts(const struct target *target, const struct cgroup_table *cgroups, struct trace_writer *writer)
{
	write_number(writer, "filter.pid", target->options->pid);
	write_number(writer, "filter.tid", target->options->tid);
	if (cgroups->filter)
		trace_writer_fact(writer, "filter.cgroup", cgroups->filter);
	if (*target->cpus)
		trace_writer_fact(writer, "filter.cpus", target->cpus);
	/* The last is of frees, and always true. */
	for (size_t i = 0; target->sentences[i] && target->sentences[i + 1]; i++) {
		char note[300];

		snprintf(note, sizeof(note), "Recorded are only %s.", target->sentences[i]);
		trace_writer_note(writer, note);
	}
}
