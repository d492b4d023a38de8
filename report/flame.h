/*
 * The picture of where live bytes come from: call stacks laid on top of each other, each function as wide as what was
 * allocated below it and is still live.
 */
#ifndef SLABREC_REPORT_FLAME_H
#define SLABREC_REPORT_FLAME_H

#include <stdbool.h>
#include <stdint.h>

#include "report/model.h"
#include "trace/error.h"

struct flame_rect {
	uint32_t frame; /* of the model, one of those of the same function; FLAME_ROOT and FLAME_NO_STACK are none */
	uint32_t depth; /* 0 is the root */
	uint64_t start; /* left edge, in units of weight */
	uint64_t weight;
	uint64_t objects;
	uint64_t part; /* of weight: that of the sites' parts, where there are any */
};

#define FLAME_ROOT UINT32_MAX
#define FLAME_NO_STACK (UINT32_MAX - 1)

struct flame {
	struct flame_rect *rects; /* owned; by depth, then from left to right */
	uint32_t rect_count;
	uint32_t depth;		/* rows */
	uint64_t total;		/* weight of the root; 0: nothing is live */
	bool is_objects;	/* weights are objects, not bytes: some cache's object size is not known */
	uint32_t folded_frames; /* frames that are not among the rects: too narrow or too deep */
	uint64_t folded_weight; /* weight of the stacks that end in such a frame */
};

/* Lays out at most max_rects rectangles in at most max_depth rows, the heaviest. 0 or -ENOMEM. */
int flame_build(struct flame *flame, const struct model *model, uint32_t max_rects, uint32_t max_depth,
		struct error *err);
/* The same, adding up parts (one for each site, no larger than its weight) as well; NULL: none. */
int flame_build_parts(struct flame *flame, const struct model *model, const uint64_t *parts, uint32_t max_rects, uint32_t max_depth,
		      struct error *err);
void flame_release(struct flame *flame);

#endif
