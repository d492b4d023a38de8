/* Geometry of the small pictures. Every number that a picture shows is also in the text beside it or in its title. */
#include "report/chart.h"

#include <math.h>

#include "report/number.h"

#define LIVE_WIDTH 360u
#define LIVE_HEIGHT 72u
#define SPARK_WIDTH 96u
#define SPARK_HEIGHT 18u
#define AGES_WIDTH 360u
#define AGES_HALF 40u
#define BIRTHS_TOP 4u
#define BIRTHS_HEIGHT 44u

static uint64_t largest(const uint64_t *values, uint32_t count)
{
	uint64_t max = 0;

	for (uint32_t i = 0; i < count; i++)
		if (values[i] > max)
			max = values[i];
	return max;
}

/*
 * Steps, not slopes: a bucket says what was live at its end and nothing about the way there. In whole pixels, those at least two wide.
 */
static void live_path(FILE *out, const uint64_t *live, uint32_t count, uint64_t max, uint32_t width, uint32_t height)
{
	uint32_t x = 0, y = height;

	fprintf(out, "<path class=\"area\" d=\"M0 %u", height);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t level = height - (uint32_t)lround((double)live[i] / (double)max * (height - 1));
		uint32_t right = (uint32_t)lround((double)width * (i + 1) / count);

		if (right < x + 2 && i + 1 < count)
			continue;
		if (level != y && x)
			fprintf(out, "H%u", x);
		if (level != y)
			fprintf(out, "V%u", level);
		y = level;
		x = right;
	}
	fprintf(out, "H%uV%uZ\"/>", width, height);
}

void chart_spark(FILE *out, const struct timeline *timeline, uint64_t duration_ns)
{
	uint64_t live[TIMELINE_BUCKETS];
	uint32_t count = timeline_live(timeline, duration_ns, live);
	uint64_t max = largest(live, count);

	fprintf(out,
		"<svg class=\"spark\" width=\"%u\" height=\"%u\" role=\"img\" aria-label=\"live objects over time, at "
		"most %s, "
		"at the end %s\">",
		SPARK_WIDTH, SPARK_HEIGHT, number_count(max).text, number_count(live[count - 1]).text);
	if (max)
		live_path(out, live, count, max, SPARK_WIDTH, SPARK_HEIGHT);
	fputs("</svg>", out);
}

void chart_live(FILE *out, const struct timeline *timeline, uint64_t duration_ns)
{
	uint64_t live[TIMELINE_BUCKETS];
	uint32_t count = timeline_live(timeline, duration_ns, live);
	uint64_t max = largest(live, count);

	fprintf(out,
		"<figure><figcaption>Live objects over time</figcaption><svg viewBox=\"0 0 %u %u\" class=\"chart\" "
		"role=\"img\">"
		"<title>at most %s live objects, %s at the end</title>",
		LIVE_WIDTH, LIVE_HEIGHT + 34, number_count(max).text, number_count(live[count - 1]).text);
	fprintf(out, "<g transform=\"translate(0 16)\">");
	if (max)
		live_path(out, live, count, max, LIVE_WIDTH, LIVE_HEIGHT);
	fprintf(out, "<path class=\"axis\" d=\"M0 %u.5H%u\"/></g>", LIVE_HEIGHT, LIVE_WIDTH);
	fprintf(out, "<text x=\"0\" y=\"11\">%s</text><text x=\"0\" y=\"%u\">0 s</text>", number_count(max).text,
		LIVE_HEIGHT + 30);
	fprintf(out, "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">%s</text></svg></figure>\n", LIVE_WIDTH,
		LIVE_HEIGHT + 30, number_duration(duration_ns).text);
}

/* One bar for each part of the time, from the base up or, where from is given, from the top of that. */
static void birth_bars(FILE *out, const char *what, const uint64_t *counts, const uint64_t *from, uint32_t count, uint64_t max)
{
	fprintf(out, "<path class=\"%s\" d=\"", what);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t left = LIVE_WIDTH * i / count, width = LIVE_WIDTH * (i + 1) / count - left;
		uint32_t low = from ? (uint32_t)lround((double)from[i] / (double)max * BIRTHS_HEIGHT) : 0;
		uint32_t high = (uint32_t)lround((double)number_add(counts[i], from ? from[i] : 0) / (double)max * BIRTHS_HEIGHT);

		/* What there is can be seen, however little. */
		if (counts[i] && high == low)
			high++;
		if (high > low)
			fprintf(out, "M%u %uh%uV%uh-%uz", left, BIRTHS_TOP + BIRTHS_HEIGHT - low, width > 2 ? width - 1 : width,
				BIRTHS_TOP + BIRTHS_HEIGHT - high, width > 2 ? width - 1 : width);
	}
	fputs("\"/>", out);
}

