/* Words stand beside every colour and mark; "before" and "after" are never left to a column's place alone. */
#include "report/html_diff.h"

#include "report/chart.h"
#include "report/diff_text.h"
#include "report/escape.h"
#include "report/html.h"
#include "report/number.h"

#define ROWS_OPEN 40u
#define ROWS_MAX 300u
#define CARDS_OPEN 3u
#define CARDS_MAX 40u
#define LIST_MAX 100u

static void write_run(const struct html_diff *html, enum diff_side side, uint32_t index)
{
	const struct diff_run *run = &html->diff->input->runs[side][index];
	FILE *out = html->out;

	fprintf(out, "<tr><th scope=\"row\">%s %u</th>", diff_side_name(side), index + 1);
	html_name_cell(out, run->name);
	html_name_cell(out, *run->release ? run->release : "-");
	html_number_cell(out, number_duration(run->duration_ns).text);
	html_number_cell(out, run->has_work ? number_count(run->work).text : "-");
	html_number_cell(out, number_count(run->allocs).text);
	html_number_cell(out, number_count(run->live).text);
	html_number_cell(out, number_count(run->site_count).text);
	html_element(out, "td", "long", *run->unreliable ? arena_format(html->arena, "Cannot be relied on: %s. %s", run->unreliable, run->trust) : run->trust);
	fputs("</tr>\n", out);
}

void html_diff_sides(const struct html_diff *html)
{
	static const char *const heads[] = {"Side", "Recording", "Kernel", "#Length", "#Units of work", "#Allocated", "#Live", "#Call stacks", "How far to trust it", NULL};
	FILE *out = html->out;

	html_section(out, "sides", "What was compared");
	html_table(out, "recordings", "The recordings of before and of after.", heads);
	for (int side = 0; side < DIFF_SIDES; side++)
		for (uint32_t i = 0; i < html->diff->input->run_count[side]; i++)
			write_run(html, (enum diff_side)side, i);
	html_table_end(out);
	html_element(out, "p", "note", diff_text_matching(html->arena, html->diff));
}

/* A mark as an entity, for those who see it; the word beside it says the same. */
static const char *mark_of(enum diff_state state)
{
	if (state == DIFF_REGRESSED || state == DIFF_NEW)
		return "&#9650; ";
	return state == DIFF_FIXED || state == DIFF_IMPROVED ? "&#9660; " : "";
}

static const char *class_of(enum diff_state state)
{
	if (state == DIFF_REGRESSED || state == DIFF_NEW)
		return "worse";
	return state == DIFF_FIXED || state == DIFF_IMPROVED ? "better" : "open";
}

static void write_place(const struct html_diff *html, const struct diff_row *row)
{
	fputs("<code>", html->out);
	escape_html(html->out, row->name, HTML_NAME_MAX);
	if (*row->caller) {
		fputs(" <span class=\"caller\">from ", html->out);
		escape_html(html->out, row->caller, HTML_NAME_MAX);
		fputs("</span>", html->out);
	}
	if (*row->via) {
		fputs(row->via_skips ? " <span class=\"caller\">from &#8230; " : " <span class=\"caller\">from ", html->out);
		escape_html(html->out, row->via, HTML_NAME_MAX);
		fputs("</span>", html->out);
	}
	fputs("</code>", html->out);
}

static void write_curves(const struct html_diff *html, const struct diff_row *row, void (*chart)(FILE *, const uint64_t *const[2], uint32_t, const uint64_t[2]))
{
	const uint64_t *const curves[2] = {row->sides[DIFF_BEFORE].curve, row->sides[DIFF_AFTER].curve};

	if (curves[0] || curves[1])
		chart(html->out, curves, DIFF_CURVE_POINTS, html->diff->longest_ns);
}

static const char *bounds(const struct html_diff *html, const struct diff_row *row)
{
	const struct rate_change *change = &row->change;

	if (change->count[0] + change->count[1] <= 0 || row->sides[0].is_unrecorded || row->sides[1].is_unrecorded)
		return "";
	return arena_format(html->arena, " (%s to %s)", diff_text_number(html->arena, change->ratio_low), diff_text_number(html->arena, change->ratio_high));
}

