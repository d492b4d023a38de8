/* The writer when its sink fails: the sentence comes through, what the sink took stays readable, memory stays bounded.
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/trace/memory_file.h"
#include "tests/trace/sample_trace.h"
#include "trace/reader.h"
#include "trace/writer.h"

static void read_all(struct memory_file *file, enum trace_ending wanted, uint64_t *records)
{
	struct trace_reader *reader = NULL;
	struct trace_record record;

	file->read_at_bytes = 0;
	assert_int_equal(trace_reader_new(&reader, "memory", memory_file_source, file, NULL), 0);
	for (*records = 0; trace_reader_next(reader, &record, NULL) > 0; ++*records)
		;
	assert_int_equal(trace_reader_ending(reader, NULL), wanted);
	trace_reader_free(reader);
}

static void test_sink_fails_at_each_write(void **state)
{
	uint64_t records, records_before = 0;
	struct memory_file whole = {0};

	(void)state;
	assert_int_equal(sample_trace_write(memory_file_sink, &whole, NULL), 0);
	for (unsigned int fail_write = 1; fail_write <= whole.writes; fail_write++) {
		struct memory_file file = {.fail_write = fail_write};
		struct error err = {0};

		assert_int_equal(sample_trace_write(memory_file_sink, &file, &err), -ENOSPC);
		assert_int_equal(err.code, -ENOSPC);
		assert_string_equal(err.message, "memory: No space left on device");
		assert_memory_equal(file.content.bytes, whole.content.bytes, file.content.size_bytes);
		if (fail_write > 1) {
			read_all(&file, TRACE_ENDING_CUT, &records);
			assert_true(records >= records_before);
			records_before = records;
		}
		memory_file_release(&file);
	}
	assert_true(records_before > 10);
	read_all(&whole, TRACE_ENDING_COMPLETE, &records);
	memory_file_release(&whole);
}

/* A sink that fails without a sentence. */
static int silent_sink(void *context, const void *bytes, size_t size_bytes, struct error *err)
{
	int *writes_left = context;

	(void)bytes;
	(void)size_bytes;
	(void)err;
	return (*writes_left)-- > 0 ? 0 : -EPIPE;
}

static void test_sink_without_a_sentence(void **state)
{
	(void)state;
	for (int writes = 0; writes < 7; writes++) {
		struct error err = {0};
		int writes_left = writes;

		assert_int_equal(sample_trace_write(silent_sink, &writes_left, &err), -EPIPE);
		assert_int_equal(err.code, -EPIPE);
		assert_non_null(strstr(err.message, "Broken pipe"));
	}
}

static void test_failed_writer_stays_small(void **state)
{
	struct memory_file file = {.fail_write = 2};
	struct trace_writer *writer = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(trace_writer_new(&writer, memory_file_sink, &file, &err), 0);
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	for (uint64_t i = 0; i < 3000000; i++)
		trace_writer_event(writer,
				   &(struct trace_event){.kind = TRACE_EVENT_ALLOC, .time_ns = i << 40, .node = -1});
	for (uint32_t i = 0; i < 1000000; i++)
		trace_writer_task(writer, &(struct trace_task){.pid = -1, .tid = -1});
	size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
	assert_int_equal(trace_writer_flush(writer, &err), -ENOSPC);
	assert_int_equal(trace_writer_end(writer, 0, &err), -ENOSPC);
	assert_string_equal(err.message, "memory: No space left on device");
	assert_int_equal(trace_writer_bytes(writer), 16);
	assert_int_equal(trace_writer_text(writer, "late"), 0);
	assert_true(after < before + (8u << 20));
	trace_writer_free(writer);
	memory_file_release(&file);
}

/* Blocks come while events come, not only at the end: a cut recording has its events. */
static void test_blocks_are_written_on_the_way(void **state)
{
	struct memory_file file = {0};
	struct trace_writer *writer = NULL;
	uint64_t records;

	(void)state;
	assert_int_equal(trace_writer_new(&writer, memory_file_sink, &file, NULL), 0);
	for (uint64_t i = 0; i < 100000; i++)
		trace_writer_event(writer, &(struct trace_event){.kind = TRACE_EVENT_ALLOC, .time_ns = i, .node = -1});
	trace_writer_free(writer);
	read_all(&file, TRACE_ENDING_CUT, &records);
	assert_true(records > 80000);
	memory_file_release(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sink_fails_at_each_write),
		cmocka_unit_test(test_sink_without_a_sentence),
		cmocka_unit_test(test_failed_writer_stays_small),
		cmocka_unit_test(test_blocks_are_written_on_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
