/*
 * What four of Debian's kernels have, as data: functions, tracepoints, caches, and what their probes can do. Only what
 * plans are made from; the text of the tracepoints is that of the kernels but for the print format.
 */
#ifndef SLABREC_TESTS_SAMPLER_KERNELS_H
#define SLABREC_TESTS_SAMPLER_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/probe_plan.h"
#include "sampler/slab_cache.h"

enum kernel_version {
	KERNEL_5_10,
	KERNEL_6_1,
	KERNEL_6_12,
	KERNEL_7_2,
	KERNEL_COUNT,
};

struct kernel_tracepoint {
	const char *event;
	const char *format;
};

struct kernel {
	const char *release;
	const char *functions[24];
	struct kernel_tracepoint tracepoints[8];
	uint32_t name_offset_bytes;
	bool has_return_args;
	bool has_buckets;
	bool has_cgroup_caches;
};

#define KERNEL_COMMON                                                                                                  \
	"format:\n"                                                                                                    \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                                         \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                                         \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"                                 \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"                                                   \
	"\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;\n"                                            \
	"\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n"

#define KERNEL_SIZES                                                                                                   \
	"\tfield:size_t bytes_req;\toffset:24;\tsize:8;\tsigned:0;\n"                                                  \
	"\tfield:size_t bytes_alloc;\toffset:32;\tsize:8;\tsigned:0;\n"

#define KERNEL_FLAGS                                                                                                   \
	"\nprint fmt: \"gfp_flags=%s\", __print_flags(REC->gfp_flags, \"|\", "                                         \
	"{(unsigned long)(((((( gfp_t)(0x400u|0x800u)) | (( gfp_t)0x40u) | (( gfp_t)0x80u)) | (( "                     \
	"gfp_t)0x400000u)))), "                                                                                        \
	"\"GFP_KERNEL_ACCOUNT\"}, {(unsigned long)((( gfp_t)0x01u)), \"GFP_DMA\"}, "                                   \
	"{(unsigned long)((( gfp_t)0x01u)), \"__GFP_DMA\"}, {(unsigned long)((( gfp_t)0x04u)), \"__GFP_DMA32\"}, "     \
	"{(unsigned long)((( gfp_t)0x10u)), \"__GFP_RECLAIMABLE\"}, "                                                  \
	"{(unsigned long)((( gfp_t)0x400000u)), \"__GFP_ACCOUNT\"})\n"

#define KERNEL_ALLOC                                                                                                   \
	KERNEL_COMMON KERNEL_SIZES "\tfield:gfp_t gfp_flags;\toffset:40;\tsize:4;\tsigned:0;\n" KERNEL_FLAGS
#define KERNEL_ALLOC_OLD_NODE                                                                                          \
	KERNEL_COMMON KERNEL_SIZES "\tfield:gfp_t gfp_flags;\toffset:40;\tsize:4;\tsigned:0;\n"                        \
				   "\tfield:int node;\toffset:44;\tsize:4;\tsigned:1;\n" KERNEL_FLAGS
#define KERNEL_ALLOC_NODE                                                                                              \
	KERNEL_COMMON KERNEL_SIZES "\tfield:unsigned long gfp_flags;\toffset:40;\tsize:8;\tsigned:0;\n"                \
				   "\tfield:int node;\toffset:48;\tsize:4;\tsigned:1;\n" KERNEL_FLAGS
/* kmem_cache_alloc since 6.18. */
#define KERNEL_ALLOC_NAMED                                                                                             \
	KERNEL_COMMON "\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;\n"                              \
		      "\tfield:size_t bytes_req;\toffset:32;\tsize:8;\tsigned:0;\n"                                    \
		      "\tfield:size_t bytes_alloc;\toffset:40;\tsize:8;\tsigned:0;\n"                                  \
		      "\tfield:unsigned long gfp_flags;\toffset:48;\tsize:8;\tsigned:0;\n"                             \
		      "\tfield:int node;\toffset:56;\tsize:4;\tsigned:1;\n" KERNEL_FLAGS
#define KERNEL_FREE KERNEL_COMMON "\nprint fmt: \"call_site=%pS ptr=%p\"\n"
#define KERNEL_FREE_NAMED                                                                                              \
	KERNEL_COMMON "\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;\n\nprint fmt: \"ptr=%p\"\n"

