/* Where the trace goes: nothing that is there is lost, and what was not committed leaves nothing behind. */
#include "tests/cmocka_unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sampler/output.h"

static char folder[] = "/tmp/output-test-XXXXXX";

static int enter_folder(void **state)
{
	(void)state;
	return !mkdtemp(folder) || chdir(folder);
}

static int remove_folder(void **state)
{
	char command[256];

	(void)state;
	snprintf(command, sizeof(command), "cd / && rm -r %s", folder);
	return system(command);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void assert_file(const char *path, const char *text)
{
	char bytes[256] = "";
	FILE *file = fopen(path, "r");

	if (!file)
		fail_msg("%s is not there", path);
	bytes[fread(bytes, 1, sizeof(bytes) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(bytes, text);
}

static void assert_absent(const char *path)
{
	struct stat status;

	if (!lstat(path, &status))
		fail_msg("%s is there", path);
}

static void part_name(char *name, size_t size, const char *path)
{
	snprintf(name, size, "%s.part-%d", path, (int)getpid());
}

static void test_commit(void **state)
{
	struct output output;
	struct stat status;
	char part[64];

	(void)state;
	part_name(part, sizeof(part), "new.slab");
	assert_int_equal(output_open(&output, "new.slab", NULL), 0);
	assert_int_equal(output_write(&output, "abc", 3, NULL), 0);
	assert_int_equal(output_write(&output, "", 0, NULL), 0);
	assert_int_equal(output_write(&output, "def", 3, NULL), 0);
	assert_absent("new.slab");
	assert_file(part, "abcdef");
	assert_int_equal(output_commit(&output, NULL), 0);
	assert_false(output.has_kept_old);
	output_close(&output);
	assert_file("new.slab", "abcdef");
	assert_absent(part);
	assert_absent("new.slab.old");
	assert_int_equal(stat("new.slab", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	output_close(&output);
}

static void test_old_one_is_kept(void **state)
{
	struct output output;

	(void)state;
	write_file("kept.slab", "old");
	write_file("kept.slab.old", "older");
	assert_int_equal(output_open(&output, "kept.slab", NULL), 0);
	output_write(&output, "new", 3, NULL);
	assert_file("kept.slab", "old");
	assert_int_equal(output_commit(&output, NULL), 0);
	assert_true(output.has_kept_old);
	output_close(&output);
	assert_file("kept.slab", "new");
	assert_file("kept.slab.old", "old");
	/* An empty file is nothing to keep. */
	write_file("empty.slab", "");
	assert_int_equal(output_open(&output, "empty.slab", NULL), 0);
	assert_int_equal(output_commit(&output, NULL), 0);
	assert_false(output.has_kept_old);
	output_close(&output);
	assert_absent("empty.slab.old");
}

static void test_close_without_commit(void **state)
{
	struct output output;
	char part[64];

	(void)state;
	part_name(part, sizeof(part), "gone.slab");
	write_file("gone.slab", "old");
	assert_int_equal(output_open(&output, "gone.slab", NULL), 0);
	output_write(&output, "new", 3, NULL);
	output_close(&output);
	assert_file("gone.slab", "old");
	assert_absent(part);
	assert_absent("gone.slab.old");
}

/* Somebody laid a link where the file is to be written. */
static void test_link_at_the_name_beside(void **state)
{
	struct output output;
	struct error err;
	char part[64];

	(void)state;
	part_name(part, sizeof(part), "trap.slab");
	write_file("victim", "precious");
	assert_int_equal(symlink("victim", part), 0);
	assert_int_equal(output_open(&output, "trap.slab", &err), -EEXIST);
	assert_non_null(strstr(err.message, part));
	output_close(&output);
	assert_file("victim", "precious");
	/* The link is not ours to remove. */
	assert_int_equal(unlink(part), 0);
	assert_int_equal(symlink("nowhere", part), 0);
	assert_int_equal(output_open(&output, "trap.slab", &err), -EEXIST);
	output_close(&output);
	assert_absent("nowhere");
	unlink(part);
}

static void test_folders(void **state)
{
	struct output output;
	struct error err;

	(void)state;
	mkdir("folder", 0700);
	assert_int_equal(output_open(&output, "folder", &err), -EISDIR);
	assert_string_equal(err.message, "folder: Is a directory");
	output_close(&output);
	assert_int_equal(output_open(&output, "no-folder/x.slab", &err), -ENOENT);
	assert_non_null(strstr(err.message, "no-folder/x.slab"));
	assert_non_null(strstr(err.message, "name a file in a folder that can be written with -o"));
	output_close(&output);
	/* Also for root. */
	assert_true(output_open(&output, "/proc/x.slab", &err) < 0);
	assert_non_null(strstr(err.message, "/proc/x.slab"));
	output_close(&output);
	output_close(&output);
}

static void test_full_device(void **state)
{
	struct output output;
	struct error err = {0};

	(void)state;
	assert_int_equal(output_open(&output, "/dev/full", &err), 0);
	assert_null(output.beside_path);
	assert_int_equal(output_write(&output, "abc", 3, &err), -ENOSPC);
	assert_string_equal(
		err.message,
		"/dev/full: No space left on device: the recording was ended, what was written until then can be read");
	assert_int_equal(output_commit(&output, &err), 0);
	output_close(&output);
	assert_int_equal(access("/dev/full", F_OK), 0);
}

static void test_link_to_a_file(void **state)
{
	struct output output;

	(void)state;
	write_file("target", "old");
	assert_int_equal(symlink("target", "link.slab"), 0);
	assert_int_equal(output_open(&output, "link.slab", NULL), 0);
	output_write(&output, "new", 3, NULL);
	assert_int_equal(output_commit(&output, NULL), 0);
	output_close(&output);
	/* What the link led to is as it was. */
	assert_file("target", "old");
	assert_file("link.slab", "new");
}

static void test_pipe(void **state)
{
	struct output output;
	char bytes[8] = "";

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	int reader = open("pipe", O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	assert_int_equal(output_open(&output, "pipe", NULL), 0);
	assert_int_equal(output_write(&output, "abc", 3, NULL), 0);
	assert_int_equal(read(reader, bytes, 8), 3);
	assert_string_equal(bytes, "abc");
	assert_int_equal(output_commit(&output, NULL), 0);
	output_close(&output);
	close(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commit),
		cmocka_unit_test(test_old_one_is_kept),
		cmocka_unit_test(test_close_without_commit),
		cmocka_unit_test(test_link_at_the_name_beside),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_link_to_a_file),
		cmocka_unit_test(test_pipe),
	};

	return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
