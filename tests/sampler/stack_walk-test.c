/* The walk by the kernel's tables: their three dialects, and where it starts on a stack that looks as on real kernels. */
#include "tests/cmocka_unit.h"

#include "sampler/stack_walk.h"

#define TEXT 0xffffffff81000000u
#define IPS 0xffffffff82000000u
#define ENTRIES 0xffffffff82100000u
#define FUNCTION_BYTES 0x1000u
#define STACK 0xffffc90000003a00u

static char symbols_text[] = "ffffffff81000000 T bpf_trace_run2\n"
			     "ffffffff81001000 T __traceiter_kmalloc\n"
			     "ffffffff81002000 T __kmalloc\n"
			     "ffffffff81003000 T aligned\n"
			     "ffffffff81004000 T caller\n"
			     "ffffffff81005000 T do_syscall_64\n"
			     "ffffffff81006000 T entry\n"
			     "ffffffff82000000 R __start_orc_unwind_ip\n"
			     "ffffffff82000020 R __stop_orc_unwind_ip\n"
			     "ffffffff82100000 R __start_orc_unwind\n";

struct entry {
	int16_t offset;
	int16_t bp_offset;
	uint16_t flags;
};

/* The same functions in the three dialects: by sp, by sp with bp saved, by bp, by what bp points at, registers. */
enum { BY_SP, BY_SP_AND_BP, BY_BP, BY_BP_INDIRECT, REGS, SHAPES };
static const uint16_t flags[3][SHAPES] = {
	{0x005, 0x015, 0x014, 0x048, 0x105}, {0x205, 0x215, 0x214, 0x248, 0x305}, {0x203, 0x283, 0x284, 0x2cc, 0xb03}};

static int dialect;
static const struct {
	int shape;
	int16_t offset;
	int16_t bp_offset;
} functions[] = {{BY_SP_AND_BP, 64, -16}, {BY_SP, 16, 0},     {BY_BP_INDIRECT, -8, 0}, {BY_BP, 16, -16},
		 {BY_SP, 24, 0},	  {BY_BP, 16, -16}, {REGS, 0, 0},
		 {BY_SP, 0, 0} /* ends the tables */};
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static uint64_t peek(void *context, uint64_t address)
{
	uint64_t word = 0;

	(void)context;
	if (address >= IPS && address < IPS + 4 * FUNCTIONS) {
		uint32_t place = (uint32_t)(address - IPS) / 4;

		return (uint32_t)(TEXT + place * FUNCTION_BYTES - (IPS + 4 * place));
	}
	if (address >= ENTRIES && address < ENTRIES + 6 * FUNCTIONS) {
		size_t place = (address - ENTRIES) / 6;
		struct entry entry = {functions[place].offset, functions[place].bp_offset, flags[dialect][functions[place].shape]};

		memcpy(&word, &entry, sizeof(entry));
	}
	return word;
}

static struct kernel_image *new_kernel(void)
{
	static struct kernel_image kernel;
	static struct kallsyms *symbols;
	char *text = strdup(symbols_text);

	assert_int_equal(kallsyms_parse(&symbols, text, NULL), 0);
	kernel = (struct kernel_image){.symbols = symbols};
	return &kernel;
}

static uint64_t in_function(size_t function)
{
	return TEXT + function * FUNCTION_BYTES + 0x40;
}

static void test_steps(void **state)
{
	struct kernel_image *kernel = new_kernel();
	struct orc_table table;

	(void)state;
	for (dialect = 0; dialect < 3; dialect++) {
		assert_true(orc_table_find(&table, kernel->symbols, peek, NULL));
		assert_int_equal(orc_table_step(&table, in_function(1)).base, ORC_UNKNOWN);
		/* It must be one by the stack pointer. */
		assert_false(orc_table_calibrate(&table, in_function(3)));
		assert_true(orc_table_calibrate(&table, in_function(1)));
		assert_true(orc_table_calibrate(&table, in_function(6)));
		struct orc_step step = orc_table_step(&table, in_function(0));
		assert_int_equal(step.base, ORC_BY_SP);
		assert_int_equal(step.offset_bytes, 64);
		assert_int_equal(step.bp, ORC_BP_BY_END);
		assert_int_equal(step.bp_offset_bytes, -16);
		step = orc_table_step(&table, in_function(1));
		assert_int_equal(step.base, ORC_BY_SP);
		assert_int_equal(step.bp, ORC_BP_SAME);
		step = orc_table_step(&table, in_function(2));
		assert_int_equal(step.base, ORC_BY_BP_INDIRECT);
		assert_int_equal(step.bp, ORC_BP_BY_BP);
		assert_int_equal(orc_table_step(&table, in_function(3)).base, ORC_BY_BP);
		assert_int_equal(orc_table_step(&table, in_function(6)).base, ORC_REGS);
		/* A return address may be the next function's first. */
		assert_int_equal(orc_table_step(&table, TEXT + 3 * FUNCTION_BYTES).base, ORC_BY_BP_INDIRECT);
		assert_int_equal(orc_table_step(&table, TEXT - 0x1000).base, ORC_UNKNOWN);
	}
	kallsyms_free(kernel->symbols);
}

static void test_start(void **state)
{
	struct kernel_image *kernel = new_kernel();
	struct stack_walk walk = {.kernel = kernel};
	struct stack_walk_start start;
	uint64_t words[48] = {0};
	const uint64_t chain[] = {0xffffffffc0000100, in_function(0), in_function(1), in_function(2), in_function(4), in_function(5)};
	struct stack_walk_view view = {.address = STACK, .words = words, .word_count = 48, .chain = chain, .chain_count = 6};

	(void)state;
	dialect = 2;
	assert_true(orc_table_find(&walk.orc, kernel->symbols, peek, NULL));
	/* The same address stands in places where nothing follows it. */
	words[3] = words[9] = words[14] = in_function(1);
	/* Of word 9: bp of its caller 16 bytes below the end of bpf_trace_run2()'s frame, which ends behind word 9. */
	words[8] = STACK + 8 * 30;
	words[11] = in_function(2);
	/* 8 below where bp points is the end of __kmalloc()'s frame; its caller is below that, and its bp is in memory at bp. */
	words[29] = STACK + 8 * 33;
	words[30] = STACK + 8 * 40;
	words[32] = in_function(4);
	words[35] = in_function(5);
	assert_true(stack_walk_find_start(&walk, &view, &start));
	assert_int_equal(start.address, in_function(1));
	assert_int_equal(start.offset_bytes, 9 * 8);
	assert_int_equal(start.bp_offset_bytes, -16);
	/* One frame elsewhere, and it is not believed. */
	words[32] = 0;
	assert_false(stack_walk_find_start(&walk, &view, &start));
	words[32] = in_function(4);
	view.chain_count = 3;
	assert_false(stack_walk_find_start(&walk, &view, &start));
	kallsyms_free(kernel->symbols);
}

static void test_no_tables(void **state)
{
	char text[] = "ffffffff81000000 T _stext\n";
	struct kallsyms *symbols;
	struct orc_table table;

	(void)state;
	assert_int_equal(kallsyms_parse(&symbols, strdup(text), NULL), 0);
	assert_false(orc_table_find(&table, symbols, peek, NULL));
	kallsyms_free(symbols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_no_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
