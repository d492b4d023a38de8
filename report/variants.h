/*
 * Sites of one cache whose call stacks differ only in user space: what allocates is the same place in the kernel, reached in the same way,
 * from several programs or parts of one, or with a user stack that was once unwound and once not. A leak there is one leak.
 */
#ifndef SLABREC_REPORT_VARIANTS_H
#define SLABREC_REPORT_VARIANTS_H

#include <stdint.h>

#include "report/model.h"
#include "trace/error.h"

struct variant {
	uint64_t path; /* the cache and the kernel's part of the stack, every call in its very place; a hash */
	uint32_t site; /* index in the model's sites */
};

/* Sorted: those of one path stand together, by their site. */
struct variants {
	struct variant *items; /* owned */
	uint32_t count;
};

void variants_release(struct variants *variants);
/* Sites without a kernel stack have nothing in common with any other. 0 or -ENOMEM. */
int variants_find(struct variants *variants, const struct model *model, struct error *err);
/* How many from first on are of one path; 0 at the end. */
uint32_t variants_alike(const struct variants *variants, uint32_t first);

#endif
