/* Fills templates/report.html: one file, complete without scripts, nothing loaded from anywhere. */
#include "report/render.h"

#include <errno.h>

#include "report/escape.h"
#include "report/gzip.h"
#include "report/html.h"
#include "report/html_capture.h"
#include "report/html_files.h"
#include "report/html_flame.h"
#include "report/html_site.h"
#include "report/html_timeline.h"
#include "report/number.h"
#include "report/pack.h"
#include "report/page.h"
#include "report/ranking.h"
#include "report/template.h"
#include "report/verdict.h"
#include "report/worker.h"
#include "trace/cleanup.h"

/* A page being written; a section that fails leaves its error here. */
struct page {
	struct html_files files; /* first: its slots look there */
	struct html html;
	struct error *err;
	int ret;
	/* The data, made small while the rest is written. */
	struct worker packer;
	struct buffer raw, packed;
	struct error pack_err;
	int pack_ret;
};

static void pack(void *context)
{
	struct page *page = context;

	page->pack_ret = gzip_pack(&page->packed, page->raw.bytes, page->raw.size_bytes, &page->pack_err);
}

static void slot_title(FILE *out, void *context)
{
	const struct html *html = &((struct page *)context)->html;

	html_text(out, arena_format(html->arena, "%s: %s live", verdict_subject(html->arena, html->model),
				    number_count(html->model->live).text));
}

static void slot_subject(FILE *out, void *context)
{
	const struct html *html = &((struct page *)context)->html;
	const char *release = model_fact(html->model, "kernel.release");

	html_text(out, verdict_subject(html->arena, html->model));
	if (html->model->duration_ns)
		fprintf(out, " &#183; %s", number_duration(html->model->duration_ns).text);
	if (*release) {
		fputs(" &#183; Linux ", out);
		escape_html(out, release, HTML_NAME_MAX);
	}
}

static void slot_verdict(FILE *out, void *context)
{
	const struct html *html = &((struct page *)context)->html;

	html_element(out, "p", "headline", verdict_leak(html->arena, html->model));
	html_element(out, "p", "rate", verdict_headline(html->arena, html->model));
	html_element(out, "p", "rate", verdict_rate(html->arena, html->model));
	html_element(out, "p", "caveat", verdict_caveat(html->arena, html->model));
}

static void slot_integrity(FILE *out, void *context)
{
	(void)out;
	html_integrity_strip(&((struct page *)context)->html);
}

static void slot_sites(FILE *out, void *context)
{
	(void)out;
	html_site_table(&((struct page *)context)->html);
}

static void slot_timeline(FILE *out, void *context)
{
	(void)out;
	html_timeline(&((struct page *)context)->html);
}

static void slot_flame(FILE *out, void *context)
{
	struct page *page = context;

	(void)out;
	if (!page->ret)
		page->ret = html_flame(&page->html, page->err);
}

static void slot_cards(FILE *out, void *context)
{
	(void)out;
	html_site_cards(&((struct page *)context)->html);
}

static void slot_caches(FILE *out, void *context)
{
	(void)out;
	html_caches(&((struct page *)context)->html);
}

static void slot_capture(FILE *out, void *context)
{
	(void)out;
	html_capture(&((struct page *)context)->html);
}

static void slot_environment(FILE *out, void *context)
{
	(void)out;
	html_environment(&((struct page *)context)->html);
}

/* Everything that was counted, for the explorer and for slabreport --from. */
static void slot_data(FILE *out, void *context)
{
	struct page *page = context;

	worker_wait(&page->packer);
	if (!page->ret && page->pack_ret)
		page->ret = error_set(page->err, page->pack_ret, "%s", page->pack_err.message);
	if (!page->ret)
		base64_write(out, page->packed.bytes, page->packed.size_bytes);
}

/* What this page is too small for. */
static void slot_folded(FILE *out, void *context)
{
	const struct model *model = ((struct page *)context)->html.model;
	uint32_t detailed = ((struct page *)context)->html.detailed;

	if (detailed == model->site_count) {
		fputs("Nothing that was counted is missing in it.", out);
		return;
	}
	fprintf(out, "Of the last %s of ", number_count(model->site_count - detailed).text);
	fprintf(out, "%s call stacks it has the totals only; histories, ages, tasks and who frees are with the trace, and in a page made with --whole-page.",
		number_count(model->site_count).text);
}

static bool has_contents(const struct model *model)
{
	for (uint32_t i = 0; i < model->site_count; i++)
		if (model->sites[i].content_count)
			return true;
	return false;
}

static void slot_redacted(FILE *out, void *context)
{
	const struct model *model = ((struct page *)context)->html.model;

	html_redaction(out, &model->redaction);
	fputs(model->redaction.level ? "Processes are numbered in the order of this report: these are no PIDs. Kernel addresses are in no report."
	      : has_contents(model)  ? "Kernel addresses are in no report, but for contents of objects, which are shown as they are."
				     : "Kernel addresses are in no report.", out);
}

static const struct template_slot slots[] = {
	{"style-hash", html_slot_style_hash},
	{"script-hash", html_slot_script_hash},
	{"style", html_slot_style},
	{"script", html_slot_script},
	{"title", slot_title},
	{"subject", slot_subject},
	{"verdict", slot_verdict},
	{"integrity", slot_integrity},
	{"sites", slot_sites},
	{"timeline", slot_timeline},
	{"flame", slot_flame},
	{"cards", slot_cards},
	{"caches", slot_caches},
	{"capture", slot_capture},
	{"environment", slot_environment},
	{"redacted", slot_redacted},
	{"data", slot_data},
	{"folded", slot_folded},
	{"generator", html_slot_generator},
	{0},
};

int render_html(const struct model *model, FILE *out, struct error *err)
{
	struct arena arena = {0};
	struct page page = {.html = {.out = out, .model = model, .arena = &arena, .ranked = ranking_count(model)}, .err = err};
	int ret = html_files_find(&page.files, "report.html", "report.css", NULL, "report.js", err);

	if (!ret)
		ret = pack_model(model, pack_page_limit(model), &page.raw, &page.html.detailed, err);
	if (!ret)
		worker_start(&page.packer, pack, &page);
	if (!ret)
		ret = template_write(model->page ? model->page : page.files.page, slots, &page, out, err);
	if (!ret)
		ret = page.ret;
	if (!ret && arena.failed)
		ret = error_set(err, -ENOMEM, "not enough memory for the page");
	/* A page may have no slot for it. */
	worker_wait(&page.packer);
	buffer_release(&page.raw);
	buffer_release(&page.packed);
	arena_release(&arena);
	return ret;
}
