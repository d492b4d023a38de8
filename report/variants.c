/* What makes two sites one path: the frames of the kernel's part, by their number, which stands for an address of the recording. */
#include "report/variants.h"

#include <errno.h>
#include <stdlib.h>

#include "trace/hash.h"

void variants_release(struct variants *variants)
{
	if (!variants)
		return;
	free(variants->items);
	*variants = (struct variants){0};
}

static uint64_t path_of(const struct model *model, uint32_t site)
{
	uint64_t hash = hash_bytes(HASH_START, &model->sites[site].cache, sizeof(uint32_t)), begun = hash;

	for (uint32_t node = model->sites[site].node; node && !model->frames[model->nodes[node].frame].is_user;
	     node = model->nodes[node].parent)
		hash = hash_bytes(hash, &model->nodes[node].frame, sizeof(uint32_t));
	return hash == begun ? hash_bytes(~hash, &site, sizeof(site)) : hash;
}

static int by_path(const void *left, const void *right)
{
	const struct variant *a = left, *b = right;

	if (a->path != b->path)
		return a->path < b->path ? -1 : 1;
	return (a->site > b->site) - (a->site < b->site);
}

int variants_find(struct variants *variants, const struct model *model, struct error *err)
{
	*variants = (struct variants){.items = calloc((size_t)model->site_count + 1, sizeof(*variants->items))};
	if (!variants->items)
		return error_set(err, -ENOMEM, "not enough memory for %u sites", model->site_count);
	for (uint32_t i = 0; i < model->site_count; i++)
		variants->items[variants->count++] = (struct variant){.path = path_of(model, i), .site = i};
	qsort(variants->items, variants->count, sizeof(*variants->items), by_path);
	return 0;
}

uint32_t variants_alike(const struct variants *variants, uint32_t first)
{
	uint32_t end = first;

	while (end < variants->count && variants->items[end].path == variants->items[first].path)
		end++;
	return end - first;
}
