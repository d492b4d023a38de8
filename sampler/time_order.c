/* Knows that a ring is all but sorted: what it gives is put right by a few steps back, and the rings are merged by a heap. */
#include "sampler/time_order.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/sample.h"

#define ENTRIES_LEAST 256u

void time_order_release(struct time_order *order)
{
	for (size_t i = 0; i < order->queue_count; i++) {
		buffer_release(&order->queues[i].bytes);
		free(order->queues[i].entries);
	}
	free(order->queues);
	free(order->heap);
	*order = (struct time_order){0};
}

static int add_queues(struct time_order *order, size_t count)
{
	struct time_order_queue *queues = realloc(order->queues, count * sizeof(*queues));

	if (!queues)
		return -ENOMEM;
	order->queues = queues;
	size_t *heap = realloc(order->heap, count * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	order->heap = heap;
	for (; order->queue_count < count; order->queue_count++)
		queues[order->queue_count] = (struct time_order_queue){0};
	return 0;
}

struct buffer *time_order_input(struct time_order *order, size_t queue)
{
	if (queue >= order->queue_count && add_queues(order, queue + 1))
		return NULL;
	return &order->queues[queue].bytes;
}

/* An interrupt's record may stand before that of what it interrupted: then this one goes before it. */
static int add_entry(struct time_order_queue *queue, struct time_order_entry entry)
{
	if (queue->count == queue->capacity) {
		size_t capacity = queue->capacity ? queue->capacity * 2 : ENTRIES_LEAST;
		struct time_order_entry *entries = realloc(queue->entries, capacity * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		queue->entries = entries;
		queue->capacity = capacity;
	}
	size_t at = queue->count++;
	for (; at > queue->first && queue->entries[at - 1].time_ns > entry.time_ns; at--)
		queue->entries[at] = queue->entries[at - 1];
	queue->entries[at] = entry;
	return 0;
}

int time_order_added(struct time_order *order, size_t queue_number, uint32_t ring)
{
	struct time_order_queue *queue = &order->queues[queue_number];
	const struct buffer *bytes = &queue->bytes;
	size_t record_bytes;

	if (bytes->failed)
		return -ENOMEM;
	queue->ring = ring;
	for (size_t at = queue->seen_bytes; at < bytes->size_bytes; at += record_bytes) {
		uint64_t time_ns = sample_time(bytes->bytes + at, bytes->size_bytes - at, &record_bytes);

		if (!record_bytes)
			break;
		if (add_entry(queue, (struct time_order_entry){.time_ns = time_ns, .sequence = order->sequence++, .at = at}))
			return -ENOMEM;
		order->count++;
	}
	order->held_bytes += bytes->size_bytes - queue->seen_bytes;
	queue->seen_bytes = bytes->size_bytes;
	if (queue->most_bytes < bytes->size_bytes)
		queue->most_bytes = bytes->size_bytes;
	if (queue->most_count < queue->count)
		queue->most_count = queue->count;
	return 0;
}

static const struct time_order_entry *first_of(const struct time_order *order, size_t queue)
{
	return &order->queues[queue].entries[order->queues[queue].first];
}

static bool is_before(const struct time_order *order, size_t a, size_t b)
{
	const struct time_order_entry *left = first_of(order, a), *right = first_of(order, b);

	return left->time_ns != right->time_ns ? left->time_ns < right->time_ns : left->sequence < right->sequence;
}

/* Brings the queue at place down to where it belongs in the heap. */
static void sift_down(struct time_order *order, size_t heap_count, size_t place)
{
	size_t queue = order->heap[place];

	for (size_t child = 2 * place + 1; child < heap_count; child = 2 * place + 1) {
		if (child + 1 < heap_count && is_before(order, order->heap[child + 1], order->heap[child]))
			child++;
		if (!is_before(order, order->heap[child], queue))
			break;
		order->heap[place] = order->heap[child];
		place = child;
	}
	order->heap[place] = queue;
}

static bool has_until(const struct time_order_queue *queue, uint64_t horizon_ns)
{
	return queue->first < queue->count && queue->entries[queue->first].time_ns <= horizon_ns;
}

static size_t fill_heap(struct time_order *order, uint64_t horizon_ns)
{
	size_t count = 0;

	for (size_t i = 0; i < order->queue_count; i++)
		if (has_until(&order->queues[i], horizon_ns))
			order->heap[count++] = i;
	for (size_t place = count / 2; place > 0; place--)
		sift_down(order, count, place - 1);
	return count;
}

/* Where the bytes begin that are still to be handed out. */
static size_t first_byte(const struct time_order_queue *queue)
{
	size_t first = queue->bytes.size_bytes;

	for (size_t i = queue->first; i < queue->count; i++)
		if (queue->entries[i].at < first)
			first = queue->entries[i].at;
	return first;
}

/* Forgets what was handed out, where that is half of the queue: so a record is moved once at most. */
static void forget_taken(struct time_order *order, struct time_order_queue *queue)
{
	if (queue->first < queue->count && queue->first < queue->count / 2)
		return;
	size_t taken_bytes = first_byte(queue);
	size_t left_bytes = queue->bytes.size_bytes - taken_bytes;
	if (left_bytes)
		memmove(queue->bytes.bytes, queue->bytes.bytes + taken_bytes, left_bytes);
	queue->bytes.size_bytes = queue->seen_bytes = left_bytes;
	order->held_bytes -= taken_bytes;
	for (size_t i = queue->first; i < queue->count; i++) {
		queue->entries[i - queue->first] = queue->entries[i];
		queue->entries[i - queue->first].at -= taken_bytes;
	}
	queue->count -= queue->first;
	queue->first = 0;
}

static int hand_out_first(struct time_order *order, struct time_order_queue *queue, time_order_take *take, void *context)
{
	const struct time_order_entry entry = queue->entries[queue->first++];

	order->count--;
	if (entry.time_ns < order->last_time_ns)
		order->out_of_order++;
	else
		order->last_time_ns = entry.time_ns;
	return take(context, queue->bytes.bytes + entry.at, queue->bytes.size_bytes - entry.at, queue->ring);
}

int time_order_run(struct time_order *order, uint64_t horizon_ns, size_t max, time_order_take *take, void *context)
{
	size_t waiting = fill_heap(order, horizon_ns);
	int ret = 0;

	for (; waiting && max && !ret; max--) {
		struct time_order_queue *queue = &order->queues[order->heap[0]];

		ret = hand_out_first(order, queue, take, context);
		if (!has_until(queue, horizon_ns))
			order->heap[0] = order->heap[--waiting];
		if (waiting)
			sift_down(order, waiting, 0);
	}
	for (size_t i = 0; i < order->queue_count; i++)
		if (order->queues[i].first)
			forget_taken(order, &order->queues[i]);
	return ret ? ret : waiting > 0;
}

size_t time_order_trim(struct time_order *order, size_t queue_number)
{
	struct time_order_queue *queue = queue_number < order->queue_count ? &order->queues[queue_number] : NULL;

	if (!queue)
		return 0;
	size_t most_bytes = queue->most_bytes;
	size_t capacity = ENTRIES_LEAST;
	buffer_trim(&queue->bytes, most_bytes);
	while (capacity < queue->most_count || capacity < queue->count)
		capacity *= 2;
	if (queue->capacity > 2 * capacity) {
		struct time_order_entry *entries = realloc(queue->entries, capacity * sizeof(*entries));

		if (entries) {
			queue->entries = entries;
			queue->capacity = capacity;
		}
	}
	queue->most_bytes = queue->bytes.size_bytes;
	queue->most_count = queue->count;
	return most_bytes;
}
