/* Processes as their records tell of them: forks, execs, names, mappings, ends. */
#include "tests/cmocka_unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "sampler/elf_file.h"
#include "sampler/process_table.h"
#include "tests/sampler/written_trace.h"

#define S 1000000000ull

struct machine {
	struct written_trace *trace;
	struct user_file_table files;
	struct process_table table;
};

static void start(struct machine *machine)
{
	machine->trace = written_trace_new();
	user_file_table_init(&machine->files, machine->trace->writer);
	process_table_init(&machine->table, machine->trace->writer, &machine->files);
}

static void end(struct machine *machine)
{
	process_table_release(&machine->table);
	user_file_table_release(&machine->files);
	written_trace_free(machine->trace);
}

static void update(struct machine *machine, struct sample sample)
{
	assert_int_equal(process_table_update(&machine->table, &sample), 0);
}

static void map(struct machine *machine, int32_t pid, uint64_t address, uint64_t size, uint64_t offset,
		const char *path)
{
	update(machine, (struct sample){.type = SAMPLE_MMAP,
					.pid = pid,
					.tid = pid,
					.address = address,
					.size_bytes = size,
					.page_offset_bytes = offset,
					.name = path,
					.inode = 999999999});
}

static void fork_of(struct machine *machine, int32_t parent, int32_t pid, int32_t tid)
{
	update(machine,
	       (struct sample){
		       .type = SAMPLE_FORK, .pid = pid, .tid = tid, .parent_pid = parent, .parent_tid = parent});
}

static void comm(struct machine *machine, int32_t pid, int32_t tid, const char *name, bool is_exec)
{
	update(machine, (struct sample){.type = SAMPLE_COMM, .pid = pid, .tid = tid, .name = name, .is_exec = is_exec});
}

static void exit_of(struct machine *machine, int32_t pid, int32_t tid, uint64_t time_ns)
{
	update(machine, (struct sample){.type = SAMPLE_EXIT, .pid = pid, .tid = tid, .time_ns = time_ns});
}

static void assert_place(const struct machine *machine, int32_t pid, uint64_t address, uint32_t file, uint64_t offset)
{
	struct user_place place = process_table_place(&machine->table, pid, address);

	assert_int_equal(place.file, file);
	assert_int_equal(place.offset_bytes, offset);
}

static void test_mappings(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine);
	assert_place(&machine, 5, 0x1000, 0, 0);
	assert_int_equal(process_table_space(&machine.table, 5), 0);
	map(&machine, 5, 0x10000, 0x4000, 0x2000, "/nowhere/a");
	map(&machine, 5, 0x20000, 0x1000, 0, "/nowhere/b");
	map(&machine, 6, 0x10000, 0x1000, 0x5000, "/nowhere/b");
	assert_place(&machine, 5, 0x10000, 1, 0x2000);
	assert_place(&machine, 5, 0x13fff, 1, 0x5fff);
	assert_place(&machine, 5, 0x14000, 0, 0);
	assert_place(&machine, 5, 0xffff, 0, 0);
	assert_place(&machine, 5, 0x20010, 2, 0x10);
	/* One file, however many map it. */
	assert_place(&machine, 6, 0x10010, 2, 0x5010);
	assert_place(&machine, 7, 0x10010, 0, 0);
	end(&machine);
}

static void test_overlaps(void **state)
{
	struct machine machine;
	uint64_t space;

	(void)state;
	start(&machine);
	map(&machine, 5, 0x10000, 0x4000, 0, "/nowhere/a");
	space = process_table_space(&machine.table, 5);
	/* The newest wins where it lies; around it the old one goes on. */
	map(&machine, 5, 0x11000, 0x1000, 0, "/nowhere/b");
	assert_int_not_equal(process_table_space(&machine.table, 5), space);
	assert_place(&machine, 5, 0x10fff, 1, 0xfff);
	assert_place(&machine, 5, 0x11000, 2, 0);
	assert_place(&machine, 5, 0x12000, 1, 0x2000);
	/* One that covers both. */
	map(&machine, 5, 0xf000, 0x8000, 0x1000, "/nowhere/c");
	assert_place(&machine, 5, 0x11000, 3, 0x3000);
	assert_place(&machine, 5, 0x16fff, 3, 0x8fff);
	/* The same many times over does not grow. */
	for (int i = 0; i < 10000; i++)
		map(&machine, 5, 0xf000, 0x8000, 0x1000, "/nowhere/c");
	assert_place(&machine, 5, 0x11000, 3, 0x3000);
	end(&machine);
}

