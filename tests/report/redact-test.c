/* No kernel address leaves in a text. */
#include "report/redact.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_go),
		cmocka_unit_test(test_other_numbers_stay),
		cmocka_unit_test(test_a_text_without_is_not_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
