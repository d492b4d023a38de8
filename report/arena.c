/* Bump allocation in chunks that never move: what was handed out stays where it is. */
#include "report/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/huge_pages.h"

#define CHUNK_BYTES (256u << 10)
#define ALIGN_BYTES 16u

struct arena_chunk {
	struct arena_chunk *next;
	size_t used_bytes;
	size_t size_bytes;
	_Alignas(ALIGN_BYTES) unsigned char bytes[];
};

void arena_release(struct arena *arena)
{
	if (!arena)
		return;
	while (arena->chunks) {
		struct arena_chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	arena->failed = false;
}

static struct arena_chunk *arena_grow(struct arena *arena, size_t wanted_bytes)
{
	size_t size_bytes = wanted_bytes > CHUNK_BYTES ? wanted_bytes : CHUNK_BYTES;
	struct arena_chunk *chunk = huge_pages_array(1, sizeof(*chunk) + size_bytes);

	if (!chunk)
		return NULL;
	chunk->size_bytes = size_bytes;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *arena_array(struct arena *arena, size_t count, size_t element_bytes)
{
	size_t size_bytes;
	struct arena_chunk *chunk = arena->chunks;

	if (__builtin_mul_overflow(count ? count : 1, element_bytes, &size_bytes) || size_bytes > PTRDIFF_MAX / 2) {
		arena->failed = true;
		return NULL;
	}
	size_bytes = (size_bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
	if (!chunk || chunk->size_bytes - chunk->used_bytes < size_bytes)
		chunk = arena_grow(arena, size_bytes);
	if (!chunk) {
		arena->failed = true;
		return NULL;
	}
	void *at = chunk->bytes + chunk->used_bytes;
	chunk->used_bytes += size_bytes;
	return at;
}

const char *arena_text(struct arena *arena, const char *text)
{
	size_t size_bytes = strlen(text) + 1;
	char *copy = arena_array(arena, size_bytes, 1);

	return copy ? memcpy(copy, text, size_bytes) : "";
}

const char *arena_format(struct arena *arena, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = length < 0 ? NULL : arena_array(arena, (size_t)length + 1, 1);
	if (!text)
		return "";
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}
