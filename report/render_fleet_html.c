/* Fills templates/fleet.html: a page without scripts, in the style of the other one. */
#include "report/render_fleet.h"

#include <errno.h>

#include "report/html.h"
#include "report/html_files.h"
#include "report/number.h"

#define ROWS_MAX 500u
#define CARDS_MAX 20u

struct page {
	struct html_files files; /* first: its slots look there */
	struct arena arena;
	const struct fleet *fleet;
};

static void slot_title(FILE *out, void *context)
{
	struct page *page = context;

	html_text(out, arena_format(&page->arena, "%s recordings, %s of the kernel", number_count(page->fleet->recording_count).text,
				    page->fleet->kernel_count == 1 ? "one build" : arena_format(&page->arena, "%u builds", page->fleet->kernel_count)));
}

static void slot_verdict(FILE *out, void *context)
{
	struct page *page = context;
	const char *const *remarks = fleet_remarks(&page->arena, page->fleet);

	html_element(out, "p", "headline", fleet_verdict(&page->arena, page->fleet));
	for (; remarks && *remarks; remarks++)
		html_element(out, "p", "note", *remarks);
}

static const char *host_text(struct page *page, const struct fleet_host_value *host)
{
	return arena_format(&page->arena, "%s: %s live, %.3g/h, %s", fleet_recording_name(&page->arena, page->fleet, host->recording),
			    number_count(host->live).text, host->rate, suspect_class_name(host->class));
}

static void write_row(FILE *out, struct page *page, const struct fleet_row *row, uint32_t number)
{
	const struct fleet *fleet = page->fleet;
	const char *caller = fleet_row_caller(fleet, row);
	const char *name = fleet_row_name(fleet, row);

	fputs("<tr>", out);
	html_number_cell(out, number_count(number).text);
	html_name_cell(out, *caller ? arena_format(&page->arena, "%s <- %s", name, caller) : name);
	html_name_cell(out, signature_text(&fleet->names, row->signature->cache));
	html_number_cell(out, number_count(row->leak_hosts).text);
	html_number_cell(out, number_count(row->live_hosts).text);
	html_number_cell(out, number_count(row->hosts).text);
	html_number_cell(out, number_count(row->live).text);
	html_number_cell(out, number_bytes(row->live_bytes).text);
	html_number_cell(out, row->low_rate > 0 ? arena_format(&page->arena, "%.3g objects/s (%s/s)", row->low_rate,
							       number_bytes((uint64_t)row->low_bytes).text) : "-");
	html_number_cell(out, number_count(row->outliers).text);
	html_element(out, "td", NULL, row->outliers ? host_text(page, &row->top[0]) : "-");
	fputs("</tr>\n", out);
}

static void slot_rows(FILE *out, void *context)
{
	static const char *const heads[] = {"#Rank",   "Allocated at", "Cache",	  "#Leak on", "#Live on", "#Allocated on", "#Live",
					    "#Live bytes", "#At least",	  "#Outliers", "The first of them", NULL};
	struct page *page = context;
	const struct fleet *fleet = page->fleet;

	html_table(out, "sites", "Call stacks, leaks first. At least: the lower bounds of the leaks' rates (95 %), added up over the machines.", heads);
	for (uint32_t i = 0; i < fleet->row_count && i < ROWS_MAX; i++)
		write_row(out, page, fleet->rows[i], i + 1);
	html_table_end(out);
	if (fleet->row_count > ROWS_MAX)
		html_element(out, "p", "note", arena_format(&page->arena, "Not shown: %s. The JSON report has all.", number_of(fleet->row_count - ROWS_MAX, "more call stack").text));
}

static void write_card(FILE *out, struct page *page, const struct fleet_row *row, uint32_t number)
{
	const struct fleet *fleet = page->fleet;

	html_element(out, "h3", NULL, arena_format(&page->arena, "%u. %s", number, fleet_row_name(fleet, row)));
	html_element(out, "p", NULL,
		     arena_format(&page->arena, "Found on %u build%s of the kernel%s%s. Half of the recordings have less than %.3g objects/h live there, three quarters less than %.3g.",
				  row->kernels, row->kernels == 1 ? "" : "s", row->rung ? ", matched by: " : "",
				  row->rung ? signature_rung_name(row->rung) : "", row->median * 1.42, row->upper * 1.42));
	fputs("<ul>", out);
	for (uint32_t i = 0; i < row->top_count; i++)
		html_element(out, "li", NULL,
			     arena_format(&page->arena, "%s%s", host_text(page, &row->top[i]), fleet_is_outlier(row, &row->top[i]) ? " (stands out)" : ""));
	fputs("</ul>\n<pre>", out);
	for (uint32_t i = 0; i < row->signature->count; i++) {
		html_text(out, signature_text(&fleet->names, row->signature->functions[i].name));
		fputc('\n', out);
	}
	fputs("</pre>\n", out);
}

static void slot_cards(FILE *out, void *context)
{
	struct page *page = context;

	for (uint32_t i = 0; i < page->fleet->row_count && i < CARDS_MAX; i++)
		write_card(out, page, page->fleet->rows[i], i + 1);
}

int render_fleet_html(const struct fleet *fleet, FILE *out, struct error *err)
{
	static const struct template_slot slots[] = {{"style-hash", html_slot_style_hash}, {"style", html_slot_style}, {"generator", html_slot_generator},
						     {"title", slot_title}, {"verdict", slot_verdict}, {"rows", slot_rows}, {"cards", slot_cards}, {0}};
	struct page page = {.fleet = fleet};
	int ret = html_files_find(&page.files, "fleet.html", "report.css", NULL, NULL, err);

	if (!ret)
		ret = template_write(page.files.page, slots, &page, out, err);
	if (!ret && page.arena.failed)
		ret = error_set(err, -ENOMEM, "not enough memory for the page");
	arena_release(&page.arena);
	return ret;
}
