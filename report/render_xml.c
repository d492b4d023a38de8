/*
 * The complete model, streamed by libxml2's writer: flat tables that refer to each other by number
 * (templates/slabrec.rng, slabrec.xsd). libxml2 trusts its input, so every string passes escape_xml() first.
 */
#include "report/render.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <libxml/xmlwriter.h>

#include "report/content_text.h"
#include "report/escape.h"
#include "report/number.h"
#include "report/survival.h"
#include "report/symbol_advice.h"
#include "report/verdict.h"

#define NAMESPACE "urn:slabrec:report:1"
#define TEXT_MAX 4096u /* characters of one string: a hostile name may be used a million times */

struct xml {
	xmlTextWriterPtr writer;
	const struct model *model;
	struct buffer text; /* the string being written */
	struct arena arena; /* sentences */
	bool failed;
};

static void open_element(struct xml *xml, const char *name)
{
	xml->failed |= xmlTextWriterStartElement(xml->writer, BAD_CAST name) < 0;
}

static void close_element(struct xml *xml)
{
	xml->failed |= xmlTextWriterEndElement(xml->writer) < 0;
}

static const xmlChar *escaped(struct xml *xml, const char *text)
{
	buffer_clear(&xml->text);
	escape_xml(&xml->text, text, TEXT_MAX);
	xml->failed |= xml->text.failed;
	return xml->text.failed ? BAD_CAST "" : xml->text.bytes;
}

static void put_text(struct xml *xml, const char *name, const char *value)
{
	xml->failed |= xmlTextWriterWriteAttribute(xml->writer, BAD_CAST name, escaped(xml, value)) < 0;
}

/* Left out where it is empty. */
static void put_known(struct xml *xml, const char *name, const char *value)
{
	if (*value)
		put_text(xml, name, value);
}

static void put_count(struct xml *xml, const char *name, uint64_t value)
{
	xml->failed |= xmlTextWriterWriteFormatAttribute(xml->writer, BAD_CAST name, "%" PRIu64, value) < 0;
}

static void put_real(struct xml *xml, const char *name, double value)
{
	xml->failed |= xmlTextWriterWriteFormatAttribute(xml->writer, BAD_CAST name, "%.6g", value) < 0;
}

static void put_change(struct xml *xml, const char *name, int64_t value)
{
	xml->failed |= xmlTextWriterWriteFormatAttribute(xml->writer, BAD_CAST name, "%" PRId64, value) < 0;
}

static const char *phase_name(enum trace_census_phase phase)
{
	return phase == TRACE_CENSUS_START ? "start" : phase == TRACE_CENSUS_END ? "end" : "interval";
}

static void put_recording(struct xml *xml)
{
	static const char *const endings[] = {
		[TRACE_ENDING_COMPLETE] = "complete", [TRACE_ENDING_CUT] = "cut", [TRACE_ENDING_DAMAGED] = "damaged"};
	const struct model *model = xml->model;

	open_element(xml, "recording");
	put_text(xml, "trace", endings[model->integrity.ending]);
	put_count(xml, "good-bytes", model->integrity.good_bytes);
	put_count(xml, "duration-ns", model->duration_ns);
	put_count(xml, "cpus", model->cpus);
	put_count(xml, "events", model->events);
	put_count(xml, "allocs", model->allocs);
	put_count(xml, "frees", model->frees);
	put_count(xml, "frees-implied", model->frees_implied);
	put_count(xml, "live", model->live);
	put_count(xml, "live-at-least", model->live_at_least);
	put_count(xml, "live-bytes", model->live_bytes);
	close_element(xml);
}

