/* The rules and their thresholds. Tuned on recordings of contrib/leakmod (tests/vm/archetypes; BENCHMARKS.md has what came of it). */
#include "report/suspect.h"

#include <math.h>
#include <string.h>

#include "report/survival.h"

#define SECOND 1e9
#define Z_95 1.645
#define TAU_SHARE 0.1	  /* of the recording */
#define TAU_SHARE_MAX (1 / 3.0)
#define LENGTH_LEAST ((double)SUSPECT_LENGTH_NS)
#define LIVES_LEAST 5	  /* the recording in lifetimes */
#define SPAN_LEAST 4u	  /* buckets that have any */
#define BINS_MOST 8u
#define FINE_BINS 12u
#define EVEN_LEAST 0.45
#define SPREAD_LEAST 0.25 /* of the time, that nine in ten old ones were allocated in */
#define FALLING_SIGMA 2.5
#define FALLEN_SIGMA 4.0
#define FALLEN_PART 4 /* from the first third to the last */
#define STEADY_SIGMA 2.0
#define DIES_OLD_LEAST 0.5
#define WHOLE_LEAST 0.9 /* of the allocations stay: a leak, else a part of it */
#define HIGH_OLD 20u
#define MEDIUM_OLD 8u
#define HIGH_EVEN 0.6
#define HIGH_NEVER_FREED (120 * SECOND) /* where no object of the site was ever seen freed */

/* One judgement being made. */
struct judgement {
	const struct suspect_evidence *evidence;
	struct suspect suspect;
	double length;		 /* of the recording, in buckets */
	double window;		 /* those in which an object that lives is old, in buckets */
	double old, born;	 /* survivors and allocations of the window */
	double dispersion;	 /* variance of the bins over their mean, 1 at least */
	double orphans_variance;
	double first, last;	 /* survivors of its first and last third */
	double spread;		 /* part of the window that has 90 % of them */
	uint64_t with_survivors; /* bit i is set where bucket i has any */
};

/* Counts of a hostile trace may add up to anything. */
static uint64_t rounded(double count)
{
	return count < 9e18 ? (uint64_t)(count + 0.5) : INT64_MAX;
}

/* fmin() and fmax() are calls. */
static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* Of a set of buckets. */
static uint32_t lowest(uint64_t buckets)
{
	return (uint32_t)__builtin_ctzll(buckets);
}

/* Those of the set that do not end before. */
static uint64_t from_bucket(uint64_t buckets, double from)
{
	return from < TIMELINE_BUCKETS ? buckets & ~0ull << (uint32_t)from : 0;
}

/* Those of one bucket. */
static double survivors_within(const struct judgement *judgement, uint32_t bucket, double from, double to)
{
	/* The bucket that the recording ends in is shorter. */
	double end = smaller(bucket + 1, judgement->length);
	double part = smaller(to, end) - larger(from, bucket), whole = end - bucket;

	return part > 0 && whole > 0 ? (double)judgement->evidence->history->survivors[bucket] * smaller(1, part / whole) : 0;
}

/* Survivors allocated between two times, both in buckets; those of a bucket by its part. */
static double survivors_between(const struct judgement *judgement, double from, double to)
{
	double sum = 0;

	for (uint64_t left = from_bucket(judgement->with_survivors, from); left && lowest(left) < to; left &= left - 1)
		sum += survivors_within(judgement, lowest(left), from, to);
	return sum;
}

static double to_buckets(const struct judgement *judgement, double time_ns)
{
	return time_ns / (double)(1ull << judgement->evidence->history->timeline.shift);
}

static double tau_of(double duration_ns, const struct ages *freed_ages)
{
	uint64_t p99 = survival_quantile(freed_ages, 0.99);

	return smaller(larger(TAU_SHARE * duration_ns, (double)p99), TAU_SHARE_MAX * duration_ns);
}

uint64_t suspect_tau_ns(uint64_t duration_ns, const struct ages *freed_ages)
{
	return rounded(tau_of((double)duration_ns, freed_ages));
}

