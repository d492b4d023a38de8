/* Words for what the trace says about itself; a key that has none is shown as it is. */
#include "report/html_capture.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/chart.h"
#include "report/escape.h"
#include "report/integrity.h"
#include "report/number.h"
#include "report/reconcile.h"
#include "report/symbol_advice.h"

#define CACHES_MAX 100u
#define PROBES_MAX 200u
#define LIST_MAX 200u

static bool is_bad(const struct integrity_check *check)
{
	return !check->is_good && !check->is_minor;
}

/* What has to be known is said at once; what the others mean belongs to the question of trust, and the suspects to the first screen. */
static void write_meanings(const struct html *html, const struct integrity_check *checks, uint32_t count)
{
	const struct model *model = html->model;

	fputs("<details class=\"limits\"><summary>What these mean", html->out);
	if (model->note_count)
		fprintf(html->out, ", and what this recording does not see: %u note%s", model->note_count, model->note_count == 1 ? "" : "s");
	fputs("</summary>\n<dl>\n", html->out);
	for (uint32_t i = 0; i < count; i++) {
		if (is_bad(&checks[i]))
			continue;
		html_element(html->out, "dt", NULL, checks[i].what);
		html_element(html->out, "dd", NULL, checks[i].meaning);
	}
	fputs("</dl>\n", html->out);
	for (uint32_t i = 0; i < model->note_count && i < LIST_MAX; i++)
		html_element(html->out, "p", "note", model->notes[i]);
	fputs("</details>\n", html->out);
}

void html_integrity_strip(const struct html *html)
{
	struct integrity_check checks[INTEGRITY_CHECKS_MAX];
	uint32_t count = integrity_checks(html->arena, html->model, checks);

	fputs("<ul class=\"strip\">\n", html->out);
	for (uint32_t i = 0; i < count; i++) {
		fprintf(html->out, "<li class=\"%s\">", is_bad(&checks[i]) ? "bad" : "good");
		html_element(html->out, "span", "what", checks[i].what);
		/* The mark is a word for those who do not see the colour. */
		fprintf(html->out, " <b>%s", is_bad(&checks[i]) ? "<span class=\"mark\">! </span>" : "");
		html_text(html->out, checks[i].value);
		fputs("</b>", html->out);
		if (is_bad(&checks[i]))
			html_element(html->out, "span", "why", checks[i].meaning);
		fputs("</li>\n", html->out);
	}
	fputs("</ul>\n", html->out);
	write_meanings(html, checks, count);
}

static void write_cache(const struct html *html, const struct model_cache *cache)
{
	FILE *out = html->out;

	fputs("<tr><th scope=\"row\"><code>", out);
	escape_html(out, cache->name, HTML_NAME_MAX);
	fputs("</code>", out);
	if (*cache->aliases) {
		fputs(" <span class=\"caller\">shared with ", out);
		escape_html(out, cache->aliases, HTML_NAME_MAX);
		fputs("</span>", out);
	}
	fputs("</th>", out);
	html_number_cell(out, cache->slot_bytes ? number_bytes(cache->slot_bytes).text : "-");
	html_number_cell(out, number_count(cache->allocs).text);
	html_number_cell(out, number_count(cache->frees).text);
	html_number_cell(out, number_count(cache->frees_implied).text);
	html_number_cell(out, number_count(cache->frees_older).text);
	html_number_cell(out, number_count(cache->live).text);
	html_number_cell(out, cache->slot_bytes ? number_bytes(cache->live_bytes).text : "-");
	fputs("<td class=\"pic\">", out);
	if (cache->timeline)
		chart_spark(out, cache->timeline, html->model->duration_ns);
	fputs("</td>", out);
	html_element(out, "td", "long", reconcile_sentence(html->arena, html->model, cache));
	fputs("</tr>\n", out);
}

void html_caches(const struct html *html)
{
	static const char *const heads[] = {"Cache",
					    "#Object",
					    "#Allocated",
					    "#Freed",
					    "#Implied",
					    "#Older freed",
					    "#Live",
					    "#Live bytes",
					    "Live over time",
					    "Against the kernel's own count",
					    NULL};
	const struct model *model = html->model;
	uint32_t shown = model->cache_count < CACHES_MAX ? model->cache_count : CACHES_MAX;

	if (!model->cache_count)
		return;
	html_section(html->out, "caches", "Caches");
	html_table(html->out, "caches",
		   "Totals per cache. Object: what one takes. Implied: frees that were not seen but must have been. "
		   "Older freed: frees of "
		   "objects from before the recording.",
		   heads);
	for (uint32_t i = 0; i < shown; i++)
		write_cache(html, &model->caches[i]);
	html_table_end(html->out);
	if (shown < model->cache_count)
		fprintf(html->out, "<p class=\"note\">Not shown: %s.</p>\n", number_of(model->cache_count - shown, "more cache").text);
}

static const char *missed(const struct html *html, const struct model_probe *probe)
{
	if (!probe->has_misses)
		return "-";
	return arena_format(html->arena, "%s%s", probe->has_fault_misses && probe->misses ? "at most " : "",
			    number_count(probe->misses).text);
}

