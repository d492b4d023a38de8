/*
 * Knows the kernel's and perf's names for what allocates and frees, and what perf's recordings lack. Kprobes tell an allocation twice, with
 * its cache when the function is entered and with its address when it returns: both are found by the task.
 */
#include "report/import.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "report/perf_text.h"
#include "trace/cleanup.h"
#include "trace/hash.h"
#include "trace/u64_map.h"

#define LINE_MAX_BYTES (64u << 10)
#define FRAMES_MAX 512u		     /* perf takes 127 kernel and 127 user ones */
#define CALLS_MAX 4096u		     /* under way at once: more are entries whose return is not in the text */
#define EVENTS_MAX 256u		     /* names of events that are told apart */
#define NAME_MAX_BYTES 64u	     /* of a function, a cache */
#define TEXT_MAX_BYTES (256u << 20)  /* of names; what comes then has no name */
#define ENTRIES_MAX (1u << 22)	     /* of each dictionary; what comes then has no stack, no task */
#define TASKS_REMEMBERED_MAX (1u << 20) /* whose last address is known */
#define KERNEL_HALF (UINT64_C(1) << 63)

enum event_role {
	ROLE_OTHER = 0,
	ROLE_ALLOC,  /* tells the address: a tracepoint, or a probe on the return */
	ROLE_ENTRY,  /* of an allocating function: tells the cache */
	ROLE_FREE,
	ROLE_UNFOLLOWED, /* an allocator's, which tells no single object */
};

static const char *const role_names[] = {
	[ROLE_ALLOC] = "alloc return", [ROLE_ENTRY] = "alloc entry", [ROLE_FREE] = "free", [ROLE_UNFOLLOWED] = "not followed"};

static const char *const allocating[] = {
	"kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node", "kmem_cache_alloc_lru", "kmem_cache_alloc_trace",
	"kmem_cache_alloc_node_trace", "kmalloc_trace", "kmalloc_node_trace", "__kmalloc", "__kmalloc_node", "__kmalloc_track_caller",
	"__kmalloc_node_track_caller", "__kmalloc_cache", "__kmalloc_cache_node", "__kmem_cache_alloc_node", NULL};
static const char *const freeing[] = {"kfree", "kmem_cache_free", NULL};
static const char *const unfollowed[] = {
	"kmem_cache_alloc_bulk", "kmem_cache_free_bulk", "kfree_bulk", "kvfree_call_rcu", "call_rcu", "kfree_call_rcu",
	"rcu_invoke_kfree_bulk_callback", "rcu_invoke_kfree_callback", "rcu_kvfree_callback", NULL};

struct event {
	char name[NAME_MAX_BYTES]; /* as perf names it, cut */
	uint32_t function;	   /* number of its function among those of the text, for pairing */
	enum event_role role;
	bool is_tracepoint;
	uint64_t hits;
};

/* A call of an allocating function that was entered. */
struct call {
	int32_t tid;
	uint32_t function;
	uint32_t stack;
	uint32_t cache;
	uint64_t bytes_req;
	uint64_t gfp;
};

/* A sample, kept until its call chain is there. */
struct sample {
	bool is_there;
	int32_t pid, tid;
	uint32_t cpu;
	uint64_t time_ns;
	struct event *event;
	char comm[NAME_MAX_BYTES];
	char cache[NAME_MAX_BYTES];
	char call_site[256];
	const char *kmalloc; /* what kmalloc's cache begins with */
	bool has_address;
	uint64_t address, bytes_req, bytes_alloc, gfp;
	int32_t node;
	uint32_t frames[FRAMES_MAX]; /* ids, innermost first */
	uint32_t frame_count;
};

struct import {
	struct trace_writer *writer;
	const char *name;
	struct import_totals totals;
	struct event events[EVENTS_MAX];
	uint32_t event_count;
	char functions[EVENTS_MAX][NAME_MAX_BYTES];
	bool has_entries[EVENTS_MAX];
	uint32_t function_count;
	struct call calls[CALLS_MAX]; /* oldest first */
	uint32_t call_count;
	struct u64_map live;   /* address -> number of the object */
	struct u64_map last;   /* tid + 1 -> address of the task's last event, its lowest bit set for a free */
	struct u64_map tasks;  /* hashes -> ids of the trace's dictionaries */
	struct u64_map frames;
	struct u64_map nodes;  /* parent and frame -> node */
	struct u64_map caches;
	struct u64_map modules;
	struct u64_map files;
	uint64_t text_bytes;   /* of names in the trace */
	struct sample sample;
	bool is_started, is_header, has_no_memory;
	uint64_t first_ns, last_ns;
	uint64_t lost, lost_samples, lost_cpu;
	uint64_t returns_without_entry, entries_without_return, failed_allocs, told_twice, frees_unknown, frees_older, frees_implied;
	uint64_t samples, lines_long, events_unfollowed, not_kept;
	uint32_t rare; /* "-c N": one event in N; 0 not seen */
	bool has_kfree, has_cache_free, has_unnamed_kmalloc, has_unnamed_cache, has_stacks, has_user_frames, has_no_stacks;
	bool has_command, is_system_wide, is_dwarf, is_filtered;
};

