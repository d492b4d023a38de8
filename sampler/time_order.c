/* Knows that sorting a few thousand nearly sorted entries at a time is cheaper than a queue per ring. */
#include "sampler/time_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/sample.h"

void time_order_release(struct time_order *order)
{
	buffer_release(&order->bytes);
	free(order->entries);
	*order = (struct time_order){0};
}

static int add_entry(struct time_order *order, struct time_order_entry entry)
{
	if (order->count == order->capacity) {
		size_t capacity = order->capacity ? order->capacity * 2 : 1024;
		struct time_order_entry *entries = realloc(order->entries, capacity * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		order->entries = entries;
		order->capacity = capacity;
	}
	order->entries[order->count++] = entry;
	return 0;
}

int time_order_added(struct time_order *order, size_t before_bytes, uint32_t ring)
{
	size_t record_bytes;

	if (order->bytes.failed)
		return -ENOMEM;
	for (size_t at = before_bytes; at < order->bytes.size_bytes; at += record_bytes) {
		uint64_t time_ns = sample_time(order->bytes.bytes + at, order->bytes.size_bytes - at, &record_bytes);

		if (!record_bytes)
			break;
		struct time_order_entry entry = {.time_ns = time_ns, .sequence = order->sequence++, .at = at, .ring = ring};
		if (add_entry(order, entry))
			return -ENOMEM;
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct time_order_entry *left = a, *right = b;

	if (left->time_ns != right->time_ns)
		return left->time_ns < right->time_ns ? -1 : 1;
	return left->sequence < right->sequence ? -1 : left->sequence > right->sequence;
}

/* Moves what was not handed out to the front of a new buffer. */
static void keep_rest(struct time_order *order, size_t first)
{
	struct buffer rest = {0};

	for (size_t i = first; i < order->count; i++) {
		struct time_order_entry entry = order->entries[i];
		size_t record_bytes;

		sample_time(order->bytes.bytes + entry.at, order->bytes.size_bytes - entry.at, &record_bytes);
		size_t at = rest.size_bytes;
		buffer_add(&rest, order->bytes.bytes + entry.at, record_bytes);
		entry.at = at;
		order->entries[i - first] = entry;
	}
	order->count -= first;
	if (order->count) {
		buffer_release(&order->bytes);
		order->bytes = rest;
	} else {
		buffer_clear(&order->bytes);
	}
}

int time_order_run(struct time_order *order, uint64_t horizon_ns, time_order_take *take, void *context)
{
	size_t i = 0;
	int ret = 0;

	if (order->count)
		qsort(order->entries, order->count, sizeof(*order->entries), by_time);
	for (; i < order->count && order->entries[i].time_ns <= horizon_ns && !ret; i++) {
		const struct time_order_entry *entry = &order->entries[i];

		if (entry->time_ns < order->last_time_ns)
			order->out_of_order++;
		else
			order->last_time_ns = entry->time_ns;
		ret = take(context, order->bytes.bytes + entry->at, order->bytes.size_bytes - entry->at, entry->ring);
	}
	if (i)
		keep_rest(order, i);
	return ret;
}