static void write_probes(const struct html *html)
{
	static const char *const heads[] = {"Probe on", "Role", "#Hits", "#Missed", "#Lost", "Filter", NULL};
	const struct model *model = html->model;

	if (!model->probe_count)
		return;
	html_table(html->out, "probes",
		   "Probes. Hits: samples that arrived. Missed: hits the kernel could not handle. Lost: samples "
		   "dropped because a ring was "
		   "full. A dash: the kernel does not tell.",
		   heads);
	for (uint32_t i = 0; i < model->probe_count && i < PROBES_MAX; i++) {
		const struct model_probe *probe = &model->probes[i];

		fputs("<tr><th scope=\"row\"><code>", html->out);
		escape_html(html->out, *probe->function ? probe->function : probe->event, HTML_NAME_MAX);
		fputs("</code></th>", html->out);
		html_element(html->out, "td", NULL, probe->role);
		html_number_cell(html->out, number_count(probe->hits).text);
		html_number_cell(html->out, missed(html, probe));
		html_number_cell(html->out, probe->has_lost ? number_count(probe->lost).text : "-");
		fputs("<td class=\"long\"><code>", html->out);
		escape_html(html->out, probe->filter, HTML_NAME_MAX);
		fputs("</code></td></tr>\n", html->out);
	}
	html_table_end(html->out);
	if (model->probe_count > PROBES_MAX)
		fprintf(html->out, "<p class=\"note\">Not shown: %u more probes.</p>\n",
			model->probe_count - PROBES_MAX);
}

static void write_losses(const struct html *html)
{
	static const char *const heads[] = {"#CPU", "Ring", "#Lost", NULL};
	static const char *const rings[] = {[TRACE_RING_ALLOC] = "allocations",
					    [TRACE_RING_FREE] = "frees",
					    [TRACE_RING_TASK] = "tasks and mappings"};
	const struct model *model = html->model;

	if (!model->loss_count) {
		fputs("<p class=\"note\">No ring lost a record on any CPU.</p>\n", html->out);
		return;
	}
	html_table(html->out, "losses", "Records that rings dropped because they were full.", heads);
	for (uint32_t i = 0; i < model->loss_count && i < LIST_MAX; i++) {
		fprintf(html->out, "<tr><td class=\"n\">%u</td><td>%s</td>", model->losses[i].cpu,
			rings[model->losses[i].ring]);
		html_number_cell(html->out, number_count(model->losses[i].lost).text);
		fputs("</tr>\n", html->out);
	}
	html_table_end(html->out);
	if (model->loss_count > LIST_MAX)
		fprintf(html->out, "<p class=\"note\">Not shown: %u more CPUs and rings.</p>\n",
			model->loss_count - LIST_MAX);
}

static const char *counter_meaning(const char *key)
{
	static const struct {
		const char *key, *meaning;
	} meanings[] = {
		{"allocs", "allocations"},
		{"allocs_not_selected", "allocations of other processes, left out as asked"},
		{"bulk_allocs_unseen", "objects handed out in bulk whose addresses the kernel does not tell"},
		{"cache_inferred", "allocations whose cache follows from size and flags"},
		{"entries_without_return", "allocations whose return was not seen"},
		{"failed_allocs", "allocations that failed"},
		{"frees", "frees of recorded objects"},
		{"frees_implied", "frees that were not seen, but the address was handed out again"},
		{"frees_older", "frees of objects from before the recording"},
		{"frees_rcu", "of the frees: requests of kfree_rcu()"},
		{"frees_unknown", "frees without a cache name and without a recorded object"},
		{"live", "objects live at the end"},
		{"lost_alloc", "allocation records lost in rings"},
		{"lost_free", "free records lost in rings"},
		{"lost_task", "task and mapping records lost in rings"},
		{"out_of_order", "events that came too late to be sorted"},
		{"pending_rcu", "of those, not seen to be done"},
		{"probe_misses", "hits that the kernel could not hand to a probe"},
		{"returns_without_entry", "returns whose entry was not seen"},
		{"samples", "records read from the kernel"},
		{"stacks_cut", "stacks deeper than the kernel records"},
		{"chains_by_key", "allocations whose call chain a key stands for"},
		{"chains_mistaken", "keys that two call chains had"},
		{"chains_unknown", "keys whose call chain did not come"},
		{"stacks_hidden", "stacks that another tracer's return probe hides"},
		{"user_frames_unknown", "user addresses in no known mapping"},
		{"user_stacks_cut", "user stacks longer than what is taken of them"},
		{"user_stacks_degraded", "allocations whose user callers are by frame pointers for want of time"},
		{"user_stacks_forgotten", "user stacks like one whose code has changed: without user callers"},
		{"user_stacks_recalled", "of the unwound user stacks, those that were recognised"},
		{"user_stacks_lost", "user stacks with a frame that nothing describes"},
		{"user_stacks_whole", "user stacks unwound to their end"},
		{"witness_both", "frees seen by both witnesses"},
		{"witness_kprobe_only", "frees seen by the kprobe only"},
		{"witness_tracepoint_only", "frees seen by the tracepoint only"},
	};

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (!strcmp(meanings[i].key, key))
			return meanings[i].meaning;
	return "";
}

