/* Arrays keep what is in them when they grow, and new room is all-zero. */
#include "tests/cmocka_unit.h"

#include "report/arena.h"
#include "report/room.h"

static void test_grows(void **state)
{
	uint64_t *items = NULL;
	uint32_t capacity = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_true(room_for(&items, i, &capacity, sizeof(*items)));
		assert_true(i < capacity);
		assert_int_equal(items[i], 0);
		items[i] = i + 1;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(items[i], i + 1);
	/* At once to an index that lies far behind. */
	assert_true(room_for(&items, 100000, &capacity, sizeof(*items)));
	assert_true(capacity > 100000);
	assert_int_equal(items[999], 1000);
	assert_int_equal(items[100000], 0);
	free(items);
}

static void test_refuses(void **state)
{
	uint64_t *items = NULL;
	uint32_t capacity = 0;

	(void)state;
	assert_false(room_for(&items, UINT32_MAX, &capacity, sizeof(*items)));
	assert_false(room_for(&items, 1 << 29, &capacity, SIZE_MAX / 2));
	assert_null(items);
	assert_int_equal(capacity, 0);
}

static void test_in_an_arena(void **state)
{
	struct arena arena = {0};
	uint32_t *items = NULL, capacity = 0;

	(void)state;
	for (uint32_t i = 0; i < 5000; i += 10) {
		assert_true(room_in_arena(&arena, &items, i, 10, &capacity, sizeof(*items)));
		assert_true(capacity - i >= 10);
		for (uint32_t k = i; k < i + 10; k++)
			items[k] = k;
	}
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(items[i], i);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_in_an_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
