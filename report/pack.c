/* One description of the model's fields for both directions: each function either adds what it is given or fills it in. */
#include "report/pack.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/contents.h"
#include "report/model_names.h"
#include "report/number.h"
#include "report/site_path.h"
#include "report/survival.h"
#include "trace/cleanup.h"
#include "trace/hash.h"

#define COLUMN_LIST(X)                                                                                                                   \
	X(COUNTS, "counts")                                                                                                              \
	X(TOTALS, "totals")                                                                                                              \
	X(INTEGRITY, "integrity")                                                                                                        \
	X(REDACTION, "redaction")                                                                                                        \
	X(FACTS, "facts")                                                                                                                \
	X(COUNTERS, "counters")                                                                                                          \
	X(NOTES, "notes")                                                                                                                \
	X(PROBES, "probes")                                                                                                              \
	X(LOSSES, "losses")                                                                                                              \
	X(CENSUS, "census")                                                                                                              \
	X(MEMINFO, "meminfo")                                                                                                            \
	X(CACHES, "caches")                                                                                                              \
	X(CACHE_SLOT, "caches.slot") /* this and the next are for the page: one value for each, and so it has to stay */                 \
	X(SITE_GROWTH, "sites.low_rate")                                                                                                 \
	X(TIMELINES, "caches.timelines")                                                                                                 \
	X(OBJECTS, "objects")                                                                                                            \
	X(FRAME_FUNCTION, "frames.function") /* older pages */                                                                           \
	X(FRAME_NAME, "frames.name")                                                                                             \
	X(FRAME_FLAGS, "frames.flags")                                                                                                   \
	X(FRAME_FILE, "frames.file")                                                                                                     \
	X(FRAME_OFFSET, "frames.offset")                                                                                                 \
	X(FRAME_SOURCE, "frames.source")                                                                                                 \
	X(NODE_PARENT, "nodes.parent")                                                                                                   \
	X(NODE_FRAME, "nodes.frame")                                                                                                     \
	X(SITE_CACHE, "sites.cache")                                                                                                     \
	X(SITE_NODE, "sites.node")                                                                                                       \
	X(SITE_ALLOCS, "sites.allocs")                                                                                                   \
	X(SITE_LIVE, "sites.live")                                                                                                       \
	X(SITE_LIVE_BYTES, "sites.live_bytes")                                                                                           \
	X(SITE_IMPLIED, "sites.frees_implied")                                                                                           \
	X(SITE_FREES, "sites.frees")                                                                                                     \
	X(SITE_REQ, "sites.bytes_req")                                                                                                   \
	X(SITE_SIZED, "sites.allocs_sized")                                                                                              \
	X(SITE_LIVE_REQ, "sites.live_bytes_req")                                                                                         \
	X(SITE_CLASS, "sites.class")                                                                                                     \
	X(SITE_OTHERS, "sites.others")                                                                                                   \
	X(SITE_REST, "sites.rest")                                                                                                       \
	X(SITE_SUSPECT, "sites.suspect") /* of older pages, as is "ages.range", instead of those behind it */      \
	X(SUSPECT_TAU, "suspect.tau")                                                                                                    \
	X(SUSPECT_P95, "suspect.p95")                                                                                                    \
	X(SUSPECT_OLD_LIVE, "suspect.old_live")                                                                                          \
	X(SUSPECT_OLD_BORN, "suspect.old_born")                                                                                          \
	X(SUSPECT_OLD_ORPHANS, "suspect.old_orphans")                                                                                    \
	X(SUSPECT_FIRST, "suspect.first_third")                                                                                          \
	X(SUSPECT_LAST, "suspect.last_third")                                                                                            \
	X(SUSPECT_NEED, "suspect.need")                                                                                                  \
	X(SUSPECT_ORPHANS, "suspect.orphans")                                                                                            \
	X(SUSPECT_EVENNESS, "suspect.evenness")                                                                                          \
	X(SUSPECT_DIES_OLD, "suspect.dies_old")                                                                                          \
	X(SUSPECT_RATE, "suspect.rate")                                                                                                  \
	X(SUSPECT_SCORE, "suspect.score")                                                                                                \
	X(SUSPECT_LIMIT, "suspect.limit")                                                                                                \
	X(SUSPECT_SLOPE, "suspect.slope")                                                                                                \
	X(SUSPECT_SLOPE_LOW, "suspect.slope_low")                                                                                        \
	X(SUSPECT_SLOPE_HIGH, "suspect.slope_high")                                                                                      \
	X(BIRTH_PLACE, "births.place")                                                                                                   \
	X(BIRTH_COUNT, "births.count")                                                                                                   \
	X(SURVIVOR_PLACE, "survivors.place")                                                                                             \
	X(SURVIVOR_COUNT, "survivors.count")                                                                                             \
	X(FREE_PLACE, "frees.place")                                                                                                     \
	X(FREE_COUNT, "frees.count")                                                                                                     \
	X(AGE_RANGE, "ages.range") /* older pages */                                                                                     \
	X(AGE_OBJECTS, "ages.objects")                                                                                                   \
	X(AGE_MIN, "ages.min")                                                                                                           \
	X(AGE_MAX, "ages.max")                                                                                                           \
	X(AGE_SUM, "ages.sum")                                                                                                           \
	X(AGE_PLACE, "ages.place")                                                                                                       \
	X(AGE_COUNT, "ages.count")                                                                                                       \
	X(TASKS, "tasks")                                                                                                                \
	X(CGROUPS, "cgroups")                                                                                                            \
	X(PLACES, "places")                                                                                                              \
	X(FREED_BY, "freed_by")                                                                                                          \
	X(CONTENTS, "contents")

#define AS_ENUM(name, text) COLUMN_##name,
#define AS_TEXT(name, text) text,

enum column { COLUMN_LIST(AS_ENUM) COLUMN_COUNT };

static const char *const column_names[] = {COLUMN_LIST(AS_TEXT)};

#define STRINGS_COLUMN "strings"
/* A page of about 1,000 KB, what bug trackers take, and of no more than 4,500 KB where there are 100,000 sites. */
#define PAGE_BYTES 1720000u
#define PAGE_SITE_BYTES 60u
#define DETAILED_LEAST 100u

