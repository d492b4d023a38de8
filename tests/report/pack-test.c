/* A model that was packed and read back renders the same; a pack that is damaged anywhere is told or reads as some model, never a crash. */
#include "tests/report/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "report/gzip.h"
#include "report/pack.h"
#include "report/page.h"
#include "report/render.h"
#include "report/symbolizer.h"

static char *rendered(const struct model *model, const char *format)
{
	char *text = NULL;
	size_t size_bytes;
	FILE *out = open_memstream(&text, &size_bytes);

	assert_int_equal(renderer_find(format)->render(model, out, NULL), 0);
	fclose(out);
	return text;
}

static void with_pipes(void (*use)(const struct model *model))
{
	struct scenario scenario;
	struct trace_reader *reader = NULL;
	struct recording recording;
	struct model model;

	scenario_begin(&scenario);
	scenario_pipes(&scenario, 300, 500);
	for (uint32_t i = 0; i < 3; i++)
		trace_writer_contents(scenario.writer, &(struct trace_contents){.object = scenario_alloc(&scenario, 1, 1, 0, 0),
										.bytes = (const uint8_t *)"contents",
										.size_bytes = 8 - i});
	assert_int_equal(trace_writer_end(scenario.writer, scenario.now_ns, NULL), 0);
	trace_writer_free(scenario.writer);
	assert_int_equal(trace_reader_new(&reader, "t.slab", scenario_source, &scenario, NULL), 0);
	assert_int_equal(recording_read(&recording, reader, NULL), 0);
	struct symbolizer symbolizer = symbolize_trace(recording.reader);
	assert_int_equal(model_build(&model, &recording, &symbolizer, NULL), 0);
	use(&model);
	model_release(&model);
	recording_release(&recording);
	buffer_release(&scenario.bytes);
}

static void check_same(const struct model *model)
{
	struct buffer bytes = {0}, again = {0};
	struct model back;

	assert_int_equal(pack_model(model, SIZE_MAX, &bytes, &(uint32_t){0}, NULL), 0);
	assert_int_equal(unpack_model(&back, bytes.bytes, bytes.size_bytes, NULL), 0);
	for (const struct renderer *renderer = renderers; renderer->name; renderer++) {
		char *before = rendered(model, renderer->name), *after = rendered(&back, renderer->name);

		assert_string_equal(before, after);
		free(before);
		free(after);
	}
	assert_int_equal(pack_model(&back, SIZE_MAX, &again, &(uint32_t){0}, NULL), 0);
	assert_int_equal(again.size_bytes, bytes.size_bytes);
	assert_memory_equal(again.bytes, bytes.bytes, bytes.size_bytes);
	model_release(&back);
	buffer_release(&bytes);
	buffer_release(&again);
}

static void test_same_model(void **state)
{
	(void)state;
	with_pipes(check_same);
}

static void try_unpack(const uint8_t *bytes, size_t size_bytes)
{
	struct error err = {0};
	struct model model;
	int ret = unpack_model(&model, bytes, size_bytes, &err);

	assert_true(!ret || (ret == -EINVAL && *err.message));
	if (!ret) {
		free(rendered(&model, "json"));
		model_release(&model);
	}
}

static void check_damage(const struct model *model)
{
	struct buffer bytes = {0};

	assert_int_equal(pack_model(model, SIZE_MAX, &bytes, &(uint32_t){0}, NULL), 0);
	for (size_t i = 0; i < bytes.size_bytes; i += 1 + i / 97) {
		try_unpack(bytes.bytes, i);
		bytes.bytes[i] ^= 0x81;
		try_unpack(bytes.bytes, bytes.size_bytes);
		bytes.bytes[i] ^= 0x81;
	}
	buffer_release(&bytes);
}

static void test_damage(void **state)
{
	(void)state;
	with_pipes(check_damage);
}

