/*
 * make-golden DIRECTORY BAD-DIRECTORY: writes the golden traces and the bad ones. Run only when the format changes on
 * purpose
 * ("make golden"): what is committed is what earlier versions wrote, and must stay readable as it is. The .txt and
 * .error files beside them are made by "make golden" as well and looked at before they are committed. make-golden
 * events N DIRECTORY: writes events.slab with N events, for measuring.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "tests/trace/hand_made.h"
#include "tests/trace/memory_file.h"
#include "tests/trace/sample_trace.h"
#include "trace/cleanup.h"

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Writes the bytes to DIRECTORY/NAME.slab and empties them. */
static void save(const char *directory, const char *name, struct buffer *bytes)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s.slab", directory, name);
	CLEANUP(cleanup_fclose) FILE *out = fopen(path, "wbe");
	if (!out || fwrite(bytes->bytes, 1, bytes->size_bytes, out) != bytes->size_bytes)
		fail(path);
	buffer_clear(bytes);
}

static void add_text(struct buffer *trace, const char *text)
{
	buffer_add(trace, text, strlen(text));
}

static void add_sample(struct buffer *trace)
{
	struct memory_file file = {0};

	if (sample_trace_write(memory_file_sink, &file, NULL))
		fail("sample");
	buffer_add(trace, file.content.bytes, file.content.size_bytes);
	memory_file_release(&file);
}

/* Events of 40 tasks and 60 stacks in all kinds, as a workload would give them. */
static void add_events(struct trace_writer *writer, uint32_t count)
{
	uint64_t allocs = 0, random = 1;

	for (uint32_t at = 0; at < count; at++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		struct trace_event event = {.kind = random >> 62,
					    .time_ns = at * 1500ull + (random >> 33) % 4000,
					    .cpu = (random >> 40) % 4,
					    .task = 1 + (random >> 42) % 40,
					    .stack = 1 + (random >> 44) % 60,
					    .cache = 1,
					    .bytes_req = 600 + (random >> 48) % 3 * 8,
					    .gfp = 0xdc0,
					    .node = -1};

		if (!allocs && event.kind != TRACE_EVENT_FREE_OLDER)
			event.kind = TRACE_EVENT_ALLOC;
		if (event.kind == TRACE_EVENT_FREE || event.kind == TRACE_EVENT_FREE_IMPLIED)
			event.object = allocs - (random >> 50) % (allocs < 50 ? allocs : 50);
		allocs += trace_writer_event(writer, &event) > 0;
	}
}

static void write_events(struct buffer *trace, uint32_t count)
{
	struct memory_file file = {0};
	struct trace_writer *writer;
	char text[32];

	if (trace_writer_new(&writer, memory_file_sink, &file, NULL))
		fail("events");
	trace_writer_cache(writer, &(struct trace_cache){.name = trace_writer_text(writer, "kmalloc-1k"),
							 .object_size_bytes = 1024});
	for (uint32_t id = 1; id <= 60; id++) {
		snprintf(text, sizeof(text), "function_%u", id);
		trace_writer_frame(writer, &(struct trace_frame){.kind = TRACE_FRAME_KERNEL,
								 .address = 0xffffffff81000000 + id * 0x130,
								 .symbol = trace_writer_text(writer, text)});
		trace_writer_node(writer, &(struct trace_node){.parent = id / 3, .frame = id});
	}
	for (int tid = 1; tid <= 40; tid++)
		trace_writer_task(writer, &(struct trace_task){.pid = 1, .tid = tid, .comm = 1});
	add_events(writer, count);
	if (trace_writer_end(writer, 5000000, NULL))
		fail("events");
	trace_writer_free(writer);
	buffer_add(trace, file.content.bytes, file.content.size_bytes);
	memory_file_release(&file);
}

