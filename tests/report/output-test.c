/* A report appears whole or not at all, and never in place of a trace. */
#include "report/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int enter_directory(void **state)
{
	char *directory = strdup("/tmp/slabrec-output-test.XXXXXX");

	*state = directory;
	return !mkdtemp(directory) || chdir(directory);
}

static int leave_directory(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	int ret = chdir("/") || system(command);
	free(*state);
	return ret;
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

static void expect_file(const char *path, const char *wanted)
{
	char got[64] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_true(fread(got, 1, sizeof(got) - 1, file) == strlen(wanted));
	assert_string_equal(got, wanted);
	fclose(file);
}

static int count_files(void)
{
	int count = 0;
	DIR *directory = opendir(".");

	for (struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	closedir(directory);
	return count;
}

static void test_commit(void **state)
{
	struct output output;
	struct stat status;

	(void)state;
	put("r.html", "old");
	umask(027);
	assert_int_equal(output_open(&output, "r.html", NULL), 0);
	umask(022);
	fputs("new", output.stream);
	fflush(output.stream);
	/* Until it is whole, the old one is there. */
	expect_file("r.html", "old");
	assert_int_equal(output_commit(&output, NULL), 0);
	output_release(&output);
	expect_file("r.html", "new");
	assert_int_equal(stat("r.html", &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
	assert_int_equal(count_files(), 1);
}

static void test_giving_up_leaves_what_was_there(void **state)
{
	struct output output;

	(void)state;
	put("r.html", "old");
	assert_int_equal(output_open(&output, "r.html", NULL), 0);
	fputs("half", output.stream);
	output_release(&output);
	expect_file("r.html", "old");
	assert_int_equal(count_files(), 1);
}

static void test_a_link_stays_a_link(void **state)
{
	struct output output;
	struct stat status;

	(void)state;
	put("real", "old");
	assert_int_equal(symlink("real", "link"), 0);
	assert_int_equal(output_open(&output, "link", NULL), 0);
	fputs("new", output.stream);
	assert_int_equal(output_commit(&output, NULL), 0);
	output_release(&output);
	expect_file("real", "new");
	assert_int_equal(lstat("link", &status), 0);
	assert_true(S_ISLNK(status.st_mode));
}

static void test_a_trace_is_never_replaced(void **state)
{
	struct output output;
	struct error err;

	(void)state;
	put("slabrec.slab", "slabrec\x1a and more");
	assert_int_equal(output_open(&output, "slabrec.slab", &err), -EEXIST);
	assert_non_null(strstr(err.message, "is a trace"));
	expect_file("slabrec.slab", "slabrec\x1a and more");
	assert_int_equal(count_files(), 1);
}

static void test_what_cannot_be_written(void **state)
{
	struct output output;
	struct error err;

	(void)state;
	assert_int_equal(output_open(&output, "no/such/r.html", &err), -ENOENT);
	assert_non_null(strstr(err.message, "no/such/r.html: "));
	assert_int_equal(output_open(&output, ".", &err), -EISDIR);
	assert_non_null(strstr(err.message, "is a directory"));
}

static void test_full_disk(void **state)
{
	struct output output;
	struct error err;

	(void)state;
	assert_int_equal(output_open(&output, "/dev/full", &err), 0);
	for (int i = 0; i < 100000; i++)
		fputs("0123456789", output.stream);
	assert_int_equal(output_commit(&output, &err), -ENOSPC);
	assert_non_null(strstr(err.message, "/dev/full: "));
	output_release(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_commit, enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(test_giving_up_leaves_what_was_there, enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(test_a_link_stays_a_link, enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(test_a_trace_is_never_replaced, enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_written, enter_directory, leave_directory),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
