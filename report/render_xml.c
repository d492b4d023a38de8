/*
 * The complete model, as a stream: flat tables that refer to each other by number (templates/slabrec.rng, slabrec.xsd).
 */
#include "report/render.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "report/content_text.h"
#include "report/escape.h"
#include "report/gzip.h"
#include "report/number.h"
#include "report/pack.h"
#include "report/survival.h"
#include "report/symbol_advice.h"
#include "report/verdict.h"
#include "report/xml_writer.h"
#include "trace/cleanup.h"

struct xml {
	struct xml_writer to;
	const struct model *model;
	struct arena arena; /* sentences */
};

static const char *phase_name(enum trace_census_phase phase)
{
	return phase == TRACE_CENSUS_START ? "start" : phase == TRACE_CENSUS_END ? "end" : "interval";
}

static void put_recording(struct xml *xml)
{
	static const char *const endings[] = {
		[TRACE_ENDING_COMPLETE] = "complete", [TRACE_ENDING_CUT] = "cut", [TRACE_ENDING_DAMAGED] = "damaged"};
	const struct model *model = xml->model;

	xml_open(&xml->to, "recording");
	xml_text(&xml->to, "trace", endings[model->integrity.ending]);
	xml_count(&xml->to, "good-bytes", model->integrity.good_bytes);
	xml_count(&xml->to, "duration-ns", model->duration_ns);
	xml_count(&xml->to, "cpus", model->cpus);
	xml_count(&xml->to, "events", model->events);
	xml_count(&xml->to, "allocs", model->allocs);
	xml_count(&xml->to, "frees", model->frees);
	xml_count(&xml->to, "frees-implied", model->frees_implied);
	xml_count(&xml->to, "live", model->live);
	xml_count(&xml->to, "live-at-least", model->live_at_least);
	xml_count(&xml->to, "live-bytes", model->live_bytes);
	xml_close(&xml->to);
}

static void put_integrity(struct xml *xml)
{
	const struct model_integrity *integrity = &xml->model->integrity;

	xml_open(&xml->to, "integrity");
	xml_count(&xml->to, "lost-allocs", integrity->lost_allocs);
	xml_count(&xml->to, "lost-frees", integrity->lost_frees);
	xml_count(&xml->to, "lost-tasks", integrity->lost_tasks);
	xml_count(&xml->to, "missed-at-most", number_add(integrity->missed_allocs, integrity->missed_frees));
	xml_count(&xml->to, "cpus-unseen", integrity->cpus_unseen);
	xml_count(&xml->to, "cpus-unseen-ns", integrity->cpus_unseen_ns);
	xml_count(&xml->to, "unaccounted", integrity->unaccounted);
	xml_count(&xml->to, "freed-at-most", integrity->freed_at_most);
	xml_count(&xml->to, "frees-implied", integrity->frees_implied);
	xml_count(&xml->to, "frees-older", integrity->frees_older);
	xml_count(&xml->to, "frees-unknown", integrity->frees_unknown);
	xml_count(&xml->to, "frees-unmatched", integrity->frees_unmatched);
	xml_count(&xml->to, "out-of-order", integrity->out_of_order);
	xml_count(&xml->to, "times-before", integrity->times_before);
	xml_count(&xml->to, "stacks-cut", integrity->stacks_cut);
	xml_count(&xml->to, "stacks-unsure", integrity->stacks_unsure);
	xml_count(&xml->to, "stacks-hidden", integrity->stacks_hidden);
	xml_count(&xml->to, "half-seen", integrity->half_seen);
	xml_count(&xml->to, "bulk-allocs-unseen", integrity->bulk_allocs_unseen);
	xml_count(&xml->to, "redacted-addresses", integrity->redacted_addresses);
	xml_close(&xml->to);
}