static void import_release(struct import *import)
{
	u64_map_release(&import->live);
	u64_map_release(&import->last);
	u64_map_release(&import->tasks);
	u64_map_release(&import->frames);
	u64_map_release(&import->nodes);
	u64_map_release(&import->caches);
	u64_map_release(&import->modules);
	u64_map_release(&import->files);
}

/* The place of the key in the map; the map's own where it is in, so that *value is not 0 then. NULL where there is no more room. */
static uint64_t *place(struct import *import, struct u64_map *map, uint64_t key, size_t most)
{
	uint64_t *value;

	key += !key;
	value = u64_map_find(map, key);
	if (value)
		return value;
	if (map->count >= most) {
		import->not_kept++;
		return NULL;
	}
	value = u64_map_put(map, key);
	import->has_no_memory |= !value;
	return value;
}

/* A string of the trace; 0 where there are too many. */
static uint32_t text_id(struct import *import, const char *text)
{
	import->text_bytes += strlen(text);
	return import->text_bytes < TEXT_MAX_BYTES ? trace_writer_text(import->writer, text) : 0;
}

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(name, *names))
		names++;
	return *names;
}

/* Without what kernels and perf append: "probe:kmem_cache_alloc_noprof__return_1" is kmem_cache_alloc. Tells whether it was a return. */
static bool plain_name(const char *event, char *name)
{
	static const char *const appended[] = {"__return", "_return", "_ret", "_noprof", "_entry", NULL};
	const char *colon = strrchr(event, ':');
	bool is_return = false, has_more = true;

	snprintf(name, NAME_MAX_BYTES, "%s", colon ? colon + 1 : event);
	while (has_more) {
		size_t length = strlen(name), digits = length;

		has_more = false;
		while (digits && isdigit((unsigned char)name[digits - 1]))
			digits--;
		if (digits && digits < length && name[digits - 1] == '_') {
			name[digits - 1] = '\0';
			has_more = true;
			continue;
		}
		for (size_t i = 0; appended[i] && !has_more; i++) {
			size_t end = strlen(appended[i]);

			if (length > end && !strcmp(name + length - end, appended[i])) {
				name[length - end] = '\0';
				is_return |= strstr(appended[i], "ret") != NULL;
				has_more = true;
			}
		}
	}
	return is_return;
}

static uint32_t function_number(struct import *import, const char *name)
{
	uint32_t i = 0;

	while (i < import->function_count && strcmp(import->functions[i], name))
		i++;
	if (i == import->function_count)
		snprintf(import->functions[import->function_count++], NAME_MAX_BYTES, "%s", name);
	return i;
}

/* The event of that name; NULL where it is no allocator's, or there are too many. */
static struct event *find_event(struct import *import, const char *name)
{
	char plain[NAME_MAX_BYTES];

	for (uint32_t i = 0; i < import->event_count; i++)
		if (!strncmp(import->events[i].name, name, NAME_MAX_BYTES - 1))
			return import->events[i].role == ROLE_OTHER ? NULL : &import->events[i];
	if (import->event_count == EVENTS_MAX)
		return NULL;
	struct event *event = &import->events[import->event_count++];
	snprintf(event->name, sizeof(event->name), "%s", name);
	bool is_return = plain_name(name, plain);
	event->is_tracepoint = !strncmp(name, "kmem:", 5);
	event->function = function_number(import, plain);
	if (is_one_of(plain, freeing))
		event->role = is_return ? ROLE_OTHER : ROLE_FREE;
	else if (is_one_of(plain, allocating))
		event->role = is_return || event->is_tracepoint ? ROLE_ALLOC : ROLE_ENTRY;
	else if (is_one_of(plain, unfollowed))
		event->role = ROLE_UNFOLLOWED;
	import->has_entries[event->function] |= event->role == ROLE_ENTRY;
	import->has_kfree |= event->role == ROLE_FREE && !strcmp(plain, "kfree");
	import->has_cache_free |= event->role == ROLE_FREE && strcmp(plain, "kfree");
	return event->role == ROLE_OTHER ? NULL : event;
}

/* ---- dictionaries ---- */

