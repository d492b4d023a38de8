/*
 * What a diff needs of recordings: of each its call stacks by signature, with what was counted there. It holds numbers only, so that many
 * recordings fit.
 */
#ifndef SLABREC_REPORT_DIFF_INPUT_H
#define SLABREC_REPORT_DIFF_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "report/arena.h"
#include "report/model.h"
#include "report/signature.h"
#include "trace/error.h"
#include "trace/timeline.h"

#define DIFF_RUNS_MAX 64u /* of a side */

enum diff_side {
	DIFF_BEFORE = 0,
	DIFF_AFTER,
	DIFF_SIDES,
};

/* All sites of a recording that have one signature. */
struct diff_site {
	uint64_t allocs, frees, live;
	uint64_t doubt; /* of live: they may have been freed */
	uint64_t p99_ns; /* age by which 99 % of the freed were, of the site where that is largest */
	uint32_t slot_bytes; /* 0 not known */
	enum suspect_class class; /* of the site that is worst */
	enum suspect_confidence confidence;
	float low_rate; /* of that */
	bool is_coarse; /* of some only the totals are known: the page was too small for more */
	uint64_t *survivors; /* live ones that were not reclaimed, by when they were allocated; NULL none. Buckets as the run's */
	uint64_t *curve;     /* live ones at the end of each bucket; NULL where survivors is */
};

struct diff_run {
	const char *name;	 /* of the file, without folders; with strict redaction "before 1" */
	const char *release;	 /* of the kernel, "" not known */
	const char *trust;	 /* what it missed, in a sentence */
	const char *unreliable;	 /* why nothing can be said of it, "" it can */
	enum symbol_source names; /* the kernel's */
	uint64_t duration_ns;
	uint64_t work; /* units, where has_work */
	bool has_work;
	bool is_whole; /* nothing was lost */
	uint64_t allocs, live, live_bytes;
	uint32_t site_count;
	uint32_t *caches; /* those that were recorded: numbers of their names */
	uint32_t cache_count;
	uint32_t shift; /* of buckets: as wide as 1 << shift ns */
	struct diff_site *sites;
	uint32_t *places; /* by signature: index in sites + 1, 0 it has none */
	uint32_t place_count;
};

/* All-zero but for what diff_input_init() sets is empty. */
struct diff_input {
	struct arena arena;
	struct signature_names names;
	struct signature_table tables[DIFF_SIDES];
	struct diff_run runs[DIFF_SIDES][DIFF_RUNS_MAX];
	uint32_t run_count[DIFF_SIDES];
	struct redaction redaction; /* of all together */
};

void diff_input_init(struct diff_input *input);
void diff_input_release(struct diff_input *input);
/*
 * Adds one recording to a side. name: as the user has it; folders are left out. Nothing of the model is needed afterwards. 0, -ENOMEM, or
 * -EFBIG over DIFF_RUNS_MAX.
 */
int diff_input_add(struct diff_input *input, enum diff_side side, const char *name, const struct model *model, struct error *err);
/* The sites of the run that have the signature (of its side); NULL where there are none. */
const struct diff_site *diff_input_site(const struct diff_run *run, uint32_t signature);
/* Whether objects of the cache (the number of its name) were recorded. */
bool diff_input_has_cache(const struct diff_run *run, uint32_t cache);

#endif