static void put_integrity(struct xml *xml)
{
	const struct model_integrity *integrity = &xml->model->integrity;

	open_element(xml, "integrity");
	put_count(xml, "lost-allocs", integrity->lost_allocs);
	put_count(xml, "lost-frees", integrity->lost_frees);
	put_count(xml, "lost-tasks", integrity->lost_tasks);
	put_count(xml, "missed-at-most", number_add(integrity->missed_allocs, integrity->missed_frees));
	put_count(xml, "cpus-unseen", integrity->cpus_unseen);
	put_count(xml, "cpus-unseen-ns", integrity->cpus_unseen_ns);
	put_count(xml, "unaccounted", integrity->unaccounted);
	put_count(xml, "freed-at-most", integrity->freed_at_most);
	put_count(xml, "frees-implied", integrity->frees_implied);
	put_count(xml, "frees-older", integrity->frees_older);
	put_count(xml, "frees-unknown", integrity->frees_unknown);
	put_count(xml, "frees-unmatched", integrity->frees_unmatched);
	put_count(xml, "out-of-order", integrity->out_of_order);
	put_count(xml, "times-before", integrity->times_before);
	put_count(xml, "stacks-cut", integrity->stacks_cut);
	put_count(xml, "stacks-unsure", integrity->stacks_unsure);
	put_count(xml, "stacks-hidden", integrity->stacks_hidden);
	put_count(xml, "half-seen", integrity->half_seen);
	put_count(xml, "bulk-allocs-unseen", integrity->bulk_allocs_unseen);
	put_count(xml, "redacted-addresses", integrity->redacted_addresses);
	close_element(xml);
}

static void put_facts(struct xml *xml)
{
	const struct model *model = xml->model;

	open_element(xml, "facts");
	for (uint32_t i = 0; i < model->fact_count; i++) {
		open_element(xml, "fact");
		put_text(xml, "key", model->facts[i].key);
		put_text(xml, "value", model->facts[i].value);
		close_element(xml);
	}
	close_element(xml);
	open_element(xml, "counters");
	for (uint32_t i = 0; i < model->counter_count; i++) {
		open_element(xml, "counter");
		put_text(xml, "key", model->counters[i].key);
		put_count(xml, "value", model->counters[i].value);
		close_element(xml);
	}
	close_element(xml);
	open_element(xml, "notes");
	for (uint32_t i = 0; i < model->note_count; i++) {
		open_element(xml, "note");
		put_text(xml, "text", model->notes[i]);
		close_element(xml);
	}
	close_element(xml);
}

static void put_probe(struct xml *xml, const struct model_probe *probe)
{
	open_element(xml, "probe");
	put_text(xml, "event", probe->event);
	put_text(xml, "function", probe->function);
	put_text(xml, "role", probe->role);
	put_known(xml, "definition", probe->definition);
	put_known(xml, "filter", probe->filter);
	put_count(xml, "hits", probe->hits);
	if (probe->has_misses)
		put_count(xml, "misses", probe->misses);
	if (probe->has_fault_misses)
		put_text(xml, "misses-with-faults", "true");
	if (probe->has_lost)
		put_count(xml, "lost", probe->lost);
	close_element(xml);
}

static void put_capture(struct xml *xml)
{
	static const char *const rings[] = {
		[TRACE_RING_ALLOC] = "allocations", [TRACE_RING_FREE] = "frees", [TRACE_RING_TASK] = "tasks"};
	const struct model *model = xml->model;

	open_element(xml, "probes");
	for (uint32_t i = 0; i < model->probe_count; i++)
		put_probe(xml, &model->probes[i]);
	close_element(xml);
	open_element(xml, "losses");
	for (uint32_t i = 0; i < model->loss_count; i++) {
		open_element(xml, "loss");
		put_count(xml, "cpu", model->losses[i].cpu);
		put_text(xml, "ring", rings[model->losses[i].ring]);
		put_count(xml, "lost", model->losses[i].lost);
		close_element(xml);
	}
	close_element(xml);
}

static void put_balance(struct xml *xml, const struct model_reconciliation *balance, enum model_growth growth)
{
	static const char *const growths[] = {
		[MODEL_GROWTH_UNKNOWN] = "unknown", [MODEL_GROWTH_NONE] = "none", [MODEL_GROWS] = "grows"};
	static const char *const states[] = {
		[MODEL_RECONCILED] = "explained",	   [MODEL_UNEXPLAINED] = "unexplained",
		[MODEL_RECONCILED_OLDER] = "possible",	   [MODEL_RECONCILE_FILTERED] = "filtered",
		[MODEL_RECONCILE_NO_CENSUS] = "no-census",
	};

	open_element(xml, "reconciliation");
	put_text(xml, "state", states[balance->state]);
	put_change(xml, "grown-events", balance->grown_events);
	if (balance->state <= MODEL_RECONCILED_OLDER)
		put_change(xml, "grown-kernel", balance->grown_census);
	put_count(xml, "tolerance", balance->tolerance);
	put_text(xml, "growth", growths[growth]);
	close_element(xml);
}

