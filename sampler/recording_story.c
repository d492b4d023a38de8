/* What the trace tells of itself: caches, choices, the census of objects, what each probe counted and missed. */
#include "sampler/recording_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/blind_spots.h"
#include "sampler/facts.h"
#include "trace/cleanup.h"

#define CENSUS_EVERY_NS 5000000000ull
/* At most one part in so many of the time goes into counting. */
#define CENSUS_COST_SHARE 100u
/* After so many the interval doubles, so that their number hardly grows with days: the report's picture has as many places. */
#define CENSUS_BEFORE_DOUBLING 64u
#define CPUS_EVERY_NS 1000000000u

void recording_write_caches(struct recording *recording)
{
	for (size_t i = 0; i < recording->selected.count; i++) {
		const struct slab_cache *cache = &recording->selected.caches[i];
		char note[540];
		struct trace_cache record = {
			.name = trace_writer_text(recording->writer, cache->name),
			.requested = trace_writer_text(recording->writer, cache->requested),
			.aliases = trace_writer_text(recording->writer, cache->aliases ? cache->aliases : ""),
			.object_size_bytes = cache->object_size_bytes,
			.slab_size_bytes = cache->slab_size_bytes,
			.objects_per_slab = cache->objects_per_slab,
			.order = cache->order,
			.align_bytes = cache->align_bytes,
			.percpu_objects = cache->percpu_objects,
		};

		trace_writer_cache(recording->writer, &record);
		if (!cache->aliases)
			continue;
		snprintf(note, sizeof(note), "%s is one cache with %.380s: their objects cannot be told apart.", cache->name,
			 cache->aliases);
		trace_writer_note(recording->writer, note);
	}
}

static void write_spot(void *context, const char *sentence)
{
	trace_writer_note(context, sentence);
}

void recording_write_choices(struct recording *recording)
{
	const struct options *options = recording->options;
	struct trace_writer *writer = recording->writer;
	char text[WHY_BYTES];
	size_t used = 0;

	for (size_t i = 0; i < options->cache_count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? "," : "", options->caches[i]);
	trace_writer_fact(writer, "caches.requested", text);
	trace_writer_fact(writer, "source", source_name(recording->source));
	trace_writer_fact(writer, "source.why", recording_source_why(recording, text, sizeof(text)));
	trace_writer_fact(writer, "user_stack", user_stacks_name(recording_user_stacks(recording)));
	trace_writer_fact(writer, "free_stacks", options->all_free_stacks ? "all" : options->no_free_stacks ? "none" : "1/16");
	target_write_facts(&recording->target, &recording->cgroups, writer);
	if (options->is_only_live) {
		trace_writer_fact(writer, "only_live", "yes");
		trace_writer_note(writer, "Recorded with --only-live: objects that were freed are counted by call stack and by name of the task, not told one by one.");
	}
	if (options->peek_bytes) {
		snprintf(text, sizeof(text), "%" PRIu32, options->peek_bytes);
		trace_writer_fact(writer, "peek", text);
	}
	if (options->start_when.text) {
		trace_writer_fact(writer, "start.when", options->start_when.text);
		snprintf(text, sizeof(text), "%" PRIu64, recording->waited_ns);
		trace_writer_fact(writer, "start.waited_ns", text);
	}
	struct probe_plan_facts facts = recording_plan_facts(recording);
	blind_spots_each(&recording->plan, &facts, recording_user_stacks(recording), write_spot, writer);
}

static void tell_cache_is_gone(struct recording *recording, const struct slab_cache *cache)
{
	char note[200];

	snprintf(note, sizeof(note),
		 "%.100s was destroyed while this was recorded: the kernel has no count of its objects any more.", cache->name);
	trace_writer_note(recording->writer, note);
}

