/*
 * The one place where a sample becomes an allocation or a free. Every sample ends in an event, in a pair that waits, or in a
 * counter: nothing is dropped without a number.
 */
#include "sampler/recorder.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Frees remembered for their late witness: forgotten together, which at worst makes a confirmation a free of its own. */
#define LAST_FREES_MAX 65536u
/* How late it may be: the host may take the CPU away in between. */
#define LATE_NS 100000000u
/* Of probes: the parts that samples have. */
#define PARTS_SHIFT 32
/* Of kmalloc_answers; below them the place among the selected caches + 1, or 0. */
#define ANSWER_IS_KNOWN (1ull << 32)
#define ANSWER_NEEDS_CALL_SITE (1ull << 33)

/* The unwound user stack of a hit that its own sample is still to tell of. */
struct user_copy {
	bool is_there;
	int32_t tid;
	uint64_t time_ns;
	uint64_t raw_hash;
	enum user_unwind_end end;
	size_t count;
	uint64_t addresses[USER_UNWIND_FRAMES_MAX];
};

void recorder_init(struct recorder *recorder, uint64_t start_ns)
{
	*recorder = (struct recorder){.start_ns = start_ns};
}

void recorder_release(struct recorder *recorder)
{
	for (size_t i = 0; i < recorder->user_copies.capacity; i++)
		if (recorder->user_copies.slots[i].key)
			free((struct user_copy *)(uintptr_t)recorder->user_copies.slots[i].value);
	u64_map_release(&recorder->user_copies);
	live_table_release(&recorder->live);
	call_pairs_release(&recorder->calls);
	chain_memo_release(&recorder->chains);
	u64_map_release(&recorder->probes);
	u64_map_release(&recorder->last_frees);
	u64_map_release(&recorder->lost_told);
	u64_map_release(&recorder->bucket_sites);
	u64_map_release(&recorder->kmalloc_answers);
}

static void give_up(void *context, uint64_t serial)
{
	digest_forget(context, serial);
}

void recorder_set_digest(struct recorder *recorder, struct digest *digest)
{
	recorder->digest = digest;
	recorder->live.give_up = give_up;
	recorder->live.give_up_context = digest;
}

int recorder_add_id(struct recorder *recorder, uint64_t id, size_t probe, unsigned int parts)
{
	uint64_t *value = u64_map_put(&recorder->probes, id);

	if (!value)
		return -ENOMEM;
	*value = (probe + 1) | (uint64_t)parts << PARTS_SHIFT;
	return 0;
}

static unsigned int parts_of(void *context, uint64_t id)
{
	const struct recorder *recorder = context;
	const uint64_t *value = id ? u64_map_find(&recorder->probes, id) : NULL;

	return value ? (unsigned int)(*value >> PARTS_SHIFT) : 0;
}

static uint64_t since_start(const struct recorder *recorder, uint64_t time_ns)
{
	return time_ns > recorder->start_ns ? time_ns - recorder->start_ns : 0;
}

/* Place among the selected caches; -1 where it is not selected. */
static int selected_index(const struct recorder *recorder, const char *name)
{
	for (size_t i = 0; i < recorder->selected->count; i++)
		if (!strcmp(recorder->selected->caches[i].name, name))
			return (int)i;
	return -1;
}

/* The set of buckets that the function at a call site allocates from, remembered because a lookup is dear. */
static const char *call_site_bucket(struct recorder *recorder, uint64_t address)
{
	uint64_t *slot = u64_map_put(&recorder->bucket_sites, address + 1);

	if (!slot)
		return "";
	if (!*slot)
		*slot = (uintptr_t)kmalloc_cache_bucket(kallsyms_lookup(recorder->kernel->symbols, address - 1).name);
	return (const char *)(uintptr_t)*slot;
}

/* The class of a kmalloc tracepoint's allocation: the one whose slots have this size. */
static uint32_t class_of_slot(const struct recorder *recorder, uint64_t slot_bytes)
{
	for (size_t i = 0; i < recorder->selected->count; i++) {
		const struct slab_cache *cache = &recorder->selected->caches[i];

		if (cache->size_class_bytes && cache->slab_size_bytes == slot_bytes)
			return cache->size_class_bytes;
	}
	return 0;
}

static int find_kmalloc_cache(const struct recorder *recorder, uint32_t size_class, uint64_t gfp, const char *bucket)
{
	const struct slab_cache *cache = kmalloc_cache_find(recorder->all, &recorder->flags, size_class, gfp, bucket);

	return cache ? selected_index(recorder, cache->name) : -1;
}

