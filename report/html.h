/*
 * The small words of a page: what every section of the HTML report is made of. All text given here is escaped.
 */
#ifndef SLABREC_REPORT_HTML_H
#define SLABREC_REPORT_HTML_H

#include <stdint.h>
#include <stdio.h>

#include "report/arena.h"
#include "report/model.h"

/* Longest name that is shown whole; a page is no place for a symbol of 64 KiB. */
#define HTML_NAME_MAX 200u

/* What the sections share while one page is written. */
struct html {
	FILE *out;
	const struct model *model;
	struct arena *arena;
	uint32_t detailed; /* sites, the first, of which the page's data tells all */
	uint32_t ranked; /* ranking_count() of the model, which is long */
};

void html_text(FILE *out, const char *text);
/* <tag class="class">text</tag>; class NULL for none. */
void html_element(FILE *out, const char *tag, const char *class, const char *text);
/* A table cell with a number, and one with a name (monospace). */
void html_number_cell(FILE *out, const char *number);
void html_name_cell(FILE *out, const char *name);
/* Opens a table with its caption and column heads, "#" in front of those of numbers; ends before the rows. */
void html_table(FILE *out, const char *class, const char *caption, const char *const heads[]);
void html_table_end(FILE *out);
/* A section's heading. */
void html_section(FILE *out, const char *id, const char *title);
/* What was taken out: "Redaction: public. Taken out: 1 host names. " */
void html_redaction(FILE *out, const struct redaction *redaction);

#endif