static void find_tau(struct judgement *judgement)
{
	const struct suspect_evidence *evidence = judgement->evidence;
	double duration = (double)evidence->duration_ns, tau = tau_of(duration, evidence->freed_ages);

	judgement->suspect.tau_ns = rounded(tau);
	judgement->suspect.p95_ns = survival_quantile(evidence->freed_ages, 0.95);
	judgement->length = to_buckets(judgement, duration);
	judgement->window = to_buckets(judgement, duration - tau);
}

static void count_old(struct judgement *judgement)
{
	const struct history_sum *history = judgement->evidence->history;

	for (uint64_t left = history->buckets; left && lowest(left) < judgement->length; left &= left - 1) {
		uint32_t bucket = lowest(left);

		judgement->born += smaller(1, larger(0, judgement->window - bucket)) * (double)history->timeline.allocs[bucket];
		judgement->with_survivors |= history->survivors[bucket] ? 1ull << bucket : 0;
	}
	judgement->old = survivors_between(judgement, 0, judgement->window);
	judgement->suspect.old_live = rounded(judgement->old);
	judgement->suspect.old_born = rounded(judgement->born);
}

/* Older objects freed since tau were as old as tau at least: as many as there are old live ones, where nothing changes. */
static void count_orphans(struct judgement *judgement)
{
	const struct suspect_evidence *evidence = judgement->evidence;
	double from = to_buckets(judgement, (double)judgement->suspect.tau_ns), all = 0, old = 0;

	for (uint32_t i = 0; i < TIMELINE_BUCKETS && evidence->orphans; i++) {
		all += evidence->orphans[i];
		old += evidence->orphans[i] * smaller(1, larger(0, i + 1 - from));
	}
	judgement->suspect.orphans = (float)all;
	judgement->suspect.old_orphans = rounded(old);
	judgement->orphans_variance = old * larger(1, evidence->orphan_scale);
}

/* e to the entropy of the old survivors over equal parts of the window: how many parts have them, evenly. */
static void measure_evenness(struct judgement *judgement)
{
	uint32_t bins = (uint32_t)smaller(BINS_MOST, larger(SPAN_LEAST, judgement->old / 5));
	double entropy = 0, width = judgement->window / bins;

	for (uint32_t i = 0; i < bins && judgement->old > 0; i++) {
		double share = survivors_between(judgement, i * width, (i + 1) * width) / judgement->old;

		entropy -= share > 0 ? share * log(share) : 0;
	}
	judgement->suspect.evenness = judgement->old > 0 ? (float)smaller(1, exp(entropy) / bins) : 0;
}

/* Time between the first and the last twentieth of the old survivors. */
static void measure_spread(struct judgement *judgement)
{
	double sum = 0, from = 0, to = judgement->window;

	for (uint64_t left = judgement->with_survivors; left && lowest(left) < judgement->window; left &= left - 1) {
		uint32_t bucket = lowest(left);
		double next = sum + survivors_within(judgement, bucket, bucket, smaller(bucket + 1, judgement->window));

		if (sum < 0.05 * judgement->old && next >= 0.05 * judgement->old)
			from = bucket;
		if (sum < 0.95 * judgement->old && next >= 0.95 * judgement->old)
			to = bucket + 1;
		sum = next;
	}
	judgement->spread = judgement->window > 0 ? (to - from) / judgement->window : 0;
}

/* How much more than by chance the survivors differ from one part of the window to the next: a trend does not count as such. */
static void measure_dispersion(struct judgement *judgement)
{
	double before = 0, chi = 0, width = judgement->window / FINE_BINS;

	for (uint32_t i = 0; i < FINE_BINS; i++) {
		double here = survivors_between(judgement, i * width, (i + 1) * width), change = here - before;

		if (i && here + before > 0)
			chi += change * change / (here + before);
		before = here;
	}
	judgement->dispersion = larger(1, chi / (FINE_BINS - 1));
	judgement->first = survivors_between(judgement, 0, judgement->window / 3);
	judgement->last = survivors_between(judgement, judgement->window * 2 / 3, judgement->window);
	judgement->suspect.first_third = rounded(judgement->first);
	judgement->suspect.last_third = rounded(judgement->last);
}

