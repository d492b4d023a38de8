/* Snapshots: the next free name, a copy of what was written so far with what follows, and what is told of the child. */
#include "tests/cmocka_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sampler/snapshot.h"

static char folder[] = "/tmp/snapshot-test-XXXXXX";

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

static void touch(const char *path)
{
	close(open(path, O_WRONLY | O_CREAT, 0600));
}

/* A trace that is being written, with these bytes in it. */
static void begin(struct output *output, const char *bytes, size_t size_bytes)
{
	assert_int_equal(output_open(output, "x.slab", NULL), 0);
	assert_int_equal(output_write(output, bytes, size_bytes, NULL), 0);
}

static void assert_file(const char *path, const char *bytes, size_t size_bytes)
{
	struct stat status;
	char *found = malloc(size_bytes + 1);
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		fail_msg("%s is not there", path);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_size, size_bytes);
	assert_int_equal(read(fd, found, size_bytes), size_bytes);
	assert_memory_equal(found, bytes, size_bytes);
	close(fd);
	free(found);
}

static void test_copy_and_more(void **state)
{
	static char bytes[3u << 20];
	static char wanted[sizeof(bytes) + 4];
	struct snapshot snapshot;
	struct output output;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	begin(&output, bytes, sizeof(bytes));
	memcpy(wanted, bytes, sizeof(bytes) - 1);
	memcpy(wanted + sizeof(bytes) - 1, "more!", 5);
	assert_int_equal(snapshot_open(&snapshot, &output, sizeof(bytes) - 1, 7, NULL), 0);
	/* What the recording writes in the meantime is not the snapshot's. */
	assert_int_equal(output_write(&output, "later", 5, NULL), 0);
	assert_int_equal(snapshot_write(&snapshot, "mo", 2, NULL), 0);
	assert_int_equal(snapshot_write(&snapshot, "re!", 3, NULL), 0);
	assert_int_equal(output_commit(&snapshot.output, NULL), 0);
	assert_file("x.slab.7", wanted, sizeof(wanted));
	output_close(&snapshot.output);
	output_close(&output);
	unlink("x.slab.7");
}

/* Less in the file than was said to be there: nothing that looks like a trace is left. */
static void test_too_short(void **state)
{
	struct snapshot snapshot;
	struct output output;
	struct error err = {0};

	(void)state;
	begin(&output, "abc", 3);
	assert_int_equal(snapshot_open(&snapshot, &output, 4, 1, NULL), 0);
	assert_int_equal(snapshot_write(&snapshot, "d", 1, &err), -EIO);
	assert_string_equal(err.message, "x.slab.1: reading the trace that is being written: it is too short");
	output_close(&snapshot.output);
	output_close(&output);
	assert_int_equal(access("x.slab.1", F_OK), -1);
}

static void test_next_free_number(void **state)
{
	struct snapshots snapshots;

	(void)state;
	snapshots_init(&snapshots);
	touch("y.1");
	symlink("nowhere", "y.2");
	touch("y.4");
	for (uint32_t turn = 0; turn < 2; turn++) {
		int pid = snapshots_fork(&snapshots, "y");

		if (!pid)
			_exit(snapshots.number != (turn ? 5 : 3));
		assert_true(pid > 0);
		assert_int_equal(snapshots.number, turn ? 5 : 3);
		assert_false(snapshots_is_busy(&snapshots, true));
	}
	assert_int_equal(snapshots.written, 2);
	assert_int_equal(snapshots.failed, 0);
	snapshots_release(&snapshots);
}

static void test_how_the_child_ends(void **state)
{
	struct snapshots snapshots;
	char nothing;
	int gate[2];

	(void)state;
	snapshots_init(&snapshots);
	assert_false(snapshots_is_busy(&snapshots, true));
	snapshots_ask(&snapshots, 5);
	snapshots_ask(&snapshots, 6);
	assert_int_equal(snapshots.asked_ns, 5);
	assert_int_equal(pipe(gate), 0);
	if (!snapshots_fork(&snapshots, "z")) {
		snapshots_leave(&snapshots);
		close(gate[1]);
		_exit(read(gate[0], &nothing, 1) != 0);
	}
	assert_int_equal(snapshots.asked_ns, 0);
	/* It has let go, and works on. */
	snapshots_wait_left(&snapshots);
	assert_true(snapshots_is_busy(&snapshots, false));
	close(gate[1]);
	assert_false(snapshots_is_busy(&snapshots, true));
	assert_int_equal(snapshots.written, 1);
	if (!snapshots_fork(&snapshots, "z"))
		_exit(1);
	assert_false(snapshots_is_busy(&snapshots, true));
	if (!snapshots_fork(&snapshots, "z"))
		raise(SIGKILL);
	snapshots_wait_left(&snapshots);
	assert_false(snapshots_is_busy(&snapshots, true));
	assert_int_equal(snapshots.written, 1);
	assert_int_equal(snapshots.failed, 2);
	close(gate[0]);
	snapshots_release(&snapshots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_and_more),
		cmocka_unit_test(test_too_short),
		cmocka_unit_test(test_next_free_number),
		cmocka_unit_test(test_how_the_child_ends),
	};

	return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
