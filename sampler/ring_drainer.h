/*
 * Empties rings as soon as they have something, in a thread of its own and of real-time priority: records wait in memory while what
 * came before them becomes events, and rings may be small. What does not fit the memory either stays in the rings, which then
 * overflow and count it.
 */
#ifndef SLABREC_SAMPLER_RING_DRAINER_H
#define SLABREC_SAMPLER_RING_DRAINER_H

#include <stddef.h>

#include "sampler/perf_ring.h"
#include "trace/cursor.h"
#include "trace/error.h"

struct ring_drainer;

/* Starts with these rings, those that are open; they are borrowed until it is stopped and all was taken. -ENOMEM, -EAGAIN (no thread). */
int ring_drainer_new(struct ring_drainer **drainer, struct perf_ring *rings, size_t ring_count, struct error *err);
/* Ends the thread. What waits can still be taken. */
void ring_drainer_stop(struct ring_drainer *drainer);
/* Stops it; what was not taken is gone. NULL is nothing. */
void ring_drainer_free(struct ring_drainer *drainer);

/* In a child process, which has no such thread: forgets it. */
void ring_drainer_leave(struct ring_drainer *drainer);

/* How much may wait. */
size_t ring_drainer_max_bytes(const struct ring_drainer *drainer);

/* Descriptor that can be read from when there is something to take. */
int ring_drainer_fd(const struct ring_drainer *drainer);

/* Appends all that the ring has given until now. */
void ring_drainer_take(struct ring_drainer *drainer, size_t ring, struct buffer *out);

/* Gives back memory of the ring's that is far more than needed_bytes. */
void ring_drainer_trim(struct ring_drainer *drainer, size_t ring, size_t needed_bytes);

#endif
