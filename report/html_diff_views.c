/* One layout drawn three times, so that a place in one picture is the same place in the others. */
#include "report/html_diff.h"

#include <string.h>

#include "report/escape.h"
#include "report/flame.h"
#include "report/html.h"
#include "report/number.h"
#include "trace/cleanup.h"

#define WIDTH 1200.0
#define ROW 19u
#define RECTS_MAX 80u
#define ROWS_MAX 64u
#define GLYPH 6.7
#define LEAST_WIDTH .3

enum view { VIEW_BEFORE = 0, VIEW_AFTER, VIEW_DIFFERENCE, VIEWS };

static const char *const view_names[] = {"before", "after", "difference"};

static const char *label_of(const struct diff *diff, const struct flame_rect *rect)
{
	if (rect->frame == FLAME_ROOT)
		return "all that stays";
	return rect->frame == FLAME_NO_STACK ? "[no stack]" : diff->stacks.frames[rect->frame].label;
}

static const char *amount(struct arena *arena, const struct diff *diff, uint64_t width)
{
	return diff->is_in_bytes ? arena_text(arena, number_bytes(width).text) : arena_format(arena, "%s objects", number_count(width).text);
}

/* By what part of both together it changed; a small change has no colour. */
static const char *change_class(const struct flame_rect *rect)
{
	uint64_t before = rect->part, after = rect->weight - rect->part;
	uint64_t change = before > after ? before - after : after - before;

	if (10 * (unsigned __int128)change < rect->weight)
		return "equal";
	if (after > before)
		return 2 * (unsigned __int128)change < rect->weight ? "worse some" : "worse";
	return 2 * (unsigned __int128)change < rect->weight ? "better some" : "better";
}

static void write_title(const struct html_diff *html, const struct flame_rect *rect)
{
	uint64_t before = rect->part, after = rect->weight - rect->part;

	fputs("<title>", html->out);
	escape_html(html->out, label_of(html->diff, rect), HTML_NAME_MAX);
	fprintf(html->out, "\nbefore %s, after %s, %s", amount(html->arena, html->diff, before), amount(html->arena, html->diff, after),
		before == after ? "no difference" : after > before ? "&#9650; more: " : "&#9660; less: ");
	if (before != after)
		fputs(amount(html->arena, html->diff, before > after ? before - after : after - before), html->out);
	fputs("</title>", html->out);
}

/* The place of both sides together; in the views of one side it is filled as far as that side's part goes. */
static void write_rect(const struct html_diff *html, const struct flame *flame, uint32_t index, enum view view)
{
	const struct flame_rect *rect = &flame->rects[index];
	const char *label = label_of(html->diff, rect);
	double scale = WIDTH / (double)flame->total, x = (double)rect->start * scale, width = (double)rect->weight * scale;
	uint64_t part = view == VIEW_BEFORE ? rect->part : rect->weight - rect->part;
	size_t room = width > 2 * GLYPH ? (size_t)((width - 6) / GLYPH) : 0;
	uint32_t y = rect->depth * ROW;

	if (width < LEAST_WIDTH)
		width = LEAST_WIDTH;
	fprintf(html->out, "<g data-i=\"%u\"%s%s%s>", index, view == VIEW_DIFFERENCE ? " class=\"" : "", view == VIEW_DIFFERENCE ? change_class(rect) : "",
		view == VIEW_DIFFERENCE ? "\"" : "");
	write_title(html, rect);
	fprintf(html->out, "<rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%u\"/>", x, y, width, ROW - 1);
	if (view != VIEW_DIFFERENCE && part)
		fprintf(html->out, "<rect class=\"part\" x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%u\"/>", x, y,
			width * ((double)part / (double)rect->weight), ROW - 1);
	if (room >= 4) {
		fprintf(html->out, "<text x=\"%.1f\" y=\"%u\">", x + 4, y + 13);
		escape_html(html->out, label, strlen(label) <= room ? room : room - 3);
		fputs("</text>", html->out);
	}
	fputs("</g>\n", html->out);
}

static void write_view(const struct html_diff *html, const struct flame *flame, enum view view)
{
	static const char *const heads[] = {"Before", "After", "Difference"};
	uint64_t before = flame->rect_count ? flame->rects[0].part : 0, after = flame->total - before;

	html_element(html->out, "h3", NULL,
		     view == VIEW_DIFFERENCE ? heads[view] : arena_format(html->arena, "%s: %s stay", heads[view], amount(html->arena, html->diff, view == VIEW_BEFORE ? before : after)));
	fprintf(html->out, "<div class=\"wide\" tabindex=\"0\"><svg class=\"flame view %s\" viewBox=\"0 0 %.0f %u\" role=\"group\" aria-label=\"flame graph, %s\">\n", view_names[view],
		WIDTH, flame->depth * ROW, view_names[view]);
	for (uint32_t i = 0; i < flame->rect_count; i++)
		write_rect(html, flame, i, view);
	fputs("</svg></div>\n", html->out);
}

int html_diff_views(const struct html_diff *html, struct error *err)
{
	CLEANUP(flame_release) struct flame flame = {0};
	const struct diff *diff = html->diff;
	int ret = flame_build_parts(&flame, &diff->stacks, diff->widths_before, RECTS_MAX, ROWS_MAX, err);

	if (ret || !flame.total)
		return ret;
	html_section(html->out, "views", "Where it stays: before, after and the difference");
	fputs("<p class=\"legend\"><span class=\"key kernel\">before</span> <span class=\"key user\">after</span> "
	      "<span class=\"key worse\">&#9650; more after</span> <span class=\"key better\">&#9660; less after</span> "
	      "Callers above, callees below. In all three a function is as wide as what stays under it before and after together, for the same "
	      "exposure: what is gone and what is new are both seen. It is filled as far as one side's part goes.</p>\n",
	      html->out);
	fputs("<div id=\"pictures\">\n", html->out);
	for (uint32_t view = 0; view < VIEWS; view++)
		write_view(html, &flame, (enum view)view);
	fputs("<p class=\"detail\" id=\"detail\" aria-live=\"polite\"></p></div>\n", html->out);
	if (flame.folded_frames)
		fprintf(html->out, "<p class=\"note\">Not drawn: %s functions, too narrow or too deep. The XML has them all.</p>\n", number_count(flame.folded_frames).text);
	return 0;
}
