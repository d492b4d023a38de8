/*
 * Where the trace goes: a file that is written beside its final name and renamed at the end, keeping what was there as NAME.old; a
 * pipe or device as it is; "-" for standard output.
 */
#ifndef SLABREC_SAMPLER_OUTPUT_H
#define SLABREC_SAMPLER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"

struct output {
	char *path;	   /* owned; the final name; NULL: standard output or not open */
	char *beside_path; /* owned; where it is written until then; NULL: it is not a regular file */
	int fd;		   /* -1: not open */
	bool is_pipe;
	bool has_kept_old; /* PATH.old is what PATH was */
	const char *consequence; /* of a failed write, for its sentence */
	int signals;	   /* readable when somebody wants us to end (borrowed), -1 none: a reader that does not read is then left */
};

/* -errno with a sentence that names the file; -EINVAL: standard output is a terminal. Mode 0600. */
int output_open(struct output *output, const char *path, struct error *err);

/* A trace_sink: context is the output. */
int output_write(void *context, const void *bytes, size_t size_bytes, struct error *err);

/* Gives the file its name, whole or not. -errno. */
int output_commit(struct output *output, struct error *err);

/* Closes; what was not committed is removed. */
void output_close(struct output *output);

#endif
