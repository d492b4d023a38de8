/* Renaming within one directory is what makes a report appear at once. */
#include "report/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/cleanup.h"
#include "trace/format.h"

void output_release(struct output *output)
{
	if (!output)
		return;
	if (output->stream && output->stream != stdout)
		fclose(output->stream);
	if (output->temporary)
		unlink(output->temporary);
	free(output->temporary);
	free(output->path);
	*output = (struct output){0};
}

/* A recording cannot be made again: whoever names one as output made a mistake. */
static int check_no_trace(const char *path, struct error *err)
{
	char magic[TRACE_MAGIC_BYTES] = "";
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) && !memcmp(magic, TRACE_MAGIC, sizeof(magic)))
		return error_set(err, -EEXIST, "%s: is a trace, which a report must not replace; give another --output",
				 path);
	return 0;
}

static int open_in_place(struct output *output, struct error *err)
{
	output->stream = fopen(output->path, "we");
	return output->stream ? 0 : error_set(err, -errno, "%s: %m; give another --output", output->path);
}

static int open_beside(struct output *output, struct error *err)
{
	mode_t mask = umask(0);

	umask(mask);
	if (asprintf(&output->temporary, "%s.XXXXXX", output->path) < 0) {
		output->temporary = NULL;
		return error_set(err, -ENOMEM, "%s: out of memory", output->path);
	}
	int fd = mkostemp(output->temporary, O_CLOEXEC);
	if (fd < 0) {
		int code = -errno;

		free(TAKE(output->temporary));
		return error_set(err, code, "%s: cannot be written: %s; give another --output", output->path,
				 strerror(-code));
	}
	output->stream = fdopen(fd, "w");
	if (!output->stream) {
		close(fd);
		return error_set(err, -ENOMEM, "%s: out of memory", output->path);
	}
	if (fchmod(fd, 0644 & ~mask))
		return error_set(err, -errno, "%s: %m; give another --output", output->path);
	return 0;
}

int output_open(struct output *output, const char *path, struct error *err)
{
	struct stat status;
	bool exists = stat(path, &status) == 0;

	*output = (struct output){0};
	if (!strcmp(path, "-")) {
		output->stream = stdout;
		output->path = strdup(path);
		return output->path ? 0 : error_set(err, -ENOMEM, "out of memory");
	}
	/* A link stays a link: what it leads to is replaced. */
	output->path = exists ? realpath(path, NULL) : strdup(path);
	int ret = output->path ? 0 : error_set(err, -errno, "%s: %m; give another --output", path);
	if (!ret && exists && S_ISDIR(status.st_mode))
		ret = error_set(err, -EISDIR, "%s: is a directory; name a file in it as --output", path);
	if (!ret && exists && S_ISREG(status.st_mode))
		ret = check_no_trace(output->path, err);
	if (!ret)
		ret = exists && !S_ISREG(status.st_mode) ? open_in_place(output, err) : open_beside(output, err);
	if (ret)
		output_release(output);
	return ret;
}

int output_commit(struct output *output, struct error *err)
{
	bool failed = fflush(output->stream) || ferror(output->stream);
	int code = errno ? -errno : -EIO;
	FILE *stream = TAKE(output->stream);

	if (stream != stdout && fclose(stream) && !failed) {
		failed = true;
		code = -errno;
	}
	if (failed)
		return error_set(err, code, "%s: could not be written whole: %s; nothing was left there", output->path,
				 strerror(-code));
	if (!output->temporary)
		return 0;
	if (rename(output->temporary, output->path))
		return error_set(err, -errno, "%s: %m; give another --output", output->path);
	free(TAKE(output->temporary));
	return 0;
}
