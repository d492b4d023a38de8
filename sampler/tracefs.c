/* Knows where tracefs is, how kprobe events are written to it, and which of them are ours to remove. */
#include "sampler/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sampler/lockdown.h"
#include "sampler/text_file.h"
#include "trace/cleanup.h"

#define GROUP_PREFIX "slabrec_"

static bool has_events(const char *path)
{
	char events[PATH_MAX];

	snprintf(events, sizeof(events), "%s/events", path);
	return access(events, F_OK) == 0;
}

static int find_mount(struct tracefs *tracefs, struct error *err)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (has_events(places[i])) {
			snprintf(tracefs->path, sizeof(tracefs->path), "%s", places[i]);
			return 0;
		}
	if (geteuid() != 0)
		return error_set(err, -EPERM, "not allowed to look into /sys/kernel/tracing: run slabrec as root (sudo slabrec ...)");
	if (mount("tracefs", places[0], "tracefs", 0, NULL) && errno != EBUSY)
		return error_set(err, -errno,
				 "no tracefs: mounting it on %s failed: %m; the kernel needs CONFIG_TRACING, and lockdown=confidentiality forbids it",
				 places[0]);
	if (!has_events(places[0]))
		return error_set(err, -ENOENT, "no tracefs in %s: the kernel was built without CONFIG_TRACING, or lockdown=confidentiality forbids it", places[0]);
	snprintf(tracefs->path, sizeof(tracefs->path), "%s", places[0]);
	return 0;
}

/* Start time of a process in clock ticks since boot, field 22 of its stat; 0 when it is gone. */
static unsigned long long process_start(unsigned long pid)
{
	char path[64];
	unsigned long long start = 0;

	snprintf(path, sizeof(path), "/proc/%lu/stat", pid);
	char *stat CLEANUP(cleanup_free) = text_file_read(path, NULL);
	/* comm is in parentheses and may hold anything, so count from the last one. */
	const char *at = stat ? strrchr(stat, ')') : NULL;
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		start = strtoull(at + 1, NULL, 10);
	return start;
}

static void probe_features(struct tracefs *tracefs)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/kprobe_events", tracefs->path);
	tracefs->has_kprobes = access(path, W_OK) == 0;
	snprintf(path, sizeof(path), "%s/README", tracefs->path);
	char *readme CLEANUP(cleanup_free) = text_file_read(path, NULL);
	if (!readme)
		return;
	tracefs->has_arg_names = strstr(readme, "$arg<N>");
	tracefs->has_maxactive = strstr(readme, "r[maxactive]");
	const char *returns = strstr(readme, "kernel return probes support:");
	if (returns)
		tracefs->has_return_args = memmem(returns, strcspn(returns, "\n"), "$arg<N>", 7);
}

int tracefs_open(struct tracefs *tracefs, struct error *err)
{
	*tracefs = (struct tracefs){0};
	int ret = find_mount(tracefs, err);
	if (ret)
		return ret;
	snprintf(tracefs->group, sizeof(tracefs->group), GROUP_PREFIX "%d_%llx", (int)getpid(),
		 process_start((unsigned long)getpid()));
	probe_features(tracefs);
	return 0;
}

/* Appends one line to kprobe_events. 0 or -errno. */
static int write_command(const struct tracefs *tracefs, const char *line)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/kprobe_events", tracefs->path);
	int fd CLEANUP(cleanup_close) = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t written = write(fd, line, strlen(line));
	return written < 0 ? -errno : 0;
}

bool tracefs_is_stale_group(const char *group)
{
	char *end;

	if (strncmp(group, GROUP_PREFIX, strlen(GROUP_PREFIX)))
		return false;
	const char *digits = group + strlen(GROUP_PREFIX);
	unsigned long pid = strtoul(digits, &end, 10);
	if (end == digits || *end != '_')
		return false;
	const char *hex = end + 1;
	unsigned long long start = strtoull(hex, &end, 16);
	if (end == hex || *end)
		return false;
	return process_start(pid) != start;
}

/* 0, -ENOENT (gone already), -EBUSY (somebody reads it) or another error. */
static int remove_event(const struct tracefs *tracefs, const char *group, const char *name)
{
	char command[300];

	snprintf(command, sizeof(command), "-:%.120s/%.120s\n", group, name);
	return write_command(tracefs, command);
}