/* What the lists of caches say of a size class and flags: looked up for each event it would be the dearest part of it. */
static uint64_t kmalloc_answer(struct recorder *recorder, uint32_t size_class, uint64_t gfp)
{
	uint64_t *known = u64_map_put(&recorder->kmalloc_answers, ((uint64_t)size_class << 32 | (uint32_t)gfp) + 1);
	uint64_t answer;

	if (known && *known)
		return *known;
	answer = ANSWER_IS_KNOWN | (uint32_t)(find_kmalloc_cache(recorder, size_class, gfp, "") + 1);
	if (kmalloc_cache_needs_call_site(recorder->all, size_class))
		answer |= ANSWER_NEEDS_CALL_SITE;
	if (known)
		*known = answer;
	return answer;
}

/* The cache by size class and flags: exact but for kernels that spread kmalloc over copies of a cache. */
static int infer_cache(struct recorder *recorder, const struct probe *probe, const struct sample *sample, uint64_t gfp)
{
	uint32_t size_class = probe->size_class_bytes;
	const char *bucket = "";

	if (!size_class)
		size_class = class_of_slot(recorder, event_field_u64(probe->fields.alloc, sample->raw, sample->raw_bytes));
	uint64_t answer = kmalloc_answer(recorder, size_class, gfp);
	if (probe->fields.call_site.size_bytes && answer & ANSWER_NEEDS_CALL_SITE)
		bucket = call_site_bucket(recorder,
					  event_field_u64(probe->fields.call_site, sample->raw, sample->raw_bytes));
	return *bucket ? find_kmalloc_cache(recorder, size_class, gfp, bucket) : (int)(uint32_t)answer - 1;
}

/* The cache that a raw tracepoint's program found. */
static int raw_cache(const struct recorder *recorder, const struct probe *probe, const struct sample *sample)
{
	uint64_t cache = event_field_u64(probe->fields.cache, sample->raw, sample->raw_bytes);

	return cache < recorder->selected->count ? (int)cache : -1;
}

/* Place of the event's cache among the selected ones; -1: of another cache. */
static int event_cache(struct recorder *recorder, const struct probe *probe, const struct sample *sample, uint64_t gfp,
		       bool *is_inferred)
{
	const char *name = event_field_string(probe->fields.name, sample->raw, sample->raw_bytes);

	*is_inferred = false;
	if (probe->raw)
		return raw_cache(recorder, probe, sample);
	if (recorder->selected->count == 1 && probe->has_cache && !probe->size_class_bytes && probe->fields.name.size_bytes)
		return 0;
	/* An unreadable name is "" or "(fault)": the call was not given any cache. */
	if (*name && *name != '(')
		return selected_index(recorder, name);
	*is_inferred = true;
	if (!probe->size_class_bytes && strncmp(probe->event, "kmalloc", 7)) {
		/* kmem_cache_alloc without a name: the filter let only sizes of selected caches through. */
		uint64_t slot_bytes = event_field_u64(probe->fields.alloc, sample->raw, sample->raw_bytes);
		uint64_t object_bytes = event_field_u64(probe->fields.size, sample->raw, sample->raw_bytes);

		for (size_t i = 0; i < recorder->selected->count; i++) {
			const struct slab_cache *cache = &recorder->selected->caches[i];

			if (!cache->size_class_bytes && cache->slab_size_bytes == slot_bytes &&
			    cache->object_size_bytes == object_bytes)
				return (int)i;
		}
		return -1;
	}
	return infer_cache(recorder, probe, sample, gfp);
}

/* Writes the event, or keeps what it says. Returns the serial of an allocation; 0 for the rest, or without memory. */
static uint64_t tell(struct recorder *recorder, const struct trace_event *event, const struct call_entry *call)
{
	if (!recorder->digest)
		return trace_writer_event(recorder->writer, event);
	if (event->kind == TRACE_EVENT_ALLOC)
		return digest_alloc(recorder->digest, event, call->pid, call->tid);
	digest_free(recorder->digest, event);
	return 0;
}

static void write_implied_free(struct recorder *recorder, const struct trace_event *birth, uint64_t old_serial)
{
	struct trace_event event = {.kind = TRACE_EVENT_FREE_IMPLIED,
				    .time_ns = birth->time_ns,
				    .cpu = birth->cpu,
				    .task = birth->task,
				    .object = old_serial};

	tell(recorder, &event, NULL);
	recorder->counts.frees_implied++;
}

/* Of functions in the probe table, from 1; 0 for tracepoints. */
static uint8_t function_number(const struct probe_function *function)
{
	return function ? (uint8_t)(function - probe_functions + 1) : 0;
}