static void put_facts(struct xml *xml)
{
	const struct model *model = xml->model;

	xml_open(&xml->to, "facts");
	for (uint32_t i = 0; i < model->fact_count; i++) {
		xml_open(&xml->to, "fact");
		xml_text(&xml->to, "key", model->facts[i].key);
		xml_text(&xml->to, "value", model->facts[i].value);
		xml_close(&xml->to);
	}
	xml_close(&xml->to);
	xml_open(&xml->to, "counters");
	for (uint32_t i = 0; i < model->counter_count; i++) {
		xml_open(&xml->to, "counter");
		xml_text(&xml->to, "key", model->counters[i].key);
		xml_count(&xml->to, "value", model->counters[i].value);
		xml_close(&xml->to);
	}
	xml_close(&xml->to);
	xml_open(&xml->to, "notes");
	for (uint32_t i = 0; i < model->note_count; i++) {
		xml_open(&xml->to, "note");
		xml_text(&xml->to, "text", model->notes[i]);
		xml_close(&xml->to);
	}
	xml_close(&xml->to);
}

static void put_probe(struct xml *xml, const struct model_probe *probe)
{
	xml_open(&xml->to, "probe");
	xml_text(&xml->to, "event", probe->event);
	xml_text(&xml->to, "function", probe->function);
	xml_text(&xml->to, "role", probe->role);
	xml_known(&xml->to, "definition", probe->definition);
	xml_known(&xml->to, "filter", probe->filter);
	xml_count(&xml->to, "hits", probe->hits);
	if (probe->has_misses)
		xml_count(&xml->to, "misses", probe->misses);
	if (probe->has_fault_misses)
		xml_text(&xml->to, "misses-with-faults", "true");
	if (probe->has_lost)
		xml_count(&xml->to, "lost", probe->lost);
	xml_close(&xml->to);
}

static void put_capture(struct xml *xml)
{
	static const char *const rings[] = {
		[TRACE_RING_ALLOC] = "allocations", [TRACE_RING_FREE] = "frees", [TRACE_RING_TASK] = "tasks"};
	const struct model *model = xml->model;

	xml_open(&xml->to, "probes");
	for (uint32_t i = 0; i < model->probe_count; i++)
		put_probe(xml, &model->probes[i]);
	xml_close(&xml->to);
	xml_open(&xml->to, "losses");
	for (uint32_t i = 0; i < model->loss_count; i++) {
		xml_open(&xml->to, "loss");
		xml_count(&xml->to, "cpu", model->losses[i].cpu);
		xml_text(&xml->to, "ring", rings[model->losses[i].ring]);
		xml_count(&xml->to, "lost", model->losses[i].lost);
		xml_close(&xml->to);
	}
	xml_close(&xml->to);
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

	xml_open(&xml->to, "reconciliation");
	xml_text(&xml->to, "state", states[balance->state]);
	xml_change(&xml->to, "grown-events", balance->grown_events);
	if (balance->state <= MODEL_RECONCILED_OLDER)
		xml_change(&xml->to, "grown-kernel", balance->grown_census);
	xml_count(&xml->to, "tolerance", balance->tolerance);
	xml_text(&xml->to, "growth", growths[growth]);
	xml_close(&xml->to);
}

static void put_timeline(struct xml *xml, const struct timeline *timeline, const struct history *history)
{
	uint32_t count = TIMELINE_BUCKETS;

	if (!timeline)
		return;
	while (count > 1 && !timeline->allocs[count - 1] && !timeline->frees[count - 1])
		count--;
	xml_open(&xml->to, "timeline");
	xml_count(&xml->to, "bucket-ns", 1ull << timeline->shift);
	xml_list(&xml->to, "allocs", timeline->allocs, count);
	xml_list(&xml->to, "frees", timeline->frees, count);
	if (history) {
		uint64_t survivors[TIMELINE_BUCKETS];

		history_survivors(history, survivors);
		xml_list(&xml->to, "survivors", survivors, count);
	}
	xml_close(&xml->to);
}