static const struct kernel kernels[KERNEL_COUNT] = {
	[KERNEL_5_10] = {.release = "5.10",
			 .functions = {"kmem_cache_alloc", "kmem_cache_alloc_node", "kmem_cache_alloc_trace",
				       "kmem_cache_alloc_node_trace", "__kmalloc", "__kmalloc_node",
				       "__kmalloc_track_caller", "__kmalloc_node_track_caller", "kmem_cache_alloc_bulk",
				       "kmem_cache_free", "kmem_cache_free_bulk", "kfree", "kvfree_call_rcu",
				       "kfree_call_rcu"},
			 .tracepoints = {{"kmalloc", KERNEL_ALLOC},
					 {"kmalloc_node", KERNEL_ALLOC_OLD_NODE},
					 {"kmem_cache_alloc", KERNEL_ALLOC},
					 {"kmem_cache_alloc_node", KERNEL_ALLOC_OLD_NODE},
					 {"kfree", KERNEL_FREE},
					 {"kmem_cache_free", KERNEL_FREE}},
			 .name_offset_bytes = 96},
	[KERNEL_6_1] = {.release = "6.1",
			.functions = {"kmem_cache_alloc", "kmem_cache_alloc_node", "kmem_cache_alloc_lru",
				      "kmalloc_trace", "kmalloc_node_trace", "__kmem_cache_alloc_node", "__kmalloc",
				      "__kmalloc_node", "__kmalloc_node_track_caller", "kmem_cache_alloc_bulk",
				      "kmem_cache_free", "kmem_cache_free_bulk", "__kmem_cache_free", "kfree",
				      "kvfree_call_rcu"},
			.tracepoints = {{"kmalloc", KERNEL_ALLOC_NODE},
					{"kmem_cache_alloc", KERNEL_ALLOC_NODE},
					{"kfree", KERNEL_FREE},
					{"kmem_cache_free", KERNEL_FREE_NAMED}},
			.name_offset_bytes = 96,
			.has_cgroup_caches = true},
	[KERNEL_6_12] = {.release = "6.12",
			 .functions = {"kmem_cache_alloc_noprof", "kmem_cache_alloc_node_noprof",
				       "kmem_cache_alloc_lru_noprof", "__kmalloc_cache_noprof",
				       "__kmalloc_cache_node_noprof", "__kmalloc_noprof", "__kmalloc_node_noprof",
				       "__kmalloc_node_track_caller_noprof", "__kvmalloc_node_noprof",
				       "kmem_cache_alloc_bulk_noprof", "kmem_cache_free", "kmem_cache_free_bulk",
				       "kfree", "kvfree_call_rcu"},
			 .tracepoints = {{"kmalloc", KERNEL_ALLOC_NODE},
					 {"kmem_cache_alloc", KERNEL_ALLOC_NODE},
					 {"kfree", KERNEL_FREE},
					 {"kmem_cache_free", KERNEL_FREE_NAMED}},
			 .name_offset_bytes = 96,
			 .has_return_args = true,
			 .has_buckets = true,
			 .has_cgroup_caches = true},
	[KERNEL_7_2] = {.release = "7.2",
			.functions = {"kmem_cache_alloc_noprof", "kmem_cache_alloc_node_noprof",
				      "kmem_cache_alloc_lru_noprof", "kmem_cache_alloc_from_sheaf_noprof",
				      "__kmalloc_cache_noprof", "__kmalloc_cache_node_noprof", "__kmalloc_noprof",
				      "__kmalloc_node_noprof", "__kmalloc_node_track_caller_noprof",
				      "__kmalloc_flags_noprof", "_kmalloc_nolock_noprof", "__kvmalloc_node_noprof",
				      "kmem_cache_alloc_bulk_noprof", "kmem_cache_free", "kmem_cache_free_bulk",
				      "kfree", "kfree_nolock", "kvfree_call_rcu", "kfree_call_rcu_nolock", "__kfree_rcu_sheaf"},
			.tracepoints = {{"kmalloc", KERNEL_ALLOC_NODE},
					{"kmem_cache_alloc", KERNEL_ALLOC_NAMED},
					{"kfree", KERNEL_FREE},
					{"kmem_cache_free", KERNEL_FREE_NAMED}},
			.name_offset_bytes = 88,
			.has_return_args = true,
			.has_buckets = true,
			.has_cgroup_caches = true},
};

static inline bool kernel_has_function(void *context, const char *symbol)
{
	const struct kernel *kernel = context;

	for (size_t i = 0; i < 24 && kernel->functions[i]; i++)
		if (!strcmp(kernel->functions[i], symbol))
			return true;
	return false;
}

