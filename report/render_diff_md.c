/* A comparison as a comment on GitHub or GitLab: the answer, a table of what changed, the first call stacks. */
#include "report/render.h"

#include <errno.h>
#include <stdlib.h>

#include "report/diff_text.h"
#include "report/markdown.h"
#include "report/number.h"
#include "trace/cleanup.h"

#define TABLE_ROWS 20u
#define STACK_ROWS 5u
#define FRAMES_MAX 40u
#define RUNS_MAX 8u

static void write_cell(FILE *out, const char *text)
{
	fputs(" | ", out);
	markdown_text(out, text);
}

static void write_row(FILE *out, struct arena *arena, const struct diff *diff, const struct diff_row *row)
{
	fputs("| ", out);
	fputs(diff_state_name(row->state), out);
	fputs(" | ", out);
	markdown_path(out, row->name, row->caller, row->via, row->via_skips);
	fputs(" | ", out);
	markdown_code(out, diff_text_cache(arena, row), 2 * MARKDOWN_NAME_MAX);
	write_cell(out, diff_text_rate(arena, diff, row, DIFF_BEFORE));
	write_cell(out, diff_text_rate(arena, diff, row, DIFF_AFTER));
	write_cell(out, diff_text_ratio(arena, row));
	write_cell(out, signature_rung_name(row->rung));
	fputs(" |\n", out);
}

static void write_table(FILE *out, struct arena *arena, const struct diff *diff)
{
	uint32_t told = diff->row_count - diff->states[DIFF_SAME], shown = told < TABLE_ROWS ? told : TABLE_ROWS;

	if (!told)
		return;
	fputs("| State | Allocated at | Cache | Stays before | Stays after | Change | Matched by |\n|---|---|---|--:|--:|--:|---|\n", out);
	for (uint32_t i = 0; i < shown; i++)
		write_row(out, arena, diff, &diff->rows[i]);
	if (shown < told)
		fprintf(out, "\nand %s.\n", number_of(told - shown, "more call stack").text);
	fputc('\n', out);
}

static void write_stack(FILE *out, struct arena *arena, const struct diff *diff, const struct diff_row *row, uint32_t rank)
{
	const struct model_frame *frames[FRAMES_MAX + 1];
	uint32_t count = model_stack(&diff->stacks, row->node, frames, FRAMES_MAX + 1);

	fprintf(out, "<details><summary>Call stack %u: %s</summary>\n\n", rank, diff_state_name(row->state));
	markdown_paragraph(out, "", diff_text_why(arena, diff, row));
	for (uint32_t i = 0; i < count && i < FRAMES_MAX; i++) {
		fputs("- ", out);
		markdown_code(out, arena_format(arena, "%.100s %.100s", frames[i]->label, frames[i]->source_file), 2 * MARKDOWN_NAME_MAX);
		fputc('\n', out);
	}
	if (count > FRAMES_MAX)
		fputs("- and more\n", out);
	if (!count)
		fputs("not recorded\n", out);
	fputs("\n</details>\n\n", out);
}

static void write_all(FILE *out, struct arena *arena, const struct diff *diff, uint32_t stacks)
{
	markdown_paragraph(out, "### ", diff_text_headline(arena, diff));
	markdown_paragraph(out, "", diff_text_counts(arena, diff));
	markdown_paragraph(out, "", diff_text_exposure(arena, diff));
	markdown_paragraph(out, "", diff_text_caveat(arena, diff));
	write_table(out, arena, diff);
	for (uint32_t i = 0; i < stacks && i < diff->row_count - diff->states[DIFF_SAME]; i++)
		write_stack(out, arena, diff, &diff->rows[i], i + 1);
	for (int side = 0; side < DIFF_SIDES; side++)
		for (uint32_t i = 0; i < diff->input->run_count[side] && i < RUNS_MAX; i++)
			markdown_paragraph(out, "", diff_text_run(arena, diff, (enum diff_side)side, i));
	markdown_paragraph(out, "", diff_text_matching(arena, diff));
	fprintf(out, "redaction %s, slabreport " SLABREC_VERSION "\n", redaction_level_name(diff->input->redaction.level));
}

/* Fewer stacks where it would be longer than a comment may be. */
int render_diff_md(const struct diff *diff, FILE *out, struct error *err)
{
	for (uint32_t stacks = STACK_ROWS;; stacks--) {
		CLEANUP(arena_release) struct arena arena = {0};
		CLEANUP(cleanup_free) char *text = NULL;
		size_t size_bytes = 0;
		FILE *memory = open_memstream(&text, &size_bytes);

		if (!memory)
			return error_set(err, -ENOMEM, "not enough memory for the Markdown");
		write_all(memory, &arena, diff, stacks);
		bool failed = ferror(memory);
		if (fclose(memory) || failed || arena.failed)
			return error_set(err, -ENOMEM, "not enough memory for the Markdown");
		if (stacks && size_bytes > MARKDOWN_MAX)
			continue;
		fwrite(text, 1, size_bytes, out);
		return 0;
	}
}
