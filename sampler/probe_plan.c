/*
 * Turns rows of probe_table.c into definitions and filters. What a kernel cannot say in one event (the cache is known at entry,
 * the pointer at return) becomes a pair; what it cannot say at all (kfree has no cache) is filtered as far as addresses allow.
 */
#include "sampler/probe_plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/slab_bpf.h"

/* PERF_EVENT_IOC_SET_FILTER takes less than a page of text. */
#define FILTER_MAX_BYTES 3900
#define FREE_STACK_PERIOD 16

struct text {
	char bytes[4096];
	size_t size;
};

static void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void text_add(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int size = vsnprintf(text->bytes + text->size, sizeof(text->bytes) - text->size, format, args);
	va_end(args);
	text->size += size > 0 ? (size_t)size : 0;
	if (text->size >= sizeof(text->bytes))
		text->size = sizeof(text->bytes) - 1;
}

const char *probe_role_name(enum probe_role role)
{
	static const char *const names[] = {
		[PROBE_ROLE_ALLOC] = "alloc",	[PROBE_ROLE_ALLOC_ENTRY] = "alloc entry",
		[PROBE_ROLE_ALLOC_RETURN] = "alloc return", [PROBE_ROLE_ALLOC_BULK] = "alloc bulk",
		[PROBE_ROLE_ALLOC_UNSEEN] = "alloc unseen", [PROBE_ROLE_FREE] = "free",
		[PROBE_ROLE_FREE_BULK] = "free bulk",	[PROBE_ROLE_FREE_RCU] = "free rcu",
		[PROBE_ROLE_FREE_WITNESS] = "free witness",
	};

	return names[role];
}

bool probe_role_is_free(enum probe_role role)
{
	return role >= PROBE_ROLE_FREE;
}

static bool is_kmalloc(const struct slab_cache *cache)
{
	return cache->type != SLAB_CACHE_NAMED;
}

uint64_t probe_plan_alignment_mask(const struct slab_cache_list *selected)
{
	uint64_t mask = UINT64_MAX;

	for (size_t i = 0; i < selected->count; i++) {
		const struct slab_cache *cache = &selected->caches[i];
		uint32_t size = cache->size_class_bytes;

		/* Power-of-two kmalloc objects are aligned to their size; debug options make slots larger than objects. */
		if (!is_kmalloc(cache) || (size & (size - 1)) || cache->slab_size_bytes != size)
			return 0;
		if (size - 1 < mask)
			mask = size - 1;
	}
	return selected->count ? mask : 0;
}

/* The condition that object is none of NULL, ZERO_SIZE_PTR and the addresses no selected cache can have. */
static void add_object_filter(struct text *filter, const struct probe_plan_facts *facts, const char *object)
{
	uint64_t mask = probe_plan_alignment_mask(facts->selected);

	text_add(filter, "%s > 16", object);
	if (mask)
		text_add(filter, " && !(%s & 0x%llx)", object, (unsigned long long)mask);
}

static void add_name_filter(struct text *filter, const struct probe_plan_facts *facts, const char *field)
{
	text_add(filter, "(");
	for (size_t i = 0; i < facts->selected->count; i++)
		text_add(filter, "%s%s == \"%s\"", i ? " || " : "", field, facts->selected->caches[i].name);
	text_add(filter, ")");
}

/* Appends a probe; NULL without memory. */
static struct probe *plan_add(struct probe_plan *plan, enum probe_role role, const char *function_name,
			      const struct text *definition, const struct text *filter)
{
	struct probe *probes = realloc(plan->probes, (plan->count + 1) * sizeof(*probes));

	if (!probes)
		return NULL;
	plan->probes = probes;
	struct probe *probe = &probes[plan->count];
	*probe = (struct probe){.role = role, .stack_period = 1};
	snprintf(probe->function_name, sizeof(probe->function_name), "%s", function_name);
	probe->definition = strdup(definition ? definition->bytes : "");
	probe->filter = strdup(filter->bytes);
	probe->has_callchain = role == PROBE_ROLE_ALLOC || role == PROBE_ROLE_ALLOC_ENTRY || role == PROBE_ROLE_ALLOC_BULK ||
			       role == PROBE_ROLE_FREE_RCU;
	if (!probe->definition || !probe->filter) {
		free(probe->definition);
		free(probe->filter);
		return NULL;
	}
	plan->count++;
	return probe;
}

