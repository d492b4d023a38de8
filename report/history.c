/* The kinds of one bucket stand side by side, so that what comes now is counted near the end. */
#include "report/history.h"

#include <string.h>

#include "report/number.h"

_Static_assert(TIMELINE_BUCKETS * HISTORY_KINDS <= SPARSE_INDICES, "a history's indices");
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

struct ages history_ages(const struct history_ages *ages)
{
	struct ages whole = {.count = ages->count, .sum_ns = ages->sum_ns, .min_ns = ages->min_ns, .max_ns = ages->max_ns};
	uint32_t place = 0, at;
	uint64_t count;

	while (sparse_walk(&ages->buckets, &place, &at, &count))
		whole.buckets[at < AGES_BUCKETS ? at : AGES_BUCKETS - 1] = count;
	return whole;
}

uint64_t history_ages_mean_ns(const struct history_ages *ages)
{
	return ages->count ? ages->sum_ns / ages->count : 0;
}
