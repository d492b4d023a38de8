/* The recorder in memory: samples of a planned kernel go in, the trace that comes out is read back. */
#include "tests/cmocka_unit.h"

#include <ctype.h>

#include "sampler/recorder.h"
#include "tests/sampler/kernels.h"
#include "tests/sampler/perf_record.h"
#include "tests/sampler/written_trace.h"

#define START_NS 1000000000000ull
#define ID_OF(place) (500 + (place))
/* Samples of the share of hits whose call chain is taken. */
#define CHAIN_ID_OF(place) (1500 + (place))

static const char symbols_text[] = "ffffffff81000000 T _stext\n"
				   "ffffffff81001000 T kmem_cache_alloc\n"
				   "ffffffff81002000 T __kmalloc\n"
				   "ffffffff81003000 T leaky_open\n"
				   "ffffffff81004000 T do_syscall_64\n"
				   "ffffffff81005000 T kfree\n"
				   "ffffffff81006000 T alloc_msg\n"
				   "ffffffff81007000 T elfcorehdr_read\n"
				   "ffffffff81007040 T kretprobe_trampoline\n"
				   "ffffffff81008000 T last\n";

/* do_syscall_64 called leaky_open, which called the allocator: return addresses, innermost first. */
static const uint64_t chain[] = {PERF_CONTEXT_KERNEL, 0xffffffff81003040, 0xffffffff81004040};
/* Of a function that the one with the chain above called. */
static const uint64_t inner_chain[] = {PERF_CONTEXT_KERNEL, 0xffffffff81002020, 0xffffffff81003040, 0xffffffff81004040};
/* The chain of both, whose user part was unwound in another way for each. */
static const uint64_t long_chain[] = {PERF_CONTEXT_KERNEL, 0xffffffff81003040, 0xffffffff81004040, PERF_CONTEXT_USER, 0x7000, 0x8000};

/* Of the allocator's entry where another tracer's return probe has put its code in place of the caller (before 5.15). */
static const uint64_t hidden_chain[] = {PERF_CONTEXT_KERNEL, 0xffffffff81002001, 0xffffffff81007040};

struct machine {
	const struct kernel *kernel;
	struct slab_cache_list all;
	struct slab_cache_list selected;
	struct probe_plan plan;
	struct written_trace *trace;
	struct user_file_table files;
	struct process_table processes;
	struct kernel_image image;
	struct stack_table stacks;
	struct recorder recorder;
	uint64_t now_ns;
};

/* The record layout that tracefs would tell for a kprobe's definition: "p=$arg1:u64 n=+0(...):string ...". */
static void kprobe_format(const char *definition, char *format, size_t size)
{
	size_t used = (size_t)snprintf(format, size,
				       "format:\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
				       "\n\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;\n");
	unsigned int offset = 16;

	for (const char *at = definition; (at = strchr(at, '=')); at++) {
		const char *name = at;
		const char *type = at + strcspn(at, " ");

		while (name > definition && name[-1] != ' ')
			name--;
		while (*type != ':')
			type--;
		unsigned int bytes = !strncmp(type, ":u64", 4) ? 8 : !strncmp(type, ":x64[64]", 8) ? 8 * 64 : 4;
		used += (size_t)snprintf(format + used, size - used,
					 "\tfield:%s %.*s%s;\toffset:%u;\tsize:%u;\tsigned:0;\n",
					 !strncmp(type, ":string", 7) ? "__data_loc char[]" : "u64", (int)(at - name),
					 name, bytes > 8 ? "[64]" : "", offset, bytes);
		offset += bytes;
	}
}

static void start(struct machine *machine, enum kernel_version version, bool use_tracepoints,
		  const char *const *patterns)
{
	struct error err;

	*machine =
		(struct machine){.kernel = &kernels[version], .trace = written_trace_new(), .now_ns = START_NS + 1000};
	kernel_caches(&machine->all, machine->kernel);
	for (; *patterns; patterns++)
		assert_int_equal(slab_cache_select(&machine->all, *patterns, &machine->selected, &err), 0);
	slab_cache_list_finish(&machine->selected);
	struct probe_plan_facts facts = kernel_facts(machine->kernel, &machine->all, &machine->selected);
	assert_int_equal(use_tracepoints ? probe_plan_tracepoints(&machine->plan, &facts, &err)
					 : probe_plan_kprobes(&machine->plan, &facts, &err),
			 0);
	for (size_t i = 0; i < machine->selected.count; i++)
		trace_writer_cache(machine->trace->writer,
				   &(struct trace_cache){.name = trace_writer_text(machine->trace->writer,
										   machine->selected.caches[i].name)});
	user_file_table_init(&machine->files, machine->trace->writer);
	process_table_init(&machine->processes, machine->trace->writer, &machine->files);
	machine->image = (struct kernel_image){.writer = machine->trace->writer};
	assert_int_equal(kallsyms_parse(&machine->image.symbols, strdup(symbols_text), &err), 0);
	stack_table_init(&machine->stacks, machine->trace->writer, &machine->image, &machine->processes,
			 &machine->files);
	recorder_init(&machine->recorder, START_NS);
	machine->recorder.writer = machine->trace->writer;
	machine->recorder.all = &machine->all;
	machine->recorder.selected = &machine->selected;
	machine->recorder.plan = &machine->plan;
	machine->recorder.processes = &machine->processes;
	machine->recorder.stacks = &machine->stacks;
	machine->recorder.kernel = &machine->image;
	machine->recorder.flags = kmalloc_flags_read(KERNEL_FLAGS);
	machine->recorder.has_witnesses = !use_tracepoints;
	for (size_t i = 0; i < machine->plan.count; i++) {
		char format[4096];

		kprobe_format(machine->plan.probes[i].definition, format, sizeof(format));
		probe_read_format(
			&machine->plan.probes[i],
			machine->plan.probes[i].function
				? format
				: kernel_tracepoint_format((void *)machine->kernel, machine->plan.probes[i].event));
		bool is_share = machine->plan.probes[i].has_callchain && machine->plan.probes[i].stack_period > 1;
		assert_int_equal(recorder_add_id(&machine->recorder, ID_OF(i), i,
						 machine->plan.probes[i].has_callchain && !is_share),
				 0);
		if (is_share)
			assert_int_equal(recorder_add_id(&machine->recorder, CHAIN_ID_OF(i), i, true), 0);
	}
}

static void finish(struct machine *machine)
{
	assert_int_equal(recorder_finish(&machine->recorder, 3, NULL), 0);
	assert_int_equal(written_trace_read(machine->trace), 0);
	assert_int_equal(machine->trace->ending, TRACE_ENDING_COMPLETE);
	assert_int_equal(written_trace_counter(machine->trace, "out_of_order"), 3);
	assert_int_equal(written_trace_counter(machine->trace, "samples_unreadable"), 0);
}

