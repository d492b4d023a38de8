/*
 * Brings the records of all rings into the order of time. A ring is nearly in order by itself; across rings a record may come
 * late, so records are held back until every ring has been drained past their time.
 */
#ifndef SLABREC_SAMPLER_TIME_ORDER_H
#define SLABREC_SAMPLER_TIME_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "trace/cursor.h"

struct time_order_entry {
	uint64_t time_ns;
	uint64_t sequence; /* keeps equal times in the order of arrival */
	size_t at;	   /* in the bytes of its queue */
};

/* What one ring gave, sorted by time. Those before first were handed out. */
struct time_order_queue {
	struct buffer bytes;
	struct time_order_entry *entries; /* owned */
	size_t first;
	size_t count;
	size_t capacity;
	size_t seen_bytes; /* of bytes, taken in */
	size_t most_bytes; /* of bytes and entries, since they were trimmed */
	size_t most_count;
	uint32_t ring; /* as given */
};

/* All-zero is an empty one. */
struct time_order {
	struct time_order_queue *queues; /* owned */
	size_t *heap;			 /* owned; queues that have something for the run, the earliest first */
	size_t queue_count;
	size_t count;	   /* records held */
	size_t held_bytes; /* by all queues */
	uint64_t sequence;
	uint64_t last_time_ns; /* of what was handed out */
	uint64_t out_of_order; /* records that came after a later one was handed out */
};

void time_order_release(struct time_order *order);

/*
 * Where the records of ring number queue are appended (perf_ring_drain()), until the next call; follow it with time_order_added(). NULL
 * without memory.
 */
struct buffer *time_order_input(struct time_order *order, size_t queue);

/* Takes in what was appended to the queue; ring goes along with its records. -ENOMEM. */
int time_order_added(struct time_order *order, size_t queue, uint32_t ring);

/* Receives records in the order of time. A negative return ends the run. */
typedef int time_order_take(void *context, const uint8_t *record, size_t size_bytes, uint32_t ring);

/* Hands out the records up to horizon_ns, max at most, and forgets them. 0, or 1 where there are more, or what take returned. */
int time_order_run(struct time_order *order, uint64_t horizon_ns, size_t max, time_order_take *take, void *context);

/* Gives back what a burst took and nothing needed since the last call. Returns the most bytes that the queue held since then. */
size_t time_order_trim(struct time_order *order, size_t queue);

#endif