/* An allocation is whole: its address, and what entry or the event itself told. */
static int record_alloc(struct recorder *recorder, const struct call_entry *call, uint64_t address, uint64_t time_ns,
			uint32_t cpu)
{
	struct trace_event event = {.kind = TRACE_EVENT_ALLOC,
				    .time_ns = since_start(recorder, time_ns),
				    .bytes_req = call->bytes_req,
				    .cpu = cpu,
				    .task = call->task,
				    .stack = call->stack,
				    .cache = call->cache + 1u,
				    .gfp = call->gfp,
				    .node = call->node};
	struct live_object object = {.address = address,
				     .time_ns = time_ns,
				     .sp = (uint32_t)call->sp,
				     .tid = call->tid,
				     .cache = call->cache,
				     .function = function_number(call->function)};
	uint64_t old_serial = 0;

	if (!address) {
		recorder->counts.failed_allocs++;
		return 0;
	}
	struct stack_path path = stack_table_path(recorder->stacks, call->stack);
	object.caller_path = path.caller;
	switch (live_table_check_birth(&recorder->live, &object, path.kernel, &old_serial)) {
	case LIVE_BIRTH_DUPLICATE:
		recorder->counts.allocs_duplicate++;
		return 0;
	case LIVE_BIRTH_REUSED:
		write_implied_free(recorder, &event, old_serial);
		break;
	case LIVE_BIRTH_NEW:
		if (recorder->digest)
			digest_forget(recorder->digest, old_serial);
		break;
	}
	recorder->counts.allocs++;
	object.serial = tell(recorder, &event, call);
	if (recorder->peek && peek_allocated(recorder->peek, address, call->stack))
		return -ENOMEM;
	return object.serial ? live_table_add(&recorder->live, &object) : -ENOMEM;
}

static enum stack_top stack_top(const struct probe *probe)
{
	if (probe->raw)
		return STACK_TOP_TRACER;
	return probe->role == PROBE_ROLE_ALLOC_ENTRY || (probe->function && probe_role_is_free(probe->role)) ? STACK_TOP_ENTRY :
													       STACK_TOP_CALL;
}

/* Reads what an allocation event tells but its address. 1: recorded; 0: not of a selected cache or process. */
static int read_call(struct recorder *recorder, const struct probe *probe, const struct sample *sample,
		     struct call_entry *call)
{
	const struct probe_fields *fields = &probe->fields;
	uint64_t gfp = event_field_u64(fields->gfp, sample->raw, sample->raw_bytes);
	bool is_inferred;

	process_table_set_cgroup(recorder->processes, sample->pid, sample->tid, sample->cgroup);
	if (!process_table_selects(recorder->processes, sample->pid, sample->tid, sample->cgroup)) {
		recorder->counts.allocs_not_selected++;
		return 0;
	}
	int cache = event_cache(recorder, probe, sample, gfp, &is_inferred);
	if (cache < 0)
		return 0;
	recorder->counts.cache_inferred += is_inferred;
	*call = (struct call_entry){
		.sp = event_field_u64(fields->sp, sample->raw, sample->raw_bytes),
		.time_ns = sample->time_ns,
		.bytes_req = event_field_u64(fields->size, sample->raw, sample->raw_bytes),
		.function = probe->function,
		.pid = sample->pid,
		.tid = sample->tid,
		.node = fields->node.size_bytes ? (int32_t)event_field_u64(fields->node, sample->raw, sample->raw_bytes) : -1,
		.gfp = (uint32_t)gfp,
		.cache = (uint16_t)cache,
	};
	call->task = process_table_task(recorder->processes, sample->pid, sample->tid);
	call->stack = stack_table_id(recorder->stacks, sample, stack_top(probe));
	/* kmem_cache_alloc() has no size: all of its objects have the cache's. */
	if (!call->bytes_req)
		call->bytes_req = recorder->selected->caches[cache].object_size_bytes;
	return 1;
}

static int take_alloc(struct recorder *recorder, const struct probe *probe, const struct sample *sample)
{
	struct call_entry call;

	if (!read_call(recorder, probe, sample, &call))
		return 0;
	if (probe->role == PROBE_ROLE_ALLOC_ENTRY)
		return call_pairs_enter(&recorder->calls, &call);
	if (event_field_u64(probe->fields.is_second, sample->raw, sample->raw_bytes) &&
	    live_table_is_told(&recorder->live, event_field_u64(probe->fields.object, sample->raw, sample->raw_bytes),
			       sample->tid, sample->time_ns)) {
		recorder->counts.allocs_duplicate++;
		return 0;
	}
	return record_alloc(recorder, &call, event_field_u64(probe->fields.object, sample->raw, sample->raw_bytes),
			    sample->time_ns, sample->cpu);
}

static int take_return(struct recorder *recorder, const struct probe *probe, const struct sample *sample)
{
	uint64_t sp = event_field_u64(probe->fields.sp, sample->raw, sample->raw_bytes);
	struct call_entry call;

	if (!call_pairs_return(&recorder->calls, sp, sample->tid, probe->function, &call))
		return 0;
	return record_alloc(recorder, &call, event_field_u64(probe->fields.object, sample->raw, sample->raw_bytes),
			    sample->time_ns, sample->cpu);
}

