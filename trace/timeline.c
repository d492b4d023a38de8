/* Buckets that fold in pairs. */
#include "trace/timeline.h"

#include <string.h>

uint32_t timeline_shift_for(uint32_t shift, uint64_t time_ns)
{
	while (time_ns >> shift >= TIMELINE_BUCKETS)
		shift++;
	return shift;
}

static void fold(uint64_t buckets[TIMELINE_BUCKETS])
{
	for (uint32_t i = 0; i < TIMELINE_BUCKETS / 2; i++)
		buckets[i] = buckets[2 * i] + buckets[2 * i + 1];
	memset(buckets + TIMELINE_BUCKETS / 2, 0, TIMELINE_BUCKETS / 2 * sizeof(buckets[0]));
}

void timeline_widen(struct timeline *timeline, uint32_t shift)
{
	/* One that was never written to takes the width at once. */
	if (!timeline->shift)
		timeline->shift = shift;
	for (; timeline->shift < shift; timeline->shift++) {
		fold(timeline->allocs);
		fold(timeline->frees);
	}
}

void timeline_merge(struct timeline *timeline, const struct timeline *more, uint32_t shift)
{
	struct timeline wide = *more;

	timeline_widen(timeline, shift);
	timeline_widen(&wide, shift);
	for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++) {
		timeline->allocs[i] += wide.allocs[i];
		timeline->frees[i] += wide.frees[i];
	}
}

uint32_t timeline_bucket(uint32_t shift, uint64_t time_ns)
{
	return (uint32_t)(time_ns >> shift);
}

uint32_t timeline_live(const struct timeline *timeline, uint64_t duration_ns, uint64_t live[TIMELINE_BUCKETS])
{
	uint64_t last = duration_ns >> timeline->shift;
	uint32_t count = last < TIMELINE_BUCKETS ? (uint32_t)last + 1 : TIMELINE_BUCKETS;
	uint64_t now = 0;

	for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++) {
		now += timeline->allocs[i];
		/* A clock that steps back can put a free before its allocation. */
		now -= now < timeline->frees[i] ? now : timeline->frees[i];
		live[i] = now;
	}
	return count;
}
