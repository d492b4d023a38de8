/* Life tables over the powers of two of trace/ages. Inside a bucket ages are taken to be spread evenly. */
#include "report/survival.h"

#include <math.h>

static double from_ns(uint32_t bucket)
{
	return (double)ages_bucket_from_ns(bucket);
}

/* The last bucket is open: the oldest age closes it. */
static double to_ns(const struct ages *ages, uint32_t bucket)
{
	double end = bucket + 1 < AGES_BUCKETS ? from_ns(bucket + 1) : 2 * from_ns(bucket);

	return end < (double)ages->max_ns + 1 ? end : (double)ages->max_ns + 1;
}

/* The youngest of all begins its bucket. */
static double begin_ns(const struct ages *ages, uint32_t bucket)
{
	return from_ns(bucket) > (double)ages->min_ns ? from_ns(bucket) : (double)ages->min_ns;
}

struct survival survival(const struct ages *freed, const struct ages *live)
{
	struct survival survival;
	double at_risk = (double)freed->count + (double)live->count, alive = 1;

	for (uint32_t i = 0; i < AGES_BUCKETS; i++) {
		/* Those that are still live at such an age were at risk for half of the bucket. */
		double exposed = at_risk - (double)live->buckets[i] / 2;

		survival.alive[i] = alive;
		if (exposed > 0)
			alive *= 1 - fmin(1, (double)freed->buckets[i] / exposed);
		at_risk -= (double)freed->buckets[i] + (double)live->buckets[i];
	}
	survival.alive[AGES_BUCKETS] = alive;
	return survival;
}

uint64_t survival_quantile(const struct ages *ages, double share)
{
	double wanted = share * (double)ages->count, below = 0;

	if (!ages->count)
		return 0;
	for (uint32_t i = 0; i < AGES_BUCKETS; i++) {
		if (!ages->buckets[i])
			continue;
		double here = (double)ages->buckets[i];

		if (below + here >= wanted) {
			double part = (wanted - below) / here;
			double age = begin_ns(ages, i) + part * (to_ns(ages, i) - begin_ns(ages, i));

			return age < (double)ages->max_ns ? (uint64_t)age : ages->max_ns;
		}
		below += here;
	}
	return ages->max_ns;
}

double survival_above(const struct ages *ages, uint64_t age_ns)
{
	uint32_t bucket = ages_bucket(age_ns);
	double above = 0;

	if (!ages->count || age_ns >= ages->max_ns)
		return 0;
	for (uint32_t i = bucket + 1; i < AGES_BUCKETS; i++)
		above += (double)ages->buckets[i];
	double begin = begin_ns(ages, bucket), end = to_ns(ages, bucket);
	double part = end > begin ? (end - (double)age_ns) / (end - begin) : 0;
	return above + fmin(1, fmax(0, part)) * (double)ages->buckets[bucket];
}

/* Seconds that they all together were older than age_ns. */
static double seconds_above(const struct ages *ages, uint64_t age_ns)
{
	double seconds = 0;

	for (uint32_t i = ages_bucket(age_ns); i < AGES_BUCKETS; i++) {
		if (!ages->buckets[i])
			continue;
		double begin = fmax(begin_ns(ages, i), (double)age_ns), end = to_ns(ages, i);

		if (end > begin)
			seconds += (double)ages->buckets[i] * (end - begin_ns(ages, i) > 0 ? (end - begin) / (end - begin_ns(ages, i)) : 0) *
				   ((begin + end) / 2 - (double)age_ns) / 1e9;
	}
	return seconds;
}

double survival_hazard(const struct ages *freed, const struct ages *live, uint64_t age_ns)
{
	double seconds = seconds_above(freed, age_ns) + seconds_above(live, age_ns);

	return seconds > 0 ? survival_above(freed, age_ns) / seconds : 0;
}
