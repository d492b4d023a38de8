/* Cgroups as mounts, /proc and the kernel tell of them; a tree of folders stands for the file system. */
#include "tests/cmocka_unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "sampler/cgroup_table.h"
#include "tests/sampler/written_trace.h"

#define V2 "sysfs /sys sysfs rw 0 0\ncgroup2 /nowhere/unified cgroup2 rw,relatime 0 0\n"
#define V1 "cgroup /nowhere/mem cgroup rw,memory 0 0\ncgroup /nowhere/perf cgroup rw,net_cls,perf_event 0 0\n"

static const char *path_of_text(struct cgroup_table *table, const char *text)
{
	struct cgroup *cgroup = cgroup_table_of_text(table, text);

	return cgroup ? cgroup->path : "";
}

static void test_mounts(void **state)
{
	static const struct {
		const char *mounts, *mount, *label;
	} wanted[] = {
		{V2, "/nowhere/unified", ""},
		{V2 V1, "/nowhere/perf", "perf_event:"},
		{V1 V2, "/nowhere/perf", "perf_event:"},
		{"cgroup /m cgroup rw,perf_events 0 0\n", "", ""},
		{"garbage\n\n x\n", "", ""},
		{"", "", ""},
		{NULL, "", ""},
	};
	struct cgroup_table table;

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		cgroup_table_init(&table, NULL, wanted[i].mounts);
		assert_string_equal(table.mount, wanted[i].mount);
		assert_string_equal(table.label, wanted[i].label);
		cgroup_table_release(&table);
	}
}

static void test_which_line_of_proc_tells(void **state)
{
	struct cgroup_table table;

	(void)state;
	cgroup_table_init(&table, NULL, V2);
	assert_string_equal(path_of_text(&table, "0::/user.slice/a b\n"), "/user.slice/a b");
	assert_string_equal(path_of_text(&table, "4:memory:/m\n0::/u\n"), "/u");
	/* In the root of version 2 others tell more, the first of them first. */
	assert_string_equal(path_of_text(&table, "9:name=systemd:/\n4:memory:/m/n\n3:cpu,cpuacct:/c\n0::/\n"), "memory:/m/n");
	assert_string_equal(path_of_text(&table, "9:name=systemd:/\n0::/\n"), "/");
	assert_string_equal(path_of_text(&table, "4:memory:/m:n\n"), "memory:/m:n");
	assert_string_equal(path_of_text(&table, ""), "");
	assert_string_equal(path_of_text(&table, "nonsense\n0:\n"), "");
	cgroup_table_release(&table);

	cgroup_table_init(&table, NULL, V1 V2);
	assert_string_equal(path_of_text(&table, "0::/u\n4:memory:/m\n2:net_cls,perf_event:/p\n"), "perf_event:/p");
	assert_string_equal(path_of_text(&table, "4:memory:/m\n2:perf_event:/\n0::/u\n"), "/u");
	assert_string_equal(path_of_text(&table, "2:perf_event:/\n0::/\n"), "perf_event:/");
	assert_true(cgroup_table_of_text(&table, "2:perf_event:/\n")->is_root);
	assert_true(cgroup_table_of_text(&table, "2:perf_event:/\n")->is_of_perf);
	assert_false(cgroup_table_of_text(&table, "0::/u\n")->is_of_perf);
	cgroup_table_release(&table);
}

static void test_ids_and_strings(void **state)
{
	struct written_trace *trace = written_trace_new();
	struct cgroup_table table;

	(void)state;
	cgroup_table_init(&table, trace->writer, V2);
	assert_int_equal(cgroup_table_add(&table, 7, "/a"), 0);
	assert_int_equal(cgroup_table_add(&table, 8, "/a/b"), 0);
	assert_int_equal(cgroup_table_add(&table, 0, "/zero"), 0);
	struct cgroup *cgroup = cgroup_table_find(&table, 7);
	assert_string_equal(cgroup->path, "/a");
	/* However it is told, it is one. */
	assert_ptr_equal(cgroup, cgroup_table_of_text(&table, "0::/a\n"));
	assert_ptr_not_equal(cgroup, cgroup_table_find(&table, 8));
	assert_null(cgroup_table_find(&table, 0));
	assert_null(cgroup_table_find(&table, 999));
	assert_null(cgroup_table_find(&table, 999));
	/* A number may be another's later. */
	assert_int_equal(cgroup_table_add(&table, 999, "/c"), 0);
	assert_string_equal(cgroup_table_find(&table, 999)->path, "/c");
	assert_int_equal(cgroup_table_string(&table, NULL), 0);
	assert_int_equal(cgroup_table_string(&table, cgroup), trace_writer_text(trace->writer, "/a"));
	assert_int_equal(cgroup_table_string(&table, cgroup), trace_writer_text(trace->writer, "/a"));
	for (uint64_t id = 1000; id < 6000; id++) {
		char path[32];

		snprintf(path, sizeof(path), "/many/%d", (int)id);
		assert_int_equal(cgroup_table_add(&table, id, path), 0);
	}
	assert_string_equal(cgroup_table_find(&table, 3210)->path, "/many/3210");
	assert_string_equal(cgroup->path, "/a");
	cgroup_table_release(&table);
	written_trace_free(trace);
}

