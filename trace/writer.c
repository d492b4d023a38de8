/*
 * Knows how records become blocks: dictionary entries gather in one batch per kind and are written in front of the
 * events that refer to them, so that every block can be understood from what stands before it.
 */
#include "trace/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "trace/crc32c.h"
#include "trace/cursor.h"
#include "trace/hash.h"

/* A batch is closed well below the block limit, so that the largest single entry (a string) still fits. */
#define BATCH_FULL_BYTES (256u << 10)
/* Events a record takes: in the worst case, 61 bytes each, they still fit a block. */
#define EVENTS_FULL 16384u
#define ZSTD_LEVEL 3

/* Batches in the order in which they are written, LIVE behind the events: each refers only to those before it. */
enum batch_kind {
	BATCH_STRINGS,
	BATCH_FACTS,
	BATCH_MODULES,
	BATCH_CACHES,
	BATCH_FILES,
	BATCH_FRAMES,
	BATCH_NODES,
	BATCH_TASKS,
	BATCH_TASK_CGROUPS,
	BATCH_COUNTERS,
	BATCH_NOTES,
	BATCH_USER_SYMBOLS,
	BATCH_LIVE,
	BATCH_COUNT,
};

static const enum trace_record_type batch_type[BATCH_COUNT] = {
	[BATCH_STRINGS] = TRACE_RECORD_STRINGS,   [BATCH_FACTS] = TRACE_RECORD_FACTS,
	[BATCH_MODULES] = TRACE_RECORD_MODULES,   [BATCH_CACHES] = TRACE_RECORD_CACHES,
	[BATCH_FILES] = TRACE_RECORD_FILES,       [BATCH_FRAMES] = TRACE_RECORD_FRAMES,
	[BATCH_NODES] = TRACE_RECORD_NODES,       [BATCH_TASKS] = TRACE_RECORD_TASKS,
	[BATCH_COUNTERS] = TRACE_RECORD_COUNTERS, [BATCH_NOTES] = TRACE_RECORD_NOTES,
	[BATCH_TASK_CGROUPS] = TRACE_RECORD_TASK_CGROUPS,
	[BATCH_USER_SYMBOLS] = TRACE_RECORD_USER_SYMBOLS, [BATCH_LIVE] = TRACE_RECORD_LIVE,
};

/* What a reader takes; 0: any number. */
static const uint32_t batch_limit[BATCH_COUNT] = {
	[BATCH_STRINGS] = TRACE_DICTIONARY_MAX, [BATCH_MODULES] = TRACE_MODULES_MAX, [BATCH_CACHES] = TRACE_CACHES_MAX,
	[BATCH_FILES] = TRACE_FILES_MAX,        [BATCH_FRAMES] = TRACE_DICTIONARY_MAX,
	[BATCH_NODES] = TRACE_DICTIONARY_MAX,   [BATCH_TASKS] = TRACE_DICTIONARY_MAX,
};

struct batch {
	struct buffer entries;
	uint32_t count;  /* of entries not written yet */
	uint64_t total;  /* of entries ever: the id of the last one */
	uint64_t previous; /* what the next delta counts from */
	uint64_t previous_address;
};

struct string_slot {
	uint64_t hash;
	uint32_t id; /* 0: free */
	uint32_t size_bytes;
	uint64_t at; /* of the bytes in string_bytes */
};

struct trace_writer {
	trace_sink *sink;
	void *sink_context;
	struct error error; /* the first one met; code 0 while all is well */
	struct batch batches[BATCH_COUNT];
	struct buffer singles; /* whole records that stand alone */
	struct buffer columns[TRACE_COLUMN_COUNT];
	uint32_t event_count; /* not written yet */
	uint64_t base_time_ns;
	uint64_t last_time_ns;
	uint64_t events;
	uint64_t allocs;
	uint64_t bytes;
	struct buffer payload;
	void *stored; /* TRACE_BLOCK_MAX_BYTES and the compressor's margin */
	size_t stored_capacity_bytes;
	ZSTD_CCtx *zstd;
	struct string_slot *slots;
	uint64_t slot_mask;
	struct buffer string_bytes;
};