static void count_witness(struct recorder *recorder, enum live_death death, enum live_witness witness)
{
	struct recorder_counts *counts = &recorder->counts;
	uint64_t *only = witness == LIVE_WITNESS_KPROBE ? &counts->witness_kprobe_only : &counts->witness_tracepoint_only;
	uint64_t *other = witness == LIVE_WITNESS_KPROBE ? &counts->witness_tracepoint_only : &counts->witness_kprobe_only;

	if (!recorder->has_witnesses)
		return;
	if (death == LIVE_DEATH_CONFIRMED) {
		counts->witness_both++;
		--*other;
	} else if (death != LIVE_DEATH_UNKNOWN && death != LIVE_DEATH_REPEATED) {
		++*only;
	}
}

/* Index of the selected cache that a free's event names; -1 where it names none. */
static int named_cache(const struct recorder *recorder, const struct probe *probe, const struct sample *sample)
{
	const char *name = event_field_string(probe->fields.name, sample->raw, sample->raw_bytes);

	if (probe->raw)
		return raw_cache(recorder, probe, sample);
	return *name ? selected_index(recorder, name) : -1;
}

/* A hit whose call chain is taken for a share only gives two samples, one with the chain. */
static bool is_second_sample(const struct probe *probe, const struct sample *sample)
{
	return probe->stack_period > 1 && sample->chain && !probe->raw;
}

static void count_free(struct recorder *recorder, enum live_death death, const struct live_free *how)
{
	struct recorder_counts *counts = &recorder->counts;

	if (death == LIVE_DEATH_MATCHED) {
		counts->frees++;
		counts->frees_rcu += how->is_request;
	} else if (death == LIVE_DEATH_OLDER) {
		counts->frees_older++;
	}
}

/* One object is freed, or is to be after a grace period. */
static void free_object(struct recorder *recorder, const struct probe *probe, const struct sample *sample, uint64_t address,
			int named)
{
	bool is_request = probe->role == PROBE_ROLE_FREE_RCU;
	struct live_free how = {
		.address = address,
		.time_ns = sample->time_ns,
		.tid = sample->tid,
		.witness = probe->function ? LIVE_WITNESS_KPROBE : LIVE_WITNESS_TRACEPOINT,
		.is_request = is_request,
		.is_late = probe->is_late,
		.is_of_any_cache = is_request || probe->role == PROBE_ROLE_FREE_BULK,
		.has_cache = named >= 0,
		.cache = (uint16_t)(named >= 0 ? named : 0),
	};
	uint64_t serial = 0;
	uint16_t cache = 0;

	if (!address)
		return;
	enum live_death death = live_table_free(&recorder->live, &how, &serial, &cache);
	if ((probe->role == PROBE_ROLE_FREE && !probe->raw) || probe->role == PROBE_ROLE_FREE_WITNESS)
		count_witness(recorder, death, how.witness);
	if (death == LIVE_DEATH_UNKNOWN && probe->role == PROBE_ROLE_FREE && !is_second_sample(probe, sample))
		recorder->counts.frees_unknown++;
	if (death == LIVE_DEATH_CONFIRMED || death == LIVE_DEATH_REPEATED || death == LIVE_DEATH_OLDER_COMPLETED ||
	    death == LIVE_DEATH_UNKNOWN)
		return;
	if (death == LIVE_DEATH_OLDER && recorder->is_filtered) {
		recorder->counts.frees_not_selected++;
		return;
	}
	count_free(recorder, death, &how);
	struct trace_event event = {.kind = death == LIVE_DEATH_OLDER ? TRACE_EVENT_FREE_OLDER :
					    is_request		      ? TRACE_EVENT_FREE_RCU :
									TRACE_EVENT_FREE,
				    .time_ns = since_start(recorder, sample->time_ns),
				    .cpu = sample->cpu,
				    .object = serial,
				    .cache = cache + 1u};
	/* Of an object that is counted with others only the freeing stack is. */
	if (!recorder->digest)
		event.task = process_table_task(recorder->processes, sample->pid, sample->tid);
	if (!recorder->digest || death == LIVE_DEATH_MATCHED)
		event.stack = stack_table_id(recorder->stacks, sample, stack_top(probe));
	tell(recorder, &event, NULL);
}

/* An interrupt frees in the name of the task it came upon, so the task alone does not tell a free. */
static uint64_t free_key(const struct sample *sample, uint64_t address)
{
	uint64_t key = u64_mix((uint64_t)(uint32_t)sample->tid + 1) ^ address;

	return key ? key : 1;
}

/* A tracepoint that comes late belongs to a free that this task's kprobe told of just before. */
static void remember_free(struct recorder *recorder, const struct sample *sample, uint64_t address)
{
	uint64_t *last = u64_map_put(&recorder->last_frees, free_key(sample, address));

	if (last)
		*last = sample->time_ns;
	if (recorder->last_frees.count > LAST_FREES_MAX)
		u64_map_clear(&recorder->last_frees);
}

/*
 * True where the late tracepoint only confirms what the kprobe told: whatever is at the address now is not what it speaks of. The
 * kprobe's name filter let it through, so it is one of a recorded cache's.
 */
