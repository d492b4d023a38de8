/* What each event means for the books: a free belongs to the site and the cache that its object was born at. */
#include "report/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/number.h"

#define CACHE_LINE_BYTES 64u

void ledger_release(struct ledger *ledger)
{
	if (!ledger)
		return;
	site_table_release(&ledger->sites);
	live_release(&ledger->live);
	contents_release(&ledger->contents);
	orphans_release(&ledger->orphans);
	free(ledger->caches);
	*ledger = (struct ledger){0};
}

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "not enough memory for the totals");
}

/* Cache ids are dictionary ids of the trace, so their number is bounded by the file. */
static struct ledger_cache *ledger_cache(struct ledger *ledger, uint32_t cache)
{
	if (cache >= ledger->cache_count) {
		size_t wanted = (size_t)cache + 16;
		struct ledger_cache *caches = reallocarray(ledger->caches, wanted, sizeof(*caches));

		if (!caches)
			return NULL;
		memset(caches + ledger->cache_count, 0, (wanted - ledger->cache_count) * sizeof(*caches));
		ledger->caches = caches;
		ledger->cache_count = (uint32_t)wanted;
	}
	return &ledger->caches[cache];
}

/* Times are signed differences: a clock that steps back must not look like the far future. */
static uint64_t ledger_time(struct ledger *ledger, uint64_t time_ns)
{
	if ((int64_t)time_ns < 0) {
		ledger->times_before++;
		time_ns = 0;
	}
	if (time_ns > ledger->last_ns)
		ledger->last_ns = time_ns;
	if (!ledger->timeline_shift)
		ledger->timeline_shift = TIMELINE_FIRST_SHIFT;
	ledger->timeline_shift = timeline_shift_for(ledger->timeline_shift, time_ns);
	return time_ns;
}

static void ledger_mark_cache(const struct ledger *ledger, struct timeline *timeline, uint64_t time_ns, bool is_alloc)
{
	timeline_widen(timeline, ledger->timeline_shift);
	uint32_t bucket = timeline_bucket(timeline->shift, time_ns);
	if (is_alloc)
		timeline->allocs[bucket]++;
	else
		timeline->frees[bucket]++;
}

static int ledger_mark(const struct ledger *ledger, struct site *site, uint64_t time_ns, enum history_kind kind, struct error *err)
{
	return history_add(&site->history, ledger->timeline_shift, time_ns, kind) ? 0 : no_memory(err);
}

static int ledger_alloc(struct ledger *ledger, const struct trace_event *event, uint64_t time_ns, struct error *err)
{
	struct live_object object = {.object = event->object, .birth_ns = time_ns, .task = event->task};
	struct ledger_cache *cache = ledger_cache(ledger, event->cache);
	int ret = site_table_find(&ledger->sites, event->cache, event->stack, &object.site, err);

	object.bytes_req = event->bytes_req < UINT32_MAX ? (uint32_t)event->bytes_req : UINT32_MAX;
	if (!ret)
		ret = live_add(&ledger->live, &object, err);
	if (ret)
		return ret;
	struct site *site = ledger->sites.sites[object.site];
	struct tally_entry *task = tally_entry(&site->tasks, event->task);
	struct tally_entry *cpu = tally_entry(&site->cpus, event->cpu + 1);
	/* Without one the memory is of the CPU's node. */
	struct tally_entry *asked = event->node < 0 ? NULL : tally_entry(&site->nodes_asked, (uint32_t)event->node + 1);
	if (!cache || !task || !cpu || (event->node >= 0 && !asked))
		return no_memory(err);
	task->count++;
	cpu->count++;
	if (asked)
		asked->count++;
	cache->allocs++;
	cache->live++;
	site->allocs++;
	site->live++;
	site->bytes_req = number_add(site->bytes_req, object.bytes_req);
	site->live_bytes_req += object.bytes_req;
	site->allocs_sized += object.bytes_req != 0;
	site->live_sized += object.bytes_req != 0;
	ledger_mark_cache(ledger, &cache->timeline, time_ns, true);
	return ledger_mark(ledger, site, time_ns, HISTORY_ALLOCS, err);
}

static int ledger_seen_free(struct ledger *ledger, struct site *site, const struct live_object *object,
			    const struct trace_event *event, uint64_t time_ns, struct error *err)
{
	struct tally_entry *path = tally_entry(&site->freed_by, event->stack);

	if (!path)
		return no_memory(err);
	path->count++;
	ledger->times_before += time_ns < object->birth_ns;
	return history_ages_add(&site->freed_ages, time_ns < object->birth_ns ? 0 : time_ns - object->birth_ns) ? 0 : no_memory(err);
}