static void writer_fail(struct trace_writer *writer, int code, const char *what)
{
	if (!writer->error.code)
		error_set(&writer->error, code, "%s: %s", what, strerror(-code));
}

static int writer_sink(struct trace_writer *writer, const void *bytes, size_t size_bytes)
{
	struct error err = {0};
	int ret = writer->error.code;

	if (!ret)
		ret = writer->sink(writer->sink_context, bytes, size_bytes, &err);
	if (ret && !writer->error.code) {
		if (!err.code)
			error_set(&err, ret, "writing the trace: %s", strerror(-ret));
		writer->error = err;
	}
	if (!ret)
		writer->bytes += size_bytes;
	return ret;
}

static int writer_header(struct trace_writer *writer)
{
	struct buffer header = {0};

	buffer_add(&header, TRACE_MAGIC, TRACE_MAGIC_BYTES);
	buffer_add_u32(&header, TRACE_MAJOR | TRACE_MINOR << 16);
	buffer_add_u32(&header, crc32c(0, header.bytes, header.size_bytes));
	int ret = header.failed ? -ENOMEM : writer_sink(writer, header.bytes, header.size_bytes);
	buffer_release(&header);
	return ret;
}

int trace_writer_new(struct trace_writer **writer_out, trace_sink *sink, void *context, struct error *err)
{
	struct trace_writer *writer = calloc(1, sizeof(*writer));
	int ret = -ENOMEM;

	if (!writer)
		return error_set(err, -ENOMEM, "trace writer: out of memory");
	writer->sink = sink;
	writer->sink_context = context;
	writer->stored_capacity_bytes = ZSTD_compressBound(TRACE_BLOCK_MAX_BYTES);
	writer->stored = malloc(writer->stored_capacity_bytes);
	writer->zstd = ZSTD_createCCtx();
	writer->slot_mask = 1023;
	writer->slots = calloc(writer->slot_mask + 1, sizeof(*writer->slots));
	if (writer->stored && writer->zstd && writer->slots) {
		ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
		ret = writer_header(writer);
	}
	if (ret) {
		if (writer->error.code && err)
			*err = writer->error;
		else
			error_set(err, ret, "trace writer: out of memory");
		trace_writer_free(writer);
		return ret;
	}
	*writer_out = writer;
	return 0;
}

void trace_writer_free(struct trace_writer *writer)
{
	if (!writer)
		return;
	for (int i = 0; i < BATCH_COUNT; i++)
		buffer_release(&writer->batches[i].entries);
	for (int i = 0; i < TRACE_COLUMN_COUNT; i++)
		buffer_release(&writer->columns[i]);
	buffer_release(&writer->singles);
	buffer_release(&writer->payload);
	buffer_release(&writer->string_bytes);
	free(writer->slots);
	free(writer->stored);
	ZSTD_freeCCtx(writer->zstd);
	free(writer);
}

/* Compresses and writes payload as one block, and empties it. */
static void writer_block(struct trace_writer *writer)
{
	struct buffer *payload = &writer->payload;
	struct buffer header = {0};
	const void *stored = payload->bytes;
	size_t stored_bytes = payload->size_bytes;
	uint32_t codec = TRACE_CODEC_STORED;

	if (!payload->size_bytes)
		return;
	if (writer->error.code) {
		buffer_clear(payload);
		return;
	}
	size_t packed = ZSTD_compress2(writer->zstd, writer->stored, writer->stored_capacity_bytes, payload->bytes,
				       payload->size_bytes);
	if (!ZSTD_isError(packed) && packed < payload->size_bytes) {
		stored = writer->stored;
		stored_bytes = packed;
		codec = TRACE_CODEC_ZSTD;
	}
	buffer_add_u32(&header, TRACE_BLOCK_MAGIC);
	buffer_add_u32(&header, (uint32_t)stored_bytes);
	buffer_add_u32(&header, (uint32_t)payload->size_bytes);
	buffer_add_u32(&header, codec);
	if (header.failed || payload->failed) {
		writer_fail(writer, -ENOMEM, "trace writer");
	} else {
		uint32_t crc = crc32c(0, header.bytes, header.size_bytes);

		buffer_add_u32(&header, crc32c(crc, stored, stored_bytes));
		if (!writer_sink(writer, header.bytes, header.size_bytes))
			writer_sink(writer, stored, stored_bytes);
	}
	buffer_release(&header);
	buffer_clear(payload);
}