struct pack {
	bool is_reading;
	bool is_damaged;
	bool has_no_memory;
	size_t limit_bytes; /* writing: of details, */
	uint64_t next_name; /* one behind that of the last frame */
	uint32_t detailed;  /* and how many sites have theirs */
	bool is_older; /* reading: from a page with columns that are no longer written */
	struct buffer out[COLUMN_COUNT];
	struct cursor in[COLUMN_COUNT];
	struct arena *arena;   /* reading: strings and arrays, */
	struct pool *lives;    /* histories */
	struct cursor strings; /* reading: the column */
	const char **texts;    /* by id; while reading all, while writing those that have one */
	uint32_t text_count;
	uint32_t texts_capacity;
	uint32_t *slots; /* writing: id by hash, 0 free */
	uint32_t slots_capacity;
};

static void pack_release(struct pack *pack)
{
	for (uint32_t i = 0; i < COLUMN_COUNT; i++)
		buffer_release(&pack->out[i]);
	free(pack->texts);
	free(pack->slots);
}

/* Values. */

static inline void u64(struct pack *pack, enum column column, uint64_t *value)
{
	if (!pack->is_reading)
		buffer_add_varint(&pack->out[column], *value);
	else
		*value = cursor_varint(&pack->in[column]);
}

/* A value that usually is what is expected. */
static inline void difference(struct pack *pack, enum column column, uint64_t *value, uint64_t expected)
{
	if (!pack->is_reading)
		buffer_add_zigzag(&pack->out[column], (int64_t)(*value - expected));
	else
		*value = expected + (uint64_t)cursor_zigzag(&pack->in[column]);
}

static uint32_t read_below(struct pack *pack, enum column column, uint64_t limit)
{
	uint64_t wide = cursor_varint(&pack->in[column]);

	pack->is_damaged |= wide >= limit;
	return wide < limit ? (uint32_t)wide : 0;
}

/* Below limit; what is not is damage. */
static inline void below(struct pack *pack, enum column column, uint32_t *value, uint64_t limit)
{
	if (!pack->is_reading)
		buffer_add_varint(&pack->out[column], *value);
	else
		*value = read_below(pack, column, limit);
}

static void u32(struct pack *pack, enum column column, uint32_t *value)
{
	below(pack, column, value, 1ull << 32);
}

static void i32(struct pack *pack, enum column column, int32_t *value)
{
	uint64_t wide = (uint64_t)(int64_t)*value;

	difference(pack, column, &wide, 0);
	if (pack->is_reading && ((int64_t)wide > INT32_MAX || (int64_t)wide < INT32_MIN)) {
		pack->is_damaged = true;
		wide = 0;
	}
	if (pack->is_reading)
		*value = (int32_t)(int64_t)wide;
}

static void i64(struct pack *pack, enum column column, int64_t *value)
{
	uint64_t wide = (uint64_t)*value;

	difference(pack, column, &wide, 0);
	if (pack->is_reading)
		*value = (int64_t)wide;
}

static void flag(struct pack *pack, enum column column, bool *value)
{
	uint32_t number = *value;

	below(pack, column, &number, 2);
	if (pack->is_reading)
		*value = number;
}

/* An enumeration; its constants are below count. */
#define CHOICE(pack, column, value, count)                                                                                               \
	do {                                                                                                                              \
		uint32_t number_ = (uint32_t)*(value);                                                                                    \
		below(pack, column, &number_, count);                                                                                     \
		if ((pack)->is_reading)                                                                                                   \
			*(value) = number_;                                                                                               \
	} while (0)

/* A real number is its bits, turned round so that those of round ones are few. What is no number is damage. */
static void real(struct pack *pack, enum column column, double *value)
{
	uint64_t bits;
	double back;

	memcpy(&bits, value, sizeof(bits));
	bits = __builtin_bswap64(bits);
	u64(pack, column, &bits);
	bits = __builtin_bswap64(bits);
	memcpy(&back, &bits, sizeof(back));
	if (!pack->is_reading)
		return;
	pack->is_damaged |= !isfinite(back);
	*value = isfinite(back) ? back : 0;
}

static void real32(struct pack *pack, enum column column, float *value)
{
	uint32_t bits;
	float back;

	memcpy(&bits, value, sizeof(bits));
	bits = __builtin_bswap32(bits);
	u32(pack, column, &bits);
	bits = __builtin_bswap32(bits);
	memcpy(&back, &bits, sizeof(back));
	if (!pack->is_reading)
		return;
	pack->is_damaged |= !isfinite(back);
	*value = isfinite(back) ? back : 0;
}

/* Strings. */

static uint32_t *text_slot(const struct pack *pack, const char *text)
{
	uint64_t hash = hash_text(HASH_START, text);

	for (hash ^= hash >> 32;; hash++) {
		uint32_t *slot = &pack->slots[hash & (pack->slots_capacity - 1)];

		if (!*slot || !strcmp(pack->texts[*slot], text))
			return slot;
	}
}

static bool texts_grow(struct pack *pack)
{
	uint32_t capacity = pack->slots_capacity ? 2 * pack->slots_capacity : 1024;
	uint32_t *slots = calloc(capacity, sizeof(*slots));
	const char **texts = reallocarray(pack->texts, capacity, sizeof(*texts));

	if (texts)
		pack->texts = texts;
	if (!slots || !texts) {
		free(slots);
		pack->has_no_memory = true;
		return false;
	}
	free(pack->slots);
	pack->slots = slots;
	pack->slots_capacity = capacity;
	if (!pack->text_count)
		pack->texts[pack->text_count++] = "";
	for (uint32_t i = 1; i < pack->text_count; i++)
		*text_slot(pack, pack->texts[i]) = i;
	return true;
}

static uint32_t text_id(struct pack *pack, const char *text)
{
	if (!*text || (2 * pack->text_count >= pack->slots_capacity && !texts_grow(pack)))
		return 0;
	uint32_t *slot = text_slot(pack, text);
	if (!*slot) {
		*slot = pack->text_count;
		pack->texts[pack->text_count++] = text;
	}
	return *slot;
}

