/* The records of a perf ring, decoded. Pure; the records come from the kernel, but their sizes are checked all the same. */
#ifndef SLABREC_SAMPLER_SAMPLE_H
#define SLABREC_SAMPLER_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sample_type {
	SAMPLE_OTHER, /* a record of no interest */
	SAMPLE_PROBE,
	SAMPLE_LOST,
	SAMPLE_COMM,
	SAMPLE_FORK,
	SAMPLE_EXIT,
	SAMPLE_MMAP,
	SAMPLE_CGROUP, /* one was made */
};

/* Pointers are borrowed from the record. */
struct sample {
	enum sample_type type;
	bool is_exec; /* COMM: by execve() */
	uint32_t cpu;
	int32_t pid;
	int32_t tid;
	int32_t parent_pid; /* FORK */
	int32_t parent_tid;
	uint64_t time_ns;
	uint64_t id;
	const uint64_t *chain; /* PROBE: with the PERF_CONTEXT_ markers in it; NULL none */
	size_t chain_count;
	const uint8_t *raw; /* PROBE: the event's record */
	size_t raw_bytes;
	uint64_t cgroup; /* PROBE: the task's, 0 not told; CGROUP: its id */
	uint64_t lost;
	const char *name;  /* COMM: the task's name; MMAP, CGROUP: the path */
	uint64_t address;  /* MMAP */
	uint64_t size_bytes;
	uint64_t page_offset_bytes;
	uint64_t inode;
	uint32_t device_major;
	uint32_t device_minor;
};

/* Whether samples of an event id carry a call chain: decides how they are read. */
typedef bool sample_has_chain(void *context, uint64_t id);

/*
 * Decodes the record that begins at bytes. Returns its size, 0 where it is not whole or not a record. What cannot be read becomes
 * SAMPLE_OTHER.
 */
size_t sample_decode(struct sample *sample, const uint8_t *bytes, size_t size_bytes, sample_has_chain *has_chain,
		     void *context);

/* Time of the record without decoding it; 0 for records that have none. The same returns as above through *record_bytes. */
uint64_t sample_time(const uint8_t *bytes, size_t size_bytes, size_t *record_bytes);

#endif