/* Puts one record into the payload, in a block of its own where it does not fit any more. */
static void writer_record(struct trace_writer *writer, enum trace_record_type type, const struct buffer *head,
			  const struct buffer *body)
{
	struct buffer *payload = &writer->payload;
	size_t size_bytes = head->size_bytes + body->size_bytes;

	if (payload->size_bytes + size_bytes + 20 > TRACE_BLOCK_MAX_BYTES)
		writer_block(writer);
	buffer_add_varint(payload, type);
	buffer_add_varint(payload, size_bytes);
	buffer_add(payload, head->bytes, head->size_bytes);
	buffer_add(payload, body->bytes, body->size_bytes);
	if (head->failed || body->failed || payload->failed)
		writer_fail(writer, -ENOMEM, "trace writer");
}

static void writer_batch(struct trace_writer *writer, enum batch_kind kind)
{
	struct batch *batch = &writer->batches[kind];
	struct buffer head = {0};

	if (!batch->count)
		return;
	buffer_add_varint(&head, batch->count);
	writer_record(writer, batch_type[kind], &head, &batch->entries);
	buffer_release(&head);
	buffer_clear(&batch->entries);
	batch->count = 0;
	batch->previous = 0;
	batch->previous_address = 0;
}

static void writer_events(struct trace_writer *writer)
{
	struct buffer head = {0};
	struct buffer body = {0};

	if (!writer->event_count)
		return;
	buffer_add_varint(&head, writer->event_count);
	buffer_add_varint(&head, writer->base_time_ns);
	for (uint32_t column = 1; column < TRACE_COLUMN_COUNT; column++) {
		struct buffer *values = &writer->columns[column];

		buffer_add_varint(&body, column);
		buffer_add_varint(&body, values->size_bytes);
		buffer_add(&body, values->bytes, values->size_bytes);
		body.failed |= values->failed;
		buffer_clear(values);
	}
	writer_record(writer, TRACE_RECORD_EVENTS, &head, &body);
	buffer_release(&head);
	buffer_release(&body);
	writer->event_count = 0;
}

/* Moves all that has gathered into payload; blocks are written only where the payload gets full. */
static void writer_gather(struct trace_writer *writer)
{
	for (int kind = 0; kind < BATCH_LIVE; kind++)
		writer_batch(writer, kind);
	writer_events(writer);
	/* It names objects, and those are the events'. */
	writer_batch(writer, BATCH_LIVE);
	if (writer->singles.size_bytes) {
		if (writer->payload.size_bytes + writer->singles.size_bytes > TRACE_BLOCK_MAX_BYTES)
			writer_block(writer);
		buffer_add(&writer->payload, writer->singles.bytes, writer->singles.size_bytes);
		buffer_clear(&writer->singles);
	}
}

/* Counts the entry that was just added to the batch and gives its id. */
static uint32_t batch_added(struct trace_writer *writer, enum batch_kind kind)
{
	struct batch *batch = &writer->batches[kind];
	uint32_t id = (uint32_t)++batch->total;

	batch->count++;
	if (batch_limit[kind] && batch->total >= batch_limit[kind])
		writer_fail(writer, -EFBIG, "trace writer: too many distinct stacks or names");
	if (batch->entries.size_bytes >= BATCH_FULL_BYTES)
		writer_gather(writer);
	return id;
}

static uint64_t string_hash(const char *bytes, size_t size_bytes)
{
	uint64_t hash = hash_bytes(HASH_START, bytes, size_bytes);

	return hash ^ hash >> 32;
}

