/*
 * When frees were lost, and so how many of the objects that were live then may have been freed: a free that was lost at some time can
 * only have been of an object that was allocated before. Pure.
 */
#ifndef SLABREC_REPORT_DOUBT_H
#define SLABREC_REPORT_DOUBT_H

#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"

/* Nobody knows how many. */
#define DOUBT_UNKNOWN UINT64_MAX
/* Losses that are kept apart; of more, neighbours are taken together, which can only raise what doubt_since() says. */
#define DOUBT_LOSSES_MAX 65536u

struct doubt_loss {
	uint64_t time_ns;
	uint64_t frees; /* at most so many; once closed, with all later ones; DOUBT_UNKNOWN */
};

/* All-zero is no doubt. */
struct doubt {
	struct doubt_loss *losses; /* owned; by rising time once closed */
	size_t count;
	size_t capacity;
	uint64_t frees; /* of all losses, saturating */
	uint64_t limit; /* once closed: no more were lost in all */
};

void doubt_release(struct doubt *doubt);
/* At most so many frees (or DOUBT_UNKNOWN) were lost, none of them after time_ns. 0 or -ENOMEM. */
int doubt_add(struct doubt *doubt, uint64_t time_ns, uint64_t frees, struct error *err);
/*
 * After the last loss. Each counted frees as so many objects (at least 1), and in all no more than limit were lost; more than was
 * added: the rest at some time that is not known. 0 or -ENOMEM.
 */
int doubt_close(struct doubt *doubt, uint64_t objects_per_free, uint64_t limit, struct error *err);
/* How many frees of objects that were allocated at that time may have been lost. */
uint64_t doubt_since(const struct doubt *doubt, uint64_t birth_ns);

#endif
