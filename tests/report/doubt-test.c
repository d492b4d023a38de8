/* Sums of what was lost since a time, against the same sums made the long way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "report/doubt.h"

static void add(struct doubt *doubt, uint64_t time_ns, uint64_t frees)
{
	assert_int_equal(doubt_add(doubt, time_ns, frees, NULL), 0);
}

static void test_nothing_lost(void **state)
{
	struct doubt doubt = {0};

	(void)state;
	add(&doubt, 100, 0);
	assert_int_equal(doubt_close(&doubt, 1, 0, NULL), 0);
	assert_int_equal(doubt_since(&doubt, 0), 0);
	doubt_release(&doubt);
	doubt_release(&doubt);
}

static void test_since(void **state)
{
	struct doubt doubt = {0};

	(void)state;
	/* They come in the order in which rings tell of them. */
	add(&doubt, 300, 5);
	add(&doubt, 100, 7);
	add(&doubt, 200, 1);
	assert_int_equal(doubt_close(&doubt, 1, 13, NULL), 0);
	assert_int_equal(doubt_since(&doubt, 0), 13);
	assert_int_equal(doubt_since(&doubt, 100), 13);
	assert_int_equal(doubt_since(&doubt, 101), 6);
	assert_int_equal(doubt_since(&doubt, 300), 5);
	assert_int_equal(doubt_since(&doubt, 301), 0);
	doubt_release(&doubt);
}

/* Of what the rings dropped some was no free at all; of what was lost some was never told when. */
static void test_limit(void **state)
{
	struct doubt doubt = {0};

	(void)state;
	add(&doubt, 100, 50);
	assert_int_equal(doubt_close(&doubt, 1, 8, NULL), 0);
	assert_int_equal(doubt_since(&doubt, 100), 8);
	assert_int_equal(doubt_since(&doubt, 101), 0);
	doubt_release(&doubt);
	add(&doubt, 100, 50);
	assert_int_equal(doubt_close(&doubt, 1, 53, NULL), 0);
	assert_int_equal(doubt_since(&doubt, 100), 53);
	assert_int_equal(doubt_since(&doubt, 101), 3);
	doubt_release(&doubt);
	add(&doubt, 100, 2);
	assert_int_equal(doubt_close(&doubt, 64, 65, NULL), 0);
	assert_int_equal(doubt_since(&doubt, 100), 65);
	doubt_release(&doubt);
}

static void test_number_not_known(void **state)
{
	struct doubt doubt = {0};

	(void)state;
	add(&doubt, 100, DOUBT_UNKNOWN);
	add(&doubt, 200, 4);
	assert_int_equal(doubt_close(&doubt, 1, 4, NULL), 0);
	assert_true(doubt_since(&doubt, 100) == DOUBT_UNKNOWN);
	assert_int_equal(doubt_since(&doubt, 101), 4);
	assert_int_equal(doubt_since(&doubt, 201), 0);
	doubt_release(&doubt);
}

/* More losses than are kept apart: never less than the truth, and not more than what was lost near it. */
static void test_many_losses(void **state)
{
	enum { LOSSES = 5 * DOUBT_LOSSES_MAX };
	struct doubt doubt = {0};

	(void)state;
	for (uint64_t i = 0; i < LOSSES; i++)
		add(&doubt, (i * 7919) % LOSSES, 1);
	assert_int_equal(doubt_close(&doubt, 1, LOSSES, NULL), 0);
	assert_true(doubt.count <= DOUBT_LOSSES_MAX);
	for (uint64_t birth = 0; birth < LOSSES; birth += 997) {
		assert_true(doubt_since(&doubt, birth) >= LOSSES - birth);
		assert_true(doubt_since(&doubt, birth) <= LOSSES - birth + 64);
	}
	doubt_release(&doubt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_lost),	 cmocka_unit_test(test_since),
		cmocka_unit_test(test_limit),		 cmocka_unit_test(test_number_not_known),
		cmocka_unit_test(test_many_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
