/* How numbers are written, at the edges where rounding would lie. */
#include "report/number.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static void test_count(void **state)
{
	(void)state;
	assert_string_equal(number_count(0).text, "0");
	assert_string_equal(number_count(999).text, "999");
	assert_string_equal(number_count(1000).text, "1,000");
	assert_string_equal(number_count(UINT64_MAX).text, "18,446,744,073,709,551,615");
	assert_string_equal(number_of(1, "more cache").text, "1 more cache");
	assert_string_equal(number_of(1234, "more cache").text, "1,234 more caches");
	assert_string_equal(number_of(0, "cache").text, "0 caches");
	assert_string_equal(number_change(0).text, "0");
	assert_string_equal(number_change(13).text, "+13");
	assert_string_equal(number_change(INT64_MIN).text, "-9,223,372,036,854,775,808");
}

static void test_bytes(void **state)
{
	(void)state;
	assert_string_equal(number_bytes(640).text, "640 B");
	assert_string_equal(number_bytes(1023).text, "1023 B");
	assert_string_equal(number_bytes(1024).text, "1.0 KiB");
	assert_string_equal(number_bytes(2048000).text, "2.0 MiB");
	assert_string_equal(number_bytes(1048575).text, "1.0 MiB");
	assert_string_equal(number_bytes(UINT64_MAX).text, "16.0 EiB");
}

static void test_duration(void **state)
{
	(void)state;
	assert_string_equal(number_duration(0).text, "0 ns");
	assert_string_equal(number_duration(1500).text, "1.5 us");
	assert_string_equal(number_duration(10200000000u).text, "10.2 s");
	assert_string_equal(number_duration(90000000000u).text, "90.0 s");
	assert_string_equal(number_duration(3600000000000u).text, "60.0 min");
	/* The largest value has a text, and one that fits. */
	assert_true(strlen(number_duration(UINT64_MAX).text) < 20);
}

static void test_percent_neither_none_nor_all_by_rounding(void **state)
{
	(void)state;
	assert_string_equal(number_percent(1, 1000).text, "<1 %");
	assert_string_equal(number_percent(999, 1000).text, ">99 %");
	assert_string_equal(number_percent(1000, 1000).text, "100 %");
	assert_string_equal(number_percent(0, 1000).text, "0 %");
	assert_string_equal(number_percent(96, 100).text, "96 %");
	assert_string_equal(number_percent(0, 0).text, "-");
	assert_string_equal(number_percent(5, 0).text, "-");
}

static void test_rate(void **state)
{
	(void)state;
	assert_string_equal(number_rate(2000, 10200000000u).text, "196");
	assert_string_equal(number_rate(4, 10000000000u).text, "0.40");
	assert_string_equal(number_rate(4, 0).text, "-");
	assert_string_equal(number_rate_bytes(2048000, 10000000000u).text, "200 KiB");
	assert_string_equal(number_rate_bytes(1, 0).text, "-");
	assert_string_equal(number_rate_bytes(UINT64_MAX, 1).text, "16.0 EiB");
}

static void test_sums_stop_at_the_ends(void **state)
{
	(void)state;
	assert_true(number_add(UINT64_MAX, 1) == UINT64_MAX);
	assert_true(number_add(2, 3) == 5);
	assert_true(number_multiply(1ull << 40, 1ull << 40) == UINT64_MAX);
	assert_true(number_difference(UINT64_MAX, 0) == INT64_MAX);
	assert_true(number_difference(0, UINT64_MAX) == INT64_MIN);
	assert_true(number_difference(UINT64_MAX, UINT64_MAX - 3) == 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),	 cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_duration), cmocka_unit_test(test_percent_neither_none_nor_all_by_rounding),
		cmocka_unit_test(test_rate),	 cmocka_unit_test(test_sums_stop_at_the_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
