/* Records of a perf ring made by hand, laid out as the attributes of perf_ring.c ask for. */
#ifndef SLABREC_TESTS_SAMPLER_PERF_RECORD_H
#define SLABREC_TESTS_SAMPLER_PERF_RECORD_H

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct perf_record {
	_Alignas(8) uint8_t bytes[8192];
	size_t size;
};

/* Who and when: every record has it, samples in front and others behind. */
struct perf_record_origin {
	uint64_t id;
	uint64_t time_ns;
	int32_t pid;
	int32_t tid;
	uint32_t cpu;
};

static inline void perf_record_add(struct perf_record *record, const void *bytes, size_t size)
{
	memcpy(record->bytes + record->size, bytes, size);
	record->size += size;
}

static inline void perf_record_u32(struct perf_record *record, uint32_t value)
{
	perf_record_add(record, &value, sizeof(value));
}

static inline void perf_record_u64(struct perf_record *record, uint64_t value)
{
	perf_record_add(record, &value, sizeof(value));
}

/* A string with its NUL, filled up to 8 bytes. */
static inline void perf_record_text(struct perf_record *record, const char *text)
{
	perf_record_add(record, text, strlen(text) + 1);
	while (record->size % 8)
		record->bytes[record->size++] = 0;
}

static inline void perf_record_begin(struct perf_record *record, uint32_t type, uint16_t misc)
{
	struct perf_event_header header = {.type = type, .misc = misc};

	memset(record->bytes, 0, sizeof(record->bytes));
	record->size = 0;
	perf_record_add(record, &header, sizeof(header));
}

static inline void perf_record_end(struct perf_record *record)
{
	struct perf_event_header *header = (struct perf_event_header *)record->bytes;

	header->size = (uint16_t)record->size;
}

static inline void perf_record_trailer(struct perf_record *record, const struct perf_record_origin *origin)
{
	perf_record_u32(record, (uint32_t)origin->pid);
	perf_record_u32(record, (uint32_t)origin->tid);
	perf_record_u64(record, origin->time_ns);
	perf_record_u32(record, origin->cpu);
	perf_record_u32(record, 0);
	perf_record_u64(record, origin->id);
	perf_record_end(record);
}

/* chain NULL: the event takes none. */
static inline void perf_record_sample(struct perf_record *record, const struct perf_record_origin *origin,
				      const uint64_t *chain, size_t chain_count, const void *raw, size_t raw_bytes)
{
	perf_record_begin(record, PERF_RECORD_SAMPLE, 0);
	perf_record_u64(record, origin->id);
	perf_record_u32(record, (uint32_t)origin->pid);
	perf_record_u32(record, (uint32_t)origin->tid);
	perf_record_u64(record, origin->time_ns);
	perf_record_u32(record, origin->cpu);
	perf_record_u32(record, 0);
	if (chain) {
		perf_record_u64(record, chain_count);
		perf_record_add(record, chain, chain_count * sizeof(*chain));
	}
	/* The kernel fills the raw part up, so that the record ends on 8 bytes, and counts the filling. */
	uint32_t filled = (uint32_t)((raw_bytes + 4 + 7) / 8 * 8 - 4);
	perf_record_u32(record, filled);
	perf_record_add(record, raw, raw_bytes);
	record->size += filled - raw_bytes;
	perf_record_end(record);
}

/* Behind a sample: the cgroup of its task. */
static inline void perf_record_add_cgroup(struct perf_record *record, uint64_t cgroup)
{
	perf_record_u64(record, cgroup);
	perf_record_end(record);
}

/* Behind a sample: user registers (abi 0: none) and the user stack, as far as it could be copied. */
static inline void perf_record_add_stack(struct perf_record *record, uint64_t abi, const uint64_t *regs, size_t reg_count, const void *stack,
					 size_t asked_bytes, size_t copied_bytes)
{
	perf_record_u64(record, abi);
	if (abi)
		perf_record_add(record, regs, reg_count * sizeof(*regs));
	perf_record_u64(record, asked_bytes);
	if (asked_bytes) {
		perf_record_add(record, stack, asked_bytes);
		perf_record_u64(record, copied_bytes);
	}
	perf_record_end(record);
}

/* A cgroup was made. */
static inline void perf_record_cgroup(struct perf_record *record, const struct perf_record_origin *origin, uint64_t cgroup,
				      const char *path)
{
	perf_record_begin(record, 19, 0);
	perf_record_u64(record, cgroup);
	perf_record_text(record, path);
	perf_record_trailer(record, origin);
}

static inline void perf_record_mmap2(struct perf_record *record, const struct perf_record_origin *origin,
				     uint64_t address, uint64_t size_bytes, uint64_t page_offset_bytes, uint64_t inode,
				     const char *path)
{
	perf_record_begin(record, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER);
	perf_record_u32(record, (uint32_t)origin->pid);
	perf_record_u32(record, (uint32_t)origin->tid);
	perf_record_u64(record, address);
	perf_record_u64(record, size_bytes);
	perf_record_u64(record, page_offset_bytes);
	perf_record_u32(record, 8); /* device */
	perf_record_u32(record, 1);
	perf_record_u64(record, inode);
	perf_record_u64(record, 77); /* generation */
	perf_record_u32(record, 5);  /* protection, flags */
	perf_record_u32(record, 2);
	perf_record_text(record, path);
	perf_record_trailer(record, origin);
}

static inline void perf_record_comm(struct perf_record *record, const struct perf_record_origin *origin,
				    const char *name, int is_exec)
{
	perf_record_begin(record, PERF_RECORD_COMM, is_exec ? PERF_RECORD_MISC_COMM_EXEC : 0);
	perf_record_u32(record, (uint32_t)origin->pid);
	perf_record_u32(record, (uint32_t)origin->tid);
	perf_record_text(record, name);
	perf_record_trailer(record, origin);
}

/* type is PERF_RECORD_FORK or PERF_RECORD_EXIT. */
static inline void perf_record_task(struct perf_record *record, const struct perf_record_origin *origin, uint32_t type,
				    int32_t pid, int32_t tid, int32_t parent_pid, int32_t parent_tid)
{
	perf_record_begin(record, type, 0);
	perf_record_u32(record, (uint32_t)pid);
	perf_record_u32(record, (uint32_t)parent_pid);
	perf_record_u32(record, (uint32_t)tid);
	perf_record_u32(record, (uint32_t)parent_tid);
	perf_record_u64(record, origin->time_ns);
	perf_record_trailer(record, origin);
}

static inline void perf_record_lost(struct perf_record *record, const struct perf_record_origin *origin, uint64_t lost)
{
	perf_record_begin(record, PERF_RECORD_LOST, 0);
	perf_record_u64(record, origin->id);
	perf_record_u64(record, lost);
	perf_record_trailer(record, origin);
}

#endif
