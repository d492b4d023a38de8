/* Ranks sites by what they and their variants have together. Sites are large: all that decides is first taken out of them. */
#include "report/ranking.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "report/fetch.h"
#include "report/number.h"
#include "trace/cleanup.h"

#define SITES_AHEAD 4u /* that are fetched while one is read or moved */
#define NAMES_AHEAD 16u

/* A site that is told of by itself, and the sums of it and its variants. */
struct told {
	const char *name;
	uint64_t live, live_bytes, own_live, own_live_bytes, allocs;
	uint32_t site, cache, node;
	float score;
	uint32_t place; /* where it stands */
	uint32_t next;	/* place of the next of its variants */
	uint32_t kind : 2; /* kind_of() its suspect */
	uint32_t count : 30; /* 1 and its variants */
};

/*
 * What is sorted: as much of what decides as a sort moves well, in this order. Where a count does not fit, and where the site has less than
 * with its variants, what stands behind it here is 0: by_told() decides.
 */
struct rank {
	uint32_t accusation; /* rises from the leak of the highest score to what is no suspect */
	uint32_t told;
	uint64_t live_bytes;
	uint32_t live, allocs;
	uint64_t name; /* as it begins */
};

/* Owned, each with room for all sites. */
struct ranking {
	struct model *model;
	struct told *told;
	struct rank *ranks; /* of told; once sorted, as they stand */
	struct rank *room;  /* to sort them */
	uint32_t *wholes;   /* of each of the variants: which told one it is, or is told with */
	uint32_t *order;    /* of each place: its site */
	uint32_t count;	    /* told ones */
};

static void ranking_release(struct ranking *ranking)
{
	free(ranking->told);
	free(ranking->ranks);
	free(ranking->room);
	free(ranking->wholes);
	free(ranking->order);
}

static int ranking_init(struct ranking *ranking, struct model *model, struct error *err)
{
	size_t count = (size_t)model->site_count + 1;

	*ranking = (struct ranking){
		.model = model,
		.told = calloc(count, sizeof(*ranking->told)),
		.ranks = calloc(count, sizeof(*ranking->ranks)),
		.room = calloc(count, sizeof(*ranking->room)),
		.wholes = calloc(count, sizeof(*ranking->wholes)),
		.order = calloc(count, sizeof(*ranking->order)),
	};
	if (!ranking->told || !ranking->ranks || !ranking->room || !ranking->wholes || !ranking->order)
		return error_set(err, -ENOMEM, "not enough memory to rank %u sites", model->site_count);
	return 0;
}

/* Leaks first, then what may be one. */
static unsigned int kind_of(const struct suspect *suspect)
{
	return suspect_is_leak(suspect) ? 0 : suspect->class == SUSPECT_UNDETERMINED ? 1 : 2;
}

