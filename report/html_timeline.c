/* Bands on top of each other, what accuses somebody at the base: its growth is seen without looking at the others. */
#include "report/html_timeline.h"

#include <math.h>

#include "report/number.h"

#define WIDTH 720u
#define HEIGHT 150u
#define TOP 14u
#define DOTS_MAX 64u

enum band_kind { BAND_LEAK, BAND_UNDETERMINED, BAND_KEPT, BAND_CHURN, BAND_REST, BANDS };

static const struct {
	const char *class, *name;
} bands[BANDS] = {
	[BAND_LEAK] = {"leak", "leak, partial leak"},
	[BAND_UNDETERMINED] = {"unsure", "undetermined"},
	[BAND_KEPT] = {"kept", "saturating, one-shot, long-lived, reclaimable"},
	[BAND_CHURN] = {"churn", "churn, quiet"},
	[BAND_REST] = {"rest", "not told by class"},
};

/* By how much the caches grew by the kernel's own count; objects from before the recording that went count against it.
 */
struct dot {
	uint64_t time_ns;
	int64_t grown;
	uint32_t caches;
};

struct picture {
	uint64_t live[BANDS][TIMELINE_BUCKETS];
	uint64_t all[TIMELINE_BUCKETS];
	uint32_t stacks[BANDS];
	uint32_t buckets;
	struct dot dots[DOTS_MAX];
	uint32_t dot_count;
	double low, high; /* of the scale: at most 0, at least 1 */
};

static enum band_kind band_of(const struct model *model, const struct model_site *site)
{
	/* Where nobody may be accused no class is worth anything. */
	if (*model->unreliable)
		return BAND_REST;
	switch (site->suspect.class) {
	case SUSPECT_LEAK:
	case SUSPECT_PARTIAL_LEAK:
		return BAND_LEAK;
	case SUSPECT_UNDETERMINED:
		return BAND_UNDETERMINED;
	case SUSPECT_CHURN:
	case SUSPECT_QUIET:
		return BAND_CHURN;
	default:
		return BAND_KEPT;
	}
}

/* Stacks of which only the totals are in the page's data are with the rest, so that a page made of a page is the same. */
static void sum_sites(struct picture *picture, const struct model *model, uint32_t detailed)
{
	for (uint32_t i = 0; i < model->site_count; i++) {
		enum band_kind band = i < detailed ? band_of(model, &model->sites[i]) : BAND_REST;
		uint64_t live[TIMELINE_BUCKETS];

		picture->stacks[band] += model->sites[i].live > 0;
		if (band == BAND_REST || !model->sites[i].allocs)
			continue;
		struct timeline timeline = history_timeline(&model->sites[i].lives->history);
		uint32_t buckets = timeline_live(&timeline, model->duration_ns, live);
		for (uint32_t bucket = 0; bucket < buckets; bucket++)
			picture->live[band][bucket] = number_add(picture->live[band][bucket], live[bucket]);
	}
}

/* All of the caches; what the bands lack is the rest. */
static void sum_caches(struct picture *picture, const struct model *model)
{
	for (uint32_t i = 0; i < model->cache_count; i++) {
		uint64_t live[TIMELINE_BUCKETS];

		if (!model->caches[i].timeline)
			continue;
		picture->buckets = timeline_live(model->caches[i].timeline, model->duration_ns, live);
		for (uint32_t bucket = 0; bucket < picture->buckets; bucket++)
			picture->all[bucket] = number_add(picture->all[bucket], live[bucket]);
	}
	for (uint32_t bucket = 0; bucket < picture->buckets; bucket++) {
		uint64_t known = 0;

		for (enum band_kind band = 0; band < BAND_REST; band++)
			known = number_add(known, picture->live[band][bucket]);
		picture->live[BAND_REST][bucket] = picture->all[bucket] > known ? picture->all[bucket] - known : 0;
		picture->high = fmax(picture->high, (double)number_add(known, picture->live[BAND_REST][bucket]));
	}
}

/* The k-th counts of all caches, taken together, make the k-th dot. */
static void add_dots(struct picture *picture, const struct model *model)
{
	uint32_t caches = 0;

	for (uint32_t i = 0; i < model->cache_count; i++) {
		const struct model_cache *cache = &model->caches[i];
		uint64_t first = 0;
		uint32_t turn = 0;

		if (!cache->timeline)
			continue;
		caches++;
		if (cache->growth == MODEL_GROWTH_UNKNOWN)
			continue;
		for (uint32_t j = 0; j < model->census_count && turn < DOTS_MAX; j++) {
			const struct model_census *census = &model->census[j];

			if (census->cache != i)
				continue;
			struct dot *dot = &picture->dots[turn++];
			if (turn == 1)
				first = census->active_objects;
			dot->time_ns = census->time_ns;
			dot->caches++;
			if (__builtin_add_overflow(dot->grown, number_difference(census->active_objects, first),
						   &dot->grown))
				dot->grown = INT64_MAX;
		}
	}
	for (; picture->dot_count < DOTS_MAX && caches && picture->dots[picture->dot_count].caches == caches;
	     picture->dot_count++) {
		double grown = (double)picture->dots[picture->dot_count].grown;

		picture->low = fmin(picture->low, grown);
		picture->high = fmax(picture->high, grown);
	}
}

