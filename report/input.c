/* Which of the two a file is, and what outlives what. */
#include "report/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/page.h"
#include "trace/cleanup.h"
#include "trace/format.h"

const char *input_name(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

int input_open(const char *path, int *fd, struct error *err)
{
	struct stat status;

	*fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (*fd < 0 && errno == ENOENT)
		return error_set(err, -ENOENT, "%s: no such file; record one with slabrec, or name the trace", path);
	if (*fd < 0)
		return error_set(err, -errno, "%s: %m; name a trace that you may read", path);
	if (!fstat(*fd, &status) && S_ISDIR(status.st_mode))
		return error_set(err, -EISDIR, "%s: is a directory; name the trace in it", path);
	return 0;
}

static int read_trace(struct input *input, const char *path, int fd, const struct debug_search *search, struct error *err)
{
	struct trace_reader *reader = NULL;
	int ret = trace_reader_open_fd(&reader, input_name(path), fd, err);

	if (!ret)
		ret = recording_read(&input->recording, reader, err);
	if (!ret)
		ret = symbolize_files_new(&input->names, &input->recording, search, err);
	if (ret)
		return ret;
	struct symbolizer symbolizer = symbolize_files(input->names);
	ret = model_build(&input->model, &input->recording, &symbolizer, err);
	if (!ret)
		model_take_histories(&input->model, &input->recording);
	trace_reader_ending(input->recording.reader, &input->ending);
	return ret;
}

int input_read(struct input *input, const char *path, enum input_kind kind, const struct debug_search *search, struct error *err)
{
	CLEANUP(cleanup_close) int fd = -1;

	*input = (struct input){.ending = ""};
	int ret = input_open(path, &fd, err);
	if (ret)
		return ret;
	if (kind == INPUT_PAGE || (kind == INPUT_EITHER && page_is_one(fd)))
		return page_read(&input->model, input_name(path), fd, err);
	return read_trace(input, path, fd, search, err);
}

void input_release(struct input *input)
{
	if (!input)
		return;
	model_release(&input->model);
	symbolize_files_free(input->names);
	recording_release(&input->recording);
	*input = (struct input){0};
}