static void test_memory_without_a_file(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine);
	map(&machine, 5, 0x7fff1000, 0x2000, 0x7fff1000, "[vdso]");
	map(&machine, 5, 0x10000, 0x1000, 0x10000, "//anon");
	map(&machine, 5, 0x20000, 0x1000, 0x20000, "");
	/* Counted from their start, wherever that is. */
	assert_place(&machine, 5, 0x7fff1010, 1, 0x10);
	assert_place(&machine, 5, 0x10010, 2, 0x10);
	assert_place(&machine, 5, 0x20010, 2, 0x10);
	user_file_id(&machine.files, 1);
	user_file_id(&machine.files, 2);
	assert_int_equal(written_trace_read(machine.trace), 0);
	assert_string_equal(trace_reader_text(machine.trace->reader, trace_reader_file(machine.trace->reader, 1)->path),
			    "[vdso]");
	assert_string_equal(trace_reader_text(machine.trace->reader, trace_reader_file(machine.trace->reader, 2)->path),
			    "[anon]");
	end(&machine);
}

static void test_fork_copies_and_exec_clears(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine);
	map(&machine, 5, 0x10000, 0x1000, 0, "/nowhere/a");
	fork_of(&machine, 5, 6, 6);
	assert_place(&machine, 6, 0x10010, 1, 0x10);
	assert_int_not_equal(process_table_space(&machine.table, 5), process_table_space(&machine.table, 6));
	/* From then on they go their own ways. */
	map(&machine, 6, 0x20000, 0x1000, 0, "/nowhere/b");
	assert_place(&machine, 5, 0x20010, 0, 0);
	uint64_t space = process_table_space(&machine.table, 6);
	comm(&machine, 6, 6, "renamed", false);
	assert_place(&machine, 6, 0x10010, 1, 0x10);
	assert_int_equal(process_table_space(&machine.table, 6), space);
	comm(&machine, 6, 6, "new", true);
	assert_place(&machine, 6, 0x10010, 0, 0);
	assert_int_not_equal(process_table_space(&machine.table, 6), space);
	assert_place(&machine, 5, 0x10010, 1, 0x10);
	/* A thread shares everything. */
	fork_of(&machine, 5, 5, 8);
	assert_place(&machine, 5, 0x10010, 1, 0x10);
	assert_int_equal(process_table_space(&machine.table, 8), 0);
	/* A fork by somebody whose beginning was not seen. */
	fork_of(&machine, 50, 51, 51);
	assert_place(&machine, 51, 0x10010, 0, 0);
	end(&machine);
}

static void assert_task(const struct machine *machine, uint32_t id, int32_t pid, int32_t tid, const char *name)
{
	const struct trace_task *task = trace_reader_task(machine->trace->reader, id);

	assert_non_null(task);
	assert_int_equal(task->pid, pid);
	assert_int_equal(task->tid, tid);
	assert_string_equal(trace_reader_text(machine->trace->reader, task->comm), name);
}