/* A pack as it was written when other columns told of suspects, ages and functions: of tests/golden/sample.slab. */
static void test_older_pack(void **state)
{
	struct buffer bytes = {0};
	uint64_t tau_ns = 0, sum_ns = 0;
	struct model model;
	int fd = open("tests/report/older.pack", O_RDONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(page_read_bytes(&bytes, "older.pack", fd, NULL), 0);
	close(fd);
	assert_int_equal(unpack_model(&model, bytes.bytes, bytes.size_bytes, NULL), 0);
	assert_true(model.frame_count && *model.frames[0].function);
	for (uint32_t i = 0; i < model.site_count; i++) {
		tau_ns |= model.sites[i].suspect.tau_ns;
		sum_ns |= model.sites[i].lives->live_ages.sum_ns;
	}
	assert_true(tau_ns && sum_ns);
	check_same(&model);
	model_release(&model);
	buffer_release(&bytes);
}

static void test_gzip_and_base64(void **state)
{
	struct buffer packed = {0}, back = {0}, text_back = {0};
	uint8_t bytes[1000];
	char *text = NULL;
	size_t text_bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i >> 3);
	assert_int_equal(gzip_pack(&packed, bytes, sizeof(bytes), NULL), 0);
	for (size_t cut = 0; cut < 3; cut++) {
		FILE *out = open_memstream(&text, &text_bytes);

		base64_write(out, packed.bytes, packed.size_bytes - cut);
		fclose(out);
		buffer_clear(&text_back);
		assert_int_equal(base64_read(&text_back, text, text_bytes, NULL), 0);
		assert_int_equal(text_back.size_bytes, packed.size_bytes - cut);
		assert_memory_equal(text_back.bytes, packed.bytes, text_back.size_bytes);
		free(text);
	}
	assert_int_equal(gzip_unpack(&back, packed.bytes, packed.size_bytes, NULL), 0);
	assert_int_equal(back.size_bytes, sizeof(bytes));
	assert_memory_equal(back.bytes, bytes, sizeof(bytes));
	buffer_clear(&back);
	for (size_t size = 0; size < packed.size_bytes; size++)
		assert_int_equal(gzip_unpack(&back, packed.bytes, size, NULL), -EINVAL);
	assert_int_equal(back.size_bytes, 0);
	packed.bytes[packed.size_bytes / 2] ^= 0xff;
	buffer_clear(&back);
	assert_int_equal(gzip_unpack(&back, packed.bytes, packed.size_bytes, NULL), -EINVAL);
	assert_int_equal(base64_read(&back, "AA!A", 4, NULL), -EINVAL);
	assert_int_equal(base64_read(&back, "AA==AA", 6, NULL), -EINVAL);
	buffer_release(&packed);
	buffer_release(&back);
	buffer_release(&text_back);
}

static void test_gzip_of_more_than_it_takes(void **state)
{
	struct buffer packed = {0}, back = {0};
	uint8_t *zeros = calloc(1, GZIP_UNPACKED_MAX + 1);

	(void)state;
	assert_non_null(zeros);
	assert_int_equal(gzip_pack(&packed, zeros, GZIP_UNPACKED_MAX + 1, NULL), 0);
	assert_int_equal(gzip_unpack(&back, packed.bytes, packed.size_bytes, NULL), -EFBIG);
	/* Its end may say that there is less, or far more. */
	memset(packed.bytes + packed.size_bytes - 4, 0, 4);
	assert_int_equal(gzip_unpack(&back, packed.bytes, packed.size_bytes, NULL), -EINVAL);
	memset(packed.bytes + packed.size_bytes - 4, 0xff, 4);
	assert_int_equal(gzip_unpack(&back, packed.bytes, packed.size_bytes, NULL), -EINVAL);
	assert_int_equal(back.size_bytes, 0);
	free(zeros);
	buffer_release(&packed);
	buffer_release(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_model),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_older_pack),
		cmocka_unit_test(test_gzip_and_base64),
		cmocka_unit_test(test_gzip_of_more_than_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