/* Numbers in one attribute, separated by blanks. */
static void put_list(struct xml *xml, const char *name, const uint64_t *values, uint32_t count)
{
	char number[24];

	buffer_clear(&xml->text);
	for (uint32_t i = 0; i < count; i++)
		buffer_add(&xml->text, number,
			   (size_t)snprintf(number, sizeof(number), i ? " %" PRIu64 : "%" PRIu64, values[i]));
	buffer_add_u8(&xml->text, 0);
	xml->failed |= xml->text.failed || xmlTextWriterWriteAttribute(xml->writer, BAD_CAST name, xml->text.bytes) < 0;
}

static void put_timeline(struct xml *xml, const struct timeline *timeline, const struct history *history)
{
	uint32_t count = TIMELINE_BUCKETS;

	if (!timeline)
		return;
	while (count > 1 && !timeline->allocs[count - 1] && !timeline->frees[count - 1])
		count--;
	open_element(xml, "timeline");
	put_count(xml, "bucket-ns", 1ull << timeline->shift);
	put_list(xml, "allocs", timeline->allocs, count);
	put_list(xml, "frees", timeline->frees, count);
	if (history) {
		uint64_t survivors[TIMELINE_BUCKETS];

		history_survivors(history, survivors);
		put_list(xml, "survivors", survivors, count);
	}
	close_element(xml);
}

static void put_cache(struct xml *xml, const struct model_cache *cache, uint32_t id)
{
	open_element(xml, "cache");
	put_count(xml, "id", id);
	put_text(xml, "name", cache->name);
	put_known(xml, "requested", cache->requested);
	put_known(xml, "aliases", cache->aliases);
	put_count(xml, "object-size-bytes", cache->object_size_bytes);
	put_count(xml, "slab-size-bytes", cache->slab_size_bytes);
	put_count(xml, "objects-per-slab", cache->objects_per_slab);
	put_count(xml, "order", cache->order);
	put_count(xml, "align-bytes", cache->align_bytes);
	put_count(xml, "percpu-objects", cache->percpu_objects);
	put_count(xml, "allocs", cache->allocs);
	put_count(xml, "frees", cache->frees);
	put_count(xml, "frees-implied", cache->frees_implied);
	put_count(xml, "frees-older", cache->frees_older);
	put_count(xml, "pending-rcu", cache->pending_rcu);
	if (xml->model->has_reclaim) {
		put_count(xml, "reclaimed", cache->reclaimed);
		put_count(xml, "reclaimed-older", cache->reclaimed_older);
	}
	put_count(xml, "live", cache->live);
	put_count(xml, "live-bytes", cache->live_bytes);
	put_balance(xml, &cache->reconciliation, cache->growth);
	put_timeline(xml, cache->timeline, NULL);
	close_element(xml);
}

static void put_census(struct xml *xml)
{
	const struct model *model = xml->model;

	open_element(xml, "census");
	for (uint32_t i = 0; i < model->census_count; i++) {
		open_element(xml, "objects");
		put_count(xml, "cache", model->census[i].cache + 1);
		put_text(xml, "phase", phase_name(model->census[i].phase));
		put_count(xml, "time-ns", model->census[i].time_ns);
		put_count(xml, "active", model->census[i].active_objects);
		put_count(xml, "total", model->census[i].total_objects);
		put_count(xml, "slabs", model->census[i].slabs);
		close_element(xml);
	}
	for (uint32_t i = 0; i < model->meminfo_count; i++) {
		open_element(xml, "memory");
		put_text(xml, "phase", phase_name(model->meminfo[i].phase));
		put_count(xml, "time-ns", model->meminfo[i].time_ns);
		put_count(xml, "reclaimable-bytes", model->meminfo[i].reclaimable_bytes);
		put_count(xml, "unreclaimable-bytes", model->meminfo[i].unreclaimable_bytes);
		close_element(xml);
	}
	close_element(xml);
}

