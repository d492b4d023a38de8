/*
 * dump FILE: prints what the C reader finds in a trace, as tests/trace/lines.h describes, and how it ended on stderr.
 * Exit status 0 complete, 1 cut, damaged or refused, 2 wrong usage.
 */
#include <fcntl.h>
#include <stdio.h>

#include "tests/trace/lines.h"
#include "trace/cleanup.h"

static int dump(const char *path, int fd)
{
	struct error err = {0};
	struct trace_reader *reader;
	const char *sentence = "";

	if (trace_reader_open_fd(&reader, path, fd, &err)) {
		puts("end refused");
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	int ending = lines_print(stdout, reader, &err);
	if (ending < 0)
		fprintf(stderr, "%s\n", err.message);
	else if (trace_reader_ending(reader, &sentence) != TRACE_ENDING_COMPLETE)
		fprintf(stderr, "%s\n", sentence);
	trace_reader_free(reader);
	return ending != TRACE_ENDING_COMPLETE;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: dump FILE\n");
		return 2;
	}
	CLEANUP(cleanup_close) int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[1]);
		return 2;
	}
	return dump(argv[1], fd);
}
