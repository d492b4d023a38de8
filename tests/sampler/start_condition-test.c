/* What --start-when takes, and when it holds. */
#include "tests/cmocka_unit.h"

#include <errno.h>

#include "sampler/start_condition.h"

static void assert_condition(const char *text, const char *name, bool is_memory, bool is_or_equal, uint64_t threshold)
{
	struct start_condition condition;
	struct error err = {0};

	if (start_condition_parse(&condition, text, &err))
		fail_msg("%s", err.message);
	assert_string_equal(condition.text, text);
	assert_string_equal(condition.name, name);
	assert_int_equal(condition.is_memory, is_memory);
	assert_int_equal(condition.threshold, threshold);
	assert_false(start_condition_holds(&condition, threshold - 1));
	assert_int_equal(start_condition_holds(&condition, threshold), is_or_equal);
	assert_true(start_condition_holds(&condition, threshold + 1));
	start_condition_release(&condition);
}

static void test_good(void **state)
{
	(void)state;
	assert_condition("kmalloc-1k>100 objects", "kmalloc-1k", false, false, 100);
	assert_condition("kmalloc-1k>100", "kmalloc-1k", false, false, 100);
	assert_condition(" =filp >= 1 object", "=filp", false, true, 1);
	assert_condition("kmalloc-*>18446744073709551614", "kmalloc-*", false, false, UINT64_MAX - 1);
	assert_condition("SUnreclaim>2G", "SUnreclaim", true, false, 2ull << 30);
	assert_condition("SReclaimable>=512m", "SReclaimable", true, true, 512u << 20);
}

static void test_bad(void **state)
{
	static const char *const bad[] = {"",
					  ">1",
					  "filp",
					  "filp>",
					  "filp<1",
					  "filp=1",
					  "filp=>1",
					  "filp>>1",
					  "filp>-1",
					  "filp>1k",
					  "filp>1objects",
					  "filp>1 things",
					  "filp dentry>1",
					  "filp>18446744073709551616",
					  "SUnreclaim>0",
					  "SUnreclaim>1 objects",
					  "a-name-that-is-longer-than-any-cache-of-any-kernel-could-have-it-ever>1"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct start_condition condition;
		struct error err = {0};

		if (start_condition_parse(&condition, bad[i], &err) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
		assert_non_null(strstr(err.message, "--start-when"));
	}
}

static void test_select(void **state)
{
	struct start_condition condition;
	struct slab_cache_list all = {0};
	struct error err = {0};

	(void)state;
	slab_cache_list_add(&all, "filp");
	slab_cache_list_add(&all, "kmalloc-1k");
	slab_cache_list_add(&all, "kmalloc-cg-1k");
	slab_cache_list_finish(&all);
	assert_int_equal(start_condition_parse(&condition, "kmalloc-1024>5", &err), 0);
	assert_int_equal(start_condition_select(&condition, &all, &err), 0);
	assert_int_equal(condition.caches.count, 2);
	start_condition_release(&condition);
	assert_int_equal(start_condition_parse(&condition, "flip>5", &err), 0);
	assert_int_equal(start_condition_select(&condition, &all, &err), -ENOENT);
	start_condition_release(&condition);
	assert_int_equal(start_condition_parse(&condition, "SUnreclaim>5", &err), 0);
	assert_int_equal(start_condition_select(&condition, &all, &err), 0);
	assert_int_equal(condition.caches.count, 0);
	start_condition_release(&condition);
	slab_cache_list_release(&all);
}

/* The machine's own count, as anybody may read it. */
static void test_measure(void **state)
{
	struct start_condition condition;
	struct error err = {0};
	uint64_t value = 0;

	(void)state;
	assert_int_equal(start_condition_parse(&condition, "SUnreclaim>1", &err), 0);
	assert_int_equal(start_condition_measure(&condition, &value), 0);
	assert_true(value > 4096);
	start_condition_release(&condition);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_measure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