static uint32_t task_id(struct import *import, const struct sample *sample)
{
	uint64_t hash = hash_text(HASH_START, sample->comm);
	uint64_t *id;

	hash = hash_bytes(hash, &sample->pid, sizeof(sample->pid));
	hash = hash_bytes(hash, &sample->tid, sizeof(sample->tid));
	id = place(import, &import->tasks, hash, ENTRIES_MAX);
	if (id && !*id)
		*id = trace_writer_task(import->writer, &(struct trace_task){.pid = sample->pid, .tid = sample->tid,
									     .comm = text_id(import, sample->comm)});
	return id ? (uint32_t)*id : 0;
}

/* "[ext4]", or the path of ext4.ko.xz: ext4. "" for the kernel itself. */
static void module_name(const char *file, char *name)
{
	const char *slash = strrchr(file, '/');
	const char *begin = slash ? slash + 1 : file + (*file == '[');
	size_t length = strcspn(begin, slash ? "." : "]");

	snprintf(name, NAME_MAX_BYTES, "%.*s", (int)(length < NAME_MAX_BYTES ? length : NAME_MAX_BYTES - 1), begin);
	for (char *at = name; *at; at++)
		if (*at == '-')
			*at = '_';
	if (!strncmp(name, "kernel.", 7) || !strncmp(name, "guest.", 6) || !strcmp(name, "kernel") || !strncmp(name, "vmlinux", 7) ||
	    !strcmp(name, "unknown"))
		*name = '\0';
}

static uint32_t module_id(struct import *import, const char *file)
{
	char name[NAME_MAX_BYTES];
	uint64_t *id;

	module_name(file, name);
	if (!*name)
		return 0;
	id = place(import, &import->modules, hash_text(HASH_START, name), TRACE_MODULES_MAX);
	if (id && !*id)
		*id = trace_writer_module(import->writer, &(struct trace_module){.name = text_id(import, name)});
	return id ? (uint32_t)*id : 0;
}

static uint32_t file_id(struct import *import, const char *path)
{
	uint64_t *id = *path ? place(import, &import->files, hash_text(HASH_START, path), TRACE_FILES_MAX) : NULL;

	if (id && !*id)
		*id = trace_writer_file(import->writer, &(struct trace_file){.path = text_id(import, path)});
	return id ? (uint32_t)*id : 0;
}

static uint32_t frame_id(struct import *import, const struct perf_frame *from)
{
	bool is_user = !(from->ip & KERNEL_HALF);
	uint64_t hash = hash_bytes(HASH_START, &from->ip, sizeof(from->ip));
	uint64_t *id;

	hash = hash_text(hash, from->symbol ? from->symbol : "");
	hash = hash_text(hash_byte(hash, 0), from->file);
	id = place(import, &import->frames, hash, ENTRIES_MAX);
	if (!id || *id)
		return id ? (uint32_t)*id : 0;
	struct trace_frame frame = {.kind = is_user ? TRACE_FRAME_USER : TRACE_FRAME_KERNEL, .address = from->ip};
	uint32_t symbol = from->symbol ? text_id(import, from->symbol) : 0;

	if (is_user) {
		frame.file = file_id(import, from->file);
	} else {
		frame.symbol = symbol;
		frame.symbol_offset_bytes = from->offset;
		frame.module = module_id(import, from->file);
	}
	*id = trace_writer_frame(import->writer, &frame);
	if (is_user && symbol && *id)
		trace_writer_user_symbol(import->writer, (uint32_t)*id, symbol, from->offset);
	import->has_user_frames |= is_user;
	return (uint32_t)*id;
}

static uint32_t node_id(struct import *import, uint32_t parent, uint32_t frame)
{
	uint64_t *id = place(import, &import->nodes, (uint64_t)parent << 32 | frame, ENTRIES_MAX);

	if (id && !*id)
		*id = trace_writer_node(import->writer, &(struct trace_node){.parent = parent, .frame = frame});
	return id ? (uint32_t)*id : 0;
}

/* "sched_setaffinity+0x10c", or an address: the frame of the caller, which is all there is without call chains. */
static uint32_t call_site_frame(struct import *import, struct sample *sample)
{
	struct perf_frame frame = {.ip = KERNEL_HALF, .file = ""};
	char *plus = strstr(sample->call_site, "+0x"), *end;

	if (!*sample->call_site)
		return 0;
	if (plus) {
		frame.offset = strtoull(plus + 3, NULL, 16);
		*plus = '\0';
		frame.symbol = sample->call_site;
		/* Its address is not known; functions have to differ. */
		frame.ip |= hash_text(HASH_START, sample->call_site) + frame.offset;
		return frame_id(import, &frame);
	}
	uint64_t address = strtoull(sample->call_site, &end, 16);
	if (!(address & KERNEL_HALF))
		return 0;
	frame.ip = address;
	return frame_id(import, &frame);
}

