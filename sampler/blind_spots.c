/*
 * Compares the functions that a kernel has with those that the plan's probes tell of, whatever kind of probe it is. Knows what
 * kprobes and call chains miss by their nature.
 */
#include "sampler/blind_spots.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sampler/kmalloc_cache.h"

struct spots {
	const struct probe_plan *plan;
	const struct probe_plan_facts *facts;
	blind_spots_tell *tell;
	void *context;
};

static void tell(const struct spots *spots, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(const struct spots *spots, const char *format, ...)
{
	char sentence[512];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	spots->tell(spots->context, sentence);
}

/* kmem:kmalloc tells what kmem:kmalloc_node does, where there are two. */
static bool is_tracepoint_of(const struct probe *probe, const struct probe_function *function)
{
	size_t size = function->tracepoint ? strlen(function->tracepoint) : 0;

	return !probe->function && size && !strncmp(probe->event, function->tracepoint, size) &&
	       (!probe->event[size] || !strcmp(probe->event + size, "_node"));
}

static bool is_seen(const struct probe_plan *plan, const struct probe_function *function)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->probes[i].function == function || is_tracepoint_of(&plan->probes[i], function))
			return true;
	return false;
}

/* kmalloc() hands out objects of kmalloc caches only. */
static bool is_concerned(const struct probe_plan_facts *facts, const struct probe_function *function)
{
	bool is_kmalloc_only = function->kind == PROBE_ALLOC && function->size_arg;

	for (size_t i = 0; is_kmalloc_only && i < facts->selected->count; i++)
		if (facts->selected->caches[i].type != SLAB_CACHE_NAMED)
			return true;
	return !is_kmalloc_only;
}

static bool is_unseen(const struct spots *spots, const struct probe_function *function)
{
	const struct probe_plan_facts *facts = spots->facts;

	return facts->has_function(facts->context, function->symbol) &&
	       !(function->unless && facts->has_function(facts->context, function->unless)) &&
	       is_concerned(facts, function) && !is_seen(spots->plan, function);
}

static bool is_allocation(enum probe_kind kind)
{
	return kind == PROBE_ALLOC || kind == PROBE_ALLOC_BULK;
}

static bool has_role(const struct probe_plan *plan, enum probe_role role)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->probes[i].role == role)
			return true;
	return false;
}

/* The functions behind kfree_rcu() are one for people. */
static bool has_word(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at && at[strlen(name)] == '(' && (at == text || at[-1] == ' ');
}

/* The functions that no probe tells of, as "a(), b()"; "" none. */
static const char *unseen_functions(const struct spots *spots, bool of_allocations, char text[400])
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < probe_function_count && used < 400; i++) {
		const struct probe_function *function = &probe_functions[i];

		const char *name = function->kind == PROBE_FREE_RCU ? "kfree_rcu" : function->symbol;

		if (is_allocation(function->kind) == of_allocations && is_unseen(spots, function) && !has_word(text, name))
			used += (size_t)snprintf(text + used, 400 - used, "%s%s()", used ? ", " : "", name);
	}
	return text;
}

static void tell_unseen(const struct spots *spots)
{
	char names[400];

	if (*unseen_functions(spots, false, names))
		tell(spots, "Frees by %s are not seen: objects freed only that way look live.", names);
	if (*unseen_functions(spots, true, names))
		tell(spots, "Allocations by %s are not seen.", names);
	for (size_t i = 0; i < spots->plan->count; i++)
		if (spots->plan->probes[i].role == PROBE_ROLE_ALLOC_UNSEEN)
			tell(spots,
			     "%s(): this kernel does not tell the addresses of objects that are handed out in bulk: they are counted, not followed.",
			     spots->plan->probes[i].function_name);
}

/* Since 7.0 of all caches; the objects go to the sheaf's next users without another function that can be probed. */
static void tell_sheaves(const struct spots *spots)
{
	const struct probe_plan_facts *facts = spots->facts;

	if (has_role(spots->plan, PROBE_ROLE_FREE_RCU) && facts->has_function(facts->context, "__kfree_rcu_sheaf"))
		tell(spots,
		     "kfree_rcu() is seen when it is asked for; the free after it may go through a sheaf and is not seen then: such objects stay pending until their memory is used again.");
}

static bool is_witnessed(const struct probe_plan *plan, const struct probe_function *function)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->probes[i].role == PROBE_ROLE_FREE_WITNESS && is_tracepoint_of(&plan->probes[i], function))
			return true;
	return false;
}

