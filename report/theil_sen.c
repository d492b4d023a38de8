/* All slopes between two points, sorted: the median is the estimate, how far its bounds lie apart depends on their number alone. */
#include "report/theil_sen.h"

#include <math.h>
#include <stdlib.h>

#define PAIRS_MAX (THEIL_SEN_POINTS_MAX * (THEIL_SEN_POINTS_MAX - 1) / 2)
#define Z_5_PERCENT 1.645

static int by_slope(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double slope_at(const double *slopes, uint32_t count, double place)
{
	if (place < 0)
		place = 0;
	if (place > count - 1)
		place = count - 1;
	uint32_t below = (uint32_t)place;
	uint32_t above = below + 1 < count ? below + 1 : below;
	return slopes[below] + (place - below) * (slopes[above] - slopes[below]);
}

struct theil_sen theil_sen(const double *y, uint32_t count)
{
	double slopes[PAIRS_MAX];
	uint32_t pairs = 0;

	if (count < 2 || count > THEIL_SEN_POINTS_MAX)
		return (struct theil_sen){0};
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = i + 1; j < count; j++)
			slopes[pairs++] = (y[j] - y[i]) / (j - i);
	qsort(slopes, pairs, sizeof(slopes[0]), by_slope);
	double middle = (pairs - 1) / 2.0;
	double wide = Z_5_PERCENT * sqrt(count * (count - 1.0) * (2.0 * count + 5) / 18) / 2;
	return (struct theil_sen){
		.slope = (float)slope_at(slopes, pairs, middle),
		.low = (float)slope_at(slopes, pairs, middle - wide),
		.high = (float)slope_at(slopes, pairs, middle + wide),
	};
}
