/*
 * Knows how to stop: whatever a block or record says is checked before it is believed, and the first thing that is wrong ends
 * the reading with a sentence, while everything before it stays good.
 */
#include "trace/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "trace/crc32c.h"
#include "trace/cursor.h"

/* A dictionary: entries of one size, the first at index 0 being id 1. */
struct table {
	void *entries; /* owned */
	uint32_t count;
	uint32_t capacity;
};

struct string_entry {
	const char *bytes; /* in a chunk, with a NUL behind */
	uint32_t size_bytes;
};

/* Strings lie in chunks, so that they stay where they are until the reader is freed. */
struct string_chunk {
	struct string_chunk *next;
	char bytes[];
};

#define STRING_CHUNK_BYTES (256u << 10)

struct trace_reader {
	char *name;
	trace_source *source;
	void *source_context;
	int fd;
	struct table strings, modules, caches, files, frames, nodes, tasks;
	struct string_chunk *chunks;
	size_t chunk_left_bytes;
	uint64_t string_bytes; /* of all strings */
	uint8_t *stored, *raw; /* TRACE_BLOCK_MAX_BYTES each */
	struct cursor block;   /* records of the block not read yet */
	/* The record that is being handed out entry by entry. */
	enum trace_record_type batch_type;
	struct cursor batch;
	uint64_t batch_left;
	uint64_t batch_previous, batch_previous_address;
	struct trace_share comms[TRACE_SHARES_MAX], freed_by[TRACE_SHARES_MAX]; /* of the FREED record handed out */
	struct cursor columns[TRACE_COLUMN_COUNT];
	bool has_column[TRACE_COLUMN_COUNT];
	uint64_t event_time_ns;
	uint64_t events, allocs;
	uint64_t good_bytes; /* of input, up to the block that is being read; with it once END was read */
	uint64_t block_bytes; /* of the input, taken by that block */
	bool ended;
	enum trace_ending ending;
	char sentence[256];
};

static long reader_fill(struct trace_reader *reader, void *bytes, size_t size_bytes, struct error *err)
{
	size_t filled = 0;

	while (filled < size_bytes) {
		long got = reader->source(reader->source_context, (uint8_t *)bytes + filled, size_bytes - filled, err);

		if (got < 0)
			return got;
		if (!got)
			break;
		filled += (size_t)got;
	}
	return (long)filled;
}

static int reader_header(struct trace_reader *reader, struct error *err)
{
	uint8_t header[TRACE_HEADER_BYTES];
	long got = reader_fill(reader, header, sizeof(header), err);

	if (got < 0)
		return (int)got;
	if (!got)
		return error_set(err, -ENODATA, "%s: the file is empty: no recording was written to it", reader->name);
	if (memcmp(header, TRACE_MAGIC, got < TRACE_MAGIC_BYTES ? (size_t)got : TRACE_MAGIC_BYTES))
		return error_set(err, -EINVAL, "%s: not a slabrec trace (it does not begin with \"slabrec\")",
				 reader->name);
	if ((size_t)got < sizeof(header))
		return error_set(err, -EINVAL, "%s: cut within its first %u bytes: nothing was recorded", reader->name,
				 TRACE_HEADER_BYTES);
	struct cursor cursor = cursor_over(header + TRACE_MAGIC_BYTES, 8);
	uint32_t version = cursor_u32(&cursor);

	if (cursor_u32(&cursor) != crc32c(0, header, 12))
		return error_set(err, -EINVAL, "%s: damaged: the checksum of the file header is wrong", reader->name);
	if (!(version & 0xffff))
		return error_set(err, -EINVAL, "%s: trace format 0.%u does not exist", reader->name, version >> 16);
	if ((version & 0xffff) > TRACE_MAJOR)
		return error_set(err, -ENOTSUP, "%s: trace format %u.%u, this program reads %u.x: use a newer slabreport",
				 reader->name, version & 0xffff, version >> 16, TRACE_MAJOR);
	reader->good_bytes = TRACE_HEADER_BYTES;
	return 0;
}

int trace_reader_new(struct trace_reader **reader_out, const char *name, trace_source *source, void *context,
		     struct error *err)
{
	struct trace_reader *reader = calloc(1, sizeof(*reader));
	int ret = 0;

