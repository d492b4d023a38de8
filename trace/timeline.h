/*
 * What happened when, in a fixed number of buckets over a recording whose length is not known beforehand: the width of
 * a bucket is a power of two and doubles when time runs past the last one.
 */
#ifndef SLABREC_TRACE_TIMELINE_H
#define SLABREC_TRACE_TIMELINE_H

#include <stdint.h>

#define TIMELINE_BUCKETS 64u
#define TIMELINE_FIRST_SHIFT 20u /* 2^20 ns: 64 buckets are 67 ms */
#define TIMELINE_LAST_SHIFT 57u	 /* 64 buckets reach any time of 63 bits */

/* Bucket i is from i << shift to below (i + 1) << shift ns. An all-zero one becomes right by timeline_widen(). */
struct timeline {
	uint64_t allocs[TIMELINE_BUCKETS];
	uint64_t frees[TIMELINE_BUCKETS]; /* of objects that are counted in allocs */
	uint32_t shift;
};

/* The smallest shift, not below the given one, whose buckets reach time_ns. */
uint32_t timeline_shift_for(uint32_t shift, uint64_t time_ns);
/* Makes the buckets as wide as shift says; does nothing where they are that wide already. */
void timeline_widen(struct timeline *timeline, uint32_t shift);
/* Adds what more has; shift is at least that of both, and becomes timeline's. */
void timeline_merge(struct timeline *timeline, const struct timeline *more, uint32_t shift);
/* Bucket of the time, which shift reaches. */
uint32_t timeline_bucket(uint32_t shift, uint64_t time_ns);
/* Objects live at the end of each bucket; returns how many buckets duration_ns takes (1 to TIMELINE_BUCKETS). */
uint32_t timeline_live(const struct timeline *timeline, uint64_t duration_ns, uint64_t live[TIMELINE_BUCKETS]);

#endif
