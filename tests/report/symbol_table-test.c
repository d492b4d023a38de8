/* Names of addresses: kept, found, written, and read back from bytes that may be anything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report/symbol_table.h"

static const struct symbol pipe_chain[] = {
	{.function = "kmalloc", .source_file = "include/linux/slab.h", .line = 553},
	{.function = "kcalloc", .source_file = "include/linux/slab.h", .line = 638},
	{.function = "alloc_pipe_info", .source_file = "fs/pipe.c", .line = 801, .offset_bytes = 0x12d},
};
static const struct symbol entry[] = {{.function = "entry_SYSCALL_64", .source_file = ""}};

static void fill(struct symbol_table *table)
{
	symbol_table_add(table, 5000, pipe_chain, 3, false);
	symbol_table_add(table, 100, entry, 1, true);
	symbol_table_add(table, UINT64_MAX, NULL, 0, false);
	/* Told twice: the first stays. */
	symbol_table_add(table, 5000, entry, 1, false);
	symbol_table_sort(table);
}

static void assert_filled(const struct symbol_table *table, bool with_local)
{
	struct symbol symbols[SYMBOLS_PER_FRAME_MAX];

	assert_int_equal(symbol_table_find(table, 5000, symbols, SYMBOLS_PER_FRAME_MAX), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(symbols[i].function, pipe_chain[i].function);
		assert_string_equal(symbols[i].source_file, pipe_chain[i].source_file);
		assert_int_equal(symbols[i].line, pipe_chain[i].line);
		assert_int_equal(symbols[i].offset_bytes, pipe_chain[i].offset_bytes);
	}
	/* One text, one pointer: who escapes them remembers by it. */
	assert_ptr_equal(symbols[0].source_file, symbols[1].source_file);
	assert_int_equal(symbol_table_find(table, 5000, symbols, 2), 2);
	assert_int_equal(symbol_table_find(table, 100, symbols, 9), with_local ? 1 : -1);
	/* Known to have no name is not unknown. */
	assert_int_equal(symbol_table_find(table, UINT64_MAX, symbols, 9), 0);
	assert_int_equal(symbol_table_find(table, 0, symbols, 9), -1);
	assert_int_equal(symbol_table_find(table, 5001, symbols, 9), -1);
}

static void test_find(void **state)
{
	struct symbol_table table = {0};
	struct symbol symbols[1];

	(void)state;
	assert_int_equal(symbol_table_find(&table, 0, symbols, 1), -1);
	fill(&table);
	assert_false(table.failed);
	assert_filled(&table, true);
	symbol_table_release(&table);
	symbol_table_release(NULL);
}

static void read_back(const struct symbol_table *table, bool with_local, struct symbol_table *again)
{
	struct buffer bytes = {0};

	symbol_table_write(table, with_local, &bytes);
	struct cursor in = cursor_over(bytes.bytes, bytes.size_bytes);
	assert_int_equal(symbol_table_read(again, &in), 0);
	assert_int_equal(cursor_left(&in), 0);
	buffer_release(&bytes);
}

static void test_written_and_read(void **state)
{
	struct symbol_table table = {0}, again = {0}, lasting = {0}, empty = {0};

	(void)state;
	fill(&table);
	read_back(&table, true, &again);
	assert_filled(&again, true);
	/* What means a place in this recording only is for nobody else. */
	read_back(&table, false, &lasting);
	assert_filled(&lasting, false);
	symbol_table_release(&again);
	read_back(&empty, true, &again);
	assert_int_equal(again.count, 0);
	symbol_table_release(&table);
	symbol_table_release(&again);
	symbol_table_release(&lasting);
}

static void test_merge(void **state)
{
	struct symbol_table table = {0}, other = {0};
	struct symbol symbols[SYMBOLS_PER_FRAME_MAX];

	(void)state;
	fill(&other);
	symbol_table_add(&table, 5000, entry, 1, false);
	symbol_table_merge(&table, &other);
	symbol_table_sort(&table);
	assert_int_equal(symbol_table_find(&table, 5000, symbols, 9), 1);
	assert_int_equal(symbol_table_find(&table, UINT64_MAX, symbols, 9), 0);
	assert_int_equal(symbol_table_find(&table, 100, symbols, 9), -1);
	symbol_table_release(&table);
	symbol_table_release(&other);
}

static void test_many(void **state)
{
	struct symbol_table table = {0}, again = {0};
	struct symbol symbols[1];
	char name[32];

	(void)state;
	for (uint64_t i = 0; i < 20000; i++) {
		struct symbol symbol = {.function = name, .source_file = "a.c", .line = (uint32_t)i};

		snprintf(name, sizeof(name), "function_%d", (int)(i % 3000));
		symbol_table_add(&table, (i * 7919) % 20000, &symbol, 1, false);
	}
	symbol_table_sort(&table);
	assert_int_equal(table.count, 20000);
	assert_int_equal(table.string_count, 3001);
	read_back(&table, true, &again);
	for (uint64_t i = 0; i < 20000; i++) {
		assert_int_equal(symbol_table_find(&again, (i * 7919) % 20000, symbols, 1), 1);
		assert_int_equal(symbols[0].line, i);
	}
	/* What was read can be added to. */
	symbol_table_add(&again, 20000, entry, 1, false);
	symbol_table_merge(&again, &table);
	symbol_table_sort(&again);
	assert_int_equal(again.count, 20001);
	assert_int_equal(symbol_table_find(&again, 20000, symbols, 1), 1);
	assert_string_equal(symbols[0].function, "entry_SYSCALL_64");
	symbol_table_release(&table);
	symbol_table_release(&again);
}

/* Cut anywhere and with any byte changed: refused or read, never beyond its end (the sanitizers look). */
static void test_damaged(void **state)
{
	struct symbol_table table = {0}, again;
	struct symbol symbols[SYMBOLS_PER_FRAME_MAX];
	struct buffer bytes = {0};

	(void)state;
	fill(&table);
	symbol_table_write(&table, true, &bytes);
	for (size_t cut = 0; cut < bytes.size_bytes; cut++) {
		uint8_t *copy = test_malloc(cut + 1);
		struct cursor in = cursor_over(memcpy(copy, bytes.bytes, cut), cut);

		assert_int_equal(symbol_table_read(&again, &in), -EBADMSG);
		test_free(copy);
	}
	for (size_t at = 0; at < bytes.size_bytes; at++)
		for (uint32_t change = 1; change < 256; change++) {
			struct cursor in = cursor_over(bytes.bytes, bytes.size_bytes);

			bytes.bytes[at] ^= (uint8_t)change;
			if (!symbol_table_read(&again, &in))
				symbol_table_find(&again, 5000, symbols, SYMBOLS_PER_FRAME_MAX);
			symbol_table_release(&again);
			bytes.bytes[at] ^= (uint8_t)change;
		}
	buffer_release(&bytes);
	symbol_table_release(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find), cmocka_unit_test(test_written_and_read), cmocka_unit_test(test_merge),
		cmocka_unit_test(test_many), cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
