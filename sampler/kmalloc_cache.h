/* Which cache kmalloc() takes from, from size class, gfp flags and call site, where an event does not name it. Pure. */
#ifndef SLABREC_SAMPLER_KMALLOC_CACHE_H
#define SLABREC_SAMPLER_KMALLOC_CACHE_H

#include <stdint.h>

#include "sampler/slab_cache.h"

/* The flags that choose, as this kernel numbers them; 0 where it does not have one. */
struct kmalloc_flags {
	uint64_t dma;
	uint64_t reclaimable;
	uint64_t account;
};

/* From the format text of kmem:kmalloc. */
struct kmalloc_flags kmalloc_flags_read(const char *format);

/*
 * The set of buckets that a calling function allocates from, "" for none: buckets share size and flags with others, so where an
 * event does not name the cache its caller must. The string is static.
 */
const char *kmalloc_cache_bucket(const char *call_site);

/* True where the calling functions of the set that this cache belongs to are known. */
bool kmalloc_cache_bucket_is_known(const char *name);

/* The cache of an allocation of this class, flags and set of buckets ("" none), from the list of all; NULL: no such cache. */
const struct slab_cache *kmalloc_cache_find(const struct slab_cache_list *all, const struct kmalloc_flags *flags,
					    uint32_t size_class_bytes, uint64_t gfp, const char *bucket);

/* True where caches of this class can be told apart only by their call site. */
bool kmalloc_cache_needs_call_site(const struct slab_cache_list *all, uint32_t size_class_bytes);

#endif
