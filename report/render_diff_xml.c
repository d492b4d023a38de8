/*
 * A comparison whole, as a stream: flat tables that refer to each other by number, by the same schema as reports (templates/slabrec.rng,
 * slabrec.xsd).
 */
#include "report/render.h"

#include <errno.h>
#include <math.h>

#include "report/diff_text.h"
#include "report/number.h"
#include "report/xml_writer.h"

static const char *source_name(enum symbol_source source)
{
	static const char *const names[] = {
		[SYMBOL_SOURCE_NONE] = "none", [SYMBOL_SOURCE_KALLSYMS] = "kallsyms", [SYMBOL_SOURCE_SYMTAB] = "symtab", [SYMBOL_SOURCE_DWARF] = "dwarf"};

	return names[source];
}

static void put_runs(struct xml_writer *xml, const struct diff *diff)
{
	xml_open(xml, "recordings");
	for (int side = 0; side < DIFF_SIDES; side++)
		for (uint32_t i = 0; i < diff->input->run_count[side]; i++) {
			const struct diff_run *run = &diff->input->runs[side][i];

			xml_open(xml, "side-recording");
			xml_text(xml, "side", diff_side_name((enum diff_side)side));
			xml_text(xml, "name", run->name);
			xml_known(xml, "kernel", run->release);
			xml_text(xml, "names", source_name(run->names));
			xml_count(xml, "duration-ns", run->duration_ns);
			if (run->has_work)
				xml_count(xml, "work", run->work);
			xml_count(xml, "allocs", run->allocs);
			xml_count(xml, "live", run->live);
			xml_count(xml, "live-bytes", run->live_bytes);
			xml_text(xml, "trust", run->trust);
			xml_known(xml, "unreliable", run->unreliable);
			xml_close(xml);
		}
	xml_close(xml);
}

static void put_sums(struct xml_writer *xml, const struct diff *diff, struct arena *arena)
{
	xml_open(xml, "comparison");
	xml_text(xml, "text", diff_text_headline(arena, diff));
	xml_count(xml, "exit-status", (uint64_t)diff_exit_status(diff));
	xml_known(xml, "unreliable", diff->unreliable);
	xml_text(xml, "per", diff_exposure_name(diff->exposure));
	xml_text(xml, "unit", diff_text_unit(diff));
	xml_real(xml, "exposure-before", diff->exposed[DIFF_BEFORE]);
	xml_real(xml, "exposure-after", diff->exposed[DIFF_AFTER]);
	xml_real(xml, "exposure-factor", diff->exposed[DIFF_AFTER] / diff->exposed[DIFF_BEFORE]);
	for (uint32_t i = 0; i < DIFF_STATES; i++)
		xml_count(xml, diff_state_name((enum diff_state)i), diff->states[i]);
	for (uint32_t i = SIGNATURE_SAME; i < SIGNATURE_RUNGS; i++)
		xml_count(xml, arena_format(arena, "matched-%s", signature_rung_key((enum signature_rung)i)), diff->rungs[i]);
	xml_count(xml, "before-only", diff->gone);
	xml_count(xml, "after-only", diff->fresh);
	xml_close(xml);
}

static void put_stacks(struct xml_writer *xml, const struct model *stacks)
{
	xml_open(xml, "functions");
	for (uint32_t i = 0; i < stacks->frame_count; i++) {
		xml_open(xml, "function");
		xml_count(xml, "id", i + 1);
		xml_text(xml, "name", stacks->frames[i].label);
		xml_known(xml, "module", stacks->frames[i].module);
		xml_known(xml, "source", stacks->frames[i].source_file);
		xml_close(xml);
	}
	xml_close(xml);
	xml_open(xml, "calls");
	for (uint32_t i = 1; i < stacks->node_count; i++) {
		xml_open(xml, "call");
		xml_count(xml, "id", i);
		xml_count(xml, "parent", stacks->nodes[i].parent);
		xml_count(xml, "function", stacks->nodes[i].frame + 1);
		xml_close(xml);
	}
	xml_close(xml);
}

static void put_side(struct xml_writer *xml, const struct diff_row *row, enum diff_side side)
{
	const struct diff_count *count = &row->sides[side];

	xml_open(xml, diff_side_name(side));
	xml_text(xml, "recorded", count->is_unrecorded ? "false" : "true");
	xml_text(xml, "there", count->is_there ? "true" : "false");
	xml_known(xml, "cache", count->cache);
	xml_count(xml, "slot-bytes", count->slot_bytes);
	xml_text(xml, "class", suspect_class_name(count->class));
	xml_text(xml, "confidence", suspect_confidence_name(count->confidence));
	xml_count(xml, "allocs", count->allocs);
	xml_count(xml, "frees", count->frees);
	xml_count(xml, "live", count->live);
	xml_real(xml, "stayed", row->change.count[side]);
	xml_real(xml, "exposure", row->change.exposure[side]);
	xml_real(xml, "rate", row->change.rate[side]);
	xml_real(xml, "rate-low", row->change.low[side]);
	xml_real(xml, "rate-high", row->change.high[side]);
	if (count->curve)
		xml_list(xml, "live-over-time", count->curve, DIFF_CURVE_POINTS);
	xml_close(xml);
}

static void put_row(struct xml_writer *xml, const struct diff *diff, const struct diff_row *row, struct arena *arena)
{
	xml_open(xml, "change");
	xml_text(xml, "state", diff_state_name(row->state));
	xml_text(xml, "name", row->name);
	xml_count(xml, "call", row->node);
	xml_text(xml, "matched", signature_rung_key(row->rung));
	/* A number that has no end is left out. */
	if (isfinite(row->change.ratio))
		xml_real(xml, "ratio", row->change.ratio);
	xml_real(xml, "ratio-low", row->change.ratio_low);
	xml_real(xml, "ratio-high", row->change.ratio_high);
	xml_real(xml, "dispersion", row->change.dispersion);
	xml_real(xml, "p", row->change.p);
	xml_real(xml, "q", row->change.q);
	if (row->need_ns)
		xml_count(xml, "need-ns", row->need_ns);
	xml_text(xml, "why", diff_text_why(arena, diff, row));
	put_side(xml, row, DIFF_BEFORE);
	put_side(xml, row, DIFF_AFTER);
	xml_close(xml);
}

int render_diff_xml(const struct diff *diff, FILE *out, struct error *err)
{
	struct xml_writer xml;
	struct arena arena = {0};
	int ret = xml_begin(&xml, out, "diff", err);

	if (ret)
		return ret;
	put_sums(&xml, diff, &arena);
	xml_redaction(&xml, &diff->input->redaction);
	put_runs(&xml, diff);
	put_stacks(&xml, &diff->stacks);
	xml_open(&xml, "changes");
	for (uint32_t i = 0; i < diff->row_count; i++) {
		struct arena sentence = {0};

		put_row(&xml, diff, &diff->rows[i], &sentence);
		xml.failed |= sentence.failed;
		arena_release(&sentence);
	}
	xml_close(&xml);
	xml.failed |= arena.failed;
	arena_release(&arena);
	return xml_end(&xml, err);
}
