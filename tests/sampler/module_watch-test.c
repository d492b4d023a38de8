/* Which uevents speak of a kernel module, and the order in which changes are taken care of. */
#include "tests/cmocka_unit.h"

#include <stdlib.h>
#include <string.h>

#include "sampler/module_watch.h"

static bool parse(const char *message, struct module_change *change)
{
	return module_watch_parse(message, strlen(message) + 1, change);
}

static void test_modules(void **state)
{
	struct module_change change;

	(void)state;
	assert_true(parse("add@/module/leakmod", &change));
	assert_string_equal(change.name, "leakmod");
	assert_false(change.is_gone);
	assert_true(parse("remove@/module/nf_tables", &change));
	assert_string_equal(change.name, "nf_tables");
	assert_true(change.is_gone);
}

static void test_others(void **state)
{
	static const char *const messages[] = {
		"",
		"add@/module/",
		"remove@",
		"change@/module/leakmod",
		"add@/devices/module/leakmod",
		"add@/module/leakmod/drivers",
		"add@/module/a_name_that_is_longer_than_the_kernel_would_ever_take_it_for_a_module",
		"libudev",
	};
	struct module_change change;

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		assert_false(parse(messages[i], &change));
	/* Without its end. */
	assert_false(module_watch_parse("add@/module/leakmod", 19, &change));
	assert_false(module_watch_parse("", 0, &change));
}

static void test_forgets_the_first(void **state)
{
	struct module_watch watch = {.gone = calloc(2, sizeof(*watch.gone)), .gone_count = 2};

	(void)state;
	watch.gone[0].time_ns = 5;
	watch.gone[1].time_ns = 7;
	module_watch_forget(&watch);
	assert_int_equal(watch.gone_count, 1);
	assert_int_equal(watch.gone[0].time_ns, 7);
	module_watch_forget(&watch);
	assert_int_equal(watch.gone_count, 0);
	module_watch_close(&watch);
}

/* A container may not let it listen: then there is nothing to close but the list. */
static void test_opens_and_closes(void **state)
{
	struct module_watch watch;

	(void)state;
	module_watch_open(&watch);
	assert_int_equal(watch.gone_count, 0);
	module_watch_look(&watch);
	module_watch_close(&watch);
	assert_null(watch.listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_forgets_the_first),
		cmocka_unit_test(test_opens_and_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
