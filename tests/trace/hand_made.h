/* Puts traces together by hand, right and wrong ones: what the writer would never write. Checksums are always right. */
#ifndef SLABREC_TESTS_HAND_MADE_H
#define SLABREC_TESTS_HAND_MADE_H

#include <stddef.h>
#include <stdint.h>

#include "trace/cursor.h"
#include "trace/format.h"

/* Appends a file header. */
void hand_made_header(struct buffer *trace, uint16_t major, uint16_t minor);
/* Appends a block header that says these things, whatever they are, and the payload of stored_bytes. */
void hand_made_block_saying(struct buffer *trace, uint32_t codec, uint32_t raw_bytes, const void *stored,
			    uint32_t stored_bytes);
/* Appends a stored block of the payload and empties it. */
void hand_made_block(struct buffer *trace, struct buffer *payload);
/* Appends a record of the body, and empties it. */
void hand_made_record(struct buffer *payload, uint64_t type, struct buffer *body);
/* Appends a column of an EVENTS record, and empties values. */
void hand_made_column(struct buffer *body, uint64_t column, struct buffer *values);
/* Appends a STRINGS record of one string. */
void hand_made_string(struct buffer *payload, const char *text);
void hand_made_end(struct buffer *payload, uint64_t events, uint64_t allocs);

void hand_made_varints(struct buffer *buffer, const uint64_t *values, size_t count);
#define VARINTS(buffer, ...)                                                                                           \
	hand_made_varints(buffer, (const uint64_t[]){__VA_ARGS__},                                                     \
			  sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/*
 * Gives every header and block of the bytes that size lets the magic, the version 1, the codec "stored" and the right
 * checksum, so that a fuzzer's changes reach the records. Returns how many bytes belong to whole blocks.
 */
size_t hand_made_seal(uint8_t *bytes, size_t size_bytes);

#endif