void recording_write_census(struct recording *recording, enum trace_census_phase phase)
{
	uint64_t now_ns = recording_clock_ns();
	uint64_t time_ns = now_ns > recording->start_ns ? now_ns - recording->start_ns : 0;
	struct trace_meminfo meminfo = {.time_ns = time_ns, .phase = phase};

	recording->counted_ns = now_ns;
	for (size_t i = 0; i < recording->selected.count; i++) {
		struct slab_cache_census counts;

		if (slab_cache_count(&recording->selected.caches[i], &counts)) {
			if (phase == TRACE_CENSUS_END)
				tell_cache_is_gone(recording, &recording->selected.caches[i]);
			continue;
		}
		struct trace_census census = {.time_ns = time_ns,
					      .cache = (uint32_t)i + 1,
					      .phase = phase,
					      .active_objects = counts.active_objects,
					      .total_objects = counts.total_objects,
					      .slabs = counts.slabs};
		trace_writer_census(recording->writer, &census);
	}
	if (!facts_meminfo(&meminfo))
		trace_writer_meminfo(recording->writer, &meminfo);
	recording->census_cost_ns = recording_clock_ns() - now_ns;
}

/* The kernel walks lists of slabs for its count, with a lock held: one that takes long is asked for less often. */
bool recording_is_census_due(const struct recording *recording, uint64_t now_ns)
{
	uint64_t interval_ns = CENSUS_EVERY_NS << recording->census_count / CENSUS_BEFORE_DOUBLING;

	if (interval_ns < CENSUS_COST_SHARE * recording->census_cost_ns)
		interval_ns = CENSUS_COST_SHARE * recording->census_cost_ns;
	return now_ns - recording->counted_ns >= interval_ns;
}

static uint64_t time_of(const struct recording *recording, uint64_t now_ns)
{
	return now_ns > recording->start_ns ? now_ns - recording->start_ns : 0;
}

/* What the kernel tells about the probes, while they are open. */
int recording_gather_totals(struct recording *recording, struct error *err)
{
	const struct probe_session *session = &recording->session;
	char *profile CLEANUP(cleanup_free) = tracefs_profile(&recording->tracefs);
	size_t cpus = session->cpus.count;

	free(recording->totals);
	free(recording->counts);
	free(recording->counted_cpus);
	recording->totals = calloc(recording->plan.count + 1, sizeof(*recording->totals));
	recording->counts = calloc(recording->plan.count * cpus + 1, sizeof(*recording->counts));
	recording->counted_cpus = calloc(cpus + 1, sizeof(*recording->counted_cpus));
	if (!recording->totals || !recording->counts || !recording->counted_cpus)
		return error_set(err, -ENOMEM, "totals of the probes: out of memory");
	if (cpus)
		memcpy(recording->counted_cpus, session->cpus.cpus, cpus * sizeof(*recording->counted_cpus));
	recording->counted_cpu_count = cpus;
	int ret = probe_session_count(session, recording->counts);
	for (size_t i = 0; i < recording->plan.count; i++) {
		const struct probe *probe = &recording->plan.probes[i];
		struct trace_probe *totals = &recording->totals[i];

		*totals = (struct trace_probe){
			.hits = probe->hits, .has_lost = true, .has_passed = true, .is_witnessed = probe_plan_is_witnessed(&recording->plan, probe)};
		for (size_t cpu = 0; cpu < cpus; cpu++) {
			const struct perf_event_counts *counts = &recording->counts[i * cpus + cpu];

			totals->passed += counts->passed;
			totals->lost += counts->lost;
			totals->has_lost = totals->has_lost && counts->has_lost;
		}
		if (probe->raw) {
			totals->has_misses = true;
			totals->misses = slab_bpf_missed(&recording->bpf, probe->raw_number);
			continue;
		}
		totals->has_misses = probe->function && !tracefs_profile_misses(profile, probe->event, &totals->misses);
	}
	return ret ? error_set(err, ret, "reading the counts of the probes: %s", strerror(-ret)) : 0;
}

