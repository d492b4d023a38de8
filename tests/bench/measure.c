/*
 * Runs a workload while a recorder records, and tells what each of the two cost.
 *
 *   measure [-i MS] [-q FILE] [RECORDER [ARG...]] -- WORKLOAD [ARG...]
 *
 * The recorder gets a command of its own to run (this program once more, as the gate): it is ready when the command runs and ends when the
 * command ends, so that slabrec, perf and trace-cmd are started and ended alike. The workload is no child of the recorder: the
 * kernel's usage figures of the two are apart. Without a recorder: the bare workload.
 *
 * Prints one line of NAME=NUMBER words: status (of the workload), wall_ns, cpu_ns (user and system time of the workload and its
 * children), and of the recorder: recorder_status, recorder_ns (user and system time from its start to its end), during_ns (the part of it while
 * the workload ran; without its children), rss_kib (peak). -i: a word rss=KIB before it for each MS milliseconds of the workload: what
 * the recorder's memory was. -q: what the recorder says goes to FILE. Exit status 1 where something could not be run.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_SECONDS 120

struct recorder {
	pid_t pid; /* 0: none */
	int go;	   /* closed to let it end */
	clockid_t clock;
};

static uint64_t clock_read(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t cpu_ns(const struct rusage *usage)
{
	return (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000000 +
	       (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1000;
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The recorder's command: says that it runs, and runs until the other side is done. */
static int be_gate(int ready, int go)
{
	char byte = 0;

	if (write(ready, &byte, 1) != 1)
		return 1;
	close(ready);
	while (read(go, &byte, 1) > 0)
		;
	return 0;
}

static void divert(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) {
		perror(path);
		_exit(127);
	}
}

/* Becomes the recorder with "SELF gate READY GO" behind its own arguments. */
static void exec_recorder(char **argv, int argc, int ready, int go)
{
	char **words = calloc((size_t)argc + 5, sizeof(*words));
	char role[] = "gate", numbers[2][16], self[4096];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (!words || size < 0)
		_exit(127);
	self[size] = '\0';
	snprintf(numbers[0], sizeof(numbers[0]), "%d", ready);
	snprintf(numbers[1], sizeof(numbers[1]), "%d", go);
	memcpy(words, argv, (size_t)argc * sizeof(*words));
	memcpy(words + argc, (char *[]){self, role, numbers[0], numbers[1]}, 4 * sizeof(*words));
	execvp(words[0], words);
	perror(words[0]);
	_exit(127);
}

/* Starts the recorder and waits until it records. */
static int start_recorder(struct recorder *recorder, char **argv, int argc, const char *words_to)
{
	int ready[2], go[2];
	char byte;

	if (pipe(ready) || pipe(go) || fcntl(ready[0], F_SETFD, FD_CLOEXEC) || fcntl(go[1], F_SETFD, FD_CLOEXEC)) {
		perror("pipe");
		return -1;
	}
	recorder->pid = fork();
	if (recorder->pid == 0) {
		if (words_to)
			divert(words_to);
		exec_recorder(argv, argc, ready[1], go[0]);
	}
	close(ready[1]);
	close(go[0]);
	recorder->go = go[1];
	struct pollfd polled = {.fd = ready[0], .events = POLLIN};
	if (recorder->pid < 0 || poll(&polled, 1, READY_SECONDS * 1000) <= 0 || read(ready[0], &byte, 1) != 1) {
		fprintf(stderr, "measure: %s does not record\n", argv[0]);
		return -1;
	}
	close(ready[0]);
	return clock_getcpuclockid(recorder->pid, &recorder->clock) ? -1 : 0;
}

static void print_rss(pid_t pid)
{
	char path[64];
	long pages = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	FILE *file = fopen(path, "re");
	if (file && fscanf(file, "%*d %ld", &pages) == 1)
		printf("rss=%ld ", pages * (sysconf(_SC_PAGESIZE) / 1024));
	if (file)
		fclose(file);
}

/* Runs the workload to its end; 0 and what it cost. */
static int run_workload(char **argv, const struct recorder *recorder, int interval_ms, int *status, struct rusage *usage)
{
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (pid < 0)
		return -1;
	while (interval_ms && recorder->pid && wait4(pid, status, WNOHANG, usage) == 0) {
		struct timespec pause = {interval_ms / 1000, interval_ms % 1000 * 1000000l};

		print_rss(recorder->pid);
		nanosleep(&pause, NULL);
		siginfo_t info = {0};
		if (!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) && info.si_pid == pid)
			break;
	}
	return wait4(pid, status, 0, usage) == pid ? 0 : -1;
}

static int measure(char **recorder_argv, int recorder_argc, char **workload_argv, int interval_ms, const char *words_to)
{
	struct recorder recorder = {0};
	struct rusage usage, recorder_usage = {0};
	int status, recorder_status = 0;

	if (recorder_argc && start_recorder(&recorder, recorder_argv, recorder_argc, words_to))
		return 1;
	uint64_t before_ns = recorder.pid ? clock_read(recorder.clock) : 0;
	uint64_t start_ns = clock_read(CLOCK_MONOTONIC);
	if (run_workload(workload_argv, &recorder, interval_ms, &status, &usage))
		return 1;
	uint64_t end_ns = clock_read(CLOCK_MONOTONIC);
	uint64_t after_ns = recorder.pid ? clock_read(recorder.clock) : 0;
	printf("status=%d wall_ns=%llu cpu_ns=%llu", exit_status(status), (unsigned long long)(end_ns - start_ns),
	       (unsigned long long)cpu_ns(&usage));
	if (recorder.pid) {
		close(recorder.go);
		if (wait4(recorder.pid, &recorder_status, 0, &recorder_usage) < 0)
			return 1;
		printf(" recorder_status=%d recorder_ns=%llu during_ns=%llu rss_kib=%ld", exit_status(recorder_status),
		       (unsigned long long)cpu_ns(&recorder_usage), (unsigned long long)(after_ns - before_ns),
		       recorder_usage.ru_maxrss);
	}
	putchar('\n');
	return 0;
}

int main(int argc, char **argv)
{
	const char *words_to = NULL;
	int interval_ms = 0, option, split;

	if (argc == 4 && !strcmp(argv[1], "gate"))
		return be_gate(atoi(argv[2]), atoi(argv[3]));
	while ((option = getopt(argc, argv, "+i:q:")) != -1) {
		if (option == 'i')
			interval_ms = atoi(optarg);
		else if (option == 'q')
			words_to = optarg;
		else
			return 2;
	}
	/* getopt() has taken the "--" of a bare run. */
	int begin = optind;
	if (!strcmp(argv[optind - 1], "--"))
		begin--;
	for (split = begin; split < argc && strcmp(argv[split], "--"); split++)
		;
	if (split + 1 >= argc) {
		fprintf(stderr, "usage: measure [-i MS] [-q FILE] [RECORDER [ARG...]] -- WORKLOAD [ARG...]\n");
		return 2;
	}
	return measure(argv + begin, split - begin, argv + split + 1, interval_ms, words_to);
}
