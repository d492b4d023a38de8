/* The command line. */
#include "report/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static int parse(struct options *options, struct error *err, const char *const arguments[])
{
	char *argv[8] = {(char *)(uintptr_t) "slabreport"};
	int argc = 1;

	for (; arguments[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
	return options_parse(options, argc, argv, err);
}

#define PARSE(options, err, ...) parse(options, err, (const char *const[]){__VA_ARGS__, NULL})

static void test_defaults(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, NULL, (const char *const[]){NULL}), 0);
	assert_string_equal(options.input, "slabrec.slab");
	assert_string_equal(options.output, "slabrec.html");
	assert_string_equal(options.renderer->name, "html");
	assert_false(options.is_quiet || options.wants_help || options.wants_version);
}

static void test_each_format_has_its_place(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(PARSE(&options, NULL, "--format", "text", "x.slab"), 0);
	assert_string_equal(options.output, "-");
	assert_string_equal(options.input, "x.slab");
	assert_int_equal(PARSE(&options, NULL, "-fxml"), 0);
	assert_string_equal(options.output, "slabrec.xml");
	assert_int_equal(PARSE(&options, NULL, "-f", "json", "-o", "a.json", "-q", "-"), 0);
	assert_string_equal(options.output, "a.json");
	assert_string_equal(options.input, "-");
	assert_true(options.is_quiet);
	assert_null(options.gate.text);
	assert_int_equal(PARSE(&options, NULL, "--fail-on", "high,live:3"), 0);
	assert_string_equal(options.gate.text, "high,live:3");
}

static void test_diff(void **state)
{
	struct options options;
	struct error err;

	(void)state;
	assert_int_equal(PARSE(&options, NULL, "--diff", "a.slab,b.slab", "c.slab"), 0);
	assert_true(options.wants_diff);
	assert_string_equal(options.input, "a.slab,b.slab");
	assert_string_equal(options.after, "c.slab");
	assert_string_equal(options.output, "slabrec.html");
	assert_int_equal(options.exposure, DIFF_EXPOSURE_BEST);
	assert_int_equal(PARSE(&options, NULL, "a.slab", "--diff", "c.slab", "--per=allocations", "-f", "json"), 0);
	assert_int_equal(options.exposure, DIFF_PER_ALLOCATION);
	assert_string_equal(options.output, "-");
	assert_int_equal(PARSE(&options, &err, "--diff", "a", "b", "--fail-on", "suspect"), -EINVAL);
	assert_non_null(strstr(err.message, "has its own exit status"));
	assert_int_equal(PARSE(&options, &err, "--diff", "a", "b", "-f", "pprof"), -EINVAL);
	assert_non_null(strstr(err.message, "there is no pprof of a comparison; use html, xml, text, md, json, junit or folded"));
	assert_int_equal(PARSE(&options, &err, "--diff", "a"), -EINVAL);
	assert_int_equal(PARSE(&options, &err, "--per", "time", "a"), -EINVAL);
	assert_int_equal(PARSE(&options, &err, "--diff", "a", "b", "--per", "x"), -EINVAL);
}

static void test_mistakes(void **state)
{
	struct options options;
	struct error err;

	(void)state;
	assert_int_equal(PARSE(&options, &err, "--format", "pdf"), -EINVAL);
	assert_non_null(strstr(err.message, "no such format; use html, xml, text, md, json, junit, folded"));
	assert_int_equal(PARSE(&options, &err, "--fromat"), -EINVAL);
	assert_non_null(strstr(err.message, "--fromat"));
	assert_int_equal(PARSE(&options, &err, "-Z"), -EINVAL);
	assert_int_equal(PARSE(&options, &err, "-o"), -EINVAL);
	assert_non_null(strstr(err.message, "-o needs a value"));
	assert_int_equal(PARSE(&options, &err, "-o", ""), -EINVAL);
	assert_int_equal(PARSE(&options, &err, "a.slab", "b.slab"), -EINVAL);
	assert_int_equal(PARSE(&options, &err, "--fail-on", "leak"), -EINVAL);
	assert_non_null(strstr(err.message, "--fail-on leak: use suspect"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_each_format_has_its_place),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
