/* The only code that knows how integers lie in the file. */
#include "trace/cursor.h"

#include <stdlib.h>
#include <string.h>

#define TRIM_LEAST_BYTES 65536u

struct cursor cursor_over(const void *bytes, size_t size_bytes)
{
	const uint8_t *at = bytes;

	return (struct cursor){.at = at, .end = at ? at + size_bytes : at};
}

size_t cursor_left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

static void cursor_fail(struct cursor *cursor)
{
	cursor->failed = true;
	cursor->at = cursor->end;
}

uint64_t cursor_varint_long(struct cursor *cursor)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 70; shift += 7) {
		if (cursor->at == cursor->end)
			break;
		uint8_t byte = *cursor->at++;
		/* The tenth byte has room for one bit only. */
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	cursor_fail(cursor);
	return 0;
}

const uint8_t *cursor_bytes(struct cursor *cursor, size_t size_bytes)
{
	const uint8_t *at = cursor->at;

	if (cursor->failed || cursor_left(cursor) < size_bytes) {
		cursor_fail(cursor);
		return NULL;
	}
	cursor->at += size_bytes;
	return at;
}

uint32_t cursor_u32(struct cursor *cursor)
{
	const uint8_t *at = cursor_bytes(cursor, 4);

	if (!at)
		return 0;
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint8_t cursor_u8(struct cursor *cursor)
{
	const uint8_t *at = cursor_bytes(cursor, 1);

	return at ? *at : 0;
}

struct cursor cursor_part(struct cursor *cursor, size_t size_bytes)
{
	const uint8_t *at = cursor_bytes(cursor, size_bytes);
	struct cursor part = cursor_over(at, at ? size_bytes : 0);

	part.failed = !at;
	return part;
}

void buffer_release(struct buffer *buffer)
{
	if (!buffer)
		return;
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
	buffer->size_bytes = 0;
}

void buffer_trim(struct buffer *buffer, size_t size_bytes)
{
	size_t capacity = TRIM_LEAST_BYTES;

	while (capacity < size_bytes || capacity < buffer->size_bytes)
		capacity *= 2;
	if (buffer->capacity_bytes <= 2 * capacity)
		return;
	uint8_t *bytes = realloc(buffer->bytes, capacity);
	if (!bytes)
		return;
	buffer->bytes = bytes;
	buffer->capacity_bytes = capacity;
}

bool buffer_reserve(struct buffer *buffer, size_t size_bytes)
{
	size_t wanted = buffer->size_bytes + size_bytes;
	size_t capacity = buffer->capacity_bytes ? buffer->capacity_bytes : 256;

	if (buffer->failed || wanted <= buffer->capacity_bytes)
		return !buffer->failed;
	while (capacity < wanted)
		capacity *= 2;
	uint8_t *bytes = realloc(buffer->bytes, capacity);
	buffer->failed = !bytes;
	if (!bytes)
		return false;
	buffer->bytes = bytes;
	buffer->capacity_bytes = capacity;
	return true;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t size_bytes)
{
	if (!size_bytes || !buffer_reserve(buffer, size_bytes))
		return;
	memcpy(buffer->bytes + buffer->size_bytes, bytes, size_bytes);
	buffer->size_bytes += size_bytes;
}

void buffer_add_u8(struct buffer *buffer, uint8_t value)
{
	buffer_add(buffer, &value, 1);
}

void buffer_add_u32(struct buffer *buffer, uint32_t value)
{
	uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};

	buffer_add(buffer, bytes, sizeof(bytes));
}
