/*
 * The slab caches of the running kernel and what people call them: sizes in old and new spelling, the family of a kmalloc size,
 * merged caches, and near names for a mistyped one. Selecting is pure; what looks at the machine is slab_cache_list_read(),
 * slab_cache_list_detail() and slab_cache_count().
 */
#ifndef SLABREC_SAMPLER_SLAB_CACHE_H
#define SLABREC_SAMPLER_SLAB_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"

#define SLAB_CACHE_NAME_MAX 64

/* How kmalloc picks among the caches of one size. */
enum slab_cache_type {
	SLAB_CACHE_NAMED,   /* kmem_cache_create()d: not kmalloc's */
	SLAB_CACHE_NORMAL,  /* kmalloc-N */
	SLAB_CACHE_CGROUP,  /* kmalloc-cg-N: __GFP_ACCOUNT */
	SLAB_CACHE_RECLAIM, /* kmalloc-rcl-N: __GFP_RECLAIMABLE */
	SLAB_CACHE_DMA,     /* dma-kmalloc-N */
	SLAB_CACHE_RANDOM,  /* kmalloc-rnd-NN-N, kmalloc-part-NN-N: by call site */
	SLAB_CACHE_BUCKET,  /* PREFIX-N of kmem_buckets_create() */
};

struct slab_cache {
	char name[SLAB_CACHE_NAME_MAX]; /* kmem_cache->name: of those that share it, the one slabinfo lists */
	char *aliases;                  /* owned; other names that share it, comma separated; NULL none */
	char requested[SLAB_CACHE_NAME_MAX]; /* selected: the user's word for it */
	enum slab_cache_type type;
	uint32_t size_class_bytes; /* of kmalloc and bucket caches: N of the name */
	uint32_t object_size_bytes;
	uint32_t slab_size_bytes;
	uint32_t objects_per_slab;
	uint32_t order;
	/* Those of slab_cache_list_detail(): */
	uint32_t align_bytes;
	uint32_t percpu_objects; /* free ones that a CPU may hold: its slab, its partial slabs, its sheaves */
};

struct slab_cache_list {
	struct slab_cache *caches; /* owned, sorted by name */
	size_t count;
};

/* Counts of one cache at one moment. */
struct slab_cache_census {
	uint64_t active_objects;
	uint64_t total_objects;
	uint64_t slabs;
};

/* All caches of this machine. -EACCES (not root), -ENOENT (no slabinfo). */
int slab_cache_list_read(struct slab_cache_list *list, struct error *err);
/* Reads of each cache what is asked of recorded ones alone: a machine has hundreds. */
void slab_cache_list_detail(struct slab_cache_list *list);
void slab_cache_list_release(struct slab_cache_list *list);

/* Adds an empty cache with this name and derives type and size class from it; NULL without memory. Keeps no order. */
struct slab_cache *slab_cache_list_add(struct slab_cache_list *list, const char *name);
/* Sets types that can be told only from the whole list (buckets) and sorts. Call it after the last add. */
void slab_cache_list_finish(struct slab_cache_list *list);

/*
 * Adds the caches that pattern means to selected (copies, each once): NAME or a glob; kmalloc-N the family of that size, old and
 * new spelling of N; =NAME exactly one. -ENOENT: nothing matches, with near names in the sentence.
 */
int slab_cache_select(const struct slab_cache_list *list, const char *pattern, struct slab_cache_list *selected,
		      struct error *err);

/* The cache of this kernel name; NULL none. */
const struct slab_cache *slab_cache_find(const struct slab_cache_list *list, const char *name);

/* Counts of the cache now, from /sys/kernel/slab, else /proc/slabinfo. -errno. */
int slab_cache_count(const struct slab_cache *cache, struct slab_cache_census *census);

#endif