/* A recording with --only-live: what was freed is counted, in all fields and at their limits, and one object is live. */
static void write_freed(struct buffer *trace)
{
	struct memory_file file = {0};
	struct trace_writer *writer;

	if (trace_writer_new(&writer, memory_file_sink, &file, NULL))
		fail("freed");
	struct trace_share comms[] = {{.id = trace_writer_text(writer, "mk\"pipes\\"), .count = 17}, {.count = 3}};
	struct trace_share freed_by[] = {{.id = 2, .count = 2}, {.count = 16}};
	struct trace_freed freed = {.cache = 1,
				    .stack = 1,
				    .frees = 18,
				    .frees_implied = 3,
				    .frees_rcu = 5,
				    .pending_rcu = 1,
				    .bytes_req = 21 * 640,
				    .sized = 21,
				    .ages = {.sum_ns = UINT64_MAX, .min_ns = 900, .max_ns = 1ull << 60},
				    .timeline = {.shift = TIMELINE_LAST_SHIFT},
				    .comms = comms,
				    .comm_count = 2,
				    .freed_by = freed_by,
				    .freed_by_count = 2,
				    .other_comms = 1};

	freed.ages.buckets[0] = 17;
	freed.ages.buckets[AGES_BUCKETS - 1] = 1;
	freed.timeline.allocs[0] = 21;
	freed.timeline.frees[0] = 20;
	freed.timeline.frees[TIMELINE_BUCKETS - 1] = 1;
	trace_writer_fact(writer, "only_live", "yes");
	trace_writer_cache(writer, &(struct trace_cache){.name = trace_writer_text(writer, "kmalloc-1k"),
							 .object_size_bytes = 1024});
	for (uint64_t id = 1; id <= 2; id++) {
		trace_writer_frame(writer, &(struct trace_frame){.kind = TRACE_FRAME_KERNEL,
								 .address = 0xffffffff81000000 + id * 0x130});
		trace_writer_node(writer, &(struct trace_node){.frame = (uint32_t)id});
	}
	trace_writer_event(writer, &(struct trace_event){.kind = TRACE_EVENT_ALLOC, .time_ns = 77, .cache = 1, .node = -1});
	trace_writer_freed(writer, &freed);
	trace_writer_freed(writer, &(struct trace_freed){.cache = 1, .other_frees = UINT64_MAX});
	trace_writer_freed_older(writer, &(struct trace_freed_older){.cache = 1, .frees = 7});
	if (trace_writer_end(writer, 5000000, NULL))
		fail("freed");
	trace_writer_free(writer);
	buffer_add(trace, file.content.bytes, file.content.size_bytes);
	memory_file_release(&file);
}

/* A task that moves from no known cgroup to one, one that was always there, and entries that mean nothing. */
static void write_cgroups(struct buffer *trace)
{
	struct buffer payload = {0}, body = {0};

	hand_made_header(trace, 1, 0);
	hand_made_string(&payload, "first");
	hand_made_string(&payload, "/a \"b\"");
	hand_made_string(&payload, "memory:/c");
	VARINTS(&body, 3, 7, 7, 1, 7, 7, 1, 8, 9, 1);
	hand_made_record(&payload, TRACE_RECORD_TASKS, &body);
	VARINTS(&body, 4, 2, 2, 3, 2, 0, 3, 3, 3);
	hand_made_record(&payload, TRACE_RECORD_TASK_CGROUPS, &body);
	VARINTS(&body, 1, 1, 0);
	hand_made_record(&payload, TRACE_RECORD_TASK_CGROUPS, &body);
	hand_made_end(&payload, 0, 0);
	hand_made_block(trace, &payload);
	buffer_release(&payload);
	buffer_release(&body);
}

/* What --reclaim brings: an object that goes before and one that goes after. */
static void write_reclaim(struct buffer *trace)
{
	struct memory_file file = {0};
	struct trace_writer *writer;
	struct trace_event event = {.node = -1};

	if (trace_writer_new(&writer, memory_file_sink, &file, NULL))
		fail("reclaim");
	event.cache = trace_writer_cache(writer, &(struct trace_cache){.name = trace_writer_text(writer, "dentry")});
	for (event.time_ns = 100; event.time_ns <= 300; event.time_ns += 100)
		trace_writer_event(writer, &event);
	event = (struct trace_event){.kind = TRACE_EVENT_FREE, .object = 1, .time_ns = 400};
	trace_writer_event(writer, &event);
	trace_writer_reclaim(writer, &(struct trace_reclaim){.time_ns = 500});
	event.object = 2;
	event.time_ns = 600;
	trace_writer_event(writer, &event);
	if (trace_writer_end(writer, 700, NULL))
		fail("reclaim");
	trace_writer_free(writer);
	buffer_add(trace, file.content.bytes, file.content.size_bytes);
	memory_file_release(&file);
}

