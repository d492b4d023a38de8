/* Names of C++ and Rust, and names that only look like them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "report/demangle.h"

static void test_names(void **state)
{
	static const char *const names[][2] = {
		{"_Z3foov", "foo()"},
		{"_ZN3abc5thing3runEiPKc", "abc::thing::run(int, char const*)"},
		{"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back(int const&)"},
		{"_ZN4core3fmt5write17h01234567890abcdfE", "core::fmt::write"},
		{"_RNvC6_123foo3bar", "123foo::bar"},
		{"_RNvNtCs1234_7mycrate3sub5inner", "mycrate::sub::inner"},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(demangle(names[i][0], text, sizeof(text)));
		assert_string_equal(text, names[i][1]);
	}
}

static void test_other_names(void **state)
{
	static const char *const names[] = {"", "_", "main", "_Z", "_R", "_Zwhatever", "alloc_pipe_info", "_start", "_ZN", "_RNv"};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(demangle(names[i], text, sizeof(text)));
}

/* Longer than the room: none rather than a part of it. */
static void test_room(void **state)
{
	char text[8];

	(void)state;
	assert_true(demangle("_Z5foobav", text, sizeof(text)));
	assert_string_equal(text, "fooba()");
	assert_false(demangle("_Z6foobarv", text, sizeof(text)));
	assert_false(demangle("_Z6foobarv", text, 1));
}

/* Each part stands for twice the one before: 30 of them would be gigabytes. */
static void test_explosion(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char mangled[1024] = "_Z1f1AIiiE", *end = mangled + strlen(mangled), text[4096];
	char deep[4200] = "_Z1f";

	(void)state;
	for (uint32_t i = 0; i < 30; i++)
		end += sprintf(end, "S_IS%c_S%c_E", digits[i], digits[i]);
	assert_false(demangle(mangled, text, sizeof(text)));
	/* A few of them are a name. */
	mangled[strlen("_Z1f1AIiiE") + 3 * strlen("S_IS0_S0_E")] = '\0';
	assert_true(demangle(mangled, text, sizeof(text)));
	/* A pointer to a pointer to a pointer ... */
	memset(deep + 4, 'P', 4000);
	strcpy(deep + 4004, "i");
	demangle(deep, text, sizeof(text));
	memset(deep + 4, 'P', 4190);
	deep[4194] = '\0';
	assert_false(demangle(deep, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_explosion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