static void write_probe_cpus(struct recording *recording, size_t probe, uint32_t event)
{
	for (size_t cpu = 0; cpu < recording->counted_cpu_count; cpu++) {
		const struct perf_event_counts *counts = &recording->counts[probe * recording->counted_cpu_count + cpu];

		if (counts->passed || counts->lost)
			trace_writer_probe_cpu(recording->writer,
					       &(struct trace_probe_cpu){.event = event,
									 .cpu = (uint32_t)recording->counted_cpus[cpu],
									 .passed = counts->passed,
									 .lost = counts->lost,
									 .has_lost = counts->has_lost});
	}
}

void recording_write_probes(struct recording *recording, uint64_t *misses)
{
	struct trace_writer *writer = recording->writer;

	for (size_t i = 0; i < recording->plan.count; i++) {
		const struct probe *probe = &recording->plan.probes[i];
		char event[160], definition[4096];
		struct trace_probe totals = recording->totals[i];

		snprintf(event, sizeof(event), "%s:%s", probe->subsystem, probe->event);
		snprintf(definition, sizeof(definition), "%s %s %.3900s", probe->kind, probe->function_name, probe->definition);
		/* Until 5.14 a page fault in a probe's handler was counted as a miss; rethook came soon after. */
		totals.has_fault_misses = totals.has_misses && recording->options->user_stacks != USER_STACKS_NONE &&
					  !kallsyms_has(recording->kernel.symbols, "rethook_hook");
		*misses += totals.misses;
		totals.event = trace_writer_text(writer, event);
		totals.function = trace_writer_text(writer, probe->function_name);
		totals.role = trace_writer_text(writer, probe_role_name(probe->role));
		totals.definition = trace_writer_text(writer, probe->function ? definition : "");
		totals.filter = trace_writer_text(writer, probe->filter);
		trace_writer_probe(writer, &totals);
		write_probe_cpus(recording, i, totals.event);
	}
}

/* With --only-live the trace must not grow with time: there the totals stand for all of it. */
int recording_date_misses(struct recording *recording, struct error *err)
{
	if (recording->source != SOURCE_KPROBE || recording->options->is_only_live)
		return 0;
	char *profile CLEANUP(cleanup_free) = tracefs_profile(&recording->tracefs);
	int ret = miss_watch_look(&recording->miss_watch, &recording->plan, profile, time_of(recording, recording_clock_ns()),
				  recording->writer);
	return ret ? error_set(err, ret, "misses of the probes: out of memory") : 0;
}

/* A CPU runs unrecorded for a moment before its probes are on, and when it goes after the kernel ended them. */
static void tell_cpu(void *context, int cpu, bool is_open)
{
	struct recording *recording = context;
	struct trace_unseen unseen = {.from_ns = time_of(recording, recording->cpus_checked_ns),
				      .time_ns = time_of(recording, recording_clock_ns()),
				      .cause = TRACE_UNSEEN_CPU,
				      .cpu = (uint32_t)cpu};
	char note[160];

	trace_writer_unseen(recording->writer, &unseen);
	snprintf(note, sizeof(note), "CPU %d went %s after %.1f s; what it freed in that moment was not seen.", cpu,
		 is_open ? "online" : "offline", (double)unseen.time_ns / 1e9);
	trace_writer_note(recording->writer, note);
}

int recording_follow_cpus(struct recording *recording, uint64_t now_ns, struct error *err)
{
	struct cpu_list online;
	int ret;

	/* The list alone would do, but for CPUs that go and come back between two looks. */
	if (!cpu_watch_look(&recording->cpu_watch) && now_ns - recording->cpus_checked_ns < CPUS_EVERY_NS)
		return 0;
	ret = cpu_list_online(&online, err);
	if (!ret)
		ret = probe_session_follow_cpus(&recording->session, &online, &recording->cpu_watch.gone, &recording->order,
						tell_cpu, recording, err);
	cpu_list_release(&online);
	cpu_watch_forget(&recording->cpu_watch);
	recording->cpus_checked_ns = now_ns;
	return ret;
}