/* The larger one first; 0 for equal ones. */
static int descending(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

/* As model_by_live(). */
static int by_own(const struct told *a, const struct told *b)
{
	int order = descending(a->own_live_bytes, b->own_live_bytes);

	order = order ? order : descending(a->own_live, b->own_live);
	order = order ? order : descending(a->allocs, b->allocs);
	/* Most names are those of a few functions, once in memory. */
	order = order || a->name == b->name ? order : strcmp(a->name, b->name);
	order = order ? order : descending(b->cache, a->cache);
	return order ? order : descending(b->node, a->node);
}

static int by_told(const struct told *a, const struct told *b)
{
	int order = descending(b->kind, a->kind);

	if (!order && a->kind < 2)
		order = (a->score < b->score) - (a->score > b->score);
	order = order ? order : descending(a->live_bytes, b->live_bytes);
	order = order ? order : descending(a->live, b->live);
	return order ? order : by_own(a, b);
}

static int by_told_number(const void *left, const void *right, void *context)
{
	const struct rank *a = left, *b = right;
	const struct told *told = context;
	int order = by_told(&told[a->told], &told[b->told]);

	return order ? order : descending(b->told, a->told);
}

/* As far as ranks tell: what is told is not looked at. */
static int by_rank(const struct rank *a, const struct rank *b)
{
	if (a->accusation != b->accusation)
		return a->accusation < b->accusation ? -1 : 1;
	if (a->live_bytes != b->live_bytes)
		return descending(a->live_bytes, b->live_bytes);
	if (a->live != b->live)
		return descending(a->live, b->live);
	if (a->allocs != b->allocs)
		return descending(a->allocs, b->allocs);
	return descending(b->name, a->name);
}

/* By merging: qsort_r() calls for each comparison. There is room for half of them. */
static void merge_sort(struct rank *ranks, uint32_t count, struct rank *room)
{
	uint32_t half = count / 2, left = 0, right = half;

	if (count < 2)
		return;
	merge_sort(ranks, half, room);
	merge_sort(ranks + half, count - half, room);
	memcpy(room, ranks, half * sizeof(*ranks));
	for (uint32_t i = 0; left < half; i++)
		ranks[i] = right < count && by_rank(&ranks[right], &room[left]) < 0 ? ranks[right++] : room[left++];
}

/* First by the ranks alone; what is told is looked at only of equal ones, which are few at a time. */
static void sort_ranks(struct rank *ranks, uint32_t count, struct rank *room, struct told *told)
{
	merge_sort(ranks, count, room);
	for (uint32_t first = 0, end; first < count; first = end) {
		for (end = first + 1; end < count && !by_rank(&ranks[first], &ranks[end]); end++)
			fetch(&told[ranks[end].told].name);
		if (end - first > 1)
			qsort_r(ranks + first, end - first, sizeof(*ranks), by_told_number, told);
	}
}

static uint32_t accusation_of(const struct told *told)
{
	uint32_t score = 0;

	/* The bits of what is not negative rise as it does, to those of infinity. */
	if (told->score > 0)
		memcpy(&score, &told->score, sizeof(score));
	return told->kind < 2 ? (uint32_t)told->kind << 31 | (0x7f800000u - score) : UINT32_MAX;
}

static uint64_t name_begin(const char *name)
{
	uint64_t begin = 0;

	for (uint32_t i = 0; i < sizeof(begin); i++) {
		begin = begin << 8 | (unsigned char)*name;
		name += *name != 0;
	}
	return begin;
}

static struct rank rank_of(const struct told *told, uint32_t number)
{
	struct rank rank = {.accusation = accusation_of(told), .told = number, .live_bytes = told->live_bytes};
	bool is_alone = told->own_live_bytes == told->live_bytes && told->own_live == told->live;

	rank.live = told->live < UINT32_MAX ? (uint32_t)told->live : UINT32_MAX;
	if (rank.live < UINT32_MAX && is_alone)
		rank.allocs = told->allocs < UINT32_MAX ? (uint32_t)told->allocs : UINT32_MAX;
	if (rank.allocs && rank.allocs < UINT32_MAX)
		rank.name = name_begin(told->name);
	return rank;
}

/* Has memory begin to fetch it, whole. */
static void expect_site(const struct model_site *site)
{
	fetch_whole(site, sizeof(*site));
}

static struct told told_of(const struct model *model, uint32_t number)
{
	const struct model_site *site = &model->sites[number];

	return (struct told){.site = number,
			     .name = site->name,
			     .own_live = site->live,
			     .own_live_bytes = site->live_bytes,
			     .allocs = site->allocs,
			     .cache = site->cache,
			     .node = site->node,
			     .score = site->suspect.score,
			     .kind = kind_of(&site->suspect)};
}

/* Of variants from first on, as many as are alike: numbers those that are told, and sums what is told with each. */
static void collect_alike(struct ranking *ranking, const struct variants *variants, uint32_t first, uint32_t alike)
{
	const struct model_site *sites = ranking->model->sites;
	uint32_t whole = ranking->count;

	for (uint32_t i = first; i < first + alike; i++) {
		const struct model_site *site = &sites[variants->items[i].site];

		if (i + SITES_AHEAD < variants->count)
			expect_site(&sites[variants->items[i + SITES_AHEAD].site]);
		if (site->suspect.is_variant)
			continue;
		if (site->suspect.others)
			whole = ranking->count;
		ranking->wholes[i] = ranking->count;
		ranking->told[ranking->count++] = told_of(ranking->model, variants->items[i].site);
	}
	for (uint32_t i = first; i < first + alike; i++) {
		const struct model_site *site = &sites[variants->items[i].site];

		if (site->suspect.is_variant)
			ranking->wholes[i] = whole;
		struct told *told = &ranking->told[ranking->wholes[i]];
		told->count++;
		told->live = number_add(told->live, site->live);
		told->live_bytes = number_add(told->live_bytes, site->live_bytes);
	}
}

static void sort_told(struct ranking *ranking)
{
	for (uint32_t i = 0; i < ranking->count; i++) {
		if (i + NAMES_AHEAD < ranking->count)
			fetch(ranking->told[i + NAMES_AHEAD].name);
		ranking->ranks[i] = rank_of(&ranking->told[i], i);
	}
	sort_ranks(ranking->ranks, ranking->count, ranking->room, ranking->told);
}

static int by_live(const void *left, const void *right, void *context)
{
	const uint32_t *a = left, *b = right;
	const struct model *model = context;
	int order = model_by_live(&model->sites[*a], &model->sites[*b]);

	return order ? order : descending(*b, *a);
}

/* Each told one first, then its variants. */
static void find_places(struct ranking *ranking, const struct variants *variants)
{
	struct model *model = ranking->model;
	uint32_t place = 0;

	for (uint32_t i = 0; i < ranking->count; i++) {
		struct told *told = &ranking->told[ranking->ranks[i].told];

		told->place = place;
		place += told->count;
		told->next = told->place + 1;
	}
	for (uint32_t i = 0; i < variants->count; i++) {
		struct told *told = &ranking->told[ranking->wholes[i]];
		uint32_t site = variants->items[i].site;

		ranking->order[site == told->site ? told->place : told->next++] = site;
	}
	for (uint32_t i = 0; i < ranking->count; i++) {
		const struct told *told = &ranking->told[i];

		if (told->count > 2)
			qsort_r(ranking->order + told->place + 1, told->count - 1, sizeof(*ranking->order), by_live, model);
	}
}

/* Moves each site to its place; a place that has its site is marked by its own number. What comes to the hole next is fetched meanwhile. */
static void move_sites(struct model_site *sites, uint32_t count, uint32_t *order)
{
	for (uint32_t start = 0; start < count; start++) {
		if (order[start] == start)
			continue;
		struct model_site moved = sites[start];
		uint32_t at = start, ahead = start;

		for (uint32_t i = 0; i < SITES_AHEAD; i++) {
			ahead = order[ahead];
			expect_site(&sites[ahead]);
		}
		while (order[at] != start) {
			uint32_t from = order[at];

			ahead = order[ahead];
			expect_site(&sites[ahead]);
			sites[at] = sites[from];
			order[at] = at;
			at = from;
		}
		sites[at] = moved;
		order[at] = at;
	}
}

int ranking_sort(struct model *model, const struct variants *variants, struct error *err)
{
	CLEANUP(ranking_release) struct ranking ranking;
	int ret = ranking_init(&ranking, model, err);

	if (ret)
		return ret;
	for (uint32_t at = 0, alike; (alike = variants_alike(variants, at)); at += alike)
		collect_alike(&ranking, variants, at, alike);
	sort_told(&ranking);
	find_places(&ranking, variants);
	for (uint32_t i = 0; i < ranking.count && !*model->unreliable; i++)
		model->suspect_count += !ranking.told[i].kind;
	move_sites(model->sites, model->site_count, ranking.order);
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
