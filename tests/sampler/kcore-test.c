/* Core files made by hand, good and hostile, and which objects of a live table are copied from one. */
#include "tests/cmocka_unit.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sampler/kcore.h"
#include "sampler/peek.h"
#include "tests/sampler/written_trace.h"

#define BASE 0xffff888000000000u
#define MODULES 0xffffffffc0000000u
#define DATA_BYTES 4096u
#define DATA_AT 8192u

struct core {
	Elf64_Ehdr header;
	Elf64_Phdr segments[4];
	uint8_t data[DATA_BYTES];
	char path[64];
};

static uint8_t byte_at(size_t at)
{
	return (uint8_t)(at ^ at >> 8);
}

/* A note, one segment of memory, one that wraps and one that is beyond any file. */
static void core_init(struct core *core)
{
	*core = (struct core){
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_CORE,
			   .e_phoff = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 4},
		.segments = {{.p_type = PT_NOTE, .p_vaddr = MODULES, .p_filesz = 64, .p_offset = 64},
			     {.p_type = PT_LOAD, .p_vaddr = BASE, .p_filesz = DATA_BYTES, .p_memsz = DATA_BYTES, .p_offset = DATA_AT},
			     {.p_type = PT_LOAD, .p_vaddr = MODULES, .p_filesz = UINT64_MAX - 4096, .p_offset = DATA_AT},
			     {.p_type = PT_LOAD, .p_vaddr = MODULES, .p_filesz = 4096, .p_offset = INT64_MAX - 100}},
		.path = "/tmp/kcore-test.XXXXXX"};
	for (size_t i = 0; i < DATA_BYTES; i++)
		core->data[i] = byte_at(i);
}

static int core_open(struct core *core, struct kcore *kcore, size_t size_bytes, struct error *err)
{
	int fd = mkstemp(core->path);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, core->data, DATA_BYTES, DATA_AT), DATA_BYTES);
	assert_int_equal(pwrite(fd, &core->header, sizeof(core->header), 0), sizeof(core->header));
	assert_int_equal(pwrite(fd, core->segments, sizeof(core->segments), sizeof(core->header)), sizeof(core->segments));
	assert_int_equal(ftruncate(fd, (off_t)size_bytes), 0);
	close(fd);
	int ret = kcore_open(kcore, core->path, err);
	unlink(core->path);
	strcpy(core->path, "/tmp/kcore-test.XXXXXX");
	return ret;
}

static void test_read(void **state)
{
	struct core core;
	struct kcore kcore;
	uint8_t bytes[64];
	uint64_t offset = 0;

	(void)state;
	core_init(&core);
	assert_int_equal(core_open(&core, &kcore, DATA_AT + DATA_BYTES, NULL), 0);
	assert_int_equal(kcore.segment_count, 1);
	assert_int_equal(kcore_read(&kcore, BASE + 1000, bytes, sizeof(bytes)), 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], byte_at(1000 + i));
	assert_int_equal(kcore_offset(&kcore, BASE + DATA_BYTES - 64, 64, &offset), 0);
	assert_int_equal(offset, DATA_AT + DATA_BYTES - 64);
	assert_int_equal(kcore_offset(&kcore, BASE + DATA_BYTES - 64, 65, &offset), -EFAULT);
	assert_int_equal(kcore_offset(&kcore, BASE + DATA_BYTES, 1, &offset), -EFAULT);
	assert_int_equal(kcore_offset(&kcore, BASE - 1, 2, &offset), -EFAULT);
	assert_int_equal(kcore_offset(&kcore, BASE, SIZE_MAX, &offset), -EFAULT);
	assert_int_equal(kcore_offset(&kcore, UINT64_MAX, 2, &offset), -EFAULT);
	assert_int_equal(kcore_offset(&kcore, MODULES, 1, &offset), -EFAULT);
	assert_int_equal(kcore_offset(&kcore, 0, 0, &offset), -EFAULT);
	kcore_close(&kcore);
	/* The file ends within the segment. */
	assert_int_equal(core_open(&core, &kcore, DATA_AT + 100, NULL), 0);
	assert_int_equal(kcore_read(&kcore, BASE, bytes, 64), 0);
	assert_int_equal(kcore_read(&kcore, BASE + 64, bytes, 64), -EIO);
	kcore_close(&kcore);
	assert_int_equal(kcore.fd, -1);
}

static void refuse(struct core *core, size_t size_bytes, int wanted, const char *sentence)
{
	struct error err = {0};
	struct kcore kcore;

	assert_int_equal(core_open(core, &kcore, size_bytes, &err), wanted);
	assert_non_null(strstr(err.message, sentence));
	assert_int_equal(kcore.fd, -1);
	core_init(core);
}

