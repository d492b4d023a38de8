#include "report/contents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void contents_release(struct contents *contents)
{
	free(contents->items);
	*contents = (struct contents){0};
}

int contents_add(struct contents *contents, uint32_t site, const struct trace_contents *from, struct error *err)
{
	if (contents->count == CONTENTS_MAX)
		return 0;
	if (contents->count == contents->capacity) {
		uint32_t capacity = contents->capacity ? 2 * contents->capacity : 64;
		struct content *items = reallocarray(contents->items, capacity, sizeof(*items));

		if (!items)
			return error_set(err, -ENOMEM, "not enough memory for the contents of %u objects", contents->count);
		contents->items = items;
		contents->capacity = capacity;
	}
	struct content *content = &contents->items[contents->count];
	*content = (struct content){.site = site, .order = contents->count++, .size_bytes = from->size_bytes};
	memcpy(content->bytes, from->bytes, from->size_bytes);
	return 0;
}

static int by_site(const void *left, const void *right)
{
	const struct content *a = left, *b = right;

	if (a->site != b->site)
		return a->site < b->site ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

void contents_sort(struct contents *contents)
{
	if (contents->count)
		qsort(contents->items, contents->count, sizeof(*contents->items), by_site);
}

const struct content *contents_of(const struct contents *contents, uint32_t site, uint32_t *count)
{
	uint32_t low = 0, high = contents->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (contents->items[middle].site < site)
			low = middle + 1;
		else
			high = middle;
	}
	*count = 0;
	while (low + *count < contents->count && contents->items[low + *count].site == site)
		++*count;
	return contents->items + low;
}
