#include "sampler/peek.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct peeking {
	struct peek *peek;
	const struct slab_cache_list *selected;
	struct trace_writer *writer;
	struct u64_map chosen; /* stack and cache -> objects so far */
	bool has_no_memory;
};

void peek_open(struct peek *peek, uint32_t size_bytes, const char *kcore_path)
{
	struct error err = {0};

	*peek = (struct peek){.size_bytes = size_bytes, .kcore.fd = -1};
	if (kcore_open(&peek->kcore, kcore_path, &err))
		snprintf(peek->problem, sizeof(peek->problem), "%.190s", err.message);
}

void peek_close(struct peek *peek)
{
	kcore_close(&peek->kcore);
	u64_map_release(&peek->stacks);
}

int peek_allocated(struct peek *peek, uint64_t address, uint32_t stack)
{
	uint64_t *value = u64_map_put(&peek->stacks, address);

	if (!value)
		return -ENOMEM;
	*value = (uint64_t)stack + 1;
	return 0;
}

/* Never more than the object: what stands behind it is another's. */
static uint32_t size_of(const struct peek *peek, const struct slab_cache *cache)
{
	uint32_t object_bytes = cache->object_size_bytes ? cache->object_size_bytes : cache->slab_size_bytes;

	return peek->size_bytes < object_bytes ? peek->size_bytes : object_bytes;
}

static void copy_object(struct peeking *peeking, const struct live_object *object)
{
	struct peek *peek = peeking->peek;
	uint8_t bytes[TRACE_CONTENTS_MAX_BYTES];
	uint32_t size_bytes = size_of(peek, &peeking->selected->caches[object->cache]);
	int ret = size_bytes ? kcore_read(&peek->kcore, object->address, bytes, size_bytes) : -ENODATA;

	if (!ret) {
		peek->peeked++;
		trace_writer_contents(peeking->writer, &(struct trace_contents){.object = object->serial, .bytes = bytes, .size_bytes = size_bytes});
		return;
	}
	peek->failed++;
	/* The first reason stands for all. */
	if (!*peek->problem)
		snprintf(peek->problem, sizeof(peek->problem), "%s",
			 ret == -EFAULT	  ? "objects are outside of what " KCORE_PATH " has" :
			 ret == -ENODATA ? "the size of objects is not known" :
					    strerror(-ret));
}

static void choose(void *context, const struct live_object *object)
{
	struct peeking *peeking = context;
	struct peek *peek = peeking->peek;
	const uint64_t *stack = u64_map_find(&peek->stacks, object->address);

	if (!stack || peeking->has_no_memory || peek->peeked + peek->failed >= PEEK_OBJECTS_MAX)
		return;
	uint64_t *chosen = u64_map_put(&peeking->chosen, *stack << 16 | object->cache);
	if (!chosen) {
		peeking->has_no_memory = true;
		return;
	}
	if (*chosen >= PEEK_OBJECTS_PER_SITE)
		return;
	++*chosen;
	copy_object(peeking, object);
}

void peek_write(struct peek *peek, const struct live_table *live, const struct slab_cache_list *selected, struct trace_writer *writer)
{
	struct peeking peeking = {.peek = peek, .selected = selected, .writer = writer};

	if (peek->kcore.fd < 0)
		return;
	if (live_table_each(live, choose, &peeking) || peeking.has_no_memory)
		snprintf(peek->problem, sizeof(peek->problem), "out of memory");
	u64_map_release(&peeking.chosen);
}
