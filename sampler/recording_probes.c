/* Asks the kernel what it has, and opens the source of events: BPF, kprobes or tracepoints, the first that works. */
#include "sampler/recording_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>


/* Of the user stack with a sample; and what the stacks may take, of a ring and of the time, and at once. */
#define USER_STACK_BYTES 16384u
#define COPIES_RING_SHARE 4u
#define UNWINDING_TIME_SHARE 32u
#define GRANT_EVERY_NS 1000000u
/* Of one stack, while too few have been unwound to tell. */
#define UNWINDING_NS 30000u
#define COPIES_KNOWN_MIN 64u
#define RING_BYTES_MAX (4u << 20)
#define RING_BYTES_MIN (256u << 10)
#define RING_BYTES_ALL (64u << 20) /* of the allocations; frees have as much again, tasks a quarter */

/* ---- what the kernel has ---- */

static bool kernel_has_function(void *context, const char *symbol)
{
	const struct recording *recording = context;

	return kallsyms_has(recording->kernel.symbols, symbol);
}

static unsigned int kernel_parameter(void *context, const char *function, const char *name)
{
	const struct recording *recording = context;

	return recording->btf ? kernel_btf_parameter(recording->btf, function, name) : 0;
}

static const char *kernel_tracepoint(void *context, const char *event)
{
	struct recording *recording = context;
	char name[64];
	uint64_t id;

	/* Kept under their own first line, "name: EVENT". */
	snprintf(name, sizeof(name), "name: %s\n", event);
	for (size_t i = 0; i < recording->format_count; i++)
		if (!strncmp(recording->formats[i], name, strlen(name)))
			return recording->formats[i];
	char **format = &recording->formats[recording->format_count];
	if (recording->format_count == sizeof(recording->formats) / sizeof(recording->formats[0]) ||
	    tracefs_event(&recording->tracefs, "kmem", event, &id, format, NULL))
		return NULL;
	recording->format_count++;
	return *format;
}

static const struct raw_tracepoint *kernel_raw_shape(void *context, const char *event)
{
	struct recording *recording = context;

	return slab_bpf_shape(&recording->bpf, event, kernel_tracepoint(recording, event));
}

struct probe_plan_facts recording_plan_facts(struct recording *recording)
{
	const struct options *options = recording->options;

	return (struct probe_plan_facts){
		.all = &recording->all,
		.selected = &recording->selected,
		.name_offset_bytes = recording->name_offset_bytes,
		.nr_cpus = (unsigned int)sysconf(_SC_NPROCESSORS_CONF),
		.run = (int)getpid(),
		.has_return_args = recording->tracefs.has_return_args && !options->without_return_args,
		.maxactive = options->maxactive,
		.has_maxactive = recording->tracefs.has_maxactive && !options->without_maxactive,
		.has_arg_names = recording->tracefs.has_arg_names && !options->without_arg_names,
		.is_namespaced = recording->target.is_namespaced,
		.task_filter = *recording->target.task_filter ? recording->target.task_filter : NULL,
		.has_no_witness = options->without_witness,
		.all_free_stacks = options->all_free_stacks,
		.no_free_stacks = options->no_free_stacks,
		.context = recording,
		.has_function = kernel_has_function,
		.parameter = kernel_parameter,
		.tracepoint_format = kernel_tracepoint,
		.raw_shape = kernel_raw_shape,
	};
}

/* ---- probes ---- */

static int add_id(void *context, uint64_t id, size_t probe, unsigned int parts)
{
	return recorder_add_id(context, id, probe, parts);
}

static void learn_chain(void *context, const uint64_t *kernel, size_t count, bool is_good)
{
	slab_bpf_learn(context, kernel, count, is_good);
}

static size_t ring_bytes(const struct recording *recording)
{
	size_t size = RING_BYTES_MAX;
	size_t cpus = (size_t)sysconf(_SC_NPROCESSORS_ONLN);

	if (recording->options->ring_bytes)
		return recording->options->ring_bytes;
	while (size > RING_BYTES_MIN && size * cpus > RING_BYTES_ALL)
		size /= 2;
	return size;
}

/* As they are recorded here. */
enum user_stacks recording_user_stacks(const struct recording *recording)
{
	enum user_stacks wanted = recording->options->user_stacks;

	return wanted == USER_STACKS_DWARF && !recording->recorder.unwind ? USER_STACKS_FP : wanted;
}

static int open_session(struct recording *recording, struct error *err)
{
	struct probe_session_options how = {
		.alloc_cpus = &recording->options->cpus,
		.ring_bytes = ring_bytes(recording),
		.has_user_callchain = recording->options->user_stacks != USER_STACKS_NONE,
		.user_stack_bytes = recording->recorder.unwind ? USER_STACK_BYTES : 0,
		.has_cgroups = recording->target.has_cgroup_ids,
		.is_in_cgroup = recording->target.cgroup_fd >= 0,
		.cgroup_fd = recording->target.cgroup_fd,
		.add_id = add_id,
		.context = &recording->recorder,
		.bpf = recording->source == SOURCE_BPF ? &recording->bpf : NULL,
	};

	return probe_session_open(&recording->session, &recording->tracefs, &recording->plan, &how, err);
}