static void end(struct machine *machine)
{
	recorder_release(&machine->recorder);
	stack_table_release(&machine->stacks);
	kernel_image_release(&machine->image);
	process_table_release(&machine->processes);
	user_file_table_release(&machine->files);
	written_trace_free(machine->trace);
	probe_plan_release(&machine->plan);
	slab_cache_list_release(&machine->selected);
	slab_cache_list_release(&machine->all);
}

/* One hit of a probe: what its fields hold. */
struct hit {
	int32_t tid;
	uint64_t object;
	uint64_t sp;
	uint64_t req;
	uint64_t alloc;
	uint64_t gfp;
	uint64_t call_site;
	const char *name;
	uint64_t head;
	uint64_t count;
	const uint64_t *array; /* of PROBE_ARRAY_MAX */
	bool is_of_share;
	bool is_inner; /* with inner_chain */
	bool is_hidden; /* with hidden_chain */
	bool is_long;	/* with long_chain */
};

static void put(uint8_t *raw, struct event_field field, uint64_t value)
{
	if (field.size_bytes && field.size_bytes <= 8)
		memcpy(raw + field.offset_bytes, &value, field.size_bytes);
}

/* The probe, or the one of a bulk function that begins at the place first. */
static size_t part_of(const struct machine *machine, enum probe_role role, const char *function, uint32_t first)
{
	for (size_t i = 0; i < machine->plan.count; i++)
		if (machine->plan.probes[i].role == role && !strcmp(machine->plan.probes[i].function_name, function) &&
		    machine->plan.probes[i].first == first)
			return i;
	fail_msg("%s has no probe on %s", machine->kernel->release, function);
	return 0;
}

static void hit_part(struct machine *machine, enum probe_role role, const char *function, uint32_t first,
		     struct hit values)
{
	size_t place = part_of(machine, role, function, first);
	const struct probe *probe = &machine->plan.probes[place];
	const struct probe_fields *fields = &probe->fields;
	struct perf_record record;
	uint8_t raw[1024] = {0};

	machine->now_ns += 1000;
	put(raw, fields->object, values.object);
	put(raw, fields->sp, values.sp);
	put(raw, fields->size, values.req);
	put(raw, fields->alloc, values.alloc);
	put(raw, fields->gfp, values.gfp);
	put(raw, fields->call_site, values.call_site);
	put(raw, fields->node, UINT32_MAX);
	if (values.name) {
		assert_true(fields->name.size_bytes);
		strcpy((char *)raw + 900, values.name);
		put(raw, fields->name, (strlen(values.name) + 1) << 16 | 900);
	}
	put(raw, fields->head, values.head);
	put(raw, fields->count, values.count);
	if (values.array)
		memcpy(raw + fields->object.offset_bytes, values.array, fields->object.size_bytes);
	bool has_chain = probe->has_callchain && (probe->stack_period == 1 || values.is_of_share);
	struct perf_record_origin origin = {.id = values.is_of_share ? CHAIN_ID_OF(place) : ID_OF(place),
					    .time_ns = machine->now_ns,
					    .pid = values.tid,
					    .tid = values.tid,
					    .cpu = 1};
	perf_record_sample(&record, &origin,
			   !has_chain	     ? NULL
			   : values.is_inner ? inner_chain
			   : values.is_hidden ? hidden_chain
			   : values.is_long  ? long_chain
					     : chain,
			   values.is_inner ? 4 : values.is_long ? 6 : 3, raw, sizeof(raw));
	assert_int_equal(recorder_take(&machine->recorder, record.bytes, record.size, TRACE_RING_ALLOC), 0);
}

static void hit(struct machine *machine, enum probe_role role, const char *function, struct hit values)
{
	hit_part(machine, role, function, 0, values);
}

static uint64_t counter(const struct machine *machine, const char *key)
{
	return written_trace_counter(machine->trace, key);
}

static const char *cache_name(const struct machine *machine, uint32_t cache)
{
	const struct trace_cache *entry = trace_reader_cache(machine->trace->reader, cache);

	return entry ? trace_reader_text(machine->trace->reader, entry->name) : "";
}

static const char *const only_dentry[] = {"dentry", NULL};
static const char *const only_1k[] = {"=kmalloc-1k", NULL};
static const char *const family_1k[] = {"kmalloc-1024", NULL};
static const char *const several[] = {"filp", "dentry", "kmalloc-cg-1k", NULL};

static void test_one_event_with_pointer_and_cache(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_6_12, false, only_dentry);
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc_lru_noprof",
	    (struct hit){.tid = 9, .object = 0x10000, .sp = 0x8000, .gfp = 0xcc0, .name = "dentry"});
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc_noprof",
	    (struct hit){.tid = 10, .object = 0x20000, .sp = 0x8000, .gfp = 0xcc0, .name = "dentry"});
	hit(&machine, PROBE_ROLE_FREE, "kmem_cache_free", (struct hit){.tid = 11, .object = 0x10000, .name = "dentry"});
	finish(&machine);
	const struct trace_event *events = machine.trace->events;
	assert_int_equal(machine.trace->event_count, 3);
	assert_int_equal(events[0].kind, TRACE_EVENT_ALLOC);
	assert_int_equal(events[0].object, 1);
	assert_int_equal(events[0].time_ns, 2000);
	assert_int_equal(events[0].cpu, 1);
	assert_int_equal(events[0].gfp, 0xcc0);
	assert_int_equal(events[0].node, -1);
	assert_int_equal(events[0].bytes_req, 192);
	assert_string_equal(cache_name(&machine, events[0].cache), "dentry");
	assert_string_equal(written_trace_stack(machine.trace, events[0].stack), "do_syscall_64;leaky_open");
	assert_int_equal(events[1].object, 2);
	assert_int_equal(trace_reader_task(machine.trace->reader, events[1].task)->tid, 10);
	assert_int_equal(events[2].kind, TRACE_EVENT_FREE);
	assert_int_equal(events[2].object, 1);
	assert_int_equal(events[2].time_ns, 4000);
	assert_int_equal(trace_reader_task(machine.trace->reader, events[2].task)->tid, 11);
	assert_int_equal(machine.trace->live_count, 1);
	assert_int_equal(machine.trace->live[0].object, 2);
	assert_int_equal(machine.trace->live[0].address, 0x20000);
	assert_int_equal(counter(&machine, "samples"), 3);
	assert_int_equal(counter(&machine, "allocs"), 2);
	assert_int_equal(counter(&machine, "frees"), 1);
	assert_int_equal(counter(&machine, "live"), 1);
	assert_int_equal(counter(&machine, "cache_inferred"), 0);
	end(&machine);
}

