/*
 * An allocation site: one cache and one whole call stack, and everything counted about the objects made there.
 */
#ifndef SLABREC_REPORT_SITE_H
#define SLABREC_REPORT_SITE_H

#include <stdint.h>

#include "report/history.h"
#include "trace/error.h"
#include "trace/pool.h"
#include "trace/tally.h"

/* Most sites of one trace: bounds what a hostile file can make us allocate. */
#define SITES_MAX (1u << 20)
#define SITES_PER_BLOCK 1024u

/* What events change comes first. */
struct site {
	uint32_t cache; /* ids of the trace; 0 not known, not recorded */
	uint32_t stack;
	uint64_t allocs;
	uint64_t live;
	uint64_t bytes_req;	 /* of all allocations whose size is known */
	uint64_t allocs_sized;	 /* allocations whose requested size is known */
	uint64_t live_bytes_req; /* of the live ones */
	uint64_t live_sized;
	struct lives *lives; /* of the pool of lives; NULL until something is posted; survivors are known once closed */
	uint64_t frees;		/* seen */
	uint64_t frees_implied; /* inferred: the address was handed out again */
	struct tally tasks;    /* by task: allocations, and how many of them are live at the end */
	struct tally cpus;	/* by CPU + 1: allocations */
	struct tally freed_by; /* by stack: frees */
	struct tally nodes_asked; /* by NUMA node + 1: allocations that asked for one */
	struct tally comms;    /* by name (string): allocations of freed objects of which the trace tells no more */
	uint64_t reclaimed;	/* of live: they went when memory was asked back */
	uint64_t freed_at_most; /* once closed: of live, as many as can have been freed by frees that were lost */
	uint64_t pending_rcu;	 /* of frees: asked for by kfree_rcu(), not seen to be done */
	uint32_t contents;	/* how many of the live ones were looked into, at most CONTENTS_PER_SITE */
};

struct site_slot {
	uint32_t cache;
	uint32_t stack;
	uint32_t place; /* index of the site + 1; 0: a free slot */
};

/* All-zero is an empty table. */
struct site_table {
	uint32_t count; /* sites, numbered in order of appearance */
	uint32_t slots_capacity;
	struct site_slot *slots; /* owned, by hash */
	struct site *blocks[SITES_MAX / SITES_PER_BLOCK]; /* of the pool of sites: SITES_PER_BLOCK sites each, which never move */
	struct pool sites;   /* they themselves, */
	struct pool tallies; /* what is counted about them, */
	struct pool lives;   /* and what outlives them in the model */
};

void site_table_release(struct site_table *table);
/* The site of that index, which is below count. */
static inline struct site *site_at(const struct site_table *table, uint32_t index)
{
	return &table->blocks[index / SITES_PER_BLOCK][index % SITES_PER_BLOCK];
}
/* Finds the site's index or makes it. 0, -ENOMEM, -EFBIG over SITES_MAX. */
int site_table_find(struct site_table *table, uint32_t cache, uint32_t stack, uint32_t *index, struct error *err);
/* From now on sites are known by their index alone, which takes less memory: none may be looked up or made any more. */
void site_table_close(struct site_table *table);
/* What will be looked up soon: has memory begin to fetch it. */
void site_table_expect(const struct site_table *table, uint32_t cache, uint32_t stack);

#endif