/* What --peek brings: of one object any bytes, of another as many as there may be. */
static void write_contents(struct buffer *trace)
{
	struct memory_file file = {0};
	struct trace_writer *writer;
	struct trace_event event = {.node = -1, .time_ns = 100};
	uint8_t bytes[TRACE_CONTENTS_MAX_BYTES];

	if (trace_writer_new(&writer, memory_file_sink, &file, NULL))
		fail("contents");
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)~i;
	trace_writer_fact(writer, "peek", "256");
	event.cache = trace_writer_cache(writer, &(struct trace_cache){.name = trace_writer_text(writer, "kmalloc-1k")});
	for (int i = 0; i < 3; i++)
		trace_writer_event(writer, &event);
	trace_writer_contents(writer, &(struct trace_contents){.object = 1, .bytes = (const uint8_t *)"\0</\xff", .size_bytes = 4});
	trace_writer_contents(writer, &(struct trace_contents){.object = 3, .bytes = bytes, .size_bytes = sizeof(bytes)});
	if (trace_writer_end(writer, 200, NULL))
		fail("contents");
	trace_writer_free(writer);
	buffer_add(trace, file.content.bytes, file.content.size_bytes);
	memory_file_release(&file);
}

/* What minor version 1 may bring: records, columns and trailing fields that this version does not know. */
static void write_newer_minor(struct buffer *trace)
{
	struct buffer payload = {0}, body = {0}, column = {0};

	hand_made_header(trace, 1, 1);
	hand_made_string(&payload, "known");
	VARINTS(&body, 1, 2, 3);
	hand_made_record(&payload, 60, &body);
	VARINTS(&body, 1, 1, 1, 0, 8, 8, 512, 0, 8, 9);
	hand_made_record(&payload, TRACE_RECORD_CACHES, &body);
	VARINTS(&body, 5, 1, 2, 3, 77, 78);
	hand_made_record(&payload, TRACE_RECORD_LOSS, &body);
	VARINTS(&body, 1, 100);
	for (uint64_t number = TRACE_COLUMN_KIND; number <= TRACE_COLUMN_CACHE; number++) {
		VARINTS(&column, 0);
		hand_made_column(&body, number, &column);
	}
	VARINTS(&column, 1, 2, 3);
	hand_made_column(&body, 40, &column);
	hand_made_record(&payload, TRACE_RECORD_EVENTS, &body);
	hand_made_end(&payload, 1, 1);
	hand_made_block(trace, &payload);
	buffer_release(&payload);
	buffer_release(&body);
	buffer_release(&column);
}

/* What was not recorded, in all the ways there are to say so. */
static void write_losses(struct buffer *trace)
{
	struct memory_file file = {0};
	struct trace_writer *writer;

	if (trace_writer_new(&writer, memory_file_sink, &file, NULL))
		fail("losses");
	uint32_t event = trace_writer_text(writer, "slabrec_77/kfree");
	trace_writer_loss(writer, &(struct trace_loss){.time_ns = 500, .cpu = 1, .ring = TRACE_RING_FREE, .lost = 12});
	trace_writer_unseen(writer, &(struct trace_unseen){.from_ns = 100,
							   .time_ns = 600,
							   .cause = TRACE_UNSEEN_MISSED,
							   .event = event,
							   .at_most = 300});
	trace_writer_unseen(
		writer,
		&(struct trace_unseen){.from_ns = 700, .time_ns = 90000, .cause = TRACE_UNSEEN_CPU, .cpu = UINT32_MAX});
	trace_writer_probe(writer, &(struct trace_probe){.event = event,
							 .hits = 1000,
							 .has_misses = true,
							 .misses = 300,
							 .has_lost = true,
							 .lost = 12,
							 .is_witnessed = true,
							 .has_passed = true,
							 .passed = 1012});
	trace_writer_probe_cpu(writer, &(struct trace_probe_cpu){.event = event, .cpu = 0, .passed = 12});
	trace_writer_probe_cpu(writer, &(struct trace_probe_cpu){
					       .event = event, .cpu = 1, .passed = 1000, .has_lost = true, .lost = 12});
	if (trace_writer_end(writer, 100000, NULL))
		fail("losses");
	trace_writer_free(writer);
	buffer_add(trace, file.content.bytes, file.content.size_bytes);
	memory_file_release(&file);
}

