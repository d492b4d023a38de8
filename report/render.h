/*
 * The formats a report can have: one table, one function each.
 */
#ifndef SLABREC_REPORT_RENDER_H
#define SLABREC_REPORT_RENDER_H

#include <stdio.h>

#include "report/model.h"
#include "trace/error.h"

/*
 * Writes the model to out in 7-bit ASCII, the same bytes for the same model. 0 or a negative errno; that out took
 * everything is for the caller to check.
 */
typedef int render_function(const struct model *model, FILE *out, struct error *err);

struct renderer {
	const char *name; /* as in --format; also the extension of the default output file */
	const char *what; /* for --help */
	render_function *render;
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

#endif
