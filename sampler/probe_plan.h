/*
 * Which probes to set for the selected caches on this kernel, with their definitions and filters. Pure: what the kernel has comes
 * in as facts, so that every kernel's plan can be tested anywhere.
 */
#ifndef SLABREC_SAMPLER_PROBE_PLAN_H
#define SLABREC_SAMPLER_PROBE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/event_format.h"
#include "sampler/probe_table.h"
#include "sampler/slab_cache.h"
#include "trace/error.h"

/* Elements that one fetch argument takes, and the most that a bulk call is followed to. */
#define PROBE_ARRAY_MAX 64u
#define PROBE_BULK_MAX 512u
/* A smaller "object" of kfree_rcu() is the offset of its rcu_head. */
#define PROBE_RCU_OFFSET_MAX 4096u

enum probe_role {
	PROBE_ROLE_ALLOC,	 /* pointer and cache in one event */
	PROBE_ROLE_ALLOC_ENTRY,	 /* cache, flags and call chain; the pointer comes with the return */
	PROBE_ROLE_ALLOC_RETURN, /* pointer of the call that entered with the same stack pointer */
	PROBE_ROLE_ALLOC_BULK,	 /* an array of objects that was handed out */
	PROBE_ROLE_ALLOC_UNSEEN, /* how many were, where the kernel cannot tell their addresses */
	PROBE_ROLE_FREE,
	PROBE_ROLE_FREE_BULK,
	PROBE_ROLE_FREE_RCU,
	PROBE_ROLE_FREE_WITNESS, /* tells the frees that the kprobes tell, and loses nothing to interrupts */
};

/* True for roles of the free side. */
bool probe_role_is_free(enum probe_role role);

const char *probe_role_name(enum probe_role role);

/* Where the fields of a probe's record lie; filled when it is opened. */
struct probe_fields {
	struct event_field object;
	struct event_field name;  /* of the cache */
	struct event_field size;  /* asked for */
	struct event_field alloc; /* tracepoints: bytes_alloc */
	struct event_field gfp;
	struct event_field node;
	struct event_field sp;
	struct event_field call_site; /* tracepoints */
	struct event_field count;     /* bulk: of all objects of the call */
	struct event_field head;      /* kfree_rcu: the rcu_head, where object may be its offset */
	struct event_field cache;     /* raw tracepoints: index among the selected caches */
	struct event_field user_key; /* raw tracepoints */
	struct event_field chain_key; /* raw tracepoints: the addresses of a user call chain follow it */
	struct event_field is_second; /* raw tracepoints: may be told twice */
};

struct probe {
	enum probe_role role;
	const struct probe_function *function; /* NULL: a tracepoint */
	const struct raw_tracepoint *raw; /* the shape of a raw tracepoint that BPF filters; NULL: another probe */
	int raw_number; /* among the raw tracepoints */
	char function_name[64];
	char subsystem[64]; /* of tracepoints: kmem; of kprobes: "" until the group is known */
	char event[64];
	char kind[16];	   /* kprobes: "p", "r" or "rNNN"; raw tracepoints: "raw" */
	char *definition;  /* kprobes: fetch arguments; owned */
	char *filter;	   /* owned; "" for none */
	bool is_late;	   /* a free that is told after it was done: the address may be another object's by then */
	bool has_callchain;
	uint32_t stack_period; /* one in so many hits has its call chain taken, by an event of its own; 1: each */
	bool has_cache;	      /* its events are of selected caches: the name or size was filtered */
	uint32_t first;	      /* bulk: place in the call's array of the first object of the record */
	uint32_t size_class_bytes; /* of size-only functions: the class its filter lets through */
	struct probe_fields fields;
	uint64_t id;   /* of the event */
	uint64_t hits; /* samples that came */
};

struct probe_plan {
	struct probe *probes; /* owned */
	size_t count;
};

struct probe_plan_facts {
	const struct slab_cache_list *all;
	const struct slab_cache_list *selected;
	uint32_t name_offset_bytes; /* of kmem_cache.name */
	unsigned int nr_cpus;
	int run; /* part of the events' names: the recorder's pid */
	bool has_return_args;
	bool has_maxactive;
	unsigned int maxactive; /* instances of each return probe; 0: by nr_cpus */
	bool has_arg_names;
	bool has_no_witness; /* do not use the tracepoints beside kprobes */
	bool is_namespaced; /* the recorder is in a PID namespace of its own */
	const char *task_filter; /* condition on common fields that allocations have to meet; NULL none */
	bool all_free_stacks;
	bool no_free_stacks;
	/* What the kernel has; context is handed on. parameter gives a position from 1, 0 not known. */
	void *context;
	bool (*has_function)(void *context, const char *symbol);
	unsigned int (*parameter)(void *context, const char *function, const char *name);
	/* The format text of kmem:<event>; NULL where the kernel has no such tracepoint. Borrowed. */
	const char *(*tracepoint_format)(void *context, const char *event);
	/* The shape of kmem's raw tracepoint <event> here; NULL where it is not one that BPF can filter. */
	const struct raw_tracepoint *(*raw_shape)(void *context, const char *event);
};

/*
 * Plans kprobes, with tracepoints as second witness of frees. -ENOENT: none of the functions exists; -E2BIG: too many caches for
 * one filter; -ENOMEM.
 */
int probe_plan_kprobes(struct probe_plan *plan, const struct probe_plan_facts *facts, struct error *err);

/*
 * Plans raw tracepoints that BPF filters; kprobes, where there are any, only for what no tracepoint tells. -ENOTSUP: they do not tell
 * enough here.
 */
int probe_plan_bpf(struct probe_plan *plan, const struct probe_plan_facts *facts, bool has_kprobes, struct error *err);

/* Plans kmem tracepoints. Also -ENOTSUP: a cache cannot be told from another by what this kernel's tracepoints carry. */
int probe_plan_tracepoints(struct probe_plan *plan, const struct probe_plan_facts *facts, struct error *err);

void probe_plan_release(struct probe_plan *plan);

/* True where another probe of the plan tells the very events of this one, a tracepoint that misses none. */
bool probe_plan_is_witnessed(const struct probe_plan *plan, const struct probe *probe);

/* Finds the plan's fields in the event's format text. */
void probe_read_format(struct probe *probe, const char *format);

/* Low bits that are zero in every pointer to an object of the selected caches; 0 where that is not sure. */
uint64_t probe_plan_alignment_mask(const struct slab_cache_list *selected);

#endif
