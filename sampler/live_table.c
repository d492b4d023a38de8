/*
 * Knows what addresses prove: one that is handed out again was freed before, and a page holds objects of one cache only as long
 * as one of them lives there.
 */
#include "sampler/live_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BITS 12
/* Two events of the same call are microseconds apart, unless the host takes the CPU away in between. */
#define SAME_CALL_NS 100000000u
/* Of one that interrupts came into the middle of: they may be many. */
#define INTERRUPTED_CALL_NS 10000000000ull
/* Where the call chains match as well, the host may take it away for long: half a second was seen. */
#define SAME_CHAIN_NS 10000000000ull
/* How long an ended object is remembered at least. */
#define ENDED_KEPT_NS 1000000000u
#define SWEEP_EVERY_NS 5000000000u
/* How long an object may wait for RCU. Then its end came by a way that nobody tells, and its page may have gone elsewhere. */
#define PENDING_KEPT_NS 600000000000ull
/* How long a page is its cache's after the last sign of it: then it may be another's. */
#define PAGE_KEPT_S 10u

void live_table_release(struct live_table *table)
{
	free(table->objects);
	free(table->unused);
	free(table->by_address);
	u64_map_release(&table->pages);
	*table = (struct live_table){0};
}

/* What is known of a page, in one value of the map. */
union page {
	uint64_t value;
	struct {
		uint32_t cache_1 : 17; /* index + 1 */
		uint32_t objects : 15; /* in the table that have not ended; a page has at most 512 */
		uint32_t seen_s;
	};
};

static uint32_t seconds(uint64_t time_ns)
{
	return (uint32_t)(time_ns / 1000000000);
}

static uint64_t page_key(uint64_t address)
{
	return (address >> PAGE_BITS) + 1;
}

/* A page with an object of ours cannot go to another cache. One without may, and nobody tells. */
static bool is_stale(union page page, uint64_t now_ns)
{
	/* A late record steps back in time. */
	return !page.objects && seconds(now_ns) > page.seen_s && seconds(now_ns) - page.seen_s > PAGE_KEPT_S;
}

/* The page has an object of the cache, one more (1), one less (-1) or as many as before. -ENOMEM. */
static int see_page(struct live_table *table, uint64_t address, uint16_t cache, uint64_t time_ns, int change)
{
	uint64_t *value = u64_map_put(&table->pages, page_key(address));

	if (!value)
		return -ENOMEM;
	union page page = {.value = *value};
	page.cache_1 = cache + 1u;
	page.objects = (uint32_t)((int)page.objects + change) & 0x7fff;
	page.seen_s = seconds(time_ns);
	*value = page.value;
	return 0;
}

/* ---- the index: of places only, 5 to 11 bytes an object, the addresses being in the objects ---- */

/* Where in the index the address is, or would go. The index has a free place. */
static size_t index_of(const struct live_table *table, uint64_t address)
{
	size_t mask = table->by_address_capacity - 1;
	size_t at = u64_mix(address) & mask;

	while (table->by_address[at] && table->objects[table->by_address[at] - 1].address != address)
		at = (at + 1) & mask;
	return at;
}

/* Makes room for one more. */
static int grow_index(struct live_table *table)
{
	size_t old_capacity = table->by_address_capacity;
	uint32_t *old = table->by_address;

	if ((table->by_address_count + 1) * 4 <= old_capacity * 3)
		return 0;
	size_t capacity = old_capacity ? old_capacity * 2 : 1024;
	uint32_t *larger = calloc(capacity, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	table->by_address = larger;
	table->by_address_capacity = capacity;
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i])
			larger[index_of(table, table->objects[old[i] - 1].address)] = old[i];
	free(old);
	return 0;
}

/* Linear probing with backward shift: no tombstones gather in a recording that runs for days. */
static void remove_from_index(struct live_table *table, uint64_t address)
{
	size_t mask = table->by_address_capacity - 1;
	size_t hole = index_of(table, address);

	for (size_t at = (hole + 1) & mask; table->by_address[at]; at = (at + 1) & mask) {
		size_t home = u64_mix(table->objects[table->by_address[at] - 1].address) & mask;

		/* What lies between its home and its place without crossing the hole stays. */
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			table->by_address[hole] = table->by_address[at];
			hole = at;
		}
	}
	table->by_address[hole] = 0;
	table->by_address_count--;
}

static struct live_object *object_at(const struct live_table *table, uint64_t address)
{
	uint32_t place = table->by_address_count ? table->by_address[index_of(table, address)] : 0;

	return place ? &table->objects[place - 1] : NULL;
}

/*
 * True where the allocation is told once more by a function around the one that told it: it returns in the same task, from higher
 * up the stack, with the call chain of which the other's is one call more. Where the outer one ended in a jump to the inner one
 * (__kvmalloc_node_noprof of Debian's 6.12), both return at once, to the same place.
 */
