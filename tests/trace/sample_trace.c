/* What a short recording of one cache with two allocation paths looks like. */
#include "tests/trace/sample_trace.h"

#include <string.h>

struct ids {
	uint32_t cache, merged_cache;
	uint32_t pipe_stack, user_stack;
	uint32_t user_frame, nameless_frame;
	uint32_t task, worker;
};

static void write_facts(struct trace_writer *writer)
{
	trace_writer_fact(writer, "kernel.release", "6.1.0-18-amd64");
	trace_writer_fact(writer, "kernel.machine", "x86_64");
	trace_writer_fact(writer, "kernel.build_id", "0123456789abcdef0123456789abcdef01234567");
	trace_writer_fact(writer, "workload.command", "sh -c \"printf 'a\\tb' > /tmp/\xc3\xa9\"");
	trace_writer_fact(writer, "filter.pid", "");
}

static void write_caches(struct trace_writer *writer, struct ids *ids)
{
	struct trace_cache cache = {.name = trace_writer_text(writer, "kmalloc-cg-1k"),
				    .requested = trace_writer_text(writer, "kmalloc-1024"),
				    .object_size_bytes = 1024,
				    .slab_size_bytes = 1024,
				    .objects_per_slab = 32,
				    .order = 3,
				    .align_bytes = 1024,
				    .percpu_objects = 40};
	struct trace_cache merged = {.name = trace_writer_text(writer, "pid"),
				     .requested = trace_writer_text(writer, "pid"),
				     .aliases = trace_writer_text(writer, "eventpoll_epi,pid"),
				     .object_size_bytes = 128,
				     .slab_size_bytes = 192,
				     .objects_per_slab = 21,
				     .order = 0,
				     .align_bytes = 64};

	ids->cache = trace_writer_cache(writer, &cache);
	ids->merged_cache = trace_writer_cache(writer, &merged);
}

static uint32_t kernel_frame(struct trace_writer *writer, uint64_t address, const char *symbol, uint64_t offset_bytes,
			     uint32_t module)
{
	struct trace_frame frame = {.kind = TRACE_FRAME_KERNEL,
				    .address = address,
				    .symbol = trace_writer_text(writer, symbol),
				    .symbol_offset_bytes = offset_bytes,
				    .module = module};

	return trace_writer_frame(writer, &frame);
}

static uint32_t node(struct trace_writer *writer, uint32_t parent, uint32_t frame)
{
	return trace_writer_node(writer, &(struct trace_node){.parent = parent, .frame = frame});
}

