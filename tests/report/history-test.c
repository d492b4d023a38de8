/* A history says what a timeline and ages would have said of the same events, however many and however far apart. */
#include "report/history.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS 4000u

static uint64_t next_time(unsigned *seed, uint64_t now_ns)
{
	return now_ns + ((uint64_t)rand_r(seed) << (rand_r(seed) % 9));
}

static void test_same_as_timeline(void **state)
{
	struct history history = {0};
	struct pool pool = {0};
	struct timeline timeline = {0};
	uint32_t shift = TIMELINE_FIRST_SHIFT;
	uint64_t now_ns = 0, survivors = 0;
	unsigned seed = 7;

	(void)state;
	for (uint32_t i = 0; i < EVENTS; i++) {
		now_ns = next_time(&seed, now_ns);
		shift = timeline_shift_for(shift, now_ns);
		timeline_widen(&timeline, shift);
		if (i % 3) {
			assert_true(history_add(&history, &pool, shift, now_ns, HISTORY_ALLOCS));
			timeline.allocs[timeline_bucket(shift, now_ns)]++;
		} else {
			assert_true(history_add(&history, &pool, shift, now_ns, HISTORY_FREES));
			timeline.frees[timeline_bucket(shift, now_ns)]++;
		}
	}
	struct timeline unfolded = history_timeline(&history);
	assert_memory_equal(&unfolded, &timeline, sizeof(timeline));
	for (uint32_t i = 0; i < 5; i++)
		assert_true(history_add(&history, &pool, shift, now_ns, HISTORY_SURVIVORS));
	assert_true(history_widen(&history, &pool, shift + 2));
	timeline_widen(&timeline, shift + 2);
	unfolded = history_timeline(&history);
	assert_memory_equal(&unfolded, &timeline, sizeof(timeline));
	for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++) {
		assert_true(history_count(&history, i, HISTORY_ALLOCS) == timeline.allocs[i]);
		survivors += history_count(&history, i, HISTORY_SURVIVORS);
	}
	assert_true(survivors == 5);
	pool_release(&pool);
}

/* Counts beyond 24 bits, and near the end of the type. */
static void test_large_counts(void **state)
{
	struct history history = {0};
	struct pool pool = {0};
	struct timeline timeline = {.shift = TIMELINE_FIRST_SHIFT};

	(void)state;
	timeline.allocs[0] = 1;
	timeline.allocs[63] = 1ull << 24;
	timeline.frees[63] = UINT64_MAX - 1;
	assert_true(history_merge(&history, &pool, &timeline, timeline.shift));
	struct timeline unfolded = history_timeline(&history);
	assert_memory_equal(&unfolded, &timeline, sizeof(timeline));
	assert_true(history_merge(&history, &pool, &timeline, timeline.shift));
	assert_true(history_count(&history, 63, HISTORY_FREES) == UINT64_MAX);
	assert_true(history_count(&history, 63, HISTORY_ALLOCS) == 2ull << 24);
	pool_release(&pool);
}

static void test_same_as_ages(void **state)
{
	struct history_ages few = {0};
	struct pool pool = {0};
	struct ages whole = {0}, unfolded;
	unsigned seed = 9;

	(void)state;
	for (uint32_t i = 0; i < EVENTS; i++) {
		uint64_t age_ns = ((uint64_t)rand_r(&seed) << 31 | (uint64_t)rand_r(&seed)) >> (rand_r(&seed) % 62);

		assert_true(history_ages_add(&few, &pool, age_ns));
		ages_add(&whole, age_ns);
	}
	unfolded = history_ages(&few);
	assert_memory_equal(&unfolded, &whole, sizeof(whole));
	assert_true(history_ages_mean_ns(&few) == ages_mean_ns(&whole));
	assert_true(history_ages_merge(&few, &pool, &unfolded));
	ages_merge(&whole, &unfolded);
	unfolded = history_ages(&few);
	assert_memory_equal(&unfolded, &whole, sizeof(whole));
	pool_release(&pool);
}

/* Every index, in an order that is none. */
static void test_sparse(void **state)
{
	struct sparse sparse = {0};
	struct pool pool = {0};
	uint64_t counts[SPARSE_INDICES] = {0};
	unsigned seed = 11;

	(void)state;
	assert_int_equal(sparse_next(&sparse, 0), SPARSE_INDICES);
	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t index = (uint32_t)rand_r(&seed) % SPARSE_INDICES, at = 0;

		counts[index] += i;
		assert_true(sparse_add(&sparse, &pool, index, i));
		assert_true(sparse_get(&sparse, index) == counts[index]);
		if (i % 100)
			continue;
		for (uint32_t j = 0; j < SPARSE_INDICES; j++) {
			assert_true(sparse_get(&sparse, j) == counts[j]);
			if (counts[j])
				assert_int_equal(sparse_next(&sparse, at), j);
			at = counts[j] ? j + 1 : at;
		}
		assert_int_equal(sparse_next(&sparse, at), SPARSE_INDICES);
	}
	pool_release(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_timeline),
		cmocka_unit_test(test_large_counts),
		cmocka_unit_test(test_same_as_ages),
		cmocka_unit_test(test_sparse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
