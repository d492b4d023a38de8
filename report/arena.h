/*
 * Memory that is freed as a whole: the strings and arrays of one report model.
 */
#ifndef SLABREC_REPORT_ARENA_H
#define SLABREC_REPORT_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

/* All-zero is an empty arena. failed is set for good by the first allocation that found no memory. */
struct arena {
	struct arena_chunk *chunks;
	bool failed;
};

void arena_release(struct arena *arena);
/* count zeroed elements, aligned for any type; NULL (and failed) without memory. Never NULL for count 0. */
void *arena_array(struct arena *arena, size_t count, size_t element_bytes);
/* A copy of the C string; "" without memory. */
const char *arena_text(struct arena *arena, const char *text);
/* A string made by printf; "" without memory. */
const char *arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