/* The object is no longer its user's, whatever becomes of its memory. */
static int ledger_give_up(struct ledger *ledger, const struct live_object *object, const struct trace_event *event,
			  uint64_t time_ns, struct error *err)
{
	struct site *site = ledger->sites.sites[object->site];
	struct ledger_cache *cache = &ledger->caches[site->cache];
	bool is_implied = event->kind == TRACE_EVENT_FREE_IMPLIED;

	*(is_implied ? &site->frees_implied : &site->frees) += 1;
	*(is_implied ? &cache->frees_implied : &cache->frees) += 1;
	cache->live--;
	site->live--;
	site->live_bytes_req -= object->bytes_req;
	site->live_sized -= object->bytes_req != 0;
	ledger_mark_cache(ledger, &cache->timeline, time_ns, false);
	int ret = ledger_mark(ledger, site, time_ns, HISTORY_FREES, err);
	return ret || is_implied ? ret : ledger_seen_free(ledger, site, object, event, time_ns, err);
}

static void ledger_pending(struct ledger *ledger, const struct live_object *object, int change)
{
	struct site *site = ledger->sites.sites[object->site];

	site->pending_rcu += (uint64_t)change;
	ledger->caches[site->cache].pending_rcu += (uint64_t)change;
}

/* kfree_rcu() was called: who called it is who freed the object; the memory follows after a grace period. */
static int ledger_free_rcu(struct ledger *ledger, const struct trace_event *event, uint64_t time_ns, struct error *err)
{
	struct live_object *object = live_find(&ledger->live, event->object);

	if (!object || object->is_pending) {
		ledger->frees_unmatched++;
		return 0;
	}
	object->is_pending = true;
	ledger_pending(ledger, object, 1);
	return ledger_give_up(ledger, object, event, time_ns, err);
}

static int ledger_free(struct ledger *ledger, const struct trace_event *event, uint64_t time_ns, struct error *err)
{
	struct live_object object;

	if (!live_remove(&ledger->live, event->object, &object)) {
		ledger->frees_unmatched++;
		return 0;
	}
	if (!object.is_pending)
		return ledger_give_up(ledger, &object, event, time_ns, err);
	ledger_pending(ledger, &object, -1);
	return 0;
}

/* Behind what is measured: only what goes of it counts. */
static int ledger_enter_reclaimed(struct ledger *ledger, const struct trace_event *event, struct error *err)
{
	struct live_object *object = event->object ? live_find(&ledger->live, event->object) : NULL;
	struct ledger_cache *cache = event->kind == TRACE_EVENT_FREE_OLDER ? ledger_cache(ledger, event->cache) : NULL;

	ledger->events++;
	if (event->kind == TRACE_EVENT_FREE_OLDER && !cache)
		return no_memory(err);
	if (cache)
		cache->reclaimed_older++;
	/* A request of kfree_rcu() and its end are one; what was pending before is no object of anybody's. */
	if (!object || object->is_reclaimed || object->is_pending || event->kind == TRACE_EVENT_ALLOC)
		return 0;
	object->is_reclaimed = true;
	struct site *site = ledger->sites.sites[object->site];
	site->reclaimed++;
	ledger->caches[site->cache].reclaimed++;
	return 0;
}

/* NULL where there is none yet. */
static const struct site *event_site(const struct ledger *ledger, const struct trace_event *event)
{
	if (event->kind == TRACE_EVENT_ALLOC)
		return site_table_get(&ledger->sites, event->cache, event->stack);
	const struct live_object *object = live_find(&ledger->live, event->object);
	return object ? ledger->sites.sites[object->site] : NULL;
}

void ledger_expect(const struct ledger *ledger, const struct trace_event *event, enum ledger_step step)
{
	const struct site *site;

	if (event->kind != TRACE_EVENT_ALLOC && event->kind != TRACE_EVENT_FREE)
		return;
	if (step == LEDGER_EXPECT_SLOTS) {
		live_expect(&ledger->live, event->object);
		if (event->kind == TRACE_EVENT_ALLOC)
			site_table_expect(&ledger->sites, event->cache, event->stack);
		return;
	}
	site = event_site(ledger, event);
	if (!site)
		return;
	if (step == LEDGER_EXPECT_SITE) {
		for (size_t at = 0; at < sizeof(*site); at += CACHE_LINE_BYTES)
			__builtin_prefetch((const char *)site + at, 1);
		return;
	}
	__builtin_prefetch(site->history.counts.counts, 1);
	if (event->kind == TRACE_EVENT_ALLOC) {
		__builtin_prefetch(site->tasks.slots, 1);
		__builtin_prefetch(site->cpus.slots, 1);
		__builtin_prefetch(site->nodes_asked.slots, 1);
	} else {
		__builtin_prefetch(site->freed_by.slots, 1);
		__builtin_prefetch(site->freed_ages.buckets.counts, 1);
	}
}