/* With a digest the trace has the live objects alone, and counts of the others. */
static void test_only_live(void **state)
{
	struct machine machine;
	struct digest digest = {0};

	(void)state;
	start(&machine, KERNEL_6_12, false, only_dentry);
	recorder_set_digest(&machine.recorder, &digest);
	machine.processes.merges_tasks = true;
	for (int32_t i = 0; i < 9; i++)
		hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc_lru_noprof",
		    (struct hit){.tid = 9, .object = 0x10000u + 192 * (uint64_t)i, .gfp = 0xcc0, .name = "dentry"});
	for (int32_t i = 0; i < 5; i++)
		hit(&machine, PROBE_ROLE_FREE, "kmem_cache_free",
		    (struct hit){.tid = 11, .object = 0x10000u + 192 * (uint64_t)i, .name = "dentry"});
	/* Born again where its free was not seen; an older one; a request for one, whose place is then used again. */
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc_lru_noprof",
	    (struct hit){.tid = 9, .object = 0x10000 + 192 * 5, .gfp = 0xcc0, .name = "dentry"});
	hit(&machine, PROBE_ROLE_FREE, "kmem_cache_free", (struct hit){.tid = 11, .object = 0x50000, .name = "dentry"});
	hit(&machine, PROBE_ROLE_FREE_RCU, "kvfree_call_rcu", (struct hit){.tid = 11, .object = 0x10000 + 192 * 6});
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc_lru_noprof",
	    (struct hit){.tid = 9, .object = 0x10000 + 192 * 6, .gfp = 0xcc0, .name = "dentry"});
	assert_int_equal(recorder_events(&machine.recorder), 9 + 5 + 2 + 1 + 1 + 1);
	/* One whose end is never told: after a long time only counts are left of it. */
	hit(&machine, PROBE_ROLE_FREE_RCU, "kvfree_call_rcu", (struct hit){.tid = 11, .object = 0x10000 + 192 * 8});
	uint32_t unused = digest.unused;
	machine.now_ns += 700000000000;
	hit(&machine, PROBE_ROLE_FREE, "kmem_cache_free", (struct hit){.tid = 11, .object = 0x60000, .name = "dentry"});
	assert_int_not_equal(digest.unused, unused);
	assert_int_equal(machine.recorder.live.pending_count, 0);
	finish(&machine);
	assert_int_equal(machine.trace->event_count, 3);
	assert_int_equal(machine.trace->live_count, 3);
	assert_int_equal(machine.trace->live[0].address, 0x10000 + 192 * 7);
	assert_int_equal(machine.trace->live[1].address, 0x10000 + 192 * 5);
	assert_int_equal(machine.trace->live[2].address, 0x10000 + 192 * 6);
	for (size_t i = 0; i < 3; i++) {
		const struct trace_event *event = &machine.trace->events[i];

		assert_int_equal(event->kind, TRACE_EVENT_ALLOC);
		assert_int_equal(trace_reader_task(machine.trace->reader, event->task)->tid, 9);
		assert_string_equal(written_trace_stack(machine.trace, event->stack), "do_syscall_64;leaky_open");
	}
	assert_int_equal(machine.trace->freed_count, 1);
	const struct trace_freed *freed = &machine.trace->freed[0];
	assert_string_equal(written_trace_stack(machine.trace, freed->stack), "do_syscall_64;leaky_open");
	assert_int_equal(freed->frees, 7);
	assert_int_equal(freed->frees_implied, 1);
	assert_int_equal(freed->frees_rcu, 2);
	assert_int_equal(freed->pending_rcu, 2);
	assert_int_equal(freed->bytes_req, 8 * 192);
	assert_int_equal(freed->ages.count, 7);
	assert_int_equal(machine.trace->frees_older, 2);
	assert_int_equal(counter(&machine, "allocs"), 11);
	assert_int_equal(counter(&machine, "frees"), 7);
	assert_int_equal(counter(&machine, "pending_rcu"), 1);
	assert_int_equal(counter(&machine, "live"), 3);
	digest_release(&digest);
	end(&machine);
}

static void test_callers_that_another_return_probe_hides(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_5_10, false, only_1k);
	hit(&machine, PROBE_ROLE_ALLOC_ENTRY, "__kmalloc",
	    (struct hit){.tid = 9, .sp = 0x8000, .req = 700, .gfp = 0xcc0, .is_hidden = true});
	hit(&machine, PROBE_ROLE_ALLOC_RETURN, "__kmalloc", (struct hit){.tid = 9, .sp = 0x8008, .object = 0x30000});
	finish(&machine);
	/* Not the function whose code ends where that of return probes begins. */
	assert_string_equal(written_trace_stack(machine.trace, machine.trace->events[0].stack), "kretprobe_trampoline;__kmalloc");
	assert_int_equal(counter(&machine, "stacks_hidden"), 1);
	end(&machine);
}

static void test_entry_and_return_are_paired(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_5_10, false, only_1k);
	/* Two tasks in the same function, one of them interrupted by an allocation of its own. */
	hit(&machine, PROBE_ROLE_ALLOC_ENTRY, "__kmalloc",
	    (struct hit){.tid = 9, .sp = 0x8000, .req = 700, .gfp = 0xcc0});
	hit(&machine, PROBE_ROLE_ALLOC_ENTRY, "kmem_cache_alloc_trace",
	    (struct hit){.tid = 10, .sp = 0x18000, .req = 1024, .gfp = 0xcc0, .name = "kmalloc-1k"});
	hit(&machine, PROBE_ROLE_ALLOC_ENTRY, "__kmalloc",
	    (struct hit){.tid = 9, .sp = 0x7000, .req = 900, .gfp = 0x820});
	hit(&machine, PROBE_ROLE_ALLOC_RETURN, "__kmalloc", (struct hit){.tid = 9, .sp = 0x7008, .object = 0x30000});
	hit(&machine, PROBE_ROLE_ALLOC_RETURN, "kmem_cache_alloc_trace",
	    (struct hit){.tid = 10, .sp = 0x18008, .object = 0x20000});
	hit(&machine, PROBE_ROLE_ALLOC_RETURN, "__kmalloc", (struct hit){.tid = 9, .sp = 0x8008, .object = 0x10000});
	/* A return of another cache's call; a call without return; the free. */
	hit(&machine, PROBE_ROLE_ALLOC_RETURN, "__kmalloc", (struct hit){.tid = 12, .sp = 0x28008, .object = 0x40000});
	hit(&machine, PROBE_ROLE_ALLOC_ENTRY, "__kmalloc",
	    (struct hit){.tid = 13, .sp = 0x38000, .req = 700, .gfp = 0xcc0});
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 0x30000});
	finish(&machine);
	const struct trace_event *events = machine.trace->events;
	assert_int_equal(machine.trace->event_count, 4);
	/* In the order of returns, with the time of the return and everything else of the entry. */
	assert_int_equal(events[0].bytes_req, 900);
	assert_int_equal(events[0].gfp, 0x820);
	assert_int_equal(events[0].time_ns, 5000);
	assert_string_equal(written_trace_stack(machine.trace, events[0].stack), "do_syscall_64;leaky_open");
	assert_int_equal(events[1].bytes_req, 1024);
	assert_int_equal(trace_reader_task(machine.trace->reader, events[1].task)->tid, 10);
	assert_int_equal(events[2].bytes_req, 700);
	assert_int_equal(events[3].kind, TRACE_EVENT_FREE);
	assert_int_equal(events[3].object, 1);
	assert_int_equal(counter(&machine, "allocs"), 3);
	assert_int_equal(counter(&machine, "entries_without_return"), 1);
	/* __kmalloc is told by its size only. */
	assert_int_equal(counter(&machine, "cache_inferred"), 3);
	end(&machine);
}