static void text(struct pack *pack, enum column column, const char **value)
{
	uint32_t id = 0;

	if (!pack->is_reading)
		id = text_id(pack, *value);
	below(pack, column, &id, pack->is_reading ? pack->text_count : 1ull << 32);
	if (pack->is_reading)
		*value = pack->texts[id];
}

static void read_texts(struct pack *pack)
{
	struct cursor count = pack->strings;
	uint32_t wanted = 1;

	for (; cursor_left(&count) && !count.failed; wanted++)
		cursor_bytes(&count, cursor_varint(&count));
	pack->texts = calloc(wanted, sizeof(*pack->texts));
	pack->is_damaged |= count.failed;
	pack->has_no_memory |= !pack->texts;
	if (pack->is_damaged || pack->has_no_memory)
		return;
	for (pack->texts[pack->text_count++] = ""; pack->text_count < wanted; pack->text_count++) {
		size_t size_bytes = cursor_varint(&pack->strings);
		const uint8_t *bytes = cursor_bytes(&pack->strings, size_bytes);
		char *copy = arena_array(pack->arena, size_bytes + 1, 1);

		pack->texts[pack->text_count] = copy ? memcpy(copy, bytes, size_bytes) : "";
		pack->is_damaged |= memchr(bytes, 0, size_bytes) != NULL;
	}
}

/*
 * Room for the elements of an array: each takes a byte of the column at least, so a small pack cannot ask for much. While writing the
 * array is the model's.
 */
static void *elements(struct pack *pack, enum column column, void *array, uint32_t *count, size_t element_bytes)
{
	if (!pack->is_reading)
		return array;
	if (*count > cursor_left(&pack->in[column])) {
		pack->is_damaged = true;
		*count = 0;
	}
	array = arena_array(pack->arena, *count, element_bytes);
	if (!array)
		*count = 0;
	return array;
}

/* A short array of a site: its length, then room for it. */
static void *shorter(struct pack *pack, enum column column, void *array, uint32_t *count, uint32_t max, size_t element_bytes)
{
	below(pack, column, count, max + 1);
	return *count ? elements(pack, column, array, count, element_bytes) : NULL;
}

/* Others read the model while it is written: it is not even given the values that it has. */
#define SHORTER(pack, column, array, count, max)                                                                                         \
	do {                                                                                                                              \
		void *room_ = shorter(pack, column, array, count, max, sizeof(*(array)));                                                 \
		if ((pack)->is_reading)                                                                                                   \
			(array) = room_;                                                                                                  \
	} while (0)

/* The parts of the model. */

static void pack_totals(struct pack *pack, struct model *model)
{
	const enum column c = COLUMN_TOTALS;

	u64(pack, c, &model->duration_ns);
	u32(pack, c, &model->nr_nodes);
	u32(pack, c, &model->cpus);
	u64(pack, c, &model->events);
	u64(pack, c, &model->allocs);
	u64(pack, c, &model->frees);
	u64(pack, c, &model->frees_implied);
	u64(pack, c, &model->live);
	u64(pack, c, &model->live_at_least);
	u64(pack, c, &model->live_bytes);
	flag(pack, c, &model->is_only_live);
	flag(pack, c, &model->has_slot_bytes);
	flag(pack, c, &model->has_reclaim);
	below(pack, c, &model->suspect_count, (uint64_t)model->site_count + 1);
	text(pack, c, &model->unreliable);
}

static void pack_integrity(struct pack *pack, struct model_integrity *integrity)
{
	const enum column c = COLUMN_INTEGRITY;
	uint64_t *const counts[] = {
		&integrity->good_bytes,	      &integrity->lost_allocs,	   &integrity->lost_frees,	&integrity->lost_tasks,
		&integrity->missed_allocs,    &integrity->missed_frees,	   &integrity->cpus_unseen,	&integrity->cpus_unseen_ns,
		&integrity->unaccounted,      &integrity->freed_at_most,   &integrity->frees_implied,	&integrity->frees_older,
		&integrity->frees_unknown,    &integrity->frees_unmatched, &integrity->out_of_order,	&integrity->times_before,
		&integrity->stacks_cut,	      &integrity->stacks_unsure,   &integrity->stacks_hidden,	&integrity->half_seen,
		&integrity->bulk_allocs_unseen, &integrity->user_stacks_degraded, &integrity->user_stacks_partial,
	};

	CHOICE(pack, c, &integrity->ending, TRACE_ENDING_DAMAGED + 1);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		u64(pack, c, counts[i]);
	u32(pack, c, &integrity->redacted_addresses);
}

static void pack_redaction(struct pack *pack, struct redaction *redaction)
{
	CHOICE(pack, COLUMN_REDACTION, &redaction->level, REDACTION_LEVELS);
	for (uint32_t i = 0; i < REDACTED_COUNT; i++)
		u32(pack, COLUMN_REDACTION, &redaction->counts[i]);
}

static void pack_fact(struct pack *pack, struct model_fact *fact)
{
	text(pack, COLUMN_FACTS, &fact->key);
	text(pack, COLUMN_FACTS, &fact->value);
}

static void pack_counter(struct pack *pack, struct model_counter *counter)
{
	text(pack, COLUMN_COUNTERS, &counter->key);
	u64(pack, COLUMN_COUNTERS, &counter->value);
}

static void pack_probe(struct pack *pack, struct model_probe *probe)
{
	const enum column c = COLUMN_PROBES;

	text(pack, c, &probe->event);
	text(pack, c, &probe->function);
	text(pack, c, &probe->role);
	text(pack, c, &probe->definition);
	text(pack, c, &probe->filter);
	u64(pack, c, &probe->hits);
	u64(pack, c, &probe->misses);
	u64(pack, c, &probe->lost);
	flag(pack, c, &probe->has_misses);
	flag(pack, c, &probe->has_lost);
	flag(pack, c, &probe->has_fault_misses);
}

