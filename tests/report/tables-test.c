/* The tables that the ledger is made of, against the simplest thing that does the same. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "trace/ages.h"
#include "report/journal.h"
#include "report/live.h"
#include "report/site.h"
#include "trace/tally.h"
#include "trace/timeline.h"

#define OBJECTS 20000u

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

static void test_live_agrees_with_an_array(void **state)
{
	struct live live = {0};
	bool *is_live = calloc(OBJECTS + 1, sizeof(*is_live));
	uint64_t seed = 1;
	size_t count = 0;

	(void)state;
	for (uint32_t serial = 1; serial <= OBJECTS; serial++) {
		uint32_t victim = next_random(&seed) % serial + 1;
		struct live_object removed;
		struct live_object object = {.object = serial, .birth_ns = serial * 3, .site = serial % 7};

		assert_int_equal(live_add(&live, &object, NULL), 0);
		is_live[serial] = true;
		count++;
		/* Two frees for three allocations, some of them of what is gone. */
		if (serial % 3) {
			assert_int_equal(live_remove(&live, victim, &removed), is_live[victim]);
			if (is_live[victim]) {
				assert_true(removed.object == victim && removed.birth_ns == victim * 3 &&
					    removed.site == victim % 7);
				count--;
			}
			is_live[victim] = false;
		}
	}
	assert_int_equal(live.count, count);
	for (uint32_t serial = 1; serial <= OBJECTS; serial++) {
		struct live_object removed;

		assert_int_equal(live_remove(&live, serial, &removed), is_live[serial]);
	}
	assert_int_equal(live.count, 0);
	free(is_live);
	live_release(&live);
}

static void test_live_empty(void **state)
{
	struct live live = {0};
	struct live_object removed;

	(void)state;
	assert_false(live_remove(&live, 1, &removed));
	live_release(&live);
	live_release(NULL);
}

static void test_sites_are_told_apart(void **state)
{
	struct site_table table = {0};
	uint32_t index, again;

	(void)state;
	for (uint32_t stack = 0; stack < 3000; stack++)
		for (uint32_t cache = 0; cache < 2; cache++) {
			assert_int_equal(site_table_find(&table, cache, stack, &index, NULL), 0);
			assert_int_equal(index, 2 * stack + cache);
		}
	assert_int_equal(site_table_find(&table, 1, 1234, &again, NULL), 0);
	assert_int_equal(again, 2469);
	assert_int_equal(table.count, 6000);
	site_table_release(&table);
}

static void test_tally_counts_and_sorts(void **state)
{
	struct tally tally = {0};
	struct pool pool = {0};
	struct tally_entry top[3];

	(void)state;
	for (uint32_t key = 1; key <= 100; key++)
		for (uint32_t i = 0; i < (key == 42 ? 500 : key == 7 ? 400 : 1); i++)
			tally_entry(&tally, key, &pool)->count++;
	tally_entry(&tally, 0, &pool)->count = 9;
	assert_int_equal(tally_top(&tally, top, 3), 3);
	assert_int_equal(top[0].key, 42);
	assert_true(top[0].count == 500);
	assert_int_equal(top[1].key, 7);
	/* Equal ones by key. */
	assert_int_equal(top[2].key, 1);
	assert_true(tally_unknown(&tally).count == 9);
	assert_int_equal(tally.keys, 100);
	pool_release(&pool);
}

static void test_tally_is_bounded(void **state)
{
	struct tally tally = {0};
	struct pool pool = {0};

	(void)state;
	for (uint32_t key = 1; key <= TALLY_KEYS_MAX + 50; key++)
		tally_entry(&tally, key, &pool)->count++;
	/* A key that has its entry keeps it. */
	tally_entry(&tally, 1, &pool)->count++;
	assert_int_equal(tally.keys, TALLY_KEYS_MAX);
	assert_true(tally_others(&tally).count == 50);
	assert_true(tally_entry(&tally, 1, &pool)->count == 2);
	pool_release(&pool);
}

/* Stable, whatever the numbers of sites are, and nothing is left out. */
static void test_journal_sorts_by_site(void **state)
{
	static const uint32_t sites[] = {1, 2, 512, 513, 300000, SITES_MAX};
	struct journal journal = {0};
	uint64_t seed = 3;

	(void)state;
	for (uint32_t round = 0; round < sizeof(sites) / sizeof(sites[0]); round++) {
		uint32_t wanted = round == 1 ? JOURNAL_POSTINGS : 5000;

		for (uint32_t i = 0; i < wanted; i++)
			*journal_add(&journal) = (struct posting){.site = i ? next_random(&seed) % sites[round] : sites[round] - 1, .time_ns = i};
		assert_int_equal(journal_is_full(&journal), wanted == JOURNAL_POSTINGS);
		journal_sort(&journal, sites[round]);
		uint64_t times = journal_at(&journal, 0)->time_ns;
		for (uint32_t i = 1; i < wanted; i++) {
			const struct posting *before = journal_at(&journal, i - 1), *here = journal_at(&journal, i);

			assert_true(before->site < here->site || (before->site == here->site && before->time_ns < here->time_ns));
			times += here->time_ns;
		}
		assert_true(times == (uint64_t)wanted * (wanted - 1) / 2);
		journal_clear(&journal);
	}
	journal_release(&journal);
}

