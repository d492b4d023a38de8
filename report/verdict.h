/*
 * The answer in sentences: facts only. A recording tells what was live when it ended, not what will never be freed.
 */
#ifndef SLABREC_REPORT_VERDICT_H
#define SLABREC_REPORT_VERDICT_H

#include "report/arena.h"
#include "report/model.h"

/*
 * Is it a leak: the first suspect with how sure that is, whether the kernel's own count of its cache did not grow, and how fast it grows at
 * least; what speaks against one; what else has to be recorded; or why there is no verdict. "" where nothing was allocated. In the arena, as
 * are the others.
 */
const char *verdict_leak(struct arena *arena, const struct model *model);
/* Whether the recording is too short to tell: verdict_leak() then asks for a longer one. */
bool verdict_is_too_early(const struct model *model);
/* "name <- caller", and what it comes through where others are called the same. */
const char *verdict_path(struct arena *arena, const struct model_site *site);
/* Why a site has its class, in a sentence without the full stop. */
const char *verdict_why(struct arena *arena, const struct model_site *site);
/* "97 objects/s (97 KiB/s)": the lower bound of a leak. */
const char *verdict_low_rate(struct arena *arena, const struct model *model, const struct model_site *site);
/* How many objects of what are still live and where most come from. */
const char *verdict_headline(struct arena *arena, const struct model *model);
/* How many were freed, and how fast the live gathered where no other rate is told of them; "" where nothing is live. */
const char *verdict_rate(struct arena *arena, const struct model *model);
/* What the headline does not prove; "" where nothing is live, or where there is a suspect or nothing undetermined. */
const char *verdict_caveat(struct arena *arena, const struct model *model);
/* "2,000", or "2,000 (at least 1,940)" where as many frees may have been lost. */
const char *verdict_live(struct arena *arena, uint64_t live, uint64_t live_at_least);
/* What was recorded: "kmalloc-cg-1k", "kmalloc-cg-1k and 2 other caches", "no cache". */
const char *verdict_subject(struct arena *arena, const struct model *model);

#endif
