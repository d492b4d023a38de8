/* The reader on hostile and broken input: a clean sentence, a clean ending, and what stood before the break is intact.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zstd.h>

#include "tests/trace/hand_made.h"
#include "tests/trace/lines.h"
#include "tests/trace/memory_file.h"
#include "tests/trace/sample_trace.h"
#include "trace/cleanup.h"

#define REFUSED (-1000)

/* Reads the bytes; the lines go to *text (the caller frees it), the sentence to err. REFUSED or what lines_print()
 * returns. */
static int read_bytes(const void *bytes, size_t size_bytes, char **text, struct error *err)
{
	/* Exactly as large as the input, so that the sanitizer sees each byte read beyond. */
	uint8_t *copy = size_bytes ? memcpy(malloc(size_bytes), bytes, size_bytes) : NULL;
	struct memory_file file = {.content = {.bytes = copy, .size_bytes = size_bytes}};
	struct trace_reader *reader = NULL;
	const char *sentence;
	size_t text_bytes;
	FILE *out = open_memstream(text, &text_bytes);
	int ending = REFUSED;

	*err = (struct error){0};
	if (!trace_reader_new(&reader, "t", memory_file_source, &file, err)) {
		ending = lines_print(out, reader, err);
		if (ending > 0) {
			trace_reader_ending(reader, &sentence);
			snprintf(err->message, sizeof(err->message), "%s", sentence);
		}
	}
	fclose(out);
	trace_reader_free(reader);
	free(copy);
	return ending;
}

static void assert_refused(const void *bytes, size_t size_bytes, int code, const char *sentence)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct error err;

	assert_int_equal(read_bytes(bytes, size_bytes, &text, &err), REFUSED);
	assert_int_equal(err.code, code);
	assert_string_equal(err.message, sentence);
}

static void test_what_is_no_trace(void **state)
{
	struct buffer header = {0};

	(void)state;
	assert_refused("", 0, -ENODATA, "t: the file is empty: no recording was written to it");
	assert_refused("hello, world: some text\n", 24, -EINVAL,
		       "t: not a slabrec trace (it does not begin with \"slabrec\")");
	assert_refused("x", 1, -EINVAL, "t: not a slabrec trace (it does not begin with \"slabrec\")");
	hand_made_header(&header, 2, 3);
	assert_refused(header.bytes, 16, -ENOTSUP,
		       "t: trace format 2.3, this program reads 1.x: use a newer slabreport");
	buffer_clear(&header);
	hand_made_header(&header, 0, 1);
	assert_refused(header.bytes, 16, -EINVAL, "t: trace format 0.1 does not exist");
	buffer_clear(&header);
	hand_made_header(&header, 1, 0);
	for (size_t size_bytes = 1; size_bytes < 16; size_bytes++)
		assert_refused(header.bytes, size_bytes, -EINVAL,
			       "t: cut within its first 16 bytes: nothing was recorded");
	header.bytes[12] ^= 1;
	assert_refused(header.bytes, 16, -EINVAL, "t: damaged: the checksum of the file header is wrong");
	buffer_release(&header);
}

/* Lines that only depend on records read so far. */
static size_t stable_bytes(const char *text)
{
	const char *at = strstr(text, "\nuser_symbol ");

	if (!at && !strncmp(text, "end ", 4))
		return 0;
	if (!at)
		at = strstr(text, "\nend ");
	return at ? (size_t)(at - text) : 0;
}

static void sample(struct memory_file *file, char **text)
{
	struct error err;

	assert_int_equal(sample_trace_write(memory_file_sink, file, NULL), 0);
	assert_int_equal(read_bytes(file->content.bytes, file->content.size_bytes, text, &err), TRACE_ENDING_COMPLETE);
}

static void test_each_prefix(void **state)
{
	CLEANUP(cleanup_free) char *whole = NULL;
	struct memory_file file = {0};
	size_t longest = 0;

	(void)state;
	sample(&file, &whole);
	for (size_t size_bytes = 16; size_bytes < file.content.size_bytes; size_bytes++) {
		CLEANUP(cleanup_free) char *text = NULL;
		struct error err;

		assert_int_equal(read_bytes(file.content.bytes, size_bytes, &text, &err), TRACE_ENDING_CUT);
		assert_memory_equal(text, whole, stable_bytes(text));
		assert_true(stable_bytes(text) >= longest);
		longest = stable_bytes(text);
		assert_non_null(strstr(err.message, "t: cut at byte "));
		assert_true(strtoul(err.message + strlen("t: cut at byte "), NULL, 10) <= size_bytes);
	}
	assert_true(longest > strlen(whole) / 3);
	memory_file_release(&file);
}