	if (!reader)
		return error_set(err, -ENOMEM, "%s: out of memory", name);
	reader->fd = -1;
	reader->name = strdup(name);
	reader->source = source;
	reader->source_context = context;
	reader->stored = malloc(TRACE_BLOCK_MAX_BYTES);
	reader->raw = malloc(TRACE_BLOCK_MAX_BYTES);
	if (!reader->name || !reader->stored || !reader->raw)
		ret = error_set(err, -ENOMEM, "%s: out of memory", name);
	if (!ret)
		ret = reader_header(reader, err);
	if (ret) {
		trace_reader_free(reader);
		return ret;
	}
	*reader_out = reader;
	return 0;
}

void trace_reader_free(struct trace_reader *reader)
{
	if (!reader)
		return;
	free(reader->strings.entries);
	free(reader->modules.entries);
	free(reader->caches.entries);
	free(reader->files.entries);
	free(reader->frames.entries);
	free(reader->nodes.entries);
	free(reader->tasks.entries);
	while (reader->chunks) {
		struct string_chunk *next = reader->chunks->next;

		free(reader->chunks);
		reader->chunks = next;
	}
	free(reader->stored);
	free(reader->raw);
	free(reader->name);
	free(reader);
}

static long fd_source(void *context, void *bytes, size_t size_bytes, struct error *err)
{
	const int *fd = context;
	ssize_t got;

	do
		got = read(*fd, bytes, size_bytes);
	while (got < 0 && errno == EINTR);
	return got < 0 ? error_set(err, -errno, "reading the trace: %m") : got;
}

int trace_reader_open_fd(struct trace_reader **reader_out, const char *name, int fd, struct error *err)
{
	struct trace_reader *reader = NULL;
	/* The header is read before there is a reader to keep the descriptor in. */
	int header_fd = fd;
	int ret = trace_reader_new(&reader, name, fd_source, &header_fd, err);

	if (ret)
		return ret;
	reader->fd = fd;
	reader->source_context = &reader->fd;
	*reader_out = reader;
	return 0;
}