void chart_births(FILE *out, const struct history *history, uint64_t duration_ns)
{
	struct timeline timeline = history_timeline(history);
	uint64_t live[TIMELINE_BUCKETS], survivors[TIMELINE_BUCKETS], freed[TIMELINE_BUCKETS], all = 0, kept = 0;
	uint32_t count = timeline_live(&timeline, duration_ns, live);
	uint64_t max = largest(timeline.allocs, count);

	history_survivors(history, survivors);
	for (uint32_t i = 0; i < count; i++) {
		freed[i] = timeline.allocs[i] - (survivors[i] < timeline.allocs[i] ? survivors[i] : timeline.allocs[i]);
		all = number_add(all, timeline.allocs[i]);
		kept = number_add(kept, survivors[i]);
	}
	if (!max)
		return;
	fprintf(out,
		"<figure><figcaption>What became of those allocated then: <b class=\"freed\">freed</b> on <b class=\"live\">still live</b> "
		"(most in one bar: %s)</figcaption><svg viewBox=\"0 0 %u %u\" class=\"chart\" role=\"img\"><title>of ",
		number_count(max).text, LIVE_WIDTH, BIRTHS_TOP + BIRTHS_HEIGHT + 16);
	fprintf(out, "%s allocated over time ", number_count(all).text);
	fprintf(out, "%s are still live</title>", number_count(kept).text);
	birth_bars(out, "live", survivors, NULL, count, max);
	birth_bars(out, "freed", freed, survivors, count, max);
	fprintf(out, "<path class=\"axis\" d=\"M0 %u.5H%u\"/>", BIRTHS_TOP + BIRTHS_HEIGHT, LIVE_WIDTH);
	fprintf(out, "<text x=\"0\" y=\"%u\">0 s</text><text x=\"%u\" y=\"%u\" text-anchor=\"end\">%s</text></svg></figure>\n",
		BIRTHS_TOP + BIRTHS_HEIGHT + 14, LIVE_WIDTH, BIRTHS_TOP + BIRTHS_HEIGHT + 14, number_duration(duration_ns).text);
}

static void age_bar(FILE *out, const char *what, uint32_t bucket, uint64_t count, double x, double width, double y,
		    double height)
{
	if (!count)
		return;
	fprintf(out,
		"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>%s %s objects of %s to "
		"%s</title></rect>",
		what, x + .5, y, width > 2 ? width - 1 : width, height, number_count(count).text, what,
		number_duration(ages_bucket_from_ns(bucket)).text,
		number_duration(ages_bucket_from_ns(bucket + 1)).text);
}

struct age_range {
	uint32_t first;
	uint32_t last;
	uint64_t max_freed;
	uint64_t max_live;
};

/* At least eight buckets wide, so that a single age does not fill the picture; to the left, as no age is longer than the recording. */
static struct age_range age_range(const struct ages *freed, const struct ages *live)
{
	struct age_range range = {.first = AGES_BUCKETS};

	for (uint32_t i = 0; i < AGES_BUCKETS; i++) {
		if (!freed->buckets[i] && !live->buckets[i])
			continue;
		if (range.first == AGES_BUCKETS)
			range.first = i;
		range.last = i;
		if (freed->buckets[i] > range.max_freed)
			range.max_freed = freed->buckets[i];
		if (live->buckets[i] > range.max_live)
			range.max_live = live->buckets[i];
	}
	while (range.last - range.first < 7) {
		if (range.first)
			range.first--;
		else
			range.last++;
	}
	return range;
}

static void age_label(FILE *out, double x, const char *anchor, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%u\" text-anchor=\"%s\">%s</text>", x, 2 * AGES_HALF + 30, anchor, text);
}

/* Both ends, and between them the powers of ten that people think in: a power of 1024 ns is close to one. */
static void age_marks(FILE *out, const struct age_range *range, double step)
{
	static const char *const names[] = {"1 us", "1 ms", "1 s", "18 min", "13 d"};

	age_label(out, 0, "start", number_duration(ages_bucket_from_ns(range->first)).text);
	age_label(out, AGES_WIDTH, "end", number_duration(ages_bucket_from_ns(range->last + 1)).text);
	for (uint32_t i = 0; i < 5; i++) {
		uint32_t bucket = 10 * i + 1;
		double x = ((double)bucket - range->first) * step;

		if (x < AGES_WIDTH / 5.0 || x > AGES_WIDTH * 4 / 5.0)
			continue;
		fprintf(out, "<path class=\"tick\" d=\"M%.1f 16V%u\"/>", x, 16 + 2 * AGES_HALF);
		age_label(out, x, "middle", names[i]);
	}
}

