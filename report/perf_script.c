/* Knows which words make perf print the same text on every machine. */
#include "report/perf_script.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace/cleanup.h"

/* Only of tracepoints and probes; what else was recorded has its own fields and is not used. */
#define FIELDS "trace:comm,pid,tid,cpu,time,event,trace,ip,sym,symoff,dso"

void perf_script_release(struct perf_script *script)
{
	if (script->text)
		fclose(TAKE(script->text));
	if (script->pid > 0) {
		kill(script->pid, SIGTERM);
		while (waitpid(script->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	script->pid = 0;
	if (script->complaints)
		fclose(TAKE(script->complaints));
}

static int spawn(struct perf_script *script, const char *path, int out, struct error *err)
{
	const char *arguments[] = {"perf", "script", "--header", "--ns", "--show-lost-events", "--no-inline", "-F", FIELDS, "-i", path, NULL};
	posix_spawn_file_actions_t actions;
	int ret = posix_spawn_file_actions_init(&actions);

	if (!ret)
		ret = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!ret)
		ret = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!ret)
		ret = posix_spawn_file_actions_adddup2(&actions, fileno(script->complaints), STDERR_FILENO);
	if (!ret)
		ret = posix_spawnp(&script->pid, "perf", &actions, NULL, (char *const *)arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (ret == ENOENT)
		return error_set(err, -ENOENT,
				 "%s: there is no perf here to read it; where it was recorded: perf script --header --ns --show-lost-events -F %s > perf.txt, and import that",
				 path, FIELDS);
	return ret ? error_set(err, -ret, "%s: perf: %s", path, strerror(ret)) : 0;
}

int perf_script_start(struct perf_script *script, const char *path, struct error *err)
{
	int ends[2];

	*script = (struct perf_script){0};
	script->complaints = tmpfile();
	if (!script->complaints)
		return error_set(err, -errno, "%s: a temporary file: %m", path);
	if (pipe2(ends, O_CLOEXEC))
		return error_set(err, -errno, "%s: %m", path);
	script->text = fdopen(ends[0], "r");
	int ret = script->text ? spawn(script, path, ends[1], err) : error_set(err, -ENOMEM, "%s: out of memory", path);
	close(ends[1]);
	if (!script->text)
		close(ends[0]);
	return ret;
}

/* The last line of what it said. */
static void last_complaint(FILE *complaints, char *line, size_t size_bytes)
{
	char next[200];

	*line = '\0';
	rewind(complaints);
	while (fgets(next, sizeof(next), complaints))
		if (next[strspn(next, " \t\n")])
			snprintf(line, size_bytes, "%.*s", (int)strcspn(next, "\n"), next);
}

int perf_script_end(struct perf_script *script, const char *path, struct error *err)
{
	char complaint[160];
	int status = 0;

	while (waitpid(script->pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_set(err, -errno, "%s: perf: %m", path);
	script->pid = 0;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	last_complaint(script->complaints, complaint, sizeof(complaint));
	return error_set(err, -EIO, "%s: perf script failed: %s", path, *complaint ? complaint : "it says nothing");
}
