/*
 * The shipped files that a page is made of, and the slots that they fill: the same for every page.
 */
#ifndef SLABREC_REPORT_HTML_FILES_H
#define SLABREC_REPORT_HTML_FILES_H

#include <stdio.h>

#include "report/template.h"
#include "trace/error.h"

/* It has to be the first member of the context of a template_write() that has these slots. */
struct html_files {
	const struct template_file *page, *style, *more_style, *script;
};

/* By their names; NULL where a page has none of that kind. 0, or -ENOENT. */
int html_files_find(struct html_files *files, const char *page, const char *style, const char *more_style, const char *script, struct error *err);

/* {{style}}, and how the content security policy names it; so for the others. */
template_writer html_slot_style;
template_writer html_slot_style_hash;
template_writer html_slot_more_style;
template_writer html_slot_more_style_hash;
template_writer html_slot_script;
template_writer html_slot_script_hash;
/* The program and its version. */
template_writer html_slot_generator;

#endif