static void put_frame(struct xml *xml, const struct model_frame *frame, uint32_t id)
{
	open_element(xml, "frame");
	put_count(xml, "id", id);
	put_text(xml, "kind", frame->is_user ? "user" : "kernel");
	put_known(xml, "function", frame->function);
	if (*frame->function)
		put_count(xml, "offset-bytes", frame->offset_bytes);
	if (frame->is_user) {
		put_known(xml, "file", frame->path);
		put_known(xml, "build-id", frame->build_id);
	} else {
		put_known(xml, "module", frame->module);
	}
	if (*frame->module)
		put_count(xml, "module-offset-bytes", frame->module_offset);
	put_known(xml, "source", frame->source_file);
	if (*frame->source_file)
		put_count(xml, "line", frame->line);
	if (frame->is_inlined)
		put_text(xml, "inlined", "true");
	close_element(xml);
}

static void put_object(struct xml *xml, const struct model_object *object, struct arena *arena)
{
	open_element(xml, "object");
	put_text(xml, "kind", symbol_object_kind_name(object->kind));
	put_known(xml, "name", object->name);
	put_known(xml, "build-id", object->build_id);
	put_text(xml, "names", symbol_source_name(object->source));
	put_count(xml, "frames", object->frames);
	put_known(xml, "problem", object->problem);
	put_known(xml, "install", symbol_advice(arena, xml->model, object));
	close_element(xml);
}

static void put_objects(struct xml *xml)
{
	struct arena arena = {0};

	open_element(xml, "symbols");
	for (uint32_t i = 0; i < xml->model->object_count; i++)
		put_object(xml, &xml->model->objects[i], &arena);
	close_element(xml);
	xml->failed |= arena.failed;
	arena_release(&arena);
}

static void put_stacks(struct xml *xml)
{
	const struct model *model = xml->model;

	open_element(xml, "frames");
	for (uint32_t i = 0; i < model->frame_count; i++)
		put_frame(xml, &model->frames[i], i + 1);
	close_element(xml);
	open_element(xml, "stacks");
	for (uint32_t i = 1; i < model->node_count; i++) {
		open_element(xml, "node");
		put_count(xml, "id", i);
		put_count(xml, "parent", model->nodes[i].parent);
		put_count(xml, "frame", model->nodes[i].frame + 1);
		close_element(xml);
	}
	close_element(xml);
}

static void put_ages(struct xml *xml, const char *of, const struct history_ages *from)
{
	struct ages whole = history_ages(from), *ages = &whole;

	if (!ages->count)
		return;
	open_element(xml, "ages");
	put_text(xml, "of", of);
	put_count(xml, "count", ages->count);
	put_count(xml, "min-ns", ages->min_ns);
	put_count(xml, "mean-ns", ages_mean_ns(ages));
	put_count(xml, "max-ns", ages->max_ns);
	for (uint32_t i = 0; i < AGES_BUCKETS; i++) {
		if (!ages->buckets[i])
			continue;
		open_element(xml, "age");
		put_count(xml, "from-ns", ages_bucket_from_ns(i));
		put_count(xml, "count", ages->buckets[i]);
		close_element(xml);
	}
	close_element(xml);
}

/* Elements cpu have the CPU as number and its NUMA node, if it is known; others the node as number. */
static void put_places(struct xml *xml, const char *name, const struct model_place *places, uint32_t count)
{
	bool is_cpu = !strcmp(name, "cpu");

	for (uint32_t i = 0; i < count; i++) {
		open_element(xml, name);
		put_change(xml, "number", is_cpu ? (int64_t)places[i].cpu : places[i].node);
		if (is_cpu && places[i].node >= 0)
			put_change(xml, "numa-node", places[i].node);
		put_count(xml, "allocs", places[i].allocs);
		close_element(xml);
	}
}

static void put_people(struct xml *xml, const struct model_site *site)
{
	for (uint32_t i = 0; i < site->task_count; i++) {
		open_element(xml, "task");
		put_text(xml, "comm", site->tasks[i].comm);
		put_count(xml, "processes", site->tasks[i].processes);
		put_change(xml, "pid", site->tasks[i].pid);
		put_count(xml, "allocs", site->tasks[i].allocs);
		put_count(xml, "live", site->tasks[i].live);
		close_element(xml);
	}
	for (uint32_t i = 0; i < site->cgroup_count; i++) {
		open_element(xml, "cgroup");
		put_text(xml, "path", site->cgroups[i].path);
		put_count(xml, "allocs", site->cgroups[i].allocs);
		put_count(xml, "live", site->cgroups[i].live);
		close_element(xml);
	}
	put_places(xml, "cpu", site->cpus, site->cpu_count);
	put_places(xml, "numa-node", site->nodes, site->node_count);
	put_places(xml, "numa-node-asked", site->nodes_asked, site->nodes_asked_count);
	for (uint32_t i = 0; i < site->freed_by_count; i++) {
		open_element(xml, "freed-by");
		put_text(xml, "function", site->freed_by[i].name);
		put_count(xml, "node", site->freed_by[i].node);
		put_count(xml, "frees", site->freed_by[i].frees);
		close_element(xml);
	}
}