static void pack_loss(struct pack *pack, struct model_loss *loss)
{
	u64(pack, COLUMN_LOSSES, &loss->lost);
	u32(pack, COLUMN_LOSSES, &loss->cpu);
	CHOICE(pack, COLUMN_LOSSES, &loss->ring, TRACE_RING_TASK + 1);
}

static void pack_census(struct pack *pack, struct model_census *census, uint32_t cache_count)
{
	const enum column c = COLUMN_CENSUS;

	u64(pack, c, &census->time_ns);
	u64(pack, c, &census->active_objects);
	u64(pack, c, &census->total_objects);
	u64(pack, c, &census->slabs);
	below(pack, c, &census->cache, cache_count);
	CHOICE(pack, c, &census->phase, TRACE_CENSUS_END + 1);
}

static void pack_meminfo(struct pack *pack, struct model_meminfo *meminfo)
{
	u64(pack, COLUMN_MEMINFO, &meminfo->time_ns);
	u64(pack, COLUMN_MEMINFO, &meminfo->reclaimable_bytes);
	u64(pack, COLUMN_MEMINFO, &meminfo->unreclaimable_bytes);
	CHOICE(pack, COLUMN_MEMINFO, &meminfo->phase, TRACE_CENSUS_END + 1);
}

static void pack_timeline(struct pack *pack, const struct timeline **timeline)
{
	bool has_one = *timeline != NULL;
	struct timeline *whole = (struct timeline *)*timeline;

	flag(pack, COLUMN_TIMELINES, &has_one);
	if (!has_one)
		return;
	if (pack->is_reading)
		whole = arena_array(pack->arena, 1, sizeof(*whole));
	if (!whole)
		return;
	below(pack, COLUMN_TIMELINES, &whole->shift, TIMELINE_LAST_SHIFT + 1);
	for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++) {
		u64(pack, COLUMN_TIMELINES, &whole->allocs[i]);
		u64(pack, COLUMN_TIMELINES, &whole->frees[i]);
	}
	if (pack->is_reading)
		*timeline = whole;
}

static void pack_cache(struct pack *pack, struct model_cache *cache)
{
	const enum column c = COLUMN_CACHES;
	uint32_t *const sizes[] = {&cache->object_size_bytes, &cache->slab_size_bytes, &cache->objects_per_slab, &cache->order,
				   &cache->align_bytes,	      &cache->percpu_objects};
	uint64_t *const counts[] = {&cache->allocs, &cache->frees,	 &cache->frees_implied, &cache->frees_older,
				    &cache->live,   &cache->pending_rcu, &cache->live_bytes,	&cache->reconciliation.tolerance,
				    &cache->reclaimed, &cache->reclaimed_older};

	text(pack, c, &cache->name);
	text(pack, c, &cache->requested);
	text(pack, c, &cache->aliases);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		u32(pack, c, sizes[i]);
	u32(pack, COLUMN_CACHE_SLOT, &cache->slot_bytes);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		u64(pack, c, counts[i]);
	CHOICE(pack, c, &cache->reconciliation.state, MODEL_RECONCILE_NO_CENSUS + 1);
	i64(pack, c, &cache->reconciliation.grown_events);
	i64(pack, c, &cache->reconciliation.grown_census);
	CHOICE(pack, c, &cache->growth, MODEL_GROWS + 1);
	real(pack, c, &cache->leaked);
	pack_timeline(pack, &cache->timeline);
}

static void pack_object(struct pack *pack, struct model_object *object)
{
	const enum column c = COLUMN_OBJECTS;

	text(pack, c, &object->name);
	text(pack, c, &object->build_id);
	text(pack, c, &object->problem);
	u32(pack, c, &object->frames);
	CHOICE(pack, c, &object->kind, SYMBOL_OBJECT_FILE + 1);
	CHOICE(pack, c, &object->source, SYMBOL_SOURCE_DWARF + 1);
}

/* Most names are new ones, and new strings are numbered as they come. */
static void pack_name(struct pack *pack, const char **name)
{
	uint64_t id = pack->is_reading ? 0 : text_id(pack, *name);

	if (pack->is_older) {
		text(pack, COLUMN_FRAME_FUNCTION, name);
		return;
	}
	difference(pack, COLUMN_FRAME_NAME, &id, pack->next_name);
	pack->next_name = id + 1;
	if (!pack->is_reading)
		return;
	pack->is_damaged |= id >= pack->text_count;
	*name = id < pack->text_count ? pack->texts[id] : "";
}

static void pack_frame(struct pack *pack, struct model_frame *frame)
{
	uint32_t flags = frame->is_user | (uint32_t)frame->is_inlined << 1 | (uint32_t)frame->class << 2;

	pack_name(pack, &frame->function);
	below(pack, COLUMN_FRAME_FLAGS, &flags, NAME_CLASSES << 2);
	if (pack->is_reading) {
		frame->is_user = flags & 1;
		frame->is_inlined = flags >> 1 & 1;
		frame->class = flags >> 2;
	}
	text(pack, COLUMN_FRAME_FILE, &frame->module);
	text(pack, COLUMN_FRAME_FILE, &frame->path);
	text(pack, COLUMN_FRAME_FILE, &frame->build_id);
	u64(pack, COLUMN_FRAME_OFFSET, &frame->offset_bytes);
	u64(pack, COLUMN_FRAME_OFFSET, &frame->module_offset);
	text(pack, COLUMN_FRAME_SOURCE, &frame->source_file);
	u32(pack, COLUMN_FRAME_SOURCE, &frame->line);
}

/* A parent's number is smaller, so how far back it lies is what is stored; 0 stands for "outside", which may lie anywhere. */
static void pack_node(struct pack *pack, struct model_node *node, uint32_t number, uint32_t frame_count)
{
	uint32_t back = node->parent ? number - node->parent : 0;

	below(pack, COLUMN_NODE_PARENT, &back, number);
	if (pack->is_reading)
		node->parent = back ? number - back : 0;
	below(pack, COLUMN_NODE_FRAME, &node->frame, frame_count);
}

