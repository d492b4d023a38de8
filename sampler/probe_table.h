/*
 * The kernel functions that hand out and take back slab objects, and the raw tracepoints in them, as data: a new one is one new row.
 * Argument positions of functions count from 1; 0 means the function has no such argument.
 */
#ifndef SLABREC_SAMPLER_PROBE_TABLE_H
#define SLABREC_SAMPLER_PROBE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum probe_kind {
	PROBE_ALLOC,
	PROBE_ALLOC_BULK, /* fills an array with objects */
	PROBE_FREE,
	PROBE_FREE_BULK, /* takes an array of objects; a NULL cache means any */
	PROBE_FREE_RCU,	 /* asks for a free after a grace period: (head, object), or (head, offset of head in the object) */
};

struct probe_function {
	const char *symbol;
	const char *unless; /* not probed where this function exists: it is called for the same object and tells more */
	enum probe_kind kind;
	uint8_t cache_arg;  /* struct kmem_cache * */
	uint8_t object_arg; /* frees: the object */
	uint8_t size_arg;
	uint8_t gfp_arg;
	uint8_t node_arg;
	uint8_t count_arg; /* bulk: how many objects */
	uint8_t array_arg; /* bulk: where their addresses are */
	bool has_buckets; /* kmem_buckets * follows the size where the kernel has CONFIG_SLAB_BUCKETS */
	const char *tracepoint; /* kmem:<tracepoint>, or <tracepoint>_node up to 6.0, tells the same; NULL none does */
	const char *why;	/* it is probed, for --explain: at most 38 letters */
};

/* One shape that a raw tracepoint's arguments have had. Positions count from 0; call_site is 0 and the object 1 in all of them. */
struct raw_tracepoint {
	const char *name;
	const char *field;   /* of kmem/NAME/format, that this shape goes with; NULL: any */
	const char *unless; /* the field that it does not go with; NULL: any */
	bool is_free;
	uint8_t arg_count;
	uint8_t cache_arg; /* 0 none: the cache is that of the object's page */
	uint8_t size_arg;
	uint8_t gfp_arg;
	uint8_t node_arg;
};

/* True where the kernel's kmem/NAME/format has the fields that go with the shape. */
bool raw_tracepoint_fits(const struct raw_tracepoint *raw, const char *format);

extern const struct raw_tracepoint raw_tracepoints[];
extern const size_t raw_tracepoint_count;

extern const struct probe_function probe_functions[];
extern const size_t probe_function_count;

#endif