static inline const char *kernel_tracepoint_format(void *context, const char *event)
{
	const struct kernel *kernel = context;

	for (size_t i = 0; i < 8 && kernel->tracepoints[i].event; i++)
		if (!strcmp(kernel->tracepoints[i].event, event))
			return kernel->tracepoints[i].format;
	return NULL;
}

/* Of 5.10, where no tracepoint tells the node but those for it, the shapes without a cache; else the first that goes with the format. */
static inline const struct raw_tracepoint *kernel_raw_shape(void *context, const char *event)
{
	const char *format = kernel_tracepoint_format(context, event);
	bool is_old = kernel_tracepoint_format(context, "kmalloc_node");
	unsigned int args = !is_old ? 7 : !strncmp(event + strlen(event) - 5, "_node", 5) ? 6 : 5;

	for (size_t i = 0; i < raw_tracepoint_count; i++)
		if (!strcmp(raw_tracepoints[i].name, event) && raw_tracepoint_fits(&raw_tracepoints[i], format) &&
		    raw_tracepoints[i].arg_count <= args)
			return &raw_tracepoints[i];
	return NULL;
}

/* Prototypes: (size, buckets, flags, node), with an alignment in __kvmalloc_node_noprof since 6.18. */
static inline unsigned int kernel_parameter(void *context, const char *function, const char *name)
{
	static const char *const with_buckets[] = {"size", "b", "flags", "node"};
	static const char *const with_align[] = {"size", "b", "align", "flags", "node"};
	static const char *const without[] = {"size", "flags", "node"};
	const struct kernel *kernel = context;
	bool has_align = kernel == &kernels[KERNEL_7_2] && !strcmp(function, "__kvmalloc_node_noprof");
	const char *const *names = !kernel->has_buckets ? without : has_align ? with_align : with_buckets;
	size_t count = !kernel->has_buckets ? 3 : has_align ? 5 : 4;

	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return (unsigned int)i + 1;
	return 0;
}

/* A kernel without BTF. */
static inline unsigned int kernel_no_parameter(void *context, const char *function, const char *name)
{
	(void)context;
	(void)function;
	(void)name;
	return 0;
}

static inline struct slab_cache *kernel_add_cache(struct slab_cache_list *list, const char *name, uint32_t object_size,
						  uint32_t slab_size)
{
	struct slab_cache *cache = slab_cache_list_add(list, name);

	cache->object_size_bytes = object_size;
	cache->slab_size_bytes = slab_size;
	return cache;
}

/* The caches that the kernel would list: kmalloc's with their siblings, and some named ones. */
static inline void kernel_caches(struct slab_cache_list *list, const struct kernel *kernel)
{
	static const char *const prefixes[] = {"kmalloc",    "kmalloc-rcl", "dma-kmalloc",
					       "kmalloc-cg", "msg_msg",	    "memdup_user"};
	static const struct {
		const char *name;
		uint32_t size;
	} sizes[] = {{"8", 8},	   {"16", 16},	 {"32", 32},   {"64", 64},   {"96", 96},   {"128", 128}, {"192", 192},
		     {"256", 256}, {"512", 512}, {"1k", 1024}, {"2k", 2048}, {"4k", 4096}, {"8k", 8192}};

	*list = (struct slab_cache_list){0};
	for (size_t i = 0; i < (kernel->has_buckets ? 6u : kernel->has_cgroup_caches ? 4u : 3u); i++)
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			char name[64];

			snprintf(name, sizeof(name), "%s-%s", prefixes[i], sizes[j].name);
			kernel_add_cache(list, name, sizes[j].size, sizes[j].size);
		}
	kernel_add_cache(list, "dentry", 192, 192);
	kernel_add_cache(list, "filp", 232, 256);
	kernel_add_cache(list, "twin_a", 400, 448);
	kernel_add_cache(list, "twin_b", 400, 448);
	slab_cache_list_finish(list);
}

/* Facts for a plan of the kernel. */
static inline struct probe_plan_facts kernel_facts(const struct kernel *kernel, const struct slab_cache_list *all,
						   const struct slab_cache_list *selected)
{
	return (struct probe_plan_facts){
		.all = all,
		.selected = selected,
		.name_offset_bytes = kernel->name_offset_bytes,
		.nr_cpus = 4,
		.run = 77,
		.has_return_args = kernel->has_return_args,
		.has_maxactive = true,
		.has_arg_names = true,
		.context = (void *)kernel,
		.has_function = kernel_has_function,
		.parameter = kernel_parameter,
		.tracepoint_format = kernel_tracepoint_format,
		.raw_shape = kernel_raw_shape,
	};
}

#endif
