/* Slots are filled, unknown ones are an error, and the shipped templates are what the page needs. */
#include "report/template.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void write_name(FILE *out, void *context)
{
	fputs(context, out);
}

static const struct template_slot slots[] = {{"name", write_name}, {0}};

static int fill(const char *text, char **got, struct error *err)
{
	const struct template_file file = {.name = "t", .bytes = text, .size_bytes = strlen(text)};
	size_t size_bytes;
	FILE *out = open_memstream(got, &size_bytes);
	int ret = template_write(&file, slots, (char[]){"Ada"}, out, err);

	fclose(out);
	return ret;
}

static void test_slots(void **state)
{
	char *got;

	(void)state;
	assert_int_equal(fill("{{name}}, {name} }} {{name}}{{name}}.", &got, NULL), 0);
	assert_string_equal(got, "Ada, {name} }} AdaAda.");
	free(got);
}

static void test_unknown_slot(void **state)
{
	struct error err;
	char *got;

	(void)state;
	assert_int_equal(fill("a {{nmae}}", &got, &err), -EINVAL);
	assert_string_equal(err.message, "template t: there is no slot named \"nmae\"");
	free(got);
	assert_int_equal(fill("a {{name", &got, &err), -EINVAL);
	free(got);
}

static void test_shipped(void **state)
{
	static const char *const names[] = {"report.html", "report.css", "report.js", "slabrec.rng", "slabrec.xsd"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct template_file *file = template_find(names[i]);

		assert_non_null(file);
		assert_true(file->size_bytes == strlen(file->bytes));
		for (size_t at = 0; at < file->size_bytes; at++)
			assert_true(file->bytes[at] > 0);
	}
	/* Neither may end the element it is put into. */
	assert_null(strstr(template_find("report.css")->bytes, "</"));
	assert_null(strstr(template_find("report.js")->bytes, "</"));
	assert_null(template_find("nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_unknown_slot),
		cmocka_unit_test(test_shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