static bool is_told_already(struct recorder *recorder, const struct sample *sample, uint64_t address)
{
	uint64_t key = free_key(sample, address);
	const uint64_t *last = u64_map_find(&recorder->last_frees, key);

	if (!last || sample->time_ns > *last + LATE_NS || !recorder->has_witnesses)
		return false;
	recorder->counts.witness_both++;
	recorder->counts.witness_kprobe_only--;
	u64_map_remove(&recorder->last_frees, key);
	return true;
}

static int take_free(struct recorder *recorder, const struct probe *probe, const struct sample *sample)
{
	uint64_t address = event_field_u64(probe->fields.object, sample->raw, sample->raw_bytes);

	if (probe->is_late && is_told_already(recorder, sample, address))
		return 0;
	if (probe->role == PROBE_ROLE_FREE && probe->function && probe->function->cache_arg)
		remember_free(recorder, sample, address);
	/* Until 6.2 kfree_rcu() told where its rcu_head is and how far into the object. */
	if (probe->role == PROBE_ROLE_FREE_RCU && address < PROBE_RCU_OFFSET_MAX)
		address = event_field_u64(probe->fields.head, sample->raw, sample->raw_bytes) - address;
	free_object(recorder, probe, sample, address, named_cache(recorder, probe, sample));
	return 0;
}

/* The objects of a bulk call that this record holds: each element is 8 bytes, those beyond the call's count are noise. */
static size_t bulk_count(const struct probe *probe, const struct sample *sample)
{
	uint64_t count = event_field_u64(probe->fields.count, sample->raw, sample->raw_bytes);
	struct event_field array = probe->fields.object;
	size_t room = array.size_bytes / sizeof(uint64_t);

	if ((size_t)array.offset_bytes + array.size_bytes > sample->raw_bytes || count <= probe->first)
		return 0;
	return count - probe->first < room ? count - probe->first : room;
}

static uint64_t bulk_address(const struct probe *probe, const struct sample *sample, size_t place)
{
	struct event_field element = {
		.offset_bytes = (uint16_t)(probe->fields.object.offset_bytes + place * sizeof(uint64_t)),
		.size_bytes = sizeof(uint64_t),
	};

	return event_field_u64(element, sample->raw, sample->raw_bytes);
}

/* Calls longer than the events fetch: the rest is counted. */
static void count_beyond(struct recorder *recorder, const struct probe *probe, const struct sample *sample)
{
	uint64_t count = event_field_u64(probe->fields.count, sample->raw, sample->raw_bytes);

	if (!probe->first && count > PROBE_BULK_MAX)
		recorder->counts.bulk_beyond += count - PROBE_BULK_MAX;
}

static int take_free_bulk(struct recorder *recorder, const struct probe *probe, const struct sample *sample)
{
	size_t count = bulk_count(probe, sample);
	int named = named_cache(recorder, probe, sample);

	for (size_t i = 0; i < count; i++)
		free_object(recorder, probe, sample, bulk_address(probe, sample, i), named);
	count_beyond(recorder, probe, sample);
	return 0;
}

static int take_alloc_bulk(struct recorder *recorder, const struct probe *probe, const struct sample *sample)
{
	size_t count = bulk_count(probe, sample);
	struct call_entry call;
	int ret = 0;

	if (!read_call(recorder, probe, sample, &call))
		return 0;
	for (size_t i = 0; i < count && !ret; i++)
		ret = record_alloc(recorder, &call, bulk_address(probe, sample, i), sample->time_ns, sample->cpu);
	count_beyond(recorder, probe, sample);
	return ret;
}

/* A key that came with its call chain, or without a call chain one that stands for the kernel's part of it. */
static int take_chain_key(struct recorder *recorder, const struct probe *probe, struct sample *sample)
{
	uint64_t key = event_field_u64(probe->fields.chain_key, sample->raw, sample->raw_bytes);
	size_t fixed_bytes = (size_t)probe->fields.chain_key.offset_bytes + probe->fields.chain_key.size_bytes;

	if (sample->chain) {
		size_t count;
		const uint64_t *kernel = stack_table_kernel_part(recorder->stacks, sample, &count);
		int ret = key ? chain_memo_put(&recorder->chains, key, kernel, count) : 0;

		recorder->counts.chains_mistaken += ret == -EEXIST;
		if (recorder->learn_chain)
			recorder->learn_chain(recorder->learn_context, kernel, count, !key || !ret);
		return ret == -ENOMEM ? ret : 0;
	}
	if (!key)
		return 0;
	recorder->counts.chains_by_key++;
	if (!chain_memo_get(&recorder->chains, key, sample->raw + fixed_bytes, (sample->raw_bytes - fixed_bytes) / sizeof(uint64_t),
			    &sample->chain_count))
		recorder->counts.chains_unknown++;
	sample->chain = recorder->chains.whole;
	return 0;
}

/* How much of the chain is in front of its user part. */
static size_t kernel_length(const struct sample *sample)
{
	size_t length = 0;

	while (length < sample->chain_count && sample->chain[length] != (uint64_t)PERF_CONTEXT_USER)
		length++;
	return length;
}