static void test_tasks_and_their_names(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine);
	comm(&machine, 5, 5, "parent", true);
	assert_int_equal(process_table_task(&machine.table, 5, 5), 1);
	assert_int_equal(process_table_task(&machine.table, 5, 5), 1);
	/* A child and a thread are called as who forked them, until they say otherwise. */
	fork_of(&machine, 5, 6, 6);
	assert_int_equal(process_table_task(&machine.table, 6, 6), 2);
	comm(&machine, 6, 6, "parent", false);
	assert_int_equal(process_table_task(&machine.table, 6, 6), 2);
	comm(&machine, 6, 6, "a name that is too long", false);
	assert_int_equal(process_table_task(&machine.table, 6, 6), 3);
	fork_of(&machine, 5, 5, 7);
	comm(&machine, 5, 7, "worker", false);
	assert_int_equal(process_table_task(&machine.table, 5, 7), 4);
	/* Unknown, idle, and one that has no ids any more. */
	assert_int_equal(process_table_task(&machine.table, 90, 91), 5);
	assert_int_equal(process_table_task(&machine.table, 0, 0), 6);
	assert_int_equal(process_table_task(&machine.table, -1, -1), 7);
	/* Its number went to a thread of another process. */
	fork_of(&machine, 6, 6, 7);
	assert_int_equal(process_table_task(&machine.table, 6, 7), 8);
	assert_int_equal(written_trace_read(machine.trace), 0);
	assert_task(&machine, 1, 5, 5, "parent");
	assert_task(&machine, 2, 6, 6, "parent");
	assert_task(&machine, 3, 6, 6, "a name that is ");
	assert_task(&machine, 4, 5, 7, "worker");
	assert_task(&machine, 5, 90, 91, "");
	assert_task(&machine, 6, 0, 0, "swapper");
	assert_task(&machine, 7, -1, -1, "[exited]");
	assert_task(&machine, 8, 6, 7, "a name that is ");
	end(&machine);
}

static void test_a_process_outlives_its_main_thread(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine);
	comm(&machine, 1000, 1000, "main", false);
	comm(&machine, 1000, 1001, "worker", false);
	map(&machine, 1000, 0x10000, 0x1000, 0, "/nowhere/a");
	exit_of(&machine, 1000, 1000, 100 * S);
	exit_of(&machine, 4000, 4000, 110 * S);
	assert_place(&machine, 1000, 0x10010, 1, 0x10);
	exit_of(&machine, 1000, 1001, 120 * S);
	exit_of(&machine, 4000, 4000, 130 * S);
	assert_place(&machine, 1000, 0x10010, 0, 0);
	end(&machine);
}

static void test_the_dead_are_kept_for_a_while(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine);
	for (int32_t pid = 1000; pid < 3000; pid++) {
		comm(&machine, pid, pid, "dies", false);
		map(&machine, pid, 0x10000, 0x1000, 0, "/nowhere/a");
	}
	comm(&machine, 5, 5, "lives", false);
	map(&machine, 5, 0x10000, 0x1000, 0, "/nowhere/a");
	for (int32_t pid = 1000; pid < 3000; pid++)
		exit_of(&machine, pid, pid, 100 * S);
	assert_place(&machine, 1500, 0x10010, 1, 0x10);
	exit_of(&machine, 4000, 4000, 103 * S);
	assert_place(&machine, 1500, 0x10010, 1, 0x10);
	/* A record from before is no reason to forget. */
	exit_of(&machine, 4000, 4000, 99 * S);
	assert_place(&machine, 1500, 0x10010, 1, 0x10);
	exit_of(&machine, 4000, 4000, 106 * S);
	for (int32_t pid = 1000; pid < 3000; pid++) {
		assert_place(&machine, pid, 0x10010, 0, 0);
		assert_int_equal(process_table_space(&machine.table, pid), 0);
	}
	assert_place(&machine, 5, 0x10010, 1, 0x10);
	assert_in_range(machine.table.tasks.count, 1, 2);
	assert_int_equal(machine.table.processes.count, 1);
	end(&machine);
}

/* The number of a dead process goes to a new one, that lives on. */
static void test_number_used_again(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine);
	comm(&machine, 5, 5, "parent", false);
	comm(&machine, 6, 6, "first", false);
	map(&machine, 6, 0x10000, 0x1000, 0, "/nowhere/a");
	exit_of(&machine, 6, 6, 100 * S);
	fork_of(&machine, 5, 6, 6);
	assert_place(&machine, 6, 0x10010, 0, 0);
	map(&machine, 6, 0x10000, 0x1000, 0, "/nowhere/b");
	exit_of(&machine, 4000, 4000, 200 * S);
	assert_place(&machine, 6, 0x10010, 2, 0x10);
	end(&machine);
}