static void test_failed_allocations_are_counted(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_5_10, false, only_1k);
	hit(&machine, PROBE_ROLE_ALLOC_ENTRY, "__kmalloc", (struct hit){.tid = 9, .sp = 0x8000, .req = 700});
	hit(&machine, PROBE_ROLE_ALLOC_RETURN, "__kmalloc", (struct hit){.tid = 9, .sp = 0x8008, .object = 0});
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 0});
	finish(&machine);
	assert_int_equal(machine.trace->event_count, 0);
	assert_int_equal(counter(&machine, "failed_allocs"), 1);
	assert_int_equal(counter(&machine, "allocs"), 0);
	assert_int_equal(counter(&machine, "entries_without_return"), 0);
	assert_int_equal(counter(&machine, "frees_unknown"), 0);
	end(&machine);
}

static void test_two_witnesses_of_a_free(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_6_1, false, only_1k);
	for (uint64_t i = 1; i <= 3; i++) {
		hit(&machine, PROBE_ROLE_ALLOC_ENTRY, "__kmem_cache_alloc_node",
		    (struct hit){.tid = 9, .sp = 0x8000, .req = 700, .name = "kmalloc-1k"});
		hit(&machine, PROBE_ROLE_ALLOC_RETURN, "__kmem_cache_alloc_node",
		    (struct hit){.tid = 9, .sp = 0x8008, .object = i << 16});
	}
	/* Both, tracepoint first; only the kprobe; only the tracepoint. */
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kfree", (struct hit){.tid = 9, .object = 1 << 16});
	hit(&machine, PROBE_ROLE_FREE, "__kmem_cache_free",
	    (struct hit){.tid = 9, .object = 1 << 16, .name = "kmalloc-1k"});
	hit(&machine, PROBE_ROLE_FREE, "__kmem_cache_free",
	    (struct hit){.tid = 9, .object = 2 << 16, .name = "kmalloc-1k"});
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kfree", (struct hit){.tid = 9, .object = 3 << 16});
	/* Other caches' objects: the witness is no free by itself. */
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kfree", (struct hit){.tid = 9, .object = 9 << 16});
	finish(&machine);
	assert_int_equal(machine.trace->event_count, 6);
	assert_int_equal(counter(&machine, "frees"), 3);
	assert_int_equal(counter(&machine, "live"), 0);
	assert_int_equal(counter(&machine, "witness_both"), 1);
	assert_int_equal(counter(&machine, "witness_kprobe_only"), 1);
	assert_int_equal(counter(&machine, "witness_tracepoint_only"), 1);
	assert_int_equal(counter(&machine, "frees_unknown"), 0);
	assert_int_equal(counter(&machine, "frees_older"), 0);
	end(&machine);
}

static void test_implied_free(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_6_12, false, only_dentry);
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc_noprof",
	    (struct hit){.tid = 9, .object = 0x10000, .sp = 0x8000, .name = "dentry"});
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc_noprof",
	    (struct hit){.tid = 10, .object = 0x10000, .sp = 0x18000, .name = "dentry"});
	finish(&machine);
	const struct trace_event *events = machine.trace->events;
	assert_int_equal(machine.trace->event_count, 3);
	assert_int_equal(events[1].kind, TRACE_EVENT_FREE_IMPLIED);
	assert_int_equal(events[1].object, 1);
	assert_int_equal(events[1].time_ns, events[2].time_ns);
	assert_int_equal(events[2].kind, TRACE_EVENT_ALLOC);
	assert_int_equal(events[2].object, 2);
	assert_int_equal(counter(&machine, "frees_implied"), 1);
	assert_int_equal(counter(&machine, "live"), 1);
	end(&machine);
}

/* __kvmalloc_node_noprof returns what __kmalloc_node_noprof returned to it. There may have been time to unwind the user stack of one only. */
static void test_outer_function_is_a_duplicate(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_6_12, false, only_1k);
	for (uint64_t object = 0x10000; object <= 0x20000; object += 0x10000) {
		hit(&machine, PROBE_ROLE_ALLOC, "__kmalloc_node_noprof",
		    (struct hit){.tid = 9, .object = object, .sp = 0x8000, .req = 700, .is_inner = true});
		hit(&machine, PROBE_ROLE_ALLOC, "__kvmalloc_node_noprof",
		    (struct hit){.tid = 9, .object = object, .sp = 0x8050, .req = 700, .is_long = object == 0x20000});
	}
	finish(&machine);
	assert_int_equal(machine.trace->event_count, 2);
	assert_int_equal(counter(&machine, "allocs_duplicate"), 2);
	assert_int_equal(counter(&machine, "frees_implied"), 0);
	end(&machine);
}

/* Not called by the function that allocated there before: its free was missed, and this is another object. */
static void test_outer_function_of_another_path_is_a_reuse(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_6_12, false, only_1k);
	hit(&machine, PROBE_ROLE_ALLOC, "__kmalloc_noprof",
	    (struct hit){.tid = 9, .object = 0x10000, .sp = 0x8000, .req = 700});
	hit(&machine, PROBE_ROLE_ALLOC, "__kvmalloc_node_noprof",
	    (struct hit){.tid = 9, .object = 0x10000, .sp = 0x8050, .req = 700});
	finish(&machine);
	assert_int_equal(counter(&machine, "allocs"), 2);
	assert_int_equal(counter(&machine, "allocs_duplicate"), 0);
	assert_int_equal(counter(&machine, "frees_implied"), 1);
	end(&machine);
}

static void test_frees_of_older_objects(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_6_1, false, several);
	hit(&machine, PROBE_ROLE_FREE, "kmem_cache_free", (struct hit){.tid = 9, .object = 0x10000, .name = "filp"});
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kmem_cache_free",
	    (struct hit){.tid = 9, .object = 0x10000, .name = "filp"});
	/* kfree() does not say of which cache; the page does. */
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kfree", (struct hit){.tid = 9, .object = 0x10400});
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kfree", (struct hit){.tid = 9, .object = 0x90400});
	finish(&machine);
	const struct trace_event *events = machine.trace->events;
	assert_int_equal(machine.trace->event_count, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(events[i].kind, TRACE_EVENT_FREE_OLDER);
		assert_int_equal(events[i].object, 0);
		assert_string_equal(cache_name(&machine, events[i].cache), "filp");
	}
	assert_int_equal(counter(&machine, "frees_older"), 2);
	assert_int_equal(counter(&machine, "witness_both"), 1);
	end(&machine);
}

