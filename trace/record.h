/*
 * What a trace says, as plain structs: the writer takes them, the reader gives them back. Ids are ordinals of
 * their dictionary, from 1 in the order in which they were written; 0 means "none".
 */
#ifndef SLABREC_TRACE_RECORD_H
#define SLABREC_TRACE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/ages.h"
#include "trace/format.h"
#include "trace/timeline.h"

/* A loaded kernel module; the kernel itself is module 0 and described by facts (kernel.build_id). */
struct trace_module {
	uint32_t name; /* string */
	uint64_t text_address;
	uint64_t size_bytes;
	uint8_t build_id_bytes; /* 0: not known */
	uint8_t build_id[TRACE_BUILD_ID_MAX_BYTES];
};

/* One slab cache that was recorded, with its geometry from /sys/kernel/slab. */
struct trace_cache {
	uint32_t name;      /* string: kmem_cache->name as the kernel uses it */
	uint32_t requested; /* string: what the user asked for that led here */
	uint32_t aliases;   /* string: names that share this cache, comma separated; "" when not merged */
	uint32_t object_size_bytes;
	uint32_t slab_size_bytes; /* what one object takes: object, padding, debug metadata */
	uint32_t objects_per_slab;
	uint32_t order;
	uint32_t align_bytes;
	uint32_t percpu_objects; /* free ones that each CPU may hold, its slab included: the kernel counts them as active */
};

/* A file that user frames lie in. */
struct trace_file {
	uint32_t path; /* string; in brackets what has no file: [vdso], [anon] */
	uint8_t build_id_bytes;
	uint8_t build_id[TRACE_BUILD_ID_MAX_BYTES];
};

/* One address of a call chain. */
struct trace_frame {
	enum trace_frame_kind kind;
	/* kernel: the address as sampled; user: the offset in the file, from the mapping for what has no file */
	uint64_t address;
	uint32_t symbol; /* string; for user frames known only after USER_SYMBOLS (at the end of a trace) */
	uint64_t symbol_offset_bytes;
	uint32_t module; /* kernel frames: module, 0 the kernel itself */
	uint32_t file;   /* user frames: file, 0 not known */
};

/* A call stack is a path in one tree, outermost frame at the root. A stack id is the id of its innermost node. */
struct trace_node {
	uint32_t parent; /* node; 0 the root */
	uint32_t frame;
};

struct trace_task {
	int32_t pid; /* the process: thread group id */
	int32_t tid;
	uint32_t comm; /* string */
	uint32_t cgroup; /* string: path of its control group, as FORMAT.md says; 0 not known */
};

struct trace_event {
	uint64_t time_ns; /* since the start of the recording */
	uint64_t object;  /* serial of the allocation, from 1 in file order; 0 for FREE_OLDER */
	uint64_t bytes_req; /* ALLOC: what was asked for; 0 not known */
	uint32_t cpu;
	uint32_t task;  /* 0 not known */
	uint32_t stack; /* 0 not recorded */
	uint32_t cache; /* ALLOC, FREE_OLDER */
	uint32_t gfp;   /* ALLOC: as the kernel numbers them; 0 not known */
	int32_t node;   /* ALLOC: NUMA node asked for, -1 any */
	enum trace_event_kind kind;
};

/* The kernel's own count of a cache's objects (slabinfo or sysfs), an independent witness. */
struct trace_census {
	uint64_t time_ns;
	uint64_t active_objects;
	uint64_t total_objects;
	uint64_t slabs;
	uint32_t cache;
	enum trace_census_phase phase;
};

struct trace_meminfo {
	uint64_t time_ns;
	uint64_t reclaimable_bytes;
	uint64_t unreclaimable_bytes;
	enum trace_census_phase phase;
};

/* Records that a ring dropped because it was full. */
struct trace_loss {
	uint64_t time_ns; /* when it was noticed */
	uint64_t lost;
	uint32_t cpu;
	enum trace_ring ring;
};