void chart_ages(FILE *out, const struct ages *freed, const struct ages *live)
{
	if (!freed->count && !live->count)
		return;
	struct age_range range = age_range(freed, live);
	double step = (double)AGES_WIDTH / (range.last - range.first + 1);

	fprintf(out, "<figure><figcaption>Ages: <b class=\"freed\">freed</b> upwards (most in one bar: %s), ",
		number_count(range.max_freed).text);
	fprintf(out,
		"<b class=\"live\">still live</b> downwards (%s)</figcaption><svg viewBox=\"0 0 %u %u\" "
		"class=\"chart\" role=\"img\"><title>ages of freed and of live objects, by powers of two</title>",
		number_count(range.max_live).text, AGES_WIDTH, 2 * AGES_HALF + 34);
	age_marks(out, &range, step);
	for (uint32_t i = range.first; i <= range.last; i++) {
		double up = range.max_freed ? (double)freed->buckets[i] / (double)range.max_freed * AGES_HALF : 0;
		double down = range.max_live ? (double)live->buckets[i] / (double)range.max_live * AGES_HALF : 0;

		age_bar(out, "freed", i, freed->buckets[i], (i - range.first) * step, step, 16 + AGES_HALF - up, up);
		age_bar(out, "live", i, live->buckets[i], (i - range.first) * step, step, 16 + AGES_HALF, down);
	}
	fprintf(out, "<path class=\"axis\" d=\"M0 %u.5H%u\"/></svg></figure>\n", 16 + AGES_HALF, AGES_WIDTH);
}

static const char *const pair_names[] = {"before", "after"};

/* A line of steps up to the end of its own time; before is dashed, so that it is told from after without colour. */
static void pair_line(FILE *out, int side, const uint64_t *curve, uint32_t count, double width, uint32_t height, uint64_t max)
{
	fprintf(out, "<path class=\"%s\" d=\"M0 %u", pair_names[side], height);
	for (uint32_t i = 0; i < count; i++)
		fprintf(out, "V%.1fH%.1f", height - (double)curve[i] / (double)max * (height - 1), width * (i + 1) / count);
	fputs("\"/>", out);
}

static uint64_t pair_max(const uint64_t *const curves[2], uint32_t count)
{
	uint64_t max = 0;

	for (int side = 0; side < 2; side++)
		if (curves[side] && largest(curves[side], count) > max)
			max = largest(curves[side], count);
	return max;
}

static void pair_lines(FILE *out, const uint64_t *const curves[2], uint32_t count, const uint64_t durations_ns[2], uint32_t width, uint32_t height)
{
	uint64_t longest = durations_ns[0] > durations_ns[1] ? durations_ns[0] : durations_ns[1], max = pair_max(curves, count);

	for (int side = 0; side < 2; side++)
		if (curves[side] && max && longest)
			pair_line(out, side, curves[side], count, width * ((double)durations_ns[side] / (double)longest), height, max);
}

/* "before at most 12, at the end 3; after ..." */
static void pair_title(FILE *out, const uint64_t *const curves[2], uint32_t count)
{
	for (int side = 0; side < 2; side++) {
		fprintf(out, "%s%s at most %s", side ? "; " : "", pair_names[side], number_count(curves[side] ? largest(curves[side], count) : 0).text);
		fprintf(out, ", at the end %s", number_count(curves[side] ? curves[side][count - 1] : 0).text);
	}
}

void chart_pair_spark(FILE *out, const uint64_t *const curves[2], uint32_t count, const uint64_t durations_ns[2])
{
	fprintf(out, "<svg class=\"spark pair\" width=\"%u\" height=\"%u\" role=\"img\" aria-label=\"live objects over time, ", SPARK_WIDTH, SPARK_HEIGHT);
	pair_title(out, curves, count);
	fputs("\">", out);
	pair_lines(out, curves, count, durations_ns, SPARK_WIDTH, SPARK_HEIGHT);
	fputs("</svg>", out);
}

void chart_pair(FILE *out, const uint64_t *const curves[2], uint32_t count, const uint64_t durations_ns[2])
{
	uint64_t longest = durations_ns[0] > durations_ns[1] ? durations_ns[0] : durations_ns[1];

	fprintf(out,
		"<figure><figcaption>Live objects over time: <b class=\"before\">before</b> (dashed) and <b class=\"after\">after</b></figcaption>"
		"<svg viewBox=\"0 0 %u %u\" class=\"chart pair\" role=\"img\"><title>",
		LIVE_WIDTH, LIVE_HEIGHT + 34);
	pair_title(out, curves, count);
	fputs("</title><g transform=\"translate(0 16)\">", out);
	pair_lines(out, curves, count, durations_ns, LIVE_WIDTH, LIVE_HEIGHT);
	fprintf(out, "<path class=\"axis\" d=\"M0 %u.5H%u\"/></g>", LIVE_HEIGHT, LIVE_WIDTH);
	fprintf(out, "<text x=\"0\" y=\"11\">%s</text><text x=\"0\" y=\"%u\">0 s</text>", number_count(pair_max(curves, count)).text, LIVE_HEIGHT + 30);
	fprintf(out, "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">%s</text></svg></figure>\n", LIVE_WIDTH, LIVE_HEIGHT + 30,
		number_duration(longest).text);
}
