/* Knows that a loss matters to every object that is older than it, so that sums from each loss to the end answer all questions. */
#include "report/doubt.h"

#include <errno.h>
#include <stdlib.h>

#include "report/number.h"

void doubt_release(struct doubt *doubt)
{
	if (!doubt)
		return;
	free(doubt->losses);
	*doubt = (struct doubt){0};
}

static int by_time(const void *left, const void *right)
{
	const struct doubt_loss *a = left, *b = right;

	return (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns);
}

static void sort(struct doubt *doubt)
{
	if (doubt->count)
		qsort(doubt->losses, doubt->count, sizeof(*doubt->losses), by_time);
}

/* Takes each two neighbours together, at the later's time. */
static void halve(struct doubt *doubt)
{
	size_t kept = 0;

	sort(doubt);
	for (size_t i = 0; i + 1 < doubt->count; i += 2)
		doubt->losses[kept++] = (struct doubt_loss){
			.time_ns = doubt->losses[i + 1].time_ns,
			.frees = number_add(doubt->losses[i].frees, doubt->losses[i + 1].frees),
		};
	if (doubt->count % 2)
		doubt->losses[kept++] = doubt->losses[doubt->count - 1];
	doubt->count = kept;
}

int doubt_add(struct doubt *doubt, uint64_t time_ns, uint64_t frees, struct error *err)
{
	if (!frees)
		return 0;
	if (doubt->count == DOUBT_LOSSES_MAX)
		halve(doubt);
	if (doubt->count == doubt->capacity) {
		size_t capacity = doubt->capacity ? 2 * doubt->capacity : 64;
		struct doubt_loss *losses = reallocarray(doubt->losses, capacity, sizeof(*losses));

		if (!losses)
			return error_set(err, -ENOMEM, "not enough memory for what was lost");
		doubt->losses = losses;
		doubt->capacity = capacity;
	}
	doubt->losses[doubt->count++] = (struct doubt_loss){.time_ns = time_ns, .frees = frees};
	doubt->frees = number_add(doubt->frees, frees);
	return 0;
}

int doubt_close(struct doubt *doubt, uint64_t objects_per_free, uint64_t limit, struct error *err)
{
	uint64_t sum = 0;

	if (doubt->frees == DOUBT_UNKNOWN)
		limit = DOUBT_UNKNOWN;
	for (size_t i = 0; i < doubt->count; i++)
		doubt->losses[i].frees = number_multiply(doubt->losses[i].frees, objects_per_free);
	doubt->frees = number_multiply(doubt->frees, objects_per_free);
	if (limit > doubt->frees) {
		int ret = doubt_add(doubt, UINT64_MAX, limit - doubt->frees, err);

		if (ret)
			return ret;
	}
	sort(doubt);
	for (size_t i = doubt->count; i-- > 0;) {
		sum = number_add(sum, doubt->losses[i].frees);
		doubt->losses[i].frees = sum;
	}
	doubt->limit = limit;
	return 0;
}

uint64_t doubt_since(const struct doubt *doubt, uint64_t birth_ns)
{
	size_t first = 0, end = doubt->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (doubt->losses[middle].time_ns < birth_ns)
			first = middle + 1;
		else
			end = middle;
	}
	if (first == doubt->count)
		return 0;
	return doubt->losses[first].frees < doubt->limit ? doubt->losses[first].frees : doubt->limit;
}
