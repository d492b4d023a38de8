/*
 * The books of a recording: every allocation and free is entered once, in the order of the trace, and at the end says
 * what is left where. One pass; memory is proportional to sites and to objects live at the same time.
 */
#ifndef SLABREC_REPORT_LEDGER_H
#define SLABREC_REPORT_LEDGER_H

#include <stdint.h>

#include "report/contents.h"
#include "report/doubt.h"
#include "report/journal.h"
#include "report/live.h"
#include "report/orphans.h"
#include "report/site.h"
#include "report/worker.h"
#include "trace/timeline.h"
#include "trace/error.h"
#include "trace/record.h"

struct ledger_cache {
	uint64_t allocs;
	uint64_t frees;
	uint64_t frees_implied;
	uint64_t frees_older;
	uint64_t live;
	uint64_t pending_rcu; /* of frees: asked for by kfree_rcu(), not seen to be done */
	uint64_t reclaimed;	    /* of live: they went when memory was asked back, */
	uint64_t reclaimed_older;   /* as did these, from before the recording */
	struct timeline timeline;
};

/* Counts a full journal at its sites while the next one fills. */
struct ledger_clerk {
	struct worker worker;
	struct journal journal;
	struct site_table *sites;
	uint32_t site_count; /* when it was handed over, */
	uint32_t shift;	     /* and the width of timelines */
	int ret;	     /* of what was counted last */
	struct error err;
};

/* All-zero is an empty ledger, which must not be moved any more once events are entered. */
struct ledger {
	struct site_table sites; /* less what waits in the journal */
	struct journal journal;	 /* what comes now */
	struct ledger_clerk *clerk; /* counts what came before; NULL while there was not so much */
	struct live live;
	struct contents contents; /* of live objects; sorted once closed */
	struct orphans orphans; /* frees of older objects that are events */
	struct ledger_cache *caches; /* owned, by cache id; index 0 is for events without a cache */
	uint32_t cache_count;	     /* highest id + 1 */
	uint32_t timeline_shift;     /* width of all timelines once closed */
	uint64_t events;
	uint64_t last_ns;	  /* latest time of any event */
	uint64_t times_before;	  /* events whose time lies before the start or before their object's birth */
	uint64_t frees_unmatched; /* of objects that had been freed already: the trace contradicts itself */
	uint64_t freed_at_most;	  /* live objects that may have been freed: over all sites no more than frees were lost */
	uint32_t max_cpu;
	uint64_t reclaim_ns; /* memory was asked back from then on, and nothing counts that was allocated later; 0: it was not */
};

void ledger_release(struct ledger *ledger);
/* An event that will be entered soon: has memory begin to fetch what it takes. Leaving it out changes nothing but the time. */
void ledger_expect(const struct ledger *ledger, const struct trace_event *event);
/* Enters one event; what it means for its site is counted later, in ledger_close() at the latest. 0, -ENOMEM, -EFBIG. */
int ledger_enter(struct ledger *ledger, const struct trace_event *event, struct error *err);
/* The same for objects that the trace counts by site, and for frees of older ones that it counts by cache. */
int ledger_enter_freed(struct ledger *ledger, const struct trace_freed *freed, struct error *err);
int ledger_enter_freed_older(struct ledger *ledger, const struct trace_freed_older *older, struct error *err);
/* Contents of an object that is not live mean nothing. */
int ledger_enter_contents(struct ledger *ledger, const struct trace_contents *contents, struct error *err);
/*
 * After the last event: ages of what is left and which of it may have been freed, timelines all of one width. duration_ns is the
 * recording's length, doubt is closed. The live objects are forgotten. 0 or -ENOMEM.
 */
int ledger_close(struct ledger *ledger, uint64_t duration_ns, const struct doubt *doubt, struct error *err);

#endif