static void test_selected_descendants(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine);
	assert_true(process_table_is_selected(&machine.table, 12345));
	machine.table.filter_pid = 50;
	assert_true(process_table_is_selected(&machine.table, 50));
	assert_false(process_table_is_selected(&machine.table, 51));
	fork_of(&machine, 50, 51, 51);
	fork_of(&machine, 51, 52, 52);
	fork_of(&machine, 49, 53, 53);
	fork_of(&machine, 53, 54, 54);
	assert_true(process_table_is_selected(&machine.table, 51));
	assert_true(process_table_is_selected(&machine.table, 52));
	assert_false(process_table_is_selected(&machine.table, 53));
	assert_false(process_table_is_selected(&machine.table, 54));
	/* Also behind an exec, and when those between have died. */
	comm(&machine, 52, 52, "exec", true);
	exit_of(&machine, 51, 51, 100 * S);
	exit_of(&machine, 9999, 9999, 200 * S);
	fork_of(&machine, 52, 55, 55);
	assert_true(process_table_is_selected(&machine.table, 52));
	assert_true(process_table_is_selected(&machine.table, 55));
	assert_false(process_table_is_selected(&machine.table, 51));
	/* A selected process's number goes to a stranger's child. */
	exit_of(&machine, 55, 55, 201 * S);
	fork_of(&machine, 53, 55, 55);
	assert_false(process_table_is_selected(&machine.table, 55));
	end(&machine);
}