static void make_golden(const char *directory)
{
	struct buffer trace = {0};

	add_sample(&trace);
	save(directory, "sample", &trace);
	write_events(&trace, 100);
	save(directory, "events", &trace);
	write_freed(&trace);
	save(directory, "freed", &trace);
	write_newer_minor(&trace);
	save(directory, "newer-minor", &trace);
	write_losses(&trace);
	save(directory, "losses", &trace);
	write_cgroups(&trace);
	save(directory, "cgroups", &trace);
	write_reclaim(&trace);
	save(directory, "reclaim", &trace);
	write_contents(&trace);
	save(directory, "contents", &trace);
	add_sample(&trace);
	add_text(&trace, "what stands behind END is not read");
	save(directory, "behind-end", &trace);
	buffer_release(&trace);
}

static void make_bad_headers(const char *directory)
{
	struct buffer trace = {0};

	save(directory, "empty", &trace);
	add_text(&trace, "time,cache,count\n1,kmalloc-1k,7\n");
	save(directory, "text", &trace);
	hand_made_header(&trace, 2, 0);
	save(directory, "newer-major", &trace);
	hand_made_header(&trace, 0, 0);
	save(directory, "major-0", &trace);
	hand_made_header(&trace, 1, 0);
	trace.bytes[12] ^= 0x10;
	save(directory, "header-checksum", &trace);
	hand_made_header(&trace, 1, 0);
	trace.size_bytes = 11;
	save(directory, "header-cut", &trace);
	hand_made_header(&trace, 1, 0);
	save(directory, "header-only", &trace);
	buffer_release(&trace);
}

/* The sample with its bytes from at on cut away or flipped. */
static void make_broken_samples(const char *directory)
{
	struct buffer trace = {0};

	add_sample(&trace);
	size_t size_bytes = trace.size_bytes;
	trace.size_bytes = size_bytes / 2;
	save(directory, "cut-in-block", &trace);
	add_sample(&trace);
	trace.bytes[size_bytes - 100] ^= 0x04;
	save(directory, "flipped-bit", &trace);
	hand_made_header(&trace, 1, 0);
	hand_made_block_saying(&trace, 0, 2, "\x7f", 1);
	trace.size_bytes = 16 + 11;
	save(directory, "cut-in-block-header", &trace);
	buffer_release(&trace);
}

static void save_block(const char *directory, const char *name, uint32_t codec, uint32_t raw_bytes, const void *stored,
		       size_t stored_bytes)
{
	struct buffer trace = {0};

	hand_made_header(&trace, 1, 0);
	hand_made_block_saying(&trace, codec, raw_bytes, stored, (uint32_t)stored_bytes);
	save(directory, name, &trace);
	buffer_release(&trace);
}