/* Fetches argument number position of a function at its entry. */
static const char *argument(const struct probe_plan_facts *facts, unsigned int position, char text[16])
{
#if defined(__x86_64__)
	static const char *const registers[] = {"%di", "%si", "%dx", "%cx", "%r8", "%r9"};
#elif defined(__aarch64__)
	static const char *const registers[] = {"%x0", "%x1", "%x2", "%x3", "%x4", "%x5"};
#endif
	if (facts->has_arg_names)
		snprintf(text, 16, "$arg%u", position);
	else
		snprintf(text, 16, "%s", registers[position - 1]);
	return text;
}

/* Positions of a function's arguments on this kernel. */
struct positions {
	unsigned int size, gfp, node, buckets;
};

static bool has_bucket_caches(const struct probe_plan_facts *facts)
{
	for (size_t i = 0; i < facts->all->count; i++)
		if (facts->all->caches[i].type == SLAB_CACHE_BUCKET)
			return true;
	return false;
}

static struct positions find_positions(const struct probe_plan_facts *facts, const struct probe_function *function)
{
	struct positions at = {.size = function->size_arg, .gfp = function->gfp_arg, .node = function->node_arg};

	if (!function->has_buckets)
		return at;
	/* The types tell; without them a kernel that has bucket caches was built with the argument. */
	at.buckets = facts->parameter(facts->context, function->symbol, "b");
	if (!at.buckets && !facts->parameter(facts->context, function->symbol, "size") && has_bucket_caches(facts))
		at.buckets = at.size + 1;
	if (at.buckets) {
		unsigned int gfp = facts->parameter(facts->context, function->symbol, "flags");
		unsigned int node = facts->parameter(facts->context, function->symbol, "node");

		at.gfp = gfp ? gfp : at.gfp + 1;
		at.node = node ? node : at.node + 1;
	}
	return at;
}

static void add_common_args(struct text *args, const struct probe_plan_facts *facts, struct positions at)
{
	char text[16];

	if (at.size)
		text_add(args, " req=%s:u64", argument(facts, at.size, text));
	if (at.gfp)
		text_add(args, " gfp=%s:u32", argument(facts, at.gfp, text));
	if (at.node)
		text_add(args, " node=%s:s32", argument(facts, at.node, text));
	text_add(args, " sp=%%sp:u64");
}

/* Return probes keep an instance for each call under way; too few lose hits (Debian 5.10's default lost 39 %). */
static void return_kind(const struct probe_plan_facts *facts, struct probe *probe)
{
	unsigned int instances = facts->nr_cpus * 8;

	if (instances < 128)
		instances = 128;
	if (instances > 4096)
		instances = 4096;
	if (facts->maxactive)
		instances = facts->maxactive;
	if (facts->has_maxactive)
		snprintf(probe->kind, sizeof(probe->kind), "r%u", instances);
	else
		snprintf(probe->kind, sizeof(probe->kind), "r");
}

static void name_event(struct probe *probe, const struct probe_plan_facts *facts, char letter,
		       const struct probe_function *function)
{
	probe->function = function;
	/* kprobe_profile tells no groups: the run's number keeps two recordings apart, the function's number its events. */
	snprintf(probe->event, sizeof(probe->event), "%c%zu_%u_%d_%.32s", letter, (size_t)(function - probe_functions),
		 probe->size_class_bytes + probe->first, facts->run, function->symbol);
}

