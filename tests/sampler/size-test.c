/* Sizes as people write them. */
#include "tests/cmocka_unit.h"

#include <errno.h>

#include "sampler/size.h"

static void test_good(void **state)
{
	static const struct {
		const char *text;
		uint64_t size_bytes;
	} good[] = {{"1", 1},
		    {"4096", 4096},
		    {"64k", 65536},
		    {"64K", 65536},
		    {"100M", 100u << 20},
		    {"2g", 2ull << 30},
		    {"3T", 3ull << 40},
		    {"16777215T", 16777215ull << 40},
		    {"18446744073709551615", UINT64_MAX}};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t size_bytes = 0;

		assert_int_equal(size_parse(good[i].text, &size_bytes), 0);
		assert_int_equal(size_bytes, good[i].size_bytes);
	}
}

static void test_bad(void **state)
{
	static const char *const bad[] = {"",    "0",	"0k", "-1", "+1",   " 1",	 "1 ",
					  "1.5M", "M", "1B", "1kB", "1kk", "16777216T", "18446744073709551616"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t size_bytes;

		if (size_parse(bad[i], &size_bytes) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