static void make_bad_blocks(const char *directory)
{
	static const uint8_t zeros[8 << 20];
	static uint8_t packed[1 << 16];
	struct buffer trace = {0};
	size_t size_bytes;

	hand_made_header(&trace, 1, 0);
	buffer_add(&trace, "SBLK\xff\xff\xff\x7f\xff\xff\xff\x7f\0\0\0\0\0\0\0\0", 20);
	save(directory, "block-too-large", &trace);
	hand_made_header(&trace, 1, 0);
	add_text(&trace, "JUNKJUNKJUNKJUNKJUNKJUNK");
	save(directory, "no-block", &trace);
	buffer_release(&trace);
	save_block(directory, "raw-too-large", 1, (1u << 20) + 1, "x", 1);
	save_block(directory, "codec-unknown", 2, 4, "\x7f\x02\0\0", 4);
	save_block(directory, "zstd-garbage", 1, 100, "this is not a zstd frame at all", 31);
	size_bytes = ZSTD_compress(packed, sizeof(packed), zeros, sizeof(zeros), 19);
	save_block(directory, "zstd-bomb", 1, 1u << 20, packed, size_bytes);
	size_bytes = ZSTD_compress(packed, sizeof(packed), zeros, 1000, 3);
	save_block(directory, "zstd-other-size", 1, 999, packed, size_bytes);
	save_block(directory, "zstd-more-behind", 1, 1000, packed, size_bytes + 1);
	packed[size_bytes - 1] ^= 0xff;
	packed[size_bytes - 2] ^= 0xff;
	packed[4] |= 4; /* says that a checksum follows */
	save_block(directory, "zstd-broken", 1, 1000, packed, size_bytes);
}

/* A sound beginning and behind it one record with the bytes. */
static void save_record(const char *directory, const char *name, uint64_t type, const char *bytes, size_t size_bytes)
{
	struct buffer trace = {0}, payload = {0}, body = {0};

	hand_made_header(&trace, 1, 0);
	hand_made_string(&payload, "good");
	VARINTS(&body, 1, 1, 1);
	hand_made_record(&payload, TRACE_RECORD_FACTS, &body);
	hand_made_block(&trace, &payload);
	buffer_add(&body, bytes, size_bytes);
	hand_made_record(&payload, type, &body);
	hand_made_end(&payload, 0, 0);
	hand_made_block(&trace, &payload);
	save(directory, name, &trace);
	buffer_release(&trace);
	buffer_release(&payload);
	buffer_release(&body);
}

#define SAVE_RECORD(name, type, bytes) save_record(directory, name, type, bytes, sizeof(bytes) - 1)
/* Events of one kind with no column but these: KIND, TIME, CPU, TASK, STACK, CACHE, BACK. */
#define EVENT(kind, time, cpu, task, stack, cache, back)                                                               \
	"\x01\x05\x01\x01" kind "\x02\x01" time "\x03\x01" cpu "\x04\x01" task "\x05\x01" stack "\x06\x01" cache       \
	"\x0a\x01" back

/* A FREED record without a free stack. */
#define FREED(ages, timeline, names) "\x00\x00\x00\x00\x00\x00\x00\x00" ages timeline names "\x00\x00"

