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
	size_t at;	   /* in bytes */
	uint32_t ring;	   /* as given */
};

/* All-zero is an empty one. */
struct time_order {
	struct buffer bytes;
	struct time_order_entry *entries;
	size_t count;
	size_t capacity;
	uint64_t sequence;
	uint64_t last_time_ns; /* of what was handed out */
	uint64_t out_of_order; /* records that came after a later one was handed out */
};

void time_order_release(struct time_order *order);

/* Where a ring's records are appended (perf_ring_drain()); follow it with time_order_added(). */
static inline struct buffer *time_order_input(struct time_order *order)
{
	return &order->bytes;
}

/* Takes in the records appended behind before_bytes. -ENOMEM. */
int time_order_added(struct time_order *order, size_t before_bytes, uint32_t ring);

/* Receives records in the order of time. A negative return ends the run. */
typedef int time_order_take(void *context, const uint8_t *record, size_t size_bytes, uint32_t ring);

/* Hands out all records up to horizon_ns and forgets them. 0 or what take returned. */
int time_order_run(struct time_order *order, uint64_t horizon_ns, time_order_take *take, void *context);

#endif
