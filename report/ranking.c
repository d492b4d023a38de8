/* Ranks sites by what they and their variants have together. */
#include "report/ranking.h"

#include <errno.h>
#include <stdlib.h>

#include "report/number.h"
#include "trace/cleanup.h"

/* A site that is told of by itself, and the sums of it and its variants. */
struct told {
	uint32_t site : 30;
	uint32_t kind : 2; /* kind_of() its suspect */
	float score;
	uint64_t live, live_bytes;
};

/* Where a site stands: with the told one of that number, by number or by place. */
struct place {
	uint32_t told;
	uint32_t site;
};

/* Leaks first, then what may be one. */
static unsigned int kind_of(const struct suspect *suspect)
{
	return suspect_is_leak(suspect) ? 0 : suspect->class == SUSPECT_UNDETERMINED ? 1 : 2;
}

static int by_rank(const void *left, const void *right, void *context)
{
	const struct told *a = left, *b = right;
	const struct model *model = context;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind < 2 && (a->score > b->score || a->score < b->score))
		return a->score < b->score ? 1 : -1;
	if (a->live_bytes != b->live_bytes)
		return a->live_bytes < b->live_bytes ? 1 : -1;
	if (a->live != b->live)
		return a->live < b->live ? 1 : -1;
	return model_by_live(&model->sites[a->site], &model->sites[b->site]);
}

static int by_place(const void *left, const void *right, void *context)
{
	const struct place *a = left, *b = right;
	const struct model *model = context;
	const struct model_site *of_a = &model->sites[a->site], *of_b = &model->sites[b->site];

	if (a->told != b->told)
		return a->told < b->told ? -1 : 1;
	if (of_a->suspect.is_variant != of_b->suspect.is_variant)
		return of_a->suspect.is_variant ? 1 : -1;
	return model_by_live(of_a, of_b);
}

/* Numbers those that are told; returns how many. */
static uint32_t collect(const struct model *model, const struct variants *variants, struct told *told, struct place *places)
{
	uint32_t count = 0;

	for (uint32_t at = 0, alike; (alike = variants_alike(variants, at)); at += alike) {
		uint32_t whole = count;

		for (uint32_t i = at; i < at + alike; i++) {
			uint32_t site = variants->items[i].site;
			const struct suspect *suspect = &model->sites[site].suspect;

			if (suspect->is_variant)
				continue;
			if (suspect->others)
				whole = count;
			places[site] = (struct place){.told = count, .site = site};
			told[count++] = (struct told){.site = site, .kind = kind_of(suspect), .score = suspect->score};
		}
		for (uint32_t i = at; i < at + alike; i++) {
			const struct model_site *site = &model->sites[variants->items[i].site];
			struct place *place = &places[variants->items[i].site];

			if (site->suspect.is_variant)
				*place = (struct place){.told = whole, .site = variants->items[i].site};
			told[place->told].live = number_add(told[place->told].live, site->live);
			told[place->told].live_bytes = number_add(told[place->told].live_bytes, site->live_bytes);
		}
	}
	return count;
}

/* Moves each site to its place; a place that has its site is marked by its own number. */
static void move_sites(struct model *model, struct place *places)
{
	for (uint32_t start = 0; start < model->site_count; start++) {
		struct model_site moved = model->sites[start];
		uint32_t at = start;

		while (places[at].site != start) {
			uint32_t from = places[at].site;

			model->sites[at] = model->sites[from];
			places[at].site = at;
			at = from;
		}
		model->sites[at] = moved;
		places[at].site = at;
	}
}

int ranking_sort(struct model *model, const struct variants *variants, struct error *err)
{
	CLEANUP(cleanup_free) struct told *told = calloc((size_t)model->site_count + 1, sizeof(*told));
	CLEANUP(cleanup_free) struct place *places = calloc((size_t)model->site_count + 1, sizeof(*places));
	CLEANUP(cleanup_free) uint32_t *ranks = calloc((size_t)model->site_count + 1, sizeof(*ranks));

	if (!told || !places || !ranks)
		return error_set(err, -ENOMEM, "not enough memory to rank %u sites", model->site_count);
	uint32_t count = collect(model, variants, told, places);
	qsort_r(told, count, sizeof(*told), by_rank, model);
	for (uint32_t i = 0; i < count; i++)
		ranks[places[told[i].site].told] = i;
	for (uint32_t i = 0; i < model->site_count; i++)
		places[i].told = ranks[places[i].told];
	qsort_r(places, model->site_count, sizeof(*places), by_place, model);
	for (uint32_t i = 0; i < count && !*model->unreliable; i++)
		model->suspect_count += !told[i].kind;
	move_sites(model, places);
	return 0;
}

uint32_t ranking_next(const struct model *model, uint32_t first)
{
	uint32_t next = first + 1;

	while (next < model->site_count && model->sites[next].suspect.is_variant)
		next++;
	return next;
}

uint32_t ranking_count(const struct model *model)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < model->site_count; i++)
		count += !model->sites[i].suspect.is_variant;
	return count;
}