int ledger_enter(struct ledger *ledger, const struct trace_event *event, struct error *err)
{
	if (ledger->reclaim_ns && (int64_t)event->time_ns >= (int64_t)ledger->reclaim_ns)
		return ledger_enter_reclaimed(ledger, event, err);
	uint64_t time_ns = ledger_time(ledger, event->time_ns);
	struct ledger_cache *cache;

	ledger->events++;
	if (event->cpu > ledger->max_cpu)
		ledger->max_cpu = event->cpu;
	switch (event->kind) {
	case TRACE_EVENT_ALLOC:
		return ledger_alloc(ledger, event, time_ns, err);
	case TRACE_EVENT_FREE:
	case TRACE_EVENT_FREE_IMPLIED:
		return ledger_free(ledger, event, time_ns, err);
	case TRACE_EVENT_FREE_RCU:
		return ledger_free_rcu(ledger, event, time_ns, err);
	case TRACE_EVENT_FREE_OLDER:
		cache = ledger_cache(ledger, event->cache);
		if (!cache)
			return no_memory(err);
		cache->frees_older++;
		return orphans_add(&ledger->orphans, event->cache, event->stack, time_ns, ledger->timeline_shift, err);
	case TRACE_EVENT_KIND_COUNT:
		break;
	}
	return 0;
}

static int ledger_shares(struct tally *tally, const struct trace_share *shares, uint32_t count, uint64_t others,
			 struct error *err)
{
	for (uint32_t i = 0; i <= count; i++) {
		bool is_rest = i == count;
		struct tally_entry *entry;

		if (is_rest && !others)
			break;
		entry = tally_entry(tally, is_rest ? UINT32_MAX : shares[i].id);
		if (!entry)
			return no_memory(err);
		entry->count = number_add(entry->count, is_rest ? others : shares[i].count);
	}
	return 0;
}

/* Counted when they were freed, so all of their allocations are among the frees. */
static void ledger_freed_totals(struct ledger *ledger, struct ledger_cache *cache, struct site *site,
				const struct trace_freed *freed)
{
	uint64_t allocs = number_add(freed->frees, freed->frees_implied);
	uint64_t done_rcu = freed->frees_rcu - (freed->pending_rcu < freed->frees_rcu ? freed->pending_rcu : freed->frees_rcu);

	cache->allocs = number_add(cache->allocs, allocs);
	cache->frees = number_add(cache->frees, freed->frees);
	cache->frees_implied = number_add(cache->frees_implied, freed->frees_implied);
	cache->pending_rcu = number_add(cache->pending_rcu, freed->pending_rcu);
	site->allocs = number_add(site->allocs, allocs);
	site->frees = number_add(site->frees, freed->frees);
	site->frees_implied = number_add(site->frees_implied, freed->frees_implied);
	site->pending_rcu = number_add(site->pending_rcu, freed->pending_rcu);
	site->bytes_req = number_add(site->bytes_req, freed->bytes_req);
	site->allocs_sized = number_add(site->allocs_sized, freed->sized);
	/* As many as a trace with all of them has: a request of kfree_rcu() and its end are two. */
	ledger->events = number_add(ledger->events, number_add(number_add(allocs, allocs), done_rcu));
}

int ledger_enter_freed(struct ledger *ledger, const struct trace_freed *freed, struct error *err)
{
	struct ledger_cache *cache = ledger_cache(ledger, freed->cache);
	uint32_t index;
	int ret = site_table_find(&ledger->sites, freed->cache, freed->stack, &index, err);

	if (ret)
		return ret;
	if (!cache)
		return no_memory(err);
	struct site *site = ledger->sites.sites[index];
	ledger_freed_totals(ledger, cache, site, freed);
	ledger_time(ledger, 0);
	if (freed->timeline.shift > ledger->timeline_shift)
		ledger->timeline_shift = freed->timeline.shift;
	timeline_merge(&cache->timeline, &freed->timeline, ledger->timeline_shift);
	if (!history_ages_merge(&site->freed_ages, &freed->ages) ||
	    !history_merge(&site->history, &freed->timeline, ledger->timeline_shift))
		return no_memory(err);
	ret = ledger_shares(&site->comms, freed->comms, freed->comm_count, freed->other_comms, err);
	return ret ? ret : ledger_shares(&site->freed_by, freed->freed_by, freed->freed_by_count, freed->other_frees, err);
}