static uint32_t stack_id(struct import *import, struct sample *sample)
{
	uint32_t node = 0;

	if (!sample->frame_count) {
		uint32_t frame = call_site_frame(import, sample);

		import->has_no_stacks = true;
		return frame ? node_id(import, 0, frame) : 0;
	}
	import->has_stacks = true;
	for (uint32_t i = sample->frame_count; i--;) {
		if (!sample->frames[i])
			return 0;
		node = node_id(import, node, sample->frames[i]);
		if (!node)
			return 0;
	}
	return node;
}

/* kmalloc-96, kmalloc-1k: as the kernel calls the size. */
static void size_name(const char *prefix, uint64_t size_bytes, char *name)
{
	const char *unit = "";

	if (size_bytes >= 1u << 20 && !(size_bytes % (1u << 20))) {
		size_bytes >>= 20;
		unit = "M";
	} else if (size_bytes >= 1024 && !(size_bytes % 1024)) {
		size_bytes >>= 10;
		unit = "k";
	}
	snprintf(name, NAME_MAX_BYTES, "%s%" PRIu64 "%s", prefix, size_bytes, unit);
}

/* Of the kmalloc cache that so many bytes come from; 0 where they are more than those have. */
static uint64_t kmalloc_slot(uint64_t bytes_req)
{
	uint64_t slot = 8;

	if (!bytes_req || bytes_req > 8192)
		return 0;
	if (bytes_req > 64 && bytes_req <= 96)
		return 96;
	if (bytes_req > 128 && bytes_req <= 192)
		return 192;
	while (slot < bytes_req)
		slot *= 2;
	return slot;
}

/* The cache that the sample names; where it names none, one by the size of its objects; 0 where it does not tell that either. */
static uint32_t cache_id(struct import *import, struct sample *sample)
{
	bool is_kmalloc = strstr(sample->event->name, "kmalloc");
	uint64_t *id;

	if (is_kmalloc && !sample->bytes_alloc)
		sample->bytes_alloc = kmalloc_slot(sample->bytes_req);
	if (!*sample->cache && sample->event->role != ROLE_FREE && sample->bytes_alloc) {
		size_name(is_kmalloc ? sample->kmalloc : "unnamed-", sample->bytes_alloc, sample->cache);
		import->has_unnamed_kmalloc |= is_kmalloc;
		import->has_unnamed_cache |= !is_kmalloc;
	}
	if (!*sample->cache)
		return 0;
	id = place(import, &import->caches, hash_text(HASH_START, sample->cache), TRACE_CACHES_MAX);
	if (id && !*id) {
		struct trace_cache cache = {.name = text_id(import, sample->cache)};

		if (sample->bytes_alloc <= UINT32_MAX)
			cache.object_size_bytes = cache.slab_size_bytes = (uint32_t)sample->bytes_alloc;
		*id = trace_writer_cache(import->writer, &cache);
	}
	return id ? (uint32_t)*id : 0;
}

/* ---- events ---- */

static struct trace_event event_of(struct import *import, const struct sample *sample, enum trace_event_kind kind)
{
	return (struct trace_event){.kind = kind, .time_ns = sample->time_ns, .cpu = sample->cpu, .task = task_id(import, sample), .node = -1};
}

/*
 * Several events may tell of one allocation or free: they do so one after the other in one task. When somebody else has freed the object
 * in between, or allocated it, it is another one.
 */
static bool is_told_again(struct import *import, const struct sample *sample, bool is_free)
{
	bool is_live = u64_map_find(&import->live, sample->address);
	uint64_t now = (sample->address & ~UINT64_C(1)) | is_free;
	uint64_t *last;

	if (import->last.count >= TASKS_REMEMBERED_MAX)
		u64_map_clear(&import->last);
	last = place(import, &import->last, (uint64_t)(uint32_t)sample->tid + 1, SIZE_MAX);
	if (!last)
		return false;
	bool is_again = *last == now && is_live != is_free;
	*last = now;
	import->told_twice += is_again;
	return is_again;
}

static void take_alloc(struct import *import, struct sample *sample, const struct call *call)
{
	if (is_told_again(import, sample, false))
		return;
	struct trace_event event = event_of(import, sample, TRACE_EVENT_ALLOC);
	uint32_t own_cache = cache_id(import, sample);

	event.cache = call && call->cache ? call->cache : own_cache;
	event.stack = call && call->stack ? call->stack : stack_id(import, sample);
	event.bytes_req = call && call->bytes_req ? call->bytes_req : sample->bytes_req;
	event.gfp = (uint32_t)(call ? call->gfp : sample->gfp);
	event.node = sample->node;
	uint64_t *object = place(import, &import->live, sample->address, SIZE_MAX);
	if (!object)
		return;
	if (*object) {
		struct trace_event freed = event_of(import, sample, TRACE_EVENT_FREE_IMPLIED);

		freed.object = *object;
		trace_writer_event(import->writer, &freed);
		import->frees_implied++;
	}
	*object = trace_writer_event(import->writer, &event);
	import->totals.allocs++;
}