/* Live objects, less what was freed of older ones, over the last two thirds. */
static void measure_slope(struct judgement *judgement)
{
	const struct suspect_evidence *evidence = judgement->evidence;
	uint64_t live[TIMELINE_BUCKETS];
	double points[THEIL_SEN_POINTS_MAX], orphans = 0, net[TIMELINE_BUCKETS];
	/* Of the last bucket only a part was recorded. */
	uint32_t end = timeline_live(&evidence->history->timeline, evidence->duration_ns, live) - 1, from = end / 3, count = end - from;
	uint32_t step = (count + THEIL_SEN_POINTS_MAX - 1) / THEIL_SEN_POINTS_MAX, used = 0;

	for (uint32_t i = 0; i < end; i++) {
		orphans += evidence->orphans ? evidence->orphans[i] : 0;
		net[i] = (double)live[i] - orphans;
	}
	for (uint32_t i = from; step && i + step <= end && used < THEIL_SEN_POINTS_MAX; i += step)
		points[used++] = net[i + step - 1];
	struct theil_sen slope = theil_sen(points, used);
	double seconds = step * (double)(1ull << evidence->history->timeline.shift) / SECOND;
	if (seconds > 0)
		judgement->suspect.slope = (struct theil_sen){
			.slope = (float)(slope.slope / seconds), .low = (float)(slope.low / seconds), .high = (float)(slope.high / seconds)};
}

/* Least mean with which so many are seen in one of 20 cases (Wilson and Hilferty), with more variance than by chance. */
static double low_bound(double count, double dispersion)
{
	double units = count / dispersion;

	if (units <= 0)
		return 0;
	double root = 1 - 1 / (9 * units) - Z_95 / (3 * sqrt(units));
	return root > 0 ? count * root * root * root : 0;
}

static void measure_rate(struct judgement *judgement)
{
	struct suspect *suspect = &judgement->suspect;
	double seconds = judgement->window * (double)(1ull << judgement->evidence->history->timeline.shift) / SECOND;
	double net = judgement->old - (double)suspect->old_orphans - (double)judgement->evidence->freed_at_most;
	double low = low_bound(judgement->old, judgement->dispersion) - (double)judgement->evidence->freed_at_most;

	if (suspect->old_orphans)
		low = net - Z_95 * sqrt(judgement->dispersion * judgement->old + judgement->orphans_variance);
	if (seconds <= 0)
		return;
	suspect->rate = (float)(larger(0, net) / seconds);
	suspect->low_rate = (float)(larger(0, low) / seconds);
}

static bool is_saturating(const struct judgement *judgement)
{
	double sum = judgement->first + judgement->last;

	/* What comes in steps has a large dispersion; one that stays away has ended all the same. */
	if (FALLEN_PART * judgement->last <= judgement->first && judgement->first - judgement->last > FALLEN_SIGMA * sqrt(sum))
		return true;
	return judgement->first - judgement->last > FALLING_SIGMA * sqrt(judgement->dispersion * sum);
}

/* As many older ones were freed as old ones are live. */
static bool is_steady(const struct judgement *judgement)
{
	double older = (double)judgement->suspect.old_orphans;

	return 3 * older >= judgement->old &&
	       judgement->old - older <= STEADY_SIGMA * sqrt(judgement->dispersion * judgement->old + judgement->orphans_variance);
}

/* Of the objects that became twice as old as an old one: how many were freed then. */
static void measure_old_deaths(struct judgement *judgement)
{
	const struct suspect_evidence *evidence = judgement->evidence;
	uint64_t age = 2 * judgement->suspect.tau_ns;

	if (age > evidence->duration_ns / 2)
		age = evidence->duration_ns / 2;
	double freed = survival_above(evidence->freed_ages, age), live = survival_above(evidence->live_ages, age);
	judgement->suspect.dies_old = freed + live > 0 ? (float)(freed / (freed + live)) : 0;
}

static double lifetimes_ns(const struct judgement *judgement)
{
	return LIVES_LEAST * (double)judgement->suspect.p95_ns;
}

