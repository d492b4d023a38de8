/*
 * Prototypes as of the kernels that have the function (KERNEL.md, 1.1 and 2.1). slab_alloc_node() is inlined everywhere, so every
 * entry point needs its row.
 */
#include "sampler/probe_table.h"

#include "sampler/event_format.h"

const struct probe_function probe_functions[] = {
	/* The cache is an argument. */
	{.symbol = "kmem_cache_alloc", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2,
	 .tracepoint = "kmem_cache_alloc", .why = "of any cache, by its name"},
	{.symbol = "kmem_cache_alloc_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2,
	 .tracepoint = "kmem_cache_alloc", .why = "of any cache, by its name"},
	{.symbol = "kmem_cache_alloc_node", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3,
	 .tracepoint = "kmem_cache_alloc", .why = "the same, from a NUMA node"},
	{.symbol = "kmem_cache_alloc_node_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3,
	 .tracepoint = "kmem_cache_alloc", .why = "the same, from a NUMA node"},
	{.symbol = "kmem_cache_alloc_lru", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 3,
	 .tracepoint = "kmem_cache_alloc", .why = "the same, for an LRU list (inodes)"},
	{.symbol = "kmem_cache_alloc_lru_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 3,
	 .tracepoint = "kmem_cache_alloc", .why = "the same, for an LRU list (inodes)"},
	{.symbol = "kmem_cache_alloc_from_sheaf_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2,
	 .tracepoint = "kmem_cache_alloc", .why = "out of a sheaf that was filled before"},
	/* kmalloc() of a constant size: up to 6.0, 6.1 to 6.9, 6.10, since 6.11. */
	{.symbol = "kmem_cache_alloc_trace", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .size_arg = 3,
	 .tracepoint = "kmalloc", .why = "kmalloc() of a constant size"},
	{.symbol = "kmem_cache_alloc_node_trace", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3, .size_arg = 4,
	 .tracepoint = "kmalloc", .why = "kmalloc_node() of a constant size"},
	{.symbol = "kmalloc_trace", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .size_arg = 3,
	 .tracepoint = "kmalloc", .why = "kmalloc() of a constant size"},
	{.symbol = "kmalloc_node_trace", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3, .size_arg = 4,
	 .tracepoint = "kmalloc", .why = "kmalloc_node() of a constant size"},
	{.symbol = "kmalloc_trace_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .size_arg = 3,
	 .tracepoint = "kmalloc", .why = "kmalloc() of a constant size"},
	{.symbol = "kmalloc_node_trace_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3, .size_arg = 4,
	 .tracepoint = "kmalloc", .why = "kmalloc_node() of a constant size"},
	{.symbol = "__kmalloc_cache_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .size_arg = 3,
	 .tracepoint = "kmalloc", .why = "kmalloc() of a constant size"},
	{.symbol = "__kmalloc_cache_node_noprof", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3, .size_arg = 4,
	 .tracepoint = "kmalloc", .why = "kmalloc_node() of a constant size"},
	/* 6.1 to 6.6: every kmalloc() variant comes through here. */
	{.symbol = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .cache_arg = 1, .gfp_arg = 2, .node_arg = 3, .size_arg = 4,
	 .tracepoint = "kmalloc", .why = "every kmalloc() comes through here"},
	/* Only a size: the cache follows from size class and gfp flags. */
	{.symbol = "__kmalloc", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2,
	 .tracepoint = "kmalloc", .why = "kmalloc() of a variable size"},
	{.symbol = "__kmalloc_node", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3,
	 .tracepoint = "kmalloc", .why = "kmalloc_node() of a variable size"},
	{.symbol = "__kmalloc_track_caller", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2,
	 .tracepoint = "kmalloc", .why = "kstrdup(), kmemdup() and such"},
	{.symbol = "__kmalloc_node_track_caller", .unless = "__kmem_cache_alloc_node", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3,
	 .tracepoint = "kmalloc", .why = "network buffers, kmemdup() and such"},
	{.symbol = "__kmalloc_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2,
	 .tracepoint = "kmalloc", .why = "kmalloc() of a variable size"},
	{.symbol = "__kmalloc_node_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3, .has_buckets = true,
	 .tracepoint = "kmalloc", .why = "kmalloc_node(), kmem_buckets_alloc()"},
	{.symbol = "__kmalloc_node_track_caller_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3, .has_buckets = true,
	 .tracepoint = "kmalloc", .why = "network buffers, kmemdup() and such"},
	{.symbol = "kmalloc_node_track_caller_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3,
	 .tracepoint = "kmalloc", .why = "network buffers, kmemdup() and such"},
	{.symbol = "__kmalloc_flags_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 4,
	 .tracepoint = "kmalloc", .why = "kmalloc() with flags for the allocator"},
	/* Calls __kmalloc_node_noprof up to 6.17 (the outer of the two is dropped), allocates itself since 7.x. */
	{.symbol = "__kvmalloc_node_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3, .has_buckets = true,
	 .tracepoint = "kmalloc", .why = "kvmalloc() of sizes that kmalloc() has"},

	/* For contexts that must not lock; no tracepoint. */
	{.symbol = "kmalloc_nolock_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3,
	 .why = "where no lock may be taken (BPF)"},
	{.symbol = "_kmalloc_nolock_noprof", .kind = PROBE_ALLOC, .size_arg = 1, .gfp_arg = 2, .node_arg = 3,
	 .why = "where no lock may be taken (BPF)"},
	/* No tracepoint on any kernel. */
	{.symbol = "kmem_cache_alloc_bulk", .kind = PROBE_ALLOC_BULK, .cache_arg = 1, .gfp_arg = 2, .count_arg = 3, .array_arg = 4,
	 .why = "an array of objects at once"},
	{.symbol = "kmem_cache_alloc_bulk_noprof", .kind = PROBE_ALLOC_BULK, .cache_arg = 1, .gfp_arg = 2, .count_arg = 3, .array_arg = 4,
	 .why = "an array of objects at once"},

	{.symbol = "kmem_cache_free", .kind = PROBE_FREE, .cache_arg = 1, .object_arg = 2,
	 .tracepoint = "kmem_cache_free", .why = "of any cache, by its name"},
	/* 6.1 to 6.7: kfree() comes through here, and here the cache is known. */
	{.symbol = "__kmem_cache_free", .kind = PROBE_FREE, .cache_arg = 1, .object_arg = 2,
	 .tracepoint = "kfree", .why = "every kfree() comes through here"},
	{.symbol = "kfree", .unless = "__kmem_cache_free", .kind = PROBE_FREE, .object_arg = 1,
	 .tracepoint = "kfree", .why = "of any cache, by its address"},
	{.symbol = "kfree_nolock", .kind = PROBE_FREE, .object_arg = 1,
	 .why = "where no lock may be taken (BPF)"},
	{.symbol = "kmem_cache_free_bulk", .kind = PROBE_FREE_BULK, .cache_arg = 1, .count_arg = 2, .array_arg = 3,
	 .why = "an array at once, kfree_rcu()'s too"},
	{.symbol = "kvfree_call_rcu", .kind = PROBE_FREE_RCU, .object_arg = 2,
	 .why = "kfree_rcu(): its user lets go"},
	{.symbol = "kfree_call_rcu", .unless = "kvfree_call_rcu", .kind = PROBE_FREE_RCU, .object_arg = 2,
	 .why = "kfree_rcu(): its user lets go"},
	{.symbol = "kfree_call_rcu_nolock", .kind = PROBE_FREE_RCU, .object_arg = 2,
	 .why = "kfree_rcu() where no lock may be taken"},
};

