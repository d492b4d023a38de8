/* What hostile bytes become in each output. */
#include "report/escape.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

typedef void escape_function(FILE *out, const char *text, size_t limit);

static void escape_json_all(FILE *out, const char *text, size_t limit)
{
	(void)limit;
	escape_json(out, text);
}

static void expect(escape_function *escape, const char *text, size_t limit, const char *wanted)
{
	char *got = NULL;
	size_t size_bytes;
	FILE *out = open_memstream(&got, &size_bytes);

	escape(out, text, limit);
	fclose(out);
	assert_string_equal(got, wanted);
	free(got);
}

static void test_markup(void **state)
{
	(void)state;
	expect(escape_html, "</script><b onload=\"x\">&'", ESCAPE_ALL,
	       "&#60;/script&#62;&#60;b onload=&#34;x&#34;&#62;&#38;&#39;");
	expect(escape_html, "std::vector<int, T&>", ESCAPE_ALL, "std::vector&#60;int, T&#38;&#62;");
	expect(escape_ascii, "a<b>&\"", ESCAPE_ALL, "a<b>&\"");
	expect(escape_json_all, "</script>\"", 0, "\\u003c/script>\\u0022");
}

static void test_bytes_that_are_no_text(void **state)
{
	(void)state;
	expect(escape_html, "\x01\xff\n\t\x7f", ESCAPE_ALL, "\\x01\\xff\\x0a\\x09\\x7f");
	expect(escape_ascii, "a\x1b[31m", ESCAPE_ALL, "a\\x1b[31m");
	expect(escape_json_all, "\x01\\", 0, "\\\\x01\\\\x5c");
	/* Cut, overlong, surrogate, beyond the last code point. */
	expect(escape_html, "\xc3", ESCAPE_ALL, "\\xc3");
	expect(escape_html, "\xc0\xaf", ESCAPE_ALL, "\\xc0\\xaf");
	expect(escape_html, "\xe0\x80\xaf", ESCAPE_ALL, "\\xe0\\x80\\xaf");
	expect(escape_html, "\xed\xa0\x80", ESCAPE_ALL, "\\xed\\xa0\\x80");
	expect(escape_html, "\xf4\x90\x80\x80", ESCAPE_ALL, "\\xf4\\x90\\x80\\x80");
}

static void test_a_backslash_can_be_told_from_an_escape(void **state)
{
	(void)state;
	expect(escape_html, "\\x01", ESCAPE_ALL, "\\x5cx01");
}

static void test_other_scripts_stay(void **state)
{
	(void)state;
	expect(escape_html, "gr\xc3\xbc\xc3\x9f", ESCAPE_ALL, "gr&#252;&#223;");
	expect(escape_ascii, "\xc3\xbc", ESCAPE_ALL, "\\u{fc}");
	expect(escape_json_all, "\xc3\xbc\xf0\x9f\x90\xa7", 0, "\\u00fc\\ud83d\\udc27");
}

static void test_marks_that_turn_text_around(void **state)
{
	(void)state;
	/* RIGHT-TO-LEFT OVERRIDE, ZERO WIDTH SPACE, BYTE ORDER MARK, a tag character. */
	expect(escape_html, "\xe2\x80\xae", ESCAPE_ALL, "\\xe2\\x80\\xae");
	expect(escape_html, "\xe2\x80\x8b", ESCAPE_ALL, "\\xe2\\x80\\x8b");
	expect(escape_html, "\xef\xbb\xbf", ESCAPE_ALL, "\\xef\\xbb\\xbf");
	expect(escape_html, "\xf3\xa0\x81\x81", ESCAPE_ALL, "\\xf3\\xa0\\x81\\x81");
}

static void test_limit(void **state)
{
	(void)state;
	expect(escape_html, "abcdef", 6, "abcdef");
	expect(escape_html, "abcdef", 5, "abcde...");
	/* A limit counts characters and never cuts one. */
	expect(escape_html, "\xc3\xbc\xc3\xbc\xc3\xbc", 2, "&#252;&#252;...");
}

static void test_xml_takes_only_characters_of_xml(void **state)
{
	struct buffer out = {0};

	(void)state;
	escape_xml(&out, "a\x01\xff]]>\xef\xbf\xbf\xc3\xbc", ESCAPE_ALL);
	assert_string_equal((const char *)out.bytes, "a\\x01\\xff]]>\\xef\\xbf\\xbf\xc3\xbc");
	buffer_clear(&out);
	escape_xml(&out, "abc", 2);
	assert_string_equal((const char *)out.bytes, "ab...");
	buffer_release(&out);
}

static void test_every_pair_of_bytes_gives_printable_ascii(void **state)
{
	(void)state;
	for (int a = 1; a < 256; a++)
		for (int b = 1; b < 256; b++) {
			char text[] = {(char)a, (char)b, 0};
			char *got = NULL;
			size_t size_bytes;
			FILE *out = open_memstream(&got, &size_bytes);

			escape_html(out, text, ESCAPE_ALL);
			fclose(out);
			for (size_t i = 0; i < size_bytes; i++)
				assert_true(got[i] >= ' ' && got[i] < 0x7f && got[i] != '<' && got[i] != '>' &&
					    got[i] != '"');
			free(got);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_markup),
		cmocka_unit_test(test_bytes_that_are_no_text),
		cmocka_unit_test(test_a_backslash_can_be_told_from_an_escape),
		cmocka_unit_test(test_other_scripts_stay),
		cmocka_unit_test(test_marks_that_turn_text_around),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_xml_takes_only_characters_of_xml),
		cmocka_unit_test(test_every_pair_of_bytes_gives_printable_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