static void take_free(struct import *import, struct sample *sample)
{
	if (is_told_again(import, sample, true))
		return;
	uint64_t *object = u64_map_find(&import->live, sample->address);
	struct trace_event event = event_of(import, sample, TRACE_EVENT_FREE);

	event.stack = stack_id(import, sample);
	if (object) {
		event.object = *object;
		u64_map_remove(&import->live, sample->address);
		import->totals.frees++;
	} else {
		event.kind = TRACE_EVENT_FREE_OLDER;
		event.cache = cache_id(import, sample);
		if (!event.cache) {
			import->frees_unknown++;
			return;
		}
		import->frees_older++;
	}
	trace_writer_event(import->writer, &event);
}

static void take_entry(struct import *import, struct sample *sample)
{
	struct call call = {.tid = sample->tid, .function = sample->event->function, .stack = stack_id(import, sample), .cache = cache_id(import, sample),
			    .bytes_req = sample->bytes_req, .gfp = sample->gfp};

	if (import->call_count == CALLS_MAX) {
		/* The oldest half: they have not returned since, and the rest is searched from its end. */
		import->call_count = CALLS_MAX / 2;
		memmove(import->calls, import->calls + CALLS_MAX / 2, sizeof(import->calls) / 2);
		import->entries_without_return += CALLS_MAX / 2;
	}
	import->calls[import->call_count++] = call;
	/* A call stands between: what it returns may be the same address again. */
	u64_map_remove(&import->last, (uint64_t)(uint32_t)sample->tid + 1);
}

/* Of the calls of the task those that were entered last return first. */
static bool take_call(struct import *import, const struct sample *sample, struct call *call)
{
	for (uint32_t i = import->call_count; i--;) {
		if (import->calls[i].tid != sample->tid || import->calls[i].function != sample->event->function)
			continue;
		*call = import->calls[i];
		import->call_count--;
		memmove(import->calls + i, import->calls + i + 1, (import->call_count - i) * sizeof(*call));
		return true;
	}
	return false;
}

static void take_return(struct import *import, struct sample *sample)
{
	bool has_entries = !sample->event->is_tracepoint && import->has_entries[sample->event->function];
	struct call call;
	bool has_call = has_entries && take_call(import, sample, &call);

	if (has_entries && !has_call)
		import->returns_without_entry++;
	else if (!sample->address)
		import->failed_allocs++;
	else
		take_alloc(import, sample, has_call ? &call : NULL);
}

/* The sample is whole: its call chain has been read. */
static void end_sample(struct import *import)
{
	struct sample *sample = &import->sample;

	if (!sample->is_there)
		return;
	sample->is_there = false;
	import->samples++;
	sample->event->hits++;
	if (!import->is_started)
		import->first_ns = sample->time_ns;
	import->is_started = true;
	/* The first in the text need not be the first of all CPUs. */
	sample->time_ns = sample->time_ns > import->first_ns ? sample->time_ns - import->first_ns : 0;
	if (sample->time_ns > import->last_ns)
		import->last_ns = sample->time_ns;
	switch (sample->event->role) {
	case ROLE_ALLOC:
		if (sample->has_address)
			take_return(import, sample);
		break;
	case ROLE_ENTRY:
		take_entry(import, sample);
		break;
	case ROLE_FREE:
		if (sample->has_address && sample->address)
			take_free(import, sample);
		break;
	case ROLE_UNFOLLOWED:
		import->events_unfollowed++;
		break;
	case ROLE_OTHER:
		break;
	}
	if (!sample->has_address && (sample->event->role == ROLE_ALLOC || sample->event->role == ROLE_FREE))
		import->events_unfollowed++;
}

/* ---- lines ---- */

/*
 * Of kernels whose events tell "accounted" (6.1), accounted memory has caches of its own, as reclaimable and DMA memory has: as the kernel's
 * kmalloc_type() has it.
 */
static const char *kmalloc_name(const char *fields)
{
	char accounted[8], flags[256];
	const char *dma;

	if (!perf_field(fields, "accounted", accounted, sizeof(accounted)) || !perf_field(fields, "gfp_flags", flags, sizeof(flags)))
		return "kmalloc-";
	dma = strstr(flags, "GFP_DMA");
	if (dma && (!dma[7] || dma[7] == '|'))
		return "dma-kmalloc-";
	if (strstr(flags, "__GFP_RECLAIMABLE"))
		return "kmalloc-rcl-";
	return !strcmp(accounted, "true") ? "kmalloc-cg-" : "kmalloc-";
}