/* What is left when memory was asked back is judged like all; where it accuses nobody, those that went are what there is to tell. */
static enum suspect_class class_after_reclaim(const struct judgement *judgement, enum suspect_class class)
{
	uint64_t reclaimed = judgement->evidence->reclaimed;
	bool is_most = reclaimed >= SUSPECT_OLD_LEAST && reclaimed >= judgement->evidence->live - reclaimed;

	return is_most && class != SUSPECT_LEAK && class != SUSPECT_PARTIAL_LEAK ? SUSPECT_RECLAIMABLE : class;
}

static enum suspect_class class_of(const struct judgement *judgement)
{
	const struct suspect *suspect = &judgement->suspect;
	double duration = (double)judgement->evidence->duration_ns;
	bool is_long = duration >= lifetimes_ns(judgement);

	if (judgement->old < SUSPECT_OLD_LEAST) {
		if (judgement->evidence->allocs < 2 * SUSPECT_OLD_LEAST)
			return SUSPECT_QUIET;
		if (judgement->evidence->live < SUSPECT_OLD_LEAST || is_long)
			return judgement->evidence->freed_ages->count ? SUSPECT_CHURN : SUSPECT_QUIET;
		return SUSPECT_UNDETERMINED;
	}
	if (duration < LENGTH_LEAST)
		return SUSPECT_UNDETERMINED;
	if (suspect->evenness < EVEN_LEAST || judgement->spread < SPREAD_LEAST)
		return SUSPECT_ONE_SHOT;
	if (is_saturating(judgement))
		return SUSPECT_SATURATING;
	if (is_steady(judgement))
		return SUSPECT_CHURN;
	if (suspect->dies_old >= DIES_OLD_LEAST)
		return SUSPECT_LONG_LIVED;
	if (!is_long || (uint32_t)__builtin_popcountll(judgement->with_survivors) < SPAN_LEAST || suspect->low_rate <= 0)
		return SUSPECT_UNDETERMINED;
	return judgement->old >= WHOLE_LEAST * judgement->born ? SUSPECT_LEAK : SUSPECT_PARTIAL_LEAK;
}

void suspect_limit(struct suspect *suspect, enum suspect_confidence most, const char *why)
{
	if (suspect->confidence <= most)
		return;
	suspect->confidence = most;
	suspect->limit = why;
}

static void limit(struct suspect *suspect, bool applies, enum suspect_confidence most, const char *why)
{
	if (applies)
		suspect_limit(suspect, most, why);
}

static void find_confidence(struct judgement *judgement, const struct suspect_trust *trust)
{
	struct suspect *suspect = &judgement->suspect;
	const struct suspect_evidence *evidence = judgement->evidence;
	double duration = (double)evidence->duration_ns;

	if (trust->is_unreliable || !suspect_is_leak(suspect))
		return;
	suspect->confidence = SUSPECT_HIGH;
	limit(suspect, suspect->old_live < MEDIUM_OLD, SUSPECT_LOW, "there are few objects");
	limit(suspect, suspect->old_live < HIGH_OLD, SUSPECT_MEDIUM, "there are few objects");
	limit(suspect, trust->is_lossy, SUSPECT_MEDIUM, "events were lost");
	limit(suspect, trust->has_missed, SUSPECT_MEDIUM, "probes may have missed frees");
	limit(suspect, 2 * evidence->orphans_elsewhere > judgement->old, SUSPECT_MEDIUM,
	      "nothing tells whose older objects were freed meanwhile");
	limit(suspect, trust->is_unbalanced, SUSPECT_MEDIUM, "the kernel's own count does not confirm it");
	limit(suspect, suspect->evenness < HIGH_EVEN, SUSPECT_MEDIUM, "it comes and goes");
	limit(suspect, suspect->low_rate < suspect->rate / 2, SUSPECT_MEDIUM, "its rate varies");
	limit(suspect, suspect->slope.low <= 0, SUSPECT_MEDIUM, "live objects do not grow beyond doubt");
	limit(suspect, duration < 2 * lifetimes_ns(judgement), SUSPECT_MEDIUM, "objects that are freed live long");
	limit(suspect, !evidence->freed_ages->count && duration < HIGH_NEVER_FREED, SUSPECT_MEDIUM,
	      "none was seen to be freed, so it may be a cache that fills");
}

