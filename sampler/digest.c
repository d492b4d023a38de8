/*
 * Knows what of an object's life a report asks for: who allocated and freed it, how old it became, and when; and that all of it can be
 * counted at the moment of the free, so that an object leaves nothing behind.
 */
#include "sampler/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/ages.h"
#include "trace/cleanup.h"
#include "trace/tally.h"
#include "trace/timeline.h"

/* About what a live object and a site take in the trace. */
#define OBJECT_BYTES 16u
#define SITE_BYTES 120u

struct digest_object {
	uint64_t time_ns;
	uint32_t site; /* place + 1; 0: unused, next is then the serial of the next unused one */
	union {
		uint32_t comm;
		uint32_t next;
	};
	int32_t pid;
	int32_t tid;
	uint32_t bytes_req;
	uint32_t gfp;
	int32_t node;
	uint32_t cpu : 31;
	uint32_t is_pending : 1;
};

/* Objects that are gone. */
struct digest_counts {
	uint64_t frees;
	uint64_t frees_implied;
	uint64_t frees_rcu;
	uint64_t pending_rcu;
	uint64_t bytes_req;
	uint64_t sized;
	struct ages ages;
	struct timeline timeline;
	struct tally comms;
	struct tally freed_by;
};

struct digest_site {
	uint32_t cache;
	uint32_t stack;
	struct digest_counts *counts; /* owned; NULL: nothing was freed */
};

void digest_release(struct digest *digest)
{
	for (uint32_t i = 0; i < digest->site_count; i++)
		free(digest->sites[i].counts);
	pool_release(&digest->pool);
	free(digest->sites);
	free(digest->objects);
	free(digest->older);
	u64_map_release(&digest->site_of);
	*digest = (struct digest){0};
}

/* Place of the site + 1; 0 without memory. */
static uint32_t site_of(struct digest *digest, uint32_t cache, uint32_t stack)
{
	uint64_t *place = u64_map_put(&digest->site_of, ((uint64_t)cache << 32 | stack) + 1);

	if (!place || *place)
		return place ? (uint32_t)*place : 0;
	if (digest->site_count == digest->site_capacity) {
		uint32_t capacity = digest->site_capacity ? digest->site_capacity * 2 : 64;
		struct digest_site *sites = reallocarray(digest->sites, capacity, sizeof(*sites));

		if (!sites) {
			u64_map_remove(&digest->site_of, ((uint64_t)cache << 32 | stack) + 1);
			return 0;
		}
		digest->sites = sites;
		digest->site_capacity = capacity;
	}
	digest->sites[digest->site_count] = (struct digest_site){.cache = cache, .stack = stack};
	*place = ++digest->site_count;
	return digest->site_count;
}

/* The serial of an unused object; 0 without memory. */
static uint32_t unused_object(struct digest *digest)
{
	uint32_t serial = digest->unused;

	if (serial) {
		digest->unused = digest->objects[serial - 1].next;
		return serial;
	}
	if (digest->object_count == digest->object_capacity) {
		uint32_t capacity = digest->object_capacity ? digest->object_capacity * 2 : 1024;
		struct digest_object *objects = reallocarray(digest->objects, capacity, sizeof(*objects));

		if (!objects)
			return 0;
		digest->objects = objects;
		digest->object_capacity = capacity;
	}
	return ++digest->object_count;
}

uint64_t digest_alloc(struct digest *digest, const struct trace_event *event, int32_t pid, int32_t tid)
{
	uint32_t site = site_of(digest, event->cache, event->stack);
	uint32_t serial = site ? unused_object(digest) : 0;

	digest->events++;
	if (!serial) {
		digest->failed = true;
		return 0;
	}
	digest->objects[serial - 1] = (struct digest_object){
		.time_ns = event->time_ns,
		.site = site,
		.comm = event->task,
		.pid = pid,
		.tid = tid,
		.bytes_req = event->bytes_req < UINT32_MAX ? (uint32_t)event->bytes_req : UINT32_MAX,
		.gfp = event->gfp,
		.node = event->node,
		.cpu = event->cpu,
	};
	return serial;
}

static struct digest_object *object_of(const struct digest *digest, uint64_t serial)
{
	struct digest_object *object = serial && serial <= digest->object_count ? &digest->objects[serial - 1] : NULL;

	return object && object->site ? object : NULL;
}