static void test_frees_without_a_cache_are_counted_as_unknown(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_5_10, false, only_1k);
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 0x10000});
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kfree", (struct hit){.tid = 9, .object = 0x10000});
	finish(&machine);
	assert_int_equal(machine.trace->event_count, 0);
	assert_int_equal(counter(&machine, "frees_unknown"), 1);
	assert_int_equal(counter(&machine, "witness_tracepoint_only"), 0);
	end(&machine);
}

static void test_names_choose_among_several_caches(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_7_2, false, several);
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc_noprof",
	    (struct hit){.tid = 9, .object = 0x10000, .sp = 0x8000, .name = "filp"});
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc_noprof",
	    (struct hit){.tid = 9, .object = 0x20000, .sp = 0x8000, .name = "dentry"});
	hit(&machine, PROBE_ROLE_ALLOC, "__kmalloc_cache_noprof",
	    (struct hit){.tid = 9, .object = 0x30000, .sp = 0x8000, .req = 1000, .name = "kmalloc-cg-1k"});
	/* Not selected: the kernel's filter lets none through, and the recorder takes none. */
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc_noprof",
	    (struct hit){.tid = 9, .object = 0x40000, .sp = 0x8000, .name = "twin_a"});
	/* Only a size: its flags choose the sibling, and kmalloc-1k is not selected. */
	hit(&machine, PROBE_ROLE_ALLOC, "__kmalloc_noprof",
	    (struct hit){.tid = 9, .object = 0x50000, .sp = 0x8000, .req = 1000, .gfp = 0x400cc0});
	hit(&machine, PROBE_ROLE_ALLOC, "__kmalloc_noprof",
	    (struct hit){.tid = 9, .object = 0x60000, .sp = 0x8000, .req = 1000, .gfp = 0xcc0});
	finish(&machine);
	static const char *const wanted[] = {"filp", "dentry", "kmalloc-cg-1k", "kmalloc-cg-1k"};
	static const uint64_t requested[] = {232, 192, 1000, 1000};
	assert_int_equal(machine.trace->event_count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(cache_name(&machine, machine.trace->events[i].cache), wanted[i]);
		assert_int_equal(machine.trace->events[i].bytes_req, requested[i]);
	}
	assert_int_equal(counter(&machine, "cache_inferred"), 1);
	end(&machine);
}

/* A function that takes buckets has their cache's name where it was given one; else the string cannot be read. */
static void test_buckets(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_6_12, false, family_1k);
	hit(&machine, PROBE_ROLE_ALLOC, "__kmalloc_node_noprof",
	    (struct hit){.tid = 9, .object = 0x10000, .sp = 0x8000, .req = 1000, .name = "msg_msg-1k"});
	hit(&machine, PROBE_ROLE_ALLOC, "__kmalloc_node_noprof",
	    (struct hit){.tid = 9, .object = 0x20000, .sp = 0x8000, .req = 1000, .name = "(fault)"});
	hit(&machine, PROBE_ROLE_ALLOC, "__kmalloc_node_noprof",
	    (struct hit){.tid = 9, .object = 0x30000, .sp = 0x8000, .req = 1000, .gfp = 0x400000, .name = ""});
	finish(&machine);
	static const char *const wanted[] = {"msg_msg-1k", "kmalloc-1k", "kmalloc-cg-1k"};
	assert_int_equal(machine.trace->event_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(cache_name(&machine, machine.trace->events[i].cache), wanted[i]);
	assert_int_equal(counter(&machine, "cache_inferred"), 2);
	end(&machine);
}

static void test_tracepoints(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_6_12, true, family_1k);
	hit(&machine, PROBE_ROLE_ALLOC, "kmalloc",
	    (struct hit){.tid = 9,
			 .object = 0x10000,
			 .req = 700,
			 .alloc = 1024,
			 .gfp = 0xcc0,
			 .call_site = 0xffffffff81003040});
	hit(&machine, PROBE_ROLE_ALLOC, "kmalloc",
	    (struct hit){.tid = 9,
			 .object = 0x20000,
			 .req = 700,
			 .alloc = 1024,
			 .gfp = 0x400cc0,
			 .call_site = 0xffffffff81003040});
	hit(&machine, PROBE_ROLE_ALLOC, "kmalloc",
	    (struct hit){.tid = 9,
			 .object = 0x30000,
			 .req = 700,
			 .alloc = 1024,
			 .gfp = 0x400cc0,
			 .call_site = 0xffffffff81006040});
	/* A call that ends its function: the return address is already the next function's. */
	hit(&machine, PROBE_ROLE_ALLOC, "kmalloc",
	    (struct hit){.tid = 9,
			 .object = 0x40000,
			 .req = 700,
			 .alloc = 1024,
			 .gfp = 0x400cc0,
			 .call_site = 0xffffffff81007000});
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 0x30000});
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 0x90000});
	finish(&machine);
	static const char *const wanted[] = {"kmalloc-1k", "kmalloc-cg-1k", "msg_msg-1k", "msg_msg-1k"};
	assert_int_equal(machine.trace->event_count, 5);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(cache_name(&machine, machine.trace->events[i].cache), wanted[i]);
	assert_int_equal(machine.trace->events[4].object, 3);
	assert_int_equal(counter(&machine, "frees_unknown"), 1);
	assert_int_equal(counter(&machine, "witness_both"), 0);
	end(&machine);
}

static void test_tracepoint_of_named_caches(void **state)
{
	struct machine machine;

	(void)state;
	/* Up to 6.17 the sizes tell them apart. */
	start(&machine, KERNEL_6_1, true, (const char *const[]){"filp", "dentry", NULL});
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc",
	    (struct hit){.tid = 9, .object = 0x10000, .req = 232, .alloc = 256});
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc",
	    (struct hit){.tid = 9, .object = 0x20000, .req = 192, .alloc = 192});
	hit(&machine, PROBE_ROLE_FREE, "kmem_cache_free", (struct hit){.tid = 9, .object = 0x20000, .name = "dentry"});
	finish(&machine);
	assert_int_equal(machine.trace->event_count, 3);
	assert_string_equal(cache_name(&machine, machine.trace->events[0].cache), "filp");
	assert_string_equal(cache_name(&machine, machine.trace->events[1].cache), "dentry");
	end(&machine);
}

/* Two selected caches whose slots have the same size, but whose objects have not. */
static void test_tracepoint_of_caches_with_equal_slots(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_6_1, true, (const char *const[]){"filp", "dentry", NULL});
	/* dentry's debug options made its slots as large as filp's. */
	for (size_t i = 0; i < machine.selected.count; i++)
		machine.selected.caches[i].slab_size_bytes = 256;
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc",
	    (struct hit){.tid = 9, .object = 0x10000, .req = 232, .alloc = 256});
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc",
	    (struct hit){.tid = 9, .object = 0x20000, .req = 192, .alloc = 256});
	finish(&machine);
	assert_int_equal(machine.trace->event_count, 2);
	assert_string_equal(cache_name(&machine, machine.trace->events[0].cache), "filp");
	assert_string_equal(cache_name(&machine, machine.trace->events[1].cache), "dentry");
	end(&machine);
}

