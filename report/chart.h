/*
 * Small pictures as inline SVG: live objects over time, ages. Sizes are in pixels; colours come from the style sheet.
 */
#ifndef SLABREC_REPORT_CHART_H
#define SLABREC_REPORT_CHART_H

#include <stdint.h>
#include <stdio.h>

#include "trace/ages.h"
#include "report/history.h"
#include "trace/timeline.h"

/* A line without axes, for a table cell. */
void chart_spark(FILE *out, const struct timeline *timeline, uint64_t duration_ns);
/* The same with its axes labelled. */
void chart_live(FILE *out, const struct timeline *timeline, uint64_t duration_ns);
/* Ages of freed objects upwards, of those still live downwards, by powers of two; each side has its own scale. */
void chart_ages(FILE *out, const struct ages *freed, const struct ages *live);

/* Of each part of the time: how many that were allocated then were freed, and how many are live at the end. Nothing for a site without a history. */
void chart_births(FILE *out, const struct history *history, uint64_t duration_ns);
/*
 * Two curves of live objects over each other, before and after: each of count points, evenly spaced over its time. One that is NULL is not
 * drawn.
 */
void chart_pair(FILE *out, const uint64_t *const curves[2], uint32_t count, const uint64_t durations_ns[2]);
/* The same without axes, for a table cell. */
void chart_pair_spark(FILE *out, const uint64_t *const curves[2], uint32_t count, const uint64_t durations_ns[2]);

#endif
