/* Perf's records decoded: each kind, each truncation, sizes that lie. */
#include "tests/cmocka_unit.h"

#include "sampler/sample.h"
#include "tests/sampler/perf_record.h"
#include "tests/random.h"

#define CHAIN_ID 70
#define PLAIN_ID 71
#define STACK_ID 72

static const struct perf_record_origin with_chain = {
	.id = CHAIN_ID, .time_ns = 12345678901ull, .pid = 10, .tid = 11, .cpu = 3};
static const struct perf_record_origin plain = {
	.id = PLAIN_ID, .time_ns = 12345678902ull, .pid = 10, .tid = -1, .cpu = 2};
static const uint64_t chain[] = {PERF_CONTEXT_KERNEL, 0xffffffff81000000, PERF_CONTEXT_USER, 0x401000};

static unsigned int parts_of(void *context, uint64_t id)
{
	++*(int *)context;
	return id == CHAIN_ID ? SAMPLE_WITH_CHAIN : id == STACK_ID ? SAMPLE_WITH_CHAIN | SAMPLE_WITH_STACK : 0;
}

static size_t decode(struct sample *sample, const void *bytes, size_t size_bytes)
{
	int asked = 0;

	return sample_decode(sample, bytes, size_bytes, parts_of, &asked);
}

static void test_sample_with_and_without_chain(void **state)
{
	struct perf_record record;
	struct sample sample;
	size_t size;

	(void)state;
	perf_record_sample(&record, &with_chain, chain, 4, "0123456789ab", 12);
	assert_int_equal(decode(&sample, record.bytes, sizeof(record.bytes)), record.size);
	assert_int_equal(sample.type, SAMPLE_PROBE);
	assert_int_equal(sample.id, CHAIN_ID);
	assert_int_equal(sample.pid, 10);
	assert_int_equal(sample.tid, 11);
	assert_int_equal(sample.cpu, 3);
	assert_int_equal(sample.time_ns, 12345678901);
	assert_int_equal(sample.chain_count, 4);
	assert_memory_equal(sample.chain, chain, sizeof(chain));
	assert_int_equal(sample.raw_bytes, 12);
	assert_memory_equal(sample.raw, "0123456789ab", 12);
	assert_int_equal(sample_time(record.bytes, record.size, &size), 12345678901);
	assert_int_equal(size, record.size);

	perf_record_sample(&record, &plain, NULL, 0, "abc", 3);
	assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
	assert_int_equal(sample.type, SAMPLE_PROBE);
	assert_int_equal(sample.tid, -1);
	assert_null(sample.chain);
	assert_int_equal(sample.raw_bytes, 4);
	assert_memory_equal(sample.raw, "abc", 4);

	perf_record_sample(&record, &with_chain, chain, 0, "abc", 3);
	assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
	assert_int_equal(sample.type, SAMPLE_PROBE);
	assert_int_equal(sample.chain_count, 0);
}

static const struct perf_record_origin with_stack = {
	.id = STACK_ID, .time_ns = 12345678903ull, .pid = 10, .tid = 11, .cpu = 3};