static void write_stacks(struct trace_writer *writer, struct ids *ids)
{
	struct trace_module module = {.name = trace_writer_text(writer, "leakmod"),
				      .text_address = 0xffffffffc0421000,
				      .size_bytes = 20480,
				      .build_id_bytes = 4,
				      .build_id = {0xde, 0xad, 0xbe, 0xef}};
	struct trace_file file = {
		.path = trace_writer_text(writer, "/usr/bin/mkpipes"),
		.build_id_bytes = 20,
		.build_id = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13"};
	struct trace_file anonymous = {.path = trace_writer_text(writer, "[anon]")};
	uint32_t module_id = trace_writer_module(writer, &module);
	uint32_t file_id = trace_writer_file(writer, &file);
	uint32_t anonymous_id = trace_writer_file(writer, &anonymous);
	uint32_t entry = kernel_frame(writer, 0xffffffff81e00099, "entry_SYSCALL_64_after_hwframe", 0x99, 0);
	uint32_t pipe = kernel_frame(writer, 0xffffffff8134f0d2, "alloc_pipe_info", 0x52, 0);
	uint32_t leak = kernel_frame(writer, 0xffffffffc0421010, "leak_one", 0x10, module_id);

	ids->user_frame = trace_writer_frame(
		writer, &(struct trace_frame){.kind = TRACE_FRAME_USER, .file = file_id, .address = 0x1139});
	ids->nameless_frame = trace_writer_frame(
		writer, &(struct trace_frame){.kind = TRACE_FRAME_USER, .file = anonymous_id, .address = 0x40});
	uint32_t main_node = node(writer, 0, ids->user_frame);
	uint32_t entry_node = node(writer, main_node, entry);
	ids->pipe_stack = node(writer, entry_node, pipe);
	ids->user_stack = node(writer, node(writer, 0, ids->nameless_frame), leak);
}

static void write_tasks(struct trace_writer *writer, struct ids *ids)
{
	ids->task = trace_writer_task(
		writer,
		&(struct trace_task){.pid = 4242, .tid = 4243, .comm = trace_writer_text(writer, "mk\"pipes\\")});
	ids->worker = trace_writer_task(
		writer, &(struct trace_task){.pid = 2, .tid = 17, .comm = trace_writer_text(writer, "kworker/0:1")});
}

static void write_measures(struct trace_writer *writer, const struct ids *ids, uint64_t time_ns,
			   enum trace_census_phase phase)
{
	trace_writer_census(writer, &(struct trace_census){.time_ns = time_ns,
							   .cache = ids->cache,
							   .phase = phase,
							   .active_objects = 640 + phase,
							   .total_objects = 672,
							   .slabs = 21});
	trace_writer_meminfo(writer, &(struct trace_meminfo){.time_ns = time_ns,
							     .phase = phase,
							     .reclaimable_bytes = 123456789,
							     .unreclaimable_bytes = 1ull << 40});
}

static void write_events(struct trace_writer *writer, const struct ids *ids)
{
	struct trace_event event = {.kind = TRACE_EVENT_ALLOC,
				    .time_ns = 1000,
				    .cpu = 1,
				    .task = ids->task,
				    .stack = ids->pipe_stack,
				    .cache = ids->cache,
				    .bytes_req = 640,
				    .gfp = 0x400dc0,
				    .node = -1};
	uint64_t first = trace_writer_event(writer, &event);

	event.time_ns = 2500;
	event.stack = ids->user_stack;
	event.node = 1;
	uint64_t second = trace_writer_event(writer, &event);
	/* A step back in time, and 0 for what is not known. */
	event = (struct trace_event){
		.kind = TRACE_EVENT_ALLOC, .time_ns = 2400, .cache = ids->merged_cache, .node = -1};
	trace_writer_event(writer, &event);
	event = (struct trace_event){.kind = TRACE_EVENT_FREE, .time_ns = 9000, .task = ids->worker, .object = first};
	trace_writer_event(writer, &event);
	event = (struct trace_event){.kind = TRACE_EVENT_FREE_OLDER, .time_ns = 9001, .cpu = 255, .cache = ids->cache};
	trace_writer_event(writer, &event);
	event = (struct trace_event){.kind = TRACE_EVENT_FREE_IMPLIED, .time_ns = 9100, .cpu = 3, .object = second};
	trace_writer_event(writer, &event);
}

static void write_probes(struct trace_writer *writer)
{
	struct trace_probe probe = {.event = trace_writer_text(writer, "slabrec_77/a0"),
				    .function = trace_writer_text(writer, "kmem_cache_alloc"),
				    .role = trace_writer_text(writer, "alloc entry"),
				    .definition = trace_writer_text(writer, "p:slabrec_77/a0 kmem_cache_alloc"),
				    .filter = trace_writer_text(writer, "name == \"kmalloc-cg-1k\""),
				    .hits = 3,
				    .misses = 1,
				    .has_misses = true};

	trace_writer_probe(writer, &probe);
	probe = (struct trace_probe){.event = trace_writer_text(writer, "kmem:kfree"),
				     .function = trace_writer_text(writer, "kfree"),
				     .role = trace_writer_text(writer, "free witness"),
				     .hits = 2,
				     .lost = 5,
				     .has_lost = true};
	trace_writer_probe(writer, &probe);
}

static void write_summary(struct trace_writer *writer, const struct ids *ids)
{
	write_measures(writer, ids, 10000, TRACE_CENSUS_END);
	trace_writer_loss(writer, &(struct trace_loss){.time_ns = 9500, .cpu = 1, .ring = TRACE_RING_TASK, .lost = 12});
	write_probes(writer);
	trace_writer_user_symbol(writer, ids->user_frame, trace_writer_text(writer, "main"), 9);
	trace_writer_counter(writer, "allocs", 3);
	trace_writer_counter(writer, "frees_unknown", UINT64_MAX);
	trace_writer_note(writer, "line one\nline two");
	trace_writer_live(writer, &(struct trace_live){.object = 3, .address = 0xffff888012345678});
}

int sample_trace_write(trace_sink *sink, void *context, struct error *err)
{
	struct trace_writer *writer;
	struct ids ids;
	int ret = trace_writer_new(&writer, sink, context, err);

	if (ret)
		return ret;
	write_facts(writer);
	write_caches(writer, &ids);
	write_measures(writer, &ids, 10, TRACE_CENSUS_START);
	trace_writer_flush(writer, NULL);
	write_stacks(writer, &ids);
	write_tasks(writer, &ids);
	write_events(writer, &ids);
	trace_writer_loss(writer, &(struct trace_loss){.time_ns = 9050, .cpu = 0, .ring = TRACE_RING_FREE, .lost = 1});
	trace_writer_flush(writer, NULL);
	write_summary(writer, &ids);
	ret = trace_writer_end(writer, 10001, err);
	trace_writer_free(writer);
	return ret;
}
