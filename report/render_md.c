/* For comments on GitHub and GitLab: a headline, a table and the first stacks. */
#include "report/render.h"

#include <errno.h>
#include <stdlib.h>

#include "report/content_text.h"
#include "report/frame_text.h"
#include "report/integrity.h"
#include "report/markdown.h"
#include "report/number.h"
#include "report/ranking.h"
#include "report/site_sum.h"
#include "report/verdict.h"
#include "trace/cleanup.h"

#define ROWS_MAX_MD 10u
#define CONTENT_MAX_MD 128u
#define STACKS_MAX_MD 3u
#define FRAMES_MAX_MD 40u
#define NOTES_MAX_MD 10u

struct md {
	FILE *out;
	const struct model *model;
	struct arena *arena;
};

static const char *bytes_text(const struct md *md, const struct model_site *site)
{
	if (!md->model->caches[site->cache].slot_bytes)
		return "-";
	return arena_text(md->arena, number_bytes(site->live_bytes).text);
}

static void write_row(const struct md *md, const struct model_site *site, uint32_t rank)
{
	fprintf(md->out, "| %u | ", rank);
	markdown_path(md->out, site->name, site->caller, site->via, site->via_skips);
	fputs(" | ", md->out);
	markdown_code(md->out, md->model->caches[site->cache].name, MARKDOWN_NAME_MAX);
	fprintf(md->out, " | %s | %s | %s", number_count(site->live).text, bytes_text(md, site), number_count(site->allocs).text);
	fprintf(md->out, " | %s | %s | %s |\n", suspect_class_name(site->suspect.class),
		site->suspect.confidence ? suspect_confidence_name(site->suspect.confidence) : "-",
		site->suspect.confidence ? verdict_low_rate(md->arena, md->model, site) : "-");
}

static void write_table(const struct md *md)
{
	const struct model *model = md->model;

	if (!model->site_count)
		return;
	fputs("| # | Allocated at | Cache | Live | Live bytes | Allocated | Class | Confidence | At least |\n"
	      "|--:|---|---|--:|--:|--:|---|---|--:|\n",
	      md->out);
	uint32_t next = 0;
	for (uint32_t rank = 1; next < model->site_count && rank <= ROWS_MAX_MD; rank++, next = ranking_next(model, next)) {
		struct model_site site = site_sum(model, next, NULL);

		write_row(md, &site, rank);
	}
	if (next < model->site_count)
		fprintf(md->out, "\nand %s.\n", number_of(model->site_count - next, "more call stack").text);
	fputc('\n', md->out);
}

/* Of the oldest object, in a fence: nothing in it is Markdown. */
static void write_contents(const struct md *md, const struct model_site *site)
{
	uint32_t common = content_common_bytes(site);

	if (!site->content_count)
		return;
	fprintf(md->out, "\nThe %s%s:\n\n```\n", content_head(md->arena, site), common ? " (to the |)" : "");
	for (uint32_t at = 0; at < site->contents[0].size_bytes && at < CONTENT_MAX_MD; at += CONTENT_ROW_BYTES)
		fprintf(md->out, "%s\n", content_row(md->arena, &site->contents[0], at, common));
	fputs("```\n", md->out);
}

static void write_stack(const struct md *md, const struct model_site *site, uint32_t rank)
{
	const struct model_frame *frames[FRAMES_MAX_MD + 1];
	uint32_t count = model_stack(md->model, site->node, frames, FRAMES_MAX_MD + 1);

	fprintf(md->out, "<details><summary>Call stack %u</summary>\n\n", rank);
	for (uint32_t i = 0; i < count && i < FRAMES_MAX_MD; i++) {
		fputs("- ", md->out);
		markdown_code(md->out, arena_format(md->arena, "%.100s%s", frames[i]->label, frame_text_place(md->arena, frames[i])), 2 * MARKDOWN_NAME_MAX);
		fputc('\n', md->out);
	}
	if (count > FRAMES_MAX_MD)
		fputs("- and more\n", md->out);
	if (!count)
		fputs("not recorded\n", md->out);
	write_contents(md, site);
	fputs("\n</details>\n\n", md->out);
}

static void write_all(const struct md *md, uint32_t stacks)
{
	const struct model *model = md->model;

	markdown_paragraph(md->out, "### ", verdict_leak(md->arena, model));
	markdown_paragraph(md->out, "", verdict_headline(md->arena, model));
	markdown_paragraph(md->out, "", verdict_rate(md->arena, model));
	markdown_paragraph(md->out, "", integrity_sentence(md->arena, model));
	markdown_paragraph(md->out, "", verdict_caveat(md->arena, model));
	for (uint32_t i = 0; i < model->note_count && i < NOTES_MAX_MD; i++)
		markdown_paragraph(md->out, "> ", arena_format(md->arena, "%.500s", model->notes[i]));
	write_table(md);
	for (uint32_t i = 0, rank = 1; rank <= stacks && i < model->site_count; i = ranking_next(model, i), rank++)
		write_stack(md, &model->sites[i], rank);
	fprintf(md->out, "Linux ");
	markdown_code(md->out, *model_fact(model, "kernel.release") ? model_fact(model, "kernel.release") : "not known", MARKDOWN_NAME_MAX);
	fprintf(md->out, ", %s, redaction %s, slabreport " SLABREC_VERSION "\n", number_duration(model->duration_ns).text,
		redaction_level_name(model->redaction.level));
}

/* Fewer stacks where it would be longer than a comment may be; what always is there has its own limits. */
int render_md(const struct model *model, FILE *out, struct error *err)
{
	for (uint32_t stacks = STACKS_MAX_MD;; stacks--) {
		CLEANUP(arena_release) struct arena arena = {0};
		CLEANUP(cleanup_free) char *text = NULL;
		size_t size_bytes = 0;
		struct md md = {.out = open_memstream(&text, &size_bytes), .model = model, .arena = &arena};

		if (!md.out)
			return error_set(err, -ENOMEM, "not enough memory for the Markdown");
		write_all(&md, stacks);
		bool failed = ferror(md.out);
		if (fclose(md.out) || failed || arena.failed)
			return error_set(err, -ENOMEM, "not enough memory for the Markdown");
		if (stacks && size_bytes > MARKDOWN_MAX)
			continue;
		fwrite(text, 1, size_bytes, out);
		return 0;
	}
}