/* A named cache and a kmalloc size with equal slots: the event tells which of the two it is. */
static void test_tracepoint_of_named_and_kmalloc_caches(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_6_1, true,
	      (const char *const[]){"filp", "=kmalloc-256", "twin_*", "=kmalloc-512", NULL});
	for (size_t i = 0; i < machine.selected.count; i++)
		if (!strncmp(machine.selected.caches[i].name, "twin", 4))
			machine.selected.caches[i].slab_size_bytes = 512;
	hit(&machine, PROBE_ROLE_ALLOC, "kmalloc", (struct hit){.tid = 9, .object = 0x10000, .req = 232, .alloc = 256});
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc",
	    (struct hit){.tid = 9, .object = 0x20000, .req = 232, .alloc = 256});
	hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc",
	    (struct hit){.tid = 9, .object = 0x30000, .req = 400, .alloc = 512});
	finish(&machine);
	static const char *const wanted[] = {"kmalloc-256", "filp", "twin_a"};
	assert_int_equal(machine.trace->event_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(cache_name(&machine, machine.trace->events[i].cache), wanted[i]);
	end(&machine);
}

/* Of a hit in the share of call chains there are two samples, the one with the chain first. */
static void test_call_chains_of_a_share_of_frees(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_5_10, false, only_1k);
	for (uint64_t i = 1; i <= 2; i++) {
		hit(&machine, PROBE_ROLE_ALLOC_ENTRY, "__kmalloc", (struct hit){.tid = 9, .sp = 0x8000, .req = 700});
		hit(&machine, PROBE_ROLE_ALLOC_RETURN, "__kmalloc",
		    (struct hit){.tid = 9, .sp = 0x8008, .object = i << 16});
	}
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 1 << 16, .is_of_share = true});
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 1 << 16});
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kfree", (struct hit){.tid = 9, .object = 1 << 16});
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 2 << 16});
	/* Unknown ones, once with both samples. */
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 8 << 16, .is_of_share = true});
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 8 << 16});
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 9 << 16});
	finish(&machine);
	const struct trace_event *events = machine.trace->events;
	assert_int_equal(machine.trace->event_count, 4);
	assert_int_equal(events[2].kind, TRACE_EVENT_FREE);
	assert_string_equal(written_trace_stack(machine.trace, events[2].stack), "do_syscall_64;leaky_open");
	assert_int_equal(events[3].kind, TRACE_EVENT_FREE);
	assert_int_equal(events[3].stack, 0);
	assert_int_equal(counter(&machine, "frees"), 2);
	assert_int_equal(counter(&machine, "frees_unknown"), 2);
	assert_int_equal(counter(&machine, "frees_older"), 0);
	assert_int_equal(counter(&machine, "witness_both"), 1);
	assert_int_equal(counter(&machine, "witness_kprobe_only"), 1);
	end(&machine);
}

static void alloc_filp(struct machine *machine, int32_t tid, uint64_t address)
{
	uint64_t sp = 0x100000u * (unsigned)tid + 0x8000;

	hit(machine, PROBE_ROLE_ALLOC_ENTRY, "kmem_cache_alloc", (struct hit){.tid = tid, .sp = sp, .name = "filp"});
	hit(machine, PROBE_ROLE_ALLOC_RETURN, "kmem_cache_alloc",
	    (struct hit){.tid = tid, .sp = sp + 8, .object = address});
}

/* Up to 6.0 kmem:kmem_cache_free comes when the object is gone, and another CPU may have it again. */
static void test_late_witness(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_5_10, false, (const char *const[]){"filp", NULL});
	alloc_filp(&machine, 9, 0x10000);
	hit(&machine, PROBE_ROLE_FREE, "kmem_cache_free", (struct hit){.tid = 9, .object = 0x10000, .name = "filp"});
	alloc_filp(&machine, 10, 0x10000);
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kmem_cache_free", (struct hit){.tid = 9, .object = 0x10000});
	assert_int_equal(machine.recorder.live.live_count, 1);
	/* A free that only the tracepoint told. */
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kmem_cache_free", (struct hit){.tid = 10, .object = 0x10000});
	finish(&machine);
	assert_int_equal(machine.trace->event_count, 4);
	assert_int_equal(machine.trace->events[3].object, 2);
	assert_int_equal(counter(&machine, "frees"), 2);
	assert_int_equal(counter(&machine, "frees_implied"), 0);
	assert_int_equal(counter(&machine, "witness_both"), 1);
	assert_int_equal(counter(&machine, "witness_kprobe_only"), 0);
	assert_int_equal(counter(&machine, "witness_tracepoint_only"), 1);
	end(&machine);
}

/* An interrupt frees, on behalf of the same task, between the two witnesses of the task's own free. */
static void test_late_witness_behind_an_interrupt(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_5_10, false, (const char *const[]){"filp", NULL});
	alloc_filp(&machine, 9, 0x10000);
	alloc_filp(&machine, 9, 0x20000);
	hit(&machine, PROBE_ROLE_FREE, "kmem_cache_free", (struct hit){.tid = 9, .object = 0x10000, .name = "filp"});
	hit(&machine, PROBE_ROLE_FREE, "kmem_cache_free", (struct hit){.tid = 9, .object = 0x20000, .name = "filp"});
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kmem_cache_free", (struct hit){.tid = 9, .object = 0x20000});
	alloc_filp(&machine, 10, 0x10000);
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kmem_cache_free", (struct hit){.tid = 9, .object = 0x10000});
	finish(&machine);
	assert_int_equal(counter(&machine, "frees"), 2);
	assert_int_equal(counter(&machine, "live"), 1);
	assert_int_equal(counter(&machine, "witness_both"), 2);
	assert_int_equal(counter(&machine, "witness_kprobe_only"), 0);
	end(&machine);
}

/* What kfree_rcu() asked for may be done by kfree(), which has two witnesses. */
static void test_older_object_freed_after_its_request(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_5_10, false, only_1k);
	hit(&machine, PROBE_ROLE_ALLOC_ENTRY, "__kmalloc", (struct hit){.tid = 9, .sp = 0x8000, .req = 700});
	hit(&machine, PROBE_ROLE_ALLOC_RETURN, "__kmalloc", (struct hit){.tid = 9, .sp = 0x8008, .object = 0x10000});
	hit(&machine, PROBE_ROLE_FREE_RCU, "kvfree_call_rcu", (struct hit){.tid = 9, .object = 0x10400});
	hit(&machine, PROBE_ROLE_FREE_WITNESS, "kfree", (struct hit){.tid = 50, .object = 0x10400});
	hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 50, .object = 0x10400});
	finish(&machine);
	assert_int_equal(machine.trace->event_count, 2);
	assert_int_equal(machine.trace->events[1].kind, TRACE_EVENT_FREE_OLDER);
	assert_int_equal(counter(&machine, "frees_older"), 1);
	assert_int_equal(counter(&machine, "witness_both"), 1);
	assert_int_equal(counter(&machine, "witness_kprobe_only"), 0);
	assert_int_equal(counter(&machine, "witness_tracepoint_only"), 0);
	end(&machine);
}