static int string_slots_grow(struct trace_writer *writer)
{
	uint64_t mask = writer->slot_mask * 2 + 1;
	struct string_slot *slots = calloc(mask + 1, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint64_t i = 0; i <= writer->slot_mask; i++) {
		uint64_t at = writer->slots[i].hash & mask;

		if (!writer->slots[i].id)
			continue;
		while (slots[at].id)
			at = (at + 1) & mask;
		slots[at] = writer->slots[i];
	}
	free(writer->slots);
	writer->slots = slots;
	writer->slot_mask = mask;
	return 0;
}

uint32_t trace_writer_string(struct trace_writer *writer, const char *bytes, size_t size_bytes)
{
	struct batch *batch = &writer->batches[BATCH_STRINGS];

	if (size_bytes > TRACE_STRING_MAX_BYTES)
		size_bytes = TRACE_STRING_MAX_BYTES;
	if (!size_bytes || writer->error.code)
		return 0;
	uint64_t hash = string_hash(bytes, size_bytes);
	uint64_t at = hash & writer->slot_mask;
	for (; writer->slots[at].id; at = (at + 1) & writer->slot_mask) {
		const struct string_slot *slot = &writer->slots[at];

		if (slot->hash == hash && slot->size_bytes == size_bytes &&
		    !memcmp(writer->string_bytes.bytes + slot->at, bytes, size_bytes))
			return slot->id;
	}
	writer->slots[at] = (struct string_slot){.hash = hash,
						 .id = (uint32_t)batch->total + 1,
						 .size_bytes = (uint32_t)size_bytes,
						 .at = writer->string_bytes.size_bytes};
	buffer_add(&writer->string_bytes, bytes, size_bytes);
	buffer_add_varint(&batch->entries, size_bytes);
	buffer_add(&batch->entries, bytes, size_bytes);
	if (writer->string_bytes.failed)
		writer_fail(writer, -ENOMEM, "trace writer");
	if (writer->string_bytes.size_bytes > TRACE_STRING_TOTAL_MAX)
		writer_fail(writer, -EFBIG, "trace writer: too many names");
	uint32_t id = batch_added(writer, BATCH_STRINGS);
	if (batch->total * 2 > writer->slot_mask && string_slots_grow(writer))
		writer_fail(writer, -ENOMEM, "trace writer");
	return id;
}

uint32_t trace_writer_text(struct trace_writer *writer, const char *text)
{
	return trace_writer_string(writer, text, strlen(text));
}

static void add_varints(struct buffer *buffer, const uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffer_add_varint(buffer, values[i]);
}