static void write_counters(const struct html *html)
{
	static const char *const heads[] = {"Counter", "#Value", "What it counts", NULL};
	const struct model *model = html->model;

	if (!model->counter_count)
		return;
	html_table(html->out, "counters", "The recorder's counters.", heads);
	for (uint32_t i = 0; i < model->counter_count && i < LIST_MAX; i++) {
		fputs("<tr><th scope=\"row\"><code>", html->out);
		escape_html(html->out, model->counters[i].key, HTML_NAME_MAX);
		fputs("</code></th>", html->out);
		html_number_cell(html->out, number_count(model->counters[i].value).text);
		html_element(html->out, "td", NULL, counter_meaning(model->counters[i].key));
		fputs("</tr>\n", html->out);
	}
	html_table_end(html->out);
}

static void write_objects(const struct html *html)
{
	static const char *const heads[] = {"Code of", "Names from", "#Places", "What to do for more", NULL};
	const struct model *model = html->model;

	if (!model->object_count)
		return;
	html_table(html->out, "objects",
		   "What the names of functions come from. dwarf: functions, those inlined into them, files and lines. symtab: symbols of "
		   "the file. kallsyms: what the kernel called them.",
		   heads);
	for (uint32_t i = 0; i < model->object_count && i < LIST_MAX; i++) {
		const struct model_object *object = &model->objects[i];
		const char *advice = symbol_advice(html->arena, model, object);

		fputs("<tr><th scope=\"row\"><code>", html->out);
		escape_html(html->out, symbol_object_label(object), HTML_NAME_MAX);
		fputs("</code></th>", html->out);
		html_element(html->out, "td", NULL, symbol_source_name(object->source));
		html_number_cell(html->out, number_count(object->frames).text);
		fputs("<td class=\"long\">", html->out);
		html_text(html->out, object->problem);
		if (*advice) {
			fputs(*object->problem ? "<br><code>" : "<code>", html->out);
			html_text(html->out, advice);
			fputs("</code>", html->out);
		}
		fputs("</td></tr>\n", html->out);
	}
	html_table_end(html->out);
	if (model->object_count > LIST_MAX)
		fprintf(html->out, "<p class=\"note\">Not shown: %u more files.</p>\n", model->object_count - LIST_MAX);
}

void html_capture(const struct html *html)
{
	html_section(html->out, "capture", "How it was captured");
	write_losses(html);
	write_objects(html);
	fputs("<details><summary>Probes and counters</summary>\n", html->out);
	write_probes(html);
	write_counters(html);
	fputs("</details>\n", html->out);
}

static const char *fact_name(const char *key)
{
	static const struct {
		const char *key, *name;
	} names[] = {
		{"caches.requested", "Caches asked for"},
		{"clock", "Clock"},
		{"cpus", "CPUs"},
		{"free_stacks", "Stacks of frees"},
		{"filter.cpus", "Only these CPUs"},
		{"filter.pid", "Only this process"},
		{"filter.tid", "Only this thread"},
		{"filter.cgroup", "Only this cgroup"},
		{"kernel.build_id", "Kernel build id"},
		{"kernel.machine", "Machine"},
		{"kernel.release", "Kernel"},
		{"kernel.taint", "Taint"},
		{"kernel.version", "Kernel version"},
		{"numa_nodes", "NUMA nodes"},
		{"os.id", "Distribution"},
		{"os.version_id", "Its version"},
		{"recorder.command", "Recorded by"},
		{"recorder.version", "Recorder"},
		{"source", "Source"},
		{"source.why", "Why this source"},
		{"start.realtime_ns", "Started"},
		{"stop.reason", "Ended by"},
		{"user_stack", "User stacks"},
		{"workload.command", "Command"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].key, key))
			return names[i].name;
	return key;
}

/* A time as a date; everything else as it is. */
static const char *fact_value(const struct html *html, const struct model_fact *fact)
{
	char date[40];
	char *end;
	unsigned long long time_ns = strtoull(fact->value, &end, 10);
	time_t seconds = (time_t)(time_ns / 1000000000u);
	struct tm tm;

	if (strcmp(fact->key, "start.realtime_ns") || *end || !gmtime_r(&seconds, &tm))
		return *fact->value ? fact->value : "-";
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm);
	return arena_text(html->arena, date);
}

void html_environment(const struct html *html)
{
	const struct model *model = html->model;

	if (!model->fact_count)
		return;
	html_section(html->out, "environment", "Machine and command");
	fputs("<dl class=\"terms\">\n", html->out);
	for (uint32_t i = 0; i < model->fact_count && i < LIST_MAX; i++) {
		html_element(html->out, "dt", NULL, fact_name(model->facts[i].key));
		html_element(html->out, "dd", NULL, fact_value(html, &model->facts[i]));
	}
	fputs("</dl>\n", html->out);
}