static double weight_of(enum suspect_class class)
{
	switch (class) {
	case SUSPECT_LEAK:
	case SUSPECT_PARTIAL_LEAK:
		return 1;
	case SUSPECT_UNDETERMINED:
		return 0.3;
	case SUSPECT_SATURATING:
		return 0.1;
	case SUSPECT_LONG_LIVED:
		return 0.05;
	case SUSPECT_ONE_SHOT:
		return 0.02;
	case SUSPECT_CHURN:
		return 0.01;
	case SUSPECT_RECLAIMABLE:
	case SUSPECT_QUIET:
	case SUSPECT_CLASS_COUNT:
		break;
	}
	return 0;
}

/* Long enough to be sure of, as far as this one tells. */
static uint64_t needed_ns(const struct judgement *judgement)
{
	double need = larger((double)SUSPECT_NEED_NS, lifetimes_ns(judgement)), duration = (double)judgement->evidence->duration_ns;

	if (judgement->old > 0 && judgement->old < MEDIUM_OLD)
		need = larger(need, duration * MEDIUM_OLD / judgement->old);
	return rounded(larger(need, 1.5 * duration));
}

struct suspect suspect_judge(const struct suspect_evidence *evidence, const struct suspect_trust *trust)
{
	struct judgement judgement = {.evidence = evidence};
	struct suspect *suspect = &judgement.suspect;

	suspect->class = SUSPECT_QUIET;
	suspect->limit = "";
	if (!evidence->allocs || !evidence->duration_ns || !evidence->history->timeline.shift)
		return *suspect;
	find_tau(&judgement);
	count_old(&judgement);
	if (evidence->live >= SUSPECT_OLD_LEAST) {
		count_orphans(&judgement);
		measure_evenness(&judgement);
		measure_spread(&judgement);
		measure_dispersion(&judgement);
		measure_rate(&judgement);
		measure_old_deaths(&judgement);
		measure_slope(&judgement);
	}
	suspect->class = class_after_reclaim(&judgement, class_of(&judgement));
	find_confidence(&judgement, trust);
	suspect->need_ns = suspect->class == SUSPECT_UNDETERMINED ? needed_ns(&judgement) : 0;
	suspect->score = (float)((double)suspect->low_rate * (evidence->slot_bytes ? evidence->slot_bytes : 1) * suspect->evenness *
				 suspect->evenness * weight_of(suspect->class));
	return *suspect;
}

static const struct {
	const char *name;
	const char *meaning;
} classes[] = {
	[SUSPECT_LEAK] = {"leak", "what is allocated is not freed, at an even rate"},
	[SUSPECT_PARTIAL_LEAK] = {"partial leak", "a part of what is allocated is not freed, at an even rate"},
	[SUSPECT_UNDETERMINED] = {"undetermined", "the recording is too short to tell"},
	[SUSPECT_SATURATING] = {"saturating", "ever fewer stay, as in a cache that fills"},
	[SUSPECT_ONE_SHOT] = {"one-shot", "what stays was allocated at one time"},
	[SUSPECT_LONG_LIVED] = {"long-lived", "old objects are freed, late"},
	[SUSPECT_RECLAIMABLE] = {"reclaimable", "held by a cache: freed when memory was asked back"},
	[SUSPECT_CHURN] = {"churn", "what is old enough was freed, or as many older objects were"},
	[SUSPECT_QUIET] = {"quiet", "too few objects to say anything"},
};

const char *suspect_class_name(enum suspect_class class)
{
	return classes[class < SUSPECT_CLASS_COUNT ? class : SUSPECT_QUIET].name;
}

const char *suspect_class_meaning(enum suspect_class class)
{
	return classes[class < SUSPECT_CLASS_COUNT ? class : SUSPECT_QUIET].meaning;
}

const char *suspect_confidence_name(enum suspect_confidence confidence)
{
	static const char *const names[] = {"none", "low", "medium", "high"};

	return confidence <= SUSPECT_HIGH ? names[confidence] : names[0];
}

bool suspect_is_leak(const struct suspect *suspect)
{
	return suspect->class == SUSPECT_LEAK || suspect->class == SUSPECT_PARTIAL_LEAK;
}
