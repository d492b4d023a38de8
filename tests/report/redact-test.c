/* No kernel address leaves in a text. */
#include "report/redact.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "report/private_text.h"

static void expect(const char *text, const char *wanted, uint32_t wanted_addresses)
{
	struct arena arena = {0};
	uint32_t addresses = 0;

	assert_string_equal(redact_text(&arena, text, &addresses), wanted);
	assert_int_equal(addresses, wanted_addresses);
	arena_release(&arena);
}

static void test_addresses_go(void **state)
{
	(void)state;
	expect("s == 0xffff888100042600", "s == [kernel-address]", 1);
	expect("ffffffff81234567", "[kernel-address]", 1);
	expect("0xFFFFFFFF81234567,ffff888100042600;", "[kernel-address],[kernel-address];", 2);
	expect("(s==0xffff888100042600||s==0xffff888100042700) x", "(s==[kernel-address]||s==[kernel-address]) x", 2);
}

static void test_other_numbers_stay(void **state)
{
	(void)state;
	expect("", "", 0);
	expect("0xffff", "0xffff", 0);
	expect("0000000000001000", "0000000000001000", 0);
	/* A build id that happens to begin so, and a name. */
	expect("ffff88810004260012345678abcdefabcdefabcd", "ffff88810004260012345678abcdefabcdefabcd", 0);
	expect("ffffffffffffffzz", "ffffffffffffffzz", 0);
}

static void test_a_text_without_is_not_copied(void **state)
{
	struct arena arena = {0};
	uint32_t addresses = 0;
	const char *text = "alloc_pipe_info";

	(void)state;
	assert_ptr_equal(redact_text(&arena, text, &addresses), text);
	arena_release(&arena);
}

/* What is found where, one after the other: kind and text. */
static void expect_private(const char *text, const char *wanted)
{
	struct private_text found;
	char list[400] = "";

	for (size_t at = 0; private_text_next(text, strlen(text), at, &found); at = found.begin + found.size_bytes)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%u:%.*s|", found.kind, (int)found.size_bytes, text + found.begin);
	assert_string_equal(list, wanted);
}

static void test_private_text(void **state)
{
	(void)state;
	expect_private("", "");
	expect_private("nothing to 00:11:22 see /usr/bin/make 12345678-1234", "");
	expect_private("at 0xffff888100042600.", "0:0xffff888100042600|");
	expect_private("52:54:00:12:34:56 and 52:54:00:12:34:56:78", "1:52:54:00:12:34:56|1:52:54:00:12:34:56|");
	expect_private("x123e4567-e89b-12d3-a456-426614174000 123e4567-e89b-12d3-a456-426614174000", "2:123e4567-e89b-12d3-a456-426614174000|");
	expect_private("docker-0123456789abcdef0123456789abcdef.scope", "3:0123456789abcdef0123456789abcdef|");
	/* A build-id of 20 bytes is no secret. */
	expect_private("0123456789abcdef0123456789abcdef01234567", "");
	expect_private("-o /home/me/a.slab,/tmp/ --x=/root/y", "4:/home/me/a.slab|4:/tmp/|4:/root/y|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_go),
		cmocka_unit_test(test_other_numbers_stay),
		cmocka_unit_test(test_a_text_without_is_not_copied),
		cmocka_unit_test(test_private_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
