/*
 * What is in objects that are live at the end: chooses a few of each call stack and cache and copies their first bytes into the trace.
 */
#ifndef SLABREC_SAMPLER_PEEK_H
#define SLABREC_SAMPLER_PEEK_H

#include <stdint.h>

#include "sampler/kcore.h"
#include "sampler/live_table.h"
#include "sampler/slab_cache.h"
#include "trace/u64_map.h"
#include "trace/format.h"
#include "trace/writer.h"

#define PEEK_OBJECTS_PER_SITE 8u
/* In all: 16 MiB at most. */
#define PEEK_OBJECTS_MAX 65536u

/* All-zero but for kcore.fd, which is -1, is one that copies nothing. */
struct peek {
	uint32_t size_bytes; /* of each object, at most TRACE_CONTENTS_MAX_BYTES */
	struct kcore kcore;
	struct u64_map stacks; /* address -> stack + 1 of what was allocated there last */
	uint64_t peeked;
	uint64_t failed; /* chosen and not read */
	char problem[200]; /* why nothing, or not all, could be read; "" nothing to say */
};

/* Opens the kernel's memory. Where that cannot be, problem says why, and nothing is copied. */
void peek_open(struct peek *peek, uint32_t size_bytes, const char *kcore_path);
void peek_close(struct peek *peek);

/* Remembers who allocated. -ENOMEM. */
int peek_allocated(struct peek *peek, uint64_t address, uint32_t stack);

/*
 * Writes the contents of the oldest live objects of each call stack and cache of selected, whose indices are the table's, in the order
 * of their allocation. What cannot be read is counted, and problem says why.
 */
void peek_write(struct peek *peek, const struct live_table *live, const struct slab_cache_list *selected, struct trace_writer *writer);

#endif