static void write_row(const struct html_diff *html, const struct diff_row *row, uint32_t rank)
{
	FILE *out = html->out;

	fputs("<tr>", out);
	html_number_cell(out, number_count(rank).text);
	fprintf(out, "<td><span class=\"%s\">%s%s</span>", class_of(row->state), mark_of(row->state), diff_state_name(row->state));
	if (row->need_ns)
		fprintf(out, " <span class=\"caller\">would need %s</span>", number_duration(row->need_ns).text);
	fputs("</td><th scope=\"row\">", out);
	write_place(html, row);
	fputs("</th>", out);
	html_name_cell(out, diff_text_cache(html->arena, row));
	html_number_cell(out, diff_text_rate(html->arena, html->diff, row, DIFF_BEFORE));
	html_number_cell(out, diff_text_rate(html->arena, html->diff, row, DIFF_AFTER));
	html_number_cell(out, arena_format(html->arena, "%s%s", diff_text_ratio(html->arena, row), bounds(html, row)));
	html_element(out, "td", NULL, signature_rung_name(row->rung));
	fputs("<td class=\"pic\">", out);
	write_curves(html, row, chart_pair_spark);
	fputs("</td></tr>\n", out);
}

static void write_rows(const struct html_diff *html, const char *caption, uint32_t from, uint32_t to)
{
	static const char *const heads[] = {"#Rank", "State", "Allocated at", "Cache", "#Stays before", "#Stays after", "#After to before (95 %)", "Matched by", "Live over time", NULL};

	html_table(html->out, "sites changes", caption, heads);
	for (uint32_t i = from; i < to; i++)
		write_row(html, &html->diff->rows[i], i + 1);
	html_table_end(html->out);
}

void html_diff_changes(const struct html_diff *html)
{
	const struct diff *diff = html->diff;
	uint32_t told = diff->row_count - diff->states[DIFF_SAME], shown = diff->row_count < ROWS_MAX ? diff->row_count : ROWS_MAX;
	uint32_t open = told < ROWS_OPEN ? told : ROWS_OPEN;

	if (!diff->row_count)
		return;
	html_section(html->out, "changes", "What changed between before and after");
	if (!open)
		html_element(html->out, "p", "note", "Nothing did beyond noise, and all is decided.");
	else
		write_rows(html,
			   arena_format(html->arena, "One row per cache and call stack: objects that stay, in %s. Worse first, then better, then what "
						     "cannot be decided and how long recordings would have to be. Changes are those of which 5 %% at most are chance.",
					diff_text_unit(diff)),
			   0, open);
	if (open < shown) {
		fprintf(html->out, "<details><summary>Call stacks %u to %u", open + 1, shown);
		fputs(open == told ? ", which are the same before and after</summary>\n" : "</summary>\n", html->out);
		write_rows(html, "Continued.", open, shown);
		fputs("</details>\n", html->out);
	}
	if (shown < diff->row_count)
		fprintf(html->out, "<p class=\"note\">Not shown: %s. The XML has all.</p>\n", number_of(diff->row_count - shown, "more call stack").text);
}

static void write_stack(const struct html_diff *html, const struct diff_row *row)
{
	const struct model_frame *frames[SIGNATURE_DEPTH_MAX];
	uint32_t count = model_stack(&html->diff->stacks, row->node, frames, SIGNATURE_DEPTH_MAX);

	fputs("<ol class=\"stack\">\n", html->out);
	for (uint32_t i = 0; i < count; i++) {
		fputs("<li class=\"kernel\"><code>", html->out);
		escape_html(html->out, frames[i]->label, HTML_NAME_MAX);
		fputs("<span class=\"off\">", html->out);
		html_text(html->out, arena_format(html->arena, "%s%.100s%s %.200s", *frames[i]->module ? " [" : "", frames[i]->module, *frames[i]->module ? "]" : "",
						  frames[i]->source_file));
		fputs("</span></code></li>\n", html->out);
	}
	fputs(count ? "</ol>\n" : "<li>not recorded</li></ol>\n", html->out);
}

