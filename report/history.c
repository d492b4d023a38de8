/* The kinds of one bucket stand side by side, so that what comes now is counted near the end. */
#include "report/history.h"

#include <string.h>

#include "report/number.h"

_Static_assert(TIMELINE_BUCKETS * HISTORY_KINDS <= SPARSE_INDICES, "a history's indices");
_Static_assert(TIMELINE_BUCKETS <= 64, "a bit for each bucket");
_Static_assert(AGES_BUCKETS <= SPARSE_INDICES, "the indices of ages");

bool history_widen(struct history *history, struct pool *pool, uint32_t shift)
{
	struct sparse narrow = history->counts;
	uint32_t place = 0, at;
	uint64_t count;
	bool is_whole = true;

	/* One that was never written to takes the width at once. */
	if (!history->shift)
		history->shift = shift;
	if (history->shift >= shift)
		return true;
	history->counts = (struct sparse){0};
	while (is_whole && sparse_walk(&narrow, &place, &at, &count)) {
		uint32_t bucket = (uint32_t)((uint64_t)(at / HISTORY_KINDS) >> (shift - history->shift));

		is_whole = sparse_add(&history->counts, pool, bucket * HISTORY_KINDS + at % HISTORY_KINDS, count);
	}
	sparse_release(&narrow, pool);
	history->shift = shift;
	return is_whole;
}

bool history_add(struct history *history, struct pool *pool, uint32_t shift, uint64_t time_ns, enum history_kind kind)
{
	return history_widen(history, pool, shift) &&
	       sparse_add(&history->counts, pool, timeline_bucket(shift, time_ns) * HISTORY_KINDS + kind, 1);
}

bool history_merge(struct history *history, struct pool *pool, const struct timeline *more, uint32_t shift)
{
	struct timeline wide = *more;
	bool is_whole = history_widen(history, pool, shift);

	timeline_widen(&wide, shift);
	for (uint32_t i = 0; i < TIMELINE_BUCKETS && is_whole; i++)
		is_whole = sparse_add(&history->counts, pool, i * HISTORY_KINDS + HISTORY_ALLOCS, wide.allocs[i]) &&
			   sparse_add(&history->counts, pool, i * HISTORY_KINDS + HISTORY_FREES, wide.frees[i]);
	return is_whole;
}

uint64_t history_count(const struct history *history, uint32_t bucket, enum history_kind kind)
{
	return sparse_get(&history->counts, bucket * HISTORY_KINDS + kind);
}

struct timeline history_timeline(const struct history *history)
{
	struct timeline timeline = {.shift = history->shift};
	uint32_t place = 0, at;
	uint64_t count;

	while (sparse_walk(&history->counts, &place, &at, &count)) {
		if (at % HISTORY_KINDS == HISTORY_ALLOCS)
			timeline.allocs[at / HISTORY_KINDS] = count;
		else if (at % HISTORY_KINDS == HISTORY_FREES)
			timeline.frees[at / HISTORY_KINDS] = count;
	}
	return timeline;
}

void history_survivors(const struct history *history, uint64_t survivors[TIMELINE_BUCKETS])
{
	uint32_t place = 0, at;
	uint64_t count;

	memset(survivors, 0, TIMELINE_BUCKETS * sizeof(survivors[0]));
	while (sparse_walk(&history->counts, &place, &at, &count))
		if (at % HISTORY_KINDS == HISTORY_SURVIVORS)
			survivors[at / HISTORY_KINDS] = count;
}

void history_sum_add(struct history_sum *sum, const struct history *history)
{
	uint64_t *const sums[HISTORY_RECLAIMED] = {sum->timeline.allocs, sum->timeline.frees, sum->survivors};
	struct sparse_count counts[SPARSE_INDICES];
	uint32_t count = sparse_read(&history->counts, counts);

	sum->timeline.shift = history->shift;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t bucket = counts[i].index / HISTORY_KINDS, kind = counts[i].index % HISTORY_KINDS;

		sum->buckets |= 1ull << bucket;
		/* They come behind the survivors that they are of. */
		if (kind == HISTORY_RECLAIMED)
			sum->survivors[bucket] -= counts[i].count;
		else
			sums[kind][bucket] = number_add(sums[kind][bucket], counts[i].count);
	}
}

void history_expect(const struct history *history)
{
	sparse_expect(&history->counts);
}

bool history_ages_add(struct history_ages *ages, struct pool *pool, uint64_t age_ns)
{
	if (!ages->count || age_ns < ages->min_ns)
		ages->min_ns = age_ns;
	if (age_ns > ages->max_ns)
		ages->max_ns = age_ns;
	ages->count++;
	ages->sum_ns = number_add(ages->sum_ns, age_ns);
	return sparse_add(&ages->buckets, pool, ages_bucket(age_ns), 1);
}

bool history_ages_merge(struct history_ages *ages, struct pool *pool, const struct ages *more)
{
	struct ages sum = history_ages(ages);

	ages_merge(&sum, more);
	ages->count = sum.count;
	ages->sum_ns = sum.sum_ns;
	ages->min_ns = sum.min_ns;
	ages->max_ns = sum.max_ns;
	for (uint32_t i = 0; i < AGES_BUCKETS; i++)
		if (!sparse_add(&ages->buckets, pool, i, more->buckets[i]))
			return false;
	return true;
}

/* Into an empty one. */
static void unfold(const struct history_ages *ages, struct ages *whole)
{
	struct sparse_count counts[SPARSE_INDICES];
	uint32_t count = sparse_read(&ages->buckets, counts);

	whole->count = ages->count;
	whole->sum_ns = ages->sum_ns;
	whole->min_ns = ages->min_ns;
	whole->max_ns = ages->max_ns;
	for (uint32_t i = 0; i < count; i++)
		whole->buckets[counts[i].index < AGES_BUCKETS ? counts[i].index : AGES_BUCKETS - 1] = counts[i].count;
}

struct ages history_ages(const struct history_ages *ages)
{
	struct ages whole = {0};

	unfold(ages, &whole);
	return whole;
}

void history_ages_add_to(const struct history_ages *ages, struct ages *sum)
{
	if (!ages->count)
		return;
	if (!sum->count) {
		unfold(ages, sum);
		return;
	}
	struct ages more = history_ages(ages);

	ages_merge(sum, &more);
}

void history_ages_expect(const struct history_ages *ages)
{
	sparse_expect(&ages->buckets);
}

uint64_t history_ages_mean_ns(const struct history_ages *ages)
{
	return ages->count ? ages->sum_ns / ages->count : 0;
}
