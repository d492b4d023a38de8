/*
 * How old objects became: a histogram by powers of two with the extremes and the mean.
 */
#ifndef SLABREC_TRACE_AGES_H
#define SLABREC_TRACE_AGES_H

#include <stdint.h>

/* Bucket 0 is below 2^10 ns, bucket i from 2^(9+i) to below 2^(10+i) ns, the last is open (from 2^48 ns, 3 days). */
#define AGES_BUCKETS 40u

/* All-zero is empty. */
struct ages {
	uint64_t count;
	uint64_t sum_ns; /* stops at UINT64_MAX */
	uint64_t min_ns;
	uint64_t max_ns;
	uint64_t buckets[AGES_BUCKETS];
};

void ages_add(struct ages *ages, uint64_t age_ns);
void ages_merge(struct ages *ages, const struct ages *more);
/* 0 where there are none. */
uint64_t ages_mean_ns(const struct ages *ages);
uint32_t ages_bucket(uint64_t age_ns);
/* Smallest age that the bucket holds: 0, 1024, 2048, ... */
uint64_t ages_bucket_from_ns(uint32_t bucket);

#endif
