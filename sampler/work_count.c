/* Knows how to run a command that may hang or print anything, from a program that blocks signals. */
#include "sampler/work_count.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trace/cleanup.h"

#define LONGEST_MS 10000
#define NUMBER_BYTES 64

static void run_command(const char *command, int out, const struct rlimit *file_limit)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	/* A group of its own: what it started dies with it. */
	setpgid(0, 0);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (file_limit->rlim_max)
		setrlimit(RLIMIT_NOFILE, file_limit);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The beginning of what comes, until nobody can write any more. False when time is over. */
static bool read_output(int from, char *text, size_t size_bytes)
{
	size_t used = 0;
	long end_ms = now_ms() + LONGEST_MS;

	for (;;) {
		char rest[4096];
		struct pollfd polled = {.fd = from, .events = POLLIN};
		long left_ms = end_ms - now_ms();

		if (left_ms <= 0 || (poll(&polled, 1, (int)left_ms) == 0))
			return false;
		ssize_t got = read(from, rest, sizeof(rest));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		size_t kept = (size_t)got < size_bytes - 1 - used ? (size_t)got : size_bytes - 1 - used;
		memcpy(text + used, rest, kept);
		used += kept;
	}
	text[used] = 0;
	return true;
}

static int parse(const char *command, const char *text, uint64_t *units, struct error *err)
{
	char *end;
	double value = strtod(text, &end);

	/* Beyond 2^53 a double counts in steps, which no difference can stand. */
	if (end == text || !isfinite(value) || value < 0 || value > 9007199254740992.0)
		return error_set(err, -EINVAL, "--work-cmd %.100s: printed no number from 0 to 2^53", command);
	*units = (uint64_t)value;
	return 0;
}

int work_count_ask(const char *command, const struct rlimit *file_limit, uint64_t *units, struct error *err)
{
	char text[NUMBER_BYTES] = "";
	int ends[2], status = 0;

	if (pipe2(ends, O_CLOEXEC))
		return error_set(err, -errno, "--work-cmd %.100s: %m", command);
	CLEANUP(cleanup_close) int from = ends[0];
	pid_t pid = fork();
	if (pid == 0)
		run_command(command, ends[1], file_limit);
	close(ends[1]);
	if (pid < 0)
		return error_set(err, -errno, "--work-cmd %.100s: cannot be started: %m", command);
	bool has_ended = read_output(from, text, sizeof(text));
	/* What it left in the background must not hold its output open. */
	if (!has_ended && kill(-pid, SIGKILL))
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!has_ended)
		return error_set(err, -ETIMEDOUT, "--work-cmd %.100s: did not end within %d s", command, LONGEST_MS / 1000);
	if (status)
		return error_set(err, -EINVAL, "--work-cmd %.100s: failed (%s %d)", command, WIFSIGNALED(status) ? "signal" : "exit status",
				 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return parse(command, text, units, err);
}
