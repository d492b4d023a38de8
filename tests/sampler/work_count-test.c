/* What a command prints becomes a number, or one sentence says why not. */
#include "tests/cmocka_unit.h"

#include <errno.h>
#include <string.h>

#include "sampler/work_count.h"

static const struct rlimit own_limit;

static void expect(const char *command, uint64_t units)
{
	struct error err = {0};
	uint64_t got = 0;

	if (work_count_ask(command, &own_limit, &got, &err))
		fail_msg("%s", err.message);
	assert_int_equal(got, units);
}

static void expect_failure(const char *command, int code, const char *sentence)
{
	struct error err = {0};
	uint64_t got = 17;

	assert_int_equal(work_count_ask(command, &own_limit, &got, &err), code);
	assert_string_equal(err.message, sentence);
	assert_int_equal(got, 17);
}

static void test_numbers(void **state)
{
	(void)state;
	expect("echo 42", 42);
	expect("echo 0", 0);
	expect("echo 42.9 requests", 42);
	expect("echo '  7'; echo 9", 7);
	expect("echo 1e6", 1000000);
	/* More output than a pipe holds does not stop it. */
	expect("echo 5; seq 200000", 5);
	/* Standard input is empty. */
	expect("cat; echo 3", 3);
}

static void test_no_numbers(void **state)
{
	(void)state;
	expect_failure("true", -EINVAL, "--work-cmd true: printed no number from 0 to 2^53");
	expect_failure("echo none", -EINVAL, "--work-cmd echo none: printed no number from 0 to 2^53");
	expect_failure("echo -1", -EINVAL, "--work-cmd echo -1: printed no number from 0 to 2^53");
	expect_failure("echo 1e40", -EINVAL, "--work-cmd echo 1e40: printed no number from 0 to 2^53");
	expect_failure("echo nan", -EINVAL, "--work-cmd echo nan: printed no number from 0 to 2^53");
}

static void test_failures(void **state)
{
	(void)state;
	expect_failure("echo 3; exit 2", -EINVAL, "--work-cmd echo 3; exit 2: failed (exit status 2)");
	expect_failure("echo 3; kill -9 $$", -EINVAL, "--work-cmd echo 3; kill -9 $$: failed (signal 9)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_no_numbers),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
