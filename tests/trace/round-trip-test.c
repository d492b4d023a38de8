/* What the writer is given comes out of the reader, over many blocks and with values at their limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/trace/memory_file.h"
#include "trace/reader.h"
#include "trace/writer.h"

#define EVENTS 120000u
#define STRINGS 40000u
#define FRAMES 60000u
#define NODES 200000u
#define TASKS 50000u
#define CACHES 300u

/* A number that depends on seed only and looks random (splitmix64). */
static uint64_t scattered(uint64_t seed)
{
	uint64_t value = (seed + 1) * 0x9e3779b97f4a7c15u;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

/* Any size of number is as likely as any other, the largest included. */
static uint64_t scattered_size(uint64_t seed)
{
	return scattered(seed) >> scattered(seed + 0x1000000) % 64;
}

static struct trace_reader *open_memory(struct memory_file *file)
{
	struct trace_reader *reader = NULL;
	struct error err = {0};

	file->read_at_bytes = 0;
	if (trace_reader_new(&reader, "memory", memory_file_source, file, &err))
		fail_msg("%s", err.message);
	return reader;
}

static struct trace_writer *new_writer(struct memory_file *file)
{
	struct trace_writer *writer = NULL;

	assert_int_equal(trace_writer_new(&writer, memory_file_sink, file, NULL), 0);
	return writer;
}

/* Each entry is a function of its id, so that the check needs no copy. */
static void string_of(uint32_t id, char *text, size_t size_bytes)
{
	snprintf(text, size_bytes, "symbol_%u_%llx", id, (unsigned long long)scattered(id));
}

static struct trace_frame frame_of(uint32_t id)
{
	struct trace_frame frame = {.kind = id % 3 ? TRACE_FRAME_KERNEL : TRACE_FRAME_USER,
				    .address = scattered_size(id)};

	if (frame.kind == TRACE_FRAME_USER) {
		frame.file = id % 4;
	} else {
		frame.symbol = (uint32_t)(scattered(id) % (STRINGS + 1));
		frame.symbol_offset_bytes = scattered_size(id * 2);
		frame.module = id % 3;
	}
	return frame;
}

static struct trace_node node_of(uint32_t id)
{
	return (struct trace_node){.parent = (uint32_t)(scattered_size(id) % id),
				   .frame = (uint32_t)(scattered(id) % (FRAMES + 1))};
}

static struct trace_task task_of(uint32_t id)
{
	return (struct trace_task){.pid = (int32_t)scattered_size(id), .tid = (int32_t)id, .comm = id % 100,
				   .cgroup = id % 3 ? 0 : id % 50};
}

static struct trace_cache cache_of(uint32_t id)
{
	return (struct trace_cache){.name = id,
				    .requested = id / 2,
				    .aliases = id % 2,
				    .object_size_bytes = (uint32_t)scattered_size(id),
				    .slab_size_bytes = UINT32_MAX,
				    .objects_per_slab = id,
				    .order = id % 12,
				    .align_bytes = 8,
				    .percpu_objects = 77};
}

static struct trace_event event_of(uint32_t at, uint64_t allocs)
{
	uint64_t random = scattered(at + 77);
	struct trace_event event = {.kind = (enum trace_event_kind)(random >> 8) & 3,
				    .time_ns = at % 1000 ? at * 1000ull - random % 5000 : scattered(at),
				    .cpu = at % 501 ? at % 7 : UINT32_MAX,
				    .task = (uint32_t)(scattered_size(at) % (TASKS + 1)),
				    .stack = (uint32_t)(scattered_size(at + 1) % (NODES + 1)),
				    .node = -1};

	if (!allocs && event.kind != TRACE_EVENT_FREE_OLDER)
		event.kind = TRACE_EVENT_ALLOC;
	if (event.kind == TRACE_EVENT_ALLOC || event.kind == TRACE_EVENT_FREE_OLDER)
		event.cache = (uint32_t)(random % (CACHES + 1));
	if (event.kind == TRACE_EVENT_ALLOC) {
		event.object = allocs + 1;
		event.bytes_req = scattered_size(at + 2);
		event.gfp = (uint32_t)scattered_size(at + 3);
		event.node = (int32_t)scattered_size(at + 4);
	} else if (event.kind != TRACE_EVENT_FREE_OLDER) {
		event.object = scattered(at) % allocs + 1;
	}
	return event;
}

static void write_dictionaries(struct trace_writer *writer)
{
	char text[64];

	for (uint32_t id = 1; id <= STRINGS; id++) {
		string_of(id, text, sizeof(text));
		assert_int_equal(trace_writer_text(writer, text), id);
	}
	for (uint32_t id = 1; id <= 4; id++) {
		assert_int_equal(
			trace_writer_module(writer, &(struct trace_module){.name = id, .text_address = UINT64_MAX}),
			id);
		assert_int_equal(trace_writer_file(writer, &(struct trace_file){.path = id}), id);
	}
	for (uint32_t id = 1; id <= CACHES; id++)
		assert_int_equal(trace_writer_cache(writer, &(struct trace_cache[]){cache_of(id)}[0]), id);
	for (uint32_t id = 1; id <= FRAMES; id++)
		assert_int_equal(trace_writer_frame(writer, &(struct trace_frame[]){frame_of(id)}[0]), id);
	for (uint32_t id = 1; id <= NODES; id++)
		assert_int_equal(trace_writer_node(writer, &(struct trace_node[]){node_of(id)}[0]), id);
	for (uint32_t id = 1; id <= TASKS; id++)
		assert_int_equal(trace_writer_task(writer, &(struct trace_task[]){task_of(id)}[0]), id);
}

static void assert_dictionaries(const struct trace_reader *reader)
{
	char text[64];

	assert_int_equal(trace_reader_string_count(reader), STRINGS);
	for (uint32_t id = 1; id <= STRINGS; id++) {
		string_of(id, text, sizeof(text));
		assert_string_equal(trace_reader_text(reader, id), text);
	}
	assert_int_equal(trace_reader_cache_count(reader), CACHES);
	for (uint32_t id = 1; id <= CACHES; id++)
		assert_memory_equal(trace_reader_cache(reader, id), &(struct trace_cache[]){cache_of(id)},
				    sizeof(struct trace_cache));
	assert_int_equal(trace_reader_frame_count(reader), FRAMES);
	for (uint32_t id = 1; id <= FRAMES; id++) {
		struct trace_frame wanted = frame_of(id);
		const struct trace_frame *frame = trace_reader_frame(reader, id);

		assert_int_equal(frame->kind, wanted.kind);
		assert_int_equal(frame->address, wanted.address);
		assert_int_equal(frame->symbol, wanted.symbol);
		assert_int_equal(frame->symbol_offset_bytes, wanted.symbol_offset_bytes);
		assert_int_equal(frame->module, wanted.module);
		assert_int_equal(frame->file, wanted.file);
	}
	assert_int_equal(trace_reader_node_count(reader), NODES);
	for (uint32_t id = 1; id <= NODES; id++)
		assert_memory_equal(trace_reader_node(reader, id), &(struct trace_node[]){node_of(id)},
				    sizeof(struct trace_node));
	assert_int_equal(trace_reader_task_count(reader), TASKS);
	for (uint32_t id = 1; id <= TASKS; id++)
		assert_memory_equal(trace_reader_task(reader, id), &(struct trace_task[]){task_of(id)},
				    sizeof(struct trace_task));
}

static void assert_event(const struct trace_event *event, const struct trace_event *wanted)
{
	assert_int_equal(event->kind, wanted->kind);
	assert_int_equal(event->time_ns, wanted->time_ns);
	assert_int_equal(event->cpu, wanted->cpu);
	assert_int_equal(event->task, wanted->task);
	assert_int_equal(event->stack, wanted->stack);
	assert_int_equal(event->cache, wanted->cache);
	assert_int_equal(event->object, wanted->object);
	assert_int_equal(event->bytes_req, wanted->bytes_req);
	assert_int_equal(event->gfp, wanted->gfp);
	assert_int_equal(event->node, wanted->node);
}

static void write_random(struct memory_file *file)
{
	struct trace_writer *writer = new_writer(file);
	uint64_t allocs = 0;

	write_dictionaries(writer);
	for (uint32_t at = 0; at < EVENTS; at++) {
		struct trace_event event = event_of(at, allocs);
		uint64_t serial = trace_writer_event(writer, &event);

		allocs += event.kind == TRACE_EVENT_ALLOC;
		assert_int_equal(serial, event.kind == TRACE_EVENT_ALLOC ? allocs : 0);
	}
	assert_int_equal(trace_writer_events(writer), EVENTS);
	assert_int_equal(trace_writer_end(writer, 5, NULL), 0);
	assert_int_equal(trace_writer_bytes(writer), file->content.size_bytes);
	trace_writer_free(writer);
}

static void test_random_events_and_large_dictionaries(void **state)
{
	struct memory_file file = {.read_step_bytes = 4093};
	struct trace_record record;
	uint64_t allocs = 0;

	(void)state;
	write_random(&file);
	struct trace_reader *reader = open_memory(&file);
	for (uint32_t at = 0; at < EVENTS; at++) {
		struct trace_event wanted = event_of(at, allocs);

		assert_int_equal(trace_reader_next(reader, &record, NULL), 1);
		assert_int_equal(record.type, TRACE_RECORD_EVENTS);
		assert_event(&record.event, &wanted);
		allocs += wanted.kind == TRACE_EVENT_ALLOC;
	}
	assert_int_equal(trace_reader_next(reader, &record, NULL), 1);
	assert_int_equal(record.type, TRACE_RECORD_END);
	assert_int_equal(record.end.events, EVENTS);
	assert_int_equal(record.end.allocs, allocs);
	assert_int_equal(trace_reader_next(reader, &record, NULL), 0);
	assert_int_equal(trace_reader_ending(reader, NULL), TRACE_ENDING_COMPLETE);
	assert_int_equal(trace_reader_good_bytes(reader), file.content.size_bytes);
	assert_dictionaries(reader);
	trace_reader_free(reader);
	memory_file_release(&file);
}

/* Reads records that are not of the type away. */
static void next_of(struct trace_reader *reader, struct trace_record *record, enum trace_record_type type)
{
	do
		assert_int_equal(trace_reader_next(reader, record, NULL), 1);
	while (record->type != type);
}

static void test_strings_at_the_limit(void **state)
{
	struct memory_file file = {0};
	struct trace_writer *writer = new_writer(&file);
	static char longest[TRACE_STRING_MAX_BYTES + 1];
	struct trace_record record;
	size_t size_bytes;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(trace_writer_string(writer, "a\0b\xff", 4), 1);
	assert_int_equal(trace_writer_string(writer, longest, TRACE_STRING_MAX_BYTES), 2);
	/* Longer ones are cut, and are then the same string. */
	assert_int_equal(trace_writer_string(writer, longest, sizeof(longest)), 2);
	assert_int_equal(trace_writer_text(writer, ""), 0);
	for (int i = 0; i < 40; i++) {
		longest[0] = (char)i;
		assert_int_equal(trace_writer_string(writer, longest, sizeof(longest)), 3 + i);
	}
	assert_int_equal(trace_writer_string(writer, "a\0b\xff", 4), 1);
	assert_int_equal(trace_writer_end(writer, 0, NULL), 0);
	trace_writer_free(writer);
	struct trace_reader *reader = open_memory(&file);
	next_of(reader, &record, TRACE_RECORD_END);
	assert_int_equal(trace_reader_ending(reader, NULL), TRACE_ENDING_COMPLETE);
	assert_int_equal(trace_reader_string_count(reader), 42);
	assert_memory_equal(trace_reader_string(reader, 1, &size_bytes), "a\0b\xff", 5);
	assert_int_equal(size_bytes, 4);
	assert_string_equal(trace_reader_text(reader, 1), "a");
	assert_int_equal(strlen(trace_reader_string(reader, 2, &size_bytes)), TRACE_STRING_MAX_BYTES);
	assert_int_equal(trace_reader_string(reader, 42, NULL)[0], 39);
	assert_string_equal(trace_reader_text(reader, 43), "");
	assert_string_equal(trace_reader_string(reader, UINT32_MAX, &size_bytes), "");
	assert_int_equal(size_bytes, 0);
	trace_reader_free(reader);
	memory_file_release(&file);
}

static void write_allocs(struct trace_writer *writer, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		trace_writer_event(writer, &(struct trace_event){.kind = TRACE_EVENT_ALLOC, .time_ns = i, .node = -1});
}

/* The objects that LIVE names must stand before it, whether or not the caller flushed. */
static void test_live_objects_without_a_flush(void **state)
{
	struct memory_file file = {0};
	struct trace_writer *writer = new_writer(&file);
	struct trace_record record;

	(void)state;
	write_allocs(writer, 100000);
	for (uint64_t object = 1; object <= 100000; object++)
		trace_writer_live(writer, &(struct trace_live){.object = object, .address = scattered(object)});
	assert_int_equal(trace_writer_end(writer, 0, NULL), 0);
	trace_writer_free(writer);
	struct trace_reader *reader = open_memory(&file);
	for (uint64_t object = 1; object <= 100000; object++) {
		next_of(reader, &record, TRACE_RECORD_LIVE);
		assert_int_equal(record.live.object, object);
		assert_int_equal(record.live.address, scattered(object));
	}
	next_of(reader, &record, TRACE_RECORD_END);
	assert_int_equal(trace_reader_ending(reader, NULL), TRACE_ENDING_COMPLETE);
	trace_reader_free(reader);
	memory_file_release(&file);
}

/* The same for contents, of which there may be more than a block takes. */
static void test_contents_without_a_flush(void **state)
{
	struct memory_file file = {0};
	struct trace_writer *writer = new_writer(&file);
	struct trace_record record;
	uint8_t bytes[TRACE_CONTENTS_MAX_BYTES];

	(void)state;
	write_allocs(writer, 10000);
	for (uint64_t object = 1; object <= 10000; object++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)scattered(object + i);
		trace_writer_contents(writer, &(struct trace_contents){.object = object, .bytes = bytes, .size_bytes = 1 + object % 256});
	}
	assert_int_equal(trace_writer_end(writer, 0, NULL), 0);
	trace_writer_free(writer);
	struct trace_reader *reader = open_memory(&file);
	for (uint64_t object = 1; object <= 10000; object++) {
		next_of(reader, &record, TRACE_RECORD_CONTENTS);
		assert_int_equal(record.contents.object, object);
		assert_int_equal(record.contents.size_bytes, 1 + object % 256);
		for (size_t i = 0; i < record.contents.size_bytes; i++)
			assert_int_equal(record.contents.bytes[i], (uint8_t)scattered(object + i));
	}
	next_of(reader, &record, TRACE_RECORD_END);
	assert_int_equal(trace_reader_ending(reader, NULL), TRACE_ENDING_COMPLETE);
	trace_reader_free(reader);
	memory_file_release(&file);
}

