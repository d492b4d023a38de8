/*
 * Frees of objects from before the recording. The trace does not tell who allocated them, but it tells who freed them: they are charged to
 * the sites whose objects that path normally frees, each by its share of the path. Without this a site in a steady state looks like a leak
 * for as long as its objects live. Pure.
 */
#ifndef SLABREC_REPORT_ORPHANS_H
#define SLABREC_REPORT_ORPHANS_H

#include <stdint.h>

#include "trace/error.h"
#include "trace/timeline.h"

/* Call stacks of a cache that are told apart; frees by others count as those without one. */
#define ORPHAN_STACKS_MAX 4096u

/* Frees of older objects by one stack. */
struct orphan_stack {
	uint32_t cache;
	uint32_t stack; /* 0 not recorded */
	uint64_t frees;
	struct timeline timeline; /* of frees */
};

/* All-zero is an empty table. */
struct orphans {
	struct orphan_stack *stacks; /* owned, in order of appearance */
	uint32_t count;
	uint32_t capacity;
	uint32_t *slots; /* owned: index + 1, by hash */
	uint32_t slots_capacity;
};

void orphans_release(struct orphans *orphans);
/* One free at a time that shift (of a timeline) reaches. 0 or -ENOMEM. */
int orphans_add(struct orphans *orphans, uint32_t cache, uint32_t stack, uint64_t time_ns, uint32_t shift, struct error *err);

/* That so many frees of a site's objects, or of older ones, went one way: any numbering of paths in which equal ones have equal numbers. */
struct orphan_path {
	uint64_t path;
	uint32_t cache;
	uint32_t owner; /* index of the site, or in orphans.stacks */
	double frees;
};

/* Frees of older objects on one path, scaled up: stacks of frees are sampled. */
struct orphan_flow {
	double frees[TIMELINE_BUCKETS]; /* over time, as wide as all timelines of the ledger */
	double scale; /* frees for one whose stack is known */
};

/* One site's share of a flow. */
struct orphan_charge {
	uint32_t site;
	uint32_t flow;
	double share;
};

/* All-zero is none. */
struct orphan_charges {
	struct orphan_flow *flows;     /* owned */
	struct orphan_charge *charges; /* owned, by site */
	uint32_t flow_count;
	uint32_t charge_count;
};

void orphan_charges_release(struct orphan_charges *charges);
/*
 * Charges older frees to sites. paths: the frees of each site, as many as it had, by path; older: those in orphans.stacks whose stack is
 * known. Both are sorted. 0 or -ENOMEM.
 */
int orphans_charge(const struct orphans *orphans, struct orphan_path *paths, uint32_t path_count, struct orphan_path *older,
		   uint32_t older_count, struct orphan_charges *charges, struct error *err);

#endif
