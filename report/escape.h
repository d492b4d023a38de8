/*
 * Makes foreign bytes harmless in each kind of output. One rule for all: a printable character stays what it is
 * (written in 7-bit ASCII), every byte of anything else becomes "\xNN": control characters, broken UTF-8, marks that
 * change the direction of text, and the backslash itself, so that what was written can be read back.
 */
#ifndef SLABREC_REPORT_ESCAPE_H
#define SLABREC_REPORT_ESCAPE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "trace/cursor.h"

/* No limit: the whole text is written. */
#define ESCAPE_ALL SIZE_MAX

/*
 * Length of the printable character at the front of the bytes and its code point; 0 where there is none and the
 * first byte has to be written as "\xNN".
 */
size_t escape_character(const char *bytes, size_t size_bytes, uint32_t *code_point);

/*
 * Each writes the text; where it is longer than limit characters, the first of them and "...". Safe in: HTML and SVG
 * content and quoted attributes; plain ASCII; inside the quotes of a JSON string. Errors stay with the stream.
 */
void escape_html(FILE *out, const char *text, size_t limit);
void escape_ascii(FILE *out, const char *text, size_t limit);
void escape_json(FILE *out, const char *text);
/* Adds UTF-8 with characters of XML 1.0 only, markup not yet escaped: what xmlTextWriter expects, with a NUL at the
 * end. */
void escape_xml(struct buffer *out, const char *text, size_t limit);

#endif
