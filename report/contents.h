/*
 * What was in live objects at the end: the first bytes of a few of each site, as the trace has them.
 */
#ifndef SLABREC_REPORT_CONTENTS_H
#define SLABREC_REPORT_CONTENTS_H

#include <stdint.h>

#include "trace/error.h"
#include "trace/record.h"

/* What a hostile file has beyond is left out. */
#define CONTENTS_PER_SITE 8u
#define CONTENTS_MAX 65536u

struct content {
	uint32_t site; /* index in the site table */
	uint32_t order; /* in the trace */
	uint32_t size_bytes;
	uint8_t bytes[TRACE_CONTENTS_MAX_BYTES];
};

/* All-zero is empty. */
struct contents {
	struct content *items; /* owned */
	uint32_t count;
	uint32_t capacity;
};

void contents_release(struct contents *contents);
/* 0 or -ENOMEM. */
int contents_add(struct contents *contents, uint32_t site, const struct trace_contents *from, struct error *err);
/* Call it after the last add: puts those of a site side by side, in the order of the trace. */
void contents_sort(struct contents *contents);
/* Those of the site; *count of them, 0 none. */
const struct content *contents_of(const struct contents *contents, uint32_t site, uint32_t *count);

#endif