static void test_each_flipped_bit(void **state)
{
	CLEANUP(cleanup_free) char *whole = NULL;
	struct memory_file file = {0};

	(void)state;
	sample(&file, &whole);
	for (size_t bit = 0; bit < file.content.size_bytes * 8; bit++) {
		CLEANUP(cleanup_free) char *text = NULL;
		struct error err;

		file.content.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		int ending = read_bytes(file.content.bytes, file.content.size_bytes, &text, &err);
		file.content.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(ending, TRACE_ENDING_COMPLETE);
		assert_true(ending == (bit < 128 ? REFUSED : ending));
		assert_memory_equal(text, whole, stable_bytes(text));
		assert_true(strlen(err.message) > 10);
	}
	memory_file_release(&file);
}

/* What a pipe gives: any pieces. */
static void test_small_reads(void **state)
{
	CLEANUP(cleanup_free) char *whole = NULL;
	struct memory_file file = {.read_step_bytes = 1};

	(void)state;
	sample(&file, &whole);
	CLEANUP(cleanup_free) char *text = NULL;
	size_t text_bytes;
	FILE *out = open_memstream(&text, &text_bytes);
	struct trace_reader *reader = NULL;
	assert_int_equal(trace_reader_new(&reader, "t", memory_file_source, &file, NULL), 0);
	assert_int_equal(lines_print(out, reader, NULL), TRACE_ENDING_COMPLETE);
	fclose(out);
	assert_string_equal(text, whole);
	trace_reader_free(reader);
	memory_file_release(&file);
}

static long failing_source(void *context, void *bytes, size_t size_bytes, struct error *err)
{
	struct memory_file *file = context;
	long got = memory_file_source(file, bytes, size_bytes, err);

	return got ? got : error_set(err, -EIO, "reading: the disk is on fire");
}

static void test_source_errors_come_through(void **state)
{
	struct memory_file file = {0};
	struct trace_reader *reader = NULL;
	struct trace_record record;
	struct error err = {0};
	int ret;

	(void)state;
	assert_int_equal(trace_reader_new(&reader, "t", failing_source, &file, &err), -EIO);
	assert_string_equal(err.message, "reading: the disk is on fire");
	assert_int_equal(sample_trace_write(memory_file_sink, &file, NULL), 0);
	file.content.size_bytes -= 3;
	assert_int_equal(trace_reader_new(&reader, "t", failing_source, &file, &err), 0);
	while ((ret = trace_reader_next(reader, &record, &err)) > 0)
		;
	assert_int_equal(ret, -EIO);
	assert_string_equal(err.message, "reading: the disk is on fire");
	/* What was read before can be used, and nobody takes it for the whole. */
	assert_int_equal(trace_reader_next(reader, &record, &err), 0);
	assert_int_equal(trace_reader_ending(reader, NULL), TRACE_ENDING_CUT);
	trace_reader_free(reader);
	memory_file_release(&file);
}

/* A trace that is being put together by hand. */
struct maker {
	struct buffer trace, payload, body, column;
};

static void maker_begin(struct maker *maker, uint16_t minor)
{
	*maker = (struct maker){0};
	hand_made_header(&maker->trace, 1, minor);
}

static void maker_release(struct maker *maker)
{
	buffer_release(&maker->trace);
	buffer_release(&maker->payload);
	buffer_release(&maker->body);
	buffer_release(&maker->column);
}

#define RECORD(maker, type, ...)                                                                                       \
	do {                                                                                                           \
		VARINTS(&(maker)->body, __VA_ARGS__);                                                                  \
		hand_made_record(&(maker)->payload, type, &(maker)->body);                                             \
	} while (0)

#define COLUMN(maker, number, ...)                                                                                     \
	do {                                                                                                           \
		VARINTS(&(maker)->column, __VA_ARGS__);                                                                \
		hand_made_column(&(maker)->body, number, &(maker)->column);                                            \
	} while (0)

/* One entry in each dictionary: string 1, module 1, cache 1, file 1, frames 1 (kernel) and 2 (user), node 1, task 1. */
static void maker_dictionaries(struct maker *maker)
{
	hand_made_string(&maker->payload, "s");
	RECORD(maker, TRACE_RECORD_MODULES, 1, 1, 4096, 10, 0);
	RECORD(maker, TRACE_RECORD_CACHES, 1, 1, 1, 0, 8, 8, 512, 0, 8, 9);
	RECORD(maker, TRACE_RECORD_FILES, 1, 1, 0);
	RECORD(maker, TRACE_RECORD_FRAMES, 2, 0, 16, 1, 2, 1, 1, 1, 99);
	RECORD(maker, TRACE_RECORD_NODES, 1, 0, 1);
	RECORD(maker, TRACE_RECORD_TASKS, 1, 10, 11, 1);
}

