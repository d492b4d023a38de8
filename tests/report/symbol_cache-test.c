/* The cache of names in a folder of its own: what comes back, what does not, and many who use it at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/symbol_cache.h"

static char folder[] = "/tmp/slabrec-cache-XXXXXX";
static const uint8_t build_id[] = {0xab, 0xcd, 0xef, 0x01};
static const struct symbol_object object = {.kind = SYMBOL_OBJECT_KERNEL, .name = "", .build_id = build_id, .build_id_bytes = 4};

static char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/slabrec/symbols/%s", folder, name);
	return path;
}

/* count places, named after their number and the writer. */
static void write_table(const struct symbol_object *of, uint64_t count, uint32_t writer)
{
	struct symbol_table table = {0};

	for (uint64_t i = 0; i < count; i++) {
		struct symbol symbol = {.function = "f", .source_file = "a_file_with_some_name.c", .line = writer};

		symbol_table_add(&table, 16 * i, &symbol, 1, false);
	}
	symbol_table_sort(&table);
	symbol_cache_write(&table, of);
	symbol_table_release(&table);
}

/* How many places are kept, which are all of one writer; 0 where nothing is. */
static uint32_t read_count(const struct symbol_object *of)
{
	struct symbol_table table = {0};
	struct symbol symbol;
	uint32_t writer = 0;

	if (symbol_cache_read(&table, of))
		return 0;
	uint32_t count = table.count;
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(symbol_table_find(&table, 16 * i, &symbol, 1), 1);
		assert_true(!i || symbol.line == writer);
		writer = symbol.line;
	}
	symbol_table_release(&table);
	return count;
}

static void test_kept(void **state)
{
	static const uint8_t other_id[] = {0xab, 0xcd, 0xef, 0x02};
	struct symbol_object other = object;

	(void)state;
	assert_int_equal(read_count(&object), 0);
	write_table(&object, 3, 1);
	assert_int_equal(read_count(&object), 3);
	write_table(&object, 5, 2);
	assert_int_equal(read_count(&object), 5);
	other.build_id = other_id;
	assert_int_equal(read_count(&other), 0);
}

static void test_other_build(void **state)
{
	static const uint8_t other_id[] = {0xab, 0xcd, 0xef, 0x02};
	struct symbol_object other = object, nothing = object;
	char from[256];

	(void)state;
	write_table(&object, 3, 1);
	strcpy(from, path_of("abcdef01"));
	assert_int_equal(rename(from, path_of("abcdef02")), 0);
	other.build_id = other_id;
	assert_int_equal(read_count(&other), 0);
	assert_int_equal(unlink(path_of("abcdef02")), 0);
	nothing.build_id_bytes = 0;
	write_table(&nothing, 3, 1);
	assert_int_equal(read_count(&nothing), 0);
}

/* Any bit that changed, any end that is missing, and it is as if there were nothing; the next run writes it anew. */
static void test_damaged(void **state)
{
	uint8_t bytes[4096];

	(void)state;
	write_table(&object, 3, 1);
	int fd = open(path_of("abcdef01"), O_RDWR);
	ssize_t size_bytes = read(fd, bytes, sizeof(bytes));
	assert_true(size_bytes > 16 && size_bytes < (ssize_t)sizeof(bytes));
	for (ssize_t at = 0; at < size_bytes; at++) {
		uint8_t changed = bytes[at] ^ 0x10;

		assert_int_equal(pwrite(fd, &changed, 1, at), 1);
		assert_int_equal(read_count(&object), 0);
		assert_int_equal(pwrite(fd, &bytes[at], 1, at), 1);
	}
	assert_int_equal(read_count(&object), 3);
	for (ssize_t cut = size_bytes; cut-- > 0;) {
		assert_int_equal(ftruncate(fd, cut), 0);
		assert_int_equal(read_count(&object), 0);
	}
	close(fd);
	write_table(&object, 4, 1);
	assert_int_equal(read_count(&object), 4);
}

/* Readers see the table of one writer or another, whole. */
static void test_many_at_once(void **state)
{
	pid_t writers[4];

	(void)state;
	write_table(&object, 2000, 9);
	for (uint32_t i = 0; i < 4; i++) {
		writers[i] = fork();
		if (!writers[i]) {
			for (int times = 0; times < 50; times++)
				write_table(&object, 2000 + i, i);
			_exit(0);
		}
	}
	for (int times = 0; times < 200; times++)
		assert_in_range(read_count(&object), 2000, 2003);
	for (uint32_t i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
		assert_int_equal(status, 0);
	}
	assert_in_range(read_count(&object), 2000, 2003);
}

static void add_filler(const char *name, off_t size_bytes, time_t used)
{
	struct timespec times[2] = {{.tv_sec = used}, {.tv_sec = used}};
	int fd = open(path_of(name), O_CREAT | O_WRONLY, 0600);

	assert_int_equal(ftruncate(fd, size_bytes), 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void test_bounded(void **state)
{
	(void)state;
	unlink(path_of("abcdef01"));
	add_filler("01", SYMBOL_CACHE_MAX_BYTES / 2, 1000);
	add_filler("02", SYMBOL_CACHE_MAX_BYTES / 2 - 4096, 2000);
	add_filler("03", 1024, 3000);
	write_table(&object, 10, 1);
	assert_int_equal(access(path_of("01"), F_OK), 0);
	/* Only what was not used for longest goes. */
	write_table(&object, 2000, 1);
	assert_int_equal(access(path_of("01"), F_OK), -1);
	assert_int_equal(access(path_of("02"), F_OK), 0);
	assert_int_equal(access(path_of("03"), F_OK), 0);
	assert_int_equal(read_count(&object), 2000);
	unlink(path_of("02"));
	unlink(path_of("03"));
}

static void test_no_place(void **state)
{
	(void)state;
	setenv("XDG_CACHE_HOME", "/dev/null/nowhere", 1);
	write_table(&object, 3, 1);
	assert_int_equal(read_count(&object), 0);
	unsetenv("XDG_CACHE_HOME");
	setenv("HOME", folder, 1);
	write_table(&object, 6, 1);
	assert_int_equal(read_count(&object), 6);
	unsetenv("HOME");
	assert_int_equal(read_count(&object), 0);
}

static int set_up(void **state)
{
	(void)state;
	return !mkdtemp(folder) || setenv("XDG_CACHE_HOME", folder, 1);
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),	     cmocka_unit_test(test_other_build), cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_many_at_once), cmocka_unit_test(test_bounded),	 cmocka_unit_test(test_no_place),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