static void pack_class(struct pack *pack, struct suspect *suspect)
{
	uint32_t kind = (uint32_t)suspect->confidence * SUSPECT_CLASS_COUNT + suspect->class;

	below(pack, COLUMN_SITE_CLASS, &kind, SUSPECT_CLASS_COUNT * (SUSPECT_HIGH + 1));
	flag(pack, COLUMN_SITE_OTHERS, &suspect->is_variant);
	u32(pack, COLUMN_SITE_OTHERS, &suspect->others);
	if (!pack->is_reading)
		return;
	suspect->confidence = kind / SUSPECT_CLASS_COUNT;
	suspect->class = kind % SUSPECT_CLASS_COUNT;
	suspect->limit = "";
}

/* Why it has that class. */
/* The column of one thing that is known of a suspect. */
static enum column suspect_column(const struct pack *pack, enum column column)
{
	return pack->is_older ? COLUMN_SITE_SUSPECT : column;
}

/* Usually as expected. */
static void like(struct pack *pack, enum column column, uint64_t *value, uint64_t expected)
{
	if (pack->is_older)
		u64(pack, COLUMN_SITE_SUSPECT, value);
	else
		difference(pack, column, value, expected);
}

/* The bits in which it is not as expected. */
static void like_real(struct pack *pack, enum column column, float *value, float expected)
{
	uint32_t bits, expected_bits;
	float changed;

	memcpy(&bits, value, sizeof(bits));
	memcpy(&expected_bits, &expected, sizeof(expected_bits));
	expected_bits = pack->is_older ? 0 : expected_bits;
	bits = __builtin_bswap32(bits ^ expected_bits);
	u32(pack, suspect_column(pack, column), &bits);
	bits = __builtin_bswap32(bits) ^ expected_bits;
	if (!pack->is_reading)
		return;
	memcpy(&changed, &bits, sizeof(changed));
	pack->is_damaged |= !isfinite(changed);
	*value = isfinite(changed) ? changed : 0;
}

/*
 * What follows from the rest of the page. This is a part of its format: suspect_tau_ns() and survival_quantile() go on telling of the
 * same ages what they told when the page was written.
 */
static struct suspect expected_suspect(const struct model *model, const struct model_site *site)
{
	struct ages freed;

	if (site->suspect.is_variant && site > model->sites) {
		struct suspect expected = site[-1].suspect;

		expected.rate = expected.score = 0;
		return expected;
	}
	freed = history_ages(&site->lives->freed_ages);
	return (struct suspect){.tau_ns = suspect_tau_ns(model->duration_ns, &freed), .p95_ns = survival_quantile(&freed, 0.95)};
}

static void pack_suspect(struct pack *pack, struct suspect *suspect, const struct suspect *expected)
{
	like(pack, COLUMN_SUSPECT_TAU, &suspect->tau_ns, expected->tau_ns);
	like(pack, COLUMN_SUSPECT_OLD_LIVE, &suspect->old_live, expected->old_live);
	like(pack, COLUMN_SUSPECT_OLD_BORN, &suspect->old_born, expected->old_born);
	like(pack, COLUMN_SUSPECT_OLD_ORPHANS, &suspect->old_orphans, expected->old_orphans);
	like(pack, COLUMN_SUSPECT_FIRST, &suspect->first_third, expected->first_third);
	like(pack, COLUMN_SUSPECT_LAST, &suspect->last_third, expected->last_third);
	like(pack, COLUMN_SUSPECT_P95, &suspect->p95_ns, expected->p95_ns);
	like(pack, COLUMN_SUSPECT_NEED, &suspect->need_ns, expected->need_ns);
	like_real(pack, COLUMN_SUSPECT_ORPHANS, &suspect->orphans, expected->orphans);
	like_real(pack, COLUMN_SUSPECT_EVENNESS, &suspect->evenness, expected->evenness);
	like_real(pack, COLUMN_SUSPECT_DIES_OLD, &suspect->dies_old, expected->dies_old);
	like_real(pack, COLUMN_SUSPECT_RATE, &suspect->rate, expected->rate);
	like_real(pack, COLUMN_SUSPECT_SCORE, &suspect->score, expected->score);
	real32(pack, COLUMN_SITE_GROWTH, &suspect->low_rate);
	text(pack, suspect_column(pack, COLUMN_SUSPECT_LIMIT), &suspect->limit);
	like_real(pack, COLUMN_SUSPECT_SLOPE, &suspect->slope.slope, expected->slope.slope);
	like_real(pack, COLUMN_SUSPECT_SLOPE_LOW, &suspect->slope.low, expected->slope.low);
	like_real(pack, COLUMN_SUSPECT_SLOPE_HIGH, &suspect->slope.high, expected->slope.high);
}

static void pack_site(struct pack *pack, struct model_site *site, const struct model *model)
{
	below(pack, COLUMN_SITE_CACHE, &site->cache, model->cache_count);
	below(pack, COLUMN_SITE_NODE, &site->node, model->node_count);
	if (pack->is_damaged)
		return;
	u64(pack, COLUMN_SITE_ALLOCS, &site->allocs);
	u64(pack, COLUMN_SITE_LIVE, &site->live);
	difference(pack, COLUMN_SITE_LIVE_BYTES, &site->live_bytes, number_multiply(site->live, model->caches[site->cache].slot_bytes));
	u64(pack, COLUMN_SITE_IMPLIED, &site->frees_implied);
	difference(pack, COLUMN_SITE_FREES, &site->frees, site->allocs - site->live - site->frees_implied);
	u64(pack, COLUMN_SITE_REQ, &site->bytes_req);
	difference(pack, COLUMN_SITE_SIZED, &site->allocs_sized, site->allocs);
	uint64_t mean_req = site->allocs_sized ? site->bytes_req / site->allocs_sized : 0;
	difference(pack, COLUMN_SITE_LIVE_REQ, &site->live_bytes_req, number_multiply(mean_req, site->live));
	pack_class(pack, &site->suspect);
	difference(pack, COLUMN_SITE_REST, &site->live_at_least, site->live);
	u64(pack, COLUMN_SITE_REST, &site->pending_rcu);
	difference(pack, COLUMN_SITE_REST, &site->live_sized, site->live);
	difference(pack, COLUMN_SITE_REST, &site->frees_with_stack, site->frees);
	u64(pack, COLUMN_SITE_REST, &site->reclaimed);
}