/* One event with pointer and cache, where return probes can read arguments; else entry and return. */
static int plan_alloc_pair(struct probe_plan *plan, const struct probe_plan_facts *facts,
			   const struct probe_function *function, uint32_t size_class_bytes, const struct text *args,
			   const struct text *filter)
{
	struct text definition = {.size = 0};
	struct text return_filter = {.size = 0};
	struct probe *probe;

	if (facts->has_return_args) {
		text_add(&definition, "p=$retval:u64%s", args->bytes);
		probe = plan_add(plan, PROBE_ROLE_ALLOC, function->symbol, &definition, filter);
		if (!probe)
			return -ENOMEM;
		probe->size_class_bytes = size_class_bytes;
		probe->has_cache = true;
		return_kind(facts, probe);
		name_event(probe, facts, 'a', function);
		return 0;
	}
	/*
	 * The return first: of several probes on one function the one defined last runs first, and before 5.19 the call chain
	 * ends at the return probe's trampoline once that has run. For the same reason there is one return for all size classes.
	 */
	if (plan->count && plan->probes[plan->count - 1].function == function)
		goto entry;
	text_add(&definition, "p=$retval:u64 sp=%%sp:u64");
	uint64_t mask = probe_plan_alignment_mask(facts->selected);
	if (mask)
		text_add(&return_filter, "!(p & 0x%llx)", (unsigned long long)mask);
	probe = plan_add(plan, PROBE_ROLE_ALLOC_RETURN, function->symbol, &definition, &return_filter);
	if (!probe)
		return -ENOMEM;
	probe->size_class_bytes = size_class_bytes;
	return_kind(facts, probe);
	name_event(probe, facts, 'r', function);

entry:
	probe = plan_add(plan, PROBE_ROLE_ALLOC_ENTRY, function->symbol, args, filter);
	if (!probe)
		return -ENOMEM;
	probe->size_class_bytes = size_class_bytes;
	probe->has_cache = true;
	strcpy(probe->kind, "p");
	name_event(probe, facts, 'e', function);
	return 0;
}

static int plan_alloc_by_cache(struct probe_plan *plan, const struct probe_plan_facts *facts,
			       const struct probe_function *function)
{
	struct text args = {.size = 0}, filter = {.size = 0};
	char text[16];

	text_add(&args, " n=+0(+%u(%s)):string", facts->name_offset_bytes, argument(facts, function->cache_arg, text));
	add_common_args(&args, facts, find_positions(facts, function));
	add_name_filter(&filter, facts, "n");
	if (filter.size > FILTER_MAX_BYTES)
		return -E2BIG;
	return plan_alloc_pair(plan, facts, function, 0, &args, &filter);
}

/* The next smaller kmalloc size: sizes above it up to size_class_bytes come from this class. */
static uint32_t smaller_class(const struct slab_cache_list *all, uint32_t size_class_bytes)
{
	uint32_t smaller = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct slab_cache *cache = &all->caches[i];

		if (cache->type == SLAB_CACHE_NORMAL && cache->size_class_bytes < size_class_bytes &&
		    cache->size_class_bytes > smaller)
			smaller = cache->size_class_bytes;
	}
	return smaller;
}

/* kmalloc_index(): 96 and 192 have the places 1 and 2, powers of two their exponent. */
static unsigned int kmalloc_index(uint32_t size_class_bytes)
{
	if (size_class_bytes == 96)
		return 1;
	if (size_class_bytes == 192)
		return 2;
	return (unsigned int)__builtin_ctz(size_class_bytes);
}

static int plan_alloc_by_size(struct probe_plan *plan, const struct probe_plan_facts *facts,
			      const struct probe_function *function, uint32_t size_class_bytes)
{
	struct positions at = find_positions(facts, function);
	struct text args = {.size = 0}, filter = {.size = 0};
	char text[16];

	/* kmem_buckets is an array of kmem_cache pointers; with none given the string is not readable, so empty. */
	if (at.buckets)
		text_add(&args, " n=+0(+%u(+%u(%s))):string", facts->name_offset_bytes,
			 8 * kmalloc_index(size_class_bytes), argument(facts, at.buckets, text));
	add_common_args(&args, facts, at);
	text_add(&filter, "req > %u && req <= %u", smaller_class(facts->all, size_class_bytes), size_class_bytes);
	return plan_alloc_pair(plan, facts, function, size_class_bytes, &args, &filter);
}

/* Once for each size class among the selected caches. */
static int plan_alloc_by_sizes(struct probe_plan *plan, const struct probe_plan_facts *facts,
			       const struct probe_function *function)
{
	int ret = 0;

	for (size_t i = 0; i < facts->selected->count && !ret; i++) {
		uint32_t size = facts->selected->caches[i].size_class_bytes;
		bool is_first = is_kmalloc(&facts->selected->caches[i]);

		for (size_t j = 0; j < i; j++)
			is_first &= facts->selected->caches[j].size_class_bytes != size;
		if (is_first)
			ret = plan_alloc_by_size(plan, facts, function, size);
	}
	return ret;
}

/* Who frees such objects is seen well enough in a share of the frees; a call chain costs more than all the rest of one. */
static void set_free_stacks(struct probe *probe, const struct probe_plan_facts *facts)
{
	probe->has_callchain = !facts->no_free_stacks;
	probe->stack_period = facts->all_free_stacks || facts->no_free_stacks ? 1 : FREE_STACK_PERIOD;
}

