/* A file in memory for the writer's sink and the reader's source, that can be made to fail like a full disk. */
#ifndef SLABREC_TESTS_MEMORY_FILE_H
#define SLABREC_TESTS_MEMORY_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "trace/cursor.h"
#include "trace/error.h"

/* All-zero is an empty file that never fails. */
struct memory_file {
	struct buffer content;
	size_t read_at_bytes;
	size_t read_step_bytes; /* most that one read gives, as a pipe does; 0: all that is asked for */
	unsigned int writes;
	unsigned int fail_write; /* this write, counted from 1, and all after it fail with ENOSPC; 0: none */
};

void memory_file_release(struct memory_file *file);
/* A trace_sink and a trace_source; context is the struct memory_file. */
int memory_file_sink(void *context, const void *bytes, size_t size_bytes, struct error *err);
long memory_file_source(void *context, void *bytes, size_t size_bytes, struct error *err);

/* Appends a file of the disk. 0 or a negative errno. */
int memory_file_load(struct memory_file *file, const char *path);

#endif