#define ADD_VARINTS(buffer, ...)                                                                                       \
	add_varints(buffer, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void add_build_id(struct buffer *buffer, const uint8_t *build_id, uint8_t size_bytes)
{
	buffer_add_varint(buffer, size_bytes);
	buffer_add(buffer, build_id, size_bytes);
}

uint32_t trace_writer_module(struct trace_writer *writer, const struct trace_module *module)
{
	struct buffer *entries = &writer->batches[BATCH_MODULES].entries;

	ADD_VARINTS(entries, module->name, module->text_address, module->size_bytes);
	add_build_id(entries, module->build_id, module->build_id_bytes);
	return batch_added(writer, BATCH_MODULES);
}

uint32_t trace_writer_cache(struct trace_writer *writer, const struct trace_cache *cache)
{
	ADD_VARINTS(&writer->batches[BATCH_CACHES].entries, cache->name, cache->requested, cache->aliases,
		    cache->object_size_bytes, cache->slab_size_bytes, cache->objects_per_slab, cache->order,
		    cache->align_bytes, cache->percpu_objects);
	return batch_added(writer, BATCH_CACHES);
}

uint32_t trace_writer_file(struct trace_writer *writer, const struct trace_file *file)
{
	struct buffer *entries = &writer->batches[BATCH_FILES].entries;

	buffer_add_varint(entries, file->path);
	add_build_id(entries, file->build_id, file->build_id_bytes);
	return batch_added(writer, BATCH_FILES);
}

uint32_t trace_writer_frame(struct trace_writer *writer, const struct trace_frame *frame)
{
	struct batch *batch = &writer->batches[BATCH_FRAMES];

	buffer_add_varint(&batch->entries, frame->kind);
	if (frame->kind == TRACE_FRAME_USER) {
		ADD_VARINTS(&batch->entries, frame->file, frame->address);
	} else {
		buffer_add_zigzag(&batch->entries, (int64_t)(frame->address - batch->previous_address));
		ADD_VARINTS(&batch->entries, frame->symbol, frame->symbol_offset_bytes, frame->module);
		batch->previous_address = frame->address;
	}
	return batch_added(writer, BATCH_FRAMES);
}

uint32_t trace_writer_node(struct trace_writer *writer, const struct trace_node *node)
{
	struct batch *batch = &writer->batches[BATCH_NODES];

	ADD_VARINTS(&batch->entries, node->parent ? batch->total + 1 - node->parent : 0, node->frame);
	return batch_added(writer, BATCH_NODES);
}

uint32_t trace_writer_task(struct trace_writer *writer, const struct trace_task *task)
{
	ADD_VARINTS(&writer->batches[BATCH_TASKS].entries, (uint32_t)task->pid, (uint32_t)task->tid, task->comm);
	uint32_t id = batch_added(writer, BATCH_TASKS);
	if (task->cgroup) {
		ADD_VARINTS(&writer->batches[BATCH_TASK_CGROUPS].entries, id, task->cgroup);
		batch_added(writer, BATCH_TASK_CGROUPS);
	}
	return id;
}

void trace_writer_fact(struct trace_writer *writer, const char *key, const char *value)
{
	uint32_t key_id = trace_writer_text(writer, key);
	uint32_t value_id = trace_writer_text(writer, value);

	ADD_VARINTS(&writer->batches[BATCH_FACTS].entries, key_id, value_id);
	batch_added(writer, BATCH_FACTS);
}

void trace_writer_counter(struct trace_writer *writer, const char *key, uint64_t value)
{
	uint32_t key_id = trace_writer_text(writer, key);

	ADD_VARINTS(&writer->batches[BATCH_COUNTERS].entries, key_id, value);
	batch_added(writer, BATCH_COUNTERS);
}

void trace_writer_note(struct trace_writer *writer, const char *text)
{
	uint32_t id = trace_writer_text(writer, text);

	buffer_add_varint(&writer->batches[BATCH_NOTES].entries, id);
	batch_added(writer, BATCH_NOTES);
}

void trace_writer_user_symbol(struct trace_writer *writer, uint32_t frame, uint32_t symbol, uint64_t offset_bytes)
{
	ADD_VARINTS(&writer->batches[BATCH_USER_SYMBOLS].entries, frame, symbol, offset_bytes);
	batch_added(writer, BATCH_USER_SYMBOLS);
}

void trace_writer_live(struct trace_writer *writer, const struct trace_live *live)
{
	struct batch *batch = &writer->batches[BATCH_LIVE];

	buffer_add_varint(&batch->entries, live->object - batch->previous);
	buffer_add_zigzag(&batch->entries, (int64_t)(live->address - batch->previous_address));
	batch->previous = live->object;
	batch->previous_address = live->address;
	batch_added(writer, BATCH_LIVE);
}

/* Adds a record that has no batch. */
static void writer_single_record(struct trace_writer *writer, enum trace_record_type type, const struct buffer *body)
{
	if (writer->singles.size_bytes >= BATCH_FULL_BYTES)
		writer_gather(writer);
	buffer_add_varint(&writer->singles, type);
	buffer_add_varint(&writer->singles, body->size_bytes);
	buffer_add(&writer->singles, body->bytes, body->size_bytes);
	if (body->failed || writer->singles.failed)
		writer_fail(writer, -ENOMEM, "trace writer");
}

static void writer_single(struct trace_writer *writer, enum trace_record_type type, const uint64_t *values,
			  size_t count)
{
	struct buffer body = {0};

	add_varints(&body, values, count);
	writer_single_record(writer, type, &body);
	buffer_release(&body);
}

#define SINGLE(writer, type, ...)                                                                                      \
	writer_single(writer, type, (const uint64_t[]){__VA_ARGS__},                                                   \
		      sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

void trace_writer_census(struct trace_writer *writer, const struct trace_census *census)
{
	SINGLE(writer, TRACE_RECORD_CENSUS, census->time_ns, census->cache, census->phase, census->active_objects,
	       census->total_objects, census->slabs);
}

void trace_writer_meminfo(struct trace_writer *writer, const struct trace_meminfo *meminfo)
{
	SINGLE(writer, TRACE_RECORD_MEMINFO, meminfo->time_ns, meminfo->phase, meminfo->reclaimable_bytes,
	       meminfo->unreclaimable_bytes);
}

void trace_writer_loss(struct trace_writer *writer, const struct trace_loss *loss)
{
	SINGLE(writer, TRACE_RECORD_LOSS, loss->time_ns, loss->cpu, loss->ring, loss->lost);
}

void trace_writer_unseen(struct trace_writer *writer, const struct trace_unseen *unseen)
{
	SINGLE(writer, TRACE_RECORD_UNSEEN, unseen->from_ns, unseen->time_ns, unseen->cause, unseen->cpu, unseen->event,
	       unseen->at_most);
}

void trace_writer_reclaim(struct trace_writer *writer, const struct trace_reclaim *reclaim)
{
	/* Behind all events so far and before those to come. */
	writer_gather(writer);
	SINGLE(writer, TRACE_RECORD_RECLAIM, reclaim->time_ns);
	writer_gather(writer);
}

void trace_writer_contents(struct trace_writer *writer, const struct trace_contents *contents)
{
	struct buffer body = {0};

	ADD_VARINTS(&body, contents->object, contents->size_bytes);
	buffer_add(&body, contents->bytes, contents->size_bytes);
	writer_single_record(writer, TRACE_RECORD_CONTENTS, &body);
	buffer_release(&body);
}

void trace_writer_probe(struct trace_writer *writer, const struct trace_probe *probe)
{
	uint64_t flags = probe->has_misses | probe->has_lost << 1 | probe->has_fault_misses << 2 |
			 probe->is_witnessed << 3 | probe->has_passed << 4;

	const uint64_t values[] = {probe->event, probe->function, probe->role,	 probe->definition, probe->filter,
				   probe->hits,	 flags,		  probe->misses, probe->lost,	    probe->passed};

	writer_single(writer, TRACE_RECORD_PROBES, values, probe->has_passed ? 10 : 9);
}

void trace_writer_probe_cpu(struct trace_writer *writer, const struct trace_probe_cpu *counts)
{
	SINGLE(writer, TRACE_RECORD_PROBE_CPUS, counts->event, counts->cpu, counts->passed, counts->has_lost,
	       counts->lost);
}

static void add_ages(struct buffer *body, const struct ages *ages)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < AGES_BUCKETS; i++)
		used += ages->buckets[i] != 0;
	ADD_VARINTS(body, ages->sum_ns, ages->min_ns, ages->max_ns, used);
	for (uint32_t i = 0; i < AGES_BUCKETS; i++)
		if (ages->buckets[i])
			ADD_VARINTS(body, i, ages->buckets[i]);
}

