/*
 * What the command line asks for.
 */
#ifndef SLABREC_REPORT_OPTIONS_H
#define SLABREC_REPORT_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "report/render.h"
#include "trace/error.h"

struct options {
	const char *input;  /* "-" for standard input */
	const char *output; /* "-" for standard output */
	const struct renderer *renderer;
	bool is_quiet;
	bool wants_help;
	bool wants_version;
};

/* Reads the arguments, which are borrowed for the life of options. 0, or -EINVAL with what is wrong. */
int options_parse(struct options *options, int argc, char **argv, struct error *err);
void options_help(FILE *out);

#endif
