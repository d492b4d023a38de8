/* What ends a code span or a cell, and what begins anything elsewhere. */
#include "report/markdown.h"

#include <string.h>

#include "report/escape.h"

/* Backticks end a code span, bars a table's cell. */
void markdown_code(FILE *out, const char *text, size_t limit)
{
	fputc('`', out);
	while (*text && limit) {
		size_t plain = strcspn(text, "`|");
		char part[MARKDOWN_NAME_MAX + 1];

		if (plain > MARKDOWN_NAME_MAX)
			plain = MARKDOWN_NAME_MAX;
		if (plain > limit)
			plain = limit;
		memcpy(part, text, plain);
		part[plain] = 0;
		escape_ascii(out, part, ESCAPE_ALL);
		limit -= plain;
		text += plain;
		if (limit && (*text == '`' || *text == '|')) {
			fprintf(out, "\\x%02x", (unsigned char)*text++);
			limit--;
		}
	}
	fputs(*text ? "...`" : "`", out);
}

void markdown_path(FILE *out, const char *name, const char *caller, const char *via, bool via_skips)
{
	markdown_code(out, name, MARKDOWN_NAME_MAX);
	if (*caller) {
		fputs(" from ", out);
		markdown_code(out, caller, MARKDOWN_NAME_MAX);
	}
	if (*via) {
		fputs(via_skips ? " from ... " : " from ", out);
		markdown_code(out, via, MARKDOWN_NAME_MAX);
	}
}

/* A sentence of ours, which may hold foreign names: what means something to Markdown is written as an entity. */
void markdown_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("`*_[]<>|\\#&~!$@{}", *text) || (unsigned char)*text < ' ' || (unsigned char)*text > '~')
			fprintf(out, "&#%u;", (unsigned char)*text);
		else
			fputc(*text, out);
	}
}

void markdown_paragraph(FILE *out, const char *before, const char *text)
{
	if (!*text)
		return;
	fputs(before, out);
	markdown_text(out, text);
	fputs("\n\n", out);
}
