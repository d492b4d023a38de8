/*
 * Bytes made smaller, as browsers read them, and text that carries them.
 */
#ifndef SLABREC_REPORT_GZIP_H
#define SLABREC_REPORT_GZIP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "trace/cursor.h"
#include "trace/error.h"

/* Most bytes that gzip_unpack() makes: a small file can ask for a thousand times its size. */
#define GZIP_UNPACKED_MAX (256u << 20)

/* Adds the bytes to out, packed; the same bytes for the same input. 0 or -ENOMEM. */
int gzip_pack(struct buffer *out, const void *bytes, size_t size_bytes, struct error *err);
/* Adds what was packed to out. 0, -ENOMEM, -EINVAL (damaged), -EFBIG. */
int gzip_unpack(struct buffer *out, const void *bytes, size_t size_bytes, struct error *err);

/* Writes the bytes in base64, in lines. */
void base64_write(FILE *out, const uint8_t *bytes, size_t size_bytes);
/* Adds the same lines to text. */
void base64_add(struct buffer *text, const uint8_t *bytes, size_t size_bytes);
/* Adds the bytes that the text stands for to out; white space is skipped. 0, -EINVAL where it is no base64. */
int base64_read(struct buffer *out, const char *text, size_t size_bytes, struct error *err);

#endif
