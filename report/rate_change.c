/* The test and its distributions. BENCHMARKS.md has how often it is wrong and how often it finds what there is. */
#include "report/rate_change.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "trace/cleanup.h"

#define Z_95 1.96
#define Z_SURE 3.0 /* a change that stands among some hundred others */
#define PRIOR_FREEDOM 4.0 /* what is taken to be known of how runs differ counts as much as so many differences */
#define HALF 0.6931471805599453 /* log 2 */
#define FRACTION_STEPS 300
#define PROFILE_LEAST 20.0 /* events of a side */

/* Continued fraction of the incomplete beta function, by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1);

	d = 1 / (fabs(d) < tiny ? tiny : d);
	double value = d;
	for (int i = 1; i <= FRACTION_STEPS; i++) {
		double even = i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i));
		double odd = -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1));
		double before = value;

		d = 1 + even * d;
		c = 1 + even / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		value *= c * d;
		d = 1 + odd * d;
		c = 1 + odd / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		value *= c * d;
		if (fabs(value - before) <= 1e-12 * fabs(value))
			break;
	}
	return value;
}

/* The regularised incomplete beta function: share of Beta(a, b) below x. */
static double beta_below(double a, double b, double x)
{
	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* That Student's t with so many degrees of freedom is farther from 0 than the root of this. */
static double student_beyond(double squared, double freedom)
{
	return beta_below(freedom / 2, 0.5, freedom / (freedom + squared));
}

/* That of n events as many or as few fall on the first side, where each does with this chance; both tails. */
static double binomial_beyond(double first, double n, double chance)
{
	double few = 1 - (first < n ? beta_below(first + 1, n - first, chance) : 0);
	double many = first > 0 ? beta_below(first, n - first + 1, chance) : 1;
	double tail = few < many ? few : many;

	return tail < 0.5 ? 2 * tail : 1;
}

static double squared_error(double count, double mean)
{
	return mean > 0 ? (count - mean) * (count - mean) / mean : 0;
}

/* How much more the parts of the runs differ than by chance; *freedom is raised by the number of differences. */
static double parts_dispersion(const struct rate_run *const sides[2], const uint32_t counts[2], double *freedom)
{
	double chi = 0;

	for (int side = 0; side < 2; side++)
		for (uint32_t run = 0; run < counts[side]; run++) {
			const struct rate_run *from = &sides[side][run];

			if (from->parts < 2 || from->count <= 0)
				continue;
			for (uint32_t i = 0; i < from->parts; i++)
				chi += squared_error(from->counts[i], from->count / from->parts);
			*freedom += from->parts - 1;
		}
	return *freedom > 0 ? chi / *freedom : 1;
}

/* Enough on each side to tell whether it comes at the same times. */
static bool has_profile(const struct rate_run *const sides[2], const uint32_t counts[2], const struct rate_change *change)
{
	for (int side = 0; side < 2; side++)
		for (uint32_t run = 0; run < counts[side]; run++)
			if (sides[side][run].parts < 2 || sides[side][run].parts != sides[0][0].parts)
				return false;
	return change->count[0] >= PROFILE_LEAST && change->count[1] >= PROFILE_LEAST;
}

/*
 * How much more the parts differ than by chance and by what is the same in all runs: a cache that fills, or what is allocated once, does so
 * in each of them at its time, and that is no noise.
 */
static double profile_dispersion(const struct rate_run *const sides[2], const uint32_t counts[2], const struct rate_change *change,
				 double *freedom)
{
	uint32_t parts = sides[0][0].parts, used = 0;
	double chi = 0;

	for (uint32_t i = 0; i < parts; i++) {
		double all = 0;

		for (int side = 0; side < 2; side++)
			for (uint32_t run = 0; run < counts[side]; run++)
				all += sides[side][run].counts[i];
		used += all > 0;
		for (int side = 0; side < 2; side++)
			for (uint32_t run = 0; run < counts[side]; run++)
				chi += squared_error(sides[side][run].counts[i],
						     all * sides[side][run].count / (change->count[0] + change->count[1]));
	}
	*freedom = (used - 1.0) * (counts[0] + counts[1] - 1.0);
	return *freedom > 0 ? chi / *freedom : 1;
}

/* The same of the runs of each side. */
static double runs_dispersion(const struct rate_run *const sides[2], const uint32_t counts[2], const struct rate_change *change,
			      double *freedom)
{
	double chi = 0;

	for (int side = 0; side < 2; side++) {
		for (uint32_t run = 0; run < counts[side]; run++)
			chi += squared_error(sides[side][run].count, change->rate[side] * sides[side][run].exposure);
		if (change->count[side] > 0)
			*freedom += counts[side] - 1;
	}
	return *freedom > 0 ? chi / *freedom : 1;
}

/* Twice the logarithm of the likelihood's ratio of two rates to one, where the variance is the mean. */
static double deviance(const double count[2], const double exposure[2])
{
	double rate = (count[0] + count[1]) / (exposure[0] + exposure[1]), sum = 0;

	for (int side = 0; side < 2; side++)
		if (count[side] > 0)
			sum += count[side] * log(count[side] / (rate * exposure[side]));
	return sum > 0 ? 2 * sum : 0;
}

static double chance_of(const double count[2], const double exposure[2], double dispersion, double freedom)
{
	if (count[0] + count[1] <= 0)
		return 1;
	double p = student_beyond(deviance(count, exposure) / dispersion, freedom);
	double exact = binomial_beyond(count[0], count[0] + count[1], exposure[0] / (exposure[0] + exposure[1]));

	/* Of few events the first is too bold. */
	return p > exact ? p : exact;
}

/* Counts as they may have been, so that they differ least. */
static double least_chance(const struct rate_change *change, const double doubt[2], double freedom)
{
	int higher = change->rate[1] > change->rate[0];
	double count[2] = {change->count[0], change->count[1]};

	count[higher] -= doubt[higher];
	/* As low as the other may be what is higher, not lower. */
	double level = count[!higher] / change->exposure[!higher] * change->exposure[higher];
	if (count[higher] < level)
		return 1;
	return chance_of(count, change->exposure, change->dispersion, freedom);
}

/* Bounds of a rate, by the root of its count. */
static void bound_rate(struct rate_change *change, int side)
{
	double root = sqrt(change->count[side] + 0.375), width = Z_95 / 2 * sqrt(change->dispersion);
	double low = root > width ? (root - width) * (root - width) - 0.375 : 0;

	change->low[side] = fmax(0, low) / change->exposure[side];
	change->high[side] = fmax(0, (root + width) * (root + width) - 0.375) / change->exposure[side];
}

static double log_error(const struct rate_change *change)
{
	return sqrt(change->dispersion * (1 / (change->count[0] + 0.5) + 1 / (change->count[1] + 0.5)));
}

static double log_ratio(const struct rate_change *change)
{
	return log((change->count[1] + 0.5) / change->exposure[1]) - log((change->count[0] + 0.5) / change->exposure[0]);
}

static void bound_ratio(struct rate_change *change)
{
	double center = log_ratio(change), width = Z_95 * log_error(change);

	change->ratio = change->rate[0] > 0 ? change->rate[1] / change->rate[0] : change->rate[1] > 0 ? INFINITY : 1;
	change->ratio_low = exp(center - width);
	change->ratio_high = exp(center + width);
}

struct rate_change rate_change_measure(const struct rate_run *before, uint32_t before_count, const struct rate_run *after,
				       uint32_t after_count)
{
	const struct rate_run *const sides[2] = {before, after};
	const uint32_t counts[2] = {before_count, after_count};
	struct rate_change change = {.q = 1, .runs = {before_count, after_count}};
	double doubt[2] = {0, 0}, parts_freedom = 0, runs_freedom = 0;

	for (int side = 0; side < 2; side++) {
		for (uint32_t run = 0; run < counts[side]; run++) {
			change.count[side] += sides[side][run].count;
			change.exposure[side] += sides[side][run].exposure;
			doubt[side] += sides[side][run].doubt;
		}
		change.rate[side] = change.count[side] / change.exposure[side];
	}
	double within = parts_dispersion(sides, counts, &parts_freedom);
	if (has_profile(sides, counts, &change)) {
		double freedom = 0, profile = profile_dispersion(sides, counts, &change, &freedom);

		if (freedom > 0 && profile < within) {
			within = profile;
			parts_freedom = freedom;
		}
	}
	within = fmax(1, within);
	double between = runs_dispersion(sides, counts, &change, &runs_freedom);
	double mean = (change.count[0] + change.count[1]) / (before_count + after_count);
	double taken = within + RATE_RUNS_DIFFER * RATE_RUNS_DIFFER * mean;
	double freedom = fmax(1, parts_freedom);

	change.dispersion = taken;
	if (runs_freedom > 0) {
		freedom = runs_freedom + PRIOR_FREEDOM;
		change.dispersion = fmax(within, (runs_freedom * between + PRIOR_FREEDOM * taken) / freedom);
	}
	change.p = least_chance(&change, doubt, freedom);
	bound_ratio(&change);
	for (int side = 0; side < 2; side++)
		bound_rate(&change, side);
	return change;
}

static int by_chance(const void *left, const void *right)
{
	const struct rate_change *const *a = left, *const *b = right;

	return ((*a)->p > (*b)->p) - ((*a)->p < (*b)->p);
}

static bool is_quiet(const struct rate_change *change, int side)
{
	return change->count[side] < RATE_QUIET * change->runs[side];
}

/* How many times as long recordings would have to be for a change to be beyond doubt, or to be excluded. */
static double times_longer(const struct rate_change *change)
{
	double center = fabs(log_ratio(change)), error = log_error(change);
	double wanted = center > HALF ? center / Z_SURE : HALF / Z_95;
	double longer = error * error / (wanted * wanted);
	/* What two recordings differ by does not go away with their length. */
	double stays = 2 * RATE_RUNS_DIFFER * RATE_RUNS_DIFFER;

	return stays >= wanted * wanted ? 0 : fmax(1.1, longer);
}

static enum rate_state state_of(struct rate_change *change)
{
	if (change->q <= RATE_FALSE_SHARE && change->rate[1] > change->rate[0])
		return RATE_REGRESSED;
	if (change->q <= RATE_FALSE_SHARE)
		return is_quiet(change, 1) ? RATE_FIXED : RATE_IMPROVED;
	if ((is_quiet(change, 0) && is_quiet(change, 1)) || (change->ratio_low >= 0.5 && change->ratio_high <= 2))
		return RATE_SAME;
	change->longer = times_longer(change);
	return RATE_INCONCLUSIVE;
}

int rate_change_decide(struct rate_change *changes[], uint32_t count)
{
	CLEANUP(cleanup_free) struct rate_change **sorted = calloc((size_t)count + 1, sizeof(struct rate_change *));
	uint32_t tested = 0;
	double q = 1;

	if (!sorted)
		return -ENOMEM;
	/* Where hardly anything was counted no test could find a change: it is none of those that chance has a share of. */
	for (uint32_t i = 0; i < count; i++)
		if (!is_quiet(changes[i], 0) || !is_quiet(changes[i], 1))
			sorted[tested++] = changes[i];
	qsort(sorted, tested, sizeof(struct rate_change *), by_chance);
	for (uint32_t i = tested; i-- > 0;) {
		q = fmin(q, sorted[i]->p * tested / (i + 1));
		sorted[i]->q = q;
	}
	for (uint32_t i = 0; i < count; i++)
		changes[i]->state = state_of(changes[i]);
	return 0;
}
