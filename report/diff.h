/*
 * Before and after as data: two sides of one or more recordings each, their call stacks matched by signature, and for each whether more or
 * less stays than before, for the same exposure. Renderers read it and nothing else. Strings are as the traces had them: foreign bytes.
 */
#ifndef SLABREC_REPORT_DIFF_H
#define SLABREC_REPORT_DIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "report/arena.h"
#include "report/diff_input.h"
#include "report/model.h"
#include "report/rate_change.h"
#include "report/signature.h"
#include "trace/error.h"

#define DIFF_CURVE_POINTS 64u

/* What stays is divided by this. */
enum diff_exposure {
	DIFF_EXPOSURE_BEST = 0, /* asked for: the first of these that all recordings have */
	DIFF_PER_WORK,	  /* units of work, in thousands */
	DIFF_PER_SECOND,
	DIFF_PER_ALLOCATION, /* all allocations of the recording, in thousands */
	DIFF_EXPOSURES,
};

enum diff_state {
	DIFF_REGRESSED = 0, /* more stays, beyond noise */
	DIFF_NEW,	    /* the same, and before there was no such call stack */
	DIFF_FIXED,	    /* less stays, beyond noise, and nothing is left */
	DIFF_IMPROVED,	    /* less stays, beyond noise */
	DIFF_INCONCLUSIVE,
	DIFF_SAME, /* it has not doubled or halved, or nothing stays on either side */
	DIFF_STATES,
};

/* One side of one call stack. Sums over its recordings. */
struct diff_count {
	bool is_there;	   /* it was seen to allocate */
	bool is_unrecorded; /* no recording of this side has its cache: nothing can be said */
	const char *cache; /* "" where it is not there */
	uint32_t slot_bytes; /* 0 not known */
	uint64_t allocs, frees, live;
	enum suspect_class class; /* of the recording that leaks surest */
	enum suspect_confidence confidence;
	double stayed;		     /* objects that stay, for the exposure of a recording of before */
	const uint64_t *curve; /* live objects at the end of each of DIFF_CURVE_POINTS parts of the side's time, on average; NULL none ever */
};

struct diff_row {
	const char *name, *caller, *via; /* as in model_site */
	bool via_skips;
	uint32_t node;		   /* in stacks; 0 none. Without what every stack has */
	enum signature_rung rung;  /* SIGNATURE_UNMATCHED where it is there on one side only */
	enum diff_state state;
	struct rate_change change; /* objects that stay; exposures as the diff's */
	uint64_t need_ns;	   /* inconclusive: recordings of this length would decide; 0 none would */
	struct diff_count sides[DIFF_SIDES];
};

struct diff {
	struct arena arena;
	const struct diff_input *input; /* borrowed: the recordings */
	uint64_t longest_ns[DIFF_SIDES]; /* recording of the side */
	enum diff_exposure exposure;
	const char *exposure_why;	     /* why it is not a surer one, "" nothing to say */
	double exposed[DIFF_SIDES];	     /* all recordings of the side together, in its unit */
	const char *unreliable;		     /* why nothing is said of any call stack, "" something is */
	struct model stacks; /* frames and nodes of all; its sites are the rows in their order, live_bytes what stays on both sides together */
	uint64_t *widths_before; /* by row: of that, what stays before */
	bool is_in_bytes;		/* widths; else in objects, because some cache's object size is not known */
	struct diff_row *rows;		/* by state, then by how much more or less stays, in bytes */
	uint32_t row_count;
	uint32_t states[DIFF_STATES]; /* rows of each */
	uint32_t rungs[SIGNATURE_RUNGS];
	uint32_t gone, fresh; /* rows that are there before only, after only */
};

/*
 * Compares what was added: at least one recording of each side. input has to outlive diff. 0; -ENODATA where a recording lacks the exposure that was asked for; or
 * -ENOMEM.
 */
int diff_build(struct diff *diff, const struct diff_input *input, enum diff_exposure exposure, struct error *err);
void diff_release(struct diff *diff);

/* Of CI: 0, 2 something regressed or is new, 3 a capture cannot be relied on. */
int diff_exit_status(const struct diff *diff);
/* "regressed", "new", ... */
const char *diff_state_name(enum diff_state state);
/* "before", "after" */
const char *diff_side_name(enum diff_side side);
/* "work", "time", "allocations": as on the command line. */
const char *diff_exposure_name(enum diff_exposure exposure);
/* False where there is none of that name. */
bool diff_exposure_find(const char *name, enum diff_exposure *exposure);

#endif
