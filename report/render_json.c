/* A small, stable summary for scripts; its keys are documented in slabreport(1). Everything else is in the XML. */
#include "report/render.h"

#include <errno.h>

#include "report/content_text.h"
#include "report/escape.h"
#include "report/gate.h"
#include "report/integrity.h"
#include "report/json.h"
#include "report/ranking.h"
#include "report/site_sum.h"
#include "report/verdict.h"
#include "report/symbol_advice.h"

#define SITES_MAX_JSON 100u

static void json_integrity(struct json *json, const struct model *model)
{
	static const char *const endings[] = {
		[TRACE_ENDING_COMPLETE] = "complete", [TRACE_ENDING_CUT] = "cut", [TRACE_ENDING_DAMAGED] = "damaged"};
	const struct model_integrity *integrity = &model->integrity;

	json_open(json, "integrity", '{');
	json_text(json, "trace", endings[integrity->ending]);
	json_flag(json, "whole", integrity_is_whole(model));
	json_count(json, "lost_allocs", integrity->lost_allocs);
	json_count(json, "lost_frees", integrity->lost_frees);
	json_count(json, "missed_allocs_at_most", integrity->missed_allocs);
	json_count(json, "missed_frees_at_most", integrity->missed_frees);
	json_count(json, "cpus_unseen", integrity->cpus_unseen);
	json_count(json, "unaccounted", integrity->unaccounted);
	json_count(json, "frees_implied", integrity->frees_implied);
	json_count(json, "frees_older", integrity->frees_older);
	json_count(json, "frees_unknown", integrity->frees_unknown);
	json_count(json, "frees_unmatched", integrity->frees_unmatched);
	json_close(json, '}');
}

static void json_cache(struct json *json, const struct model *model, const struct model_cache *cache)
{
	static const char *const states[] = {
		[MODEL_RECONCILED] = "explained",	   [MODEL_UNEXPLAINED] = "unexplained",
		[MODEL_RECONCILED_OLDER] = "possible",	   [MODEL_RECONCILE_FILTERED] = "filtered",
		[MODEL_RECONCILE_NO_CENSUS] = "no-census",
	};
	static const char *const growths[] = {
		[MODEL_GROWTH_UNKNOWN] = "unknown", [MODEL_GROWTH_NONE] = "none", [MODEL_GROWS] = "grows"};
	const struct model_reconciliation *balance = &cache->reconciliation;

	json_open(json, NULL, '{');
	json_text(json, "name", cache->name);
	json_count(json, "object_bytes", cache->slot_bytes);
	json_count(json, "allocs", cache->allocs);
	json_count(json, "frees", cache->frees);
	json_count(json, "frees_implied", cache->frees_implied);
	json_count(json, "frees_older", cache->frees_older);
	json_count(json, "pending_rcu", cache->pending_rcu);
	if (model->has_reclaim) {
		json_count(json, "reclaimed", cache->reclaimed);
		json_count(json, "reclaimed_older", cache->reclaimed_older);
	}
	json_count(json, "live", cache->live);
	json_count(json, "live_bytes", cache->live_bytes);
	json_text(json, "reconciliation", states[balance->state]);
	json_change(json, "grown_events", balance->grown_events);
	if (balance->state <= MODEL_RECONCILED_OLDER)
		json_change(json, "grown_kernel", balance->grown_census);
	json_count(json, "tolerance", balance->tolerance);
	json_text(json, "growth", growths[cache->growth]);
	json_close(json, '}');
}

