/*
 * Takes out of a model what the reader of a public report need not know, and counts it.
 */
#ifndef SLABREC_REPORT_REDACTION_H
#define SLABREC_REPORT_REDACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/error.h"

struct model;

enum redaction_level {
	REDACTION_NONE = 0, /* kernel addresses are taken out even so: they are in no text of a model, but may be in contents of objects */
	REDACTION_PUBLIC,   /* no contents of objects, host name, ids or foreign folders, processes by ordinals, no arguments, no time of day */
	REDACTION_STRICT,   /* nor user stacks, nor names of tasks, nor cgroups */
	REDACTION_LEVELS,
};

enum redaction_what {
	REDACTED_ADDRESSES = 0,
	REDACTED_HARDWARE,
	REDACTED_UUIDS,
	REDACTED_IDS,
	REDACTED_PATHS,
	REDACTED_HOSTS,
	REDACTED_PROCESSES,
	REDACTED_ARGUMENTS,
	REDACTED_TIMES,
	REDACTED_USER_FRAMES,
	REDACTED_TASK_NAMES,
	REDACTED_CGROUPS,
	REDACTED_CONTENTS,
	REDACTED_COUNT,
};

struct redaction {
	enum redaction_level level;
	uint32_t counts[REDACTED_COUNT]; /* distinct texts, but processes, user frames, cgroups and contents of objects */
};

/* Redacts the model; one that is redacted as much already stays as it is. 0 or -ENOMEM. */
int redact_model(struct model *model, enum redaction_level level, struct error *err);
/* "none", "public", "strict" */
const char *redaction_level_name(enum redaction_level level);
/* "kernel addresses", "host names", ... */
const char *redaction_what_name(enum redaction_what what);
/* False where there is no such level. */
bool redaction_level_find(const char *name, enum redaction_level *level);

#endif
