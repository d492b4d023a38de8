/*
 * The formats a report can have: one table, one function each.
 */
#ifndef SLABREC_REPORT_RENDER_H
#define SLABREC_REPORT_RENDER_H

#include <stdbool.h>
#include <stdio.h>

#include "report/diff.h"
#include "report/model.h"
#include "trace/error.h"

/*
 * Writes the model to out, in 7-bit ASCII unless the format is binary, the same bytes for the same model. 0 or a negative errno; that out took
 * everything is for the caller to check.
 */
typedef int render_function(const struct model *model, FILE *out, struct error *err);

/* The same of a comparison. */
typedef int render_diff_function(const struct diff *diff, FILE *out, struct error *err);

struct renderer {
	const char *name; /* as in --format */
	const char *what; /* for --help */
	const char *file; /* where it goes unless told otherwise, "-" standard output */
	render_function *render;
	bool is_binary;
	render_diff_function *diff; /* NULL: this format has none */
};

/* The format of that name, NULL where there is none. */
const struct renderer *renderer_find(const char *name);
/* All of them, ended by one without a name; the first is the default. */
extern const struct renderer renderers[];

render_function render_html;
render_function render_xml;
render_function render_text;
render_function render_md;
render_function render_json;
render_function render_folded;
render_function render_pprof;
render_function render_speedscope;
render_function render_firefox;
render_function render_dhat;
render_function render_valgrind;
render_function render_junit;

/* What render_text() writes of one site, its number first: for the page, to be copied from there. 0 or a negative errno. */
int render_text_site(const struct model *model, const struct model_site *site, uint32_t rank, FILE *out, struct error *err);

render_diff_function render_diff_html;
render_diff_function render_diff_xml;
render_diff_function render_diff_text;
render_diff_function render_diff_md;
render_diff_function render_diff_json;
render_diff_function render_diff_folded;
render_diff_function render_diff_junit;

#endif
