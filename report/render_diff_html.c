/* Fills templates/diff.html: one file, complete without scripts, nothing loaded from anywhere. */
#include "report/render.h"

#include <errno.h>

#include "report/diff_text.h"
#include "report/html.h"
#include "report/html_diff.h"
#include "report/html_files.h"
#include "report/number.h"

struct page {
	struct html_files files; /* first: its slots look there */
	struct html_diff html;
	struct error *err;
	int ret;
};

static void slot_title(FILE *out, void *context)
{
	const struct diff *diff = ((struct page *)context)->html.diff;

	fprintf(out, "Before and after: %u worse, %u better", diff->states[DIFF_REGRESSED] + diff->states[DIFF_NEW],
		diff->states[DIFF_FIXED] + diff->states[DIFF_IMPROVED]);
}

static void slot_subject(FILE *out, void *context)
{
	const struct html_diff *html = &((struct page *)context)->html;
	const struct diff_input *input = html->diff->input;

	html_text(out, arena_format(html->arena, "before: %.100s%s, after: %.100s%s", input->runs[DIFF_BEFORE][0].name,
				    input->run_count[DIFF_BEFORE] > 1 ? " and more" : "", input->runs[DIFF_AFTER][0].name,
				    input->run_count[DIFF_AFTER] > 1 ? " and more" : ""));
}

static void slot_verdict(FILE *out, void *context)
{
	const struct html_diff *html = &((struct page *)context)->html;

	html_element(out, "p", "headline", diff_text_headline(html->arena, html->diff));
	html_element(out, "p", "rate", diff_text_counts(html->arena, html->diff));
	html_element(out, "p", "rate", diff_text_exposure(html->arena, html->diff));
	html_element(out, "p", "caveat", diff_text_caveat(html->arena, html->diff));
}

static void slot_sides(FILE *out, void *context)
{
	(void)out;
	html_diff_sides(&((struct page *)context)->html);
}

static void slot_changes(FILE *out, void *context)
{
	(void)out;
	html_diff_changes(&((struct page *)context)->html);
}

static void slot_cards(FILE *out, void *context)
{
	(void)out;
	html_diff_cards(&((struct page *)context)->html);
}

static void slot_views(FILE *out, void *context)
{
	struct page *page = context;

	(void)out;
	if (!page->ret)
		page->ret = html_diff_views(&page->html, page->err);
}

static void slot_lists(FILE *out, void *context)
{
	(void)out;
	html_diff_lists(&((struct page *)context)->html);
}

static void slot_redacted(FILE *out, void *context)
{
	html_redaction(out, &((struct page *)context)->html.diff->input->redaction);
	fputs("Kernel addresses are in no report.", out);
}

static const struct template_slot slots[] = {
	{"style-hash", html_slot_style_hash},
	{"diff-style-hash", html_slot_more_style_hash},
	{"script-hash", html_slot_script_hash},
	{"style", html_slot_style},
	{"diff-style", html_slot_more_style},
	{"script", html_slot_script},
	{"title", slot_title},
	{"subject", slot_subject},
	{"verdict", slot_verdict},
	{"sides", slot_sides},
	{"changes", slot_changes},
	{"cards", slot_cards},
	{"views", slot_views},
	{"lists", slot_lists},
	{"redacted", slot_redacted},
	{"generator", html_slot_generator},
	{0},
};

int render_diff_html(const struct diff *diff, FILE *out, struct error *err)
{
	struct arena arena = {0};
	struct page page = {.html = {.out = out, .diff = diff, .arena = &arena}, .err = err};
	int ret = html_files_find(&page.files, "diff.html", "report.css", "diff.css", "diff.js", err);

	if (!ret)
		ret = template_write(page.files.page, slots, &page, out, err);
	if (!ret)
		ret = page.ret;
	if (!ret && arena.failed)
		ret = error_set(err, -ENOMEM, "not enough memory for the page");
	arena_release(&arena);
	return ret;
}