/* Removes the events of kprobe_events whose run is over. Lines read "p:group/name function args". */
static unsigned int remove_stale(struct tracefs *tracefs)
{
	char path[PATH_MAX];
	unsigned int removed = 0;

	snprintf(path, sizeof(path), "%s/kprobe_events", tracefs->path);
	char *events CLEANUP(cleanup_free) = text_file_read(path, NULL);
	char *rest = NULL;
	for (char *line = events ? strtok_r(events, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
		char *group = strchr(line, ':');
		char *name = group ? strchr(++group, '/') : NULL;

		if (!name)
			continue;
		*name++ = '\0';
		name[strcspn(name, " ")] = '\0';
		if (tracefs_is_stale_group(group))
			removed += remove_event(tracefs, group, name) == 0;
	}
	return removed;
}

unsigned int tracefs_sweep(struct tracefs *tracefs)
{
	unsigned int removed = 0, now;

	/* The kernel tells the list in pieces: where others change it in between, some of it is left out. */
	do {
		now = remove_stale(tracefs);
		removed += now;
	} while (now);
	return removed;
}

/* By name, not as the list tells them: it may leave some out, see above. */
void tracefs_close(struct tracefs *tracefs)
{
	tracefs->busy_count = 0;
	for (unsigned int i = 0; i < tracefs->event_count; i++) {
		/* Somebody else reads it: it goes when the next run finds it and nobody does. */
		if (remove_event(tracefs, tracefs->group, tracefs->events[i]) == -EBUSY) {
			tracefs->busy_count++;
			snprintf(tracefs->busy, sizeof(tracefs->busy), "%.60s:%.60s", tracefs->group, tracefs->events[i]);
		}
		free(tracefs->events[i]);
	}
	free(tracefs->events);
	tracefs->events = NULL;
	tracefs->event_count = 0;
}

/* Before it is made: a write that fails half-way may have left it behind. */
static int remember_event(struct tracefs *tracefs, const char *name)
{
	char **events = reallocarray(tracefs->events, tracefs->event_count + 1, sizeof(*events));

	if (!events)
		return -ENOMEM;
	tracefs->events = events;
	events[tracefs->event_count] = strdup(name);
	if (!events[tracefs->event_count])
		return -ENOMEM;
	tracefs->event_count++;
	return 0;
}

int tracefs_define(struct tracefs *tracefs, const char *kind, const char *name, const char *function, const char *args,
		   struct error *err)
{
	char line[4096];
	int size = snprintf(line, sizeof(line), "%s:%s/%s %s %s\n", kind, tracefs->group, name, function, args);

	if (size < 0 || (size_t)size >= sizeof(line))
		return error_set(err, -E2BIG, "probe on %s: the definition is too long", function);
	int ret = remember_event(tracefs, name);
	if (ret)
		return error_set(err, ret, "probe on %s: out of memory", function);
	ret = write_command(tracefs, line);
	if (ret)
		return error_set(err, ret, "%s/kprobe_events: %s%s: the kernel does not take \"%.*s\"", tracefs->path,
				 strerror(-ret), lockdown_words().text, size - 1, line);
	return 0;
}

int tracefs_event(const struct tracefs *tracefs, const char *subsystem, const char *name, uint64_t *id, char **format,
		  struct error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/events/%s/%s/format", tracefs->path, subsystem, name);
	char *text = text_file_read(path, NULL);
	if (!text)
		return error_set(err, -errno, "%s: %m", path);
	const char *line = strstr(text, "\nID: ");
	if (!line) {
		free(text);
		return error_set(err, -EINVAL, "%s: no ID in it", path);
	}
	*id = strtoull(line + 5, NULL, 10);
	*format = text;
	return 0;
}

char *tracefs_profile(const struct tracefs *tracefs)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/kprobe_profile", tracefs->path);
	return text_file_read(path, NULL);
}

int tracefs_profile_misses(const char *profile, const char *name, uint64_t *misses)
{
	size_t name_bytes = strlen(name);

	/* "  name    hits    misses"; names of events are unique to the run: the group stands in front of them on no kernel. */
	for (const char *at = profile; at && *at; at = strchr(at, '\n'), at += at != NULL) {
		unsigned long long hits, missed;
		const char *event = at + strspn(at, " ");

		if (!strncmp(event, name, name_bytes) && event[name_bytes] == ' ' &&
		    sscanf(event + name_bytes, "%llu %llu", &hits, &missed) == 2) {
			*misses = missed;
			return 0;
		}
	}
	return -ENOENT;
}