static void write_card(const struct html_diff *html, const struct diff_row *row, uint32_t rank)
{
	FILE *out = html->out;

	fprintf(out, "<details class=\"card\" id=\"change-%u\"%s><summary><span class=\"rank\">%u.</span> <span class=\"%s\">%s%s</span>: <span class=\"name\">", rank,
		rank <= CARDS_OPEN ? " open" : "", rank, class_of(row->state), mark_of(row->state), diff_state_name(row->state));
	escape_html(out, row->name, HTML_NAME_MAX);
	fputs("</span><span class=\"sum\">", out);
	html_text(out, diff_text_cache(html->arena, row));
	fputs("</span></summary>\n<div class=\"body\"><div>\n", out);
	html_element(out, "p", "note", arena_format(html->arena, "%s. By its recordings: %s.", diff_text_why(html->arena, html->diff, row), diff_text_classes(html->arena, row)));
	html_element(out, "h3", NULL, "Call stack, without allocator, entry and user space");
	write_stack(html, row);
	fputs("</div><div>\n", out);
	write_curves(html, row, chart_pair);
	fputs("</div></div></details>\n", out);
}

void html_diff_cards(const struct html_diff *html)
{
	uint32_t told = html->diff->row_count - html->diff->states[DIFF_SAME];

	if (!told)
		return;
	html_section(html->out, "cards", "Call stacks that changed or cannot be decided");
	for (uint32_t i = 0; i < told && i < CARDS_MAX; i++)
		write_card(html, &html->diff->rows[i], i + 1);
	if (told > CARDS_MAX)
		fprintf(html->out, "<p class=\"note\">%s more are in the table above or in the XML.</p>\n", number_count(told - CARDS_MAX).text);
}

static void write_list(const struct html_diff *html, enum diff_side side, const char *id, const char *title, const char *caption, uint32_t count)
{
	static const char *const heads[] = {"Allocated at", "Cache", "#Allocated", "#Live at the end", "State", NULL};
	uint32_t shown = 0;

	html_section(html->out, id, title);
	if (!count) {
		html_element(html->out, "p", "note", "None.");
		return;
	}
	if (count > ROWS_OPEN)
		fprintf(html->out, "<details><summary>%s call stacks</summary>\n", number_count(count).text);
	html_table(html->out, "sites", caption, heads);
	for (uint32_t i = 0; i < html->diff->row_count && shown < LIST_MAX; i++) {
		const struct diff_row *row = &html->diff->rows[i];

		if (!row->sides[side].is_there || row->sides[!side].is_there)
			continue;
		shown++;
		fputs("<tr><th scope=\"row\">", html->out);
		write_place(html, row);
		fputs("</th>", html->out);
		html_name_cell(html->out, row->sides[side].cache);
		html_number_cell(html->out, number_count(row->sides[side].allocs).text);
		html_number_cell(html->out, number_count(row->sides[side].live).text);
		html_element(html->out, "td", NULL, row->sides[!side].is_unrecorded ? arena_format(html->arena, "not recorded %s", diff_side_name((enum diff_side)!side)) : diff_state_name(row->state));
		fputs("</tr>\n", html->out);
	}
	html_table_end(html->out);
	if (shown < count)
		fprintf(html->out, "<p class=\"note\">Not shown: %s more. The XML has them all.</p>\n", number_count(count - shown).text);
	if (count > ROWS_OPEN)
		fputs("</details>\n", html->out);
}

void html_diff_lists(const struct html_diff *html)
{
	write_list(html, DIFF_BEFORE, "gone", "Gone: call stacks that were there before only", "Call stacks that were seen to allocate before and not after.", html->diff->gone);
	write_list(html, DIFF_AFTER, "new", "New: call stacks that are there after only", "Call stacks that were seen to allocate after and not before.", html->diff->fresh);
}