/* kvfree_call_rcu(head, func): where the head is and how far into the object; since 6.3 (head, ptr). */
static void test_kfree_rcu(void **state)
{
	struct machine machine;

	(void)state;
	start(&machine, KERNEL_5_10, false, only_1k);
	for (uint64_t i = 1; i <= 3; i++) {
		hit(&machine, PROBE_ROLE_ALLOC_ENTRY, "__kmalloc", (struct hit){.tid = 9, .sp = 0x8000, .req = 700});
		hit(&machine, PROBE_ROLE_ALLOC_RETURN, "__kmalloc",
		    (struct hit){.tid = 9, .sp = 0x8008, .object = i << 16});
	}
	hit(&machine, PROBE_ROLE_FREE_RCU, "kvfree_call_rcu",
	    (struct hit){.tid = 9, .head = (1 << 16) + 40, .object = 40});
	hit(&machine, PROBE_ROLE_FREE_RCU, "kvfree_call_rcu", (struct hit){.tid = 9, .head = 0, .object = 2 << 16});
	hit(&machine, PROBE_ROLE_FREE_RCU, "kvfree_call_rcu",
	    (struct hit){.tid = 9, .head = (9 << 16) + 40, .object = 40});
	/* One of them is freed within the recording, in a bulk of two of which the other is not ours. */
	uint64_t array[PROBE_ARRAY_MAX] = {1 << 16, 0x777000, 3 << 16};
	hit(&machine, PROBE_ROLE_FREE_BULK, "kmem_cache_free_bulk",
	    (struct hit){.tid = 50, .count = 2, .array = array});
	finish(&machine);
	const struct trace_event *events = machine.trace->events;
	assert_int_equal(machine.trace->event_count, 6);
	assert_int_equal(events[3].kind, TRACE_EVENT_FREE_RCU);
	assert_int_equal(events[3].object, 1);
	assert_string_equal(written_trace_stack(machine.trace, events[3].stack), "do_syscall_64;leaky_open");
	assert_int_equal(events[4].kind, TRACE_EVENT_FREE_RCU);
	assert_int_equal(events[4].object, 2);
	assert_int_equal(events[5].kind, TRACE_EVENT_FREE);
	assert_int_equal(events[5].object, 1);
	assert_int_equal(counter(&machine, "frees"), 2);
	assert_int_equal(counter(&machine, "frees_rcu"), 2);
	assert_int_equal(counter(&machine, "pending_rcu"), 1);
	assert_int_equal(counter(&machine, "live"), 1);
	assert_int_equal(machine.trace->live_count, 1);
	assert_int_equal(machine.trace->live[0].object, 3);
	end(&machine);
}

/* What names no cache and is hit for all, in a page where no object of ours is left: it may be another cache's by now. */
static void test_frees_of_any_cache(void **state)
{
	uint64_t array[PROBE_ARRAY_MAX] = {0x10400};
	struct machine machine;

	(void)state;
	for (int is_left = 0; is_left < 2; is_left++) {
		start(&machine, KERNEL_5_10, false, only_1k);
		hit(&machine, PROBE_ROLE_ALLOC_ENTRY, "__kmalloc", (struct hit){.tid = 9, .sp = 0x8000, .req = 700});
		hit(&machine, PROBE_ROLE_ALLOC_RETURN, "__kmalloc",
		    (struct hit){.tid = 9, .sp = 0x8008, .object = 0x10000});
		if (!is_left)
			hit(&machine, PROBE_ROLE_FREE, "kfree", (struct hit){.tid = 9, .object = 0x10000});
		hit(&machine, PROBE_ROLE_FREE_RCU, "kvfree_call_rcu", (struct hit){.tid = 9, .object = 0x10800});
		hit(&machine, PROBE_ROLE_FREE_BULK, "kmem_cache_free_bulk",
		    (struct hit){.tid = 50, .count = 1, .array = array});
		finish(&machine);
		assert_int_equal(counter(&machine, "frees_older"), is_left ? 2 : 0);
		end(&machine);
	}
}

static void test_bulk(void **state)
{
	struct machine machine;
	uint64_t arrays[2][PROBE_ARRAY_MAX];

	(void)state;
	start(&machine, KERNEL_6_12, false, only_dentry);
	for (uint64_t i = 0; i < 2 * PROBE_ARRAY_MAX; i++)
		arrays[i / PROBE_ARRAY_MAX][i % PROBE_ARRAY_MAX] = 0x100000 + i * 0x1000;
	/* 70 objects: a whole array and six of the next; what lies behind is not the call's. */
	for (uint32_t part = 0; part < 2; part++)
		hit_part(&machine, PROBE_ROLE_ALLOC_BULK, "kmem_cache_alloc_bulk_noprof", part * PROBE_ARRAY_MAX,
			 (struct hit){.tid = 9, .count = 70, .array = arrays[part], .name = "dentry"});
	assert_int_equal(machine.recorder.live.live_count, 70);
	for (uint32_t part = 0; part < 2; part++)
		hit_part(&machine, PROBE_ROLE_FREE_BULK, "kmem_cache_free_bulk", part * PROBE_ARRAY_MAX,
			 (struct hit){.tid = 9, .count = 69, .array = arrays[part], .name = "dentry"});
	/* A part that the call does not reach; longer than is followed. */
	hit_part(&machine, PROBE_ROLE_FREE_BULK, "kmem_cache_free_bulk", PROBE_ARRAY_MAX,
		 (struct hit){.tid = 10, .count = 10, .array = arrays[0], .name = "dentry"});
	hit(&machine, PROBE_ROLE_FREE_BULK, "kmem_cache_free_bulk",
	    (struct hit){.tid = 9, .count = PROBE_BULK_MAX + 5, .array = arrays[0], .name = "dentry"});
	finish(&machine);
	assert_int_equal(counter(&machine, "allocs"), 70);
	assert_int_equal(counter(&machine, "frees"), 69);
	assert_int_equal(counter(&machine, "live"), 1);
	assert_int_equal(counter(&machine, "bulk_beyond"), 5);
	assert_int_equal(counter(&machine, "frees_older"), 0);
	assert_int_equal(machine.trace->live[0].address, 0x100000 + 69 * 0x1000);
	end(&machine);
	/* Where return probes read no arguments they are only counted. */
	start(&machine, KERNEL_6_1, false, only_dentry);
	hit(&machine, PROBE_ROLE_ALLOC_UNSEEN, "kmem_cache_alloc_bulk",
	    (struct hit){.tid = 9, .count = 30, .name = "dentry"});
	finish(&machine);
	assert_int_equal(machine.trace->event_count, 0);
	assert_int_equal(counter(&machine, "bulk_allocs_unseen"), 30);
	end(&machine);
}