static int plan_free(struct probe_plan *plan, const struct probe_plan_facts *facts,
		     const struct probe_function *function)
{
	struct text args = {.size = 0}, filter = {.size = 0};
	char text[16];

	text_add(&args, "p=%s:u64", argument(facts, function->object_arg, text));
	add_object_filter(&filter, facts, "p");
	if (function->cache_arg) {
		text_add(&args, " n=+0(+%u(%s)):string", facts->name_offset_bytes,
			 argument(facts, function->cache_arg, text));
		text_add(&filter, " && ");
		add_name_filter(&filter, facts, "n");
		if (filter.size > FILTER_MAX_BYTES)
			return -E2BIG;
	}
	struct probe *probe = plan_add(plan, PROBE_ROLE_FREE, function->symbol, &args, &filter);
	if (!probe)
		return -ENOMEM;
	probe->has_cache = function->cache_arg;
	strcpy(probe->kind, "p");
	name_event(probe, facts, 'f', function);
	set_free_stacks(probe, facts);
	return 0;
}

/*
 * Arrays are fetched 64 elements at a time, the most an argument takes, by as many events as the longest call needs: kfree_rcu()
 * frees pages of up to 509 pointers.
 */
static void add_array_args(struct text *args, const struct probe_plan_facts *facts,
			   const struct probe_function *function, uint32_t first)
{
	char text[16];

	text_add(args, " s=%s:u64 n=+0(+%u(%s)):string", argument(facts, function->cache_arg, text),
		 facts->name_offset_bytes, argument(facts, function->cache_arg, text));
	text_add(args, " cnt=%s:u64", argument(facts, function->count_arg, text));
	if (facts->has_arg_names) {
		text_add(args, " p=+%u(%s):x64[%u]", 8 * first, argument(facts, function->array_arg, text), PROBE_ARRAY_MAX);
		return;
	}
	/* Kernels before $argN (4.20) have no array arguments: one for each element, which lie in the record as an array does. */
	text_add(args, " p=");
	for (uint32_t i = 0; i < PROBE_ARRAY_MAX; i++) {
		if (i)
			text_add(args, " p%u=", i);
		text_add(args, "+%u(%s):u64", 8 * (first + i), argument(facts, function->array_arg, text));
	}
}

static int plan_bulk_part(struct probe_plan *plan, const struct probe_plan_facts *facts,
			  const struct probe_function *function, enum probe_role role, uint32_t first)
{
	struct text args = {.size = 0}, filter = {.size = 0};
	bool is_alloc = role == PROBE_ROLE_ALLOC_BULK;

	text_add(&args, "%s", is_alloc ? "rv=$retval:s32" : "");
	add_array_args(&args, facts, function, first);
	text_add(&filter, "%s && cnt > %u && ", is_alloc ? "rv != 0" : "cnt != 0", first);
	text_add(&filter, is_alloc ? "" : "(s == 0 || ");
	add_name_filter(&filter, facts, "n");
	text_add(&filter, is_alloc ? "" : ")");
	if (filter.size > FILTER_MAX_BYTES)
		return -E2BIG;
	struct probe *probe = plan_add(plan, role, function->symbol, &args, &filter);
	if (!probe)
		return -ENOMEM;
	probe->first = first;
	strcpy(probe->kind, "p");
	if (is_alloc)
		return_kind(facts, probe);
	name_event(probe, facts, is_alloc ? 'a' : 'f', function);
	return 0;
}

static int plan_bulk(struct probe_plan *plan, const struct probe_plan_facts *facts,
		     const struct probe_function *function, enum probe_role role)
{
	int ret = 0;

	for (uint32_t first = 0; first < PROBE_BULK_MAX && !ret; first += PROBE_ARRAY_MAX)
		ret = plan_bulk_part(plan, facts, function, role, first);
	return ret;
}

