/* Which rectangle gets which text; the layout is flame.c's. */
#include "report/html_flame.h"

#include <string.h>

#include "report/escape.h"
#include "report/flame.h"
#include "report/number.h"
#include "trace/cleanup.h"

#define WIDTH 1200.0
#define ROW 19u
#define RECTS_MAX 100u
#define ROWS_MAX 96u
#define GLYPH 6.7 /* width of a character at the size the style sheet gives */
#define LEAST_WIDTH .3

static const char *rect_label(const struct model *model, const struct flame_rect *rect)
{
	if (rect->frame == FLAME_ROOT)
		return "all live objects";
	if (rect->frame == FLAME_NO_STACK)
		return "[no stack]";
	return model->frames[rect->frame].label;
}

/* Colour says where it runs; so does the word in the title, and slanted letters for user code. */
static const char *rect_class(const struct model *model, const struct flame_rect *rect)
{
	if (rect->frame == FLAME_ROOT || rect->frame == FLAME_NO_STACK)
		return "root";
	if (model->frames[rect->frame].is_user)
		return "user";
	return model->frames[rect->frame].class == NAME_CODE ? "kernel" : "kernel plain";
}

static const char *rect_place(const struct model *model, const struct flame_rect *rect)
{
	if (rect->frame == FLAME_ROOT || rect->frame == FLAME_NO_STACK)
		return "";
	return model->frames[rect->frame].is_user ? ", user" : ", kernel";
}

static void rect_title(const struct html *html, const struct flame *flame, const struct flame_rect *rect)
{
	fputs("<title>", html->out);
	escape_html(html->out, rect_label(html->model, rect), HTML_NAME_MAX);
	fputs(rect_place(html->model, rect), html->out);
	fprintf(html->out, "\n%s live objects", number_count(rect->objects).text);
	if (!flame->is_objects)
		fprintf(html->out, ", %s", number_bytes(rect->weight).text);
	fprintf(html->out, ", %s</title>", number_percent(rect->weight, flame->total).text);
}

static void write_rect(const struct html *html, const struct flame *flame, const struct flame_rect *rect)
{
	const char *label = rect_label(html->model, rect);
	double scale = WIDTH / (double)flame->total;
	double x = (double)rect->start * scale, width = (double)rect->weight * scale;
	size_t room = width > 2 * GLYPH ? (size_t)((width - 6) / GLYPH) : 0;

	fprintf(html->out, "<g class=\"%s\">", rect_class(html->model, rect));
	rect_title(html, flame, rect);
	fprintf(html->out, "<rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%u\"/>", x, rect->depth * ROW,
		width < LEAST_WIDTH ? LEAST_WIDTH : width, ROW - 1);
	/* Three letters of a name say nothing; where it is cut, two dots stand for the rest. */
	if (room >= 4) {
		fprintf(html->out, "<text x=\"%.1f\" y=\"%u\">", x + 4, rect->depth * ROW + 13);
		escape_html(html->out, label, strlen(label) <= room ? room : room - 3);
		fputs("</text>", html->out);
	}
	fputs("</g>\n", html->out);
}

static void write_folded(FILE *out, const struct flame *flame)
{
	const char *unit = flame->is_objects ? "live objects" : "live bytes";

	if (!flame->folded_frames) {
		fprintf(out, "<p class=\"note\">Every function of every stack with live objects is drawn.</p>\n");
		return;
	}
	fprintf(out,
		"<p class=\"note\">Not drawn: %s functions, too narrow or more than %u deep; the stacks that end in "
		"one hold ",
		number_count(flame->folded_frames).text, ROWS_MAX);
	fprintf(out, "%s of the %s. The XML has them all.</p>\n",
		number_percent(flame->folded_weight, flame->total).text, unit);
}

static void write_flame(const struct html *html, const struct flame *flame)
{
	FILE *out = html->out;

	html_section(out, "flame",
		     flame->is_objects ? "Where the live objects come from" : "Where the live bytes come from");
	fputs("<p class=\"legend\"><span class=\"key user\">user</span> <span class=\"key kernel\">kernel</span> "
	      "<span class=\"key kernel plain\">allocator, entry</span> Callers above, callees below; a function is as "
	      "wide as "
	      "what was allocated under it and is still live.</p>\n",
	      out);
	fprintf(out,
		"<div class=\"picture\"><div class=\"wide\" tabindex=\"0\"><svg id=\"flamegraph\" class=\"flame\" viewBox=\"0 0 %.0f %u\" "
		"role=\"group\" "
		"aria-label=\"flame graph, root on top\">\n",
		WIDTH, flame->depth * ROW);
	for (uint32_t i = 0; i < flame->rect_count; i++)
		write_rect(html, flame, &flame->rects[i]);
	fputs("</svg></div>\n", out);
	write_folded(out, flame);
	fputs("</div>\n", out);
}

int html_flame(const struct html *html, struct error *err)
{
	CLEANUP(flame_release) struct flame flame = {0};
	int ret = flame_build(&flame, html->model, RECTS_MAX, ROWS_MAX, err);

	if (!ret && flame.total)
		write_flame(html, &flame);
	return ret;
}