static void test_many_are_forgotten(void **state)
{
	struct cgroup_table table;

	(void)state;
	cgroup_table_init(&table, NULL, V2);
	cgroup_table_add(&table, 7, "/kept");
	struct cgroup *kept = cgroup_table_find(&table, 7);
	assert_false(cgroup_table_begin_forgetting(&table));
	for (uint64_t turn = 0, id = 100; turn < 3; turn++) {
		char path[32];

		for (uint64_t last = id + 10000; id < last; id++) {
			snprintf(path, sizeof(path), "/many/%d", (int)id);
			assert_int_equal(cgroup_table_add(&table, id, path), 0);
		}
		assert_true(cgroup_table_begin_forgetting(&table));
		kept->is_kept = true;
		assert_int_equal(cgroup_table_forget(&table), 0);
		/* And the root. */
		assert_int_equal(table.paths.count, 2);
	}
	assert_ptr_equal(cgroup_table_of_text(&table, "0::/kept\n"), kept);
	assert_string_equal(kept->path, "/kept");
	cgroup_table_release(&table);
}

static void test_selecting_in_a_tree(void **state)
{
	char tree[] = "/tmp/cgroup-test-XXXXXX", mounts[128], path[160];
	static const char *const folders[] = {"/a", "/a/b", "/a/b/c", "/ab", "/d"};
	struct cgroup_table table;
	struct error err = {0};

	(void)state;
	assert_non_null(mkdtemp(tree));
	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s%s", tree, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	snprintf(mounts, sizeof(mounts), "none %s cgroup2 rw 0 0\n", tree);
	snprintf(path, sizeof(path), "%s/a", tree);
	const char *const names[] = {"a", "/a", "a/", "a/b/..", path};
	for (size_t i = 0; i < 5; i++) {
		cgroup_table_init(&table, NULL, mounts);
		int fd = cgroup_table_select(&table, names[i], &err);
		assert_true(fd >= 0);
		close(fd);
		assert_string_equal(table.filter, "/a");
		assert_int_equal(cgroup_table_scan(&table), 0);
		for (size_t j = 0; j < 5; j++) {
			struct stat status;
			char folder[160];

			snprintf(folder, sizeof(folder), "%s%s", tree, folders[j]);
			assert_int_equal(stat(folder, &status), 0);
			struct cgroup *cgroup = cgroup_table_find(&table, status.st_ino);
			assert_string_equal(cgroup->path, folders[j]);
			assert_int_equal(cgroup_table_is_selected(&table, cgroup), j < 3);
		}
		/* One that nobody knows: the kernel knows better, where it filters. */
		assert_false(cgroup_table_is_selected(&table, NULL));
		table.is_kernels_choice = true;
		assert_true(cgroup_table_is_selected(&table, NULL));
		cgroup_table_release(&table);
	}
	cgroup_table_init(&table, NULL, mounts);
	assert_true(cgroup_table_is_selected(&table, NULL));
	assert_int_equal(cgroup_table_select(&table, "nosuch", &err), -ENOENT);
	assert_non_null(strstr(err.message, "--cgroup nosuch: there is no such cgroup under /tmp/cgroup-test-"));
	assert_int_equal(cgroup_table_select(&table, "../..", &err), -ENOENT);
	int fd = cgroup_table_select(&table, "/", &err);
	assert_true(fd >= 0);
	close(fd);
	assert_true(cgroup_table_is_selected(&table, cgroup_table_of_text(&table, "0::/x\n")));
	cgroup_table_release(&table);
	cgroup_table_init(&table, NULL, "");
	assert_int_equal(cgroup_table_select(&table, "a", &err), -ENOENT);
	assert_non_null(strstr(err.message, "no cgroup file system is mounted"));
	assert_int_equal(cgroup_table_scan(&table), 0);
	assert_string_equal(cgroup_table_find(&table, 1)->path, "/");
	cgroup_table_release(&table);
	for (size_t i = 5; i-- > 0;) {
		snprintf(path, sizeof(path), "%s%s", tree, folders[i]);
		assert_int_equal(rmdir(path), 0);
	}
	rmdir(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_which_line_of_proc_tells),
		cmocka_unit_test(test_ids_and_strings),
		cmocka_unit_test(test_many_are_forgotten),
		cmocka_unit_test(test_selecting_in_a_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
