/*
 * The recording against an independent witness: did the events explain by how much the kernel's own count grew?
 */
#ifndef SLABREC_REPORT_RECONCILE_H
#define SLABREC_REPORT_RECONCILE_H

#include <stdio.h>

#include "report/arena.h"
#include "report/model.h"

/* Fills the reconciliation of every cache of a model whose other parts are complete. */
void reconcile_caches(struct model *model);
/*
 * One sentence about the cache without its name, as "events explain 2,000 of 2,013 objects this cache grew by ...";
 * lives in the arena.
 */
const char *reconcile_sentence(struct arena *arena, const struct model *model, const struct model_cache *cache);

#endif
