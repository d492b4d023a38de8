/*
 * The objects that are live at this point of the trace, by serial number.
 */
#ifndef SLABREC_REPORT_LIVE_H
#define SLABREC_REPORT_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"

/* Most objects that may be live at once: bounds what a hostile file can make us allocate (2 to 4 GiB). */
#define LIVE_OBJECTS_MAX (1u << 26)

struct live_object {
	uint64_t object; /* serial of the allocation, from 1; 0 is a free slot */
	uint64_t birth_ns;
	uint32_t site; /* index in the site table */
	uint32_t task;
	uint32_t bytes_req;
	uint32_t cache : 29;	   /* id of the trace, below TRACE_CACHES_MAX */
	uint32_t is_reclaimed : 1; /* it went when memory was asked back, after what is measured */
	uint32_t is_peeked : 1;	   /* its contents are known */
	uint32_t is_pending : 1;   /* handed to kfree_rcu(): free for its user, its memory is not yet */
};

/* All-zero is an empty table. */
struct live {
	struct live_object *slots; /* owned, open addressing with linear probing */
	size_t capacity;	   /* power of two or 0 */
	size_t count;
};

void live_release(struct live *live);
/* Adds an object whose serial is not in the table. 0, -ENOMEM, -EFBIG over LIVE_OBJECTS_MAX. */
int live_add(struct live *live, const struct live_object *object, struct error *err);
/* The object, NULL where it is not there; valid until the next call that changes the table. */
struct live_object *live_find(const struct live *live, uint64_t object);
/* It will be looked up soon: has memory begin to fetch it. */
void live_expect(const struct live *live, uint64_t object);
/* Takes the object out; false where it is not there. */
bool live_remove(struct live *live, uint64_t object, struct live_object *removed);

#endif
