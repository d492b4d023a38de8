/* Many machines for scripts: schema "slabfleet/1", documented in slabreport(1). */
#include "report/render_fleet.h"

#include <errno.h>

#include "report/json.h"

#define ROWS_MAX 1000u

static void write_host(struct json *json, struct arena *arena, const struct fleet *fleet, const struct fleet_row *row, const struct fleet_host_value *host)
{
	json_open(json, NULL, '{');
	json_text(json, "host", fleet_recording_name(arena, fleet, host->recording));
	json_count(json, "recording", fleet->recordings[host->recording].ordinal);
	json_text(json, "kernel", fleet->kernels[fleet->recordings[host->recording].kernel].release);
	json_count(json, "live", host->live);
	json_real(json, "live_per_hour", host->rate);
	json_text(json, "class", suspect_class_name(host->class));
	json_text(json, "confidence", suspect_confidence_name(host->confidence));
	json_flag(json, "outlier", fleet_is_outlier(row, host));
	json_close(json, '}');
}

static void write_row(struct json *json, struct arena *arena, const struct fleet *fleet, const struct fleet_row *row)
{
	json_open(json, NULL, '{');
	json_text(json, "function", fleet_row_name(fleet, row));
	json_text(json, "caller", fleet_row_caller(fleet, row));
	json_text(json, "cache", signature_text(&fleet->names, row->signature->cache));
	json_count(json, "hosts", row->hosts);
	json_count(json, "live_hosts", row->live_hosts);
	json_count(json, "leak_hosts", row->leak_hosts);
	json_count(json, "high_confidence_hosts", row->high_hosts);
	json_count(json, "kernels", row->kernels);
	json_text(json, "matched", row->rung ? signature_rung_key(row->rung) : "same");
	json_count(json, "allocs", row->allocs);
	json_count(json, "frees", row->frees);
	json_count(json, "live", row->live);
	json_count(json, "live_bytes", row->live_bytes);
	json_real(json, "objects_per_second_at_least", row->low_rate);
	json_real(json, "bytes_per_second_at_least", row->low_bytes);
	json_real(json, "median_live_per_hour", row->median);
	json_real(json, "upper_quartile_live_per_hour", row->upper);
	json_count(json, "outliers", row->outliers);
	json_open(json, "top_hosts", '[');
	for (uint32_t i = 0; i < row->top_count; i++)
		write_host(json, arena, fleet, row, &row->top[i]);
	json_close(json, ']');
	json_open(json, "stack", '[');
	for (uint32_t i = 0; i < row->signature->count; i++)
		json_text(json, NULL, signature_text(&fleet->names, row->signature->functions[i].name));
	json_close(json, ']');
	json_close(json, '}');
}

int render_fleet_json(const struct fleet *fleet, FILE *out, struct error *err)
{
	struct json json = {.out = out};
	struct arena arena = {0};
	const char *const *remarks = fleet_remarks(&arena, fleet);

	json_open(&json, NULL, '{');
	json_text(&json, "schema", "slabfleet/1");
	json_text(&json, "generator", "slabreport " SLABREC_VERSION);
	json_text(&json, "verdict", fleet_verdict(&arena, fleet));
	json_text(&json, "rules", SUSPECT_RULES);
	json_count(&json, "recordings", fleet->recording_count);
	json_count(&json, "unreliable", fleet->unreliable);
	json_count(&json, "lossy", fleet->lossy);
	json_count(&json, "too_short", fleet->short_count);
	json_count(&json, "duration_ns", fleet->duration_ns);
	json_count(&json, "allocs", fleet->allocs);
	json_count(&json, "frees", fleet->frees);
	json_count(&json, "live", fleet->live);
	json_count(&json, "live_bytes", fleet->live_bytes);
	json_open(&json, "remarks", '[');
	for (; remarks && *remarks; remarks++)
		json_text(&json, NULL, *remarks);
	json_close(&json, ']');
	json_open(&json, "kernels", '[');
	for (uint32_t i = 0; i < fleet->kernel_count; i++) {
		json_open(&json, NULL, '{');
		json_text(&json, "release", fleet->kernels[i].release);
		json_count(&json, "recordings", fleet->kernels[i].recordings);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_open(&json, "failures", '[');
	for (uint32_t i = 0; i < fleet->failure_count; i++)
		json_text(&json, NULL, fleet->failures[i].message);
	json_close(&json, ']');
	json_count(&json, "row_count", fleet->row_count);
	json_open(&json, "rows", '[');
	for (uint32_t i = 0; i < fleet->row_count && i < ROWS_MAX; i++)
		write_row(&json, &arena, fleet, fleet->rows[i]);
	json_close(&json, ']');
	json_close(&json, '}');
	fputc('\n', out);
	int ret = arena.failed ? error_set(err, -ENOMEM, "not enough memory for the report") : 0;
	arena_release(&arena);
	return ret;
}
