/* Lists of CPUs: ranges, and what is none. */
#include "tests/cmocka_unit.h"

#include "sampler/cpu_list.h"

static void assert_list(const char *text, const char *wanted)
{
	struct cpu_list list;
	char got[256] = "";

	assert_int_equal(cpu_list_parse(&list, text), 0);
	for (size_t i = 0; i < list.count; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%d", i ? " " : "", list.cpus[i]);
	assert_string_equal(got, wanted);
	cpu_list_release(&list);
	cpu_list_release(&list);
}

static void test_lists(void **state)
{
	(void)state;
	assert_list("0", "0");
	assert_list("0-3,7", "0 1 2 3 7");
	assert_list("5,1-2", "1 2 5");
	assert_list("1,1,0-2,2-3", "0 1 2 3");
	assert_list("4-4", "4");
	assert_list("8191", "8191");
}

static void test_errors(void **state)
{
	static const char *const texts[] = {"",
					    ",",
					    "1,",
					    ",1",
					    "1-",
					    "-1",
					    "3-1",
					    "a",
					    "1a",
					    "1 ",
					    " 1",
					    "1-2-3",
					    "0x1",
					    "1;2",
					    "8192",
					    "0-8192",
					    "99999999999999999999",
					    "0-99999999999999999999",
					    "+1",
					    "1--2"};
	struct cpu_list list;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (cpu_list_parse(&list, texts[i]) != -EINVAL)
			fail_msg("\"%s\" is no list", texts[i]);
		assert_null(list.cpus);
		assert_int_equal(list.count, 0);
	}
}

static void test_has_and_online(void **state)
{
	struct cpu_list list;

	(void)state;
	assert_int_equal(cpu_list_parse(&list, "0-1,7"), 0);
	assert_true(cpu_list_has(&list, 0));
	assert_true(cpu_list_has(&list, 7));
	assert_false(cpu_list_has(&list, 2));
	assert_false(cpu_list_has(&list, -1));
	cpu_list_release(&list);
	assert_int_equal(cpu_list_online(&list, NULL), 0);
	assert_true(list.count >= 1);
	cpu_list_release(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_has_and_online),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