static void put_cache(struct xml *xml, const struct model_cache *cache, uint32_t id)
{
	xml_open(&xml->to, "cache");
	xml_count(&xml->to, "id", id);
	xml_text(&xml->to, "name", cache->name);
	xml_known(&xml->to, "requested", cache->requested);
	xml_known(&xml->to, "aliases", cache->aliases);
	xml_count(&xml->to, "object-size-bytes", cache->object_size_bytes);
	xml_count(&xml->to, "slab-size-bytes", cache->slab_size_bytes);
	xml_count(&xml->to, "objects-per-slab", cache->objects_per_slab);
	xml_count(&xml->to, "order", cache->order);
	xml_count(&xml->to, "align-bytes", cache->align_bytes);
	xml_count(&xml->to, "percpu-objects", cache->percpu_objects);
	xml_count(&xml->to, "allocs", cache->allocs);
	xml_count(&xml->to, "frees", cache->frees);
	xml_count(&xml->to, "frees-implied", cache->frees_implied);
	xml_count(&xml->to, "frees-older", cache->frees_older);
	xml_count(&xml->to, "pending-rcu", cache->pending_rcu);
	if (xml->model->has_reclaim) {
		xml_count(&xml->to, "reclaimed", cache->reclaimed);
		xml_count(&xml->to, "reclaimed-older", cache->reclaimed_older);
	}
	xml_count(&xml->to, "live", cache->live);
	xml_count(&xml->to, "live-bytes", cache->live_bytes);
	put_balance(xml, &cache->reconciliation, cache->growth);
	put_timeline(xml, cache->timeline, NULL);
	xml_close(&xml->to);
}

static void put_census(struct xml *xml)
{
	const struct model *model = xml->model;

	xml_open(&xml->to, "census");
	for (uint32_t i = 0; i < model->census_count; i++) {
		xml_open(&xml->to, "objects");
		xml_count(&xml->to, "cache", model->census[i].cache + 1);
		xml_text(&xml->to, "phase", phase_name(model->census[i].phase));
		xml_count(&xml->to, "time-ns", model->census[i].time_ns);
		xml_count(&xml->to, "active", model->census[i].active_objects);
		xml_count(&xml->to, "total", model->census[i].total_objects);
		xml_count(&xml->to, "slabs", model->census[i].slabs);
		xml_close(&xml->to);
	}
	for (uint32_t i = 0; i < model->meminfo_count; i++) {
		xml_open(&xml->to, "memory");
		xml_text(&xml->to, "phase", phase_name(model->meminfo[i].phase));
		xml_count(&xml->to, "time-ns", model->meminfo[i].time_ns);
		xml_count(&xml->to, "reclaimable-bytes", model->meminfo[i].reclaimable_bytes);
		xml_count(&xml->to, "unreclaimable-bytes", model->meminfo[i].unreclaimable_bytes);
		xml_close(&xml->to);
	}
	xml_close(&xml->to);
}

static void put_frame(struct xml *xml, const struct model_frame *frame, uint32_t id)
{
	xml_open(&xml->to, "frame");
	xml_count(&xml->to, "id", id);
	xml_text(&xml->to, "kind", frame->is_user ? "user" : "kernel");
	xml_known(&xml->to, "function", frame->function);
	if (*frame->function)
		xml_count(&xml->to, "offset-bytes", frame->offset_bytes);
	if (frame->is_user) {
		xml_known(&xml->to, "file", frame->path);
		xml_known(&xml->to, "build-id", frame->build_id);
	} else {
		xml_known(&xml->to, "module", frame->module);
	}
	if (*frame->module)
		xml_count(&xml->to, "module-offset-bytes", frame->module_offset);
	xml_known(&xml->to, "source", frame->source_file);
	if (*frame->source_file)
		xml_count(&xml->to, "line", frame->line);
	if (frame->is_inlined)
		xml_text(&xml->to, "inlined", "true");
	xml_close(&xml->to);
}

static void put_object(struct xml *xml, const struct model_object *object, struct arena *arena)
{
	xml_open(&xml->to, "object");
	xml_text(&xml->to, "kind", symbol_object_kind_name(object->kind));
	xml_known(&xml->to, "name", object->name);
	xml_known(&xml->to, "build-id", object->build_id);
	xml_text(&xml->to, "names", symbol_source_name(object->source));
	xml_count(&xml->to, "frames", object->frames);
	xml_known(&xml->to, "problem", object->problem);
	xml_known(&xml->to, "install", symbol_advice(arena, xml->model, object));
	xml_close(&xml->to);
}

