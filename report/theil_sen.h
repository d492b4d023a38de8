/*
 * The slope of a line through noisy points that a few outliers do not move: the median of the slopes of all pairs, with bounds. Pure.
 */
#ifndef SLABREC_REPORT_THEIL_SEN_H
#define SLABREC_REPORT_THEIL_SEN_H

#include <stdint.h>

/* Points that are used; all pairs of them are looked at. */
#define THEIL_SEN_POINTS_MAX 16u

/* Change of y from one point to the next. */
struct theil_sen {
	float slope;
	float low, high; /* 5 % and 95 % bounds, by Kendall's statistic; points are taken to be independent */
};

/* y has count points at equal distances, 2 to THEIL_SEN_POINTS_MAX; all zero for fewer. */
struct theil_sen theil_sen(const double *y, uint32_t count);

#endif
