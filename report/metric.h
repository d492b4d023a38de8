/*
 * What a call stack can be weighed by: the measures of the page's explorer, under the same names.
 */
#ifndef SLABREC_REPORT_METRIC_H
#define SLABREC_REPORT_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "report/model.h"

enum metric {
	METRIC_BYTES = 0, /* live bytes: slots */
	METRIC_LIVE,	  /* live objects */
	METRIC_GROWTH,	  /* lower bound of a leak, bytes a second */
	METRIC_ALLOCS,
	METRIC_FREES,  /* those that were seen */
	METRIC_YOUNG,  /* freed within 1 ms: below 2^20 ns */
	METRIC_WASTED, /* live bytes beyond what was asked for */
	METRIC_COUNT,
};

/* "bytes", "live", "growth", "allocs", "frees", "young", "wasted" */
const char *metric_name(enum metric metric);
/* "live bytes", ... */
const char *metric_title(enum metric metric);
bool metric_is_bytes(enum metric metric);
/* Whether a comparison has it. */
bool metric_is_of_diff(enum metric metric);
/* False where there is no such metric. */
bool metric_find(const char *name, enum metric *metric);
/* Of growth the nearest whole number. A page that is read again has no young and no growth of sites behind model's sites_detailed: 0. */
uint64_t metric_value(const struct model *model, const struct model_site *site, enum metric metric);
/* Bytes of that many objects of the site's cache: slots; 0 where their size is not known. */
uint64_t metric_slot_bytes(const struct model *model, const struct model_site *site, uint64_t objects);

#endif
