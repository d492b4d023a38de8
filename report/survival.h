/*
 * How long objects live, from the ages of those that were freed and of those that are still live: the latter lived at least so long
 * (they are censored), so that neither of the two histograms tells it alone. Pure.
 */
#ifndef SLABREC_REPORT_SURVIVAL_H
#define SLABREC_REPORT_SURVIVAL_H

#include <stdint.h>

#include "trace/ages.h"

/* alive[i]: the share of objects that become as old as ages_bucket_from_ns(i), by Kaplan and Meier's product; alive[0] is 1. */
struct survival {
	double alive[AGES_BUCKETS + 1]; /* the last: beyond all buckets */
};

struct survival survival(const struct ages *freed, const struct ages *live);
/* Age that the share (0 to 1) of these ages does not exceed, between the bounds of its bucket; 0 where there are none. */
uint64_t survival_quantile(const struct ages *ages, double share);
/* How many of the ages are above, the bucket that it lies in by its part. */
double survival_above(const struct ages *ages, uint64_t age_ns);
/* Frees a second among objects older than age_ns: those seen, over the time that objects were seen at such an age. 0: none were. */
double survival_hazard(const struct ages *freed, const struct ages *live, uint64_t age_ns);

#endif
