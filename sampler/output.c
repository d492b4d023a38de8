/* Knows how not to lose a good trace: nothing that exists is opened for writing, and names change only when the bytes are there. */
#include "sampler/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/cleanup.h"

#define CONSEQUENCE "the recording was ended, what was written until then can be read"
#define PATIENCE_MS 5000
#define PATIENCE_STEP_MS 100

static int open_stdout(struct output *output, struct error *err)
{
	struct stat status;

	if (isatty(STDOUT_FILENO))
		return error_set(err, -EINVAL, "-o -: standard output is a terminal: pipe it, or name a file");
	output->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	output->is_pipe = fstat(STDOUT_FILENO, &status) == 0 && S_ISFIFO(status.st_mode);
	return output->fd < 0 ? error_set(err, -errno, "standard output: %m") : 0;
}

/* Opens PATH.part-PID; never one that is there. */
static int open_beside(struct output *output, struct error *err)
{
	if (asprintf(&output->beside_path, "%s.part-%d", output->path, (int)getpid()) < 0) {
		output->beside_path = NULL;
		return error_set(err, -ENOMEM, "%s: out of memory", output->path);
	}
	output->fd = open(output->beside_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (output->fd >= 0)
		return 0;
	int ret = error_set(err, -errno, "%s: %m: name a file in a folder that can be written with -o", output->beside_path);
	free(TAKE(output->beside_path));
	return ret;
}

int output_open(struct output *output, const char *path, struct error *err)
{
	struct stat status;

	*output = (struct output){.fd = -1, .signals = -1, .consequence = CONSEQUENCE};
	if (!strcmp(path, "-"))
		return open_stdout(output, err);
	output->path = strdup(path);
	if (!output->path)
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		output->fd = S_ISDIR(status.st_mode) ? (errno = EISDIR, -1) : open(path, O_WRONLY | O_CLOEXEC);
		output->is_pipe = S_ISFIFO(status.st_mode);
		return output->fd < 0 ? error_set(err, -errno, "%s: %m", path) : 0;
	}
	return open_beside(output, err);
}

/*
 * Waits until a pipe takes PIPE_BUF bytes. Somebody who wants us to end while its reader does not read gets five seconds of patience.
 * 0, or -EINTR.
 */
static int wait_for_reader(const struct output *output, struct error *err)
{
	struct pollfd polled[] = {{.fd = output->fd, .events = POLLOUT}, {.fd = output->signals, .events = POLLIN}};

	for (int waited_ms = 0; waited_ms < PATIENCE_MS;) {
		int ready = poll(polled, output->signals >= 0 ? 2 : 1, PATIENCE_STEP_MS);

		if (polled[0].revents || (ready < 0 && errno != EINTR))
			return 0;
		/* Readable stays readable: do not spin. */
		if (ready > 0 && polled[1].revents) {
			poll(NULL, 0, PATIENCE_STEP_MS);
			waited_ms += PATIENCE_STEP_MS;
		}
	}
	return error_set(err, -EINTR, "%s: its reader does not read: the recording was ended, the rest is not written",
			 output->path ? output->path : "standard output");
}

int output_write(void *context, const void *bytes, size_t size_bytes, struct error *err)
{
	struct output *output = context;
	const char *at = bytes;
	const char *name = output->path ? output->path : "standard output";

	while (size_bytes) {
		size_t part = output->is_pipe && size_bytes > PIPE_BUF ? PIPE_BUF : size_bytes;
		int ret = output->is_pipe ? wait_for_reader(output, err) : 0;

		if (ret)
			return ret;
		ssize_t written = write(output->fd, at, part);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return error_set(err, -errno, "%s: %m: %s", name, output->consequence);
		at += written;
		size_bytes -= (size_t)written;
	}
	return 0;
}

/* Moves what has the final name out of the way. */
static int keep_old(struct output *output, struct error *err)
{
	struct stat status;
	char *old CLEANUP(cleanup_free) = NULL;

	if (stat(output->path, &status) || !status.st_size)
		return 0;
	if (asprintf(&old, "%s.old", output->path) < 0)
		return error_set(err, -ENOMEM, "%s: out of memory", output->path);
	if (rename(output->path, old))
		return error_set(err, -errno, "%s: cannot be kept as %s: %m; the new trace is %s", output->path, old,
				 output->beside_path);
	output->has_kept_old = true;
	return 0;
}

int output_commit(struct output *output, struct error *err)
{
	int fd = output->fd;

	output->fd = -1;
	if (close(fd) && errno != EINTR)
		return error_set(err, -errno, "%s: %m", output->path ? output->path : "standard output");
	if (!output->beside_path)
		return 0;
	int ret = keep_old(output, err);
	if (!ret && rename(output->beside_path, output->path))
		ret = error_set(err, -errno, "%s: %m; the new trace is %s", output->path, output->beside_path);
	free(TAKE(output->beside_path));
	return ret;
}

void output_close(struct output *output)
{
	if (output->fd >= 0) {
		close(output->fd);
		if (output->beside_path)
			unlink(output->beside_path);
	}
	free(output->beside_path);
	free(output->path);
	*output = (struct output){.fd = -1, .signals = -1};
}