static void test_refused(void **state)
{
	struct error err = {0};
	struct core core;
	struct kcore kcore;

	(void)state;
	core_init(&core);
	refuse(&core, 0, -EIO, "/tmp/kcore-test");
	refuse(&core, 20, -EIO, "/tmp/kcore-test");
	refuse(&core, sizeof(core.header) + 100, -EIO, "the table of segments");
	core.header.e_ident[0] = 0;
	refuse(&core, 16384, -EINVAL, "is no ELF core file");
	core.header.e_type = ET_EXEC;
	refuse(&core, 16384, -EINVAL, "is no ELF core file");
	core.header.e_ident[EI_CLASS] = ELFCLASS32;
	refuse(&core, 16384, -EINVAL, "is of no 64-bit little-endian machine");
	core.header.e_ident[EI_DATA] = ELFDATA2MSB;
	refuse(&core, 16384, -EINVAL, "is of no 64-bit little-endian machine");
	core.header.e_phentsize--;
	refuse(&core, 16384, -EINVAL, "has no table of segments");
	core.header.e_phnum = 0;
	refuse(&core, 16384, -EINVAL, "has no table of segments");
	core.header.e_phnum = PN_XNUM;
	refuse(&core, 16384, -EINVAL, "has no table of segments");
	core.header.e_phoff = UINT64_MAX;
	refuse(&core, 16384, -EINVAL, "has no table of segments");
	core.segments[1].p_filesz = 0;
	refuse(&core, 16384, -EINVAL, "has no segment of memory");
	assert_int_equal(kcore_open(&kcore, "/nowhere/kcore", &err), -ENOENT);
	assert_non_null(strstr(err.message, "/nowhere/kcore: No such file"));
}

static void add_object(struct peek *peek, struct live_table *live, uint64_t serial, uint64_t address, uint16_t cache, uint32_t stack)
{
	assert_int_equal(peek_allocated(peek, address, stack), 0);
	assert_int_equal(live_table_add(live, &(struct live_object){.address = address, .serial = serial, .cache = cache}), 0);
}

/* Reads the CONTENTS of the trace: objects in order, with how many bytes each; what they are is checked. */
static void expect_contents(struct written_trace *trace, const uint64_t *objects, const uint64_t *addresses, const uint32_t *sizes, size_t count)
{
	struct trace_reader *reader = NULL;
	struct trace_record record;
	size_t got = 0;

	assert_int_equal(trace_writer_end(trace->writer, 0, NULL), 0);
	assert_int_equal(trace_reader_new(&reader, "memory", written_trace_source, trace, NULL), 0);
	while (trace_reader_next(reader, &record, NULL) > 0) {
		if (record.type != TRACE_RECORD_CONTENTS)
			continue;
		assert_true(got < count);
		assert_int_equal(record.contents.object, objects[got]);
		assert_int_equal(record.contents.size_bytes, sizes[got]);
		for (uint32_t i = 0; i < sizes[got]; i++)
			assert_int_equal(record.contents.bytes[i], byte_at(addresses[got] - BASE + i));
		got++;
	}
	assert_int_equal(got, count);
	trace_reader_free(reader);
}

/* The oldest 8 of each stack and cache; no more bytes than the object has; none that is freed; what is not mapped is counted. */
static void test_peek(void **state)
{
	struct slab_cache caches[] = {{.object_size_bytes = 48}, {.object_size_bytes = 1024}};
	struct slab_cache_list selected = {.caches = caches, .count = 2};
	struct written_trace *trace = written_trace_new();
	struct live_table live = {0};
	struct peek peek = {.size_bytes = 100, .kcore.fd = -1};
	uint64_t objects[32], addresses[32], serial = 0;
	uint32_t sizes[32];
	uint16_t cache;
	size_t count = 0;
	struct core core;

	(void)state;
	core_init(&core);
	assert_int_equal(core_open(&core, &peek.kcore, DATA_AT + DATA_BYTES, NULL), 0);
	for (uint64_t i = 0; i < 40; i++) {
		trace_writer_event(trace->writer, &(struct trace_event){.node = -1});
		uint64_t address = BASE + i * 64;

		/* Two sites: the odd ones of another cache, with the same stack. */
		add_object(&peek, &live, ++serial, address, i & 1, 7);
		if (i == 2) {
			uint64_t freed;

			assert_int_equal(live_table_free(&live, &(struct live_free){.address = address, .time_ns = 1}, &freed, &cache), LIVE_DEATH_MATCHED);
			continue;
		}
		if (i < 18 && (i & 1 ? i < 16 : true)) {
			objects[count] = serial;
			addresses[count] = address;
			sizes[count++] = i & 1 ? 100 : 48;
		}
	}
	trace_writer_event(trace->writer, &(struct trace_event){.node = -1});
	add_object(&peek, &live, ++serial, MODULES, 0, 8);
	peek_write(&peek, &live, &selected, trace->writer);
	assert_int_equal(peek.peeked, 16);
	assert_int_equal(peek.failed, 1);
	assert_string_equal(peek.problem, "objects are outside of what /proc/kcore has");
	expect_contents(trace, objects, addresses, sizes, count);
	peek_close(&peek);
	live_table_release(&live);
	written_trace_free(trace);
}

static void test_peek_is_not_allowed(void **state)
{
	struct written_trace *trace = written_trace_new();
	struct live_table live = {0};
	struct peek peek;

	(void)state;
	peek_open(&peek, 64, "/nowhere/kcore");
	assert_non_null(strstr(peek.problem, "/nowhere/kcore: No such file"));
	add_object(&peek, &live, 1, BASE, 0, 1);
	peek_write(&peek, &live, &(struct slab_cache_list){0}, trace->writer);
	assert_int_equal(peek.peeked + peek.failed, 0);
	expect_contents(trace, NULL, NULL, NULL, 0);
	peek_close(&peek);
	live_table_release(&live);
	written_trace_free(trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_peek),
		cmocka_unit_test(test_peek_is_not_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