static void test_live_between_events(void **state)
{
	struct memory_file file = {0};
	struct trace_writer *writer = new_writer(&file);
	struct trace_record record;

	(void)state;
	write_allocs(writer, 1);
	trace_writer_live(writer, &(struct trace_live){.object = 1, .address = 8});
	write_allocs(writer, 40000);
	trace_writer_live(writer, &(struct trace_live){.object = 40001, .address = 16});
	assert_int_equal(trace_writer_end(writer, 0, NULL), 0);
	trace_writer_free(writer);
	struct trace_reader *reader = open_memory(&file);
	next_of(reader, &record, TRACE_RECORD_END);
	assert_int_equal(trace_reader_ending(reader, NULL), TRACE_ENDING_COMPLETE);
	trace_reader_free(reader);
	memory_file_release(&file);
}

/* More of what stands alone than a block holds. */
static void test_many_singles_and_entries(void **state)
{
	struct memory_file file = {0};
	struct trace_writer *writer = new_writer(&file);
	struct trace_record record;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		trace_writer_loss(writer, &(struct trace_loss){
						  .time_ns = UINT64_MAX - i, .cpu = (uint32_t)i, .lost = UINT64_MAX});
		trace_writer_counter(writer, i % 2 ? "allocs" : "frees", scattered(i));
	}
	assert_int_equal(trace_writer_end(writer, 0, NULL), 0);
	trace_writer_free(writer);
	struct trace_reader *reader = open_memory(&file);
	uint64_t losses = 0, counters = 0;
	while (trace_reader_next(reader, &record, NULL) > 0) {
		if (record.type == TRACE_RECORD_LOSS)
			assert_int_equal(record.loss.time_ns, UINT64_MAX - losses++);
		else if (record.type == TRACE_RECORD_COUNTERS)
			assert_int_equal(record.counter.value, scattered(counters++));
	}
	assert_int_equal(trace_reader_ending(reader, NULL), TRACE_ENDING_COMPLETE);
	assert_int_equal(losses, 100000);
	assert_int_equal(counters, 100000);
	trace_reader_free(reader);
	memory_file_release(&file);
}

