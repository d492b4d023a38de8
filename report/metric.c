/* One row a metric; the explorer's own copy is in templates/report.js. */
#include "report/metric.h"

#include <string.h>

#include "report/number.h"

/* The last bucket of ages that is young: below 2^20 ns. */
#define YOUNG_BUCKET 10u

static const struct {
	const char *name, *title;
	bool is_bytes;
} metrics[METRIC_COUNT] = {
	[METRIC_BYTES] = {"bytes", "live bytes", true},
	[METRIC_LIVE] = {"live", "live objects", false},
	[METRIC_GROWTH] = {"growth", "growth, lower bound (bytes a second)", true},
	[METRIC_ALLOCS] = {"allocs", "allocations", false},
	[METRIC_FREES] = {"frees", "frees", false},
	[METRIC_YOUNG] = {"young", "temporary: freed within 1 ms", false},
	[METRIC_WASTED] = {"wasted", "wasted bytes: slot beyond what was asked for", true},
};

const char *metric_name(enum metric metric)
{
	return metrics[metric].name;
}

const char *metric_title(enum metric metric)
{
	return metrics[metric].title;
}

bool metric_is_bytes(enum metric metric)
{
	return metrics[metric].is_bytes;
}

bool metric_is_of_diff(enum metric metric)
{
	return metric == METRIC_BYTES || metric == METRIC_LIVE || metric == METRIC_ALLOCS || metric == METRIC_FREES;
}

bool metric_find(const char *name, enum metric *metric)
{
	for (enum metric i = 0; i < METRIC_COUNT; i++)
		if (!strcmp(metrics[i].name, name)) {
			*metric = i;
			return true;
		}
	return false;
}

uint64_t metric_slot_bytes(const struct model *model, const struct model_site *site, uint64_t objects)
{
	return number_multiply(objects, model->caches[site->cache].slot_bytes);
}

static uint64_t growth(const struct model *model, const struct model_site *site)
{
	uint32_t slot_bytes = model->caches[site->cache].slot_bytes;
	double bytes = (double)site->suspect.low_rate * (slot_bytes ? slot_bytes : 1) + .5;

	return bytes >= 1 && bytes < 9e18 ? (uint64_t)bytes : 0;
}

static uint64_t young(const struct model_site *site)
{
	struct ages ages = history_ages(&site->lives->freed_ages);
	uint64_t count = 0;

	for (uint32_t i = 0; i <= YOUNG_BUCKET; i++)
		count = number_add(count, ages.buckets[i]);
	return count;
}

uint64_t metric_value(const struct model *model, const struct model_site *site, enum metric metric)
{
	switch (metric) {
	case METRIC_BYTES:
		return site->live_bytes;
	case METRIC_LIVE:
		return site->live;
	case METRIC_GROWTH:
		return growth(model, site);
	case METRIC_ALLOCS:
		return site->allocs;
	case METRIC_FREES:
		return site->frees;
	case METRIC_YOUNG:
		return young(site);
	case METRIC_WASTED:
		return site->allocs_sized && site->live_bytes > site->live_bytes_req ? site->live_bytes - site->live_bytes_req : 0;
	case METRIC_COUNT:
		break;
	}
	return 0;
}
