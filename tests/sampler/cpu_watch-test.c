/* Which uevents speak of a CPU. */
#include "tests/cmocka_unit.h"

#include <string.h>

#include "sampler/cpu_watch.h"

static int parse(const char *message, bool *is_online)
{
	return cpu_watch_parse(message, strlen(message) + 1, is_online);
}

static void test_cpus(void **state)
{
	bool is_online;

	(void)state;
	assert_int_equal(parse("offline@/devices/system/cpu/cpu1", &is_online), 1);
	assert_false(is_online);
	assert_int_equal(parse("online@/devices/system/cpu/cpu127", &is_online), 127);
	assert_true(is_online);
	assert_int_equal(parse("online@/devices/system/cpu/cpu0", &is_online), 0);
}

static void test_others(void **state)
{
	static const char *const messages[] = {
		"",
		"online@",
		"add@/devices/system/cpu/cpu1",
		"online@/devices/system/memory/memory1",
		"online@/devices/system/cpu/cpu",
		"online@/devices/system/cpu/cpufreq",
		"online@/devices/system/cpu/cpu1/cache",
		"libudev",
	};
	bool is_online;

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		assert_int_equal(parse(messages[i], &is_online), -1);
	/* Without its end. */
	assert_int_equal(cpu_watch_parse("online@/devices/system/cpu/cpu12", 32, &is_online), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