static uint32_t level(const struct picture *picture, double value)
{
	return TOP + (uint32_t)lround((picture->high - value) / (picture->high - picture->low) * HEIGHT);
}

static uint32_t place(const struct picture *picture, uint32_t bucket)
{
	return (uint32_t)lround((double)WIDTH * bucket / picture->buckets);
}

static void write_edge(FILE *out, const struct picture *picture, const uint64_t *heights, bool is_back)
{
	uint32_t before = UINT32_MAX;

	for (uint32_t i = 0; i < picture->buckets; i++) {
		uint32_t bucket = is_back ? picture->buckets - 1 - i : i, y = level(picture, (double)heights[bucket]);

		if (y != before)
			fprintf(out, "H%uV%u", place(picture, is_back ? bucket + 1 : bucket), y);
		before = y;
	}
	fprintf(out, "H%u", is_back ? 0 : WIDTH);
}

static void write_bands(FILE *out, const struct picture *picture)
{
	uint64_t base[TIMELINE_BUCKETS] = {0}, top[TIMELINE_BUCKETS];

	for (enum band_kind band = 0; band < BANDS; band++) {
		uint64_t most = 0;

		for (uint32_t i = 0; i < picture->buckets; i++) {
			top[i] = number_add(base[i], picture->live[band][i]);
			most = most > picture->live[band][i] ? most : picture->live[band][i];
		}
		if (!most)
			continue;
		fprintf(out, "<path class=\"%s\" d=\"M0 %u", bands[band].class, level(picture, (double)base[0]));
		write_edge(out, picture, top, false);
		write_edge(out, picture, base, true);
		fputs("z\"/>", out);
		for (uint32_t i = 0; i < picture->buckets; i++)
			base[i] = top[i];
	}
}

static void write_dots(FILE *out, const struct picture *picture, const struct model *model)
{
	for (uint32_t i = 0; i < picture->dot_count; i++) {
		double part =
			model->duration_ns ? fmin(1, (double)picture->dots[i].time_ns / (double)model->duration_ns) : 0;

		fprintf(out, "<circle cx=\"%u\" cy=\"%u\" r=\"3\"/>", (uint32_t)lround(part * WIDTH),
			level(picture, (double)picture->dots[i].grown));
	}
}

static void write_svg(FILE *out, const struct picture *picture, const struct model *model)
{
	uint32_t bottom = TOP + HEIGHT;

	fprintf(out,
		"<figure><svg viewBox=\"-4 0 %u %u\" class=\"chart timeline\" role=\"img\" "
		"aria-labelledby=\"timeline-title timeline-desc\">"
		"<title id=\"timeline-title\">Live objects over time</title><desc id=\"timeline-desc\">%s live objects "
		"at the end of %s; the "
		"table below has the numbers.</desc>",
		WIDTH + 8, bottom + 20, number_count(picture->all[picture->buckets - 1]).text,
		number_duration(model->duration_ns).text);
	write_bands(out, picture);
	fprintf(out, "<path class=\"axis\" d=\"M0 %uH%u\"/>", level(picture, 0), WIDTH);
	write_dots(out, picture, model);
	fprintf(out, "<text x=\"0\" y=\"10\">%s</text><text x=\"0\" y=\"%u\">0 s</text>",
		number_count((uint64_t)fmin(picture->high, 9e18)).text, bottom + 16);
	fprintf(out, "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">%s</text></svg></figure>\n", WIDTH, bottom + 16,
		number_duration(model->duration_ns).text);
}

static void write_table(const struct html *html, const struct picture *picture)
{
	static const char *const heads[] = {"Class of the stack", "#Stacks with live ones", "#Live at a third",
					    "#At two thirds",	  "#At the end", NULL};
	FILE *out = html->out;

	html_table(out, "timeline",
		   "Live objects by the class of the stack that allocated them, in the picture from the base up.",
		   heads);
	for (enum band_kind band = 0; band < BANDS; band++) {
		if (!picture->stacks[band] && !picture->live[band][picture->buckets - 1])
			continue;
		fprintf(out, "<tr><th scope=\"row\"><span class=\"swatch %s\"></span> %s</th>", bands[band].class,
			bands[band].name);
		html_number_cell(out, number_count(picture->stacks[band]).text);
		for (uint32_t third = 1; third <= 3; third++) {
			uint32_t at = (picture->buckets * third + 2) / 3 - 1;

			html_number_cell(out, number_count(picture->live[band][at]).text);
		}
		fputs("</tr>\n", out);
	}
	html_table_end(out);
}

void html_timeline(const struct html *html)
{
	struct picture picture = {.buckets = 0};

	sum_sites(&picture, html->model, html->detailed);
	sum_caches(&picture, html->model);
	if (!picture.buckets || picture.high <= 0)
		return;
	add_dots(&picture, html->model);
	html_section(html->out, "timeline", "Live objects over time");
	write_svg(html->out, &picture, html->model);
	if (picture.dot_count)
		fprintf(html->out,
			"<p class=\"note\">Dots: by how many objects the kernel's own count differs from that at the "
			"start, %s at the end. Off "
			"the bands they are by freed objects from before the recording and by free ones that CPUs "
			"hold.</p>\n",
			number_change(picture.dots[picture.dot_count - 1].grown).text);
	write_table(html, &picture);
}