/* Shares that reach an age, from 1 on, to the first age that none was seen to be freed at or beyond. */
static void put_survival(struct xml *xml, const struct model_site *site)
{
	struct ages freed = history_ages(site->freed_ages), live = history_ages(site->live_ages);
	struct survival lives = survival(&freed, &live);
	double last = lives.alive[AGES_BUCKETS];

	if (!site->freed_ages->count)
		return;
	open_element(xml, "survival");
	for (uint32_t i = 0; i <= AGES_BUCKETS; i++) {
		if (i && lives.alive[i] >= lives.alive[i - 1])
			continue;
		open_element(xml, "reached");
		put_count(xml, "age-ns", i < AGES_BUCKETS ? ages_bucket_from_ns(i) : 2 * ages_bucket_from_ns(AGES_BUCKETS - 1));
		put_real(xml, "share", lives.alive[i]);
		close_element(xml);
		if (lives.alive[i] <= last)
			break;
	}
	close_element(xml);
}

/* has_evidence: a page keeps it of the first sites only. */
static void put_suspect(struct xml *xml, const struct model_site *site, bool has_evidence)
{
	const struct suspect *suspect = &site->suspect;

	open_element(xml, "suspect");
	put_text(xml, "class", suspect_class_name(suspect->class));
	put_text(xml, "confidence", suspect_confidence_name(suspect->confidence));
	if (suspect->others)
		put_count(xml, "others", suspect->others);
	if (suspect->is_variant)
		put_text(xml, "variant", "true");
	if (!has_evidence) {
		close_element(xml);
		return;
	}
	put_known(xml, "limit", suspect->limit);
	put_real(xml, "score", suspect->score);
	put_real(xml, "rate", suspect->rate);
	put_real(xml, "low-rate", suspect->low_rate);
	put_real(xml, "evenness", suspect->evenness);
	put_real(xml, "dies-old", suspect->dies_old);
	put_real(xml, "orphans", suspect->orphans);
	put_real(xml, "slope", suspect->slope.slope);
	put_real(xml, "slope-low", suspect->slope.low);
	put_real(xml, "slope-high", suspect->slope.high);
	put_count(xml, "tau-ns", suspect->tau_ns);
	put_count(xml, "p95-ns", suspect->p95_ns);
	put_count(xml, "need-ns", suspect->need_ns);
	put_count(xml, "old-live", suspect->old_live);
	put_count(xml, "old-born", suspect->old_born);
	put_count(xml, "old-orphans", suspect->old_orphans);
	put_count(xml, "first-third", suspect->first_third);
	put_count(xml, "last-third", suspect->last_third);
	put_text(xml, "why", verdict_why(&xml->arena, site));
	close_element(xml);
}

static void put_verdict(struct xml *xml)
{
	const struct model *model = xml->model;

	open_element(xml, "verdict");
	put_text(xml, "rules", SUSPECT_RULES);
	put_count(xml, "suspects", model->suspect_count);
	put_known(xml, "unreliable", model->unreliable);
	put_text(xml, "text", verdict_leak(&xml->arena, model));
	close_element(xml);
}

static void put_redaction(struct xml *xml)
{
	const struct redaction *redaction = &xml->model->redaction;

	open_element(xml, "redaction");
	put_text(xml, "level", redaction_level_name(redaction->level));
	for (uint32_t i = 0; i < REDACTED_COUNT; i++) {
		if (!redaction->counts[i])
			continue;
		open_element(xml, "redacted");
		put_text(xml, "what", redaction_what_name(i));
		put_count(xml, "count", redaction->counts[i]);
		close_element(xml);
	}
	close_element(xml);
}

