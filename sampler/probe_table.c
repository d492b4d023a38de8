/*
 * Prototypes as of the kernels that have the function (KERNEL.md, 1.1 and 2.1). slab_alloc_node() is inlined everywhere, so every
 * entry point needs its row.
 */
#include "sampler/probe_table.h"

const struct probe_function probe_functions[] = {
	/* The cache is an argument. */
	{.symbol = "kmem_cache_alloc", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2},
	{.symbol = "kmem_cache_alloc_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2},
	{.symbol = "kmem_cache_alloc_node", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3},
	{.symbol = "kmem_cache_alloc_node_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3},
	{.symbol = "kmem_cache_alloc_lru", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 3},
	{.symbol = "kmem_cache_alloc_lru_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 3},
	{.symbol = "kmem_cache_alloc_from_sheaf_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2},
	/* kmalloc() of a constant size: up to 6.0, 6.1 to 6.9, 6.10, since 6.11. */
	{.symbol = "kmem_cache_alloc_trace", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .size_arg = 3},
	{.symbol = "kmem_cache_alloc_node_trace", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3, .size_arg = 4},
	{.symbol = "kmalloc_trace", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .size_arg = 3},
	{.symbol = "kmalloc_node_trace", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3, .size_arg = 4},
	{.symbol = "kmalloc_trace_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .size_arg = 3},
	{.symbol = "kmalloc_node_trace_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3, .size_arg = 4},
	{.symbol = "__kmalloc_cache_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .size_arg = 3},
	{.symbol = "__kmalloc_cache_node_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3, .size_arg = 4},
	/* 6.1 to 6.6: every kmalloc() variant comes through here. */
	{.symbol = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3, .size_arg = 4},
	/* Only a size: the cache follows from size class and gfp flags. */
	{.symbol = "__kmalloc", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2},
	{.symbol = "__kmalloc_node", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3},
	{.symbol = "__kmalloc_track_caller", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2},
	{.symbol = "__kmalloc_node_track_caller", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3},
	{.symbol = "__kmalloc_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2},
	{.symbol = "__kmalloc_node_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3, .has_buckets = true},
	{.symbol = "__kmalloc_node_track_caller_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3, .has_buckets = true},
	{.symbol = "kmalloc_node_track_caller_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3},
	{.symbol = "__kmalloc_flags_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 4},
	/* Calls __kmalloc_node_noprof up to 6.17 (the outer of the two is dropped), allocates itself since 7.x. */
	{.symbol = "__kvmalloc_node_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3, .has_buckets = true},

	/* For contexts that must not lock; no tracepoint. */
	{.symbol = "kmalloc_nolock_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3},
	{.symbol = "_kmalloc_nolock_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3},
	/* No tracepoint on any kernel. */
	{.symbol = "kmem_cache_alloc_bulk", .kind = PROBE_ALLOC_BULK, .cache_arg = 1, .gfp_arg = 2, .count_arg = 3, .array_arg = 4},
	{.symbol = "kmem_cache_alloc_bulk_noprof", .kind = PROBE_ALLOC_BULK, .cache_arg = 1, .gfp_arg = 2, .count_arg = 3, .array_arg = 4},

	{.symbol = "kmem_cache_free", .kind = PROBE_FREE, .cache_arg = 1, .object_arg = 2},
	/* 6.1 to 6.7: kfree() comes through here, and here the cache is known. */
	{.symbol = "__kmem_cache_free", .kind = PROBE_FREE, .cache_arg = 1, .object_arg = 2},
	{.symbol = "kfree", .unless = "__kmem_cache_free", .kind = PROBE_FREE, .object_arg = 1},
	{.symbol = "kfree_nolock", .kind = PROBE_FREE, .object_arg = 1},
	{.symbol = "kmem_cache_free_bulk", .kind = PROBE_FREE_BULK, .cache_arg = 1, .count_arg = 2, .array_arg = 3},
	{.symbol = "kvfree_call_rcu", .kind = PROBE_FREE_RCU, .object_arg = 2},
	{.symbol = "kfree_call_rcu", .unless = "kvfree_call_rcu", .kind = PROBE_FREE_RCU, .object_arg = 2},
	{.symbol = "kfree_call_rcu_nolock", .kind = PROBE_FREE_RCU, .object_arg = 2},
};

const size_t probe_function_count = sizeof(probe_functions) / sizeof(probe_functions[0]);
