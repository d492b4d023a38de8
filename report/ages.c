/* The scale of the age histograms. */
#include "report/ages.h"

#include "report/number.h"

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
	ages->sum_ns = number_add(ages->sum_ns, age_ns);
	ages->count++;
	ages->buckets[ages_bucket(age_ns)]++;
}

uint64_t ages_mean_ns(const struct ages *ages)
{
	return ages->count ? ages->sum_ns / ages->count : 0;
}
