/*
 * Asks the kernel for memory back: drops the page cache, dentries and inodes, and shrinks slab caches. It changes the machine: only for
 * --reclaim.
 */
#ifndef SLABREC_SAMPLER_RECLAIM_H
#define SLABREC_SAMPLER_RECLAIM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "sampler/slab_cache.h"
#include "trace/error.h"

/* One that runs, in a thread of its own: it can take minutes, and somebody has to take what is freed. */
struct reclaim {
	const struct slab_cache_list *caches; /* borrowed */
	pthread_t thread;
	atomic_bool is_done;
	bool is_running;
	char problem[200]; /* once it is done: what could not be done and why; "" nothing */
};

/* 0 or a negative errno of the thread. caches has to stay as it is until reclaim_wait(). */
int reclaim_start(struct reclaim *reclaim, const struct slab_cache_list *caches, struct error *err);
bool reclaim_is_done(const struct reclaim *reclaim);
/* Waits for its end; does nothing where it was not started. */
void reclaim_wait(struct reclaim *reclaim);

#endif
