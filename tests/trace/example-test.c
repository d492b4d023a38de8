/* The worked example of trace/FORMAT.md says what its annotations say. Run from the root of the tree. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/trace/memory_file.h"
#include "trace/cleanup.h"
#include "trace/reader.h"

#define EXAMPLE "tests/trace/example.hex"

static void add_hex_line(struct buffer *bytes, const char *line)
{
	for (const char *at = line; *at && *at != '#'; at++) {
		char *end;

		if (isspace((unsigned char)*at))
			continue;
		unsigned long byte = strtoul(at, &end, 16);
		assert_int_equal(end - at, 2);
		buffer_add_u8(bytes, (uint8_t)byte);
		at = end - 1;
	}
}

static int read_example(void **state)
{
	static struct memory_file file;
	CLEANUP(cleanup_fclose) FILE *hex = fopen(EXAMPLE, "re");
	char line[256];

	assert_non_null(hex);
	while (fgets(line, sizeof(line), hex))
		add_hex_line(&file.content, line);
	*state = &file;
	return 0;
}

static int release_example(void **state)
{
	memory_file_release(*state);
	return 0;
}

static struct trace_reader *open_example(void **state)
{
	struct memory_file *file = *state;
	struct trace_reader *reader = NULL;
	struct error err = {0};

	file->read_at_bytes = 0;
	if (trace_reader_new(&reader, EXAMPLE, memory_file_source, file, &err))
		fail_msg("%s", err.message);
	return reader;
}

static void next(struct trace_reader *reader, struct trace_record *record, enum trace_record_type type)
{
	assert_int_equal(trace_reader_next(reader, record, NULL), 1);
	assert_int_equal(record->type, type);
}

static void test_records(void **state)
{
	struct trace_reader *reader = open_example(state);
	struct trace_record record;

	next(reader, &record, TRACE_RECORD_FACTS);
	assert_string_equal(trace_reader_text(reader, record.fact.key), "kernel.release");
	assert_string_equal(trace_reader_text(reader, record.fact.value), "6.1.0");
	next(reader, &record, TRACE_RECORD_EVENTS);
	const struct trace_event alloc = record.event;
	assert_int_equal(alloc.kind, TRACE_EVENT_ALLOC);
	assert_int_equal(alloc.time_ns, 1000);
	assert_int_equal(alloc.cpu, 0);
	assert_int_equal(alloc.task, 1);
	assert_int_equal(alloc.stack, 3);
	assert_int_equal(alloc.cache, 1);
	assert_int_equal(alloc.bytes_req, 640);
	assert_int_equal(alloc.gfp, 0x400dc0);
	assert_int_equal(alloc.node, -1);
	assert_int_equal(alloc.object, 1);
	next(reader, &record, TRACE_RECORD_EVENTS);
	assert_int_equal(record.event.kind, TRACE_EVENT_FREE);
	assert_int_equal(record.event.time_ns, 6000);
	assert_int_equal(record.event.cpu, 1);
	assert_int_equal(record.event.task, 0);
	assert_int_equal(record.event.stack, 0);
	assert_int_equal(record.event.object, 1);
	next(reader, &record, TRACE_RECORD_END);
	assert_int_equal(record.end.time_ns, 10000);
	assert_int_equal(record.end.events, 2);
	assert_int_equal(record.end.allocs, 1);
	assert_int_equal(trace_reader_next(reader, &record, NULL), 0);
	assert_int_equal(trace_reader_ending(reader, NULL), TRACE_ENDING_COMPLETE);
	assert_int_equal(trace_reader_good_bytes(reader), ((struct memory_file *)*state)->content.size_bytes);
	trace_reader_free(reader);
}

static void assert_kernel_frame(const struct trace_reader *reader, uint32_t id, uint64_t address, const char *symbol,
				uint64_t offset_bytes)
{
	const struct trace_frame *frame = trace_reader_frame(reader, id);

	assert_int_equal(frame->kind, TRACE_FRAME_KERNEL);
	assert_int_equal(frame->address, address);
	assert_string_equal(trace_reader_text(reader, frame->symbol), symbol);
	assert_int_equal(frame->symbol_offset_bytes, offset_bytes);
	assert_int_equal(frame->module, 0);
}

static void assert_user_frame(const struct trace_reader *reader)
{
	const struct trace_frame *frame = trace_reader_frame(reader, 1);
	const struct trace_file *file = trace_reader_file(reader, frame->file);

	assert_int_equal(frame->kind, TRACE_FRAME_USER);
	assert_int_equal(frame->address, 0x1139);
	assert_string_equal(trace_reader_text(reader, frame->symbol), "main");
	assert_int_equal(frame->symbol_offset_bytes, 9);
	assert_int_equal(frame->file, 1);
	assert_string_equal(trace_reader_text(reader, file->path), "/usr/bin/mkpipes");
	assert_int_equal(file->build_id_bytes, 4);
	assert_memory_equal(file->build_id, "\xc0\xff\xee\x01", 4);
}

static void assert_cache(const struct trace_reader *reader)
{
	const struct trace_cache *cache = trace_reader_cache(reader, 1);

	assert_string_equal(trace_reader_text(reader, cache->name), "kmalloc-1k");
	assert_string_equal(trace_reader_text(reader, cache->requested), "kmalloc-1k");
	assert_int_equal(cache->aliases, 0);
	assert_int_equal(cache->object_size_bytes, 1024);
	assert_int_equal(cache->slab_size_bytes, 1024);
	assert_int_equal(cache->objects_per_slab, 32);
	assert_int_equal(cache->order, 3);
	assert_int_equal(cache->align_bytes, 8);
	assert_int_equal(cache->percpu_objects, 42);
}

static void test_dictionaries(void **state)
{
	struct trace_reader *reader = open_example(state);
	struct trace_record record;

	while (trace_reader_next(reader, &record, NULL) > 0)
		;
	assert_int_equal(trace_reader_string_count(reader), 8);
	assert_int_equal(trace_reader_module_count(reader), 0);
	assert_int_equal(trace_reader_cache_count(reader), 1);
	assert_int_equal(trace_reader_file_count(reader), 1);
	assert_int_equal(trace_reader_frame_count(reader), 3);
	assert_int_equal(trace_reader_node_count(reader), 3);
	assert_int_equal(trace_reader_task_count(reader), 1);
	assert_cache(reader);
	assert_user_frame(reader);
	assert_kernel_frame(reader, 2, 0xffffffff8134f0d2, "alloc_pipe_info", 0x52);
	assert_kernel_frame(reader, 3, 0xffffffff8130a1b4, "__kmalloc", 0x14);
	for (uint32_t id = 1; id <= 3; id++) {
		assert_int_equal(trace_reader_node(reader, id)->parent, id - 1);
		assert_int_equal(trace_reader_node(reader, id)->frame, id);
	}
	assert_int_equal(trace_reader_task(reader, 1)->pid, 4242);
	assert_int_equal(trace_reader_task(reader, 1)->tid, 4243);
	assert_string_equal(trace_reader_text(reader, trace_reader_task(reader, 1)->comm), "mkpipes");
	trace_reader_free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_dictionaries),
	};

	return cmocka_run_group_tests(tests, read_example, release_example);
}
