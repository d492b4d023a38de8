/* Text in Markdown: foreign names in code spans, where nothing but a backtick means anything, sentences with entities for what means something. */
#ifndef SLABREC_REPORT_MARKDOWN_H
#define SLABREC_REPORT_MARKDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define MARKDOWN_MAX 65536u /* characters of a comment on GitHub or GitLab */
#define MARKDOWN_NAME_MAX 100u

/* A code span of at most limit characters; also in a table's cell. */
void markdown_code(FILE *out, const char *text, size_t limit);
/* A function, its caller and what it comes through, as model_site has them. */
void markdown_path(FILE *out, const char *name, const char *caller, const char *via, bool via_skips);
/* A sentence, which may hold foreign names. */
void markdown_text(FILE *out, const char *text);
/* The same as a paragraph with that before it; nothing for "". */
void markdown_paragraph(FILE *out, const char *before, const char *text);

#endif