void digest_forget(struct digest *digest, uint64_t serial)
{
	struct digest_object *object = object_of(digest, serial);

	if (!object)
		return;
	*object = (struct digest_object){.next = digest->unused};
	digest->unused = (uint32_t)serial;
}

static void mark(struct digest *digest, struct digest_counts *counts, uint64_t born_ns, uint64_t freed_ns)
{
	uint32_t shift = digest->shift ? digest->shift : TIMELINE_FIRST_SHIFT;

	/* A record that was drained late can be older than another that was taken. */
	digest->shift = timeline_shift_for(shift, freed_ns > born_ns ? freed_ns : born_ns);
	timeline_widen(&counts->timeline, digest->shift);
	counts->timeline.allocs[timeline_bucket(digest->shift, born_ns)]++;
	counts->timeline.frees[timeline_bucket(digest->shift, freed_ns)]++;
}

static void count_share(struct digest *digest, struct tally *tally, uint32_t key)
{
	struct tally_entry *entry = tally_entry(tally, key, &digest->pool);

	if (entry)
		entry->count++;
	else
		digest->failed = true;
}

/* The object is no longer its user's: everything there is to tell is known now. */
static void count_freed(struct digest *digest, const struct digest_object *object, const struct trace_event *event)
{
	struct digest_site *site = &digest->sites[object->site - 1];
	struct digest_counts *counts = site->counts;

	if (!counts)
		counts = site->counts = calloc(1, sizeof(*counts));
	if (!counts) {
		digest->failed = true;
		return;
	}
	counts->bytes_req += object->bytes_req;
	counts->sized += object->bytes_req != 0;
	count_share(digest, &counts->comms, object->comm);
	mark(digest, counts, object->time_ns, event->time_ns);
	if (event->kind == TRACE_EVENT_FREE_IMPLIED) {
		counts->frees_implied++;
		return;
	}
	counts->frees++;
	counts->frees_rcu += event->kind == TRACE_EVENT_FREE_RCU;
	counts->pending_rcu += event->kind == TRACE_EVENT_FREE_RCU;
	count_share(digest, &counts->freed_by, event->stack);
	ages_add(&counts->ages, event->time_ns > object->time_ns ? event->time_ns - object->time_ns : 0);
}

static void count_older(struct digest *digest, uint32_t cache)
{
	if (cache >= digest->older_count) {
		uint64_t *older = reallocarray(digest->older, cache + 1u, sizeof(*older));

		if (!older) {
			digest->failed = true;
			return;
		}
		memset(older + digest->older_count, 0, (cache + 1u - digest->older_count) * sizeof(*older));
		digest->older = older;
		digest->older_count = cache + 1;
	}
	digest->older[cache]++;
}

void digest_free(struct digest *digest, const struct trace_event *event)
{
	struct digest_object *object = object_of(digest, event->object);

	digest->events++;
	if (event->kind == TRACE_EVENT_FREE_OLDER) {
		count_older(digest, event->cache);
		return;
	}
	if (!object)
		return;
	if (!object->is_pending)
		count_freed(digest, object, event);
	else if (digest->sites[object->site - 1].counts)
		digest->sites[object->site - 1].counts->pending_rcu--;
	if (event->kind == TRACE_EVENT_FREE_RCU)
		object->is_pending = true;
	else
		digest_forget(digest, event->object);
}

/* ---- writing ---- */

struct survivor {
	uint64_t time_ns;
	uint64_t address;
	uint32_t serial;
};

struct writing {
	const struct digest *digest;
	const struct process_table *processes;
	struct trace_writer *writer;
	struct survivor *survivors; /* owned */
	size_t count;
	struct u64_map tasks; /* pid, tid and name, hashed -> trace id */
};

static void add_survivor(void *context, const struct live_object *object)
{
	struct writing *writing = context;
	const struct digest_object *told = object_of(writing->digest, object->serial);

	if (told)
		writing->survivors[writing->count++] = (struct survivor){
			.time_ns = told->time_ns, .address = object->address, .serial = (uint32_t)object->serial};
}

static int by_time(const void *a, const void *b)
{
	const struct survivor *left = a, *right = b;

	if (left->time_ns != right->time_ns)
		return left->time_ns < right->time_ns ? -1 : 1;
	return left->serial < right->serial ? -1 : left->serial > right->serial;
}

