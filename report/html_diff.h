/* The parts of a comparison's page: what was compared, what changed, which call stacks are gone or new. */
#ifndef SLABREC_REPORT_HTML_DIFF_H
#define SLABREC_REPORT_HTML_DIFF_H

#include <stdio.h>

#include "report/arena.h"
#include "report/diff.h"
#include "trace/error.h"

struct html_diff {
	FILE *out;
	const struct diff *diff;
	struct arena *arena;
};

/* The recordings of both sides, and how far to trust them. */
void html_diff_sides(const struct html_diff *html);
/* A table of what changed or cannot be decided, then folded what is the same. */
void html_diff_changes(const struct html_diff *html);
/* For each of the first ones its call stack and its curves. */
void html_diff_cards(const struct html_diff *html);
/* Call stacks that are there on one side only. */
void html_diff_lists(const struct html_diff *html);
/* Three flame graphs of one layout: before, after, difference. 0 or -ENOMEM. */
int html_diff_views(const struct html_diff *html, struct error *err);

#endif
