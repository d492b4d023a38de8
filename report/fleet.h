/*
 * Recordings of many machines as one: call stacks by their signature, also across kernel builds, summed over the machines, with how they are
 * spread over them and who stands out. Memory grows with distinct stacks, and a name for each recording. Pure.
 */
#ifndef SLABREC_REPORT_FLEET_H
#define SLABREC_REPORT_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "report/arena.h"
#include "report/model.h"
#include "report/signature.h"
#include "trace/error.h"

#define FLEET_TOP 5u	 /* hosts of a row that are named */
#define FLEET_SPREAD 96u /* classes of rates, each 1.41 times the one before */
#define FLEET_KERNELS_MAX 64u
/* Of fewer recordings none stands out, and of fewer live objects neither does. */
#define FLEET_OUTLIER_HOSTS 5u
#define FLEET_OUTLIER_LIVE 10u

/* What one recording says of a row. */
struct fleet_host_value {
	uint32_t recording;
	uint64_t live;
	double rate; /* live objects at the end for each hour of the recording */
	enum suspect_class class; /* of the stack that is worst */
	enum suspect_confidence confidence;
};

struct fleet_row {
	const struct signature *signature; /* its texts in names */
	uint32_t kernels;		   /* builds that it was found on */
	enum signature_rung rung;	   /* the least sure one that brought them together; SIGNATURE_UNMATCHED: one build only */
	uint32_t hosts;			   /* recordings that allocate there, */
	uint32_t live_hosts;		   /* have live objects at the end, */
	uint32_t leak_hosts;		   /* and in which it is a leak or partial leak */
	uint32_t high_hosts;		   /* with high confidence */
	uint64_t allocs, frees, live, live_bytes;
	double low_rate;  /* objects a second: the lower bounds of the leaks added up, over machines and not over time */
	double low_bytes; /* the same in bytes */
	uint32_t spread[FLEET_SPREAD]; /* recordings by rate, without those where nothing is live */
	uint32_t many[FLEET_SPREAD];   /* of these, with FLEET_OUTLIER_LIVE or more */
	struct fleet_host_value top[FLEET_TOP]; /* highest rate first */
	uint32_t top_count;
	/* Once closed. */
	double median, upper; /* rates, of all recordings: half of them, a quarter of them are above */
	double outlier_rate;  /* from which one stands out; 0: none can */
	uint32_t outliers;
};

struct fleet_recording {
	const char *name; /* the host's; "" where it is not told */
	uint32_t ordinal; /* among those that were given, from 1 */
	uint32_t kernel;
};

struct fleet_kernel {
	const char *release;
	uint32_t recordings;
	const char *build_id; /* "" not known */
	struct signature_table signatures;
	struct fleet_row *rows; /* owned; by signature */
	uint32_t capacity;
};

struct fleet_failure {
	const char *message;
};

/* All-zero is empty. */
struct fleet {
	struct arena arena;
	struct signature_names names;
	struct fleet_kernel kernels[FLEET_KERNELS_MAX];
	uint32_t kernel_count;
	struct fleet_recording *recordings; /* owned */
	uint32_t recording_count, recording_capacity;
	uint32_t unreliable, lossy, short_count; /* recordings */
	uint64_t duration_ns, allocs, frees, live, live_bytes; /* of all */
	struct fleet_failure *failures; /* owned: what could not be read */
	uint32_t failure_count, failure_capacity;
	/* Once closed: most suspect first. */
	struct fleet_row **rows; /* owned */
	uint32_t row_count;
	enum redaction_level level;
};

void fleet_release(struct fleet *fleet);
/* Adds a recording; host is what it is called, "" for its ordinal. The model may go then. 0 or -ENOMEM. */
int fleet_add(struct fleet *fleet, const struct model *model, const char *host, uint32_t ordinal, struct error *err);
/* Notes a recording that could not be read, and why. 0 or -ENOMEM. */
int fleet_fail(struct fleet *fleet, const char *message, struct error *err);
/* After the last: brings the kernels together, finds who stands out, sorts. 0 or -ENOMEM. */
int fleet_close(struct fleet *fleet, struct error *err);

/* What the recording is called: its host, or "recording 17". In the arena. */
const char *fleet_recording_name(struct arena *arena, const struct fleet *fleet, uint32_t recording);
/* "alloc_pipe_info", and who called it, "" not known. */
const char *fleet_row_name(const struct fleet *fleet, const struct fleet_row *row);
const char *fleet_row_caller(const struct fleet *fleet, const struct fleet_row *row);
/* Whether the host stands out in that row. */
bool fleet_is_outlier(const struct fleet_row *row, const struct fleet_host_value *host);
/* The answer in a sentence. In the arena. */
const char *fleet_verdict(struct arena *arena, const struct fleet *fleet);
/* What was read, how long it is, on which kernels, and what speaks against it: sentences, the last NULL. In the arena. */
const char *const *fleet_remarks(struct arena *arena, const struct fleet *fleet);

#endif