/* Puts the chain in the place of the sample's user part. */
static void set_user_part(struct recorder *recorder, struct sample *sample, const struct user_recall_chain *user)
{
	size_t length = kernel_length(sample);

	if (length > RECORDER_CHAIN_MAX - 1 - USER_UNWIND_FRAMES_MAX)
		length = RECORDER_CHAIN_MAX - 1 - USER_UNWIND_FRAMES_MAX;
	if (length)
		memmove(recorder->chain, sample->chain, length * sizeof(*recorder->chain));
	sample->chain = recorder->chain;
	sample->chain_count = length;
	if (user->count) {
		recorder->chain[length] = (uint64_t)PERF_CONTEXT_USER;
		memcpy(recorder->chain + length + 1, user->addresses, user->count * sizeof(*recorder->chain));
		sample->chain_count += 1 + user->count;
	}
	sample->is_unwound = true;
	sample->is_user_cut = user->count && user->end == USER_UNWIND_CUT;
}

/* Ours, whoever else runs. */
static uint64_t cpu_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void count_end(struct recorder *recorder, enum user_unwind_end end)
{
	recorder->counts.user_stacks_whole += end == USER_UNWIND_WHOLE;
	recorder->counts.user_stacks_cut += end == USER_UNWIND_CUT;
	recorder->counts.user_stacks_lost += end == USER_UNWIND_LOST;
}

static struct user_recall_chain unwind(struct recorder *recorder, const struct sample *sample)
{
	struct user_unwind_copy copy = {.regs = sample->user_regs,
					.stack = sample->user_stack,
					.stack_bytes = sample->user_stack_bytes,
					.is_full = sample->is_user_stack_full};
	struct user_recall_chain user = {.space = process_table_space(recorder->processes, sample->pid)};
	uint64_t began_ns = cpu_time_ns();

	user.count = user_unwind_run(recorder->unwind, sample->pid, &copy, &user.addresses, &user.end);
	recorder->unwound_ns += cpu_time_ns() - began_ns;
	recorder->unwound_count++;
	return user;
}

/* The sample brought the user stack, and key what it may be recognised by. */
static int unwind_user(struct recorder *recorder, struct sample *sample, uint64_t key)
{
	struct user_recall_chain user = unwind(recorder, sample);

	set_user_part(recorder, sample, &user);
	count_end(recorder, user.end);
	if (!key || !recorder->recall)
		return 0;
	user.code = user_unwind_code(recorder->unwind, sample->pid, user.addresses, user.count);
	return user_recall_learn(recorder->recall, key, user_unwind_trail(recorder->unwind), &user);
}

/* The user part is the one that the key stands for, if the code is. */
static void recall_user(struct recorder *recorder, struct sample *sample, uint64_t key)
{
	uint64_t space = process_table_space(recorder->processes, sample->pid);
	struct user_recall_chain user = {.count = 0};
	bool is_known = user_recall_find(recorder->recall, key, &user);

	if (is_known && user.space != space) {
		is_known = user.code == user_unwind_code(recorder->unwind, sample->pid, user.addresses, user.count);
		if (is_known)
			user_recall_confirm(recorder->recall, key, space);
		else
			user_recall_forget(recorder->recall, key);
	}
	if (!is_known)
		user.count = 0;
	recorder->counts.user_stacks_recalled += is_known;
	recorder->counts.user_stacks_forgotten += !is_known;
	if (is_known)
		count_end(recorder, user.end);
	set_user_part(recorder, sample, &user);
}

static uint64_t hash_raw(const struct sample *sample)
{
	uint64_t hash = sample->raw_bytes;

	for (size_t at = 0; at + sizeof(uint32_t) <= sample->raw_bytes; at += sizeof(uint32_t)) {
		uint32_t word;

		memcpy(&word, sample->raw + at, sizeof(word));
		hash = u64_mix(hash ^ word);
	}
	return hash;
}

/* NULL without memory. */
static struct user_copy *user_copy_of(struct recorder *recorder, const struct probe *probe, uint32_t cpu)
{
	uint64_t *slot = u64_map_put(&recorder->user_copies,
				     (uint64_t)cpu * recorder->plan->count + (uint64_t)(probe - recorder->plan->probes) + 1);

	if (slot && !*slot)
		*slot = (uintptr_t)calloc(1, sizeof(struct user_copy));
	return slot ? (struct user_copy *)(uintptr_t)*slot : NULL;
}

