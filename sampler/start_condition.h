/* What --start-when waits for: more than so many objects of some caches, or more slab memory than so much. */
#ifndef SLABREC_SAMPLER_START_CONDITION_H
#define SLABREC_SAMPLER_START_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "sampler/slab_cache.h"
#include "trace/error.h"

struct start_condition {
	const char *text; /* as given, borrowed; NULL: none, the recording starts at once */
	char name[SLAB_CACHE_NAME_MAX];
	bool is_memory;	  /* name is SUnreclaim or SReclaimable, the numbers are bytes */
	bool is_or_equal;
	uint64_t threshold;
	struct slab_cache_list caches; /* that name means; after start_condition_select() */
};

/* Reads "NAME>N", "NAME>=N objects", "SUnreclaim>SIZE". -EINVAL with the sentence. */
int start_condition_parse(struct start_condition *condition, const char *text, struct error *err);
void start_condition_release(struct start_condition *condition);

/* Looks the name up among the machine's caches, as -c does. -ENOENT with near names. */
int start_condition_select(struct start_condition *condition, const struct slab_cache_list *all, struct error *err);

/* What is now: active objects of all caches meant, or bytes. -errno. */
int start_condition_measure(const struct start_condition *condition, uint64_t *value);

bool start_condition_holds(const struct start_condition *condition, uint64_t value);

#endif
