/*
 * Bytes in and bytes out: a bounds-checked reading cursor and a growing buffer, with the varints both ends of the
 * format use (LEB128, at most 10 bytes; signed values zigzagged).
 */
#ifndef SLABREC_TRACE_CURSOR_H
#define SLABREC_TRACE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads from [at, end). The first read that does not fit sets failed; every later read then yields 0. */
struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

struct cursor cursor_over(const void *bytes, size_t size_bytes);
size_t cursor_left(const struct cursor *cursor);
/* cursor_varint() of one of any length; most of either format take one byte. */
uint64_t cursor_varint_long(struct cursor *cursor);
static inline uint64_t cursor_varint(struct cursor *cursor)
{
	return cursor->at != cursor->end && *cursor->at < 0x80 ? *cursor->at++ : cursor_varint_long(cursor);
}
static inline int64_t cursor_zigzag(struct cursor *cursor)
{
	uint64_t value = cursor_varint(cursor);

	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}
uint32_t cursor_u32(struct cursor *cursor);
uint8_t cursor_u8(struct cursor *cursor);
/* Borrowed pointer to the next size_bytes, which are consumed; NULL (and failed) when there are not that many. */
const uint8_t *cursor_bytes(struct cursor *cursor, size_t size_bytes);
/* A cursor over the next size_bytes, which are consumed; a failed one when there are not that many. */
struct cursor cursor_part(struct cursor *cursor, size_t size_bytes);

/*
 * A growing byte buffer. Running out of memory sets failed and drops what was added: check it once where the
 * bytes are used. All-zero is an empty buffer.
 */
struct buffer {
	uint8_t *bytes; /* owned */
	size_t size_bytes;
	size_t capacity_bytes;
	bool failed;
};

void buffer_release(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);
/* Gives memory back where there is far more than size_bytes needs (and what the buffer has). */
void buffer_trim(struct buffer *buffer, size_t size_bytes);
/* Room for so many bytes behind what the buffer has; false without memory. */
bool buffer_reserve(struct buffer *buffer, size_t size_bytes);
void buffer_add(struct buffer *buffer, const void *bytes, size_t size_bytes);
void buffer_add_u8(struct buffer *buffer, uint8_t value);
void buffer_add_u32(struct buffer *buffer, uint32_t value);

#define VARINT_MAX_BYTES 10u

static inline void buffer_add_varint(struct buffer *buffer, uint64_t value)
{
	if (buffer->capacity_bytes - buffer->size_bytes < VARINT_MAX_BYTES && !buffer_reserve(buffer, VARINT_MAX_BYTES))
		return;
	uint8_t *at = buffer->bytes + buffer->size_bytes;
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	buffer->size_bytes = (size_t)(at - buffer->bytes);
}

static inline void buffer_add_zigzag(struct buffer *buffer, int64_t value)
{
	buffer_add_varint(buffer, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

#endif