/* What the kernel's types tell of where a page's cache and its name are; 0 where they do not. */
static struct slab_bpf_options bpf_options(const struct recording *recording)
{
	struct slab_bpf_options options = {.all = &recording->all,
					   .kernel = &recording->kernel,
					   .has_walk = !recording->options->without_walk,
					   .has_user_chains = recording->options->user_stacks != USER_STACKS_NONE};

	if (!recording->btf)
		return options;
	/* struct slab came with 5.17. */
	if (kernel_btf_offset(recording->btf, "slab", "slab_cache", &options.slab_cache_offset_bytes))
		options.slab_cache_offset_bytes = 0;
	if (kernel_btf_offset(recording->btf, "kmem_cache", "name", &options.name_offset_bytes))
		options.name_offset_bytes = 0;
	return options;
}

/* Where it cannot be samples of all processes come, and ours are chosen here. */
static void filter_processes(struct recording *recording)
{
	if (!target_has_process(&recording->target) ||
	    process_filter_open(&recording->process_filter, &recording->tracefs, NULL))
		return;
	recording->bpf.processes = &recording->process_filter;
}

/* What was forked by processes that the kernel did not know yet is found by looking once more. */
int recording_tell_processes(struct recording *recording)
{
	int ret = 0;

	for (int i = 0; i < 2 && recording->bpf.processes && !ret; i++) {
		process_table_each_selected(&recording->processes, process_filter_add, recording->bpf.processes);
		ret = process_table_scan_descendants(&recording->processes);
	}
	if (!ret && recording->bpf.processes)
		process_table_each_selected(&recording->processes, process_filter_add, recording->bpf.processes);
	return ret;
}

/*
 * Lets as many user stacks come as there is time to unwind, by what it took until now, and on each CPU no more than leave most of the ring to other
 * samples: a recorder that gets no time gets no stacks.
 */
void recording_grant_copies(struct recording *recording, uint64_t now_ns)
{
	const struct recorder *recorder = &recording->recorder;
	uint64_t most = ring_bytes(recording) / COPIES_RING_SHARE / USER_STACK_BYTES;
	uint64_t each_ns = recorder->unwound_count > COPIES_KNOWN_MIN ? recorder->unwound_ns / recorder->unwound_count + 1 :
									UNWINDING_NS;
	if (!recorder->unwind || now_ns - recording->granted_ns < GRANT_EVERY_NS)
		return;
	recording->unwinding_ns += (now_ns - recording->granted_ns) / UNWINDING_TIME_SHARE;
	recording->granted_ns = now_ns;
	if (recording->unwinding_ns > UNWINDING_AHEAD_NS)
		recording->unwinding_ns = UNWINDING_AHEAD_NS;
	uint64_t granted = probe_session_grant_copies(&recording->session, most ? most : 1, recording->unwinding_ns / each_ns);
	recording->unwinding_ns -= granted * each_ns;
}

static int open_bpf(struct recording *recording, struct error *err)
{
	struct slab_bpf_options options = bpf_options(recording);
	char text[64];

	recording->source = SOURCE_BPF;
	int ret = slab_bpf_open(&recording->bpf, &options, err);
	recording->name_offset_bytes = recording->bpf.layout.name_offset_bytes;
	struct probe_plan_facts facts = recording_plan_facts(recording);
	if (!ret)
		ret = probe_plan_bpf(&recording->plan, &facts, recording->tracefs.has_kprobes, err);
	if (!ret)
		filter_processes(recording);
	recording->bpf.alignment_mask = (uint32_t)probe_plan_alignment_mask(&recording->selected);
	recording->bpf.tid = *recording->target.task_filter ? recording->options->tid : 0;
	recording->bpf.has_stacks = recording->unwind && !user_recall_open(&recording->bpf.recall, NULL);
	if (!recording->bpf.has_stacks)
		recording->recorder.unwind = NULL;
	if (!ret)
		ret = slab_bpf_select(&recording->bpf, &recording->selected, err);
	if (!ret)
		ret = open_session(recording, err);
	if (ret) {
		slab_bpf_close(&recording->bpf);
		process_filter_close(&recording->process_filter);
		probe_plan_release(&recording->plan);
		return ret;
	}
	if (recording->bpf.processes)
		target_process_is_kernels(&recording->target);
	snprintf(text, sizeof(text), "slab_cache %u, name %u", recording->bpf.layout.slab_cache_offset_bytes,
		 recording->bpf.layout.name_offset_bytes);
	trace_writer_fact(recording->writer, "bpf.layout", text);
	trace_writer_fact(recording->writer, "bpf.walk", *recording->bpf.walk.why_not ? recording->bpf.walk.why_not : "yes");
	recording->recorder.learn_chain = learn_chain;
	recording->recorder.learn_context = &recording->bpf;
	recording->recorder.recall = recording->bpf.has_stacks ? &recording->bpf.recall : NULL;
	return 0;
}