static bool is_outer_call(const struct live_object *inner, const struct live_object *outer, uint32_t outer_path)
{
	if (!outer->sp || !inner->sp || inner->tid != outer->tid || outer->time_ns - inner->time_ns >= SAME_CHAIN_NS)
		return false;
	if (outer->sp == inner->sp)
		return inner->function != outer->function && inner->caller_path == outer->caller_path;
	return (int32_t)(outer->sp - inner->sp) > 0 && inner->caller_path == outer_path;
}

enum live_birth live_table_check_birth(const struct live_table *table, const struct live_object *object, uint32_t path,
				       uint64_t *old_serial)
{
	const struct live_object *old = object_at(table, object->address);

	if (!old || !old->serial)
		return LIVE_BIRTH_NEW;
	/* A pending object may be freed unseen: its address proves nothing that was not told. */
	if (old->is_pending) {
		*old_serial = old->serial;
		return LIVE_BIRTH_NEW;
	}
	if (is_outer_call(old, object, path))
		return LIVE_BIRTH_DUPLICATE;
	*old_serial = old->serial;
	return LIVE_BIRTH_REUSED;
}

bool live_table_is_told(const struct live_table *table, uint64_t address, int32_t tid, uint64_t time_ns)
{
	const struct live_object *object = object_at(table, address);

	return object && object->serial && !object->is_pending && object->tid == tid &&
	       time_ns - object->time_ns < INTERRUPTED_CALL_NS;
}

static int place_for(struct live_table *table, uint32_t *place)
{
	if (table->unused_count) {
		*place = table->unused[--table->unused_count];
		return 0;
	}
	if (table->object_count == table->object_capacity) {
		size_t capacity = table->object_capacity ? table->object_capacity * 2 : 1024;
		struct live_object *objects = realloc(table->objects, capacity * sizeof(*objects));

		if (!objects)
			return -ENOMEM;
		table->objects = objects;
		table->object_capacity = capacity;
	}
	*place = (uint32_t)table->object_count++;
	return 0;
}

/* The object at the address, a new one where there was none; NULL without memory. */
static struct live_object *need_object(struct live_table *table, uint64_t address)
{
	uint32_t place;

	if (grow_index(table))
		return NULL;
	size_t at = index_of(table, address);
	if (table->by_address[at])
		return &table->objects[table->by_address[at] - 1];
	if (place_for(table, &place))
		return NULL;
	table->objects[place] = (struct live_object){.address = address};
	table->by_address[at] = place + 1u;
	table->by_address_count++;
	return &table->objects[place];
}

int live_table_add(struct live_table *table, const struct live_object *object)
{
	struct live_object *entry = need_object(table, object->address);

	if (!entry)
		return -ENOMEM;
	if (object->serial && see_page(table, object->address, object->cache, object->time_ns, !entry->serial))
		return -ENOMEM;
	table->pending_count -= entry->is_pending && entry->serial;
	table->live_count += !!object->serial - (entry->serial && !entry->is_pending);
	*entry = *object;
	return 0;
}

static int forget(struct live_table *table, uint32_t place)
{
	if (table->unused_count == table->unused_capacity) {
		size_t capacity = table->unused_capacity ? table->unused_capacity * 2 : 1024;
		uint32_t *unused = realloc(table->unused, capacity * sizeof(*unused));

		if (!unused)
			return -ENOMEM;
		table->unused = unused;
		table->unused_capacity = capacity;
	}
	remove_from_index(table, table->objects[place].address);
	table->objects[place] = (struct live_object){0};
	table->unused[table->unused_count++] = place;
	return 0;
}

static void sweep_pages(struct live_table *table, uint64_t now_ns)
{
	for (size_t i = 0; i < table->pages.capacity;) {
		const struct u64_slot *slot = &table->pages.slots[i];

		/* A removal may move another entry here: look at the place again. */
		if (!slot->key || !is_stale((union page){.value = slot->value}, now_ns))
			i++;
		else
			u64_map_remove(&table->pages, slot->key);
	}
}

/* -ENOMEM. */
static int sweep_object(struct live_table *table, uint32_t place, uint64_t now_ns)
{
	const struct live_object *object = &table->objects[place];
	uint64_t kept_ns = object->is_pending ? PENDING_KEPT_NS : ENDED_KEPT_NS;
	uint64_t serial = object->serial;

	if (!object->address || (serial && !object->is_pending) || now_ns <= object->time_ns + kept_ns)
		return 0;
	uint64_t address = object->address, time_ns = object->time_ns;
	uint16_t cache = object->cache;
	int ret = forget(table, place);
	if (ret || !serial)
		return ret;
	see_page(table, address, cache, time_ns, -1);
	table->pending_count--;
	table->pending_given_up++;
	if (table->give_up)
		table->give_up(table->give_up_context, serial);
	return 0;
}