static void make_bad_records(const char *directory)
{
	SAVE_RECORD("string-beyond-record", TRACE_RECORD_STRINGS, "\x01\x7fxx");
	SAVE_RECORD("string-count", TRACE_RECORD_STRINGS, "\xff\xff\xff\xff\x7fx");
	SAVE_RECORD("fact-id", TRACE_RECORD_FACTS, "\x01\x01\x02");
	SAVE_RECORD("fact-without-count", TRACE_RECORD_FACTS, "");
	SAVE_RECORD("frame-kind", TRACE_RECORD_FRAMES, "\x01\x02\x00\x00");
	SAVE_RECORD("frame-module-id", TRACE_RECORD_FRAMES, "\x01\x00\x00\x01\x00\x01");
	SAVE_RECORD("node-parent", TRACE_RECORD_NODES, "\x01\x01\x00");
	SAVE_RECORD("build-id-too-long", TRACE_RECORD_FILES, "\x01\x01\x41");
	SAVE_RECORD("varint-too-long", TRACE_RECORD_NOTES, "\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00");
	SAVE_RECORD("event-kind", TRACE_RECORD_EVENTS, EVENT("\x04", "\x00", "\x00", "\x00", "\x00", "\x00", "\x00"));
	SAVE_RECORD("event-task-id", TRACE_RECORD_EVENTS,
		    EVENT("\x00", "\x00", "\x00", "\x01", "\x00", "\x00", "\x00"));
	SAVE_RECORD("event-stack-id", TRACE_RECORD_EVENTS,
		    EVENT("\x00", "\x00", "\x00", "\x00", "\x01", "\x00", "\x00"));
	SAVE_RECORD("event-back", TRACE_RECORD_EVENTS, EVENT("\x01", "\x00", "\x00", "\x00", "\x00", "\x00", "\x00"));
	SAVE_RECORD("event-count", TRACE_RECORD_EVENTS, "\xff\xff\xff\x7f\x00\x01\x01\x00");
	SAVE_RECORD("event-column-size", TRACE_RECORD_EVENTS, "\x01\x00\x01\x20\x00");
	SAVE_RECORD("event-column-missing", TRACE_RECORD_EVENTS, "\x01\x00\x01\x01\x00\x02\x01\x00");
	SAVE_RECORD("task-cgroup-task", TRACE_RECORD_TASK_CGROUPS, "\x01\x01\x01");
	SAVE_RECORD("live-object", TRACE_RECORD_LIVE, "\x01\x01\x00");
	SAVE_RECORD("contents-object", TRACE_RECORD_CONTENTS, "\x01\x01\x00");
	SAVE_RECORD("live-object-0", TRACE_RECORD_LIVE, "\x01\x00\x00");
	SAVE_RECORD("census-phase", TRACE_RECORD_CENSUS, "\x00\x00\x03\x00\x00\x00");
	SAVE_RECORD("freed-ages", TRACE_RECORD_FREED, FREED("\x00\x00\x00\x01\x28\x01", "\x14\x00", "\x00\x00"));
	SAVE_RECORD("freed-shift", TRACE_RECORD_FREED, FREED("\x00\x00\x00\x00", "\x3a\x00", "\x00\x00"));
	SAVE_RECORD("freed-timeline", TRACE_RECORD_FREED, FREED("\x00\x00\x00\x00", "\x14\x01\x40\x01\x01", "\x00\x00"));
	SAVE_RECORD("freed-names", TRACE_RECORD_FREED, FREED("\x00\x00\x00\x00", "\x14\x00", "\x81\x08\x00"));
	SAVE_RECORD("freed-name-id", TRACE_RECORD_FREED, FREED("\x00\x00\x00\x00", "\x14\x00", "\x01\x09\x01\x00"));
	SAVE_RECORD("freed-short", TRACE_RECORD_FREED, "\x00\x00\x01");
	SAVE_RECORD("freed-older-cache", TRACE_RECORD_FREED_OLDER, "\x09\x01");
	SAVE_RECORD("end-count", TRACE_RECORD_END, "\x01\x05\x00");
	SAVE_RECORD("end-short", TRACE_RECORD_END, "\x01");
}

static void make_record_beyond_block(const char *directory)
{
	struct buffer trace = {0}, payload = {0};

	hand_made_header(&trace, 1, 0);
	hand_made_string(&payload, "good");
	VARINTS(&payload, TRACE_RECORD_NOTES, 100, 1, 1);
	hand_made_block(&trace, &payload);
	save(directory, "record-beyond-block", &trace);
	buffer_release(&trace);
	buffer_release(&payload);
}

static int make_events(const char *count, const char *directory)
{
	struct buffer trace = {0};

	write_events(&trace, (uint32_t)strtoul(count, NULL, 10));
	save(directory, "events", &trace);
	buffer_release(&trace);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "events"))
		return make_events(argv[2], argv[3]);
	if (argc != 3) {
		fprintf(stderr, "usage: make-golden DIRECTORY BAD-DIRECTORY | events N DIRECTORY\n");
		return 2;
	}
	make_golden(argv[1]);
	make_bad_headers(argv[2]);
	make_broken_samples(argv[2]);
	make_bad_blocks(argv[2]);
	make_bad_records(argv[2]);
	make_record_beyond_block(argv[2]);
	return 0;
}