static void put_objects(struct xml *xml)
{
	struct arena arena = {0};

	xml_open(&xml->to, "symbols");
	for (uint32_t i = 0; i < xml->model->object_count; i++)
		put_object(xml, &xml->model->objects[i], &arena);
	xml_close(&xml->to);
	xml->to.failed |= arena.failed;
	arena_release(&arena);
}

static void put_stacks(struct xml *xml)
{
	const struct model *model = xml->model;

	xml_open(&xml->to, "frames");
	for (uint32_t i = 0; i < model->frame_count; i++)
		put_frame(xml, &model->frames[i], i + 1);
	xml_close(&xml->to);
	xml_open(&xml->to, "stacks");
	for (uint32_t i = 1; i < model->node_count; i++) {
		xml_open(&xml->to, "node");
		xml_count(&xml->to, "id", i);
		xml_count(&xml->to, "parent", model->nodes[i].parent);
		xml_count(&xml->to, "frame", model->nodes[i].frame + 1);
		xml_close(&xml->to);
	}
	xml_close(&xml->to);
}

static void put_ages(struct xml *xml, const char *of, const struct history_ages *from)
{
	struct ages whole = history_ages(from), *ages = &whole;

	if (!ages->count)
		return;
	xml_open(&xml->to, "ages");
	xml_text(&xml->to, "of", of);
	xml_count(&xml->to, "count", ages->count);
	xml_count(&xml->to, "min-ns", ages->min_ns);
	xml_count(&xml->to, "mean-ns", ages_mean_ns(ages));
	xml_count(&xml->to, "max-ns", ages->max_ns);
	for (uint32_t i = 0; i < AGES_BUCKETS; i++) {
		if (!ages->buckets[i])
			continue;
		xml_open(&xml->to, "age");
		xml_count(&xml->to, "from-ns", ages_bucket_from_ns(i));
		xml_count(&xml->to, "count", ages->buckets[i]);
		xml_close(&xml->to);
	}
	xml_close(&xml->to);
}

/* Elements cpu have the CPU as number and its NUMA node, if it is known; others the node as number. */
static void put_places(struct xml *xml, const char *name, const struct model_place *places, uint32_t count)
{
	bool is_cpu = !strcmp(name, "cpu");

	for (uint32_t i = 0; i < count; i++) {
		xml_open(&xml->to, name);
		xml_change(&xml->to, "number", is_cpu ? (int64_t)places[i].cpu : places[i].node);
		if (is_cpu && places[i].node >= 0)
			xml_change(&xml->to, "numa-node", places[i].node);
		xml_count(&xml->to, "allocs", places[i].allocs);
		xml_close(&xml->to);
	}
}

static void put_people(struct xml *xml, const struct model_site *site)
{
	for (uint32_t i = 0; i < site->task_count; i++) {
		xml_open(&xml->to, "task");
		xml_text(&xml->to, "comm", site->tasks[i].comm);
		xml_count(&xml->to, "processes", site->tasks[i].processes);
		xml_change(&xml->to, "pid", site->tasks[i].pid);
		xml_count(&xml->to, "allocs", site->tasks[i].allocs);
		xml_count(&xml->to, "live", site->tasks[i].live);
		xml_close(&xml->to);
	}
	for (uint32_t i = 0; i < site->cgroup_count; i++) {
		xml_open(&xml->to, "cgroup");
		xml_text(&xml->to, "path", site->cgroups[i].path);
		xml_count(&xml->to, "allocs", site->cgroups[i].allocs);
		xml_count(&xml->to, "live", site->cgroups[i].live);
		xml_close(&xml->to);
	}
	put_places(xml, "cpu", site->cpus, site->cpu_count);
	put_places(xml, "numa-node", site->nodes, site->node_count);
	put_places(xml, "numa-node-asked", site->nodes_asked, site->nodes_asked_count);
	for (uint32_t i = 0; i < site->freed_by_count; i++) {
		xml_open(&xml->to, "freed-by");
		xml_text(&xml->to, "function", site->freed_by[i].name);
		xml_count(&xml->to, "node", site->freed_by[i].node);
		xml_count(&xml->to, "frees", site->freed_by[i].frees);
		xml_close(&xml->to);
	}
}

