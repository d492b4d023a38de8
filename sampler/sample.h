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
	const uint64_t *user_regs; /* PROBE: those that perf_ring.c asks for; NULL none */
	const uint8_t *user_stack; /* PROBE: from the stack pointer on */
	size_t user_stack_bytes;   /* that could be copied */
	bool is_user_stack_full;   /* all that were asked for */
	bool is_unwound;  /* by the recorder: the user part of chain is from user_stack */
	bool is_user_cut; /* which was too short for it */
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

/* What samples of an event carry. */
enum sample_parts {
	SAMPLE_WITH_CHAIN = 1,
	SAMPLE_WITH_STACK = 2, /* user registers and a copy of the user stack */
};
#define SAMPLE_USER_REGS 17u

/* The parts that samples of an event id have: decides how they are read. */
typedef unsigned int sample_parts_of(void *context, uint64_t id);

/*
 * Decodes the record that begins at bytes. Returns its size, 0 where it is not whole or not a record. What cannot be read becomes
 * SAMPLE_OTHER.
 */
size_t sample_decode(struct sample *sample, const uint8_t *bytes, size_t size_bytes, sample_parts_of *parts_of,
		     void *context);

/* Time of the record without decoding it; 0 for records that have none. The same returns as above through *record_bytes. */
uint64_t sample_time(const uint8_t *bytes, size_t size_bytes, size_t *record_bytes);

#endif