static void add_timeline(struct buffer *body, const struct timeline *timeline)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++)
		used += timeline->allocs[i] || timeline->frees[i];
	ADD_VARINTS(body, timeline->shift, used);
	for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++)
		if (timeline->allocs[i] || timeline->frees[i])
			ADD_VARINTS(body, i, timeline->allocs[i], timeline->frees[i]);
}

static void add_shares(struct buffer *body, const struct trace_share *shares, uint32_t count, uint64_t others)
{
	buffer_add_varint(body, count);
	for (uint32_t i = 0; i < count; i++)
		ADD_VARINTS(body, shares[i].id, shares[i].count);
	buffer_add_varint(body, others);
}

void trace_writer_freed(struct trace_writer *writer, const struct trace_freed *freed)
{
	struct buffer body = {0};

	ADD_VARINTS(&body, freed->cache, freed->stack, freed->frees, freed->frees_implied, freed->frees_rcu,
		    freed->pending_rcu, freed->bytes_req, freed->sized);
	add_ages(&body, &freed->ages);
	add_timeline(&body, &freed->timeline);
	add_shares(&body, freed->comms, freed->comm_count, freed->other_comms);
	add_shares(&body, freed->freed_by, freed->freed_by_count, freed->other_frees);
	writer_single_record(writer, TRACE_RECORD_FREED, &body);
	buffer_release(&body);
}