static void put_contents(struct xml *xml, const struct model_site *site)
{
	struct arena arena = {0};

	if (!site->content_count)
		return;
	open_element(xml, "contents");
	put_count(xml, "common-bytes", content_common_bytes(site));
	for (uint32_t i = 0; i < site->content_count; i++) {
		const struct model_content *content = &site->contents[i];

		open_element(xml, "content");
		put_text(xml, "hex", content_hex(&arena, content));
		put_text(xml, "text", content_characters(&arena, content->bytes, content->size_bytes));
		close_element(xml);
	}
	close_element(xml);
	xml->failed |= arena.failed;
	arena_release(&arena);
}

static void put_site(struct xml *xml, const struct model_site *site)
{
	open_element(xml, "site");
	put_text(xml, "name", site->name);
	put_known(xml, "caller", site->caller);
	put_count(xml, "cache", site->cache + 1);
	put_count(xml, "node", site->node);
	put_count(xml, "allocs", site->allocs);
	put_count(xml, "frees", site->frees);
	put_count(xml, "frees-implied", site->frees_implied);
	put_count(xml, "pending-rcu", site->pending_rcu);
	if (xml->model->has_reclaim)
		put_count(xml, "reclaimed", site->reclaimed);
	put_count(xml, "live", site->live);
	put_count(xml, "live-at-least", site->live_at_least);
	put_count(xml, "live-bytes", site->live_bytes);
	put_count(xml, "bytes-req", site->bytes_req);
	put_count(xml, "allocs-sized", site->allocs_sized);
	put_count(xml, "live-bytes-req", site->live_bytes_req);
	put_count(xml, "live-sized", site->live_sized);
	put_count(xml, "task-names", site->task_names);
	put_count(xml, "frees-with-stack", site->frees_with_stack);
	put_suspect(xml, site, site < xml->model->sites + xml->model->sites_detailed);
	put_ages(xml, "live", site->live_ages);
	put_ages(xml, "freed", site->freed_ages);
	struct timeline timeline = history_timeline(site->history);
	put_timeline(xml, &timeline, site->live ? site->history : NULL);
	put_survival(xml, site);
	put_people(xml, site);
	put_contents(xml, site);
	close_element(xml);
}

static void put_report(struct xml *xml)
{
	const struct model *model = xml->model;

	open_element(xml, "report");
	put_text(xml, "xmlns", NAMESPACE);
	put_text(xml, "version", "1");
	put_text(xml, "generator", "slabreport " SLABREC_VERSION);
	put_recording(xml);
	put_verdict(xml);
	put_integrity(xml);
	put_redaction(xml);
	put_facts(xml);
	put_capture(xml);
	open_element(xml, "caches");
	for (uint32_t i = 0; i < model->cache_count; i++)
		put_cache(xml, &model->caches[i], i + 1);
	close_element(xml);
	put_census(xml);
	put_objects(xml);
	put_stacks(xml);
	open_element(xml, "sites");
	if (model->sites_detailed < model->site_count)
		put_count(xml, "detailed", model->sites_detailed);
	for (uint32_t i = 0; i < model->site_count; i++)
		put_site(xml, &model->sites[i]);
	close_element(xml);
	close_element(xml);
}

static int write_stream(void *context, const char *bytes, int size_bytes)
{
	return fwrite(bytes, 1, (size_t)size_bytes, context) == (size_t)size_bytes ? size_bytes : -1;
}

int render_xml(const struct model *model, FILE *out, struct error *err)
{
	struct xml xml = {.model = model};
	xmlOutputBufferPtr buffer = xmlOutputBufferCreateIO(write_stream, NULL, out, NULL);

	/* The writer takes the buffer over. */
	xml.writer = buffer ? xmlNewTextWriter(buffer) : NULL;
	if (!xml.writer) {
		if (buffer)
			xmlOutputBufferClose(buffer);
		return error_set(err, -ENOMEM, "not enough memory for the XML");
	}
	xml.failed = xmlTextWriterSetIndent(xml.writer, 1) < 0 ||
		     xmlTextWriterSetIndentString(xml.writer, BAD_CAST " ") < 0 ||
		     xmlTextWriterStartDocument(xml.writer, NULL, "US-ASCII", NULL) < 0;
	put_report(&xml);
	xml.failed |= xmlTextWriterEndDocument(xml.writer) < 0;
	xmlFreeTextWriter(xml.writer);
	buffer_release(&xml.text);
	xml.failed |= xml.arena.failed;
	arena_release(&xml.arena);
	return xml.failed ? error_set(err, -EIO, "writing the XML failed: out of memory or disk space") : 0;
}