/* Forgets objects that ended some time ago, those that wait for ever, and pages that may be another cache's. */
static void sweep(struct live_table *table, uint64_t now_ns)
{
	/* A late record steps back in time: that is no reason to forget. */
	if (now_ns < table->swept_ns + SWEEP_EVERY_NS)
		return;
	table->swept_ns = now_ns;
	sweep_pages(table, now_ns);
	for (size_t place = 0; place < table->object_count; place++)
		if (sweep_object(table, (uint32_t)place, now_ns))
			return;
}

static void end_object(struct live_table *table, struct live_object *object, const struct live_free *event)
{
	if (object->is_pending)
		table->pending_count--;
	else
		table->live_count--;
	see_page(table, object->address, object->cache, event->time_ns, -1); /* it is in the map, so this allocates nothing */
	object->serial = 0;
	object->is_pending = false;
	object->time_ns = event->time_ns;
	object->tid = event->tid;
	object->witnesses = event->witness & 3u;
}

/* True where the event is of the very call that ended the object. */
static bool is_same_call(const struct live_object *ended, const struct live_free *event)
{
	/* Either witness may come late, from a ring that was drained late. */
	return ended->tid == event->tid && event->time_ns < ended->time_ns + SAME_CALL_NS &&
	       ended->time_ns < event->time_ns + SAME_CALL_NS;
}

/* Remembers the free of an older object, so that its second witness is known for what it is. */
static enum live_death older(struct live_table *table, const struct live_free *event, uint16_t cache_index,
			     uint16_t *cache)
{
	struct live_object ended = {.address = event->address,
				    .time_ns = event->time_ns,
				    .tid = event->tid,
				    .cache = cache_index,
				    .witnesses = event->is_request ? 0 : event->witness & 3u,
				    .is_pending = event->is_request};

	*cache = cache_index;
	return live_table_add(table, &ended) ? LIVE_DEATH_UNKNOWN : LIVE_DEATH_OLDER;
}

/* A free or a request for an object whose allocation was seen. */
static enum live_death known(struct live_table *table, struct live_object *object, const struct live_free *event)
{
	bool was_pending = object->is_pending;

	if (!event->is_request) {
		end_object(table, object, event);
		return was_pending ? LIVE_DEATH_COMPLETED : LIVE_DEATH_MATCHED;
	}
	if (was_pending)
		return LIVE_DEATH_CONFIRMED;
	object->is_pending = true;
	object->time_ns = event->time_ns;
	table->live_count--;
	table->pending_count++;
	return LIVE_DEATH_MATCHED;
}

enum live_death live_table_free(struct live_table *table, const struct live_free *event, uint64_t *serial,
				uint16_t *cache)
{
	sweep(table, event->time_ns);
	struct live_object *object = object_at(table, event->address);
	if (object && object->serial) {
		*serial = object->serial;
		*cache = object->cache;
		return known(table, object, event);
	}
	/* An older object was told of when kfree_rcu() was asked; now it is done, by whatever task. */
	if (object && object->is_pending) {
		object->is_pending = event->is_request;
		object->witnesses = event->witness & 3u;
		object->time_ns = event->time_ns;
		object->tid = event->tid;
		return event->is_request ? LIVE_DEATH_CONFIRMED : LIVE_DEATH_OLDER_COMPLETED;
	}
	if (object && object->witnesses && is_same_call(object, event)) {
		bool is_new = !(object->witnesses & event->witness);

		object->witnesses |= event->witness & 3u;
		return is_new ? LIVE_DEATH_CONFIRMED : LIVE_DEATH_REPEATED;
	}
	if (event->has_cache) {
		see_page(table, event->address, event->cache, event->time_ns, 0);
		return older(table, event, event->cache, cache);
	}
	const uint64_t *value = u64_map_find(&table->pages, page_key(event->address));
	union page page = {.value = value ? *value : 0};
	/* Where the probe is hit for all caches only an object that is there proves whose the page is. */
	bool is_proof = event->is_of_any_cache ? page.objects > 0 : !is_stale(page, event->time_ns);
	if (value && is_proof && !event->is_late)
		return older(table, event, (uint16_t)(page.cache_1 - 1), cache);
	return LIVE_DEATH_UNKNOWN;
}

static int by_serial(const void *a, const void *b, void *objects)
{
	const struct live_object *left = (const struct live_object *)objects + *(const uint32_t *)a;
	const struct live_object *right = (const struct live_object *)objects + *(const uint32_t *)b;

	return left->serial < right->serial ? -1 : left->serial > right->serial;
}

int live_table_each(const struct live_table *table, void (*take)(void *context, const struct live_object *object),
		    void *context)
{
	uint32_t *sorted = calloc(table->live_count + 1, sizeof(*sorted)); /* places */
	size_t count = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t place = 0; place < table->object_count; place++)
		if (table->objects[place].serial && !table->objects[place].is_pending)
			sorted[count++] = (uint32_t)place;
	qsort_r(sorted, count, sizeof(*sorted), by_serial, table->objects);
	for (size_t i = 0; i < count; i++)
		take(context, &table->objects[sorted[i]]);
	free(sorted);
	return 0;
}