/* This process, by scan: its own code is found in its own file. */
static void test_scan(void **state)
{
	struct machine machine;
	int gate[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(gate), 0);
	pid_t child = fork();
	if (!child) {
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) != 0);
	}
	start(&machine);
	assert_int_equal(process_table_scan(&machine.table), 0);
	for (int i = 0; i < 2; i++) {
		pid_t pid = i ? child : getpid();
		struct user_place place = process_table_place(&machine.table, pid, (uintptr_t)test_scan);
		struct elf_place wanted = {.file_offset = place.offset_bytes};

		assert_int_not_equal(place.file, 0);
		assert_int_equal(elf_file_name_places(user_file_fd(&machine.files, place.file), &wanted, 1), 0);
		assert_string_equal(wanted.name, "test_scan");
		assert_int_equal(wanted.offset_bytes, 0);
		free(wanted.name);
	}
	uint32_t id = process_table_task(&machine.table, getpid(), getpid());
	assert_int_equal(written_trace_read(machine.trace), 0);
	assert_task(&machine, id, getpid(), getpid(), "process_table-t");
	close(gate[0]);
	close(gate[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	end(&machine);
}

/* Programs that come and go, each a file of its own: neither they nor their files stay, but for those in the trace or in use. */
static void test_files_are_forgotten(void **state)
{
	struct machine machine;
	uint32_t used, written;
	char path[64];

	(void)state;
	start(&machine);
	map(&machine, 5, 0x1000, 0x1000, 0, "/lib/in-use");
	used = process_table_place(&machine.table, 5, 0x1000).file;
	map(&machine, 7, 0x1000, 0x1000, 0, "/bin/in-trace");
	written = process_table_place(&machine.table, 7, 0x1000).file;
	assert_int_equal(user_file_id(&machine.files, written), 1);
	exit_of(&machine, 7, 7, S);
	for (int32_t i = 0; i < 20000; i++) {
		int32_t pid = 100 + i % 5000;

		fork_of(&machine, 5, pid, pid);
		comm(&machine, pid, pid, "program", true);
		snprintf(path, sizeof(path), "/tmp/program-%d", i);
		map(&machine, pid, 0x400000, 0x1000, 0, path);
		exit_of(&machine, pid, pid, 2 * S + (uint64_t)i * S / 100);
	}
	/* A second's programs are 100, and they are kept for ten seconds at most: 1,000, and a look is taken at twice as many. */
	assert_in_range(machine.files.count, 3, 3200);
	assert_in_range(machine.files.by_key.count, 3, 3200);
	assert_in_range(machine.table.processes.count, 2, 1200);
	assert_int_equal(process_table_place(&machine.table, 5, 0x1000).file, used);
	assert_int_equal(user_file_find(&machine.files, 5, "/lib/in-use", 999999999), used);
	assert_int_equal(user_file_find(&machine.files, 5, "/bin/in-trace", 999999999), written);
	assert_int_equal(user_file_id(&machine.files, written), 1);
	/* A number that was used again is the new file's. */
	uint32_t again = user_file_find(&machine.files, 5, "/tmp/program-0", 999999999);
	assert_true(again && again != used && again != written);
	assert_int_equal(user_file_id(&machine.files, again), 2);
	assert_int_equal(user_file_id(&machine.files, 0), 0);
	end(&machine);
}

/* An end whose record was lost is found by looking. */
static void test_verify(void **state)
{
	struct machine machine;
	pid_t gone = fork();

	(void)state;
	if (!gone)
		_exit(0);
	waitpid(gone, NULL, 0);
	start(&machine);
	comm(&machine, gone, gone, "gone", true);
	map(&machine, gone, 0x1000, 0x1000, 0, "/bin/gone");
	comm(&machine, getpid(), getpid(), "here", true);
	process_table_task(&machine.table, -1, -1);
	process_table_task(&machine.table, 0, 0);
	exit_of(&machine, 1, 1, 100 * S);
	assert_int_equal(machine.table.tasks.count, 4);
	process_table_verify(&machine.table, 110 * S);
	exit_of(&machine, 1, 1, 111 * S);
	assert_int_equal(machine.table.tasks.count, 4);
	exit_of(&machine, 1, 1, 120 * S);
	assert_int_equal(machine.table.tasks.count, 3);
	assert_int_equal(machine.table.processes.count, 1);
	assert_place(&machine, gone, 0x1000, 0, 0);
	end(&machine);
}

static const char *cgroup_of(struct machine *machine, uint32_t task)
{
	return trace_reader_text(machine->trace->reader, trace_reader_task(machine->trace->reader, task)->cgroup);
}

static void test_cgroups(void **state)
{
	struct cgroup_table cgroups;
	struct machine machine;

	(void)state;
	start(&machine);
	cgroup_table_init(&cgroups, machine.trace->writer, "none /nowhere cgroup2 rw 0 0\n");
	cgroups.filter = strdup("/a");
	machine.table.cgroups = &cgroups;
	update(&machine, (struct sample){.type = SAMPLE_CGROUP, .cgroup = 50, .name = "/a/b"});
	cgroup_table_add(&cgroups, 60, "/c");
	cgroup_table_add(&cgroups, 1, "/");
	comm(&machine, 5, 5, "parent", true);
	uint32_t unknown = process_table_task(&machine.table, 5, 5);
	process_table_set_cgroup(&machine.table, 5, 5, 50);
	uint32_t inside = process_table_task(&machine.table, 5, 5);
	assert_int_not_equal(inside, unknown);
	process_table_set_cgroup(&machine.table, 5, 5, 50);
	process_table_set_cgroup(&machine.table, 5, 5, 0);
	assert_int_equal(process_table_task(&machine.table, 5, 5), inside);
	/* A child is where its parent was, until it is seen elsewhere. */
	fork_of(&machine, 5, 6, 6);
	uint32_t child = process_table_task(&machine.table, 6, 6);
	assert_true(process_table_selects(&machine.table, 6, 6, 0));
	assert_false(process_table_selects(&machine.table, 6, 6, 60));
	process_table_set_cgroup(&machine.table, 6, 6, 60);
	uint32_t moved = process_table_task(&machine.table, 6, 6);
	assert_false(process_table_selects(&machine.table, 6, 6, 0));
	assert_true(process_table_selects(&machine.table, 6, 6, 50));
	assert_false(process_table_selects(&machine.table, 77, 77, 0));
	/* The root is a cgroup too, unless something else was told better. */
	process_table_set_cgroup(&machine.table, 6, 6, 1);
	uint32_t root = process_table_task(&machine.table, 6, 6);
	/* Nobody knows it: it stays where it was. */
	process_table_set_cgroup(&machine.table, 5, 5, 12345);
	assert_int_equal(process_table_task(&machine.table, 5, 5), inside);
	written_trace_read(machine.trace);
	assert_string_equal(cgroup_of(&machine, unknown), "");
	assert_string_equal(cgroup_of(&machine, inside), "/a/b");
	assert_string_equal(cgroup_of(&machine, child), "/a/b");
	assert_string_equal(cgroup_of(&machine, moved), "/c");
	assert_string_equal(cgroup_of(&machine, root), "/");
	cgroup_table_release(&cgroups);
	end(&machine);
}

/* In a container all tasks outside have the number 0. */
static void test_tasks_of_other_namespaces(void **state)
{
	struct machine machine;

	(void)state;
	for (int is_namespaced = 0; is_namespaced < 2; is_namespaced++) {
		start(&machine);
		machine.table.is_namespaced = is_namespaced;
		comm(&machine, 0, 0, "outside", true);
		map(&machine, 0, 0x10000, 0x1000, 0, "/nowhere/a");
		fork_of(&machine, 0, 5, 5);
		comm(&machine, 5, 5, "inside", true);
		uint32_t outside = process_table_task(&machine.table, 0, 0), inside = process_table_task(&machine.table, 5, 5);
		assert_place(&machine, 0, 0x10000, is_namespaced ? 0 : 1, 0);
		written_trace_read(machine.trace);
		assert_string_equal(trace_reader_text(machine.trace->reader,
						      trace_reader_task(machine.trace->reader, outside)->comm),
				    is_namespaced ? "[other namespace]" : "swapper");
		assert_string_equal(trace_reader_text(machine.trace->reader,
						      trace_reader_task(machine.trace->reader, inside)->comm),
				    "inside");
		end(&machine);
	}
}

static void test_threads_are_selected(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine);
	assert_true(process_table_selects(&machine.table, 5, 6, 9));
	machine.table.filter_tid = 6;
	assert_true(process_table_selects(&machine.table, 5, 6, 0));
	assert_false(process_table_selects(&machine.table, 6, 5, 0));
	machine.table.filter_pid = 5;
	assert_true(process_table_selects(&machine.table, 5, 6, 0));
	assert_false(process_table_selects(&machine.table, 7, 6, 0));
	assert_false(process_table_selects(&machine.table, 5, 5, 0));
	end(&machine);
}