/* Without arguments at return the array cannot be read when it is full: at least its objects are counted. */
static int plan_unseen(struct probe_plan *plan, const struct probe_plan_facts *facts,
		       const struct probe_function *function)
{
	struct text args = {.size = 0}, filter = {.size = 0};
	char text[16];

	text_add(&args, "n=+0(+%u(%s)):string", facts->name_offset_bytes, argument(facts, function->cache_arg, text));
	text_add(&args, " cnt=%s:u64", argument(facts, function->count_arg, text));
	add_name_filter(&filter, facts, "n");
	if (filter.size > FILTER_MAX_BYTES)
		return -E2BIG;
	struct probe *probe = plan_add(plan, PROBE_ROLE_ALLOC_UNSEEN, function->symbol, &args, &filter);
	if (!probe)
		return -ENOMEM;
	strcpy(probe->kind, "p");
	name_event(probe, facts, 'u', function);
	return 0;
}

/* The object is the second argument, or (until 6.2) the first minus the second, which then is an offset below a page. */
static int plan_free_rcu(struct probe_plan *plan, const struct probe_plan_facts *facts,
			 const struct probe_function *function)
{
	struct text args = {.size = 0}, filter = {.size = 0};
	uint64_t mask = probe_plan_alignment_mask(facts->selected);
	char text[16];

	text_add(&args, "h=%s:u64", argument(facts, 1, text));
	text_add(&args, " p=%s:u64", argument(facts, function->object_arg, text));
	if (mask)
		text_add(&filter, "p < %u || !(p & 0x%llx)", PROBE_RCU_OFFSET_MAX, (unsigned long long)mask);
	struct probe *probe = plan_add(plan, PROBE_ROLE_FREE_RCU, function->symbol, &args, &filter);
	if (!probe)
		return -ENOMEM;
	probe->has_callchain = !facts->no_free_stacks;
	strcpy(probe->kind, "p");
	name_event(probe, facts, 'f', function);
	return 0;
}

static int plan_function(struct probe_plan *plan, const struct probe_plan_facts *facts,
			 const struct probe_function *function)
{
	switch (function->kind) {
	case PROBE_FREE:
		return plan_free(plan, facts, function);
	case PROBE_FREE_RCU:
		return plan_free_rcu(plan, facts, function);
	case PROBE_FREE_BULK:
		return plan_bulk(plan, facts, function, PROBE_ROLE_FREE_BULK);
	case PROBE_ALLOC_BULK:
		return facts->has_return_args ? plan_bulk(plan, facts, function, PROBE_ROLE_ALLOC_BULK) :
						plan_unseen(plan, facts, function);
	case PROBE_ALLOC:
		break;
	}
	if (function->cache_arg)
		return plan_alloc_by_cache(plan, facts, function);
	return plan_alloc_by_sizes(plan, facts, function);
}

/* Appends kmem:<event> where the kernel has it; the filter is complete but for nothing. */
static int plan_tracepoint(struct probe_plan *plan, enum probe_role role, const char *event, const struct text *filter,
			   bool has_cache)
{
	struct probe *probe = plan_add(plan, role, event, NULL, filter);

	if (!probe)
		return -ENOMEM;
	if (filter->size > FILTER_MAX_BYTES)
		return -E2BIG;
	strcpy(probe->subsystem, "kmem");
	snprintf(probe->event, sizeof(probe->event), "%s", event);
	probe->has_cache = has_cache;
	return 0;
}

/* Up to 6.0, when kmalloc_node was an event of its own, kmem_cache_free is told when the object is gone. */
static bool is_free_late(const struct probe_plan_facts *facts)
{
	return facts->tracepoint_format(facts->context, "kmalloc_node");
}

/* kmem:kfree, or kmem:kmem_cache_free with the name where the kernel tells it (5.12, RHEL 8.6). */
static int plan_free_tracepoint(struct probe_plan *plan, const struct probe_plan_facts *facts, enum probe_role role,
				const char *event)
{
	const char *format = facts->tracepoint_format(facts->context, event);
	bool has_name = format && event_format_field(format, "name").size_bytes;
	struct text filter = {.size = 0};

	if (!format)
		return 0;
	add_object_filter(&filter, facts, "ptr");
	if (has_name) {
		text_add(&filter, " && ");
		add_name_filter(&filter, facts, "name");
	}
	int ret = plan_tracepoint(plan, role, event, &filter, has_name);
	if (ret)
		return ret;
	plan->probes[plan->count - 1].is_late = !strcmp(event, "kmem_cache_free") && is_free_late(facts);
	/* A witness only confirms: the probe it stands beside has the call chain. */
	if (role == PROBE_ROLE_FREE)
		set_free_stacks(&plan->probes[plan->count - 1], facts);
	return 0;
}