static bool first_number(const char *fields, const char *const *names, uint64_t *value)
{
	while (*names && !perf_field_number(fields, *names, value))
		names++;
	return *names;
}

/* gfp_flags=GFP_KERNEL is a text whose numbers differ between kernels: only numbers are taken. */
static void begin_sample(struct import *import, const struct perf_line *line)
{
	static const char *const addresses[] = {"ptr", "objp", "object", "obj", "x", "p", "ret", "retval", NULL};
	static const char *const sizes[] = {"bytes_req", "size", "bytes", NULL};
	static const char *const slots[] = {"bytes_alloc", "object_size", "objsize", NULL};
	static const char *const flags[] = {"gfp_flags", "gfpflags", "gfp", "flags", NULL};
	static const char *const first[] = {"arg1", NULL}, *const second[] = {"arg2", NULL};
	static const char *const caches[] = {"name", "cache", "slab", NULL};
	struct sample *sample = &import->sample;
	struct event *event = find_event(import, line->event);
	uint64_t node;

	if (!event)
		return;
	sample->is_there = true;
	sample->event = event;
	sample->pid = line->pid;
	sample->tid = line->tid;
	sample->cpu = line->cpu;
	sample->time_ns = line->time_ns;
	sample->frame_count = 0;
	sample->address = sample->bytes_req = sample->bytes_alloc = sample->gfp = 0;
	sample->node = -1;
	*sample->cache = *sample->call_site = '\0';
	sample->kmalloc = kmalloc_name(line->fields);
	snprintf(sample->comm, sizeof(sample->comm), "%s", line->comm);
	sample->has_address = first_number(line->fields, addresses, &sample->address) ||
			      (event->role == ROLE_FREE && strstr(event->name, "kmem_cache") && first_number(line->fields, second, &sample->address)) ||
			      first_number(line->fields, first, &sample->address);
	first_number(line->fields, sizes, &sample->bytes_req);
	first_number(line->fields, slots, &sample->bytes_alloc);
	first_number(line->fields, flags, &sample->gfp);
	if (perf_field_number(line->fields, "node", &node) && node < 1024)
		sample->node = (int32_t)node;
	for (size_t i = 0; caches[i] && !*sample->cache; i++)
		if (!perf_field(line->fields, caches[i], sample->cache, sizeof(sample->cache)))
			*sample->cache = '\0';
	perf_field(line->fields, "call_site", sample->call_site, sizeof(sample->call_site));
}

static void take_frame(struct import *import, const struct perf_frame *frame)
{
	struct sample *sample = &import->sample;

	if (!sample->is_there)
		return;
	if (sample->frame_count < FRAMES_MAX)
		sample->frames[sample->frame_count++] = frame_id(import, frame);
}