/* The user stack of a hit, by an event of its own: what tells of the hit is the next of this probe on this CPU. */
static int take_user_copy(struct recorder *recorder, const struct probe *probe, const struct sample *sample)
{
	struct user_copy *copy = user_copy_of(recorder, probe, sample->cpu);

	if (!copy)
		return -ENOMEM;
	copy->is_there = sample->user_regs;
	if (!copy->is_there)
		return 0;
	struct user_recall_chain user = unwind(recorder, sample);
	copy->tid = sample->tid;
	copy->time_ns = sample->time_ns;
	copy->raw_hash = hash_raw(sample);
	copy->end = user.end;
	copy->count = user.count;
	memcpy(copy->addresses, user.addresses, user.count * sizeof(*user.addresses));
	return 0;
}

/* What interrupts bring in between has another record. False: there is none for this sample. */
static bool use_user_copy(struct recorder *recorder, const struct probe *probe, struct sample *sample)
{
	struct user_copy *copy = user_copy_of(recorder, probe, sample->cpu);

	if (!copy || !copy->is_there)
		return false;
	copy->is_there = false;
	if (copy->tid != sample->tid || copy->time_ns > sample->time_ns || copy->raw_hash != hash_raw(sample))
		return false;
	set_user_part(recorder, sample,
		      &(struct user_recall_chain){.addresses = copy->addresses, .count = copy->count, .end = copy->end});
	count_end(recorder, copy->end);
	return true;
}

/* The sample that a copy belongs to may have been lost, and a later one be like it. */
static void forget_user_copies(struct recorder *recorder)
{
	for (size_t i = 0; i < recorder->user_copies.capacity; i++) {
		struct user_copy *copy = (struct user_copy *)(uintptr_t)recorder->user_copies.slots[i].value;

		if (recorder->user_copies.slots[i].key && copy)
			copy->is_there = false;
	}
}

static int take_user_part(struct recorder *recorder, const struct probe *probe, struct sample *sample)
{
	uint64_t key = event_field_u64(probe->fields.user_key, sample->raw, sample->raw_bytes);

	if (sample->user_regs)
		return unwind_user(recorder, sample, key);
	if (key && recorder->recall)
		recall_user(recorder, sample, key);
	else if (probe->raw || !use_user_copy(recorder, probe, sample))
		recorder->counts.user_stacks_degraded += kernel_length(sample) < sample->chain_count;
	return 0;
}

static int take_probe(struct recorder *recorder, struct sample *sample)
{
	const uint64_t *place = sample->id ? u64_map_find(&recorder->probes, sample->id) : NULL;

	if (!place) {
		recorder->counts.samples_unreadable++;
		return 0;
	}
	struct probe *probe = &recorder->plan->probes[(uint32_t)*place - 1];
	if (!probe->raw && parts_of(recorder, sample->id) & SAMPLE_WITH_STACK)
		return take_user_copy(recorder, probe, sample);
	probe->hits += !is_second_sample(probe, sample);
	recorder->counts.samples++;
	if (probe->fields.chain_key.size_bytes && take_chain_key(recorder, probe, sample))
		return -ENOMEM;
	if (recorder->unwind && !probe_role_is_free(probe->role) && take_user_part(recorder, probe, sample))
		return -ENOMEM;
	switch (probe->role) {
	case PROBE_ROLE_ALLOC:
	case PROBE_ROLE_ALLOC_ENTRY:
		return take_alloc(recorder, probe, sample);
	case PROBE_ROLE_ALLOC_RETURN:
		return take_return(recorder, probe, sample);
	case PROBE_ROLE_ALLOC_BULK:
		return take_alloc_bulk(recorder, probe, sample);
	case PROBE_ROLE_ALLOC_UNSEEN:
		if (process_table_selects(recorder->processes, sample->pid, sample->tid, sample->cgroup))
			recorder->counts.bulk_allocs_unseen += event_field_u64(probe->fields.count, sample->raw, sample->raw_bytes);
		return 0;
	case PROBE_ROLE_FREE:
	case PROBE_ROLE_FREE_RCU:
	case PROBE_ROLE_FREE_WITNESS:
		return take_free(recorder, probe, sample);
	case PROBE_ROLE_FREE_BULK:
		return take_free_bulk(recorder, probe, sample);
	}
	return 0;
}

static uint64_t lost_key(uint32_t cpu, enum trace_ring ring)
{
	return (uint64_t)cpu * TRACE_RING_COUNT + ring + 1;
}

static void add_lost(struct recorder *recorder, uint32_t cpu, enum trace_ring ring, uint64_t lost, uint64_t time_ns)
{
	struct trace_loss loss = {.time_ns = since_start(recorder, time_ns), .lost = lost, .cpu = cpu, .ring = ring};
	uint64_t *told = u64_map_put(&recorder->lost_told, lost_key(cpu, ring));

	if (told)
		*told += lost;
	recorder->counts.lost[ring] += lost;
	recorder->loss_ns = loss.time_ns;
	if (ring == TRACE_RING_ALLOC) {
		call_pairs_forget(&recorder->calls);
		forget_user_copies(recorder);
	}
	/* With a digest each ring's sum, at the end: the trace must not grow with time. */
	if (!recorder->digest)
		trace_writer_loss(recorder->writer, &loss);
}

