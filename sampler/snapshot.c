/* Knows that whole blocks stand in the file at any moment, so that a copy of it can be ended like the recording itself. */
#include "sampler/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace/cleanup.h"

#define COPY_BYTES (1u << 20)
#define NICE_LEVEL 10

static char *name_of(const char *path, uint32_t number)
{
	char *name;

	return asprintf(&name, "%s.%u", path, number) < 0 ? NULL : name;
}

static bool is_taken(const char *path, uint32_t number)
{
	char *name CLEANUP(cleanup_free) = name_of(path, number);
	struct stat status;

	return name && !lstat(name, &status);
}

void snapshots_init(struct snapshots *snapshots)
{
	*snapshots = (struct snapshots){.has_left = -1};
}

void snapshots_release(struct snapshots *snapshots)
{
	snapshots_is_busy(snapshots, true);
	snapshots_leave(snapshots);
}

void snapshots_ask(struct snapshots *snapshots, uint64_t now_ns)
{
	if (!snapshots->asked_ns)
		snapshots->asked_ns = now_ns;
}

/* In the parent it only closes: there is nothing to wait for any more. */
void snapshots_leave(struct snapshots *snapshots)
{
	if (snapshots->has_left >= 0)
		close(snapshots->has_left);
	snapshots->has_left = -1;
}

void snapshots_wait_left(struct snapshots *snapshots)
{
	char nothing;

	/* Nobody writes: it ends when the child closes its end or dies. */
	while (snapshots->has_left >= 0 && read(snapshots->has_left, &nothing, 1) < 0 && errno == EINTR)
		;
	snapshots_leave(snapshots);
}

int snapshots_fork(struct snapshots *snapshots, const char *path)
{
	int ends[2];

	do
		snapshots->number++;
	while (is_taken(path, snapshots->number));
	snapshots->asked_ns = 0;
	snapshots_leave(snapshots);
	bool has_pipe = !pipe2(ends, O_CLOEXEC);
	pid_t pid = has_pipe ? fork() : -1;
	if (pid < 0) {
		int ret = -errno;

		if (has_pipe) {
			close(ends[0]);
			close(ends[1]);
		}
		snapshots->failed++;
		return ret;
	}
	snapshots->has_left = ends[pid == 0];
	close(ends[pid != 0]);
	/* The recorder is in more of a hurry. */
	if (!pid && nice(NICE_LEVEL) < 0)
		errno = 0;
	snapshots->pid = pid;
	return pid;
}

bool snapshots_is_busy(struct snapshots *snapshots, bool wait)
{
	int status;
	pid_t ended = 0;

	if (!snapshots->pid)
		return false;
	do
		ended = waitpid(snapshots->pid, &status, wait ? 0 : WNOHANG);
	while (ended < 0 && errno == EINTR);
	if (!ended)
		return true;
	snapshots->pid = 0;
	if (ended > 0 && WIFEXITED(status) && !WEXITSTATUS(status))
		snapshots->written++;
	else
		snapshots->failed++;
	return false;
}

int snapshot_open(struct snapshot *snapshot, const struct output *recording, uint64_t from_bytes, uint32_t number,
		  struct error *err)
{
	char *name CLEANUP(cleanup_free) = name_of(recording->path, number);
	char self[64];

	*snapshot = (struct snapshot){.output = {.fd = -1, .signals = -1}, .from = -1, .from_bytes = from_bytes};
	if (!name)
		return error_set(err, -ENOMEM, "a snapshot: out of memory");
	/* By the descriptor, which is open for writing only: whatever its name is by now. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", recording->fd);
	snapshot->from = open(self, O_RDONLY | O_CLOEXEC);
	if (snapshot->from < 0)
		return error_set(err, -errno, "%s: reading the trace that is being written: %m", name);
	int ret = output_open(&snapshot->output, name, err);
	snapshot->output.consequence = "this snapshot is not there, the recording goes on";
	return ret;
}

/* A copy in the filesystem where it can, which may take no room; else through memory. */
static int copy(struct snapshot *snapshot, struct error *err)
{
	static uint8_t bytes[COPY_BYTES];
	uint64_t left = snapshot->from_bytes;
	bool has_copy_range = true;
	int ret = 0;

	while (left && !ret) {
		size_t part = left < sizeof(bytes) ? left : sizeof(bytes);
		ssize_t got = has_copy_range ? copy_file_range(snapshot->from, NULL, snapshot->output.fd, NULL, left, 0) : -1;

		/* A full disk is met again by the write, which tells it with a name. */
		if (got <= 0) {
			has_copy_range = false;
			got = read(snapshot->from, bytes, part);
			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return error_set(err, got ? -errno : -EIO, "%s: reading the trace that is being written: %s",
						 snapshot->output.path, got ? strerror(errno) : "it is too short");
			ret = output_write(&snapshot->output, bytes, (size_t)got, err);
		}
		left -= (uint64_t)got;
	}
	return ret;
}

int snapshot_write(void *context, const void *bytes, size_t size_bytes, struct error *err)
{
	struct snapshot *snapshot = context;
	int ret = 0;

	/* Only now: what is counted at the moment of the snapshot must not wait for it. */
	if (snapshot->from >= 0) {
		ret = copy(snapshot, err);
		close(snapshot->from);
		snapshot->from = -1;
	}
	return ret ? ret : output_write(&snapshot->output, bytes, size_bytes, err);
}
