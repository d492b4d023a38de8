/*
 * What the command line asks for.
 */
#ifndef SLABREC_REPORT_OPTIONS_H
#define SLABREC_REPORT_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "report/debug_file.h"
#include "report/diff.h"
#include "report/gate.h"
#include "report/metric.h"
#include "report/render.h"
#include "trace/error.h"

#define OPTIONS_DEBUG_DIRECTORIES_MAX 64u

enum options_action {
	ACTION_REPORT = 0,
	ACTION_IMPORT, /* slabreport import: input is perf's, output a trace */
	ACTION_MERGE,  /* slabreport merge: inputs are traces */
};

struct options {
	enum options_action action;
	const char *input;  /* "-" for standard input */
	char **inputs;	    /* of merge; borrowed */
	int input_count;
	bool is_from_page;  /* input is a report of slabreport, not a trace */
	const char *output; /* "-" for standard output */
	const struct renderer *renderer;
	bool has_format; /* it was asked for */
	const char *debug_directories[OPTIONS_DEBUG_DIRECTORIES_MAX];
	size_t debug_directory_count;
	bool no_debuginfod;
	enum redaction_level redaction;
	struct gate gate;
	enum metric metric; /* of folded */
	bool has_metric;
	bool is_whole_page; /* its data has details of all sites */
	const char *template; /* of the page; NULL the shipped one */
	bool is_quiet;
	bool wants_diff; /* input against after */
	const char *after; /* of a diff; as input, it may be several, with commas between them */
	enum diff_exposure exposure; /* of a diff */
	bool wants_audit; /* of input, instead of a report */
	bool wants_help;
	bool wants_version;
};

/* Reads the arguments, which are borrowed for the life of options. 0, or -EINVAL with what is wrong. */
int options_parse(struct options *options, int argc, char **argv, struct error *err);
void options_help(FILE *out);

#endif