static void make_with_stack(struct perf_record *record, uint64_t abi, size_t asked_bytes, size_t copied_bytes)
{
	static const uint64_t regs[SAMPLE_USER_REGS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
	static const uint8_t stack[256] = {0xaa, 0xbb};

	perf_record_sample(record, &with_stack, chain, 4, "0123456789ab", 12);
	perf_record_add_stack(record, abi, regs, SAMPLE_USER_REGS, stack, asked_bytes, copied_bytes);
	perf_record_add_cgroup(record, 777);
}

static void test_user_stack(void **state)
{
	struct perf_record record;
	struct sample sample;

	(void)state;
	make_with_stack(&record, PERF_SAMPLE_REGS_ABI_64, 64, 48);
	assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
	assert_int_equal(sample.type, SAMPLE_PROBE);
	assert_int_equal(sample.chain_count, 4);
	assert_int_equal(sample.user_regs[0], 1);
	assert_int_equal(sample.user_regs[SAMPLE_USER_REGS - 1], 17);
	assert_int_equal(sample.user_stack[1], 0xbb);
	assert_int_equal(sample.user_stack_bytes, 48);
	assert_false(sample.is_user_stack_full);
	assert_int_equal(sample.cgroup, 777);

	make_with_stack(&record, PERF_SAMPLE_REGS_ABI_64, 64, 64);
	decode(&sample, record.bytes, record.size);
	assert_true(sample.is_user_stack_full);

	/* Kernel threads and tasks of 32 bits: nothing to unwind, and the rest is read all the same. */
	make_with_stack(&record, PERF_SAMPLE_REGS_ABI_NONE, 0, 0);
	assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
	assert_int_equal(sample.type, SAMPLE_PROBE);
	assert_null(sample.user_regs);
	assert_int_equal(sample.cgroup, 777);
	make_with_stack(&record, PERF_SAMPLE_REGS_ABI_32, 64, 64);
	decode(&sample, record.bytes, record.size);
	assert_int_equal(sample.type, SAMPLE_PROBE);
	assert_null(sample.user_regs);
	assert_int_equal(sample.cgroup, 777);

	/* More than was asked for. */
	make_with_stack(&record, PERF_SAMPLE_REGS_ABI_64, 64, 65);
	decode(&sample, record.bytes, record.size);
	assert_int_equal(sample.type, SAMPLE_OTHER);
}

/* First with less than the header says, then with headers that say less. The bytes are on the heap, so that a sanitizer
 * sees. */
static void each_truncation(const struct perf_record *record)
{
	for (size_t size = 0; size < record->size; size++) {
		uint8_t *bytes = malloc(size + !size);
		struct sample sample;
		size_t told;

		memcpy(bytes, record->bytes, size);
		assert_int_equal(decode(&sample, bytes, size), 0);
		assert_int_equal(sample.type, SAMPLE_OTHER);
		assert_int_equal(sample_time(bytes, size, &told), 0);
		assert_int_equal(told, 0);
		if (size >= sizeof(struct perf_event_header)) {
			((struct perf_event_header *)bytes)->size = (uint16_t)size;
			assert_int_equal(decode(&sample, bytes, size), size);
			sample_time(bytes, size, &told);
			assert_int_equal(told, size);
			/* A record that is no sample finds its trailer elsewhere and may still be whole. */
			if (((struct perf_event_header *)bytes)->type == PERF_RECORD_SAMPLE)
				assert_int_equal(sample.type, SAMPLE_OTHER);
		}
		free(bytes);
	}
}

static void test_truncated(void **state)
{
	struct perf_record record;

	(void)state;
	perf_record_sample(&record, &with_chain, chain, 4, "0123456789ab", 12);
	each_truncation(&record);
	perf_record_sample(&record, &plain, NULL, 0, "0123456789ab", 12);
	each_truncation(&record);
	make_with_stack(&record, PERF_SAMPLE_REGS_ABI_64, 64, 48);
	/* Without its cgroup, which may be absent. */
	record.size -= sizeof(uint64_t);
	perf_record_end(&record);
	each_truncation(&record);
	perf_record_mmap2(&record, &plain, 0x1000, 0x2000, 0x3000, 44, "/usr/lib/x.so");
	each_truncation(&record);
	perf_record_comm(&record, &plain, "name", 1);
	each_truncation(&record);
	perf_record_task(&record, &plain, PERF_RECORD_FORK, 1, 2, 3, 4);
	each_truncation(&record);
	perf_record_lost(&record, &plain, 9);
	each_truncation(&record);
}

static void test_sizes_that_lie(void **state)
{
	static const uint64_t counts[] = {5, 6, 100, 1ull << 61, (1ull << 61) + 4, UINT64_MAX};
	struct perf_record record;
	struct sample sample;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		perf_record_sample(&record, &with_chain, chain, 4, "0123456789ab", 12);
		memcpy(record.bytes + 40, &counts[i], 8);
		assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
		if (counts[i] > 5)
			assert_int_equal(sample.type, SAMPLE_OTHER);
	}
	for (uint32_t raw = 13; raw; raw *= 3) {
		perf_record_sample(&record, &plain, NULL, 0, "0123456789ab", 12);
		memcpy(record.bytes + 40, &raw, 4);
		assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
		assert_int_equal(sample.type, SAMPLE_OTHER);
		if (raw > UINT32_MAX / 3)
			break;
	}
	/* A header that is smaller than itself. */
	for (uint16_t size = 0; size < 8; size++) {
		((struct perf_event_header *)record.bytes)->size = size;
		assert_int_equal(decode(&sample, record.bytes, record.size), 0);
	}
}

static void test_mmap2(void **state)
{
	struct perf_record record;
	struct sample sample;

	(void)state;
	perf_record_mmap2(&record, &plain, 0x7f0000001000, 0x2000, 0x3000, 44, "/usr/lib/x.so");
	assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
	assert_int_equal(sample.type, SAMPLE_MMAP);
	assert_int_equal(sample.pid, 10);
	assert_int_equal(sample.time_ns, plain.time_ns);
	assert_int_equal(sample.address, 0x7f0000001000);
	assert_int_equal(sample.size_bytes, 0x2000);
	assert_int_equal(sample.page_offset_bytes, 0x3000);
	assert_int_equal(sample.inode, 44);
	assert_int_equal(sample.device_major, 8);
	assert_int_equal(sample.device_minor, 1);
	assert_string_equal(sample.name, "/usr/lib/x.so");
	/* A path without its end. */
	memset(record.bytes + 72, 'x', 16);
	assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
	assert_int_equal(sample.type, SAMPLE_OTHER);
}