static void json_symbols(struct json *json, const struct model *model, struct arena *arena)
{
	json_open(json, "symbols", '[');
	for (uint32_t i = 0; i < model->object_count; i++) {
		const struct model_object *object = &model->objects[i];

		json_open(json, NULL, '{');
		json_text(json, "kind", symbol_object_kind_name(object->kind));
		json_text(json, "name", object->name);
		json_text(json, "names", symbol_source_name(object->source));
		json_text(json, "problem", object->problem);
		json_text(json, "install", symbol_advice(arena, model, object));
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_nodes(struct json *json, const char *key, const struct model_place *nodes, uint32_t count)
{
	json_open(json, key, '[');
	for (uint32_t i = 0; i < count; i++) {
		json_open(json, NULL, '{');
		json_change(json, "node", nodes[i].node);
		json_count(json, "allocs", nodes[i].allocs);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_places(struct json *json, const struct model_site *site)
{
	json_open(json, "cgroups", '[');
	for (uint32_t i = 0; i < site->cgroup_count; i++) {
		json_open(json, NULL, '{');
		json_text(json, "path", site->cgroups[i].path);
		json_count(json, "allocs", site->cgroups[i].allocs);
		json_count(json, "live", site->cgroups[i].live);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_open(json, "cpus", '[');
	for (uint32_t i = 0; i < site->cpu_count; i++) {
		json_open(json, NULL, '{');
		json_count(json, "cpu", site->cpus[i].cpu);
		if (site->cpus[i].node >= 0)
			json_change(json, "node", site->cpus[i].node);
		json_count(json, "allocs", site->cpus[i].allocs);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_nodes(json, "nodes", site->nodes, site->node_count);
	json_nodes(json, "nodes_asked", site->nodes_asked, site->nodes_asked_count);
}

static void json_suspect(struct json *json, const struct model *model, const struct model_site *site, struct arena *arena)
{
	const struct suspect *suspect = &site->suspect;

	json_text(json, "class", suspect_class_name(suspect->class));
	json_text(json, "confidence", suspect_confidence_name(suspect->confidence));
	json_text(json, "confidence_limit", suspect->limit);
	json_real(json, "score", suspect->score);
	json_real(json, "objects_per_second_at_least", suspect->low_rate);
	json_real(json, "bytes_per_second_at_least", suspect->low_rate * model->caches[site->cache].slot_bytes);
	json_count(json, "record_at_least_ns", suspect->need_ns);
	json_text(json, "why", verdict_why(arena, site));
}

static void json_site(struct json *json, const struct model *model, const struct model_site *site, struct arena *arena)
{
	const struct model_frame *frames[MODEL_STACK_DEPTH_MAX];
	uint32_t count = model_stack(model, site->node, frames, MODEL_STACK_DEPTH_MAX);

	json_open(json, NULL, '{');
	json_text(json, "function", site->name);
	json_text(json, "caller", site->caller);
	json_text(json, "cache", model->caches[site->cache].name);
	json_count(json, "call_stacks", (uint64_t)site->suspect.others + 1);
	json_count(json, "allocs", site->allocs);
	json_count(json, "frees", site->frees);
	json_count(json, "frees_implied", site->frees_implied);
	json_count(json, "pending_rcu", site->pending_rcu);
	if (model->has_reclaim)
		json_count(json, "reclaimed", site->reclaimed);
	json_count(json, "live", site->live);
	json_count(json, "live_at_least", site->live_at_least);
	json_count(json, "live_bytes", site->live_bytes);
	json_suspect(json, model, site, arena);
	json_open(json, "tasks", '[');
	for (uint32_t i = 0; i < site->task_count; i++) {
		json_open(json, NULL, '{');
		json_text(json, "comm", site->tasks[i].comm);
		json_count(json, "allocs", site->tasks[i].allocs);
		json_count(json, "live", site->tasks[i].live);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_places(json, site);
	if (site->content_count) {
		json_count(json, "contents_common_bytes", content_common_bytes(site));
		json_open(json, "contents", '[');
		for (uint32_t i = 0; i < site->content_count; i++)
			json_text(json, NULL, content_hex(arena, &site->contents[i]));
		json_close(json, ']');
	}
	json_open(json, "stack", '[');
	for (uint32_t i = 0; i < count; i++)
		json_text(json, NULL, frames[i]->label);
	json_close(json, ']');
	json_close(json, '}');
}

static void json_totals(struct json *json, const struct model *model)
{
	json_open(json, "totals", '{');
	json_count(json, "events", model->events);
	json_count(json, "allocs", model->allocs);
	json_count(json, "frees", model->frees);
	json_count(json, "frees_implied", model->frees_implied);
	json_count(json, "live", model->live);
	json_count(json, "live_at_least", model->live_at_least);
	json_count(json, "live_bytes", model->live_bytes);
	json_flag(json, "live_bytes_known", model->has_slot_bytes);
	json_flag(json, "only_live", model->is_only_live);
	json_close(json, '}');
}

/* What a CI job asks: the answer in one word, what was asked, and the exit status. */
static void json_gate(struct json *json, const struct model *model)
{
	const struct gate *gate = model->gate;
	struct gate_result result = gate_judge(gate, model);

	json_text(json, "state", gate_state_name(result.state));
	json_text(json, "fail_on", gate && gate->text ? gate->text : "");
	json_count(json, "over_count", result.count);
	json_count(json, "exit_status", result.exit_status);
}

int render_json(const struct model *model, FILE *out, struct error *err)
{
	struct json json = {.out = out};
	struct arena arena = {0};

	json_open(&json, NULL, '{');
	json_text(&json, "schema", "slabreport/1");
	json_text(&json, "generator", "slabreport " SLABREC_VERSION);
	json_text(&json, "headline", verdict_headline(&arena, model));
	json_text(&json, "verdict", verdict_leak(&arena, model));
	json_gate(&json, model);
	json_text(&json, "rules", SUSPECT_RULES);
	json_text(&json, "unreliable", model->unreliable);
	json_count(&json, "suspect_count", model->suspect_count);
	json_count(&json, "duration_ns", model->duration_ns);
	json_totals(&json, model);
	json_integrity(&json, model);
	json_text(&json, "redaction", redaction_level_name(model->redaction.level));
	json_open(&json, "notes", '[');
	for (uint32_t i = 0; i < model->note_count; i++)
		json_text(&json, NULL, model->notes[i]);
	json_close(&json, ']');
	json_open(&json, "caches", '[');
	for (uint32_t i = 0; i < model->cache_count; i++)
		json_cache(&json, model, &model->caches[i]);
	json_close(&json, ']');
	json_symbols(&json, model, &arena);
	json_count(&json, "site_count", model->site_count);
	json_open(&json, "sites", '[');
	for (uint32_t i = 0, count = 0; i < model->site_count && count < SITES_MAX_JSON; i = ranking_next(model, i), count++) {
		struct model_site sum = site_sum(model, i, &arena);

		json_site(&json, model, &sum, &arena);
	}
	json_close(&json, ']');
	json_close(&json, '}');
	fputc('\n', out);
	bool failed = arena.failed;
	arena_release(&arena);
	return failed ? error_set(err, -ENOMEM, "not enough memory for the JSON") : 0;
}
