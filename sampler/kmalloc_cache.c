/* The kernel's kmalloc_type(): DMA before reclaimable before accounted; a type without caches of its own uses the normal ones. */
#include "sampler/kmalloc_cache.h"

#include <stdio.h>
#include <string.h>

#include "sampler/event_format.h"

/* Who allocates from kmem_buckets: the caller as tracepoints tell it, and the name the set was created with. */
static const struct {
	const char *call_site;
	const char *prefix;
} bucket_users[] = {
	{"alloc_msg", "msg_msg"},
	{"load_msg", "msg_msg"},
	{"memdup_user", "memdup_user"},
	{"vmemdup_user", "memdup_user"},
	{"memdup_user_nul", "memdup_user"},
};

struct kmalloc_flags kmalloc_flags_read(const char *format)
{
	/* Kernels from 6.10 on for a while: the names of an enum, which has these values in all of them. */
	if (strstr(format, "___GFP_ACCOUNT_BIT"))
		return (struct kmalloc_flags){.dma = 1u << 0, .reclaimable = 1u << 4, .account = 1u << 22};
	uint64_t dma = event_format_flag(format, "__GFP_DMA");

	return (struct kmalloc_flags){
		/* Most kernels list the bit under this name only. */
		.dma = dma ? dma : event_format_flag(format, "GFP_DMA"),
		.reclaimable = event_format_flag(format, "__GFP_RECLAIMABLE"),
		.account = event_format_flag(format, "__GFP_ACCOUNT"),
	};
}

static const struct slab_cache *find_type(const struct slab_cache_list *all, enum slab_cache_type type,
					  uint32_t size_class_bytes)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->caches[i].type == type && all->caches[i].size_class_bytes == size_class_bytes)
			return &all->caches[i];
	return NULL;
}

bool kmalloc_cache_bucket_is_known(const char *name)
{
	for (size_t i = 0; i < sizeof(bucket_users) / sizeof(bucket_users[0]); i++) {
		size_t size = strlen(bucket_users[i].prefix);

		if (!strncmp(name, bucket_users[i].prefix, size) && name[size] == '-')
			return true;
	}
	return false;
}

const char *kmalloc_cache_bucket(const char *call_site)
{
	for (size_t i = 0; i < sizeof(bucket_users) / sizeof(bucket_users[0]); i++)
		if (!strcmp(bucket_users[i].call_site, call_site))
			return bucket_users[i].prefix;
	return "";
}

static const struct slab_cache *find_bucket(const struct slab_cache_list *all, uint32_t size_class_bytes,
					    const char *bucket)
{
	size_t size = strlen(bucket);

	for (size_t i = 0; i < all->count; i++) {
		const struct slab_cache *cache = &all->caches[i];

		if (cache->type == SLAB_CACHE_BUCKET && cache->size_class_bytes == size_class_bytes &&
		    !strncmp(cache->name, bucket, size) && cache->name[size] == '-')
			return cache;
	}
	return NULL;
}

const struct slab_cache *kmalloc_cache_find(const struct slab_cache_list *all, const struct kmalloc_flags *flags,
					    uint32_t size_class_bytes, uint64_t gfp, const char *bucket)
{
	const struct slab_cache *cache = *bucket ? find_bucket(all, size_class_bytes, bucket) : NULL;

	if (!cache && gfp & flags->dma)
		cache = find_type(all, SLAB_CACHE_DMA, size_class_bytes);
	else if (!cache && gfp & flags->reclaimable)
		cache = find_type(all, SLAB_CACHE_RECLAIM, size_class_bytes);
	else if (!cache && gfp & flags->account)
		cache = find_type(all, SLAB_CACHE_CGROUP, size_class_bytes);
	return cache ? cache : find_type(all, SLAB_CACHE_NORMAL, size_class_bytes);
}

bool kmalloc_cache_needs_call_site(const struct slab_cache_list *all, uint32_t size_class_bytes)
{
	return find_type(all, SLAB_CACHE_BUCKET, size_class_bytes);
}
