/* A comparison for scripts: small and stable; its keys are documented in slabreport(1). Everything else is in the XML. */
#include "report/render.h"

#include <errno.h>

#include "report/diff_text.h"
#include "report/json.h"

#define ROWS_MAX 100u

static const char *state_of(const struct diff *diff)
{
	int status = diff_exit_status(diff);

	return status == 3 ? "unreliable" : status ? "regression" : "fine";
}

static void put_runs(struct json *json, const struct diff *diff, enum diff_side side)
{
	json_open(json, diff_side_name(side), '[');
	for (uint32_t i = 0; i < diff->input->run_count[side]; i++) {
		const struct diff_run *run = &diff->input->runs[side][i];

		json_open(json, NULL, '{');
		json_text(json, "name", run->name);
		json_text(json, "kernel", run->release);
		json_real(json, "seconds", (double)run->duration_ns / 1e9);
		if (run->has_work)
			json_count(json, "work", run->work);
		json_count(json, "allocs", run->allocs);
		json_count(json, "live", run->live);
		json_flag(json, "whole", run->is_whole);
		json_text(json, "unreliable", run->unreliable);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_side(struct json *json, const struct diff_row *row, enum diff_side side)
{
	const struct diff_count *count = &row->sides[side];

	json_open(json, diff_side_name(side), '{');
	json_flag(json, "recorded", !count->is_unrecorded);
	json_flag(json, "there", count->is_there);
	json_text(json, "cache", count->cache);
	json_text(json, "class", suspect_class_name(count->class));
	json_count(json, "allocs", count->allocs);
	json_count(json, "live", count->live);
	json_real(json, "stayed", row->change.count[side]);
	json_real(json, "rate", row->change.rate[side]);
	json_real(json, "rate_low", row->change.low[side]);
	json_real(json, "rate_high", row->change.high[side]);
	json_close(json, '}');
}

static void put_row(struct json *json, const struct diff *diff, const struct diff_row *row)
{
	const struct model_frame *frames[SIGNATURE_DEPTH_MAX];
	uint32_t count = model_stack(&diff->stacks, row->node, frames, SIGNATURE_DEPTH_MAX);

	json_open(json, NULL, '{');
	json_text(json, "state", diff_state_name(row->state));
	json_text(json, "name", row->name);
	json_text(json, "matched_by", signature_rung_key(row->rung));
	put_side(json, row, DIFF_BEFORE);
	put_side(json, row, DIFF_AFTER);
	/* There is no number for "infinitely more". */
	if (row->change.rate[DIFF_BEFORE] > 0)
		json_real(json, "ratio", row->change.ratio);
	json_real(json, "q", row->change.q);
	if (row->state == DIFF_INCONCLUSIVE)
		json_real(json, "need_seconds", (double)row->need_ns / 1e9);
	json_open(json, "stack", '[');
	for (uint32_t i = 0; i < count; i++)
		json_text(json, NULL, frames[i]->label);
	json_close(json, ']');
	json_close(json, '}');
}

static void put_states(struct json *json, const struct diff *diff)
{
	json_open(json, "states", '{');
	for (uint32_t i = 0; i < DIFF_STATES; i++)
		json_count(json, diff_state_name((enum diff_state)i), diff->states[i]);
	json_close(json, '}');
	json_open(json, "matched", '{');
	for (uint32_t i = SIGNATURE_SAME; i < SIGNATURE_RUNGS; i++)
		json_count(json, signature_rung_key((enum signature_rung)i), diff->rungs[i]);
	json_close(json, '}');
	json_count(json, "gone", diff->gone);
	json_count(json, "new", diff->fresh);
}

int render_diff_json(const struct diff *diff, FILE *out, struct error *err)
{
	struct json json = {.out = out};
	struct arena arena = {0};

	json_open(&json, NULL, '{');
	json_text(&json, "schema", "slabreport-diff/1");
	json_text(&json, "generator", "slabreport " SLABREC_VERSION);
	json_text(&json, "redaction", redaction_level_name(diff->input->redaction.level));
	json_text(&json, "state", state_of(diff));
	json_count(&json, "exit_status", (uint64_t)diff_exit_status(diff));
	json_text(&json, "headline", diff_text_headline(&arena, diff));
	json_text(&json, "unreliable", diff->unreliable);
	put_runs(&json, diff, DIFF_BEFORE);
	put_runs(&json, diff, DIFF_AFTER);
	json_text(&json, "per", diff_exposure_name(diff->exposure));
	json_text(&json, "unit", diff_text_unit(diff));
	json_real(&json, "exposure_factor", diff->exposed[DIFF_AFTER] / diff->exposed[DIFF_BEFORE]);
	json_count(&json, "call_stacks", diff->row_count);
	put_states(&json, diff);
	json_open(&json, "changes", '[');
	for (uint32_t i = 0; i < diff->row_count && i < ROWS_MAX && diff->rows[i].state != DIFF_SAME; i++)
		put_row(&json, diff, &diff->rows[i]);
	json_close(&json, ']');
	json_close(&json, '}');
	fputc('\n', out);
	bool failed = arena.failed;
	arena_release(&arena);
	return failed ? error_set(err, -ENOMEM, "not enough memory for the JSON") : 0;
}