static void tell_interrupts(const struct spots *spots)
{
	char names[400] = "";
	size_t used = 0;
	bool has_alloc_kprobes = false;

	for (size_t i = 0; i < spots->plan->count && used < sizeof(names); i++) {
		const struct probe *probe = &spots->plan->probes[i];

		has_alloc_kprobes |= probe->function && !probe_role_is_free(probe->role);
		if (probe->function && probe_role_is_free(probe->role) && !probe->first &&
		    !is_witnessed(spots->plan, probe->function))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s()", used ? ", " : "",
						 probe->function_name);
	}
	if (has_alloc_kprobes)
		tell(spots,
		     "A kprobe is not hit while the handler of another runs on its CPU: what an interrupt allocates then%s%s is missed, and counted for all caches together.",
		     *names ? ", or frees by " : "", names);
	else if (*names)
		tell(spots,
		     "A kprobe is not hit while the handler of another runs on its CPU: what an interrupt frees then by %s is missed, and counted for all caches together.",
		     names);
}

static void tell_failed(const struct spots *spots)
{
	for (size_t i = 0; i < spots->plan->count; i++)
		if (spots->plan->probes[i].raw) {
			tell(spots, "Allocations that fail are not counted: BPF finds the cache by the object.");
			return;
		}
}

static bool is_kmalloc_tracepoint(const struct probe *probe)
{
	return !probe->function && !probe->raw && !strncmp(probe->event, "kmalloc", 7);
}

static void tell_random_caches(const struct spots *spots)
{
	bool has_random = false, has_sizes = false;

	for (size_t i = 0; i < spots->facts->all->count; i++)
		has_random |= spots->facts->all->caches[i].type == SLAB_CACHE_RANDOM;
	for (size_t i = 0; i < spots->plan->count; i++)
		has_sizes |= spots->plan->probes[i].size_class_bytes || is_kmalloc_tracepoint(&spots->plan->probes[i]);
	if (has_random && has_sizes)
		tell(spots,
		     "Which of kmalloc's random copies of a cache an object is from is not seen where only its size is told: it counts for the plain one.");
}

/* Sets of buckets whose users are not known: where only a size is told they are like any other of that size. */
static void tell_buckets(const struct spots *spots)
{
	char names[400] = "";
	size_t used = 0;
	bool has_sizes = false;

	for (size_t i = 0; i < spots->plan->count; i++)
		has_sizes |= is_kmalloc_tracepoint(&spots->plan->probes[i]);
	for (size_t i = 0; has_sizes && i < spots->facts->selected->count && used < sizeof(names); i++) {
		const struct slab_cache *cache = &spots->facts->selected->caches[i];

		if (cache->type == SLAB_CACHE_BUCKET && !kmalloc_cache_bucket_is_known(cache->name))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", cache->name);
	}
	if (*names)
		tell(spots, "Objects of %s count for the plain cache of their size: tracepoints tell only sizes.", names);
}

static void tell_namespace(const struct spots *spots)
{
	if (spots->facts->is_namespaced)
		tell(spots,
		     "Tasks outside slabrec's PID namespace have no number and no name here: they are all \"[other namespace]\" (in a container use the host's PID namespace, as with docker run --pid=host).");
}

static const char *const user_sentences[] = {
	[USER_STACKS_DWARF] = "User call chains of allocations are unwound from a copy of the stack, as many a second as there is time for; the others, and those of frees, follow frame pointers: they are short in programs built without them.",
	[USER_STACKS_FP] = "User call chains follow frame pointers: they are short in programs built without them.",
	[USER_STACKS_NONE] = "User call chains are not recorded.",
};

static void tell_call_chains(const struct spots *spots, enum user_stacks user_stacks)
{
	uint32_t period = 1;
	bool has_free_chains = false;

	for (size_t i = 0; i < spots->plan->count; i++) {
		const struct probe *probe = &spots->plan->probes[i];

		if (probe->role != PROBE_ROLE_FREE)
			continue;
		has_free_chains |= probe->has_callchain;
		if (probe->has_callchain && probe->stack_period > period)
			period = probe->stack_period;
	}
	if (!has_free_chains)
		tell(spots, "Frees have no call chains.");
	else if (period > 1)
		tell(spots, "One free in %u has its call chain recorded.", period);
	tell(spots, "%s", user_sentences[user_stacks]);
}

void blind_spots_each(const struct probe_plan *plan, const struct probe_plan_facts *facts, enum user_stacks user_stacks,
		      blind_spots_tell *tell_one, void *context)
{
	struct spots spots = {.plan = plan, .facts = facts, .tell = tell_one, .context = context};

	tell_unseen(&spots);
	tell_sheaves(&spots);
	tell_namespace(&spots);
	tell_random_caches(&spots);
	tell_buckets(&spots);
	tell_interrupts(&spots);
	tell_failed(&spots);
	tell_call_chains(&spots, user_stacks);
}
