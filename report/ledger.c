/* What each event means for the books: a free belongs to the site and the cache that its object was born at. */
#include "report/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/fetch.h"
#include "report/number.h"
#include "trace/cleanup.h"

/* Memory is fetched so many postings before their turn: what leads to it first. */
#define POSTING_AHEAD 64u
#define SITE_AHEAD 24u
#define LIVES_AHEAD 16u
#define COUNTS_AHEAD 8u

static void ledger_forget_journal(struct ledger *ledger)
{
	if (ledger->clerk) {
		worker_wait(&ledger->clerk->worker);
		journal_release(&ledger->clerk->journal);
		free(TAKE(ledger->clerk));
	}
	journal_release(&ledger->journal);
}

void ledger_release(struct ledger *ledger)
{
	if (!ledger)
		return;
	ledger_forget_journal(ledger);
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

/* What is counted of an object at its site, when its turn comes. */

static int post_birth(struct site_table *sites, struct site *site, const struct posting *posting, struct error *err)
{
	struct tally_entry *task = tally_entry(&site->tasks, posting->task, &sites->tallies);
	struct tally_entry *cpu = tally_entry(&site->cpus, posting->cpu + 1, &sites->tallies);
	/* Without one the memory is of the CPU's node. */
	struct tally_entry *asked =
		posting->node < 0 ? NULL : tally_entry(&site->nodes_asked, (uint32_t)posting->node + 1, &sites->tallies);

	if (!task || !cpu || (posting->node >= 0 && !asked))
		return no_memory(err);
	task->count++;
	cpu->count++;
	if (asked)
		asked->count++;
	site->allocs++;
	site->live++;
	site->bytes_req = number_add(site->bytes_req, posting->bytes_req);
	site->live_bytes_req += posting->bytes_req;
	site->allocs_sized += posting->bytes_req != 0;
	site->live_sized += posting->bytes_req != 0;
	return 0;
}

static int post_free(struct site_table *sites, struct site *site, const struct posting *posting, struct error *err)
{
	site->live--;
	site->live_bytes_req -= posting->bytes_req;
	site->live_sized -= posting->bytes_req != 0;
	if (posting->kind == POSTING_FREE_IMPLIED) {
		site->frees_implied++;
		return 0;
	}
	struct tally_entry *path = tally_entry(&site->freed_by, posting->stack, &sites->tallies);
	if (!path || !history_ages_add(&site->lives->freed_ages, &sites->lives, posting->age_ns))
		return no_memory(err);
	site->frees++;
	path->count++;
	return 0;
}

static int post_survivor(struct site_table *sites, struct site *site, const struct posting *posting, struct error *err)
{
	/* Every task was entered when it allocated, so this finds and never makes one. */
	tally_entry(&site->tasks, posting->task, &sites->tallies)->live++;
	return history_ages_add(&site->lives->live_ages, &sites->lives, posting->age_ns) ? 0 : no_memory(err);
}

static bool site_has_lives(struct site_table *sites, struct site *site)
{
	if (!site->lives)
		site->lives = pool_take(&sites->lives, sizeof(*site->lives));
	return site->lives;
}

static int post(struct site_table *sites, const struct posting *posting, uint32_t shift, struct error *err)
{
	static const enum history_kind kinds[] = {
		[POSTING_BIRTH] = HISTORY_ALLOCS,	 [POSTING_FREE] = HISTORY_FREES,	  [POSTING_FREE_IMPLIED] = HISTORY_FREES,
		[POSTING_SURVIVOR] = HISTORY_SURVIVORS, [POSTING_RECLAIMED] = HISTORY_RECLAIMED,
	};
	struct site *site = site_at(sites, posting->site);

	if (!site_has_lives(sites, site) ||
	    !history_add(&site->lives->history, &sites->lives, shift, posting->time_ns, kinds[posting->kind]))
		return no_memory(err);
	switch (posting->kind) {
	case POSTING_BIRTH:
		return post_birth(sites, site, posting, err);
	case POSTING_FREE:
	case POSTING_FREE_IMPLIED:
		return post_free(sites, site, posting, err);
	case POSTING_SURVIVOR:
		return post_survivor(sites, site, posting, err);
	case POSTING_RECLAIMED:
		break;
	}
	return 0;
}

static void site_expect(const struct site *site, uint32_t ahead)
{
	if (ahead == SITE_AHEAD) {
		fetch_whole(site, sizeof(*site));
		return;
	}
	if (!site->lives)
		return;
	if (ahead == LIVES_AHEAD) {
		fetch_whole(site->lives, sizeof(*site->lives));
		fetch(site->tasks.slots);
		fetch(site->cpus.slots);
		fetch(site->freed_by.slots);
		return;
	}
	fetch(site->lives->history.counts.counts);
	fetch(site->lives->freed_ages.buckets.counts);
}

/* Has memory begin to fetch what the postings behind the i-th take, once for each site. */
static void post_expect(const struct site_table *sites, const struct journal *journal, uint32_t i)
{
	static const uint32_t aheads[] = {SITE_AHEAD, LIVES_AHEAD, COUNTS_AHEAD};

	if (i + POSTING_AHEAD >= journal->count)
		return;
	fetch(journal_at(journal, i + POSTING_AHEAD));
	for (uint32_t step = 0; step < sizeof(aheads) / sizeof(aheads[0]); step++) {
		uint32_t at = i + aheads[step], number = journal_site_at(journal, at);

		if (number != journal_site_at(journal, at - 1))
			site_expect(site_at(sites, number), aheads[step]);
	}
}

/* Counts all that waits in the journal, site_count of sites at most. */
static int post_all(struct site_table *sites, struct journal *journal, uint32_t site_count, uint32_t shift, struct error *err)
{
	int ret = 0;

	journal_sort(journal, site_count);
	for (uint32_t i = 0; i < journal->count && !ret; i++) {
		post_expect(sites, journal, i);
		ret = post(sites, journal_at(journal, i), shift, err);
	}
	journal_clear(journal);
	return ret;
}

static void clerk_post(void *context)
{
	struct ledger_clerk *clerk = context;

	clerk->ret = post_all(clerk->sites, &clerk->journal, clerk->site_count, clerk->shift, &clerk->err);
}

/* Until all that was handed over is counted. */
static int clerk_wait(struct ledger_clerk *clerk, struct error *err)
{
	worker_wait(&clerk->worker);
	return clerk->ret ? error_set(err, clerk->ret, "%s", clerk->err.message) : 0;
}

/* The full journal goes to the clerk, whose empty one takes its place. */
static int ledger_hand_over(struct ledger *ledger, struct error *err)
{
	if (!ledger->clerk)
		ledger->clerk = calloc(1, sizeof(*ledger->clerk));
	struct ledger_clerk *clerk = ledger->clerk;
	int ret = clerk ? clerk_wait(clerk, err) : no_memory(err);

	if (ret)
		return ret;
	struct journal empty = clerk->journal;
	clerk->journal = ledger->journal;
	ledger->journal = empty;
	clerk->sites = &ledger->sites;
	clerk->site_count = ledger->sites.count;
	clerk->shift = ledger->timeline_shift;
	worker_start(&clerk->worker, clerk_post, clerk);
	return 0;
}

/* Everything is counted then. */
static int ledger_settle(struct ledger *ledger, struct error *err)
{
	int ret = ledger->clerk ? clerk_wait(ledger->clerk, err) : 0;

	return ret ? ret : post_all(&ledger->sites, &ledger->journal, ledger->sites.count, ledger->timeline_shift, err);
}

/* posting is copied. */
static int ledger_note(struct ledger *ledger, const struct posting *posting, struct error *err)
{
	int ret = journal_is_full(&ledger->journal) ? ledger_hand_over(ledger, err) : 0;
	struct posting *place = ret ? NULL : journal_add(&ledger->journal);

	if (!place)
		return ret ? ret : no_memory(err);
	*place = *posting;
	return 0;
}

static int ledger_alloc(struct ledger *ledger, const struct trace_event *event, uint64_t time_ns, struct error *err)
{
	struct live_object object = {.object = event->object, .birth_ns = time_ns, .task = event->task};
	struct ledger_cache *cache = ledger_cache(ledger, event->cache);
	int ret = site_table_find(&ledger->sites, event->cache, event->stack, &object.site, err);

	object.cache = event->cache;
	object.bytes_req = event->bytes_req < UINT32_MAX ? (uint32_t)event->bytes_req : UINT32_MAX;
	if (!ret)
		ret = live_add(&ledger->live, &object, err);
	if (ret)
		return ret;
	if (!cache)
		return no_memory(err);
	cache->allocs++;
	cache->live++;
	ledger_mark_cache(ledger, &cache->timeline, time_ns, true);
	return ledger_note(ledger,
			   &(struct posting){.kind = POSTING_BIRTH, .site = object.site, .time_ns = time_ns, .cpu = event->cpu,
					     .node = event->node, .task = event->task, .bytes_req = object.bytes_req},
			   err);
}

/* The object is no longer its user's, whatever becomes of its memory. */
static int ledger_give_up(struct ledger *ledger, const struct live_object *object, const struct trace_event *event,
			  uint64_t time_ns, struct error *err)
{
	struct ledger_cache *cache = &ledger->caches[object->cache];
	bool is_implied = event->kind == TRACE_EVENT_FREE_IMPLIED;

	*(is_implied ? &cache->frees_implied : &cache->frees) += 1;
	cache->live--;
	ledger->times_before += !is_implied && time_ns < object->birth_ns;
	ledger_mark_cache(ledger, &cache->timeline, time_ns, false);
	return ledger_note(ledger,
			   &(struct posting){.kind = is_implied ? POSTING_FREE_IMPLIED : POSTING_FREE, .site = object->site,
					     .time_ns = time_ns, .age_ns = time_ns < object->birth_ns ? 0 : time_ns - object->birth_ns,
					     .stack = event->stack, .bytes_req = object->bytes_req},
			   err);
}

static void ledger_pending(struct ledger *ledger, const struct live_object *object, int change)
{
	site_at(&ledger->sites, object->site)->pending_rcu += (uint64_t)change;
	ledger->caches[object->cache].pending_rcu += (uint64_t)change;
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
	site_at(&ledger->sites, object->site)->reclaimed++;
	ledger->caches[object->cache].reclaimed++;
	return 0;
}

void ledger_expect(const struct ledger *ledger, const struct trace_event *event)
{
	live_expect(&ledger->live, event->object);
	if (event->kind == TRACE_EVENT_ALLOC)
		site_table_expect(&ledger->sites, event->cache, event->stack);
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

static int ledger_shares(struct ledger *ledger, struct tally *tally, const struct trace_share *shares, uint32_t count, uint64_t others,
			 struct error *err)
{
	for (uint32_t i = 0; i <= count; i++) {
		bool is_rest = i == count;
		struct tally_entry *entry;

		if (is_rest && !others)
			break;
		entry = tally_entry(tally, is_rest ? UINT32_MAX : shares[i].id, &ledger->sites.tallies);
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

	if (!ret)
		ret = ledger_settle(ledger, err);
	if (ret)
		return ret;
	struct site *site = site_at(&ledger->sites, index);
	if (!cache || !site_has_lives(&ledger->sites, site))
		return no_memory(err);
	ledger_freed_totals(ledger, cache, site, freed);
	ledger_time(ledger, 0);
	if (freed->timeline.shift > ledger->timeline_shift)
		ledger->timeline_shift = freed->timeline.shift;
	timeline_merge(&cache->timeline, &freed->timeline, ledger->timeline_shift);
	if (!history_ages_merge(&site->lives->freed_ages, &ledger->sites.lives, &freed->ages) ||
	    !history_merge(&site->lives->history, &ledger->sites.lives, &freed->timeline, ledger->timeline_shift))
		return no_memory(err);
	ret = ledger_shares(ledger, &site->comms, freed->comms, freed->comm_count, freed->other_comms, err);
	return ret ? ret : ledger_shares(ledger, &site->freed_by, freed->freed_by, freed->freed_by_count, freed->other_frees, err);
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
	struct site *site = site_at(&ledger->sites, object->site);
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
		struct site *site = site_at(&ledger->sites, objects[i].site);
		uint64_t lost = doubt_since(doubt, objects[i].birth_ns);

		site->freed_at_most += site->freed_at_most < lost;
		ledger->freed_at_most += ledger->freed_at_most < lost;
	}
	live_release(&ledger->live);
}

static int close_live(struct ledger *ledger, uint64_t duration_ns, const struct live_object *object, struct error *err)
{
	struct posting posting = {.kind = POSTING_SURVIVOR, .site = object->site, .time_ns = object->birth_ns, .task = object->task,
				  .age_ns = duration_ns > object->birth_ns ? duration_ns - object->birth_ns : 0};
	int ret = ledger_note(ledger, &posting, err);

	posting.kind = POSTING_RECLAIMED;
	return ret || !object->is_reclaimed ? ret : ledger_note(ledger, &posting, err);
}

static int close_site(struct ledger *ledger, struct site *site, struct error *err)
{
	if (site_has_lives(&ledger->sites, site) && history_widen(&site->lives->history, &ledger->sites.lives, ledger->timeline_shift))
		return 0;
	return no_memory(err);
}

int ledger_close(struct ledger *ledger, uint64_t duration_ns, const struct doubt *doubt, struct error *err)
{
	int ret = 0;

	if (!ledger->timeline_shift)
		ledger->timeline_shift = TIMELINE_FIRST_SHIFT;
	ledger->timeline_shift = timeline_shift_for(ledger->timeline_shift, duration_ns);
	for (uint32_t i = 0; i < ledger->cache_count; i++)
		timeline_widen(&ledger->caches[i].timeline, ledger->timeline_shift);
	for (uint32_t i = 0; i < ledger->orphans.count; i++)
		timeline_widen(&ledger->orphans.stacks[i].timeline, ledger->timeline_shift);
	for (size_t i = 0; i < ledger->live.capacity && !ret; i++) {
		const struct live_object *object = &ledger->live.slots[i];

		if (object->object && !object->is_pending)
			ret = close_live(ledger, duration_ns, object, err);
	}
	if (!ret)
		ret = ledger_settle(ledger, err);
	for (uint32_t i = 0; i < ledger->sites.count && !ret; i++)
		ret = close_site(ledger, site_at(&ledger->sites, i), err);
	ledger_forget_journal(ledger);
	ledger_doubt(ledger, doubt);
	site_table_close(&ledger->sites);
	contents_sort(&ledger->contents);
	return ret;
}