static void reader_stop(struct trace_reader *reader, enum trace_ending ending, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void reader_stop(struct trace_reader *reader, enum trace_ending ending, const char *format, ...)
{
	char what[128];
	va_list args;

	if (reader->ended)
		return;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	reader->ended = true;
	reader->ending = ending;
	if (ending != TRACE_ENDING_COMPLETE)
		snprintf(reader->sentence, sizeof(reader->sentence), "%s: %s at byte %llu: %s; what was recorded before is used",
			 reader->name, ending == TRACE_ENDING_CUT ? "cut" : "damaged",
			 (unsigned long long)reader->good_bytes, what);
}

static void reader_damaged(struct trace_reader *reader, const char *what)
{
	reader_stop(reader, TRACE_ENDING_DAMAGED, "%s", what);
}

/* -EFBIG where the table has as many entries as it may have. */
static int table_limit(const struct trace_reader *reader, const struct table *table, uint32_t limit, const char *what,
		       struct error *err)
{
	if (table->count < limit)
		return 0;
	return error_set(err, -EFBIG, "%s: more than %u %s: not read further", reader->name, limit, what);
}

/* Appends a copy of the entry. 0, -EFBIG or -ENOMEM. */
static int table_add(struct trace_reader *reader, struct table *table, const void *entry, size_t entry_bytes,
		     struct error *err)
{
	int ret = table_limit(reader, table, TRACE_DICTIONARY_MAX, "distinct stacks or names", err);

	if (ret)
		return ret;
	if (table->count == table->capacity) {
		uint32_t capacity = table->capacity ? table->capacity * 2 : 64;
		void *entries = realloc(table->entries, capacity * entry_bytes);

		if (!entries)
			return error_set(err, -ENOMEM, "%s: out of memory", reader->name);
		table->entries = entries;
		table->capacity = capacity;
	}
	memcpy((uint8_t *)table->entries + table->count++ * entry_bytes, entry, entry_bytes);
	return 0;
}

/* A varint that must be an id of the table, or 0. */
static uint32_t read_id(struct cursor *cursor, const struct table *table)
{
	uint64_t id = cursor_varint(cursor);

	if (id > table->count)
		cursor->failed = true;
	return cursor->failed ? 0 : (uint32_t)id;
}

/* A varint that must be at most limit. */
static uint64_t read_limited(struct cursor *cursor, uint64_t limit)
{
	uint64_t value = cursor_varint(cursor);

	if (value > limit)
		cursor->failed = true;
	return cursor->failed ? 0 : value;
}

static void read_build_id(struct cursor *cursor, uint8_t *build_id, uint8_t *size_out)
{
	size_t size_bytes = read_limited(cursor, TRACE_BUILD_ID_MAX_BYTES);
	const uint8_t *bytes = cursor_bytes(cursor, size_bytes);

	if (!bytes)
		return;
	memcpy(build_id, bytes, size_bytes);
	*size_out = (uint8_t)size_bytes;
}

/* A place for size_bytes that stays until the reader is freed; NULL where memory is out. */
static char *string_room(struct trace_reader *reader, size_t size_bytes)
{
	if (!reader->chunks || reader->chunk_left_bytes < size_bytes) {
		struct string_chunk *chunk = malloc(sizeof(*chunk) + STRING_CHUNK_BYTES);

		if (!chunk)
			return NULL;
		chunk->next = reader->chunks;
		reader->chunks = chunk;
		reader->chunk_left_bytes = STRING_CHUNK_BYTES;
	}
	char *room = reader->chunks->bytes + STRING_CHUNK_BYTES - reader->chunk_left_bytes;

	reader->chunk_left_bytes -= size_bytes;
	return room;
}

/*
 * Readers of one dictionary entry each: 0 with cursor->failed where the bytes are wrong, negative where the reading must
 * end.
 */
static int read_string(struct trace_reader *reader, struct cursor *cursor, struct error *err)
{
	size_t size_bytes = read_limited(cursor, TRACE_STRING_MAX_BYTES);
	const uint8_t *bytes = cursor_bytes(cursor, size_bytes);

	if (!bytes)
		return 0;
	reader->string_bytes += size_bytes;
	if (reader->string_bytes > TRACE_STRING_TOTAL_MAX)
		return error_set(err, -EFBIG, "%s: more than %u MiB of names: not read further", reader->name,
				 TRACE_STRING_TOTAL_MAX >> 20);
	char *room = string_room(reader, size_bytes + 1);
	if (!room)
		return error_set(err, -ENOMEM, "%s: out of memory", reader->name);
	memcpy(room, bytes, size_bytes);
	room[size_bytes] = '\0';
	struct string_entry entry = {.bytes = room, .size_bytes = (uint32_t)size_bytes};
	return table_add(reader, &reader->strings, &entry, sizeof(entry), err);
}

static int read_module(struct trace_reader *reader, struct cursor *cursor, struct error *err)
{
	struct trace_module module = {.name = read_id(cursor, &reader->strings)};

	module.text_address = cursor_varint(cursor);
	module.size_bytes = cursor_varint(cursor);
	read_build_id(cursor, module.build_id, &module.build_id_bytes);
	if (cursor->failed)
		return 0;
	int ret = table_limit(reader, &reader->modules, TRACE_MODULES_MAX, "modules", err);
	return ret ? ret : table_add(reader, &reader->modules, &module, sizeof(module), err);
}

static int read_cache(struct trace_reader *reader, struct cursor *cursor, struct error *err)
{
	struct trace_cache cache = {.name = read_id(cursor, &reader->strings)};

	cache.requested = read_id(cursor, &reader->strings);
	cache.aliases = read_id(cursor, &reader->strings);
	cache.object_size_bytes = (uint32_t)read_limited(cursor, UINT32_MAX);
	cache.slab_size_bytes = (uint32_t)read_limited(cursor, UINT32_MAX);
	cache.objects_per_slab = (uint32_t)read_limited(cursor, UINT32_MAX);
	cache.order = (uint32_t)read_limited(cursor, 63);
	cache.align_bytes = (uint32_t)read_limited(cursor, UINT32_MAX);
	cache.percpu_objects = (uint32_t)read_limited(cursor, UINT32_MAX);
	if (cursor->failed)
		return 0;
	int ret = table_limit(reader, &reader->caches, TRACE_CACHES_MAX, "caches", err);
	return ret ? ret : table_add(reader, &reader->caches, &cache, sizeof(cache), err);
}

static int read_file(struct trace_reader *reader, struct cursor *cursor, struct error *err)
{
	struct trace_file file = {.path = read_id(cursor, &reader->strings)};

	read_build_id(cursor, file.build_id, &file.build_id_bytes);
	if (cursor->failed)
		return 0;
	int ret = table_limit(reader, &reader->files, TRACE_FILES_MAX, "files", err);
	return ret ? ret : table_add(reader, &reader->files, &file, sizeof(file), err);
}

static int read_frame(struct trace_reader *reader, struct cursor *cursor, struct error *err)
{
	struct trace_frame frame = {.kind = (enum trace_frame_kind)read_limited(cursor, TRACE_FRAME_USER)};

	if (frame.kind == TRACE_FRAME_USER) {
		frame.file = read_id(cursor, &reader->files);
		frame.address = cursor_varint(cursor);
	} else {
		reader->batch_previous_address += (uint64_t)cursor_zigzag(cursor);
		frame.address = reader->batch_previous_address;
		frame.symbol = read_id(cursor, &reader->strings);
		frame.symbol_offset_bytes = cursor_varint(cursor);
		frame.module = read_id(cursor, &reader->modules);
	}
	if (cursor->failed)
		return 0;
	return table_add(reader, &reader->frames, &frame, sizeof(frame), err);
}

static int read_node(struct trace_reader *reader, struct cursor *cursor, struct error *err)
{
	/* The parent stands before its child, so a walk to the root always ends. */
	uint64_t back = read_limited(cursor, reader->nodes.count);
	struct trace_node node = {.parent = back ? (uint32_t)(reader->nodes.count + 1 - back) : 0};

	node.frame = read_id(cursor, &reader->frames);
	if (cursor->failed)
		return 0;
	return table_add(reader, &reader->nodes, &node, sizeof(node), err);
}

static int read_task(struct trace_reader *reader, struct cursor *cursor, struct error *err)
{
	struct trace_task task = {.pid = (int32_t)read_limited(cursor, UINT32_MAX)};

	task.tid = (int32_t)read_limited(cursor, UINT32_MAX);
	task.comm = read_id(cursor, &reader->strings);
	if (cursor->failed)
		return 0;
	return table_add(reader, &reader->tasks, &task, sizeof(task), err);
}

static int read_task_cgroup(struct trace_reader *reader, struct cursor *cursor, struct error *err)
{
	uint32_t id = read_id(cursor, &reader->tasks);
	uint32_t cgroup = read_id(cursor, &reader->strings);

	(void)err;
	if (!cursor->failed && id)
		((struct trace_task *)reader->tasks.entries)[id - 1].cgroup = cgroup;
	return 0;
}

static int read_user_symbol(struct trace_reader *reader, struct cursor *cursor, struct error *err)
{
	uint32_t id = read_id(cursor, &reader->frames);
	uint32_t symbol = read_id(cursor, &reader->strings);
	uint64_t offset_bytes = cursor_varint(cursor);

	(void)err;
	if (cursor->failed || !id)
		return 0;
	struct trace_frame *frame = (struct trace_frame *)reader->frames.entries + id - 1;
	if (frame->kind != TRACE_FRAME_USER)
		return 0;
	frame->symbol = symbol;
	frame->symbol_offset_bytes = offset_bytes;
	return 0;
}

typedef int read_entry(struct trace_reader *reader, struct cursor *cursor, struct error *err);

/* Takes in a whole dictionary record. */
static int reader_dictionary(struct trace_reader *reader, struct cursor *record, read_entry *entry, struct error *err)
{
	uint64_t count = cursor_varint(record);
	int ret = 0;

	reader->batch_previous_address = 0;
	/* Every entry takes a byte at least, so count is bounded by the record before anything grows. */
	if (count > cursor_left(record))
		record->failed = true;
	for (uint64_t i = 0; i < count && !ret && !record->failed; i++)
		ret = entry(reader, record, err);
	if (!ret && record->failed)
		reader_damaged(reader, "a dictionary record is not as the format says");
	return ret;
}

static void reader_events(struct trace_reader *reader, struct cursor *record)
{
	reader->batch_left = read_limited(record, 1u << 20);
	reader->event_time_ns = cursor_varint(record);
	memset(reader->has_column, 0, sizeof(reader->has_column));
	/* Reading from a column that the record does not have fails. */
	for (int column = 0; column < TRACE_COLUMN_COUNT; column++)
		reader->columns[column] = cursor_over("", 0);
	while (!record->failed && cursor_left(record)) {
		uint64_t column = cursor_varint(record);
		struct cursor values = cursor_part(record, cursor_varint(record));

		if (!record->failed && column < TRACE_COLUMN_COUNT) {
			reader->columns[column] = values;
			reader->has_column[column] = true;
		}
	}
	if (record->failed)
		reader_damaged(reader, "an event record is not as the format says");
	else
		reader->batch_type = TRACE_RECORD_EVENTS;
}

static uint32_t event_id(struct trace_reader *reader, enum trace_column column, const struct table *table)
{
	return read_id(&reader->columns[column], table);
}

/* A value of a column that may be absent: 0 then. */
static uint64_t event_optional(struct trace_reader *reader, enum trace_column column, uint64_t limit)
{
	return reader->has_column[column] ? read_limited(&reader->columns[column], limit) : 0;
}

static int32_t event_node(struct trace_reader *reader)
{
	struct cursor *column = &reader->columns[TRACE_COLUMN_NODE];

	if (!reader->has_column[TRACE_COLUMN_NODE])
		return -1;
	int64_t node = cursor_zigzag(column);
	if (node < INT32_MIN || node > INT32_MAX)
		column->failed = true;
	return (int32_t)node;
}

/* Reads the next event of the record; false where its columns are wrong. */
static bool reader_event(struct trace_reader *reader, struct trace_event *event)
{
	*event = (struct trace_event){.node = -1};
	uint8_t kind = cursor_u8(&reader->columns[TRACE_COLUMN_KIND]);
	if (kind >= TRACE_EVENT_KIND_COUNT)
		return false;
	event->kind = kind;
	reader->event_time_ns += (uint64_t)cursor_zigzag(&reader->columns[TRACE_COLUMN_TIME]);
	event->time_ns = reader->event_time_ns;
	event->cpu = (uint32_t)read_limited(&reader->columns[TRACE_COLUMN_CPU], UINT32_MAX);
	event->task = event_id(reader, TRACE_COLUMN_TASK, &reader->tasks);
	event->stack = event_id(reader, TRACE_COLUMN_STACK, &reader->nodes);
	if (kind == TRACE_EVENT_ALLOC || kind == TRACE_EVENT_FREE_OLDER)
		event->cache = event_id(reader, TRACE_COLUMN_CACHE, &reader->caches);
	if (kind == TRACE_EVENT_ALLOC) {
		event->object = ++reader->allocs;
		event->bytes_req = event_optional(reader, TRACE_COLUMN_BYTES_REQ, UINT64_MAX);
		event->gfp = (uint32_t)event_optional(reader, TRACE_COLUMN_GFP, UINT32_MAX);
		event->node = event_node(reader);
	} else if (kind != TRACE_EVENT_FREE_OLDER) {
		if (!reader->allocs)
			return false;
		event->object = reader->allocs - read_limited(&reader->columns[TRACE_COLUMN_BACK], reader->allocs - 1);
	}
	bool has_failed = false;
	for (int column = 1; column < TRACE_COLUMN_COUNT; column++)
		has_failed |= reader->columns[column].failed;
	return !has_failed;
}

/* Reads the next entry of a record that is handed out entry by entry; false where it is wrong. */
static bool reader_batch_entry(struct trace_reader *reader, struct trace_record *out)
{
	struct cursor *batch = &reader->batch;

	out->type = reader->batch_type;
	switch (reader->batch_type) {
	case TRACE_RECORD_EVENTS:
		if (!reader_event(reader, &out->event))
			return false;
		reader->events++;
		return true;
	case TRACE_RECORD_FACTS:
		out->fact.key = read_id(batch, &reader->strings);
		out->fact.value = read_id(batch, &reader->strings);
		break;
	case TRACE_RECORD_COUNTERS:
		out->counter.key = read_id(batch, &reader->strings);
		out->counter.value = cursor_varint(batch);
		break;
	case TRACE_RECORD_NOTES:
		out->note.text = read_id(batch, &reader->strings);
		break;
	case TRACE_RECORD_LIVE:
		reader->batch_previous += cursor_varint(batch);
		reader->batch_previous_address += (uint64_t)cursor_zigzag(batch);
		out->live.object = reader->batch_previous;
		out->live.address = reader->batch_previous_address;
		if (!out->live.object || out->live.object > reader->allocs)
			return false;
		break;
	default:
		return false;
	}
	return !batch->failed;
}

static uint64_t single(struct cursor *record)
{
	return cursor_varint(record);
}

static void read_ages(struct cursor *record, struct ages *ages)
{
	ages->sum_ns = single(record);
	ages->min_ns = single(record);
	ages->max_ns = single(record);
	for (uint64_t left = read_limited(record, AGES_BUCKETS); left && !record->failed; left--) {
		uint64_t bucket = read_limited(record, AGES_BUCKETS - 1), count = single(record);

		/* A failed read has bucket 0 and count 0. */
		ages->buckets[bucket] += count;
		ages->count += count;
	}
}

static void read_timeline(struct cursor *record, struct timeline *timeline)
{
	timeline->shift = (uint32_t)read_limited(record, TIMELINE_LAST_SHIFT);
	for (uint64_t left = read_limited(record, TIMELINE_BUCKETS); left && !record->failed; left--) {
		uint64_t bucket = read_limited(record, TIMELINE_BUCKETS - 1);

		timeline->allocs[bucket] = single(record);
		timeline->frees[bucket] = single(record);
	}
}

static uint32_t read_shares(struct cursor *record, const struct table *table, struct trace_share *shares)
{
	uint32_t count = (uint32_t)read_limited(record, TRACE_SHARES_MAX);

	for (uint32_t i = 0; i < count && !record->failed; i++) {
		shares[i].id = read_id(record, table);
		shares[i].count = single(record);
	}
	return count;
}

static void read_freed(struct trace_reader *reader, struct cursor *record, struct trace_freed *freed)
{
	*freed = (struct trace_freed){.comms = reader->comms, .freed_by = reader->freed_by};
	freed->cache = read_id(record, &reader->caches);
	freed->stack = read_id(record, &reader->nodes);
	freed->frees = single(record);
	freed->frees_implied = single(record);
	freed->frees_rcu = single(record);
	freed->pending_rcu = single(record);
	freed->bytes_req = single(record);
	freed->sized = single(record);
	read_ages(record, &freed->ages);
	read_timeline(record, &freed->timeline);
	freed->comm_count = read_shares(record, &reader->strings, reader->comms);
	freed->other_comms = single(record);
	freed->freed_by_count = read_shares(record, &reader->nodes, reader->freed_by);
	freed->other_frees = single(record);
}

/* Reads a record that stands alone; false where it is wrong. */
static bool reader_single(struct trace_reader *reader, enum trace_record_type type, struct cursor *record,
			  struct trace_record *out)
{
	uint64_t flags;

	out->type = type;
	switch (type) {
	case TRACE_RECORD_CENSUS:
		out->census.time_ns = single(record);
		out->census.cache = read_id(record, &reader->caches);
		out->census.phase = (enum trace_census_phase)read_limited(record, TRACE_CENSUS_END);
		out->census.active_objects = single(record);
		out->census.total_objects = single(record);
		out->census.slabs = single(record);
		break;
	case TRACE_RECORD_MEMINFO:
		out->meminfo.time_ns = single(record);
		out->meminfo.phase = (enum trace_census_phase)read_limited(record, TRACE_CENSUS_END);
		out->meminfo.reclaimable_bytes = single(record);
		out->meminfo.unreclaimable_bytes = single(record);
		break;
	case TRACE_RECORD_LOSS:
		out->loss.time_ns = single(record);
		out->loss.cpu = (uint32_t)read_limited(record, UINT32_MAX);
		out->loss.ring = (enum trace_ring)read_limited(record, TRACE_RING_COUNT - 1);
		out->loss.lost = single(record);
		break;
	case TRACE_RECORD_UNSEEN:
		out->unseen.from_ns = single(record);
		out->unseen.time_ns = single(record);
		out->unseen.cause = (enum trace_unseen_cause)read_limited(record, TRACE_UNSEEN_CAUSE_COUNT - 1);
		out->unseen.cpu = (uint32_t)read_limited(record, UINT32_MAX);
		out->unseen.event = read_id(record, &reader->strings);
		out->unseen.at_most = single(record);
		break;
	case TRACE_RECORD_PROBE_CPUS:
		out->probe_cpu.event = read_id(record, &reader->strings);
		out->probe_cpu.cpu = (uint32_t)read_limited(record, UINT32_MAX);
		out->probe_cpu.passed = single(record);
		out->probe_cpu.has_lost = single(record) & 1;
		out->probe_cpu.lost = single(record);
		break;
	case TRACE_RECORD_PROBES:
		out->probe.event = read_id(record, &reader->strings);
		out->probe.function = read_id(record, &reader->strings);
		out->probe.role = read_id(record, &reader->strings);
		out->probe.definition = read_id(record, &reader->strings);
		out->probe.filter = read_id(record, &reader->strings);
		out->probe.hits = single(record);
		flags = single(record);
		out->probe.misses = single(record);
		out->probe.lost = single(record);
		out->probe.has_misses = flags & 1;
		out->probe.has_lost = flags & 2;
		out->probe.has_fault_misses = flags & 4;
		out->probe.is_witnessed = flags & 8;
		out->probe.has_passed = flags & 16;
		out->probe.passed = out->probe.has_passed ? single(record) : 0;
		break;
	case TRACE_RECORD_FREED:
		read_freed(reader, record, &out->freed);
		break;
	case TRACE_RECORD_FREED_OLDER:
		out->freed_older.cache = read_id(record, &reader->caches);
		out->freed_older.frees = single(record);
		break;
	case TRACE_RECORD_RECLAIM:
		out->reclaim.time_ns = single(record);
		break;
	case TRACE_RECORD_CONTENTS:
		out->contents.object = single(record);
		out->contents.size_bytes = (uint32_t)read_limited(record, TRACE_CONTENTS_MAX_BYTES);
		out->contents.bytes = cursor_bytes(record, out->contents.size_bytes);
		if (!out->contents.object || out->contents.object > reader->allocs || !out->contents.size_bytes)
			return false;
		break;
	case TRACE_RECORD_END:
		out->end.time_ns = single(record);
		out->end.events = single(record);
		out->end.allocs = single(record);
		break;
	default:
		return false;
	}
	return !record->failed;
}

static read_entry *dictionary_reader(uint64_t type)
{
	switch (type) {
	case TRACE_RECORD_STRINGS:
		return read_string;
	case TRACE_RECORD_MODULES:
		return read_module;
	case TRACE_RECORD_CACHES:
		return read_cache;
	case TRACE_RECORD_FILES:
		return read_file;
	case TRACE_RECORD_FRAMES:
		return read_frame;
	case TRACE_RECORD_NODES:
		return read_node;
	case TRACE_RECORD_TASKS:
		return read_task;
	case TRACE_RECORD_TASK_CGROUPS:
		return read_task_cgroup;
	case TRACE_RECORD_USER_SYMBOLS:
		return read_user_symbol;
	default:
		return NULL;
	}
}

/* Checks END against what was read and ends the reading. */
static void reader_end(struct trace_reader *reader, const struct trace_end *end)
{
	if (end->events != reader->events)
		reader_stop(reader, TRACE_ENDING_DAMAGED, "END tells %llu events, %llu were read",
			    (unsigned long long)end->events, (unsigned long long)reader->events);
	else if (end->allocs != reader->allocs)
		reader_stop(reader, TRACE_ENDING_DAMAGED, "END tells %llu allocations, %llu were read",
			    (unsigned long long)end->allocs, (unsigned long long)reader->allocs);
	else
		reader_stop(reader, TRACE_ENDING_COMPLETE, "%s", "");
	if (reader->ending == TRACE_ENDING_COMPLETE)
		reader->good_bytes += reader->block_bytes;
}

/* Opens the next record of the block. 1: out is filled; 0: go on; negative: the reading failed. */
static int reader_record(struct trace_reader *reader, struct trace_record *out, struct error *err)
{
	uint64_t type = cursor_varint(&reader->block);
	struct cursor record = cursor_part(&reader->block, cursor_varint(&reader->block));
	read_entry *entry = dictionary_reader(type);

	if (reader->block.failed) {
		reader_damaged(reader, "a record is longer than its block");
		return 0;
	}
	if (entry)
		return reader_dictionary(reader, &record, entry, err);
	switch (type) {
	case TRACE_RECORD_EVENTS:
		reader_events(reader, &record);
		return 0;
	case TRACE_RECORD_FACTS:
	case TRACE_RECORD_COUNTERS:
	case TRACE_RECORD_NOTES:
	case TRACE_RECORD_LIVE:
		reader->batch_type = (enum trace_record_type)type;
		reader->batch_left = cursor_varint(&record);
		reader->batch = record;
		reader->batch_previous = reader->batch_previous_address = 0;
		if (record.failed)
			reader_damaged(reader, "a record is not as the format says");
		return 0;
	case TRACE_RECORD_CENSUS:
	case TRACE_RECORD_MEMINFO:
	case TRACE_RECORD_LOSS:
	case TRACE_RECORD_UNSEEN:
	case TRACE_RECORD_PROBES:
	case TRACE_RECORD_PROBE_CPUS:
	case TRACE_RECORD_FREED:
	case TRACE_RECORD_FREED_OLDER:
	case TRACE_RECORD_RECLAIM:
	case TRACE_RECORD_CONTENTS:
	case TRACE_RECORD_END:
		if (!reader_single(reader, (enum trace_record_type)type, &record, out)) {
			reader_damaged(reader, "a record is not as the format says");
			return 0;
		}
		if (type == TRACE_RECORD_END)
			reader_end(reader, &out->end);
		return 1;
	default:
		return 0;
	}
}

/* Decompresses the stored bytes into raw; false where they are not what the header says. */
static bool block_unpack(struct trace_reader *reader, uint32_t codec, uint32_t stored_bytes, uint32_t raw_bytes)
{
	if (codec == TRACE_CODEC_STORED) {
		if (stored_bytes != raw_bytes)
			return false;
		memcpy(reader->raw, reader->stored, raw_bytes);
		return true;
	}
	/* ZSTD_decompress() alone would take several frames, and skippable ones. */
	return codec == TRACE_CODEC_ZSTD && ZSTD_getFrameContentSize(reader->stored, stored_bytes) == raw_bytes &&
	       ZSTD_findFrameCompressedSize(reader->stored, stored_bytes) == stored_bytes &&
	       ZSTD_decompress(reader->raw, raw_bytes, reader->stored, stored_bytes) == raw_bytes;
}

/* Reads the next block. 0, also at the end of input (reader->ended is set then), or what the source returned. */
static int reader_block(struct trace_reader *reader, struct error *err)
{
	uint8_t header[TRACE_BLOCK_HEADER_BYTES];
	long got;

	reader->good_bytes += reader->block_bytes;
	reader->block_bytes = 0;
	got = reader_fill(reader, header, sizeof(header), err);
	if (got < 0)
		return (int)got;
	struct cursor cursor = cursor_over(header, (size_t)got);
	uint32_t magic = cursor_u32(&cursor), stored_bytes = cursor_u32(&cursor), raw_bytes = cursor_u32(&cursor);
	uint32_t codec = cursor_u32(&cursor), crc = cursor_u32(&cursor);
	if (cursor.failed) {
		reader_stop(reader, TRACE_ENDING_CUT, "%s", "the recording has no end");
		return 0;
	}
	if (magic != TRACE_BLOCK_MAGIC || !stored_bytes || stored_bytes > TRACE_BLOCK_MAX_BYTES || !raw_bytes ||
	    raw_bytes > TRACE_BLOCK_MAX_BYTES) {
		reader_damaged(reader, "no block begins here");
		return 0;
	}
	got = reader_fill(reader, reader->stored, stored_bytes, err);
	if (got < 0)
		return (int)got;
	if ((uint32_t)got < stored_bytes) {
		reader_stop(reader, TRACE_ENDING_CUT, "%s", "the last block is not whole");
		return 0;
	}
	if (crc32c(crc32c(0, header, 16), reader->stored, stored_bytes) != crc) {
		reader_damaged(reader, "the checksum of the block is wrong");
		return 0;
	}
	if (!block_unpack(reader, codec, stored_bytes, raw_bytes)) {
		reader_damaged(reader, "the block does not unpack to what its header says");
		return 0;
	}
	reader->block_bytes = sizeof(header) + stored_bytes;
	reader->block = cursor_over(reader->raw, raw_bytes);
	return 0;
}

int trace_reader_next(struct trace_reader *reader, struct trace_record *record, struct error *err)
{
	int ret = 0;

	while (!ret && !reader->ended) {
		if (reader->batch_left) {
			reader->batch_left--;
			if (reader_batch_entry(reader, record))
				return 1;
			reader_damaged(reader, "a record is not as the format says");
		} else if (cursor_left(&reader->block)) {
			ret = reader_record(reader, record, err);
		} else {
			ret = reader_block(reader, err);
		}
	}
	if (ret < 0)
		reader_stop(reader, TRACE_ENDING_CUT, "%s", "it could not be read further");
	return ret;
}

enum trace_ending trace_reader_ending(const struct trace_reader *reader, const char **sentence)
{
	if (sentence)
		*sentence = reader->sentence;
	return reader->ending;
}

uint64_t trace_reader_good_bytes(const struct trace_reader *reader)
{
	return reader->good_bytes;
}

static const void *table_entry(const struct table *table, uint32_t id, size_t entry_bytes)
{
	if (!id || id > table->count)
		return NULL;
	return (const uint8_t *)table->entries + (size_t)(id - 1) * entry_bytes;
}

const char *trace_reader_string(const struct trace_reader *reader, uint32_t id, size_t *size_bytes)
{
	const struct string_entry *entry = table_entry(&reader->strings, id, sizeof(*entry));

	if (size_bytes)
		*size_bytes = entry ? entry->size_bytes : 0;
	return entry ? entry->bytes : "";
}

const char *trace_reader_text(const struct trace_reader *reader, uint32_t id)
{
	return trace_reader_string(reader, id, NULL);
}

#define DICTIONARY(kind)                                                                                               \
	const struct trace_##kind *trace_reader_##kind(const struct trace_reader *reader, uint32_t id)                 \
	{                                                                                                              \
		return table_entry(&reader->kind##s, id, sizeof(struct trace_##kind));                                 \
	}                                                                                                              \
	uint32_t trace_reader_##kind##_count(const struct trace_reader *reader)                                        \
	{                                                                                                              \
		return reader->kind##s.count;                                                                          \
	}

DICTIONARY(module)
DICTIONARY(cache)
DICTIONARY(file)
DICTIONARY(frame)
DICTIONARY(node)
DICTIONARY(task)

uint32_t trace_reader_string_count(const struct trace_reader *reader)
{
	return reader->strings.count;
}
