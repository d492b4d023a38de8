/*
 * Writes a recording of a minute to standard output, the same bytes each time:
 *
 *   make-story leaking|clean
 *
 * Sessions come and go, a cache fills up, a table is made at the start; where it leaks, one session in eight is never
 * freed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "trace/writer.h"

#define TICK_NS 10000000u
#define TICKS 6000u
#define OBJECTS_MAX 65536u
#define CENSUS_TICKS 500u
#define FREE_NEVER 0u

static struct trace_writer *writer;
static uint32_t cache, task, live;
static uint32_t frees_at[TICKS]; /* the first object that is freed then */
static uint32_t next_free[OBJECTS_MAX];
static uint32_t freeing_stack[OBJECTS_MAX];
static uint32_t waiting_sessions;

static int write_bytes(void *context, const void *bytes, size_t size_bytes, struct error *err)
{
	return fwrite(bytes, 1, size_bytes, context) == size_bytes ? 0 : error_set(err, -EIO, "cannot write");
}

/* names: the outermost first, ended by NULL. */
static uint32_t make_stack(const char *const names[])
{
	static uint64_t address = 0xffffffff81000000u;
	uint32_t node = 0;

	for (uint32_t i = 0; names[i]; i++) {
		uint32_t frame =
			trace_writer_frame(writer, &(struct trace_frame){.kind = TRACE_FRAME_KERNEL,
									 .address = address += 512,
									 .symbol = trace_writer_text(writer, names[i]),
									 .symbol_offset_bytes = 77});
		node = trace_writer_node(writer, &(struct trace_node){.parent = node, .frame = frame});
	}
	return node;
}

static void allocate(uint32_t tick, uint32_t stack, uint32_t lasts_ticks, uint32_t freed_by)
{
	uint64_t object = trace_writer_event(writer, &(struct trace_event){.time_ns = (uint64_t)tick * TICK_NS,
									   .cpu = tick % 4,
									   .task = task,
									   .node = -1,
									   .stack = stack,
									   .cache = cache,
									   .bytes_req = 180});

	live++;
	if (lasts_ticks == FREE_NEVER || tick + lasts_ticks >= TICKS || object >= OBJECTS_MAX)
		return;
	next_free[object] = frees_at[tick + lasts_ticks];
	frees_at[tick + lasts_ticks] = (uint32_t)object;
	freeing_stack[object] = freed_by;
}

static void free_due(uint32_t tick)
{
	for (uint32_t object = frees_at[tick]; object; object = next_free[object]) {
		trace_writer_event(writer, &(struct trace_event){.kind = TRACE_EVENT_FREE,
								 .time_ns = (uint64_t)tick * TICK_NS,
								 .cpu = tick % 4,
								 .task = task,
								 .node = -1,
								 .stack = freeing_stack[object],
								 .object = object});
		live--;
	}
}

static void count_objects(uint32_t tick, enum trace_census_phase phase)
{
	trace_writer_census(writer, &(struct trace_census){.time_ns = (uint64_t)tick * TICK_NS,
							   .active_objects = 1450 + live,
							   .total_objects = 8192,
							   .slabs = 512,
							   .cache = cache,
							   .phase = phase});
}

static void tell(bool is_leaking)
{
	uint32_t session =
		make_stack((const char *const[]){"do_syscall_64", "__sys_connect", "inet_stream_connect", "vpn_connect",
						 "vpn_session_new", "__kmalloc_cache_noprof", NULL});
	uint32_t close = make_stack((const char *const[]){"do_syscall_64", "__fput", "sock_close", "vpn_release",
							  "vpn_session_put", "kfree", NULL});
	uint32_t filling = make_stack((const char *const[]){"do_syscall_64", "__x64_sys_openat", "do_filp_open",
							    "vpn_route_cache_add", "__kmalloc_cache_noprof", NULL});
	uint32_t table = make_stack((const char *const[]){"do_syscall_64", "__do_sys_init_module", "vpn_init",
							  "vpn_table_make", "__kmalloc_cache_noprof", NULL});
	uint32_t to_fill = 64;

	for (uint32_t tick = 0; tick < TICKS; tick++) {
		if (tick % CENSUS_TICKS == 0)
			count_objects(tick, tick ? TRACE_CENSUS_INTERVAL : TRACE_CENSUS_START);
		free_due(tick);
		if (tick >= 50 && tick < 90)
			allocate(tick, table, FREE_NEVER, 0);
		/* Ever fewer are not there yet. */
		if (tick % to_fill == 0) {
			allocate(tick, filling, FREE_NEVER, 0);
			to_fill += to_fill < 700 ? to_fill / 16 : 0;
		}
		if (tick % 3 == 0)
			allocate(tick, session, is_leaking && ++waiting_sessions % 8 == 0 ? FREE_NEVER : 7 + tick % 90,
				 close);
	}
	count_objects(TICKS, TRACE_CENSUS_END);
}

int main(int argc, char **argv)
{
	if (argc != 2 || (strcmp(argv[1], "leaking") && strcmp(argv[1], "clean"))) {
		fputs("usage: make-story leaking|clean >FILE\n", stderr);
		return 64;
	}
	if (trace_writer_new(&writer, write_bytes, stdout, NULL))
		return 1;
	trace_writer_fact(writer, "kernel.release", "6.12.0-story");
	trace_writer_fact(writer, "cpus", "0-3");
	cache = trace_writer_cache(writer, &(struct trace_cache){.name = trace_writer_text(writer, "kmalloc-192"),
								 .object_size_bytes = 192,
								 .slab_size_bytes = 192,
								 .objects_per_slab = 21,
								 .percpu_objects = 21});
	task = trace_writer_task(
		writer, &(struct trace_task){.pid = 1200, .tid = 1200, .comm = trace_writer_text(writer, "vpnd")});
	tell(!strcmp(argv[1], "leaking"));
	return trace_writer_end(writer, (uint64_t)TICKS * TICK_NS, NULL) ? 1 : 0;
}