static void test_losses_that_no_ring_told_of(void **state)
{
	struct machine machine;
	struct perf_record record;
	struct perf_record_origin origin = {.id = 1, .time_ns = START_NS + 5000, .cpu = 3};

	(void)state;
	start(&machine, KERNEL_6_12, false, only_dentry);
	perf_record_lost(&record, &origin, 17);
	recorder_take(&machine.recorder, record.bytes, record.size, TRACE_RING_FREE);
	recorder_settle_lost(&machine.recorder, 3, TRACE_RING_FREE, 20, START_NS + 9000);
	recorder_settle_lost(&machine.recorder, 3, TRACE_RING_FREE, 20, START_NS + 9000);
	recorder_settle_lost(&machine.recorder, 3, TRACE_RING_ALLOC, 4, START_NS + 9000);
	recorder_settle_lost(&machine.recorder, 2, TRACE_RING_FREE, 0, START_NS + 9000);
	finish(&machine);
	assert_int_equal(counter(&machine, "lost_free"), 20);
	assert_int_equal(counter(&machine, "lost_alloc"), 4);
	assert_int_equal(machine.trace->loss_count, 3);
	assert_int_equal(machine.trace->losses[1].lost, 3);
	assert_int_equal(machine.trace->losses[1].time_ns, 9000);
	end(&machine);
}

static void test_lost_records(void **state)
{
	struct machine machine;
	struct perf_record record;
	struct perf_record_origin origin = {.id = 1, .time_ns = START_NS + 5000, .cpu = 3};

	(void)state;
	start(&machine, KERNEL_6_12, false, only_dentry);
	perf_record_lost(&record, &origin, 17);
	assert_int_equal(recorder_take(&machine.recorder, record.bytes, record.size, TRACE_RING_ALLOC), 0);
	perf_record_lost(&record, &origin, 5);
	assert_int_equal(recorder_take(&machine.recorder, record.bytes, record.size, TRACE_RING_FREE), 0);
	assert_int_equal(recorder_take(&machine.recorder, record.bytes, record.size, TRACE_RING_FREE), 0);
	finish(&machine);
	assert_int_equal(counter(&machine, "lost_alloc"), 17);
	assert_int_equal(counter(&machine, "lost_free"), 10);
	assert_int_equal(counter(&machine, "lost_task"), 0);
	assert_int_equal(machine.trace->loss_count, 3);
	assert_int_equal(machine.trace->losses[0].time_ns, 5000);
	assert_int_equal(machine.trace->losses[0].lost, 17);
	assert_int_equal(machine.trace->losses[0].cpu, 3);
	assert_int_equal(machine.trace->losses[0].ring, TRACE_RING_ALLOC);
	assert_int_equal(machine.trace->losses[2].ring, TRACE_RING_FREE);
	end(&machine);
}

static void test_only_the_selected_process_and_its_children(void **state)
{
	struct machine machine;
	struct perf_record record;
	struct perf_record_origin origin = {.id = 1, .time_ns = START_NS, .pid = 50, .tid = 50};

	(void)state;
	start(&machine, KERNEL_6_12, false, only_dentry);
	machine.processes.filter_pid = 50;
	perf_record_task(&record, &origin, PERF_RECORD_FORK, 51, 51, 50, 50);
	assert_int_equal(recorder_take(&machine.recorder, record.bytes, record.size, TRACE_RING_TASK), 0);
	for (int32_t tid = 50; tid < 53; tid++)
		hit(&machine, PROBE_ROLE_ALLOC, "kmem_cache_alloc_noprof",
		    (struct hit){.tid = tid, .object = 0x10000ull * (unsigned)tid, .sp = 0x8000, .name = "dentry"});
	/* Whoever frees. */
	hit(&machine, PROBE_ROLE_FREE, "kmem_cache_free",
	    (struct hit){.tid = 99, .object = 0x10000 * 51, .name = "dentry"});
	finish(&machine);
	assert_int_equal(machine.trace->event_count, 3);
	assert_int_equal(counter(&machine, "allocs"), 2);
	assert_int_equal(counter(&machine, "allocs_not_selected"), 1);
	assert_int_equal(counter(&machine, "frees"), 1);
	end(&machine);
}

static void test_samples_nobody_knows(void **state)
{
	struct machine machine;
	struct perf_record record;
	struct perf_record_origin origin = {.id = 9999, .time_ns = START_NS};

	(void)state;
	start(&machine, KERNEL_6_12, false, only_dentry);
	perf_record_sample(&record, &origin, NULL, 0, "raw", 4);
	assert_int_equal(recorder_take(&machine.recorder, record.bytes, record.size, TRACE_RING_ALLOC), 0);
	origin.id = 0;
	perf_record_sample(&record, &origin, NULL, 0, "raw", 4);
	assert_int_equal(recorder_take(&machine.recorder, record.bytes, record.size, TRACE_RING_ALLOC), 0);
	assert_int_equal(machine.recorder.counts.samples_unreadable, 2);
	/* A probe's record that is too short for its fields. */
	origin.id = ID_OF(0);
	perf_record_sample(&record, &origin, chain, 3, "raw", 4);
	for (size_t size = 0; size <= record.size; size++)
		assert_int_equal(recorder_take(&machine.recorder, record.bytes, size, TRACE_RING_ALLOC), 0);
	assert_int_equal(machine.recorder.counts.allocs, 0);
	end(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_event_with_pointer_and_cache),
		cmocka_unit_test(test_only_live),
		cmocka_unit_test(test_callers_that_another_return_probe_hides),
		cmocka_unit_test(test_entry_and_return_are_paired),
		cmocka_unit_test(test_failed_allocations_are_counted),
		cmocka_unit_test(test_two_witnesses_of_a_free),
		cmocka_unit_test(test_implied_free),
		cmocka_unit_test(test_outer_function_is_a_duplicate),
		cmocka_unit_test(test_outer_function_of_another_path_is_a_reuse),
		cmocka_unit_test(test_frees_of_older_objects),
		cmocka_unit_test(test_frees_without_a_cache_are_counted_as_unknown),
		cmocka_unit_test(test_names_choose_among_several_caches),
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_tracepoints),
		cmocka_unit_test(test_tracepoint_of_named_caches),
		cmocka_unit_test(test_tracepoint_of_caches_with_equal_slots),
		cmocka_unit_test(test_tracepoint_of_named_and_kmalloc_caches),
		cmocka_unit_test(test_call_chains_of_a_share_of_frees),
		cmocka_unit_test(test_late_witness),
		cmocka_unit_test(test_late_witness_behind_an_interrupt),
		cmocka_unit_test(test_older_object_freed_after_its_request),
		cmocka_unit_test(test_kfree_rcu),
		cmocka_unit_test(test_frees_of_any_cache),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_lost_records),
		cmocka_unit_test(test_losses_that_no_ring_told_of),
		cmocka_unit_test(test_only_the_selected_process_and_its_children),
		cmocka_unit_test(test_samples_nobody_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
