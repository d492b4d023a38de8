/*
 * The numbers of the trace format, version 1. trace/FORMAT.md is the specification; this header is the same
 * thing for the compiler. Used by the writer, the reader and nobody's imagination.
 */
#ifndef SLABREC_TRACE_FORMAT_H
#define SLABREC_TRACE_FORMAT_H

#include <stdint.h>

#define TRACE_MAGIC "slabrec\x1a"
#define TRACE_MAGIC_BYTES 8
#define TRACE_MAJOR 1
#define TRACE_MINOR 0
#define TRACE_HEADER_BYTES 16

#define TRACE_BLOCK_MAGIC 0x4b4c4253u /* "SBLK" read as little-endian */
#define TRACE_BLOCK_HEADER_BYTES 20
#define TRACE_BLOCK_MAX_BYTES (1u << 20) /* of payload, before and after compression */
#define TRACE_STRING_MAX_BYTES (64u << 10)
#define TRACE_BUILD_ID_MAX_BYTES 64

/* Most entries a dictionary may have: bounds what a hostile file, a small one included, can make a reader allocate. */
#define TRACE_DICTIONARY_MAX (1u << 25)
#define TRACE_MODULES_MAX (1u << 16)
#define TRACE_CACHES_MAX (1u << 16)
#define TRACE_FILES_MAX (1u << 18)
#define TRACE_STRING_TOTAL_MAX (512u << 20)
#define TRACE_CONTENTS_MAX_BYTES 256u /* of one object */
#define TRACE_SHARES_MAX 1024u /* names or stacks that one FREED record tells apart */

enum trace_codec {
	TRACE_CODEC_STORED = 0,
	TRACE_CODEC_ZSTD = 1,
};

enum trace_record_type {
	TRACE_RECORD_STRINGS = 1,
	TRACE_RECORD_FACTS = 2,
	TRACE_RECORD_MODULES = 3,
	TRACE_RECORD_CACHES = 4,
	TRACE_RECORD_FILES = 5,
	TRACE_RECORD_FRAMES = 6,
	TRACE_RECORD_NODES = 7,
	TRACE_RECORD_TASKS = 8,
	TRACE_RECORD_EVENTS = 9,
	TRACE_RECORD_CENSUS = 10,
	TRACE_RECORD_MEMINFO = 11,
	TRACE_RECORD_LOSS = 12,
	TRACE_RECORD_PROBES = 13,
	TRACE_RECORD_COUNTERS = 14,
	TRACE_RECORD_NOTES = 15,
	TRACE_RECORD_USER_SYMBOLS = 16,
	TRACE_RECORD_LIVE = 17,
	TRACE_RECORD_UNSEEN = 18,
	TRACE_RECORD_PROBE_CPUS = 19,
	TRACE_RECORD_FREED = 20,
	TRACE_RECORD_FREED_OLDER = 21,
	TRACE_RECORD_TASK_CGROUPS = 22,
	TRACE_RECORD_RECLAIM = 23,
	TRACE_RECORD_CONTENTS = 24,
	TRACE_RECORD_END = 127,
};

/* Columns of an EVENTS record; a reader skips the numbers it does not know. */
enum trace_column {
	TRACE_COLUMN_KIND = 1,
	TRACE_COLUMN_TIME = 2,
	TRACE_COLUMN_CPU = 3,
	TRACE_COLUMN_TASK = 4,
	TRACE_COLUMN_STACK = 5,
	TRACE_COLUMN_CACHE = 6,
	TRACE_COLUMN_BYTES_REQ = 7,
	TRACE_COLUMN_GFP = 8,
	TRACE_COLUMN_NODE = 9,
	TRACE_COLUMN_BACK = 10,
	TRACE_COLUMN_COUNT = 11, /* one more than the last */
};

enum trace_event_kind {
	TRACE_EVENT_ALLOC = 0,
	TRACE_EVENT_FREE = 1,         /* of an object whose allocation is in the trace */
	TRACE_EVENT_FREE_IMPLIED = 2, /* its address was handed out again: the free itself was not seen */
	TRACE_EVENT_FREE_OLDER = 3,   /* of an object that was allocated before the recording, or by somebody not recorded */
	TRACE_EVENT_FREE_RCU = 4,     /* handed to kfree_rcu(): free for its user; a FREE may follow when the memory is */
	TRACE_EVENT_KIND_COUNT,
};

enum trace_frame_kind {
	TRACE_FRAME_KERNEL = 0,
	TRACE_FRAME_USER = 1,
};

enum trace_census_phase {
	TRACE_CENSUS_START = 0,
	TRACE_CENSUS_INTERVAL = 1,
	TRACE_CENSUS_END = 2,
};

/* Which ring of a CPU lost records. */
enum trace_ring {
	TRACE_RING_ALLOC = 0,
	TRACE_RING_FREE = 1,
	TRACE_RING_TASK = 2,
	TRACE_RING_COUNT,
};

/* Why events were not seen, other than that a ring was full. */
enum trace_unseen_cause {
	TRACE_UNSEEN_MISSED = 0, /* the kernel did not hand hits to a probe */
	TRACE_UNSEEN_CPU = 1,	 /* a CPU ran and was not recorded: it came online or was going offline */
	TRACE_UNSEEN_CAUSE_COUNT,
};

#endif