static int plan_free_tracepoints(struct probe_plan *plan, const struct probe_plan_facts *facts, enum probe_role role)
{
	int ret = plan_free_tracepoint(plan, facts, role, "kfree");

	return ret ? ret : plan_free_tracepoint(plan, facts, role, "kmem_cache_free");
}

static int plan_error(struct probe_plan *plan, int code, struct error *err)
{
	probe_plan_release(plan);
	if (code == -E2BIG)
		return error_set(err, code, "too many caches for one kernel filter: name fewer with -c");
	return error_set(err, code, "planning probes: %s", strerror(-code));
}

static bool has_role(const struct probe_plan *plan, enum probe_role first, enum probe_role last)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->probes[i].role >= first && plan->probes[i].role <= last)
			return true;
	return false;
}

/* Allocations of other tasks are not wanted. Frees are, whoever frees. */
static int add_task_filter(struct probe_plan *plan, const struct probe_plan_facts *facts)
{
	for (size_t i = 0; i < plan->count && facts->task_filter; i++) {
		struct probe *probe = &plan->probes[i];
		char *filter;

		if (probe_role_is_free(probe->role))
			continue;
		if (asprintf(&filter, *probe->filter ? "%s && %s" : "%s", facts->task_filter, probe->filter) < 0)
			return -ENOMEM;
		free(probe->filter);
		probe->filter = filter;
	}
	return 0;
}

/* True where the kernel has it, and no other that tells more of the same object. */
static bool has_function(const struct probe_plan_facts *facts, const struct probe_function *function)
{
	return facts->has_function(facts->context, function->symbol) &&
	       !(function->unless && facts->has_function(facts->context, function->unless));
}

int probe_plan_kprobes(struct probe_plan *plan, const struct probe_plan_facts *facts, struct error *err)
{
	int ret = 0;

	*plan = (struct probe_plan){0};
	for (size_t i = 0; i < probe_function_count && !ret; i++) {
		const struct probe_function *function = &probe_functions[i];

		if (has_function(facts, function))
			ret = plan_function(plan, facts, function);
	}
	if (!ret && !(has_role(plan, PROBE_ROLE_ALLOC, PROBE_ROLE_ALLOC_RETURN) &&
		      has_role(plan, PROBE_ROLE_FREE, PROBE_ROLE_FREE))) {
		probe_plan_release(plan);
		return error_set(err, -ENOENT, "this kernel has none of the allocation functions slabrec knows");
	}
	if (!ret && !facts->has_no_witness)
		ret = plan_free_tracepoints(plan, facts, PROBE_ROLE_FREE_WITNESS);
	if (!ret)
		ret = add_task_filter(plan, facts);
	return ret ? plan_error(plan, ret, err) : 0;
}

bool probe_plan_is_witnessed(const struct probe_plan *plan, const struct probe *probe)
{
	if (probe->role != PROBE_ROLE_FREE || !probe->function || !probe->function->tracepoint)
		return false;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->probes[i].role == PROBE_ROLE_FREE_WITNESS &&
		    !strcmp(plan->probes[i].event, probe->function->tracepoint))
			return true;
	return false;
}

/* ---- raw tracepoints ---- */

#define RECORD_FIELD(member)                                                                                           \
	((struct event_field){offsetof(struct slab_bpf_record, member), sizeof(((struct slab_bpf_record *)0)->member), false})

static struct probe_fields raw_fields(const struct raw_tracepoint *raw)
{
	struct probe_fields fields = {.object = RECORD_FIELD(object), .cache = RECORD_FIELD(cache), .is_second = RECORD_FIELD(is_second)};

	if (raw->is_free)
		return fields;
	fields.call_site = RECORD_FIELD(call_site);
	fields.size = RECORD_FIELD(bytes_req);
	fields.gfp = RECORD_FIELD(gfp);
	fields.user_key = RECORD_FIELD(user_key);
	fields.chain_key = RECORD_FIELD(chain_key);
	if (raw->node_arg)
		fields.node = RECORD_FIELD(node);
	return fields;
}

