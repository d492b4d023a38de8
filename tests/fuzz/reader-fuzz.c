/*
 * Fuzzes trace/reader: any bytes must be read to an end, and what the reader gives out must keep reader.h's promises.
 * Checksums would stop nearly all changes, so the mutator gives all headers and blocks of what it made the right ones:
 * what is fuzzed is the records.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/trace/hand_made.h"
#include "tests/trace/memory_file.h"
#include "trace/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size_bytes, size_t max_bytes, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size_bytes, size_t max_bytes);

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

/* Reads each byte, so that the sanitizer sees them all. */
static void touch_string(const struct trace_reader *reader, uint32_t id)
{
	size_t size_bytes;
	const char *bytes = trace_reader_string(reader, id, &size_bytes);

	check(bytes[size_bytes] == '\0');
	check(strlen(trace_reader_text(reader, id)) <= size_bytes);
}

static void touch_dictionaries(const struct trace_reader *reader)
{
	for (uint32_t id = 0; id <= trace_reader_string_count(reader) + 1; id++)
		touch_string(reader, id);
	for (uint32_t id = 1; id <= trace_reader_module_count(reader); id++)
		check(trace_reader_module(reader, id)->name <= trace_reader_string_count(reader));
	for (uint32_t id = 1; id <= trace_reader_cache_count(reader); id++)
		check(trace_reader_cache(reader, id)->aliases <= trace_reader_string_count(reader));
	for (uint32_t id = 1; id <= trace_reader_file_count(reader); id++)
		check(trace_reader_file(reader, id)->build_id_bytes <= TRACE_BUILD_ID_MAX_BYTES);
	for (uint32_t id = 1; id <= trace_reader_frame_count(reader); id++) {
		const struct trace_frame *frame = trace_reader_frame(reader, id);

		check(frame->symbol <= trace_reader_string_count(reader));
		check(frame->file <= trace_reader_file_count(reader));
		check(frame->module <= trace_reader_module_count(reader));
	}
	/* Every walk to the root ends. */
	for (uint32_t id = 1; id <= trace_reader_node_count(reader); id++) {
		check(trace_reader_node(reader, id)->parent < id);
		check(trace_reader_node(reader, id)->frame <= trace_reader_frame_count(reader));
	}
	for (uint32_t id = 1; id <= trace_reader_task_count(reader); id++) {
		touch_string(reader, trace_reader_task(reader, id)->comm);
		touch_string(reader, trace_reader_task(reader, id)->cgroup);
	}
	check(!trace_reader_node(reader, trace_reader_node_count(reader) + 1));
}

static void check_event(const struct trace_reader *reader, const struct trace_event *event, uint64_t *allocs)
{
	check(event->kind < TRACE_EVENT_KIND_COUNT);
	check(event->task <= trace_reader_task_count(reader));
	check(event->stack <= trace_reader_node_count(reader));
	check(event->cache <= trace_reader_cache_count(reader));
	if (event->kind == TRACE_EVENT_ALLOC)
		check(event->object == ++*allocs);
	else if (event->kind == TRACE_EVENT_FREE_OLDER)
		check(!event->object);
	else
		check(event->object >= 1 && event->object <= *allocs);
}

static void check_freed(const struct trace_reader *reader, const struct trace_freed *freed)
{
	uint64_t ages = 0;

	check(freed->cache <= trace_reader_cache_count(reader));
	check(freed->stack <= trace_reader_node_count(reader));
	check(freed->timeline.shift <= TIMELINE_LAST_SHIFT);
	check(freed->comm_count <= TRACE_SHARES_MAX && freed->freed_by_count <= TRACE_SHARES_MAX);
	for (uint32_t i = 0; i < freed->comm_count; i++)
		touch_string(reader, freed->comms[i].id);
	for (uint32_t i = 0; i < freed->freed_by_count; i++)
		check(freed->freed_by[i].id <= trace_reader_node_count(reader));
	for (uint32_t i = 0; i < AGES_BUCKETS; i++)
		ages += freed->ages.buckets[i];
	check(ages == freed->ages.count);
}

static void check_record(const struct trace_reader *reader, const struct trace_record *record, uint64_t *allocs)
{
	switch (record->type) {
	case TRACE_RECORD_EVENTS:
		check_event(reader, &record->event, allocs);
		break;
	case TRACE_RECORD_FACTS:
		touch_string(reader, record->fact.key);
		touch_string(reader, record->fact.value);
		break;
	case TRACE_RECORD_FREED:
		check_freed(reader, &record->freed);
		break;
	case TRACE_RECORD_FREED_OLDER:
		check(record->freed_older.cache <= trace_reader_cache_count(reader));
		break;
	case TRACE_RECORD_COUNTERS:
		touch_string(reader, record->counter.key);
		break;
	case TRACE_RECORD_NOTES:
		touch_string(reader, record->note.text);
		break;
	case TRACE_RECORD_LIVE:
		check(record->live.object >= 1 && record->live.object <= *allocs);
		break;
	case TRACE_RECORD_CENSUS:
		check(record->census.cache <= trace_reader_cache_count(reader) &&
		      record->census.phase <= TRACE_CENSUS_END);
		break;
	case TRACE_RECORD_LOSS:
		check(record->loss.ring < TRACE_RING_COUNT);
		break;
	case TRACE_RECORD_UNSEEN:
		check(record->unseen.cause < TRACE_UNSEEN_CAUSE_COUNT);
		touch_string(reader, record->unseen.event);
		break;
	case TRACE_RECORD_PROBE_CPUS:
		touch_string(reader, record->probe_cpu.event);
		break;
	case TRACE_RECORD_PROBES:
		touch_string(reader, record->probe.definition);
		break;
	case TRACE_RECORD_CONTENTS:
		check(record->contents.object >= 1 && record->contents.object <= *allocs);
		check(record->contents.size_bytes >= 1 && record->contents.size_bytes <= TRACE_CONTENTS_MAX_BYTES);
		check(record->contents.bytes[record->contents.size_bytes - 1] <= UINT8_MAX);
		break;
	default:
		check(record->type == TRACE_RECORD_MEMINFO || record->type == TRACE_RECORD_RECLAIM || record->type == TRACE_RECORD_END);
	}
}

static void read_to_the_end(struct trace_reader *reader, size_t size_bytes)
{
	struct trace_record record;
	const char *sentence;
	uint64_t allocs = 0;
	int ret;

	while ((ret = trace_reader_next(reader, &record, NULL)) > 0)
		check_record(reader, &record, &allocs);
	check(trace_reader_next(reader, &record, NULL) == 0);
	touch_dictionaries(reader);
	enum trace_ending ending = trace_reader_ending(reader, &sentence);
	check(!*sentence == (ending == TRACE_ENDING_COMPLETE));
	check(ret == 0 || ending == TRACE_ENDING_CUT);
	check(trace_reader_good_bytes(reader) <= size_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	struct memory_file file = {.content = {.bytes = (uint8_t *)bytes, .size_bytes = size_bytes}};
	struct trace_reader *reader = NULL;
	struct error err = {0};

	if (trace_reader_new(&reader, "fuzz", memory_file_source, &file, &err))
		check(err.code < 0 && *err.message);
	else
		read_to_the_end(reader, size_bytes);
	trace_reader_free(reader);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size_bytes, size_t max_bytes, unsigned int seed)
{
	size_t changed_bytes = LLVMFuzzerMutate(bytes, size_bytes, max_bytes);

	/* Now and then the damage itself is the case. */
	if (seed % 16)
		hand_made_seal(bytes, changed_bytes);
	return changed_bytes;
}
