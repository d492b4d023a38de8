/* Open addressing without tombstones: removing moves the followers back, so a day of churn leaves no trace. */
#include "report/live.h"

#include <errno.h>
#include <stdlib.h>

#include "report/fetch.h"
#include "report/huge_pages.h"

#define FIRST_CAPACITY 1024u
#define GROUP 8u

void live_release(struct live *live)
{
	if (!live)
		return;
	free(live->slots);
	*live = (struct live){0};
}

/* Objects that were allocated one after the other stand side by side: they are often freed so, too. */
static size_t live_home(const struct live *live, uint64_t object)
{
	uint64_t group = (object / GROUP) * 0x9e3779b97f4a7c15u >> 20;

	return (size_t)(group * GROUP + object % GROUP) & (live->capacity - 1);
}

/* Where the object is, or the free slot where it would be. */
static size_t live_slot(const struct live *live, uint64_t object)
{
	size_t at = live_home(live, object);

	while (live->slots[at].object && live->slots[at].object != object)
		at = (at + 1) & (live->capacity - 1);
	return at;
}

static int live_grow(struct live *live, struct error *err)
{
	struct live grown = {.capacity = live->capacity ? 2 * live->capacity : FIRST_CAPACITY, .count = live->count};

	if (live->count >= LIVE_OBJECTS_MAX)
		return error_set(err, -EFBIG, "more than %u objects are live at once; record fewer caches",
				 LIVE_OBJECTS_MAX);
	grown.slots = huge_pages_array(grown.capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return error_set(err, -ENOMEM, "not enough memory for %zu live objects", live->count);
	for (size_t i = 0; i < live->capacity; i++)
		if (live->slots[i].object)
			grown.slots[live_slot(&grown, live->slots[i].object)] = live->slots[i];
	free(live->slots);
	*live = grown;
	return 0;
}

int live_add(struct live *live, const struct live_object *object, struct error *err)
{
	if (4 * (live->count + 1) > 3 * live->capacity) {
		int ret = live_grow(live, err);

		if (ret)
			return ret;
	}
	live->slots[live_slot(live, object->object)] = *object;
	live->count++;
	return 0;
}

struct live_object *live_find(const struct live *live, uint64_t object)
{
	struct live_object *found = live->capacity ? &live->slots[live_slot(live, object)] : NULL;

	return found && found->object ? found : NULL;
}

void live_expect(const struct live *live, uint64_t object)
{
	if (live->capacity)
		fetch(&live->slots[live_home(live, object)]);
}

bool live_remove(struct live *live, uint64_t object, struct live_object *removed)
{
	size_t hole = live->capacity ? live_slot(live, object) : 0;

	if (!live->capacity || !live->slots[hole].object)
		return false;
	*removed = live->slots[hole];
	live->count--;
	for (size_t at = (hole + 1) & (live->capacity - 1); live->slots[at].object;
	     at = (at + 1) & (live->capacity - 1)) {
		size_t home = live_home(live, live->slots[at].object);

		/* It may move back unless its home lies behind the hole. */
		if (((at - home) & (live->capacity - 1)) >= ((at - hole) & (live->capacity - 1))) {
			live->slots[hole] = live->slots[at];
			hole = at;
		}
	}
	live->slots[hole].object = 0;
	return true;
}