static int plan_raw(struct probe_plan *plan, const struct probe_plan_facts *facts, const struct raw_tracepoint *raw)
{
	struct text filter = {.size = 0};

	text_add(&filter, "BPF: its page's cache is ");
	for (size_t i = 0; i < facts->selected->count && filter.size < 1000; i++)
		text_add(&filter, "%s%s", i ? " or " : "", facts->selected->caches[i].name);
	struct probe *probe = plan_add(plan, raw->is_free ? PROBE_ROLE_FREE : PROBE_ROLE_ALLOC, raw->name, NULL, &filter);
	if (!probe)
		return -ENOMEM;
	probe->raw = raw;
	strcpy(probe->subsystem, "kmem");
	snprintf(probe->event, sizeof(probe->event), "%s", raw->name);
	strcpy(probe->kind, "raw");
	probe->has_cache = true;
	probe->fields = raw_fields(raw);
	if (raw->is_free)
		set_free_stacks(probe, facts);
	return 0;
}

/* What raw tracepoints do not tell; without kprobes kmem_cache_free is still told by its tracepoint, late as it is. */
static int plan_beside_raw(struct probe_plan *plan, const struct probe_plan_facts *facts, bool has_kprobes, bool is_late)
{
	int ret = 0;

	for (size_t i = 0; i < probe_function_count && !ret && has_kprobes; i++) {
		const struct probe_function *function = &probe_functions[i];
		bool is_told = function->tracepoint && !(is_late && !strcmp(function->tracepoint, "kmem_cache_free"));

		if (!is_told && has_function(facts, function))
			ret = plan_function(plan, facts, function);
	}
	if (!ret && is_late && !(has_kprobes && facts->has_no_witness))
		ret = plan_free_tracepoint(plan, facts, has_kprobes ? PROBE_ROLE_FREE_WITNESS : PROBE_ROLE_FREE, "kmem_cache_free");
	return ret;
}

int probe_plan_bpf(struct probe_plan *plan, const struct probe_plan_facts *facts, bool has_kprobes, struct error *err)
{
	static const char *const events[] = {"kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node", "kfree",
					     "kmem_cache_free"};
	bool is_late = is_free_late(facts);
	int ret = 0;

	*plan = (struct probe_plan){0};
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]) && !ret; i++) {
		/* When it comes late the object's page may be another cache's by then. */
		if ((is_late && !strcmp(events[i], "kmem_cache_free")) || !facts->tracepoint_format(facts->context, events[i]))
			continue;
		const struct raw_tracepoint *raw = facts->raw_shape(facts->context, events[i]);
		if (!raw) {
			probe_plan_release(plan);
			return error_set(err, -ENOTSUP, "the arguments of tracepoint %s are not those slabrec knows", events[i]);
		}
		ret = plan_raw(plan, facts, raw);
	}
	if (!ret && !(has_role(plan, PROBE_ROLE_ALLOC, PROBE_ROLE_ALLOC) && has_role(plan, PROBE_ROLE_FREE, PROBE_ROLE_FREE))) {
		probe_plan_release(plan);
		return error_set(err, -ENOTSUP, "this kernel has no kmem tracepoints");
	}
	if (!ret)
		ret = plan_beside_raw(plan, facts, has_kprobes, is_late);
	if (!ret)
		ret = add_task_filter(plan, facts);
	return ret ? plan_error(plan, ret, err) : 0;
}

/* ---- tracepoints ---- */

static const struct slab_cache *find_twin(const struct probe_plan_facts *facts, const struct slab_cache *cache)
{
	for (size_t i = 0; i < facts->all->count; i++) {
		const struct slab_cache *other = &facts->all->caches[i];

		if (!is_kmalloc(other) && strcmp(other->name, cache->name) &&
		    other->slab_size_bytes == cache->slab_size_bytes && other->object_size_bytes == cache->object_size_bytes &&
		    !slab_cache_find(facts->selected, other->name))
			return other;
	}
	return NULL;
}

/* True where a selected cache before this one, of kmalloc as this one or not, has objects of the same sizes. */
static bool is_size_listed(const struct slab_cache_list *selected, size_t place)
{
	const struct slab_cache *cache = &selected->caches[place];

	for (size_t i = 0; i < place; i++) {
		const struct slab_cache *other = &selected->caches[i];

		if (is_kmalloc(other) == is_kmalloc(cache) && other->slab_size_bytes == cache->slab_size_bytes &&
		    (is_kmalloc(cache) || other->object_size_bytes == cache->object_size_bytes))
			return true;
	}
	return false;
}

/* The slot sizes of the selected caches of kmalloc, or sizes of the named ones. */
static int add_size_filter(struct text *filter, const struct probe_plan_facts *facts, bool of_kmalloc,
			   struct error *err)
{
	const char *joint = "";