static void test_user_symbols_name_user_frames_only(void **state)
{
	struct memory_file file = {0};
	struct trace_writer *writer = new_writer(&file);
	struct trace_record record;

	(void)state;
	uint32_t name = trace_writer_text(writer, "main"), symbol = trace_writer_text(writer, "kfree");
	uint32_t user = trace_writer_frame(writer, &(struct trace_frame){.kind = TRACE_FRAME_USER, .address = 7});
	uint32_t kernel =
		trace_writer_frame(writer, &(struct trace_frame){.kind = TRACE_FRAME_KERNEL, .symbol = symbol});
	trace_writer_user_symbol(writer, user, name, 3);
	trace_writer_user_symbol(writer, kernel, name, 3);
	trace_writer_user_symbol(writer, 0, name, 3);
	assert_int_equal(trace_writer_end(writer, 0, NULL), 0);
	trace_writer_free(writer);
	struct trace_reader *reader = open_memory(&file);
	next_of(reader, &record, TRACE_RECORD_END);
	assert_int_equal(trace_reader_ending(reader, NULL), TRACE_ENDING_COMPLETE);
	assert_int_equal(trace_reader_frame(reader, user)->symbol, name);
	assert_int_equal(trace_reader_frame(reader, user)->symbol_offset_bytes, 3);
	assert_int_equal(trace_reader_frame(reader, kernel)->symbol, symbol);
	trace_reader_free(reader);
	memory_file_release(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_events_and_large_dictionaries),
		cmocka_unit_test(test_strings_at_the_limit),
		cmocka_unit_test(test_live_objects_without_a_flush),
		cmocka_unit_test(test_contents_without_a_flush),
		cmocka_unit_test(test_live_between_events),
		cmocka_unit_test(test_many_singles_and_entries),
		cmocka_unit_test(test_user_symbols_name_user_frames_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
