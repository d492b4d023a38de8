/*
 * What became of a site's objects over time, and how old they became, kept small; struct timeline and struct ages are the same
 * unfolded.
 */
#ifndef SLABREC_REPORT_HISTORY_H
#define SLABREC_REPORT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "report/sparse.h"
#include "trace/ages.h"
#include "trace/timeline.h"

enum history_kind {
	HISTORY_ALLOCS = 0, /* births */
	HISTORY_FREES,	    /* by when they came, of objects of this site */
	HISTORY_SURVIVORS,  /* of the births, those that are live at the end */
	HISTORY_RECLAIMED,  /* of these, those that went when memory was asked back */
	HISTORY_KINDS,
};

/* All-zero is empty; its buckets are those of a timeline of that shift. Memory of this and of ages goes with the pool, which is always the same one. */
struct history {
	struct sparse counts;
	uint32_t shift;
};

/* Makes the buckets as wide as shift says; false without memory. */
bool history_widen(struct history *history, struct pool *pool, uint32_t shift);
/* Counts something at that time, which shift reaches. False without memory. */
bool history_add(struct history *history, struct pool *pool, uint32_t shift, uint64_t time_ns, enum history_kind kind);
/* Adds a whole timeline; shift is at least that of both. False without memory. */
bool history_merge(struct history *history, struct pool *pool, const struct timeline *more, uint32_t shift);
uint64_t history_count(const struct history *history, uint32_t bucket, enum history_kind kind);
/* Allocations and frees. */
struct timeline history_timeline(const struct history *history);
void history_survivors(const struct history *history, uint64_t survivors[TIMELINE_BUCKETS]);

/* What one history or several of one width have, unfolded. All-zero is none. */
struct history_sum {
	struct timeline timeline; /* allocations and frees */
	uint64_t survivors[TIMELINE_BUCKETS]; /* that memory was not asked back of */
	uint64_t buckets; /* bit i is set where bucket i has any of these */
};

/* Sums stop at UINT64_MAX. */
void history_sum_add(struct history_sum *sum, const struct history *history);
/* It will be read soon: has memory begin to fetch it. */
void history_expect(const struct history *history);

/* All-zero is empty. */
struct history_ages {
	struct sparse buckets;
	uint64_t count;
	uint64_t sum_ns; /* stops at UINT64_MAX */
	uint64_t min_ns;
	uint64_t max_ns;
};

/* Each returns false without memory. */
bool history_ages_add(struct history_ages *ages, struct pool *pool, uint64_t age_ns);
bool history_ages_merge(struct history_ages *ages, struct pool *pool, const struct ages *more);
struct ages history_ages(const struct history_ages *ages);
/* Adds them to others, as ages_merge() does. */
void history_ages_add_to(const struct history_ages *ages, struct ages *sum);
/* They will be read soon: has memory begin to fetch them. */
void history_ages_expect(const struct history_ages *ages);
/* 0 where there are none. */
uint64_t history_ages_mean_ns(const struct history_ages *ages);

/* What became of the objects of a site. All-zero is empty. */
struct lives {
	struct history history;
	struct history_ages freed_ages; /* seen frees only: an implied free happened at an unknown time */
	struct history_ages live_ages;	/* at the end of the trace */
};

#endif
