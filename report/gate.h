/*
 * What makes a CI job fail: the conditions of --fail-on, held against a model, and the exit status that tells. Pure.
 */
#ifndef SLABREC_REPORT_GATE_H
#define SLABREC_REPORT_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "report/model.h"
#include "trace/error.h"

/* All-zero: nothing fails, and a suspect is one of any confidence. Any one condition that a call stack meets is enough. */
struct gate {
	const char *text;		    /* as it was given, borrowed; NULL no condition was */
	enum suspect_confidence confidence; /* a leak of at least this; SUSPECT_NO_CONFIDENCE is no condition */
	double objects_per_second;	    /* a leak of at least so many, by its lower bound; 0 is no condition */
	double bytes_per_second;	    /* the same in bytes */
	uint64_t live;			    /* more live objects than this, leak or not, less those whose free may have been lost */
	bool has_live;
};

enum gate_state {
	GATE_FINE = 0,
	GATE_SUSPECTS,	   /* something meets a condition */
	GATE_UNRELIABLE,   /* the capture cannot be relied on */
	GATE_UNDETERMINED, /* the recording is too short to tell, and a condition asks for leaks */
};

/* The verdict for scripts. */
struct gate_result {
	enum gate_state state;
	uint32_t count;	     /* of what is told as one call stack, those that meet a condition */
	uint32_t first;	     /* of model's sites, where there is one */
	uint32_t exit_status; /* 0, 1 suspects, 3 no verdict; always 0 where no condition was given */
};

/*
 * Adds conditions, separated by commas: "suspect", "medium", "high", "10/s", "4K/s", "live:100". text is borrowed for the life of gate.
 * 0 or -EINVAL.
 */
int gate_parse(struct gate *gate, const char *text, struct error *err);
/*
 * Whether the site of that number meets a condition, with its variants as one (it is none itself); where no condition was given, whether it is a
 * suspect. gate may be NULL: none was.
 */
bool gate_is_met(const struct gate *gate, const struct model *model, uint32_t site);
struct gate_result gate_judge(const struct gate *gate, const struct model *model);
/* "fine", "suspects", "unreliable", "undetermined" */
const char *gate_state_name(enum gate_state state);

#endif