/* Pieces that grow: each keeps what was written, is zeroed where nothing was, and no two share a byte. */
static void test_pool_keeps_pieces_apart(void **state)
{
	enum { PIECES = 300 };
	struct pool pool = {0};
	uint8_t *pieces[PIECES] = {0};
	size_t sizes[PIECES] = {0};
	uint64_t seed = 5;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t at = next_random(&seed) % PIECES;

		if (sizes[at] > 20000 || next_random(&seed) % 16 == 0) {
			pool_give(&pool, pieces[at], sizes[at]);
			pieces[at] = NULL;
			sizes[at] = 0;
		}
		size_t grown = sizes[at] + 1 + next_random(&seed) % (sizes[at] < 512 ? 64 : 4096);
		pieces[at] = pool_grow(&pool, pieces[at], sizes[at], grown);
		assert_non_null(pieces[at]);
		for (size_t byte = 0; byte < sizes[at]; byte++)
			assert_int_equal(pieces[at][byte], 1 + at % 255);
		for (size_t byte = sizes[at]; byte < grown; byte++)
			assert_int_equal(pieces[at][byte], 0);
		memset(pieces[at], 1 + (int)(at % 255), grown);
		sizes[at] = grown;
	}
	pool_release(&pool);
	assert_null(pool.blocks);
}

static void test_timeline_keeps_its_sums(void **state)
{
	struct timeline timeline = {0};
	uint64_t live[TIMELINE_BUCKETS];
	uint32_t shift = TIMELINE_FIRST_SHIFT;

	(void)state;
	/* One object every 10 ms for 10 s; each second one lives on, the others are freed 5 ms later. */
	for (uint64_t time_ns = 0; time_ns < 10000000000u; time_ns += 10000000u) {
		shift = timeline_shift_for(shift, time_ns + 5000000u);
		timeline_widen(&timeline, shift);
		timeline.allocs[timeline_bucket(shift, time_ns)]++;
		if (time_ns % 1000000000u)
			timeline.frees[timeline_bucket(shift, time_ns + 5000000u)]++;
	}
	uint32_t count = timeline_live(&timeline, 10000000000u, live);
	assert_true(count > TIMELINE_BUCKETS / 2 && count <= TIMELINE_BUCKETS);
	assert_true(live[count - 1] == 10);
	assert_true(live[count / 2] >= 5 && live[count / 2] <= 7);
}

static void test_timeline_of_far_and_mixed_up_times(void **state)
{
	struct timeline timeline = {0};
	uint64_t live[TIMELINE_BUCKETS];
	uint32_t shift = timeline_shift_for(TIMELINE_FIRST_SHIFT, INT64_MAX);

	(void)state;
	assert_true(timeline_bucket(shift, INT64_MAX) < TIMELINE_BUCKETS);
	timeline_widen(&timeline, shift);
	/* A free before its allocation must not count below nothing. */
	timeline.frees[0] = 5;
	timeline.allocs[1] = 2;
	timeline_live(&timeline, INT64_MAX, live);
	assert_true(live[0] == 0 && live[1] == 2);
}

static void test_ages(void **state)
{
	struct ages ages = {0};

	(void)state;
	assert_true(ages_mean_ns(&ages) == 0);
	assert_int_equal(ages_bucket(0), 0);
	assert_int_equal(ages_bucket(1023), 0);
	assert_int_equal(ages_bucket(1024), 1);
	assert_int_equal(ages_bucket(2047), 1);
	assert_int_equal(ages_bucket(UINT64_MAX), AGES_BUCKETS - 1);
	for (uint32_t i = 0; i < AGES_BUCKETS; i++)
		assert_int_equal(ages_bucket(ages_bucket_from_ns(i)), i);
	ages_add(&ages, 3000);
	ages_add(&ages, 1000);
	assert_true(ages.min_ns == 1000 && ages.max_ns == 3000 && ages_mean_ns(&ages) == 2000);
	ages_add(&ages, UINT64_MAX);
	assert_true(ages.sum_ns == UINT64_MAX && ages.count == 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live_agrees_with_an_array),
		cmocka_unit_test(test_live_empty),
		cmocka_unit_test(test_sites_are_told_apart),
		cmocka_unit_test(test_tally_counts_and_sorts),
		cmocka_unit_test(test_tally_is_bounded),
		cmocka_unit_test(test_journal_sorts_by_site),
		cmocka_unit_test(test_pool_keeps_pieces_apart),
		cmocka_unit_test(test_timeline_keeps_its_sums),
		cmocka_unit_test(test_timeline_of_far_and_mixed_up_times),
		cmocka_unit_test(test_ages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