static void test_tasks(void **state)
{
	struct perf_record record;
	struct sample sample;
	size_t size;

	(void)state;
	for (int is_exec = 0; is_exec < 2; is_exec++) {
		perf_record_comm(&record, &with_chain, "a name of 15 ch", is_exec);
		assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
		assert_int_equal(sample.type, SAMPLE_COMM);
		assert_int_equal(sample.is_exec, is_exec);
		assert_int_equal(sample.tid, 11);
		assert_string_equal(sample.name, "a name of 15 ch");
	}
	perf_record_task(&record, &plain, PERF_RECORD_FORK, 21, 22, 23, 24);
	assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
	assert_int_equal(sample.type, SAMPLE_FORK);
	assert_int_equal(sample.pid, 21);
	assert_int_equal(sample.tid, 22);
	assert_int_equal(sample.parent_pid, 23);
	assert_int_equal(sample.parent_tid, 24);
	perf_record_task(&record, &plain, PERF_RECORD_EXIT, 21, 22, 23, 24);
	decode(&sample, record.bytes, record.size);
	assert_int_equal(sample.type, SAMPLE_EXIT);
	assert_int_equal(sample.time_ns, plain.time_ns);
	perf_record_lost(&record, &plain, 1000);
	decode(&sample, record.bytes, record.size);
	assert_int_equal(sample.type, SAMPLE_LOST);
	assert_int_equal(sample.lost, 1000);
	assert_int_equal(sample.cpu, 2);
	assert_int_equal(sample_time(record.bytes, record.size, &size), plain.time_ns);
	perf_record_begin(&record, PERF_RECORD_THROTTLE, 0);
	perf_record_trailer(&record, &plain);
	assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
	assert_int_equal(sample.type, SAMPLE_OTHER);
}

static void test_random_bytes(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		size_t size = 8 + random_below(&seed, 160) / 8 * 8;
		uint8_t *bytes = malloc(size);
		struct sample sample;

		for (size_t at = 0; at < size; at++)
			bytes[at] = (uint8_t)random_below(&seed, random_below(&seed, 2) ? 2 : 256);
		*(struct perf_event_header *)bytes =
			(struct perf_event_header){.type = (uint32_t)random_below(&seed, 12), .size = (uint16_t)size};
		if (random_below(&seed, 2) && size >= 16)
			memcpy(bytes + 8, &with_chain.id, 8);
		assert_int_equal(decode(&sample, bytes, size), size);
		/* What is told lies in the record. */
		if (sample.raw_bytes)
			assert_true(sample.raw >= bytes && sample.raw + sample.raw_bytes <= bytes + size);
		if (sample.chain_count)
			assert_true((uint8_t *)(sample.chain + sample.chain_count) <= bytes + size);
		if (sample.name)
			assert_true((uint8_t *)sample.name + strlen(sample.name) < bytes + size);
		free(bytes);
	}
}

static void test_cgroups(void **state)
{
	struct perf_record record;
	struct sample sample;

	(void)state;
	perf_record_sample(&record, &with_chain, chain, 4, "0123456789ab", 12);
	decode(&sample, record.bytes, record.size);
	assert_int_equal(sample.cgroup, 0);
	perf_record_add_cgroup(&record, 0x123456789a);
	assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
	assert_int_equal(sample.type, SAMPLE_PROBE);
	assert_int_equal(sample.cgroup, 0x123456789a);
	assert_int_equal(sample.raw_bytes, 12);
	perf_record_cgroup(&record, &plain, 77, "/a/b");
	assert_int_equal(decode(&sample, record.bytes, record.size), record.size);
	assert_int_equal(sample.type, SAMPLE_CGROUP);
	assert_int_equal(sample.cgroup, 77);
	assert_string_equal(sample.name, "/a/b");
	assert_int_equal(sample.time_ns, plain.time_ns);
	/* A path without its end. */
	memset(record.bytes + 16, 'x', record.size - 16 - 32);
	decode(&sample, record.bytes, record.size);
	assert_int_equal(sample.type, SAMPLE_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_sample_with_and_without_chain),
		cmocka_unit_test(test_user_stack),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_sizes_that_lie),
		cmocka_unit_test(test_mmap2),
		cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