int ledger_enter_freed_older(struct ledger *ledger, const struct trace_freed_older *older, struct error *err)
{
	struct ledger_cache *cache = ledger_cache(ledger, older->cache);

	if (!cache)
		return no_memory(err);
	cache->frees_older = number_add(cache->frees_older, older->frees);
	ledger->events = number_add(ledger->events, older->frees);
	return 0;
}

int ledger_enter_contents(struct ledger *ledger, const struct trace_contents *contents, struct error *err)
{
	struct live_object *object = live_find(&ledger->live, contents->object);

	if (!object || object->is_pending || object->is_reclaimed || object->is_peeked)
		return 0;
	struct site *site = ledger->sites.sites[object->site];
	if (site->contents == CONTENTS_PER_SITE)
		return 0;
	object->is_peeked = true;
	site->contents++;
	return contents_add(&ledger->contents, object->site, contents, err);
}

static int by_falling_birth(const void *left, const void *right)
{
	const struct live_object *a = left, *b = right;

	return (a->birth_ns < b->birth_ns) - (a->birth_ns > b->birth_ns);
}

/*
 * As many live objects as possible are taken for those whose frees were lost, each for one that was lost when it was there: the youngest
 * first, which have the fewest to choose from. Of the table nothing is left.
 */
static void ledger_doubt(struct ledger *ledger, const struct doubt *doubt)
{
	struct live_object *objects = ledger->live.slots;
	size_t count = 0;

	for (size_t i = 0; i < ledger->live.capacity; i++)
		if (objects[i].object && !objects[i].is_pending && doubt_since(doubt, objects[i].birth_ns))
			objects[count++] = objects[i];
	if (count)
		qsort(objects, count, sizeof(*objects), by_falling_birth);
	for (size_t i = 0; i < count; i++) {
		struct site *site = ledger->sites.sites[objects[i].site];
		uint64_t lost = doubt_since(doubt, objects[i].birth_ns);

		site->freed_at_most += site->freed_at_most < lost;
		ledger->freed_at_most += ledger->freed_at_most < lost;
	}
	live_release(&ledger->live);
}

static int close_live(struct ledger *ledger, uint64_t duration_ns, const struct live_object *object, struct error *err)
{
	struct site *site = ledger->sites.sites[object->site];
	uint64_t age_ns = duration_ns > object->birth_ns ? duration_ns - object->birth_ns : 0;

	/* Every task was entered when it allocated, so this finds and never makes one. */
	tally_entry(&site->tasks, object->task)->live++;
	if (!history_ages_add(&site->live_ages, age_ns))
		return no_memory(err);
	int ret = ledger_mark(ledger, site, object->birth_ns, HISTORY_SURVIVORS, err);
	if (!ret && object->is_reclaimed)
		ret = ledger_mark(ledger, site, object->birth_ns, HISTORY_RECLAIMED, err);
	return ret;
}

int ledger_close(struct ledger *ledger, uint64_t duration_ns, const struct doubt *doubt, struct error *err)
{
	int ret = 0;

	if (!ledger->timeline_shift)
		ledger->timeline_shift = TIMELINE_FIRST_SHIFT;
	ledger->timeline_shift = timeline_shift_for(ledger->timeline_shift, duration_ns);
	for (uint32_t i = 0; i < ledger->sites.count; i++)
		if (!history_widen(&ledger->sites.sites[i]->history, ledger->timeline_shift))
			return no_memory(err);
	for (uint32_t i = 0; i < ledger->cache_count; i++)
		timeline_widen(&ledger->caches[i].timeline, ledger->timeline_shift);
	for (uint32_t i = 0; i < ledger->orphans.count; i++)
		timeline_widen(&ledger->orphans.stacks[i].timeline, ledger->timeline_shift);
	for (size_t i = 0; i < ledger->live.capacity && !ret; i++) {
		const struct live_object *object = &ledger->live.slots[i];

		if (object->object && !object->is_pending)
			ret = close_live(ledger, duration_ns, object, err);
	}
	ledger_doubt(ledger, doubt);
	site_table_close(&ledger->sites);
	contents_sort(&ledger->contents);
	return ret;
}
