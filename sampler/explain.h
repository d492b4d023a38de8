/*
 * What a recording would do, for people: the source of events and why, the caches, each probe with its filter and reason, and what
 * this kernel does not let it see. Pure text from the plan; nothing is asked of the kernel.
 */
#ifndef SLABREC_SAMPLER_EXPLAIN_H
#define SLABREC_SAMPLER_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sampler/probe_plan.h"
#include "sampler/slab_cache.h"
#include "sampler/user_stacks.h"

#define EXPLAIN_COLUMNS 110

/* A way to get events: why it was picked, or why not. */
struct explain_source {
	const char *name;
	const char *why;
};

/* All pointers are borrowed. */
struct explain {
	const char *kernel;			/* release */
	const struct explain_source *sources;	/* the one picked first */
	size_t source_count;
	const char *name_offset_from;		/* who told facts->name_offset_bytes; NULL: no probe needs it */
	const char *const *filters;		/* sentences on what -p and the like do; ends with NULL */
	const struct probe_plan *plan;
	const struct probe_plan_facts *facts;
	enum user_stacks user_stacks;
};

/* Lines of at most EXPLAIN_COLUMNS, but for words that are longer. What out cannot take is told by ferror(out). */
void explain_write(const struct explain *explain, FILE *out);

#endif
