/*
 * Each prefix of a small trace and each of its bytes flipped: a report that says so or a one-line error, never a crash.
 * Checksums stop most flips, so the same is done behind them, on the records.
 */
#include "tests/report/scenario.h"

#include <stdio.h>
#include <zstd.h>

#include "report/render.h"
#include "trace/crc32c.h"
#include "trace/format.h"

struct outcome {
	int ret;
	enum trace_ending ending;
	bool has_sentence;
};

static void render_all(const struct model *model)
{
	for (const struct renderer *renderer = renderers; renderer->name; renderer++) {
		char *text = NULL;
		size_t size_bytes;
		FILE *out = open_memstream(&text, &size_bytes);

		assert_int_equal(renderer->render(model, out, NULL), 0);
		fclose(out);
		/* Where nothing is live there is no stack to fold. */
		assert_true(size_bytes > 100 || !strcmp(renderer->name, "folded"));
		free(text);
	}
}

static struct outcome report(struct scenario *scenario, bool is_rendered)
{
	struct trace_reader *reader = NULL;
	struct recording recording = {0};
	struct error err = {0};
	struct outcome outcome = {.ending = TRACE_ENDING_DAMAGED};

	scenario->read_bytes = 0;
	outcome.ret = trace_reader_new(&reader, "t.slab", scenario_source, scenario, &err);
	if (!outcome.ret)
		outcome.ret = recording_read(&recording, reader, &err);
	outcome.has_sentence = err.message[0];
	if (!outcome.ret) {
		struct symbolizer symbolizer = symbolize_trace(recording.reader);
		struct model model;
		const char *sentence;

		outcome.ending = trace_reader_ending(recording.reader, &sentence);
		outcome.has_sentence = *sentence;
		assert_int_equal(model_build(&model, &recording, &symbolizer, NULL), 0);
		if (is_rendered)
			render_all(&model);
		model_release(&model);
	}
	recording_release(&recording);
	return outcome;
}

static void make_small(struct scenario *scenario)
{
	scenario_begin(scenario);
	scenario_pipes(scenario, 6, 4);
	scenario_end(scenario);
}

static void test_each_prefix(void **state)
{
	struct scenario scenario;

	(void)state;
	make_small(&scenario);
	size_t whole = scenario.bytes.size_bytes;
	for (size_t size_bytes = 0; size_bytes < whole; size_bytes++) {
		scenario.bytes.size_bytes = size_bytes;
		struct outcome outcome = report(&scenario, size_bytes % 256 == 0);

		assert_true(outcome.has_sentence);
		assert_true(outcome.ret || outcome.ending != TRACE_ENDING_COMPLETE);
	}
	scenario.bytes.size_bytes = whole;
	struct outcome outcome = report(&scenario, true);
	assert_true(!outcome.ret && outcome.ending == TRACE_ENDING_COMPLETE && !outcome.has_sentence);
	scenario_release(&scenario);
}

static void test_each_byte_flipped(void **state)
{
	struct scenario scenario;

	(void)state;
	make_small(&scenario);
	for (size_t at = 0; at < scenario.bytes.size_bytes; at++) {
		scenario.bytes.bytes[at] ^= 0x41;
		struct outcome outcome = report(&scenario, at % 256 == 0);
		scenario.bytes.bytes[at] ^= 0x41;

		assert_true(outcome.has_sentence);
		assert_true(outcome.ret || outcome.ending != TRACE_ENDING_COMPLETE);
	}
	scenario_release(&scenario);
}

static void put_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

/* The payload as one stored block with a right checksum. */
static void set_block(struct buffer *trace, const uint8_t *payload, size_t size_bytes)
{
	uint8_t header[TRACE_BLOCK_HEADER_BYTES];

	trace->size_bytes = TRACE_HEADER_BYTES;
	put_u32(header, TRACE_BLOCK_MAGIC);
	put_u32(header + 4, (uint32_t)size_bytes);
	put_u32(header + 8, (uint32_t)size_bytes);
	put_u32(header + 12, TRACE_CODEC_STORED);
	put_u32(header + 16, crc32c(crc32c(0, header, 16), payload, size_bytes));
	buffer_add(trace, header, sizeof(header));
	buffer_add(trace, payload, size_bytes);
}

static size_t unpack(const struct buffer *trace, uint8_t *payload, size_t room)
{
	const uint8_t *block = trace->bytes + TRACE_HEADER_BYTES;
	uint32_t stored = block[4] | (uint32_t)block[5] << 8 | (uint32_t)block[6] << 16;

	if (block[12] == TRACE_CODEC_STORED) {
		memcpy(payload, block + TRACE_BLOCK_HEADER_BYTES, stored);
		return stored;
	}
	size_t size_bytes = ZSTD_decompress(payload, room, block + TRACE_BLOCK_HEADER_BYTES, stored);
	assert_false(ZSTD_isError(size_bytes));
	return size_bytes;
}

static void test_each_record_byte_changed(void **state)
{
	static uint8_t payload[64 << 10];
	static const uint8_t changes[] = {0x01, 0x80, 0xff};
	struct scenario scenario;

	(void)state;
	make_small(&scenario);
	size_t size_bytes = unpack(&scenario.bytes, payload, sizeof(payload));
	set_block(&scenario.bytes, payload, size_bytes);
	assert_int_equal(report(&scenario, false).ret, 0);
	for (size_t at = 0; at < size_bytes; at++)
		for (size_t i = 0; i < sizeof(changes); i++) {
			payload[at] ^= changes[i];
			set_block(&scenario.bytes, payload, size_bytes);
			payload[at] ^= changes[i];
			struct outcome outcome = report(&scenario, (at + i) % 16 == 0);

			/* Some changes make another good trace; none may fail in any other way than being damaged. */
			assert_int_equal(outcome.ret, 0);
		}
	scenario_release(&scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_prefix),
		cmocka_unit_test(test_each_byte_flipped),
		cmocka_unit_test(test_each_record_byte_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