/* Events that were not seen some time between from_ns and time_ns. */
struct trace_unseen {
	uint64_t from_ns;
	uint64_t time_ns;
	uint64_t at_most; /* MISSED: hits, most of them of other caches; CPU: 0, nobody counted them */
	uint32_t event;	  /* MISSED: string, of the probe as in trace_probe; CPU: 0 */
	uint32_t cpu;	  /* CPU: which; MISSED: 0, they are counted over all CPUs */
	enum trace_unseen_cause cause;
};

/* One probe that the recorder opened; strings are ids. */
struct trace_probe {
	uint32_t event;      /* group/name or subsystem:name */
	uint32_t function;   /* what it sits on */
	uint32_t role;       /* "alloc", "alloc entry", "alloc return", "free", "free witness" */
	uint32_t definition; /* kprobe_events text; "" for tracepoints */
	uint32_t filter;
	uint64_t hits;      /* samples that reached the recorder */
	uint64_t misses;    /* kprobe_profile: hits the kernel could not handle */
	uint64_t lost;      /* PERF_FORMAT_LOST of this event */
	uint64_t passed;    /* hits that passed the filter, counted by the kernel: those that came and those lost */
	bool has_misses;    /* the kernel told */
	bool has_lost;
	bool has_fault_misses; /* misses also counts page faults while a user call chain was read, at most one a hit */
	bool is_witnessed;     /* another probe tells of the same: what this one missed was seen nevertheless */
	bool has_passed;
};

/* A probe's counts on one CPU. */
struct trace_probe_cpu {
	uint64_t passed;
	uint64_t lost;
	uint32_t event; /* string, as in trace_probe */
	uint32_t cpu;
	bool has_lost;
};

/* Key and value are strings of the trace; keys are listed in FORMAT.md. */
struct trace_fact {
	uint32_t key;
	uint32_t value;
};

struct trace_counter {
	uint32_t key;
	uint64_t value;
};

/* A sentence for the reader of the report. */
struct trace_note {
	uint32_t text;
};

/* An object that was live at the end, with its kernel address (for crash and drgn). */
struct trace_live {
	uint64_t object;
	uint64_t address;
};

/* How many of something were of one id. */
struct trace_share {
	uint64_t count;
	uint32_t id; /* 0 not known */
};

/*
 * The objects of one call stack and cache that were allocated and freed again, counted and not kept as events: they are in no ALLOC,
 * FREE, FREE_IMPLIED or FREE_RCU event.
 */
struct trace_freed {
	uint32_t cache;
	uint32_t stack; /* of the allocations */
	uint64_t frees; /* seen */
	uint64_t frees_implied;
	uint64_t frees_rcu;   /* of frees: requests of kfree_rcu() */
	uint64_t pending_rcu; /* of those, not seen to be done */
	uint64_t bytes_req;   /* of all whose size is known */
	uint64_t sized;	      /* how many those are */
	struct ages ages;	   /* at the frees that were seen */
	struct timeline timeline; /* of these objects */
	const struct trace_share *comms; /* borrowed; who allocated, by name of the task (strings) */
	uint32_t comm_count;
	const struct trace_share *freed_by; /* borrowed; who freed, by stack */
	uint32_t freed_by_count;
	uint64_t other_comms; /* allocations by more names than are told apart */
	uint64_t other_frees; /* frees by more stacks than are told apart */
};

/* Frees of objects from before the recording, counted and not kept as events. */
struct trace_freed_older {
	uint32_t cache;
	uint64_t frees;
};

/* From here on memory was asked back: the measured part is over, frees still tell what goes. */
struct trace_reclaim {
	uint64_t time_ns;
};

/* The first bytes of an object that was live at the end, as they were soon after it. */
struct trace_contents {
	uint64_t object;
	const uint8_t *bytes; /* borrowed; any bytes */
	uint32_t size_bytes;  /* 1 to TRACE_CONTENTS_MAX_BYTES */
};

struct trace_end {
	uint64_t time_ns;
	uint64_t events;
	uint64_t allocs;
};

#endif
