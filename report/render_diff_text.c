/* A comparison for a mail: at most 72 columns, the answer first, then what changed with its call stack. */
#include "report/render.h"

#include <errno.h>

#include "report/diff_text.h"
#include "report/frame_text.h"
#include "report/lines.h"
#include "report/number.h"

#define TABLE_ROWS 15u
#define STACK_ROWS 5u
#define FRAMES_MAX 12u
#define RUNS_MAX 4u

struct diff_lines {
	struct lines lines;
	const struct diff *diff;
};

#define LINE(to, ...) lines_put(&(to)->lines, arena_format((to)->lines.arena, __VA_ARGS__))
#define PARAGRAPH(to, indent, ...) lines_paragraph(&(to)->lines, indent, arena_format((to)->lines.arena, __VA_ARGS__))

static void write_head(struct diff_lines *to)
{
	const struct diff *diff = to->diff;
	struct arena *arena = to->lines.arena;

	lines_paragraph(&to->lines, 0, diff_text_headline(arena, diff));
	lines_paragraph(&to->lines, 0, diff_text_counts(arena, diff));
	lines_paragraph(&to->lines, 0, diff_text_exposure(arena, diff));
	lines_paragraph(&to->lines, 0, diff_text_caveat(arena, diff));
	LINE(to, "%s", "");
	for (int side = 0; side < DIFF_SIDES; side++) {
		uint32_t count = diff->input->run_count[side];

		for (uint32_t i = 0; i < count && i < RUNS_MAX; i++)
			lines_paragraph(&to->lines, 2, diff_text_run(arena, diff, (enum diff_side)side, i));
		if (count > RUNS_MAX)
			LINE(to, "(and %u more of %s)", count - RUNS_MAX, diff_side_name((enum diff_side)side));
	}
	lines_paragraph(&to->lines, 2, diff_text_matching(arena, diff));
}

/* Rows about which something can be said, and of the others those where something stays. */
static bool is_told(const struct diff_row *row)
{
	return row->state < DIFF_SAME;
}

static const char *rate_cell(struct diff_lines *to, const struct diff_row *row, enum diff_side side)
{
	const struct diff_count *count = &row->sides[side];

	if (count->is_unrecorded)
		return "?";
	return count->is_there ? diff_text_number(to->lines.arena, row->change.rate[side]) : "-";
}

static void write_table(struct diff_lines *to)
{
	const struct diff *diff = to->diff;
	uint32_t told = 0;

	for (uint32_t i = 0; i < diff->row_count; i++)
		told += is_told(&diff->rows[i]);
	if (!told)
		return;
	LINE(to, "%s", "");
	PARAGRAPH(to, 0, "What stays, %s (- there is no such call stack, ? its cache was not recorded):", diff_text_unit(diff));
	LINE(to, "%9s %9s  %-12s  %s", "before", "after", "state", "allocated at");
	for (uint32_t i = 0; i < diff->row_count && i < TABLE_ROWS && is_told(&diff->rows[i]); i++) {
		const struct diff_row *row = &diff->rows[i];

		LINE(to, "%9s %9s  %-12s  %s", rate_cell(to, row, DIFF_BEFORE), rate_cell(to, row, DIFF_AFTER), diff_state_name(row->state),
		     diff_text_place(to->lines.arena, row));
	}
	if (told > TABLE_ROWS)
		LINE(to, "%20s and %u more", "", told - TABLE_ROWS);
}

static void write_row(struct diff_lines *to, const struct diff_row *row, uint32_t rank)
{
	const struct model_frame *frames[SIGNATURE_DEPTH_MAX];
	uint32_t count = model_stack(&to->diff->stacks, row->node, frames, SIGNATURE_DEPTH_MAX);
	uint32_t shown = count > FRAMES_MAX + 1 ? FRAMES_MAX : count;

	LINE(to, "%s", "");
	PARAGRAPH(to, 2, "%u. %s: %s in %s", rank, diff_state_name(row->state), diff_text_place(to->lines.arena, row),
		  diff_text_cache(to->lines.arena, row));
	PARAGRAPH(to, 4, "  %s", diff_text_why(to->lines.arena, to->diff, row));
	PARAGRAPH(to, 4, "  %s; %s", diff_text_classes(to->lines.arena, row), signature_rung_name(row->rung));
	LINE(to, "  backtrace:");
	for (uint32_t i = 0; i < shown; i++)
		LINE(to, "    %.100s%s%.60s%s %.100s", frames[i]->label, *frames[i]->module ? " [" : "", frames[i]->module,
		     *frames[i]->module ? "]" : "", frames[i]->source_file);
	if (count > shown)
		LINE(to, "    ... %s", number_of(count - shown, "more function").text);
}

int render_diff_text(const struct diff *diff, FILE *out, struct error *err)
{
	struct arena arena = {0};
	struct diff_lines to = {.lines = {.out = out, .arena = &arena}, .diff = diff};

	write_head(&to);
	write_table(&to);
	for (uint32_t i = 0; i < diff->row_count && i < STACK_ROWS && is_told(&diff->rows[i]); i++)
		write_row(&to, &diff->rows[i], i + 1);
	bool failed = arena.failed;
	arena_release(&arena);
	return failed ? error_set(err, -ENOMEM, "not enough memory for the text") : 0;
}