/* Details of a site. */

static void write_counts(struct pack *pack, enum column place, enum column count, const struct sparse *sparse, uint32_t first,
			 uint32_t step)
{
	uint32_t places = (SPARSE_INDICES - first + step - 1) / step, next = 0, walked = 0, index;
	uint64_t value;

	while (sparse_walk(sparse, &walked, &index, &value)) {
		uint32_t at = (index - first) / step;

		if (index < first || (index - first) % step)
			continue;
		buffer_add_varint(&pack->out[place], at - next + 1);
		buffer_add_varint(&pack->out[count], value);
		next = at + 1;
	}
	if (next < places)
		buffer_add_varint(&pack->out[place], 0);
}

static void read_counts(struct pack *pack, enum column place, enum column count, struct sparse *sparse, uint32_t first,
			 uint32_t step)
{
	uint32_t places = (SPARSE_INDICES - first + step - 1) / step;

	for (uint32_t at = 0; at < places; at++) {
		uint32_t gap = read_below(pack, place, places - at + 1);

		if (!gap || pack->is_damaged)
			return;
		at += gap - 1;
		pack->has_no_memory |= !sparse_add(sparse, pack->lives, first + at * step, cursor_varint(&pack->in[count]));
	}
}

/* Of a sparse one the counts at every step-th index from first on, as gaps and counts, ended by a gap of 0 where more places are left. */
static void pack_counts(struct pack *pack, enum column place, enum column count, struct sparse *sparse, uint32_t first, uint32_t step)
{
	if (!pack->is_reading)
		write_counts(pack, place, count, sparse, first, step);
	else
		read_counts(pack, place, count, sparse, first, step);
}

static void pack_history(struct pack *pack, struct history *history)
{
	pack_counts(pack, COLUMN_BIRTH_PLACE, COLUMN_BIRTH_COUNT, &history->counts, HISTORY_ALLOCS, HISTORY_KINDS);
	pack_counts(pack, COLUMN_SURVIVOR_PLACE, COLUMN_SURVIVOR_COUNT, &history->counts, HISTORY_SURVIVORS, HISTORY_KINDS);
	pack_counts(pack, COLUMN_FREE_PLACE, COLUMN_FREE_COUNT, &history->counts, HISTORY_FREES, HISTORY_KINDS);
}

/* As far as is known without it: of one or two it is, of more it is about the middle between the ends. */
static uint64_t expected_sum(const struct history_ages *ages)
{
	uint64_t ends = ages->min_ns + ages->max_ns;

	return ages->count == 1 ? ages->min_ns : ends + (ages->count - 2) * (ends / 2);
}

static void pack_ages(struct pack *pack, struct history_ages *ages, uint64_t expected)
{
	difference(pack, pack->is_older ? COLUMN_AGE_RANGE : COLUMN_AGE_OBJECTS, &ages->count, expected);
	if (!ages->count)
		return;
	u64(pack, pack->is_older ? COLUMN_AGE_RANGE : COLUMN_AGE_MIN, &ages->min_ns);
	difference(pack, pack->is_older ? COLUMN_AGE_RANGE : COLUMN_AGE_MAX, &ages->max_ns, ages->min_ns);
	if (pack->is_older)
		difference(pack, COLUMN_AGE_RANGE, &ages->sum_ns, number_multiply(ages->min_ns, ages->count));
	else
		difference(pack, COLUMN_AGE_SUM, &ages->sum_ns, expected_sum(ages));
	pack_counts(pack, COLUMN_AGE_PLACE, COLUMN_AGE_COUNT, &ages->buckets, 0, 1);
}

static void pack_places(struct pack *pack, struct model_place **places, uint32_t *count, uint32_t max)
{
	SHORTER(pack, COLUMN_PLACES, *places, count, max);
	for (uint32_t i = 0; i < *count; i++) {
		struct model_place place = (*places)[i];

		u32(pack, COLUMN_PLACES, &place.cpu);
		i32(pack, COLUMN_PLACES, &place.node);
		u64(pack, COLUMN_PLACES, &place.allocs);
		if (pack->is_reading)
			(*places)[i] = place;
	}
}

static void pack_people(struct pack *pack, struct model_site *site)
{
	SHORTER(pack, COLUMN_TASKS, site->tasks, &site->task_count, MODEL_TASKS_PER_SITE);
	for (uint32_t i = 0; i < site->task_count; i++) {
		struct model_task *task = &site->tasks[i];

		text(pack, COLUMN_TASKS, &task->comm);
		u64(pack, COLUMN_TASKS, &task->allocs);
		u64(pack, COLUMN_TASKS, &task->live);
		u32(pack, COLUMN_TASKS, &task->processes);
		i32(pack, COLUMN_TASKS, &task->pid);
	}
	u32(pack, COLUMN_TASKS, &site->task_names);
	flag(pack, COLUMN_TASKS, &site->has_more_tasks);
	SHORTER(pack, COLUMN_CGROUPS, site->cgroups, &site->cgroup_count, MODEL_CGROUPS_PER_SITE);
	for (uint32_t i = 0; i < site->cgroup_count; i++) {
		text(pack, COLUMN_CGROUPS, &site->cgroups[i].path);
		u64(pack, COLUMN_CGROUPS, &site->cgroups[i].allocs);
		u64(pack, COLUMN_CGROUPS, &site->cgroups[i].live);
	}
	u32(pack, COLUMN_CGROUPS, &site->cgroup_paths);
}

static void pack_freed_by(struct pack *pack, struct model_site *site, struct model *model)
{
	SHORTER(pack, COLUMN_FREED_BY, site->freed_by, &site->freed_by_count, MODEL_FREE_PATHS_PER_SITE);
	for (uint32_t i = 0; i < site->freed_by_count; i++) {
		struct model_free_path *path = &site->freed_by[i];

		below(pack, COLUMN_FREED_BY, &path->node, model->node_count);
		u64(pack, COLUMN_FREED_BY, &path->frees);
		if (pack->is_reading)
			path->name = model_stack_name(model, path->node);
	}
}