static int open_kprobes(struct recording *recording, struct error *err)
{
	char text[16];

	if (!recording->tracefs.has_kprobes)
		return error_set(err, -ENOTSUP, "this kernel has no kprobe events (%s/kprobe_events; CONFIG_KPROBE_EVENTS)",
				 recording->tracefs.path);
	recording->source = SOURCE_KPROBE;
	int ret = name_offset_find(recording->options->name_offset, &recording->tracefs, recording->kernel.symbols,
				   &recording->all, &recording->name_offset_bytes, &recording->name_offset_from, err);
	struct probe_plan_facts facts = recording_plan_facts(recording);
	if (!ret)
		ret = probe_plan_kprobes(&recording->plan, &facts, err);
	if (!ret)
		ret = open_session(recording, err);
	if (ret) {
		probe_plan_release(&recording->plan);
		return ret;
	}
	snprintf(text, sizeof(text), "%u", recording->name_offset_bytes);
	trace_writer_fact(recording->writer, "name_offset", text);
	trace_writer_fact(recording->writer, "name_offset.from", name_offset_source_name(recording->name_offset_from));
	return 0;
}

static int open_tracepoints(struct recording *recording, struct error *err)
{
	struct probe_plan_facts facts = recording_plan_facts(recording);
	int ret = probe_plan_tracepoints(&recording->plan, &facts, err);

	recording->source = SOURCE_TRACEPOINT;
	if (!ret)
		ret = open_session(recording, err);
	if (ret) {
		probe_plan_release(&recording->plan);
		return ret;
	}
	return 0;
}

static const char *const source_reasons[SOURCE_COUNT] = {
	[SOURCE_BPF] = "the kernel lets BPF programs filter its tracepoints",
	[SOURCE_KPROBE] = "the kernel has kprobe events",
	[SOURCE_TRACEPOINT] = "no tracepoint tells of kfree_rcu() and of the bulk functions",
};

static int open_source(struct recording *recording, enum source source, struct error *err)
{
	recording->recorder.unwind = recording->unwind;
	switch (source) {
	case SOURCE_BPF:
		return open_bpf(recording, err);
	case SOURCE_KPROBE:
		return open_kprobes(recording, err);
	default:
		return open_tracepoints(recording, err);
	}
}

static void set_why(struct recording *recording, enum source source, const char *why)
{
	snprintf(recording->why[source], sizeof(recording->why[source]), "%s", why);
}

int recording_open_probes(struct recording *recording, struct error *err)
{
	const char *format = kernel_tracepoint(recording, "kmalloc");
	enum source wanted = recording->options->source;
	int ret = -ENOENT;

	if (format)
		recording->recorder.flags = kmalloc_flags_read(format);
	for (enum source source = SOURCE_AUTO + 1; source < SOURCE_COUNT && wanted != SOURCE_AUTO; source++)
		set_why(recording, source, source == wanted ? "asked for with --source" : "another was asked for with --source");
	if (wanted != SOURCE_AUTO)
		return open_source(recording, wanted, err);
	/* From the one that tells most for least to the one that is always there: the last one's error is the one that is told. */
	for (enum source source = SOURCE_AUTO + 1; source < SOURCE_COUNT && ret; source++) {
		struct error failed = {0};

		if (source == SOURCE_BPF && recording->options->without_bpf) {
			set_why(recording, source, "--without bpf");
			continue;
		}
		set_why(recording, source, source_reasons[source]);
		ret = open_source(recording, source, source == SOURCE_TRACEPOINT ? err : &failed);
		if (ret && source != SOURCE_TRACEPOINT)
			set_why(recording, source, failed.message);
	}
	if (!ret && recording->source == SOURCE_BPF)
		set_why(recording, SOURCE_KPROBE, recording->tracefs.has_kprobes ? "the frees of all caches would come to slabrec" :
										   "this kernel has no kprobe events");
	if (!ret && recording->source != SOURCE_TRACEPOINT)
		set_why(recording, SOURCE_TRACEPOINT, source_reasons[SOURCE_TRACEPOINT]);
	return ret;
}

/* Why this one and not the ones before it, in one line. */
const char *recording_source_why(const struct recording *recording, char *text, size_t size_bytes)
{
	size_t used = 0;

	*text = '\0';
	for (enum source source = SOURCE_AUTO + 1; source < recording->source && recording->options->source == SOURCE_AUTO; source++)
		used += (size_t)snprintf(text + used, size_bytes - used, "no %s (%.250s), ", source_name(source),
					 recording->why[source]);
	snprintf(text + used, size_bytes - used, "%s", recording->why[recording->source]);
	return text;
}

bool recording_has_witnesses(const struct recording *recording)
{
	for (size_t i = 0; i < recording->plan.count; i++)
		if (recording->plan.probes[i].role == PROBE_ROLE_FREE_WITNESS)
			return true;
	return false;
}
