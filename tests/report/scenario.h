/*
 * Traces with a known truth for the report's tests: written through trace/writer into memory, read back as a recording.
 * A header only, so that a test stays one file.
 */
#ifndef SLABREC_TESTS_REPORT_SCENARIO_H
#define SLABREC_TESTS_REPORT_SCENARIO_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "report/model.h"
#include "report/recording.h"
#include "trace/cursor.h"
#include "trace/reader.h"
#include "trace/writer.h"

#define MS 1000000ull
#define S 1000000000ull

/* A trace being written. All-zero before scenario_begin(). */
struct scenario {
	struct buffer bytes;
	size_t read_bytes;
	struct trace_writer *writer;
	uint64_t now_ns;
};

__attribute__((unused)) static int scenario_sink(void *context, const void *bytes, size_t size_bytes, struct error *err)
{
	(void)err;
	buffer_add(context, bytes, size_bytes);
	return 0;
}

__attribute__((unused)) static long scenario_source(void *context, void *bytes, size_t size_bytes, struct error *err)
{
	struct scenario *scenario = context;
	size_t left = scenario->bytes.size_bytes - scenario->read_bytes;

	(void)err;
	if (size_bytes > left)
		size_bytes = left;
	if (size_bytes)
		memcpy(bytes, scenario->bytes.bytes + scenario->read_bytes, size_bytes);
	scenario->read_bytes += size_bytes;
	return (long)size_bytes;
}

__attribute__((unused)) static void scenario_begin(struct scenario *scenario)
{
	*scenario = (struct scenario){0};
	assert_int_equal(trace_writer_new(&scenario->writer, scenario_sink, &scenario->bytes, NULL), 0);
}

__attribute__((unused)) static uint32_t scenario_cache(struct scenario *scenario, const char *name, uint32_t size_bytes)
{
	struct trace_cache cache = {.name = trace_writer_text(scenario->writer, name),
				    .requested = trace_writer_text(scenario->writer, name),
				    .object_size_bytes = size_bytes,
				    .slab_size_bytes = size_bytes,
				    .objects_per_slab = 16,
				    .percpu_objects = 16,
				    .order = 2,
				    .align_bytes = size_bytes};

	return trace_writer_cache(scenario->writer, &cache);
}

__attribute__((unused)) static uint32_t scenario_task(struct scenario *scenario, int32_t pid, int32_t tid,
						      const char *comm)
{
	struct trace_task task = {.pid = pid, .tid = tid, .comm = trace_writer_text(scenario->writer, comm)};

	return trace_writer_task(scenario->writer, &task);
}

/*
 * A stack from its frames, outermost first: "name" is a kernel function, "[module]name" one of a module, "file!name" a
 * user function, "file!" a user address without a name, "?" a kernel address without one.
 */
__attribute__((unused)) static uint32_t scenario_stack(struct scenario *scenario, const char *const frames[])
{
	static uint64_t address = 0xffffffff81000000u;
	uint32_t node = 0;

	for (; *frames; frames++) {
		struct trace_frame frame = {.address = address += 0x1230, .symbol_offset_bytes = 0x5e};
		const char *name = *frames;
		const char *bang = strchr(name, '!');

		if (bang) {
			struct trace_file file = {
				.path = trace_writer_string(scenario->writer, name, (size_t)(bang - name)),
				.build_id_bytes = 4,
				.build_id = {0xde, 0xad, 0xbe, 0xef}};
			frame.kind = TRACE_FRAME_USER;
			frame.file = trace_writer_file(scenario->writer, &file);
			frame.address &= 0xfffff;
			name = bang + 1;
		} else if (*name == '[') {
			const char *end = strchr(name, ']');
			struct trace_module module = {
				.name = trace_writer_string(scenario->writer, name + 1, (size_t)(end - name - 1)),
				.text_address = 0xffffffffc0400000u,
				.size_bytes = 65536};
			frame.module = trace_writer_module(scenario->writer, &module);
			frame.address = 0xffffffffc0400123u;
			name = end + 1;
		}
		if (*name && strcmp(name, "?"))
			frame.symbol = trace_writer_text(scenario->writer, name);
		struct trace_node made = {.parent = node, .frame = trace_writer_frame(scenario->writer, &frame)};
		if (bang && frame.symbol)
			trace_writer_user_symbol(scenario->writer, made.frame, frame.symbol, frame.symbol_offset_bytes);
		node = trace_writer_node(scenario->writer, &made);
	}
	return node;
}

#define STACK(scenario, ...) scenario_stack(scenario, (const char *const[]){__VA_ARGS__, NULL})

__attribute__((unused)) static uint64_t scenario_alloc(struct scenario *scenario, uint32_t cache, uint32_t stack,
						       uint32_t task, uint64_t bytes_req)
{
	return trace_writer_event(scenario->writer, &(struct trace_event){.kind = TRACE_EVENT_ALLOC,
									  .time_ns = scenario->now_ns,
									  .cache = cache,
									  .stack = stack,
									  .task = task,
									  .bytes_req = bytes_req,
									  .gfp = 0xcc0,
									  .node = -1});
}