void trace_writer_freed_older(struct trace_writer *writer, const struct trace_freed_older *older)
{
	SINGLE(writer, TRACE_RECORD_FREED_OLDER, older->cache, older->frees);
}

uint64_t trace_writer_event(struct trace_writer *writer, const struct trace_event *event)
{
	struct buffer *columns = writer->columns;
	uint64_t serial = 0;

	if (writer->event_count == EVENTS_FULL) {
		writer_gather(writer);
		writer_block(writer);
	}
	if (!writer->event_count)
		writer->base_time_ns = writer->last_time_ns = event->time_ns;
	writer->event_count++;
	writer->events++;
	buffer_add_u8(&columns[TRACE_COLUMN_KIND], (uint8_t)event->kind);
	buffer_add_zigzag(&columns[TRACE_COLUMN_TIME], (int64_t)(event->time_ns - writer->last_time_ns));
	writer->last_time_ns = event->time_ns;
	buffer_add_varint(&columns[TRACE_COLUMN_CPU], event->cpu);
	buffer_add_varint(&columns[TRACE_COLUMN_TASK], event->task);
	buffer_add_varint(&columns[TRACE_COLUMN_STACK], event->stack);
	if (event->kind == TRACE_EVENT_ALLOC) {
		serial = ++writer->allocs;
		buffer_add_varint(&columns[TRACE_COLUMN_CACHE], event->cache);
		buffer_add_varint(&columns[TRACE_COLUMN_BYTES_REQ], event->bytes_req);
		buffer_add_varint(&columns[TRACE_COLUMN_GFP], event->gfp);
		buffer_add_zigzag(&columns[TRACE_COLUMN_NODE], event->node);
	} else if (event->kind == TRACE_EVENT_FREE_OLDER) {
		buffer_add_varint(&columns[TRACE_COLUMN_CACHE], event->cache);
	} else {
		buffer_add_varint(&columns[TRACE_COLUMN_BACK], writer->allocs - event->object);
	}
	return serial;
}

void trace_writer_redirect(struct trace_writer *writer, trace_sink *sink, void *context)
{
	writer->sink = sink;
	writer->sink_context = context;
}

int trace_writer_flush(struct trace_writer *writer, struct error *err)
{
	writer_gather(writer);
	writer_block(writer);
	if (writer->error.code && err)
		*err = writer->error;
	return writer->error.code;
}

int trace_writer_end(struct trace_writer *writer, uint64_t time_ns, struct error *err)
{
	writer_gather(writer);
	SINGLE(writer, TRACE_RECORD_END, time_ns, writer->events, writer->allocs);
	return trace_writer_flush(writer, err);
}

uint64_t trace_writer_bytes(const struct trace_writer *writer)
{
	return writer->bytes;
}

uint64_t trace_writer_gathered_bytes(const struct trace_writer *writer)
{
	uint64_t bytes = writer->payload.size_bytes + writer->singles.size_bytes;

	for (int kind = 0; kind < BATCH_COUNT; kind++)
		bytes += writer->batches[kind].entries.size_bytes;
	for (int column = 0; column < TRACE_COLUMN_COUNT; column++)
		bytes += writer->columns[column].size_bytes;
	return bytes;
}

uint64_t trace_writer_events(const struct trace_writer *writer)
{
	return writer->events;
}