#define DICTIONARY_LINES                                                                                               \
	"string 1 \"s\"\nmodule 1 \"s\" text=0x1000 size=10 build_id=\n"                                               \
	"cache 1 \"s\" requested=\"s\" aliases=\"\" object_size=8 slab_size=8 per_slab=512 order=0 align=8 percpu=9\n" \
	"file 1 \"s\" build_id=\nframe 1 kernel 0x8 symbol=\"s\" +0x2 module=1\nframe 2 user file=1 +0x63\n"           \
	"node 1 parent=0 frame=1\ntask 1 pid=10 tid=11 comm=\"s\"\n"

/* Seals what was made, reads it and checks the text and how it ended; frees the maker. */
static void maker_expect(struct maker *maker, int wanted, const char *wanted_text, const char *sentence)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct error err;

	if (maker->payload.size_bytes)
		hand_made_block(&maker->trace, &maker->payload);
	int ending = read_bytes(maker->trace.bytes, maker->trace.size_bytes, &text, &err);
	maker_release(maker);
	assert_string_equal(text, wanted_text);
	assert_string_equal(err.message, sentence);
	assert_int_equal(ending, wanted);
}

static void test_newer_minor_is_skipped(void **state)
{
	struct maker maker;

	(void)state;
	maker_begin(&maker, 7);
	RECORD(&maker, 99, 1, 2, 3);
	RECORD(&maker, UINT64_MAX, 1);
	hand_made_record(&maker.payload, 0, &maker.body);
	maker_dictionaries(&maker);
	/* Trailing bytes of single records, of batches and of dictionaries. */
	RECORD(&maker, TRACE_RECORD_LOSS, 5, 1, 2, 3, 77, 78);
	RECORD(&maker, TRACE_RECORD_NOTES, 1, 1, 77);
	RECORD(&maker, TRACE_RECORD_TASKS, 0, 1, 2, 3);
	VARINTS(&maker.body, 1, 100);
	COLUMN(&maker, 200, 1, 2, 3);
	for (uint64_t column = TRACE_COLUMN_KIND; column <= TRACE_COLUMN_CACHE; column++)
		COLUMN(&maker, column, 0, 12, 13);
	COLUMN(&maker, UINT64_MAX, 1);
	COLUMN(&maker, 11, 1);
	COLUMN(&maker, 0, 1);
	hand_made_record(&maker.payload, TRACE_RECORD_EVENTS, &maker.body);
	RECORD(&maker, TRACE_RECORD_END, 9, 1, 1, 44, 45);
	/* And nobody reads behind the end. */
	buffer_add(&maker.payload, "\xff\xff\xff", 3);
	maker_expect(&maker, TRACE_ENDING_COMPLETE,
		     DICTIONARY_LINES "loss t=5 cpu=1 ring=tasks lost=3\nnote \"s\"\n"
				      "event alloc t=100 cpu=0 task=0 stack=0 cache=0 req=0 gfp=0x0 node=-1 object=1\n"
				      "totals t=9 events=1 allocs=1\nend complete\n",
		     "");
}

