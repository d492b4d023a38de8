/*
 * A comparison in sentences, the same in every format for people: "before" and "after" in words. In the arena, foreign names not escaped.
 */
#ifndef SLABREC_REPORT_DIFF_TEXT_H
#define SLABREC_REPORT_DIFF_TEXT_H

#include "report/arena.h"
#include "report/diff.h"

/* The answer: what regressed, else what was fixed, else that nothing changed beyond noise; or why there is none. */
const char *diff_text_headline(struct arena *arena, const struct diff *diff);
/* "Of 31 call stacks 1 fixed, 2 inconclusive, 28 same." */
const char *diff_text_counts(struct arena *arena, const struct diff *diff);
/* What stays was divided by, on each side, and the factor between them. */
const char *diff_text_exposure(struct arena *arena, const struct diff *diff);
/* How stacks were matched, and how many have no partner. */
const char *diff_text_matching(struct arena *arena, const struct diff *diff);
/* What the comparison cannot tell; "" nothing. */
const char *diff_text_caveat(struct arena *arena, const struct diff *diff);
/* "before 1: a.slab, Linux 6.1.0, 60.0 s, 1,200 units of work. No ring or probe lost an event." */
const char *diff_text_run(struct arena *arena, const struct diff *diff, enum diff_side side, uint32_t run);
/* "objects/s", "objects per 1,000 units of work" */
const char *diff_text_unit(const struct diff *diff);
/* A rate as a number: "9.82". */
const char *diff_text_number(struct arena *arena, double value);
/* "9.82/s (1.9 KiB/s)", of one side of a row; "not recorded" where its cache was not. */
const char *diff_text_rate(struct arena *arena, const struct diff *diff, const struct diff_row *row, enum diff_side side);
/* "10.2 times as much", "0.09 times as much", "none any more", "none before", "-" where there is none on either side. */
const char *diff_text_ratio(struct arena *arena, const struct diff_row *row);
/* What speaks for the row's state, in a sentence without the full stop. */
const char *diff_text_why(struct arena *arena, const struct diff *diff, const struct diff_row *row);
/* Its functions, as verdict_path() has them. */
const char *diff_text_place(struct arena *arena, const struct diff_row *row);
/* "kmalloc-1k", or "kmalloc-512 before, kmalloc-1k after". */
const char *diff_text_cache(struct arena *arena, const struct diff_row *row);
/* The classes: "leak before, churn after". */
const char *diff_text_classes(struct arena *arena, const struct diff_row *row);

#endif