void recorder_settle_lost(struct recorder *recorder, uint32_t cpu, enum trace_ring ring, uint64_t lost, uint64_t time_ns)
{
	const uint64_t *told = u64_map_find(&recorder->lost_told, lost_key(cpu, ring));
	uint64_t known = told ? *told : 0;

	if (lost > known)
		add_lost(recorder, cpu, ring, lost - known, time_ns);
}

int recorder_take(void *context, const uint8_t *record, size_t size_bytes, uint32_t ring)
{
	struct recorder *recorder = context;
	struct sample sample;
	int ret;

	if (!sample_decode(&sample, record, size_bytes, parts_of, recorder))
		return 0;
	switch (sample.type) {
	case SAMPLE_PROBE:
		ret = take_probe(recorder, &sample);
		return recorder->digest && recorder->digest->failed ? -ENOMEM : ret;
	case SAMPLE_LOST:
		add_lost(recorder, sample.cpu, (enum trace_ring)ring, sample.lost, sample.time_ns);
		return 0;
	case SAMPLE_OTHER:
		return 0;
	default:
		return process_table_update(recorder->processes, &sample);
	}
}

static void write_losses(struct recorder *recorder)
{
	for (size_t i = 0; i < recorder->lost_told.capacity; i++) {
		const struct u64_slot *slot = &recorder->lost_told.slots[i];
		uint64_t place = slot->key - 1;

		if (slot->key && slot->value)
			trace_writer_loss(recorder->writer, &(struct trace_loss){.time_ns = recorder->loss_ns,
										 .lost = slot->value,
										 .cpu = (uint32_t)(place / TRACE_RING_COUNT),
										 .ring = (enum trace_ring)(place % TRACE_RING_COUNT)});
	}
}

uint64_t recorder_events(const struct recorder *recorder)
{
	return recorder->digest ? recorder->digest->events : trace_writer_events(recorder->writer);
}

static void write_live(void *context, const struct live_object *object)
{
	trace_writer_live(context, &(struct trace_live){.object = object->serial, .address = object->address});
}

int recorder_finish(struct recorder *recorder, uint64_t out_of_order, struct error *err)
{
	const struct recorder_counts *counts = &recorder->counts;
	const struct {
		const char *key;
		uint64_t value;
	} counters[] = {
		{"samples", counts->samples},
		{"samples_unreadable", counts->samples_unreadable},
		{"allocs", counts->allocs},
		{"frees", counts->frees},
		{"frees_implied", counts->frees_implied},
		{"frees_older", counts->frees_older},
		{"frees_not_selected", counts->frees_not_selected},
		{"frees_rcu", counts->frees_rcu},
		{"pending_rcu", recorder->live.pending_count + recorder->live.pending_given_up},
		{"bulk_allocs_unseen", counts->bulk_allocs_unseen},
		{"bulk_beyond", counts->bulk_beyond},
		{"frees_unknown", counts->frees_unknown},
		{"live", recorder->live.live_count},
		{"failed_allocs", counts->failed_allocs},
		{"allocs_not_selected", counts->allocs_not_selected},
		{"allocs_duplicate", counts->allocs_duplicate},
		{"cache_inferred", counts->cache_inferred},
		{"witness_both", counts->witness_both},
		{"witness_kprobe_only", counts->witness_kprobe_only},
		{"witness_tracepoint_only", counts->witness_tracepoint_only},
		{"entries_without_return", call_pairs_unreturned(&recorder->calls)},
		{"out_of_order", out_of_order},
		{"lost_alloc", counts->lost[TRACE_RING_ALLOC]},
		{"lost_free", counts->lost[TRACE_RING_FREE]},
		{"lost_task", counts->lost[TRACE_RING_TASK]},
		{"chains_by_key", counts->chains_by_key},
		{"chains_unknown", counts->chains_unknown},
		{"chains_mistaken", counts->chains_mistaken},
		{"user_stacks_whole", counts->user_stacks_whole},
		{"user_stacks_cut", counts->user_stacks_cut},
		{"user_stacks_lost", counts->user_stacks_lost},
		{"user_stacks_recalled", counts->user_stacks_recalled},
		{"user_stacks_forgotten", counts->user_stacks_forgotten},
		{"user_stacks_degraded", counts->user_stacks_degraded},
		{"user_frames_unknown", recorder->stacks->frames_unknown},
		{"stacks_cut", recorder->stacks->chains_cut},
		{"stacks_hidden", recorder->stacks->chains_hidden},
	};

	if (recorder->digest) {
		int ret = digest_write(recorder->digest, &recorder->live, recorder->processes, recorder->writer, err);

		if (ret)
			return ret;
		write_losses(recorder);
	} else if (live_table_each(&recorder->live, write_live, recorder->writer))
		return error_set(err, -ENOMEM, "writing live objects: out of memory");
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		trace_writer_counter(recorder->writer, counters[i].key, counters[i].value);
	return 0;
}