__attribute__((unused)) static void scenario_free(struct scenario *scenario, enum trace_event_kind kind,
						  uint64_t object, uint32_t stack)
{
	trace_writer_event(
		scenario->writer,
		&(struct trace_event){.kind = kind, .time_ns = scenario->now_ns, .object = object, .stack = stack});
}

__attribute__((unused)) static void scenario_census(struct scenario *scenario, uint32_t cache,
						    enum trace_census_phase phase, uint64_t active)
{
	trace_writer_census(scenario->writer, &(struct trace_census){.time_ns = scenario->now_ns,
								     .cache = cache,
								     .phase = phase,
								     .active_objects = active,
								     .total_objects = active + 20,
								     .slabs = active / 16});
}

__attribute__((unused)) static void scenario_end(struct scenario *scenario)
{
	assert_int_equal(trace_writer_end(scenario->writer, scenario->now_ns, NULL), 0);
}

/* Ends without END, as a recorder that was killed. */
__attribute__((unused)) static void scenario_cut(struct scenario *scenario)
{
	assert_int_equal(trace_writer_flush(scenario->writer, NULL), 0);
}

__attribute__((unused)) static void scenario_release(struct scenario *scenario)
{
	trace_writer_free(scenario->writer);
	buffer_release(&scenario->bytes);
}

/* The trace as the report sees it. */
struct scene {
	struct recording recording;
	struct model model;
};

__attribute__((unused)) static void scene_read(struct scene *scene, struct scenario *scenario)
{
	struct trace_reader *reader = NULL;
	struct error err = {0};

	scenario->read_bytes = 0;
	if (trace_reader_new(&reader, "test.slab", scenario_source, scenario, &err) ||
	    recording_read(&scene->recording, reader, &err))
		fail_msg("%s", err.message);
	struct symbolizer symbolizer = symbolize_trace(scene->recording.reader);
	if (model_build(&scene->model, &scene->recording, &symbolizer, &err))
		fail_msg("%s", err.message);
}

__attribute__((unused)) static void scene_release(struct scene *scene)
{
	model_release(&scene->model);
	recording_release(&scene->recording);
}

/* The site of that name; the test fails where there is none. */
__attribute__((unused)) static const struct model_site *scene_site(const struct scene *scene, const char *name)
{
	for (uint32_t i = 0; i < scene->model.site_count; i++)
		if (!strcmp(scene->model.sites[i].name, name))
			return &scene->model.sites[i];
	fail_msg("no site is named %s", name);
	return NULL;
}

__attribute__((unused)) static void scenario_facts(struct scenario *scenario)
{
	static const char *const facts[][2] = {
		{"kernel.release", "6.12.94+deb13-cloud-amd64"},
		{"kernel.machine", "x86_64"},
		{"cpus", "0-3"},
		{"host.name", "secret-host.example.org"},
		{"kernel.stext", "ffffffff9a000000"},
		{"source", "kprobe"},
		{"source.why", "kprobes are built in and not locked down"},
		{"recorder.version", "0.1.0"},
		{"recorder.command", "slabrec -c kmalloc-cg-1k -d 10"},
		{"workload.command", "./pipes 2000 500"},
		{"user_stack", "fp"},
		{"caches.requested", "kmalloc-1024"},
		{"clock", "monotonic"},
		{"kernel.taint", "0"},
		{"numa_nodes", "1"},
		{"stop.reason", "the command ended"},
	};

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		trace_writer_fact(scenario->writer, facts[i][0], facts[i][1]);
	scenario->now_ns = 0;
}

/* Stacks of the pipe programme. */
struct pipes {
	uint32_t cache, other_cache, opener, server, kept, passing, socket, worker, freed, freed_late;
};

