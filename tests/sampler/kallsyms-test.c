/* Symbols of the kernel and its modules: who holds an address. */
#include "tests/cmocka_unit.h"

#include "sampler/kallsyms.h"

static const char text[] = "ffffffff81000000 T _stext\n"
			   "ffffffff81000000 t alias_of_stext\n"
			   "ffffffff81002000 t second\n"
			   "ffffffff81001000 W first\n"
			   "ffffffff81002800 D some_data\n"
			   "ffffffff81002900 r some_rodata\n"
			   "not a line\n"
			   "ffffffff81003000\n"
			   "ffffffff81003000 T\n"
			   "\n"
			   "ffffffffc0000000 t open_it\t[leaky]\n"
			   "ffffffffc0000040 t second\t[leaky]\n"
			   "ffffffffc0000050 t broken\t[leaky\n"
			   "ffffffffc0000800 w without_newline\t[other]";

static struct kallsyms *parse(const char *of)
{
	struct kallsyms *symbols = NULL;

	assert_int_equal(kallsyms_parse(&symbols, strdup(of), NULL), 0);
	assert_non_null(symbols);
	return symbols;
}

static void assert_holds(const struct kallsyms *symbols, uint64_t address, const char *name, const char *module,
			 uint64_t offset)
{
	struct kernel_symbol symbol = kallsyms_lookup(symbols, address);

	assert_string_equal(symbol.name, name);
	assert_string_equal(symbol.module, module);
	assert_int_equal(symbol.offset_bytes, offset);
}

static void test_lookup(void **state)
{
	struct kallsyms *symbols = parse(text);

	(void)state;
	/* Of two names for one address the first in the file. */
	assert_holds(symbols, 0xffffffff81000000, "_stext", "", 0);
	assert_holds(symbols, 0xffffffff81000fff, "_stext", "", 0xfff);
	assert_holds(symbols, 0xffffffff81001000, "first", "", 0);
	/* Data is nobody's code: the function before it holds it. */
	assert_holds(symbols, 0xffffffff81002900, "second", "", 0x900);
	assert_holds(symbols, 0xffffffffc0000001, "open_it", "leaky", 1);
	assert_holds(symbols, 0xffffffffc0000040, "second", "leaky", 0);
	assert_holds(symbols, 0xffffffffc0000808, "without_newline", "other", 8);
	/* Before the first, far behind the last of the kernel, of the modules. */
	assert_holds(symbols, 0xffffffff80ffffff, "", "", 0);
	assert_holds(symbols, 0, "", "", 0);
	assert_holds(symbols, 0xffffffffa0000000, "", "", 0);
	assert_holds(symbols, UINT64_MAX, "", "", 0);
	kallsyms_free(symbols);
	kallsyms_free(NULL);
}

/* Where a module was that has gone, a trampoline stands before it at best: it is a page at most. */
static void test_behind_a_trampoline(void **state)
{
	struct kallsyms *symbols = parse("ffffffff81000000 T _stext\n"
					 "ffffffffc0004000 t ftrace_trampoline\t[__builtin__ftrace]\n"
					 "ffffffffc0040000 t open_it\t[leaky]\n");

	(void)state;
	assert_holds(symbols, 0xffffffffc0004fff, "ftrace_trampoline", "__builtin__ftrace", 0xfff);
	assert_holds(symbols, 0xffffffffc0005000, "", "", 0);
	assert_holds(symbols, 0xffffffffc003ffff, "", "", 0);
	assert_holds(symbols, 0xffffffffc0041000, "open_it", "leaky", 0x1000);
	kallsyms_free(symbols);
}

/* A function whose last instruction is a call: its return address is the next function's first. */
static void test_return_address_at_the_end_of_a_function(void **state)
{
	struct kallsyms *symbols = parse(text);

	(void)state;
	assert_holds(symbols, 0xffffffff81002000, "second", "", 0);
	assert_holds(symbols, 0xffffffff81002000 - 1, "first", "", 0xfff);
	kallsyms_free(symbols);
}

static void test_has(void **state)
{
	static const char *const functions[] = {"_stext", "alias_of_stext", "first",
						"second", "open_it",	    "without_newline"};
	struct kallsyms *symbols = parse(text);

	(void)state;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		assert_true(kallsyms_has(symbols, functions[i]));
	assert_false(kallsyms_has(symbols, "some_data"));
	assert_false(kallsyms_has(symbols, "secon"));
	assert_false(kallsyms_has(symbols, "leaky"));
	assert_int_equal(kallsyms_address(symbols, "_stext"), 0xffffffff81000000);
	assert_int_equal(kallsyms_address(symbols, "first"), 0xffffffff81001000);
	/* Of a module, of data, of nothing. */
	assert_int_equal(kallsyms_address(symbols, "open_it"), 0);
	assert_int_equal(kallsyms_address(symbols, "some_data"), 0);
	assert_int_equal(kallsyms_address(symbols, "third"), 0);
	assert_false(kallsyms_has(symbols, ""));
	kallsyms_free(symbols);
}

static void test_nothing(void **state)
{
	struct kallsyms *symbols = parse("");

	(void)state;
	assert_holds(symbols, 0xffffffff81000000, "", "", 0);
	assert_false(kallsyms_has(symbols, "first"));
	kallsyms_free(symbols);
	/* Hidden addresses are zero, not unreadable. */
	symbols = parse("0000000000000000 T _stext\n0000000000000000 T first\n");
	assert_true(kallsyms_has(symbols, "first"));
	kallsyms_free(symbols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_behind_a_trampoline),
		cmocka_unit_test(test_return_address_at_the_end_of_a_function),
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
