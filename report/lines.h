/*
 * Text of a fixed width, for mails: lines that are cut, paragraphs that are wrapped. Escapes what it is given to ASCII.
 */
#ifndef SLABREC_REPORT_LINES_H
#define SLABREC_REPORT_LINES_H

#include <stdint.h>
#include <stdio.h>

#include "report/arena.h"

#define LINES_COLUMNS 72

struct lines {
	FILE *out;
	struct arena *arena; /* fails with it */
	uint32_t count;	     /* lines written */
};

/* One line, cut at the last column. */
void lines_put(struct lines *lines, const char *line);
/* A paragraph, wrapped at spaces; every line after the first starts with indent blanks. */
void lines_paragraph(struct lines *lines, int indent, const char *paragraph);

#endif
