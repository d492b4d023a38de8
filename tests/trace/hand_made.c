/* Knows the frame of the format (header, block, record) a second time, so that the writer is not tested by itself. */
#include "tests/trace/hand_made.h"

#include <string.h>

#include "trace/crc32c.h"

void hand_made_header(struct buffer *trace, uint16_t major, uint16_t minor)
{
	size_t at = trace->size_bytes;

	buffer_add(trace, "slabrec\x1a", 8);
	buffer_add_u32(trace, (uint32_t)minor << 16 | major);
	buffer_add_u32(trace, crc32c(0, trace->bytes + at, 12));
}

void hand_made_block_saying(struct buffer *trace, uint32_t codec, uint32_t raw_bytes, const void *stored,
			    uint32_t stored_bytes)
{
	size_t at = trace->size_bytes;

	buffer_add(trace, "SBLK", 4);
	buffer_add_u32(trace, stored_bytes);
	buffer_add_u32(trace, raw_bytes);
	buffer_add_u32(trace, codec);
	buffer_add_u32(trace, crc32c(crc32c(0, trace->bytes + at, 16), stored, stored_bytes));
	buffer_add(trace, stored, stored_bytes);
}

void hand_made_block(struct buffer *trace, struct buffer *payload)
{
	hand_made_block_saying(trace, 0, (uint32_t)payload->size_bytes, payload->bytes, (uint32_t)payload->size_bytes);
	buffer_clear(payload);
}

void hand_made_record(struct buffer *payload, uint64_t type, struct buffer *body)
{
	buffer_add_varint(payload, type);
	buffer_add_varint(payload, body->size_bytes);
	buffer_add(payload, body->bytes, body->size_bytes);
	buffer_clear(body);
}

void hand_made_column(struct buffer *body, uint64_t column, struct buffer *values)
{
	hand_made_record(body, column, values);
}

void hand_made_string(struct buffer *payload, const char *text)
{
	struct buffer body = {0};

	VARINTS(&body, 1, strlen(text));
	buffer_add(&body, text, strlen(text));
	hand_made_record(payload, TRACE_RECORD_STRINGS, &body);
	buffer_release(&body);
}

void hand_made_end(struct buffer *payload, uint64_t events, uint64_t allocs)
{
	struct buffer body = {0};

	VARINTS(&body, 1000, events, allocs);
	hand_made_record(payload, TRACE_RECORD_END, &body);
	buffer_release(&body);
}

void hand_made_varints(struct buffer *buffer, const uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffer_add_varint(buffer, values[i]);
}

static void put_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get_u32(const uint8_t *at)
{
	struct cursor cursor = cursor_over(at, 4);

	return cursor_u32(&cursor);
}

size_t hand_made_seal(uint8_t *bytes, size_t size_bytes)
{
	size_t at = 16;

	if (size_bytes < at)
		return 0;
	memcpy(bytes, "slabrec\x1a", 8);
	put_u32(bytes + 8, get_u32(bytes + 8) << 16 | 1);
	put_u32(bytes + 12, crc32c(0, bytes, 12));
	while (size_bytes - at > 20) {
		uint8_t *block = bytes + at;
		size_t stored_bytes = get_u32(block + 4);

		if (!stored_bytes || stored_bytes > size_bytes - at - 20)
			stored_bytes = size_bytes - at - 20;
		if (stored_bytes > TRACE_BLOCK_MAX_BYTES)
			stored_bytes = TRACE_BLOCK_MAX_BYTES;
		memcpy(block, "SBLK", 4);
		put_u32(block + 4, (uint32_t)stored_bytes);
		put_u32(block + 8, (uint32_t)stored_bytes);
		put_u32(block + 12, 0);
		put_u32(block + 16, crc32c(crc32c(0, block, 16), block + 20, stored_bytes));
		at += 20 + stored_bytes;
	}
	return at;
}