__attribute__((unused)) static struct pipes scenario_pipes_stacks(struct scenario *scenario)
{
	struct pipes pipes = {
		.cache = scenario_cache(scenario, "kmalloc-cg-1k", 1024),
		.other_cache = scenario_cache(scenario, "kmalloc-1k", 1024),
		.opener = scenario_task(scenario, 4242, 4242, "pipes"),
		.server = scenario_task(scenario, 811, 815, "nginx"),
	};

	pipes.kept =
		STACK(scenario, "/home/me/pipes!_start", "/usr/lib/x86_64-linux-gnu/libc.so.6!__libc_start_main",
		      "/home/me/pipes!main", "/home/me/pipes!keep_open", "/usr/lib/x86_64-linux-gnu/libc.so.6!__pipe2",
		      "entry_SYSCALL_64_after_hwframe", "do_syscall_64", "__x64_sys_pipe2", "do_pipe2",
		      "__do_pipe_flags", "create_pipe_files", "alloc_pipe_info", "__kmalloc_noprof");
	pipes.passing = STACK(scenario, "/home/me/pipes!_start",
			      "/usr/lib/x86_64-linux-gnu/libc.so.6!__libc_start_main", "/home/me/pipes!main",
			      "/home/me/pipes!open_and_close", "/usr/lib/x86_64-linux-gnu/libc.so.6!__pipe2",
			      "entry_SYSCALL_64_after_hwframe", "do_syscall_64", "__x64_sys_pipe2", "do_pipe2",
			      "__do_pipe_flags", "create_pipe_files", "alloc_pipe_info", "__kmalloc_noprof");
	pipes.socket = STACK(scenario, "/usr/sbin/nginx!_start", "/usr/sbin/nginx!", "/usr/sbin/nginx!ngx_event_accept",
			     "/usr/lib/x86_64-linux-gnu/libc.so.6!accept4", "entry_SYSCALL_64_after_hwframe",
			     "do_syscall_64", "__sys_accept4", "do_accept", "sock_alloc_file", "__alloc_skb",
			     "kmalloc_reserve", "__kmalloc_node_track_caller_noprof");
	pipes.worker =
		STACK(scenario, "ret_from_fork_asm", "ret_from_fork", "kthread", "worker_thread", "process_one_work",
		      "[ext4]ext4_end_io_rsv_work", "[ext4]", "?", "kmem_cache_alloc_noprof");
	pipes.freed = STACK(scenario, "entry_SYSCALL_64_after_hwframe", "do_syscall_64", "__x64_sys_close",
			    "fput_close_sync", "__fput", "pipe_release", "put_pipe_info", "free_pipe_info", "kfree");
	pipes.freed_late = STACK(scenario, "ret_from_fork", "kthread", "run_ksoftirqd", "rcu_core", "rcu_do_batch",
				 "skb_free_head", "kfree");
	return pipes;
}

/* kept pipes that stay open, passing ones that are closed at once, some sockets that come and go, and a bit of
 * everything. */
__attribute__((unused)) static void scenario_pipes(struct scenario *scenario, unsigned int kept, unsigned int passing)
{
	struct pipes pipes = scenario_pipes_stacks(scenario);
	uint64_t sockets[40] = {0};

	scenario_facts(scenario);
	scenario_census(scenario, pipes.cache, TRACE_CENSUS_START, 310);
	scenario_census(scenario, pipes.other_cache, TRACE_CENSUS_START, 1450);
	for (unsigned int i = 0; i < kept || i < passing; i++) {
		scenario->now_ns += 5 * MS;
		if (i < kept)
			scenario_alloc(scenario, pipes.cache, pipes.kept, pipes.opener, 640);
		if (i < passing) {
			uint64_t object = scenario_alloc(scenario, pipes.cache, pipes.passing, pipes.opener, 640);

			scenario->now_ns += 20000u + 37000u * (i % 13);
			scenario_free(scenario, TRACE_EVENT_FREE, object, pipes.freed);
		}
		if (sockets[i % 40]) {
			scenario_free(scenario, i % 97 ? TRACE_EVENT_FREE : TRACE_EVENT_FREE_IMPLIED, sockets[i % 40],
				      i % 5   ? 0
				      : i % 3 ? pipes.freed_late
					      : pipes.freed);
			sockets[i % 40] = 0;
		} else if (i % 3) {
			sockets[i % 40] =
				scenario_alloc(scenario, i % 11 ? pipes.other_cache : pipes.cache,
					       i % 7 ? pipes.socket : pipes.worker, i % 7 ? pipes.server : 0, 704);
		}
		if (i % 50 == 0)
			trace_writer_event(scenario->writer, &(struct trace_event){.kind = TRACE_EVENT_FREE_OLDER,
										   .time_ns = scenario->now_ns,
										   .cache = pipes.other_cache});
	}
	scenario->now_ns += 7 * MS;
	scenario_census(scenario, pipes.cache, TRACE_CENSUS_END, 310 + kept + 13);
	scenario_census(scenario, pipes.other_cache, TRACE_CENSUS_END, 1450 - passing / 50);
	trace_writer_probe(
		scenario->writer,
		&(struct trace_probe){.event = trace_writer_text(scenario->writer, "slabrec_1/alloc_a"),
				      .function = trace_writer_text(scenario->writer, "__kmalloc_noprof"),
				      .role = trace_writer_text(scenario->writer, "alloc"),
				      .definition = trace_writer_text(scenario->writer,
								      "r:slabrec_1/alloc_a __kmalloc_noprof p=$retval"),
				      .filter = trace_writer_text(
					      scenario->writer, "s == 0xffff888100042600 || name == \"kmalloc-cg-1k\""),
				      .hits = 2600,
				      .has_misses = true,
				      .has_lost = true});
	trace_writer_probe(scenario->writer,
			   &(struct trace_probe){.event = trace_writer_text(scenario->writer, "kmem:kfree"),
						 .function = trace_writer_text(scenario->writer, "kmem:kfree"),
						 .role = trace_writer_text(scenario->writer, "free"),
						 .hits = 91000,
						 .has_lost = true});
	trace_writer_counter(scenario->writer, "frees_unknown", 12345);
	trace_writer_counter(scenario->writer, "samples", 93600);
	trace_writer_counter(scenario->writer, "witness_both", 480);
}

#endif