/* Shares that reach an age, from 1 on, to the first age that none was seen to be freed at or beyond. */
static void put_survival(struct xml *xml, const struct model_site *site)
{
	struct ages freed = history_ages(&site->lives->freed_ages), live = history_ages(&site->lives->live_ages);
	struct survival lives = survival(&freed, &live);
	double last = lives.alive[AGES_BUCKETS];

	if (!site->lives->freed_ages.count)
		return;
	xml_open(&xml->to, "survival");
	for (uint32_t i = 0; i <= AGES_BUCKETS; i++) {
		if (i && lives.alive[i] >= lives.alive[i - 1])
			continue;
		xml_open(&xml->to, "reached");
		xml_count(&xml->to, "age-ns", i < AGES_BUCKETS ? ages_bucket_from_ns(i) : 2 * ages_bucket_from_ns(AGES_BUCKETS - 1));
		xml_real(&xml->to, "share", lives.alive[i]);
		xml_close(&xml->to);
		if (lives.alive[i] <= last)
			break;
	}
	xml_close(&xml->to);
}

/* has_evidence: a page keeps it of the first sites only. */
static void put_suspect(struct xml *xml, const struct model_site *site, bool has_evidence)
{
	const struct suspect *suspect = &site->suspect;

	xml_open(&xml->to, "suspect");
	xml_text(&xml->to, "class", suspect_class_name(suspect->class));
	xml_text(&xml->to, "confidence", suspect_confidence_name(suspect->confidence));
	if (suspect->others)
		xml_count(&xml->to, "others", suspect->others);
	if (suspect->is_variant)
		xml_text(&xml->to, "variant", "true");
	if (!has_evidence) {
		xml_close(&xml->to);
		return;
	}
	xml_known(&xml->to, "limit", suspect->limit);
	xml_real(&xml->to, "score", suspect->score);
	xml_real(&xml->to, "rate", suspect->rate);
	xml_real(&xml->to, "low-rate", suspect->low_rate);
	xml_real(&xml->to, "evenness", suspect->evenness);
	xml_real(&xml->to, "dies-old", suspect->dies_old);
	xml_real(&xml->to, "orphans", suspect->orphans);
	xml_real(&xml->to, "slope", suspect->slope.slope);
	xml_real(&xml->to, "slope-low", suspect->slope.low);
	xml_real(&xml->to, "slope-high", suspect->slope.high);
	xml_count(&xml->to, "tau-ns", suspect->tau_ns);
	xml_count(&xml->to, "p95-ns", suspect->p95_ns);
	xml_count(&xml->to, "need-ns", suspect->need_ns);
	xml_count(&xml->to, "old-live", suspect->old_live);
	xml_count(&xml->to, "old-born", suspect->old_born);
	xml_count(&xml->to, "old-orphans", suspect->old_orphans);
	xml_count(&xml->to, "first-third", suspect->first_third);
	xml_count(&xml->to, "last-third", suspect->last_third);
	xml_text(&xml->to, "why", verdict_why(&xml->arena, site));
	xml_close(&xml->to);
}

static void put_verdict(struct xml *xml)
{
	const struct model *model = xml->model;

	xml_open(&xml->to, "verdict");
	xml_text(&xml->to, "rules", SUSPECT_RULES);
	xml_count(&xml->to, "suspects", model->suspect_count);
	xml_known(&xml->to, "unreliable", model->unreliable);
	xml_text(&xml->to, "text", verdict_leak(&xml->arena, model));
	xml_close(&xml->to);
}

