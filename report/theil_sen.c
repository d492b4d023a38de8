/*
 * All slopes between two points, in order: the median is the estimate, how far its bounds lie apart depends on their number alone. Only
 * what stands at these places is looked for.
 */
#include "report/theil_sen.h"

#include <math.h>
#include <stdbool.h>

#define PAIRS_MAX (THEIL_SEN_POINTS_MAX * (THEIL_SEN_POINTS_MAX - 1) / 2)
#define Z_5_PERCENT 1.645

static void swap(double *a, double *b)
{
	double of_a = *a;

	*a = *b;
	*b = of_a;
}

/* Moves those below the pivot, or also those equal to it, to the front; returns where the others begin. Without a branch to guess wrong. */
static uint32_t divide(double *slopes, uint32_t first, uint32_t end, double pivot, bool with_equal)
{
	uint32_t front = first;

	for (uint32_t i = first; i < end; i++) {
		bool is_front = with_equal ? slopes[i] <= pivot : slopes[i] < pivot;

		swap(&slopes[i], &slopes[front]);
		front += is_front;
	}
	return front;
}

/* Where the middle one of the first, the last and the one between is. */
static uint32_t pivot_place(const double *slopes, uint32_t first, uint32_t end)
{
	uint32_t between = first + (end - first) / 2, last = end - 1;
	bool rises = slopes[first] < slopes[last];

	if ((slopes[between] < slopes[first]) == rises)
		return first;
	return (slopes[last] < slopes[between]) == rises ? last : between;
}

/* Puts the slope there that would be if all from first to before end were sorted: none before it is larger, none behind it smaller. */
static void put_in_place(double *slopes, uint32_t first, uint32_t end, uint32_t place)
{
	while (first < end) {
		swap(&slopes[pivot_place(slopes, first, end)], &slopes[end - 1]);
		double pivot = slopes[end - 1];
		uint32_t front = divide(slopes, first, end - 1, pivot, false);

		swap(&slopes[front], &slopes[end - 1]);
		if (place == front)
			return;
		if (place < front) {
			end = front;
			continue;
		}
		/* Where none is smaller many may be equal. */
		first = front > first ? front + 1 : divide(slopes, front + 1, end, pivot, true);
		if (place < first)
			return;
	}
}

static void put_smallest_first(double *slopes, uint32_t first, uint32_t end)
{
	uint32_t smallest = first;

	for (uint32_t i = first + 1; i < end; i++)
		smallest = slopes[i] < slopes[smallest] ? i : smallest;
	swap(&slopes[first], &slopes[smallest]);
}

/* Of the slopes from first to before end none belongs elsewhere. */
static double slope_at(double *slopes, uint32_t first, uint32_t end, double place)
{
	if (place < first)
		place = first;
	if (place > end - 1)
		place = end - 1;
	uint32_t below = (uint32_t)place;
	uint32_t above = below + 1 < end ? below + 1 : below;
	put_in_place(slopes, first, end, below);
	put_smallest_first(slopes, above, end);
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
	double middle = (pairs - 1) / 2.0;
	double wide = Z_5_PERCENT * sqrt(count * (count - 1.0) * (2.0 * count + 5) / 18) / 2;
	double slope = slope_at(slopes, 0, pairs, middle);
	/* What lies between the bounds of the middle is there now. */
	uint32_t below = (uint32_t)middle;
	return (struct theil_sen){
		.slope = (float)slope,
		.low = (float)slope_at(slopes, 0, below + 1, middle - wide),
		.high = (float)slope_at(slopes, below, pairs, middle + wide),
	};
}