/* It forks, allocates and is gone: each event has the name of its time, as perf would say. */
static void test_names_of_tasks_that_end_at_once(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine);
	comm(&machine, 5, 5, "shell", true);
	fork_of(&machine, 5, 6, 6);
	uint32_t forked = process_table_task(&machine.table, 6, 6);
	comm(&machine, 6, 6, "brief", true);
	uint32_t executed = process_table_task(&machine.table, 6, 6);
	exit_of(&machine, 6, 6, S);
	/* The last work of a task comes after its end. */
	assert_int_equal(process_table_task(&machine.table, 6, 6), executed);
	written_trace_read(machine.trace);
	assert_string_equal(trace_reader_text(machine.trace->reader, trace_reader_task(machine.trace->reader, forked)->comm),
			    "shell");
	assert_string_equal(
		trace_reader_text(machine.trace->reader, trace_reader_task(machine.trace->reader, executed)->comm), "brief");
	end(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_tasks_of_other_namespaces),
		cmocka_unit_test(test_threads_are_selected),
		cmocka_unit_test(test_names_of_tasks_that_end_at_once),
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_memory_without_a_file),
		cmocka_unit_test(test_fork_copies_and_exec_clears),
		cmocka_unit_test(test_tasks_and_their_names),
		cmocka_unit_test(test_a_process_outlives_its_main_thread),
		cmocka_unit_test(test_the_dead_are_kept_for_a_while),
		cmocka_unit_test(test_number_used_again),
		cmocka_unit_test(test_selected_descendants),
		cmocka_unit_test(test_files_are_forgotten),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