static void put_contents(struct xml *xml, const struct model_site *site)
{
	struct arena arena = {0};

	if (!site->content_count)
		return;
	xml_open(&xml->to, "contents");
	xml_count(&xml->to, "common-bytes", content_common_bytes(site));
	for (uint32_t i = 0; i < site->content_count; i++) {
		const struct model_content *content = &site->contents[i];

		xml_open(&xml->to, "content");
		xml_text(&xml->to, "hex", content_hex(&arena, content));
		xml_text(&xml->to, "text", content_characters(&arena, content->bytes, content->size_bytes));
		xml_close(&xml->to);
	}
	xml_close(&xml->to);
	xml->to.failed |= arena.failed;
	arena_release(&arena);
}

static void put_site(struct xml *xml, const struct model_site *site)
{
	xml_open(&xml->to, "site");
	xml_text(&xml->to, "name", site->name);
	xml_known(&xml->to, "caller", site->caller);
	xml_count(&xml->to, "cache", site->cache + 1);
	xml_count(&xml->to, "node", site->node);
	xml_count(&xml->to, "allocs", site->allocs);
	xml_count(&xml->to, "frees", site->frees);
	xml_count(&xml->to, "frees-implied", site->frees_implied);
	xml_count(&xml->to, "pending-rcu", site->pending_rcu);
	if (xml->model->has_reclaim)
		xml_count(&xml->to, "reclaimed", site->reclaimed);
	xml_count(&xml->to, "live", site->live);
	xml_count(&xml->to, "live-at-least", site->live_at_least);
	xml_count(&xml->to, "live-bytes", site->live_bytes);
	xml_count(&xml->to, "bytes-req", site->bytes_req);
	xml_count(&xml->to, "allocs-sized", site->allocs_sized);
	xml_count(&xml->to, "live-bytes-req", site->live_bytes_req);
	xml_count(&xml->to, "live-sized", site->live_sized);
	xml_count(&xml->to, "task-names", site->task_names);
	xml_count(&xml->to, "frees-with-stack", site->frees_with_stack);
	put_suspect(xml, site, site < xml->model->sites + xml->model->sites_detailed);
	put_ages(xml, "live", &site->lives->live_ages);
	put_ages(xml, "freed", &site->lives->freed_ages);
	struct timeline timeline = history_timeline(&site->lives->history);
	put_timeline(xml, &timeline, site->live ? &site->lives->history : NULL);
	put_survival(xml, site);
	put_people(xml, site);
	put_contents(xml, site);
	xml_close(&xml->to);
}

/* What a page has as well, so that any format can be made of this one. */
static int put_data(struct xml *xml, struct error *err)
{
	CLEANUP(buffer_release) struct buffer raw = {0}, packed = {0};
	uint32_t detailed;
	int ret = pack_model(xml->model, SIZE_MAX, &raw, &detailed, err);

	if (!ret)
		ret = gzip_pack(&packed, raw.bytes, raw.size_bytes, err);
	if (!ret)
		xml_base64(&xml->to, "data", packed.bytes, packed.size_bytes);
	return ret;
}

static int put_report(struct xml *xml, struct error *err)
{
	const struct model *model = xml->model;

	put_recording(xml);
	put_verdict(xml);
	put_integrity(xml);
	xml_redaction(&xml->to, &model->redaction);
	put_facts(xml);
	put_capture(xml);
	xml_open(&xml->to, "caches");
	for (uint32_t i = 0; i < model->cache_count; i++)
		put_cache(xml, &model->caches[i], i + 1);
	xml_close(&xml->to);
	put_census(xml);
	put_objects(xml);
	put_stacks(xml);
	xml_open(&xml->to, "sites");
	if (model->sites_detailed < model->site_count)
		xml_count(&xml->to, "detailed", model->sites_detailed);
	for (uint32_t i = 0; i < model->site_count; i++)
		put_site(xml, &model->sites[i]);
	xml_close(&xml->to);
	return put_data(xml, err);
}

int render_xml(const struct model *model, FILE *out, struct error *err)
{
	struct xml xml = {.model = model};
	int ret = xml_begin(&xml.to, out, "report", err);

	if (ret)
		return ret;
	ret = put_report(&xml, err);
	xml.to.failed |= xml.arena.failed;
	arena_release(&xml.arena);
	int ended = xml_end(&xml.to, ret ? NULL : err);
	return ret ? ret : ended;
}