	text_add(filter, "(");
	for (size_t i = 0; i < facts->selected->count; i++) {
		const struct slab_cache *cache = &facts->selected->caches[i];

		if (is_kmalloc(cache) != of_kmalloc)
			continue;
		if (is_size_listed(facts->selected, i))
			continue;
		const struct slab_cache *twin = of_kmalloc ? NULL : find_twin(facts, cache);
		if (twin)
			return error_set(err, -ENOTSUP,
					 "this kernel's tracepoints do not name the cache, and %s has objects of the same size as %s: use --source kprobe, or record both",
					 twin->name, cache->name);
		text_add(filter, "%sbytes_alloc == %u", joint, cache->slab_size_bytes);
		if (!of_kmalloc)
			text_add(filter, " && bytes_req == %u", cache->object_size_bytes);
		joint = " || ";
	}
	text_add(filter, ")");
	return *joint ? 0 : -ENOENT;
}

static int plan_alloc_tracepoint(struct probe_plan *plan, const struct probe_plan_facts *facts, const char *event,
				 struct error *err)
{
	const char *format = facts->tracepoint_format(facts->context, event);
	struct text filter = {.size = 0};
	int ret = 0;

	if (!format)
		return 0;
	if (event_format_field(format, "name").size_bytes)
		add_name_filter(&filter, facts, "name");
	else
		ret = add_size_filter(&filter, facts, !strncmp(event, "kmalloc", 7), err);
	if (ret == -ENOENT)
		return 0;
	if (!ret)
		ret = plan_tracepoint(plan, PROBE_ROLE_ALLOC, event, &filter, true);
	return ret;
}

int probe_plan_tracepoints(struct probe_plan *plan, const struct probe_plan_facts *facts, struct error *err)
{
	static const char *const events[] = {"kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node"};
	int ret = 0;

	*plan = (struct probe_plan){0};
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]) && !ret; i++)
		ret = plan_alloc_tracepoint(plan, facts, events[i], err);
	if (ret == -ENOTSUP) {
		probe_plan_release(plan);
		return ret;
	}
	if (!ret)
		ret = plan_free_tracepoints(plan, facts, PROBE_ROLE_FREE);
	if (!ret && !(has_role(plan, PROBE_ROLE_ALLOC, PROBE_ROLE_ALLOC) && has_role(plan, PROBE_ROLE_FREE, PROBE_ROLE_FREE))) {
		probe_plan_release(plan);
		return error_set(err, -ENOENT, "this kernel has no kmem tracepoints");
	}
	if (!ret)
		ret = add_task_filter(plan, facts);
	return ret ? plan_error(plan, ret, err) : 0;
}

void probe_plan_release(struct probe_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->probes[i].definition);
		free(plan->probes[i].filter);
	}
	free(plan->probes);
	*plan = (struct probe_plan){0};
}

/* Elements that are fields of their own, as wide as the array that they stand for. */
static void widen_to_array(struct event_field *first, const char *format)
{
	char name[16];

	snprintf(name, sizeof(name), "p%u", PROBE_ARRAY_MAX - 1);
	struct event_field last = event_format_field(format, name);

	if (last.size_bytes && last.offset_bytes == first->offset_bytes + (PROBE_ARRAY_MAX - 1) * sizeof(uint64_t))
		first->size_bytes = PROBE_ARRAY_MAX * sizeof(uint64_t);
}

void probe_read_format(struct probe *probe, const char *format)
{
	bool is_kprobe = probe->function;

	probe->fields = (struct probe_fields){
		.object = event_format_field(format, is_kprobe ? "p" : "ptr"),
		.name = event_format_field(format, is_kprobe ? "n" : "name"),
		.size = event_format_field(format, is_kprobe ? "req" : "bytes_req"),
		.alloc = event_format_field(format, "bytes_alloc"),
		.gfp = event_format_field(format, is_kprobe ? "gfp" : "gfp_flags"),
		.node = event_format_field(format, "node"),
		.sp = event_format_field(format, "sp"),
		.call_site = event_format_field(format, "call_site"),
		.count = event_format_field(format, "cnt"),
		.head = event_format_field(format, "h"),
	};
	if (probe->role == PROBE_ROLE_FREE_BULK)
		widen_to_array(&probe->fields.object, format);
}