static void pack_contents(struct pack *pack, struct model_site *site)
{
	SHORTER(pack, COLUMN_CONTENTS, site->contents, &site->content_count, CONTENTS_PER_SITE);
	for (uint32_t i = 0; i < site->content_count; i++) {
		struct model_content *content = &site->contents[i];

		below(pack, COLUMN_CONTENTS, &content->size_bytes, TRACE_CONTENTS_MAX_BYTES + 1);
		if (!pack->is_reading) {
			buffer_add(&pack->out[COLUMN_CONTENTS], content->bytes, content->size_bytes);
			continue;
		}
		const uint8_t *from = cursor_bytes(&pack->in[COLUMN_CONTENTS], content->size_bytes);
		uint8_t *bytes = pack->in[COLUMN_CONTENTS].failed ? NULL : arena_array(pack->arena, content->size_bytes, 1);
		if (bytes && content->size_bytes)
			memcpy(bytes, from, content->size_bytes);
		if (!bytes)
			content->size_bytes = 0;
		content->bytes = bytes;
	}
}

static void pack_details(struct pack *pack, struct model_site *site, struct model *model)
{
	struct lives *lives = (struct lives *)site->lives;

	pack_history(pack, &lives->history);
	pack_ages(pack, &lives->freed_ages, site->frees);
	pack_ages(pack, &lives->live_ages, site->live);
	struct suspect expected = expected_suspect(model, site);
	pack_suspect(pack, &site->suspect, &expected);
	pack_people(pack, site);
	pack_places(pack, &site->cpus, &site->cpu_count, MODEL_CPUS_PER_SITE);
	u32(pack, COLUMN_PLACES, &site->cpu_numbers);
	pack_places(pack, &site->nodes, &site->node_count, MODEL_NODES_PER_SITE);
	pack_places(pack, &site->nodes_asked, &site->nodes_asked_count, MODEL_NODES_PER_SITE);
	pack_freed_by(pack, site, model);
	pack_contents(pack, site);
}

/* All of it. While writing nothing of the model changes. */

#define ARRAY(pack, column, model, array, array_count)                                                                                    \
	((model)->array = elements(pack, column, (model)->array, &(model)->array_count, sizeof(*(model)->array)))

static void pack_capture(struct pack *pack, struct model *model)
{
	ARRAY(pack, COLUMN_FACTS, model, facts, fact_count);
	for (uint32_t i = 0; i < model->fact_count; i++)
		pack_fact(pack, &model->facts[i]);
	ARRAY(pack, COLUMN_COUNTERS, model, counters, counter_count);
	for (uint32_t i = 0; i < model->counter_count; i++)
		pack_counter(pack, &model->counters[i]);
	ARRAY(pack, COLUMN_NOTES, model, notes, note_count);
	for (uint32_t i = 0; i < model->note_count; i++)
		text(pack, COLUMN_NOTES, &model->notes[i]);
	ARRAY(pack, COLUMN_PROBES, model, probes, probe_count);
	for (uint32_t i = 0; i < model->probe_count; i++)
		pack_probe(pack, &model->probes[i]);
	ARRAY(pack, COLUMN_LOSSES, model, losses, loss_count);
	for (uint32_t i = 0; i < model->loss_count; i++)
		pack_loss(pack, &model->losses[i]);
	ARRAY(pack, COLUMN_CACHES, model, caches, cache_count);
	for (uint32_t i = 0; i < model->cache_count; i++)
		pack_cache(pack, &model->caches[i]);
	ARRAY(pack, COLUMN_CENSUS, model, census, census_count);
	for (uint32_t i = 0; i < model->census_count; i++)
		pack_census(pack, &model->census[i], model->cache_count);
	ARRAY(pack, COLUMN_MEMINFO, model, meminfo, meminfo_count);
	for (uint32_t i = 0; i < model->meminfo_count; i++)
		pack_meminfo(pack, &model->meminfo[i]);
	ARRAY(pack, COLUMN_OBJECTS, model, objects, object_count);
	for (uint32_t i = 0; i < model->object_count; i++)
		pack_object(pack, &model->objects[i]);
}

static void pack_stacks(struct pack *pack, struct model *model)
{
	uint32_t node_count = model->node_count - 1;

	ARRAY(pack, pack->is_older ? COLUMN_FRAME_FUNCTION : COLUMN_FRAME_NAME, model, frames, frame_count);
	for (uint32_t i = 0; i < model->frame_count; i++) {
		pack_frame(pack, &model->frames[i]);
		if (pack->is_reading)
			model->frames[i].label = model_frame_label(model, &model->frames[i]);
	}
	if (pack->is_reading) {
		elements(pack, COLUMN_NODE_PARENT, NULL, &node_count, 0);
		model->node_count = node_count + 1;
		model->nodes = arena_array(pack->arena, model->node_count, sizeof(*model->nodes));
		if (!model->nodes)
			return;
	}
	for (uint32_t i = 1; i < model->node_count; i++)
		pack_node(pack, &model->nodes[i], i, model->frame_count);
}

size_t pack_page_limit(const struct model *model)
{
	size_t by_sites = (size_t)PAGE_SITE_BYTES * model->site_count;

	if (model->is_whole_page)
		return SIZE_MAX;
	return by_sites > PAGE_BYTES ? by_sites : PAGE_BYTES;
}

static size_t packed_bytes(const struct pack *pack)
{
	size_t size_bytes = 0;

	for (uint32_t i = 0; i < COLUMN_COUNT; i++)
		size_bytes += pack->out[i].size_bytes;
	return size_bytes;
}

/* Of the first sites, as many as the limit lets; returns how many. */
static uint32_t write_details(struct pack *pack, struct model *model)
{
	uint32_t count = 0;

	for (; count < model->sites_detailed && (count < DETAILED_LEAST || packed_bytes(pack) < pack->limit_bytes); count++)
		pack_details(pack, &model->sites[count], model);
	return count;
}

