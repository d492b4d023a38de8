/* The hash map against a model, and removals where a run of slots goes around the end. */
#include "tests/cmocka_unit.h"

#include "trace/u64_map.h"
#include "tests/random.h"

static void put(struct u64_map *map, uint64_t key, uint64_t value)
{
	uint64_t *slot = u64_map_put(map, key);

	assert_non_null(slot);
	*slot = value;
}

static void test_empty(void **state)
{
	struct u64_map map = {0};

	(void)state;
	assert_null(u64_map_find(&map, 1));
	assert_false(u64_map_remove(&map, 1));
	u64_map_clear(&map);
	u64_map_release(&map);
}

static void test_put_find_remove(void **state)
{
	struct u64_map map = {0};

	(void)state;
	assert_int_equal(*u64_map_put(&map, UINT64_MAX), 0);
	put(&map, UINT64_MAX, 7);
	put(&map, 1, 8);
	assert_int_equal(*u64_map_put(&map, UINT64_MAX), 7);
	assert_int_equal(map.count, 2);
	assert_int_equal(*u64_map_find(&map, 1), 8);
	assert_null(u64_map_find(&map, 2));
	assert_true(u64_map_remove(&map, UINT64_MAX));
	assert_false(u64_map_remove(&map, UINT64_MAX));
	/* A key that comes again begins anew. */
	assert_int_equal(*u64_map_put(&map, UINT64_MAX), 0);
	u64_map_clear(&map);
	assert_int_equal(map.count, 0);
	assert_null(u64_map_find(&map, 1));
	put(&map, 1, 9);
	assert_int_equal(*u64_map_find(&map, 1), 9);
	u64_map_release(&map);
}

/* Keys whose homes are the last slots of a map of 64, so that their run goes on at the first slot. */
static void test_removal_around_the_end(void **state)
{
	uint64_t keys[12], seed = 5;
	size_t count = 0;

	(void)state;
	for (uint64_t key = 1; count < 12; key++)
		if ((u64_mix(key) & 63) >= 61 || (count > 8 && (u64_mix(key) & 63) < 2))
			keys[count++] = key;
	for (int round = 0; round < 1000; round++) {
		struct u64_map map = {0};
		bool is_in[12];

		for (size_t i = 0; i < 12; i++) {
			put(&map, keys[i], keys[i] * 3);
			is_in[i] = true;
		}
		assert_int_equal(map.capacity, 64);
		for (int left = 12; left; left--) {
			size_t victim;

			do
				victim = random_below(&seed, 12);
			while (!is_in[victim]);
			assert_true(u64_map_remove(&map, keys[victim]));
			is_in[victim] = false;
			for (size_t i = 0; i < 12; i++) {
				const uint64_t *value = u64_map_find(&map, keys[i]);

				assert_int_equal(!!value, is_in[i]);
				if (value)
					assert_int_equal(*value, keys[i] * 3);
			}
		}
		u64_map_release(&map);
	}
}

#define KEYS 3000

static void test_random_against_a_model(void **state)
{
	struct u64_map map = {0};
	uint64_t model[KEYS] = {0}, seed = 11;
	size_t count = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		size_t place = random_below(&seed, KEYS);
		/* Addresses: neighbours differ in high bits only. */
		uint64_t key = 0xffff888000000000 + place * 1024;

		/* It fills and empties in turns. */
		if (random_below(&seed, 100) < (i / 50000 % 2 ? 30u : 70u)) {
			put(&map, key, (uint64_t)i + 1);
			count += !model[place];
			model[place] = (uint64_t)i + 1;
		} else {
			assert_int_equal(u64_map_remove(&map, key), model[place] != 0);
			count -= model[place] != 0;
			model[place] = 0;
		}
		assert_int_equal(map.count, count);
		place = random_below(&seed, KEYS);
		const uint64_t *value = u64_map_find(&map, 0xffff888000000000 + place * 1024);
		assert_int_equal(value ? *value : 0, model[place]);
	}
	for (size_t place = 0; place < KEYS; place++) {
		const uint64_t *value = u64_map_find(&map, 0xffff888000000000 + place * 1024);

		assert_int_equal(value ? *value : 0, model[place]);
	}
	assert_true(map.capacity <= 4096);
	u64_map_release(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_put_find_remove),
		cmocka_unit_test(test_removal_around_the_end),
		cmocka_unit_test(test_random_against_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
