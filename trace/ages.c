/* The scale of the age histograms. */
#include "trace/ages.h"

#define FIRST_BITS 10u

uint32_t ages_bucket(uint64_t age_ns)
{
	uint32_t bits = age_ns ? 64 - (uint32_t)__builtin_clzll(age_ns) : 0;
	uint32_t bucket = bits > FIRST_BITS ? bits - FIRST_BITS : 0;

	return bucket < AGES_BUCKETS ? bucket : AGES_BUCKETS - 1;
}

uint64_t ages_bucket_from_ns(uint32_t bucket)
{
	return bucket ? 1ull << (bucket + FIRST_BITS - 1) : 0;
}

void ages_add(struct ages *ages, uint64_t age_ns)
{
	if (!ages->count || age_ns < ages->min_ns)
		ages->min_ns = age_ns;
	if (age_ns > ages->max_ns)
		ages->max_ns = age_ns;
	if (__builtin_add_overflow(ages->sum_ns, age_ns, &ages->sum_ns))
		ages->sum_ns = UINT64_MAX;
	ages->count++;
	ages->buckets[ages_bucket(age_ns)]++;
}

void ages_merge(struct ages *ages, const struct ages *more)
{
	if (!more->count)
		return;
	if (!ages->count || more->min_ns < ages->min_ns)
		ages->min_ns = more->min_ns;
	if (more->max_ns > ages->max_ns)
		ages->max_ns = more->max_ns;
	if (__builtin_add_overflow(ages->sum_ns, more->sum_ns, &ages->sum_ns))
		ages->sum_ns = UINT64_MAX;
	ages->count += more->count;
	for (uint32_t i = 0; i < AGES_BUCKETS; i++)
		ages->buckets[i] += more->buckets[i];
}

uint64_t ages_mean_ns(const struct ages *ages)
{
	return ages->count ? ages->sum_ns / ages->count : 0;
}