/* KERNEL.md, 1.3. The caches are arguments from 5.17 on; 6.1 made kmalloc and kmalloc_node one, and gave both the node. */
const struct raw_tracepoint raw_tracepoints[] = {
	{.name = "kmalloc", .field = "node", .arg_count = 6, .size_arg = 2, .gfp_arg = 4, .node_arg = 5},
	{.name = "kmalloc", .unless = "node", .arg_count = 6, .size_arg = 3, .gfp_arg = 5},
	{.name = "kmalloc", .unless = "node", .arg_count = 5, .size_arg = 2, .gfp_arg = 4},
	{.name = "kmalloc_node", .arg_count = 7, .size_arg = 3, .gfp_arg = 5, .node_arg = 6},
	{.name = "kmalloc_node", .arg_count = 6, .size_arg = 2, .gfp_arg = 4, .node_arg = 5},
	{.name = "kmem_cache_alloc", .field = "node", .arg_count = 5, .cache_arg = 2, .gfp_arg = 3, .node_arg = 4},
	{.name = "kmem_cache_alloc", .unless = "node", .arg_count = 6, .gfp_arg = 5},
	{.name = "kmem_cache_alloc", .unless = "node", .arg_count = 5, .gfp_arg = 4},
	{.name = "kmem_cache_alloc_node", .arg_count = 7, .gfp_arg = 5, .node_arg = 6},
	{.name = "kmem_cache_alloc_node", .arg_count = 6, .gfp_arg = 4, .node_arg = 5},
	{.name = "kfree", .is_free = true, .arg_count = 2},
	{.name = "kmem_cache_free", .is_free = true, .arg_count = 3, .cache_arg = 2},
	{.name = "kmem_cache_free", .is_free = true, .arg_count = 2},
};

const size_t raw_tracepoint_count = sizeof(raw_tracepoints) / sizeof(raw_tracepoints[0]);

bool raw_tracepoint_fits(const struct raw_tracepoint *raw, const char *format)
{
	return (!raw->field || event_format_field(format, raw->field).size_bytes) &&
	       (!raw->unless || !event_format_field(format, raw->unless).size_bytes);
}

const size_t probe_function_count = sizeof(probe_functions) / sizeof(probe_functions[0]);
