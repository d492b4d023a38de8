/*
 * What becomes of the objects of one site: is it a leak, what else, how sure is that, and at least how fast. The rules are those of
 * SUSPECT_RULES: a change that gives other answers gives them another name. Pure.
 */
#ifndef SLABREC_REPORT_SUSPECT_H
#define SLABREC_REPORT_SUSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "report/history.h"
#include "report/theil_sen.h"
#include "trace/ages.h"

#define SUSPECT_RULES "slabscore-2"
/* No method tells a leak from a cache that fills in a shorter recording; what is advised instead. */
#define SUSPECT_LENGTH_NS 20000000000u
#define SUSPECT_NEED_NS 30000000000u
/* Old objects that make a suspect. */
#define SUSPECT_OLD_LEAST 3u

enum suspect_class {
	SUSPECT_LEAK = 0,     /* what is allocated is not freed, at an even rate */
	SUSPECT_PARTIAL_LEAK, /* so is a part of it */
	SUSPECT_UNDETERMINED, /* the recording is too short to tell */
	SUSPECT_SATURATING,   /* ever fewer stay: a cache that fills */
	SUSPECT_ONE_SHOT,     /* what stays was allocated at one time */
	SUSPECT_LONG_LIVED,   /* old ones are freed, late */
	SUSPECT_RECLAIMABLE,  /* held by a cache: freed when memory was asked back */
	SUSPECT_CHURN,	      /* all that are old enough were freed, or as many older ones were */
	SUSPECT_QUIET,	      /* too few objects to say anything */
	SUSPECT_CLASS_COUNT,
};

enum suspect_confidence {
	SUSPECT_NO_CONFIDENCE = 0, /* a class that accuses nobody, or a capture that cannot be relied on */
	SUSPECT_LOW,
	SUSPECT_MEDIUM,
	SUSPECT_HIGH,
};

/* What was counted at a site. */
struct suspect_evidence {
	const struct history_sum *history;
	const struct ages *freed_ages;
	const struct ages *live_ages; /* looked at where there are SUSPECT_OLD_LEAST live objects */
	const double *orphans; /* frees of older objects charged to the site, in the history's buckets; NULL none are known */
	double orphan_scale;   /* such frees for one that was seen with its stack */
	double orphans_elsewhere; /* frees of older objects of the cache that are charged to nobody */
	uint64_t duration_ns;
	uint64_t allocs, live;
	uint64_t reclaimed;	/* of live: they went when memory was asked back; not in the history's survivors */
	uint64_t freed_at_most; /* of live: their free was lost, if it is among those that were */
	uint32_t slot_bytes;	/* 0 not known: ranked as 1 */
};

/* How far the whole recording can be trusted. */
struct suspect_trust {
	bool is_unreliable; /* no verdict */
	bool is_lossy;	    /* at most medium */
	bool has_missed;    /* probes may have missed frees: at most medium */
	bool is_unbalanced; /* the kernel's own count does not confirm the events: at most medium */
};

struct suspect {
	enum suspect_class class : 8;
	enum suspect_confidence confidence : 8;
	bool is_variant; /* one of the others: what is told here is told of all, the rate and the score with the first, which stands before it */
	uint32_t others; /* call stacks that differ from this one in user space only: one judgement is made of all */
	uint64_t tau_ns;   /* age from which an object is old */
	uint64_t old_live; /* live ones that are old */
	uint64_t old_born; /* allocations that are so long ago */
	uint64_t old_orphans; /* frees of older objects since tau_ns: they were that old */
	uint64_t first_third, last_third; /* old live ones that were allocated in these parts of their time */
	uint64_t p95_ns;      /* 95 % of the freed were freed by this age */
	uint64_t need_ns;     /* undetermined: record so long at least */
	const char *limit;    /* what keeps the confidence from being higher; "" nothing. Static */
	float orphans;	      /* frees of older objects, in all */
	float evenness;      /* 0 to 1: the old ones were allocated all along */
	float dies_old;      /* share of the objects of twice that age that were freed then */
	float rate;	      /* objects a second that stay */
	float low_rate;      /* at least so many, 95 % */
	float score;	      /* low_rate * slot_bytes * evenness^2 * a weight of the class */
	struct theil_sen slope; /* of live objects over the last two thirds, each second, older ones counted */
};

struct suspect suspect_judge(const struct suspect_evidence *evidence, const struct suspect_trust *trust);
/* The age from which an object is old, of a recording so long in which these ages were freed. */
uint64_t suspect_tau_ns(uint64_t duration_ns, const struct ages *freed_ages);
/* A leak of which something else speaks against: its confidence is at most that, for that reason. */
void suspect_limit(struct suspect *suspect, enum suspect_confidence most, const char *why);
/* "leak", "partial leak", "one-shot", ... */
const char *suspect_class_name(enum suspect_class class);
/* "what stays was allocated at one time", ... */
const char *suspect_class_meaning(enum suspect_class class);
/* "high", "medium", "low", "none" */
const char *suspect_confidence_name(enum suspect_confidence confidence);
/* A leak or a partial one. */
bool suspect_is_leak(const struct suspect *suspect);

#endif