static uint32_t task_of(struct writing *writing, const struct digest_object *object)
{
	uint64_t key = u64_mix(u64_mix((uint64_t)(uint32_t)object->pid << 32 | (uint32_t)object->tid) + object->comm) | 1;
	uint64_t *id = u64_map_put(&writing->tasks, key);

	if (!id)
		return 0;
	if (!*id) {
		const char *comm = process_table_comm(writing->processes, object->comm);
		struct trace_task task = {
			.pid = object->pid, .tid = object->tid, .comm = trace_writer_text(writing->writer, comm)};

		*id = trace_writer_task(writing->writer, &task);
	}
	return (uint32_t)*id;
}

static void write_survivor(struct writing *writing, const struct survivor *survivor)
{
	const struct digest_object *object = &writing->digest->objects[survivor->serial - 1];
	const struct digest_site *site = &writing->digest->sites[object->site - 1];
	struct trace_event event = {.kind = TRACE_EVENT_ALLOC,
				    .time_ns = object->time_ns,
				    .bytes_req = object->bytes_req,
				    .cpu = object->cpu,
				    .task = task_of(writing, object),
				    .stack = site->stack,
				    .cache = site->cache,
				    .gfp = object->gfp,
				    .node = object->node};
	struct trace_live live = {.address = survivor->address};

	live.object = trace_writer_event(writing->writer, &event);
	trace_writer_live(writing->writer, &live);
}

/* The tally's entries as shares; names are numbers of the table of processes. Returns how many. */
static uint32_t shares_of(struct writing *writing, const struct tally *tally, bool are_names, struct trace_share *shares)
{
	struct tally_entry top[TALLY_KEYS_MAX];
	struct tally_entry unknown = tally_unknown(tally);
	uint32_t count = tally_top(tally, top, TALLY_KEYS_MAX);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t id = top[i].key;

		if (are_names)
			id = trace_writer_text(writing->writer, process_table_comm(writing->processes, id));
		shares[i] = (struct trace_share){.id = id, .count = top[i].count};
	}
	if (unknown.count)
		shares[count++] = (struct trace_share){.count = unknown.count};
	return count;
}

static void write_site(struct writing *writing, const struct digest_site *site)
{
	struct trace_share comms[TALLY_KEYS_MAX + 1], freed_by[TALLY_KEYS_MAX + 1];
	const struct digest_counts *counts = site->counts;

	if (!counts)
		return;
	struct trace_freed freed = {
		.cache = site->cache,
		.stack = site->stack,
		.frees = counts->frees,
		.frees_implied = counts->frees_implied,
		.frees_rcu = counts->frees_rcu,
		.pending_rcu = counts->pending_rcu,
		.bytes_req = counts->bytes_req,
		.sized = counts->sized,
		.ages = counts->ages,
		.timeline = counts->timeline,
		.comms = comms,
		.comm_count = shares_of(writing, &counts->comms, true, comms),
		.freed_by = freed_by,
		.freed_by_count = shares_of(writing, &counts->freed_by, false, freed_by),
		.other_comms = tally_others(&counts->comms).count,
		.other_frees = tally_others(&counts->freed_by).count,
	};

	trace_writer_freed(writing->writer, &freed);
}

int digest_write(const struct digest *digest, const struct live_table *live, const struct process_table *processes,
		 struct trace_writer *writer, struct error *err)
{
	struct survivor *survivors CLEANUP(cleanup_free) = calloc(live->live_count + 1, sizeof(*survivors));
	struct writing writing = {.digest = digest, .processes = processes, .writer = writer, .survivors = survivors};

	if (!survivors || live_table_each(live, add_survivor, &writing))
		return error_set(err, -ENOMEM, "writing live objects: out of memory");
	qsort(survivors, writing.count, sizeof(*survivors), by_time);
	for (size_t i = 0; i < writing.count; i++)
		write_survivor(&writing, &survivors[i]);
	for (uint32_t i = 0; i < digest->site_count; i++)
		write_site(&writing, &digest->sites[i]);
	for (uint32_t cache = 0; cache < digest->older_count; cache++)
		if (digest->older[cache])
			trace_writer_freed_older(writer,
						 &(struct trace_freed_older){.cache = cache, .frees = digest->older[cache]});
	u64_map_release(&writing.tasks);
	return 0;
}

uint64_t digest_closing_bytes(const struct digest *digest, const struct live_table *live)
{
	return live->live_count * OBJECT_BYTES + (uint64_t)digest->site_count * SITE_BYTES;
}