static void test_block_headers_that_lie(void **state)
{
	static const struct {
		uint32_t codec, raw_bytes, stored_bytes;
		const char *sentence;
	} cases[] = {
		{0, 0, 8, "no block begins here"},
		{0, (1u << 20) + 1, 8, "no block begins here"},
		{1, UINT32_MAX, 8, "no block begins here"},
		{0, 9, 8, "the block does not unpack to what its header says"},
		{0, 7, 8, "the block does not unpack to what its header says"},
		{1, 8, 8, "the block does not unpack to what its header says"},
		{2, 8, 8, "the block does not unpack to what its header says"},
		{UINT32_MAX, 8, 8, "the block does not unpack to what its header says"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char sentence[256];
		struct maker maker;

		maker_begin(&maker, 0);
		hand_made_block_saying(&maker.trace, cases[i].codec, cases[i].raw_bytes, "\x7f\x03\0\0\0\0\0\0",
				       cases[i].stored_bytes);
		snprintf(sentence, sizeof(sentence), "t: damaged at byte 16: %s; what was recorded before is used",
			 cases[i].sentence);
		maker_expect(&maker, TRACE_ENDING_DAMAGED, "end damaged at byte 16\n", sentence);
	}
}

static void test_block_sizes_beyond_the_input(void **state)
{
	static const uint32_t sizes[] = {0, 9, 1u << 20, (1u << 20) + 1, 1u << 31, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		bool is_possible = sizes[i] && sizes[i] <= 1u << 20;
		struct maker maker;

		maker_begin(&maker, 0);
		hand_made_block_saying(&maker.trace, 0, 8, "\x7f\x03\0\0\0\0\0\0", 8);
		for (int byte = 0; byte < 4; byte++)
			maker.trace.bytes[16 + 4 + byte] = (uint8_t)(sizes[i] >> 8 * byte);
		maker_expect(
			&maker, is_possible ? TRACE_ENDING_CUT : TRACE_ENDING_DAMAGED,
			is_possible ? "end cut at byte 16\n" : "end damaged at byte 16\n",
			is_possible ? "t: cut at byte 16: the last block is not whole; what was recorded before is used"
				    : "t: damaged at byte 16: no block begins here; what was recorded before is used");
	}
}

/* A zstd frame of size_bytes zeros in stored. Returns its size. */
static size_t zstd_zeros(uint8_t *stored, size_t capacity_bytes, size_t size_bytes)
{
	CLEANUP(cleanup_free) uint8_t *zeros = calloc(1, size_bytes);
	size_t packed = ZSTD_compress(stored, capacity_bytes, zeros, size_bytes, 19);

	assert_false(ZSTD_isError(packed));
	return packed;
}

static void expect_zstd_damage(const uint8_t *stored, size_t stored_bytes, uint32_t raw_bytes)
{
	struct maker maker;

	maker_begin(&maker, 0);
	hand_made_block_saying(&maker.trace, 1, raw_bytes, stored, (uint32_t)stored_bytes);
	maker_expect(&maker, TRACE_ENDING_DAMAGED, "end damaged at byte 16\n",
		     "t: damaged at byte 16: the block does not unpack to what its header says; what was recorded "
		     "before is used");
}

static void test_zstd_frames_that_lie(void **state)
{
	static uint8_t stored[1 << 20];
	size_t packed = zstd_zeros(stored, sizeof(stored), 256u << 20);

	(void)state;
	/* 256 MiB of zeros in 1 MiB at most. */
	assert_true(packed < 1u << 20);
	expect_zstd_damage(stored, packed, 1u << 20);
	packed = zstd_zeros(stored, sizeof(stored), 1000);
	expect_zstd_damage(stored, packed, 999);
	expect_zstd_damage(stored, packed, 1001);
	expect_zstd_damage(stored, packed - 1, 1000);
	/* "One zstd frame": nothing behind it, no second one, none that is skipped. */
	expect_zstd_damage(stored, packed + 1, 1000);
	packed += zstd_zeros(stored + packed, sizeof(stored) - packed, 1000);
	expect_zstd_damage(stored, packed, 2000);
	memcpy(stored, "\x50\x2a\x4d\x18\x01\0\0\0x", 9);
	packed = 9 + zstd_zeros(stored + 9, sizeof(stored) - 9, 1000);
	expect_zstd_damage(stored, packed, 1000);
}

/* Reads the record behind a trace that is good so far, and expects that it is refused there. */
static void expect_bad_record(uint64_t type, const char *bytes, size_t size_bytes, const char *what)
{
	struct maker maker;
	char sentence[256], text[1024];

	maker_begin(&maker, 0);
	maker_dictionaries(&maker);
	hand_made_block(&maker.trace, &maker.payload);
	size_t good = maker.trace.size_bytes;
	buffer_add(&maker.body, bytes, size_bytes);
	hand_made_record(&maker.payload, type, &maker.body);
	hand_made_end(&maker.payload, 0, 0);
	snprintf(sentence, sizeof(sentence), "t: damaged at byte %zu: %s; what was recorded before is used", good,
		 what);
	snprintf(text, sizeof(text), "%send damaged at byte %zu\n", DICTIONARY_LINES, good);
	maker_expect(&maker, TRACE_ENDING_DAMAGED, text, sentence);
}

#define DICTIONARY_WRONG "a dictionary record is not as the format says"
#define EVENTS_WRONG "an event record is not as the format says"
#define RECORD_WRONG "a record is not as the format says"
#define BAD(type, bytes, what) expect_bad_record(type, bytes, sizeof(bytes) - 1, what)
#define MANY "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"

static void test_bad_dictionaries(void **state)
{
	(void)state;
	BAD(TRACE_RECORD_STRINGS, "", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_STRINGS, MANY, DICTIONARY_WRONG);
	BAD(TRACE_RECORD_STRINGS, "\x01", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_STRINGS, "\x01\x05xxxx", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_STRINGS, "\x01" MANY "x", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_STRINGS, "\x01\x81\x80\x04x", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_MODULES, "\x01\x02\x00\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_MODULES, "\x01\x01\x00\x00\x41", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_MODULES, "\x01\x01\x00\x00\x05xxxx", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_CACHES, "\x01\x02\x00\x00\x00\x00\x00\x00\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_CACHES, "\x01\x00\x02\x00\x00\x00\x00\x00\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_CACHES, "\x01\x00\x00" MANY "\x00\x00\x00\x00\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_CACHES, "\x01\x00\x00\x00" MANY "\x00\x00\x00\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_CACHES, "\x01\x00\x00\x00\x00\x00\x00\x40\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_CACHES, "\x01\x00\x00\x00\x00\x00\x00\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_FILES, "\x01\x02\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_FILES, "\x01\x01" MANY, DICTIONARY_WRONG);
	BAD(TRACE_RECORD_FRAMES, "\x01\x02\x00\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_FRAMES, "\x01\x00\x00\x02\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_FRAMES, "\x01\x00\x00\x00\x00\x02", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_FRAMES, "\x01\x01\x02\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_NODES, "\x01\x02\x01", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_NODES, "\x01" MANY "\x01", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_NODES, "\x01\x00\x03", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_TASKS, "\x01\x00\x00\x02", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_TASKS, "\x01\x80\x80\x80\x80\x10\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_TASK_CGROUPS, "\x01\x02\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_TASK_CGROUPS, "\x01\x00\x7f", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_TASK_CGROUPS, "\x02\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_USER_SYMBOLS, "\x01\x03\x00\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_USER_SYMBOLS, "\x01\x02\x02\x00", DICTIONARY_WRONG);
	BAD(TRACE_RECORD_USER_SYMBOLS, "\x02\x00\x00\x00\x00", DICTIONARY_WRONG);
}

static void test_bad_records(void **state)
{
	(void)state;
	BAD(TRACE_RECORD_FACTS, "", RECORD_WRONG);
	BAD(TRACE_RECORD_FACTS, "\x80", RECORD_WRONG);
	BAD(TRACE_RECORD_FACTS, "\x01\x02\x01", RECORD_WRONG);
	BAD(TRACE_RECORD_FACTS, "\x01\x01\x02", RECORD_WRONG);
	BAD(TRACE_RECORD_FACTS, MANY, RECORD_WRONG);
	BAD(TRACE_RECORD_COUNTERS, "\x01\x02\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_COUNTERS, "\x01\x01", RECORD_WRONG);
	BAD(TRACE_RECORD_NOTES, "\x01\x02", RECORD_WRONG);
	BAD(TRACE_RECORD_NOTES, "", RECORD_WRONG);
	/* There is no object 0, and none that was not allocated before. */
	BAD(TRACE_RECORD_LIVE, "\x01\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_LIVE, "\x01\x01\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_LIVE, "", RECORD_WRONG);
	BAD(TRACE_RECORD_CENSUS, "\x00\x02\x00\x00\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_CENSUS, "\x00\x01\x03\x00\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_CENSUS, "\x00\x01\x00\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_MEMINFO, "\x00\x03\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_LOSS, "\x00\x00\x03\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_LOSS, "\x00" MANY "\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_PROBES, "\x02\x00\x00\x00\x00\x00\x00\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_PROBES, "\x00\x00\x00\x00\x02\x00\x00\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_PROBES, "\x00\x00\x00\x00\x00\x00\x10\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_UNSEEN, "\x00\x00\x02\x00\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_UNSEEN, "\x00\x00\x00" MANY "\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_UNSEEN, "\x00\x00\x00\x00\x02\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_UNSEEN, "\x00\x00\x00\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_RECLAIM, "", RECORD_WRONG);
	BAD(TRACE_RECORD_CONTENTS, "\x00\x01\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_CONTENTS, "\x01\x01\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_CONTENTS, "", RECORD_WRONG);
	BAD(TRACE_RECORD_PROBE_CPUS, "\x02\x00\x00\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_PROBE_CPUS, "\x00" MANY "\x00\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_PROBE_CPUS, "\x00\x00\x00\x00", RECORD_WRONG);
	BAD(TRACE_RECORD_END, "\x00\x00", RECORD_WRONG);
}

static void test_records_beyond_their_block(void **state)
{
	static const char *const payloads[] = {"\x63", "\x63\x05xxxx", "\x80", "\x01" MANY, MANY MANY "xx"};

	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
		struct maker maker;

		maker_begin(&maker, 0);
		buffer_add(&maker.payload, payloads[i], strlen(payloads[i]));
		maker_expect(
			&maker, TRACE_ENDING_DAMAGED, "end damaged at byte 16\n",
			"t: damaged at byte 16: a record is longer than its block; what was recorded before is used");
	}
}

static void test_end_that_counts_otherwise(void **state)
{
	struct maker maker;

	(void)state;
	maker_begin(&maker, 0);
	hand_made_end(&maker.payload, 3, 0);
	maker_expect(&maker, TRACE_ENDING_DAMAGED, "totals t=1000 events=3 allocs=0\nend damaged at byte 16\n",
		     "t: damaged at byte 16: END tells 3 events, 0 were read; what was recorded before is used");
	maker_begin(&maker, 0);
	hand_made_end(&maker.payload, 0, 1);
	maker_expect(&maker, TRACE_ENDING_DAMAGED, "totals t=1000 events=0 allocs=1\nend damaged at byte 16\n",
		     "t: damaged at byte 16: END tells 1 allocations, 0 were read; what was recorded before is used");
}

/* An EVENTS record of one event with these values; a column of NONE is left out, of EMPTY has no value. */
#define NONE UINT64_MAX
#define EMPTY (UINT64_MAX - 1)

struct event_case {
	uint64_t count;
	uint64_t values[TRACE_COLUMN_COUNT];
	const char *text;
	const char *sentence;
};

static void maker_events(struct maker *maker, const struct event_case *wanted)
{
	VARINTS(&maker->body, wanted->count, 100);
	for (uint64_t column = 1; column < TRACE_COLUMN_COUNT; column++) {
		if (wanted->values[column] == EMPTY)
			hand_made_column(&maker->body, column, &maker->column);
		else if (wanted->values[column] != NONE)
			COLUMN(maker, column, wanted->values[column]);
	}
	hand_made_record(&maker->payload, TRACE_RECORD_EVENTS, &maker->body);
}

/* One allocation, so that there is an object, and behind it the events of the case. */
static void expect_events(const struct event_case *wanted)
{
	const struct event_case first = {.count = 1};
	struct maker maker;
	char sentence[256] = "", text[1024];

	maker_begin(&maker, 0);
	maker_dictionaries(&maker);
	maker_events(&maker, &first);
	hand_made_block(&maker.trace, &maker.payload);
	size_t good = maker.trace.size_bytes;
	maker_events(&maker, wanted);
	if (wanted->sentence)
		snprintf(sentence, sizeof(sentence), "t: damaged at byte %zu: %s; what was recorded before is used",
			 good, wanted->sentence);
	snprintf(text, sizeof(text),
		 "%sevent alloc t=100 cpu=0 task=0 stack=0 cache=0 req=0 gfp=0x0 node=0 object=1\n%send %s at byte "
		 "%zu\n",
		 DICTIONARY_LINES, wanted->text ? wanted->text : "", wanted->sentence ? "damaged" : "cut",
		 wanted->sentence ? good : maker.trace.size_bytes + 20 + maker.payload.size_bytes);
	if (!wanted->sentence)
		snprintf(sentence, sizeof(sentence),
			 "t: cut at byte %zu: the recording has no end; what was recorded before is used",
			 maker.trace.size_bytes + 20 + maker.payload.size_bytes);
	maker_expect(&maker, wanted->sentence ? TRACE_ENDING_DAMAGED : TRACE_ENDING_CUT, text, sentence);
}

#define ALLOC_LINE(req, gfp, node)                                                                                     \
	"event alloc t=100 cpu=0 task=1 stack=1 cache=1 req=" req " gfp=" gfp " node=" node " object=2\n"

static void test_events_at_their_limits(void **state)
{
	static const struct event_case cases[] = {
		{.count = 0, .values = {0}},
		{.count = 1, .values = {0, 0, 0, 0, 1, 1, 1, 5, 6, 7, NONE}, .text = ALLOC_LINE("5", "0x6", "-4")},
		{.count = 1,
		 .values = {0, 0, 0, 0, 1, 1, 1, NONE, NONE, NONE, NONE},
		 .text = ALLOC_LINE("0", "0x0", "-1")},
		{.count = 1,
		 .values = {0, 0, 0, 0, 1, 1, 1, INT64_MAX, UINT32_MAX, UINT32_MAX, NONE},
		 .text = ALLOC_LINE("9223372036854775807", "0xffffffff", "-2147483648")},
		{.count = 1,
		 .values = {0, 1, 3, UINT32_MAX, 0, 0, NONE, NONE, NONE, NONE, 0},
		 .text = "event free t=98 cpu=4294967295 task=0 stack=0 object=1\n"},
		{.count = 1,
		 .values = {0, 2, 0, 0, 0, 0, EMPTY, EMPTY, EMPTY, EMPTY, 0},
		 .text = "event free_implied t=100 cpu=0 task=0 stack=0 object=1\n"},
		{.count = 1,
		 .values = {0, 3, 0, 0, 0, 0, 1, NONE, NONE, NONE, NONE},
		 .text = "event free_older t=100 cpu=0 task=0 stack=0 cache=1\n"},
		/* Time may pass below 0 on the way; the numbers are modulo 2^64. */
		{.count = 1,
		 .values = {0, 3, 201, 0, 0, 0, 1, NONE, NONE, NONE, NONE},
		 .text = "event free_older t=18446744073709551615 cpu=0 task=0 stack=0 cache=1\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_events(&cases[i]);
}

static void test_bad_events(void **state)
{
	static const struct event_case cases[] = {
		{.count = 1, .values = {0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0}},	    /* no such kind */
		{.count = 1, .values = {0, 0, 0, 1ull << 32, 0, 0, 0, 0, 0, 0, 0}}, /* cpu */
		{.count = 1, .values = {0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0}},	    /* task */
		{.count = 1, .values = {0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0}},	    /* stack */
		{.count = 1, .values = {0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0}},	    /* cache */
		{.count = 1, .values = {0, 3, 0, 0, 0, 0, 1ull << 32, 0, 0, 0, 0}},
		{.count = 1, .values = {0, 0, 0, 0, 0, 0, 0, 0, 1ull << 32, 0, 0}}, /* gfp */
		{.count = 1, .values = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1ull << 32, 0}}, /* node */
		{.count = 1, .values = {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1}},	    /* back to object 0 */
		{.count = 1, .values = {0, 2, 0, 0, 0, 0, 0, 0, 0, 0, INT64_MAX}},
		{.count = 2,
		 .values = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		 .text = "event alloc t=100 cpu=0 task=0 stack=0 cache=0 req=0 gfp=0x0 node=0 object=2\n"},
		/* Columns that are not there, or have nothing in them. */
		{.count = 1, .values = {0, NONE, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		{.count = 1, .values = {0, 0, NONE, 0, 0, 0, 0, 0, 0, 0, 0}},
		{.count = 1, .values = {0, 0, 0, NONE, 0, 0, 0, 0, 0, 0, 0}},
		{.count = 1, .values = {0, 0, 0, 0, NONE, 0, 0, 0, 0, 0, 0}},
		{.count = 1, .values = {0, 0, 0, 0, 0, NONE, 0, 0, 0, 0, 0}},
		{.count = 1, .values = {0, 0, 0, 0, 0, 0, NONE, 0, 0, 0, 0}},
		{.count = 1, .values = {0, 3, 0, 0, 0, 0, NONE, 0, 0, 0, 0}},
		{.count = 1, .values = {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, NONE}},
		{.count = 1, .values = {0, 0, EMPTY, 0, 0, 0, 0, 0, 0, 0, 0}},
		{.count = 1, .values = {0, 0, 0, 0, 0, 0, 0, EMPTY, 0, 0, 0}},
		{.count = 1, .values = {0, 0, 0, 0, 0, 0, 0, 0, EMPTY, 0, 0}},
		{.count = 1, .values = {0, 0, 0, 0, 0, 0, 0, 0, 0, EMPTY, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct event_case wanted = cases[i];

		wanted.sentence = RECORD_WRONG;
		expect_events(&wanted);
	}
	expect_events(&(struct event_case){.count = (1u << 20) + 1, .sentence = EVENTS_WRONG});
	BAD(TRACE_RECORD_EVENTS, "", EVENTS_WRONG);
	BAD(TRACE_RECORD_EVENTS, "\x01", EVENTS_WRONG);
	BAD(TRACE_RECORD_EVENTS, "\x01\x00\x01\x05\x00", EVENTS_WRONG);
	BAD(TRACE_RECORD_EVENTS, "\x01\x00\x01", EVENTS_WRONG);
	BAD(TRACE_RECORD_EVENTS, "\x01\x00\x01" MANY, EVENTS_WRONG);
	/* A free before there is any allocation. */
	BAD(TRACE_RECORD_EVENTS, "\x01\x00\x01\x01\x01\x02\x01\x00\x03\x01\x00\x04\x01\x00\x05\x01\x00\x0a\x01\x00",
	    RECORD_WRONG);
}

/* Small input must not make large tables: zstd packs a million empty entries into nothing. */
static void expect_too_much(enum trace_record_type type, size_t entry_bytes, uint32_t most, const char *sentence)
{
	static uint8_t stored[1 << 20];
	const uint32_t per_block = (uint32_t)(((1u << 20) - 32) / entry_bytes);
	struct buffer trace = {0}, payload = {0}, body = {0};
	CLEANUP(cleanup_free) char *text = NULL;
	struct error err;

	hand_made_header(&trace, 1, 0);
	for (uint32_t left = most + 1; left;) {
		uint32_t count = left < per_block ? left : per_block;

		VARINTS(&body, count);
		for (uint64_t i = 0; i < (uint64_t)count * entry_bytes; i++)
			buffer_add_u8(&body, 0);
		hand_made_record(&payload, type, &body);
		size_t packed = ZSTD_compress(stored, sizeof(stored), payload.bytes, payload.size_bytes, 1);
		hand_made_block_saying(&trace, 1, (uint32_t)payload.size_bytes, stored, (uint32_t)packed);
		buffer_clear(&payload);
		left -= count;
	}
	assert_int_equal(read_bytes(trace.bytes, trace.size_bytes, &text, &err), -EFBIG);
	assert_string_equal(err.message, sentence);
	assert_non_null(strstr(text, "\nend limit\n"));
	buffer_release(&trace);
	buffer_release(&payload);
	buffer_release(&body);
}

static void test_dictionary_limits(void **state)
{
	(void)state;
	expect_too_much(TRACE_RECORD_MODULES, 4, 1u << 16, "t: more than 65536 modules: not read further");
	expect_too_much(TRACE_RECORD_CACHES, 9, 1u << 16, "t: more than 65536 caches: not read further");
	expect_too_much(TRACE_RECORD_FILES, 2, 1u << 18, "t: more than 262144 files: not read further");
}

static void test_dictionary_access_out_of_range(void **state)
{
	struct memory_file file = {0};
	struct trace_reader *reader = NULL;
	struct trace_record record;

	(void)state;
	assert_int_equal(sample_trace_write(memory_file_sink, &file, NULL), 0);
	assert_int_equal(trace_reader_new(&reader, "t", memory_file_source, &file, NULL), 0);
	assert_null(trace_reader_frame(reader, 1));
	while (trace_reader_next(reader, &record, NULL) > 0)
		;
	assert_int_equal(trace_reader_next(reader, &record, NULL), 0);
	const uint32_t ids[] = {0, trace_reader_node_count(reader) + 1000, UINT32_MAX};
	for (size_t i = 0; i < 3; i++) {
		assert_null(trace_reader_module(reader, ids[i]));
		assert_null(trace_reader_cache(reader, ids[i]));
		assert_null(trace_reader_file(reader, ids[i]));
		assert_null(trace_reader_frame(reader, ids[i]));
		assert_null(trace_reader_node(reader, ids[i]));
		assert_null(trace_reader_task(reader, ids[i]));
		assert_string_equal(trace_reader_text(reader, ids[i]), "");
	}
	trace_reader_free(reader);
	trace_reader_free(NULL);
	memory_file_release(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_no_trace),
		cmocka_unit_test(test_each_prefix),
		cmocka_unit_test(test_each_flipped_bit),
		cmocka_unit_test(test_small_reads),
		cmocka_unit_test(test_source_errors_come_through),
		cmocka_unit_test(test_newer_minor_is_skipped),
		cmocka_unit_test(test_block_headers_that_lie),
		cmocka_unit_test(test_block_sizes_beyond_the_input),
		cmocka_unit_test(test_zstd_frames_that_lie),
		cmocka_unit_test(test_bad_dictionaries),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_records_beyond_their_block),
		cmocka_unit_test(test_end_that_counts_otherwise),
		cmocka_unit_test(test_events_at_their_limits),
		cmocka_unit_test(test_bad_events),
		cmocka_unit_test(test_dictionary_limits),
		cmocka_unit_test(test_dictionary_access_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