static void take_lost(struct import *import, const struct perf_line *line)
{
	uint64_t time_ns = import->is_started && line->time_ns > import->first_ns ? line->time_ns - import->first_ns : 0;

	if (line->kind == PERF_LINE_LOST_SAMPLES) {
		import->lost_samples += line->lost;
		return;
	}
	import->lost += line->lost;
	/* Nobody knows of which kind they were. */
	trace_writer_loss(import->writer,
			  &(struct trace_loss){.time_ns = time_ns, .cpu = line->cpu, .ring = TRACE_RING_ALLOC, .lost = line->lost});
	trace_writer_loss(import->writer,
			  &(struct trace_loss){.time_ns = time_ns, .cpu = line->cpu, .ring = TRACE_RING_FREE, .lost = line->lost});
}

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		if ((at == text || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

/* "name = kmem:kmalloc, , id = { 169280, 169281 }, type = 2, ... { sample_period, sample_freq } = 1, ..." */
static void take_described_event(struct import *import, const char *text)
{
	const char *period = strstr(text, "sample_freq } = ");
	char name[NAME_MAX_BYTES];
	size_t length;

	if (strncmp(text, "name = ", 7))
		return;
	text += 7;
	length = strcspn(text, ",");
	snprintf(name, sizeof(name), "%.*s", (int)(length < sizeof(name) ? length : sizeof(name) - 1), text);
	struct event *event = find_event(import, name);
	if (event && period) {
		unsigned long every = strtoul(period + 16, NULL, 10);

		if (every > 1 && every <= UINT32_MAX)
			import->rare = (uint32_t)every;
	}
}

static void take_command(struct import *import, const char *command)
{
	/* Options stand before the command that was recorded, which may have such words as well. */
	const char *words = strstr(command, " record ");
	char *options CLEANUP(cleanup_free) = strdup(words ? words : command);
	char *end = options ? strstr(options, " -- ") : NULL;

	trace_writer_fact(import->writer, "workload.command", command);
	if (!options)
		return;
	if (end)
		*end = '\0';
	import->has_command = true;
	import->is_system_wide = has_word(options, "-a") || has_word(options, "--all-cpus") || strstr(options, " -a");
	import->is_dwarf = strstr(options, "dwarf");
	import->is_filtered = strstr(options, "--filter");
}

static void take_header(struct import *import, const struct perf_line *line)
{
	static const struct {
		const char *key, *fact;
	} facts[] = {{"os release", "kernel.release"}, {"hostname", "host.name"}, {"arch", "kernel.machine"}, {"perf version", "recorder.version"}};

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (!strcmp(line->key, facts[i].key))
			trace_writer_fact(import->writer, facts[i].fact, line->value);
	if (!strcmp(line->key, "event"))
		take_described_event(import, line->value);
	else if (!strcmp(line->key, "cmdline"))
		take_command(import, line->value);
	else if (!strcmp(line->key, "nrcpus online")) {
		unsigned long count = strtoul(line->value, NULL, 10);
		char list[32];

		if (count == 1)
			trace_writer_fact(import->writer, "cpus", "0");
		else if (count > 1 && count <= 65536) {
			snprintf(list, sizeof(list), "0-%lu", count - 1);
			trace_writer_fact(import->writer, "cpus", list);
		}
	}
}

static void take_line(struct import *import, char *text)
{
	struct perf_line line;

	perf_line_read(&line, text, import->is_header);
	switch (line.kind) {
	case PERF_LINE_SAMPLE:
		end_sample(import);
		import->is_header = false;
		begin_sample(import, &line);
		break;
	case PERF_LINE_FRAME:
		take_frame(import, &line.frame);
		break;
	case PERF_LINE_BLANK:
		end_sample(import);
		break;
	case PERF_LINE_LOST:
	case PERF_LINE_LOST_SAMPLES:
		end_sample(import);
		take_lost(import, &line);
		break;
	case PERF_LINE_HEADER:
		take_header(import, &line);
		break;
	case PERF_LINE_OTHER:
		import->totals.lines_unknown += *text != '#';
		break;
	}
}

/* False at the end. What does not fit is dropped, and counted. */
static bool read_line(struct import *import, FILE *text, char *line)
{
	if (!fgets(line, LINE_MAX_BYTES, text))
		return false;
	size_t length = strlen(line);
	if (length && line[length - 1] == '\n') {
		line[length - 1] = '\0';
		return true;
	}
	if (length == LINE_MAX_BYTES - 1) {
		int letter;

		import->lines_long++;
		while ((letter = getc(text)) != EOF && letter != '\n')
			;
	}
	return true;
}

/* ---- the end ---- */

static void write_notes(struct import *import)
{
	struct trace_writer *writer = import->writer;
	char text[300];

	trace_writer_note(writer, "Made from a recording of perf: it has no count of the kernel's own to compare with, and what kfree_rcu() or a bulk function frees looks live unless an event tells of it.");
	if (import->has_unnamed_kmalloc)
		trace_writer_note(writer, "kmalloc's events name no cache: it is told by the size and, since 6.1, the flags of an allocation, whatever other cache of that size the kernel may have taken; above 8 KiB they are mostly in none.");
	if (import->has_unnamed_cache)
		trace_writer_note(writer, "This kernel's events of kmem_cache_alloc() name no cache: objects of all caches of a size are told together, as unnamed-SIZE.");
	if (!import->has_kfree)
		trace_writer_note(writer, "No event of kfree() is in the recording: what kmalloc() gave looks live.");
	if (!import->has_cache_free)
		trace_writer_note(writer, "No event of kmem_cache_free() is in the recording: what kmem_cache_alloc() gave looks live unless kfree() freed it.");
	if (import->has_command && !import->is_system_wide)
		trace_writer_note(writer, "perf did not record all of the machine: what others freed looks live.");
	if (import->is_filtered)
		trace_writer_note(writer, "perf filtered events (--filter): what it kept out is not known here.");
	if (import->has_no_stacks)
		trace_writer_note(writer, import->has_stacks ? "Some events have no call chain: the caller stands for it where it is known."
							     : "No call chains were recorded: the caller of the allocating function stands for them.");
	if (import->lost) {
		snprintf(text, sizeof(text), "perf lost %" PRIu64 " records and does not say of what: as many allocations and as many frees are told as lost, which is the most that it can be of each.", import->lost);
		trace_writer_note(writer, text);
	}
	if (import->totals.lines_unknown || import->lines_long) {
		snprintf(text, sizeof(text), "%" PRIu64 " lines of the text of perf script were not understood, and %" PRIu64 " were too long.",
			 import->totals.lines_unknown, import->lines_long);
		trace_writer_note(writer, text);
	}
	if (import->not_kept) {
		snprintf(text, sizeof(text), "There are more different call stacks, tasks or caches than are told apart: %" PRIu64 " times there was no room for one.", import->not_kept);
		trace_writer_note(writer, text);
	}
	if (import->events_unfollowed) {
		snprintf(text, sizeof(text), "%" PRIu64 " events of allocators tell no address of an object, or of many at once, and are left out.", import->events_unfollowed);
		trace_writer_note(writer, text);
	}
}

static void write_probes(struct import *import)
{
	for (uint32_t i = 0; i < import->event_count; i++) {
		const struct event *event = &import->events[i];

		if (event->role == ROLE_OTHER)
			continue;
		trace_writer_probe(import->writer, &(struct trace_probe){
			.event = trace_writer_text(import->writer, event->name),
			.function = trace_writer_text(import->writer, import->functions[event->function]),
			.role = trace_writer_text(import->writer, event->is_tracepoint && event->role == ROLE_ALLOC ? "alloc" : role_names[event->role]),
			.hits = event->hits});
	}
}

static void write_counters(struct import *import)
{
	const struct {
		const char *key;
		uint64_t value;
	} counters[] = {
		{"allocs", import->totals.allocs},
		{"frees", import->totals.frees},
		{"frees_implied", import->frees_implied},
		{"frees_older", import->frees_older},
		{"frees_unknown", import->frees_unknown},
		{"live", import->live.count},
		{"lost_alloc", import->lost},
		{"lost_free", import->lost},
		{"entries_without_return", import->entries_without_return},
		{"returns_without_entry", import->returns_without_entry},
		{"failed_allocs", import->failed_allocs},
		{"samples", import->samples},
		{"told_twice", import->told_twice},
	};

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		trace_writer_counter(import->writer, counters[i].key, counters[i].value);
}

static void write_end(struct import *import)
{
	/* What newer perfs count by event is the same loss, or more of it: of what came too late to be told where it was. */
	if (import->lost_samples > import->lost)
		take_lost(import, &(struct perf_line){.kind = PERF_LINE_LOST, .time_ns = import->first_ns + import->last_ns,
						      .lost = import->lost_samples - import->lost});
	trace_writer_fact(import->writer, "source", "perf");
	trace_writer_fact(import->writer, "source.why", "imported by slabreport " SLABREC_VERSION " from the text of perf script");
	trace_writer_fact(import->writer, "caches.requested", "all that perf recorded");
	trace_writer_fact(import->writer, "user_stack", !import->has_user_frames ? "none" : import->is_dwarf ? "dwarf" : "fp");
	write_probes(import);
	write_counters(import);
	write_notes(import);
	import->totals.live = import->live.count;
	import->totals.lost = import->lost;
}

static int read_text(struct import *import, FILE *text, struct error *err)
{
	char *line CLEANUP(cleanup_free) = malloc(LINE_MAX_BYTES);

	if (!line)
		return error_set(err, -ENOMEM, "%s: out of memory", import->name);
	while (!import->has_no_memory && read_line(import, text, line))
		take_line(import, line);
	end_sample(import);
	if (ferror(text))
		return error_set(err, -EIO, "%s: %m", import->name);
	if (import->has_no_memory)
		return error_set(err, -ENOMEM, "%s: out of memory", import->name);
	return 0;
}

static int check(const struct import *import, struct error *err)
{
	if (import->rare)
		return error_set(err, -ENODATA, "%s: perf recorded one event in %u, so frees cannot be matched; record with perf record -c 1", import->name,
				 import->rare);
	for (uint32_t i = 0; i < import->event_count; i++)
		if (import->events[i].hits && import->events[i].role != ROLE_UNFOLLOWED)
			return 0;
	return error_set(err, -ENODATA, "%s: no event of an allocator is in it; record them with: perf record -a -g -e 'kmem:kmalloc*' -e 'kmem:kmem_cache_*' -e kmem:kfree",
			 import->name);
}

int import_perf_text(struct trace_writer *writer, FILE *text, const char *name, struct import_totals *totals, struct error *err)
{
	struct import *import = calloc(1, sizeof(*import));
	int ret;

	if (!import)
		return error_set(err, -ENOMEM, "%s: out of memory", name);
	import->writer = writer;
	import->name = name;
	import->is_header = true;
	ret = read_text(import, text, err);
	if (!ret)
		ret = check(import, err);
	if (!ret) {
		write_end(import);
		ret = trace_writer_end(writer, import->last_ns, err);
	}
	*totals = import->totals;
	import_release(import);
	free(import);
	return ret;
}
