/*
 * Contents of objects as people read them: rows of bytes in hexadecimal and as characters, the same in every format.
 */
#ifndef SLABREC_REPORT_CONTENT_TEXT_H
#define SLABREC_REPORT_CONTENT_TEXT_H

#include <stdint.h>

#include "report/arena.h"
#include "report/model.h"

#define CONTENT_ROW_BYTES 16u

/* How many bytes at the front are the same in all objects of the site; 0 for fewer than two. */
uint32_t content_common_bytes(const struct model_site *site);

/* "first bytes of 8 live objects; the first 24 are the same in all". In the arena. */
const char *content_head(struct arena *arena, const struct model_site *site);

/* Hexadecimal, without blanks. In the arena. */
const char *content_hex(struct arena *arena, const struct model_content *content);

/* A printable ASCII character that no output has to escape by a backslash, or a dot. */
char content_character(uint8_t byte);

/* The characters of some bytes. In the arena. */
const char *content_characters(struct arena *arena, const uint8_t *bytes, uint32_t size_bytes);

/* The row that begins at that byte: where it is, hexadecimal, characters. Behind the last of common bytes stands a bar. In the arena. */
const char *content_row(struct arena *arena, const struct model_content *content, uint32_t at, uint32_t common);

#endif
