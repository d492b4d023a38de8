/*
 * Did a rate change, beyond noise: counts of events in two groups of runs, each run in equal parts and with its exposure (seconds, units of
 * work). A quasi-Poisson test: the variance is the mean times a dispersion, which comes from the parts of the runs and, where there are
 * several of a side, from how they differ. Pure.
 */
#ifndef SLABREC_REPORT_RATE_CHANGE_H
#define SLABREC_REPORT_RATE_CHANGE_H

#include <stdint.h>

#define RATE_PARTS_MAX 16u
/* Two recordings of the same differ by so much more than their parts tell, where there is only one of each side. */
#define RATE_RUNS_DIFFER 0.1
/* Of fewer a run no rate can be made: nothing happens there, as in suspect.h. */
#define RATE_QUIET 3.0
/* Share of false ones among the changes that are called so. */
#define RATE_FALSE_SHARE 0.05

struct rate_run {
	double counts[RATE_PARTS_MAX];
	uint32_t parts;	 /* that are used; 0: nothing was counted in parts, count is all there is */
	double count;	 /* of all parts */
	double exposure; /* above 0 */
	double doubt;	 /* of count, so many may be none */
};

enum rate_state {
	RATE_SAME = 0,	   /* nothing on either side, or no change by half or more can be */
	RATE_INCONCLUSIVE, /* neither that nor a change is proven */
	RATE_FIXED,	   /* lower beyond noise, and nothing is left */
	RATE_IMPROVED,	   /* lower beyond noise */
	RATE_REGRESSED,	   /* higher beyond noise */
	RATE_STATES,
};

struct rate_change {
	enum rate_state state; /* once it was decided */
	double count[2];   /* before, after */
	uint32_t runs[2];
	double exposure[2];
	double rate[2];
	double low[2], high[2];	  /* of rate, 95 % */
	double ratio;		  /* after to before; infinite where there was none before, 1 where there is none at all */
	double ratio_low, ratio_high; /* 95 % */
	double dispersion;
	double p; /* of a difference as large by chance */
	double q; /* once it was decided: share of false ones among changes at least as sure */
	double longer; /* inconclusive: recordings so many times as long would decide; 0 no length would */
};

/* Fills all but state, q and longer. At least one run of each side. */
struct rate_change rate_change_measure(const struct rate_run *before, uint32_t before_count, const struct rate_run *after,
				       uint32_t after_count);
/* Decides all changes of one comparison together: so many are looked at that chance has its share (Benjamini and Hochberg). 0 or -ENOMEM. */
int rate_change_decide(struct rate_change *changes[], uint32_t count);

#endif