/* A model that was read has histories of its own; sites without details share one that is empty. */
static void own_histories(struct pack *pack, struct model *model, uint32_t shift)
{
	uint32_t count = model->sites_detailed + 1;

	elements(pack, COLUMN_BIRTH_PLACE, NULL, &model->sites_detailed, 0);
	if (pack->is_damaged)
		return;
	struct lives *lives = arena_array(pack->arena, count, sizeof(*lives));
	if (!lives)
		return;
	for (uint32_t i = 0; i < count; i++)
		lives[i].history.shift = shift;
	for (uint32_t i = 0; i < model->site_count; i++)
		model->sites[i].lives = &lives[i < model->sites_detailed ? i : model->sites_detailed];
}

static void pack_sites(struct pack *pack, struct model *model)
{
	bool has_shift = model->site_count && !pack->is_reading;
	uint32_t shift = has_shift ? model->sites[0].lives->history.shift : 0, detailed = 0;

	ARRAY(pack, COLUMN_SITE_CACHE, model, sites, site_count);
	for (uint32_t i = 0; i < model->site_count; i++) {
		pack_site(pack, &model->sites[i], model);
		if (pack->is_reading)
			model_name_site(model, &model->sites[i]);
	}
	if (!pack->is_reading)
		detailed = pack->detailed = write_details(pack, model);
	below(pack, COLUMN_COUNTS, &detailed, (uint64_t)model->site_count + 1);
	below(pack, COLUMN_COUNTS, &shift, TIMELINE_LAST_SHIFT + 1);
	if (!pack->is_reading)
		return;
	model->sites_detailed = detailed;
	own_histories(pack, model, shift);
	detailed = model->arena.failed ? 0 : model->sites_detailed;
	for (uint32_t i = 0; i < detailed && !pack->is_damaged && !pack->has_no_memory; i++)
		pack_details(pack, &model->sites[i], model);
}

static void pack_all(struct pack *pack, struct model *model)
{
	uint32_t *const counts[] = {&model->fact_count, &model->counter_count, &model->note_count,   &model->probe_count,
				    &model->loss_count, &model->census_count,  &model->meminfo_count, &model->cache_count,
				    &model->frame_count, &model->object_count, &model->site_count,   &model->node_count};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		u32(pack, COLUMN_COUNTS, counts[i]);
	if (!model->node_count)
		pack->is_damaged = true;
	if (pack->is_damaged)
		return;
	pack_totals(pack, model);
	pack_integrity(pack, &model->integrity);
	pack_redaction(pack, &model->redaction);
	pack_capture(pack, model);
	pack_stacks(pack, model);
	if (!pack->is_damaged && !pack->has_no_memory)
		pack_sites(pack, model);
}

static void write_column(struct buffer *out, const char *name, const struct buffer *column)
{
	buffer_add_varint(out, strlen(name));
	buffer_add(out, name, strlen(name));
	buffer_add_varint(out, column->size_bytes);
	buffer_add(out, column->bytes, column->size_bytes);
	out->failed |= column->failed;
}

static void write_strings(const struct pack *pack, struct buffer *out)
{
	struct buffer strings = {0};

	for (uint32_t i = 1; i < pack->text_count; i++) {
		size_t size_bytes = strlen(pack->texts[i]);

		buffer_add_varint(&strings, size_bytes);
		buffer_add(&strings, pack->texts[i], size_bytes);
	}
	write_column(out, STRINGS_COLUMN, &strings);
	buffer_release(&strings);
}

int pack_model(const struct model *model, size_t limit_bytes, struct buffer *out, uint32_t *detailed, struct error *err)
{
	CLEANUP(pack_release) struct pack pack = {.limit_bytes = limit_bytes};
	struct model shown = *model;

	pack_all(&pack, &shown);
	*detailed = pack.detailed;
	write_strings(&pack, out);
	for (uint32_t i = 0; i < COLUMN_COUNT; i++)
		write_column(out, column_names[i], &pack.out[i]);
	return pack.has_no_memory || out->failed ? error_set(err, -ENOMEM, "not enough memory for the page's data") : 0;
}

static void read_columns(struct pack *pack, struct cursor *bytes)
{
	for (uint32_t i = 0; i < COLUMN_COUNT; i++)
		pack->in[i] = cursor_over("", 0);
	pack->strings = cursor_over("", 0);
	while (cursor_left(bytes) && !bytes->failed) {
		size_t name_bytes = cursor_varint(bytes);
		const char *name = (const char *)cursor_bytes(bytes, name_bytes);
		struct cursor column = cursor_part(bytes, cursor_varint(bytes));

		for (uint32_t i = 0; i < COLUMN_COUNT && name; i++)
			if (strlen(column_names[i]) == name_bytes && !memcmp(column_names[i], name, name_bytes))
				pack->in[i] = column;
		if (name && name_bytes == strlen(STRINGS_COLUMN) && !memcmp(name, STRINGS_COLUMN, name_bytes))
			pack->strings = column;
	}
	pack->is_damaged = bytes->failed;
	pack->is_older = cursor_left(&pack->in[COLUMN_FRAME_FUNCTION]) || cursor_left(&pack->in[COLUMN_SITE_SUSPECT]);
}

int unpack_model(struct model *model, const void *bytes, size_t size_bytes, struct error *err)
{
	CLEANUP(pack_release) struct pack pack = {.is_reading = true, .arena = &model->arena, .lives = &model->lives};
	struct cursor cursor = cursor_over(bytes, size_bytes);

	*model = (struct model){0};
	read_columns(&pack, &cursor);
	if (!pack.is_damaged)
		read_texts(&pack);
	if (!pack.is_damaged && !pack.has_no_memory)
		pack_all(&pack, model);
	for (uint32_t i = 0; i < COLUMN_COUNT; i++)
		pack.is_damaged |= pack.in[i].failed;
	if (!pack.is_damaged && !pack.has_no_memory)
		pack.has_no_memory = site_path_tell_apart(model, NULL) != 0;
	bool has_no_memory = pack.has_no_memory || model->arena.failed;
	if (pack.is_damaged || has_no_memory)
		model_release(model);
	if (pack.is_damaged)
		return error_set(err, -EINVAL, "the data in the page is damaged");
	return has_no_memory ? error_set(err, -ENOMEM, "not enough memory for the report") : 0;
}
