/*
 * A trace or a page of slabreport as a model, together with all that the model borrows from it.
 */
#ifndef SLABREC_REPORT_INPUT_H
#define SLABREC_REPORT_INPUT_H

#include "report/model.h"
#include "report/recording.h"
#include "report/symbolize_files.h"
#include "trace/error.h"

enum input_kind {
	INPUT_TRACE = 0,
	INPUT_PAGE,
	INPUT_EITHER, /* told by how it begins: a file, not a pipe */
};

/* All-zero is none. */
struct input {
	struct model model;
	const char *ending; /* what is wrong with the end of the trace, "" for nothing */
	struct recording recording;
	struct symbolize_files *names;
};

/* path "-" is standard input. 0, or a negative errno with the sentence. */
int input_read(struct input *input, const char *path, enum input_kind kind, const struct debug_search *search, struct error *err);
void input_release(struct input *input);
/* Opens it; the descriptor is the caller's. */
int input_open(const char *path, int *fd, struct error *err);
/* What sentences call it. */
const char *input_name(const char *path);

#endif
