/*
 * Writes a trace of generated call trees to standard output, the same bytes for the same arguments:
 *
 *   make-calls STACKS [EVENTS_PER_STACK [SEED]]
 *
 * About nine nodes a stack; functions are chosen so that few are in many stacks and many in few, as in a kernel. Nearly every
 * second event is a free; about one object in eight is never freed. STACKS of 1100, 11000 and 110000 make call trees of 10k, 100k and 1M nodes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/writer.h"

#define FUNCTIONS 6000u
#define USER_FUNCTIONS 2000u
#define DEPTH_MAX 60u
#define CACHES 4u
#define TASKS 40u
#define FREE_PATHS 300u
#define STEP_NS 3333u

static uint64_t random_state;
static struct trace_writer *writer;
static uint32_t kernel_frames[FUNCTIONS], user_frames[USER_FUNCTIONS];
static uint32_t path[DEPTH_MAX];

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Below count, small numbers far more often. */
static uint32_t skewed(uint32_t count)
{
	double x = (double)(next_random() >> 11) * 0x1p-53;

	return (uint32_t)(x * x * x * count);
}

static int write_bytes(void *context, const void *bytes, size_t size_bytes, struct error *err)
{
	return fwrite(bytes, 1, size_bytes, context) == size_bytes ? 0 : error_set(err, -EIO, "cannot write");
}

static void make_name(char *name, size_t size_bytes, uint32_t number)
{
	static const char *const words[] = {"alloc", "inode", "skb", "page", "dentry", "bio", "queue", "submit", "get", "put", "lookup",
					    "open", "read", "write", "map", "sync", "ext4", "tcp", "nf", "vfs", "link", "hash"};
	uint32_t count = sizeof(words) / sizeof(words[0]);

	snprintf(name, size_bytes, "%s_%s_%s%u", words[number % count], words[number / 7 % count], words[number / 51 % count], number);
}

static void make_frames(void)
{
	uint32_t file = trace_writer_file(writer, &(struct trace_file){.path = trace_writer_text(writer, "/usr/bin/generated")});
	char name[80];

	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		make_name(name, sizeof(name), i);
		kernel_frames[i] = trace_writer_frame(writer, &(struct trace_frame){.kind = TRACE_FRAME_KERNEL,
										    .address = 0xffffffff81000000u + 512 * i + 77,
										    .symbol = trace_writer_text(writer, i ? name : "do_syscall_64"),
										    .symbol_offset_bytes = 77});
	}
	for (uint32_t i = 0; i < USER_FUNCTIONS; i++) {
		make_name(name, sizeof(name), i + 100000);
		user_frames[i] = trace_writer_frame(writer, &(struct trace_frame){.kind = TRACE_FRAME_USER, .file = file, .address = 64 * i + 9});
		trace_writer_user_symbol(writer, user_frames[i], trace_writer_text(writer, name), 9);
	}
}

/* Goes on from somewhere in the stack before, so that stacks share their callers. */
static uint32_t make_stack(uint32_t *last_depth)
{
	uint32_t shared = *last_depth ? (uint32_t)(next_random() % (*last_depth + 1)) : 0;
	uint32_t more = 5 + (uint32_t)(next_random() % 9);

	for (*last_depth = shared; *last_depth < DEPTH_MAX && more; more--, ++*last_depth) {
		uint32_t depth = *last_depth;
		uint32_t frame = depth < 6 ? user_frames[skewed(USER_FUNCTIONS)] : depth == 6 ? kernel_frames[0] : kernel_frames[skewed(FUNCTIONS)];

		path[depth] = trace_writer_node(writer, &(struct trace_node){.parent = depth ? path[depth - 1] : 0, .frame = frame});
	}
	return path[*last_depth - 1];
}

int main(int argc, char **argv)
{
	uint32_t stacks = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000, caches[CACHES], tasks[TASKS], depth = 0;
	uint64_t events = argc > 2 ? strtoull(argv[2], NULL, 10) : 10, time_ns = 0, serial = 0;

	random_state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	uint32_t *nodes = calloc(stacks + FREE_PATHS, sizeof(*nodes)), *stack_of = calloc(stacks * events + 2, sizeof(*stack_of));
	if (!nodes || !stack_of || trace_writer_new(&writer, write_bytes, stdout, NULL))
		return 1;
	trace_writer_fact(writer, "kernel.release", "6.12.0-generated");
	trace_writer_fact(writer, "cpus", "0-3");
	for (uint32_t i = 0; i < CACHES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "kmalloc-%u", 64u << i);
		caches[i] = trace_writer_cache(writer, &(struct trace_cache){.name = trace_writer_text(writer, name), .object_size_bytes = 64u << i,
									     .slab_size_bytes = 64u << i});
	}
	for (uint32_t i = 0; i < TASKS; i++) {
		char comm[16];

		snprintf(comm, sizeof(comm), "task-%u", i);
		tasks[i] = trace_writer_task(writer, &(struct trace_task){.pid = (int32_t)(1000 + i), .tid = (int32_t)(1000 + i),
									  .comm = trace_writer_text(writer, comm)});
	}
	make_frames();
	for (uint32_t i = 0; i < stacks + FREE_PATHS; i++)
		nodes[i] = make_stack(&depth);
	for (uint64_t i = 0; i < stacks * events; i++) {
		/* Each stack at least once, then at random. */
		uint32_t stack = i < stacks ? (uint32_t)i : skewed(stacks);
		bool is_free = i >= stacks && serial > 4096 && next_random() % 100 < 45;
		struct trace_event event = {.time_ns = time_ns += STEP_NS, .cpu = (uint32_t)(next_random() & 3), .task = tasks[stack % TASKS], .node = -1,
					    .stack = nodes[stack], .cache = caches[stack % CACHES], .bytes_req = 50 + stack % 14};

		if (is_free) {
			/* Each object once at most: the frees walk behind the allocations. */
			static uint64_t freed;

			freed += next_random() % 8 ? 1 : 2;
			if (freed >= serial)
				continue;
			event.kind = TRACE_EVENT_FREE;
			event.object = freed;
			event.stack = nodes[stacks + (stack_of[freed] / 7 + freed % 2) % FREE_PATHS];
		}
		uint64_t got = trace_writer_event(writer, &event);
		serial = got ? got : serial;
		if (got)
			stack_of[got] = stack;
	}
	free(nodes);
	free(stack_of);
	return trace_writer_end(writer, time_ns + STEP_NS, NULL) ? 1 : 0;
}
