/*
 * pprof's profile.proto, packed with gzip: samples in the order and with the names of Go's own heap profiles. Written by hand: a field
 * is its number and wire type, then a varint or a length and bytes.
 */
#include "report/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/escape.h"
#include "report/gzip.h"
#include "report/metric.h"
#include "report/number.h"
#include "report/remarks.h"
#include "report/room.h"
#include "trace/cleanup.h"
#include "trace/cursor.h"
#include "trace/hash.h"
#include "trace/u64_map.h"

#define NAME_MAX_CHARACTERS 4096u
#define KERNEL_NAME "[kernel.kallsyms]"
#define WIRE_VARINT 0u
#define WIRE_BYTES 2u

/* Numbers of the fields. */
enum { PROFILE_SAMPLE_TYPE = 1, PROFILE_SAMPLE, PROFILE_MAPPING, PROFILE_LOCATION, PROFILE_FUNCTION, PROFILE_STRING, PROFILE_DROP_FRAMES, PROFILE_TIME = 9,
       PROFILE_DURATION, PROFILE_PERIOD_TYPE, PROFILE_PERIOD, PROFILE_COMMENT, PROFILE_DEFAULT_TYPE };
enum { VALUE_TYPE = 1, VALUE_UNIT };
enum { SAMPLE_LOCATIONS = 1, SAMPLE_VALUES, SAMPLE_LABEL };
enum { LABEL_KEY = 1, LABEL_TEXT };
enum { MAPPING_ID = 1, MAPPING_LIMIT = 3, MAPPING_FILE = 5, MAPPING_BUILD_ID, MAPPING_HAS_FUNCTIONS, MAPPING_HAS_FILES, MAPPING_HAS_LINES,
       MAPPING_HAS_INLINE };
enum { LOCATION_ID = 1, LOCATION_MAPPING, LOCATION_ADDRESS, LOCATION_LINE };
enum { LINE_FUNCTION = 1, LINE_NUMBER };
enum { FUNCTION_ID = 1, FUNCTION_NAME, FUNCTION_SYSTEM_NAME, FUNCTION_FILE };

/* What frames lie in. */
struct mapping {
	const struct model_frame *frame; /* one of them */
	uint64_t limit;			 /* behind the last place that is known */
	bool has_files;
	bool has_inlined;
};

struct pprof {
	const struct model *model;
	struct buffer out;
	struct buffer message, inner; /* those being written */
	const char **strings;
	uint32_t string_count, string_capacity;
	struct u64_map string_ids; /* by hash: index + 1 */
	struct u64_map functions;  /* by names of function and file: id */
	struct u64_map runs;	   /* by the run without its last frame, and that frame: id */
	struct u64_map locations;  /* by run: id */
	struct u64_map mapping_ids; /* by hash: id */
	struct mapping *mappings;
	uint32_t mapping_count, mapping_capacity;
	uint64_t nowhere; /* takes what there was no memory for */
	bool failed;
};

static void pprof_release(struct pprof *pprof)
{
	buffer_release(&pprof->out);
	buffer_release(&pprof->message);
	buffer_release(&pprof->inner);
	u64_map_release(&pprof->string_ids);
	u64_map_release(&pprof->functions);
	u64_map_release(&pprof->runs);
	u64_map_release(&pprof->locations);
	u64_map_release(&pprof->mapping_ids);
	free(pprof->strings);
	free(pprof->mappings);
}

/* 0 is what is not written at all. */
static void put_varint(struct buffer *message, uint32_t field, uint64_t value)
{
	if (!value)
		return;
	buffer_add_varint(message, field << 3 | WIRE_VARINT);
	buffer_add_varint(message, value);
}

static void put_bytes(struct buffer *message, uint32_t field, const void *bytes, size_t size_bytes)
{
	buffer_add_varint(message, field << 3 | WIRE_BYTES);
	buffer_add_varint(message, size_bytes);
	buffer_add(message, bytes, size_bytes);
}

/* What was written to inner becomes a field of message; the same for message and the profile. */
static void put_inner(struct pprof *pprof, uint32_t field)
{
	put_bytes(&pprof->message, field, pprof->inner.bytes, pprof->inner.size_bytes);
	pprof->failed |= pprof->inner.failed;
	buffer_clear(&pprof->inner);
}

static void put_message(struct pprof *pprof, uint32_t field)
{
	put_bytes(&pprof->out, field, pprof->message.bytes, pprof->message.size_bytes);
	pprof->failed |= pprof->message.failed;
	buffer_clear(&pprof->message);
}

/* The value of the key for reading and writing; never NULL. */
static uint64_t *slot(struct pprof *pprof, struct u64_map *map, uint64_t key)
{
	uint64_t *found = u64_map_put(map, key);

	if (found)
		return found;
	pprof->failed = true;
	pprof->nowhere = 0;
	return &pprof->nowhere;
}

/* Number of the text in the profile's table; texts are written when all are known. */
static uint64_t string_id(struct pprof *pprof, const char *text)
{
	if (!*text)
		return 0;
	for (uint64_t hash = hash_text(HASH_START, text) | 1;; hash += 2) {
		uint64_t *id = slot(pprof, &pprof->string_ids, hash);

		if (*id && !strcmp(pprof->strings[*id - 1], text))
			return *id;
		if (*id)
			continue;
		if (pprof->failed || !room_for(&pprof->strings, pprof->string_count, &pprof->string_capacity, sizeof(*pprof->strings))) {
			pprof->failed = true;
			return 0;
		}
		pprof->strings[pprof->string_count++] = text;
		return *id = pprof->string_count;
	}
}

static bool is_in_same_object(const struct model_frame *a, const struct model_frame *b)
{
	return a->is_user == b->is_user && !strcmp(a->module, b->module) && !strcmp(a->path, b->path) && !strcmp(a->build_id, b->build_id);
}

static uint64_t mapping_id(struct pprof *pprof, const struct model_frame *frame)
{
	uint64_t hash = hash_text(hash_text(hash_text(hash_byte(HASH_START, frame->is_user), frame->module), frame->path), frame->build_id) | 1;

	for (;; hash += 2) {
		uint64_t *id = slot(pprof, &pprof->mapping_ids, hash);

		if (*id && is_in_same_object(pprof->mappings[*id - 1].frame, frame))
			return *id;
		if (*id)
			continue;
		if (pprof->failed || !room_for(&pprof->mappings, pprof->mapping_count, &pprof->mapping_capacity, sizeof(*pprof->mappings))) {
			pprof->failed = true;
			return 0;
		}
		pprof->mappings[pprof->mapping_count++] = (struct mapping){.frame = frame};
		return *id = pprof->mapping_count;
	}
}

static uint64_t function_id(struct pprof *pprof, const struct model_frame *frame)
{
	uint64_t name = string_id(pprof, frame->label), file = string_id(pprof, frame->source_file);
	uint64_t *id = slot(pprof, &pprof->functions, (name + 1) << 32 | file);

	if (*id || pprof->failed)
		return *id;
	*id = pprof->functions.count;
	struct buffer *inner = &pprof->inner;
	put_varint(inner, FUNCTION_ID, *id);
	put_varint(inner, FUNCTION_NAME, name);
	put_varint(inner, FUNCTION_SYSTEM_NAME, name);
	put_varint(inner, FUNCTION_FILE, file);
	put_bytes(&pprof->out, PROFILE_FUNCTION, inner->bytes, inner->size_bytes);
	buffer_clear(inner);
	return *id;
}

/* A function and, before it, those that the compiler inlined there. Never with a kernel address: modules and files have offsets. */
static void put_location(struct pprof *pprof, uint64_t id, const struct model_frame *const frames[], uint32_t count)
{
	const struct model_frame *outer = frames[count - 1];
	uint64_t mapping = mapping_id(pprof, outer), functions[MODEL_STACK_DEPTH_MAX];
	uint64_t address = *outer->module ? outer->module_offset : 0;

	for (uint32_t i = 0; i < count; i++)
		functions[i] = function_id(pprof, frames[i]);
	if (pprof->failed)
		return;
	struct mapping *in = &pprof->mappings[mapping - 1];
	if (address >= in->limit)
		in->limit = number_add(address, 1);
	put_varint(&pprof->message, LOCATION_ID, id);
	put_varint(&pprof->message, LOCATION_MAPPING, mapping);
	put_varint(&pprof->message, LOCATION_ADDRESS, address);
	for (uint32_t i = 0; i < count; i++) {
		in->has_files |= *frames[i]->source_file != '\0';
		in->has_inlined |= frames[i]->is_inlined;
		put_varint(&pprof->inner, LINE_FUNCTION, functions[i]);
		put_varint(&pprof->inner, LINE_NUMBER, frames[i]->line);
		put_inner(pprof, LOCATION_LINE);
	}
	put_message(pprof, PROFILE_LOCATION);
}

static uint64_t location_id(struct pprof *pprof, const struct model_frame *const frames[], uint32_t count)
{
	uint64_t run = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t *next = slot(pprof, &pprof->runs, run << 32 | (uint64_t)(frames[i] - pprof->model->frames + 1));

		if (!*next)
			*next = pprof->runs.count;
		run = *next;
	}
	uint64_t *found = slot(pprof, &pprof->locations, run + 1), id = *found;
	if (!id && !pprof->failed) {
		id = *found = pprof->locations.count;
		put_location(pprof, id, frames, count);
	}
	return id;
}

/* Locations of the stack, innermost first; returns how many. Objects without a stack have one of that name. */
static uint32_t stack_locations(struct pprof *pprof, const struct model_site *site, uint64_t locations[])
{
	static const struct model_frame nowhere = {.label = "[no stack]", .function = "", .module = "", .path = "", .build_id = "", .source_file = ""};
	const struct model_frame *frames[MODEL_STACK_DEPTH_MAX], *none = &nowhere;
	uint32_t depth = model_stack(pprof->model, site->node, frames, MODEL_STACK_DEPTH_MAX), count = 0;

	if (!depth) {
		uint64_t *id = slot(pprof, &pprof->locations, 1);
		bool is_new = !*id;

		locations[0] = *id = is_new ? pprof->locations.count : *id;
		if (is_new && !pprof->failed)
			put_location(pprof, locations[0], &none, 1);
		return 1;
	}
	for (uint32_t i = 0, last; i < depth; i = last + 1) {
		for (last = i; last + 1 < depth && frames[last]->is_inlined; last++)
			continue;
		locations[count++] = location_id(pprof, &frames[i], last - i + 1);
	}
	return count;
}

static uint64_t signed_value(uint64_t value)
{
	return value < INT64_MAX ? value : INT64_MAX;
}

/* Left out where there is none. */
static void put_label(struct pprof *pprof, const char *key, const char *text)
{
	if (!*text)
		return;
	put_varint(&pprof->inner, LABEL_KEY, string_id(pprof, key));
	put_varint(&pprof->inner, LABEL_TEXT, string_id(pprof, text));
	put_inner(pprof, SAMPLE_LABEL);
}

/* comm: "" not known. */
static void put_sample(struct pprof *pprof, const struct model_site *site, const uint64_t locations[], uint32_t count, const char *comm,
		       uint64_t allocs, uint64_t live)
{
	const struct model *model = pprof->model;
	const uint64_t values[] = {allocs, metric_slot_bytes(model, site, allocs), live, metric_slot_bytes(model, site, live)};

	if (!allocs && !live)
		return;
	for (uint32_t i = 0; i < count; i++)
		buffer_add_varint(&pprof->inner, locations[i]);
	put_inner(pprof, SAMPLE_LOCATIONS);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		buffer_add_varint(&pprof->inner, signed_value(values[i]));
	put_inner(pprof, SAMPLE_VALUES);
	put_label(pprof, "host", model_fact(model, "host.name"));
	put_label(pprof, "kernel", model_fact(model, "kernel.release"));
	put_label(pprof, "cache", model->caches[site->cache].name);
	put_label(pprof, "class", suspect_class_name(site->suspect.class));
	put_label(pprof, "comm", comm);
	put_message(pprof, PROFILE_SAMPLE);
}

/* A sample for each task that is known by name, and one for what the others did. */
static void put_site(struct pprof *pprof, const struct model_site *site)
{
	uint64_t locations[MODEL_STACK_DEPTH_MAX], allocs = site->allocs, live = site->live;
	uint32_t count = stack_locations(pprof, site, locations);

	for (uint32_t i = 0; i < site->task_count; i++) {
		const struct model_task *task = &site->tasks[i];
		uint64_t its_allocs = task->allocs < allocs ? task->allocs : allocs, its_live = task->live < live ? task->live : live;

		put_sample(pprof, site, locations, count, task->comm, its_allocs, its_live);
		allocs -= its_allocs;
		live -= its_live;
	}
	put_sample(pprof, site, locations, count, "", allocs, live);
}

static void put_value_type(struct pprof *pprof, uint32_t field, const char *type, const char *unit)
{
	put_varint(&pprof->message, VALUE_TYPE, string_id(pprof, type));
	put_varint(&pprof->message, VALUE_UNIT, string_id(pprof, unit));
	put_message(pprof, field);
}

static const char *build_id(const struct model *model, const struct model_frame *frame)
{
	if (frame->is_user)
		return frame->build_id;
	for (uint32_t i = 0; i < model->object_count; i++)
		if (model->objects[i].kind != SYMBOL_OBJECT_FILE && !strcmp(model->objects[i].name, frame->module))
			return model->objects[i].build_id;
	return "";
}

static void put_mappings(struct pprof *pprof)
{
	for (uint32_t i = 0; i < pprof->mapping_count; i++) {
		const struct mapping *mapping = &pprof->mappings[i];
		const struct model_frame *frame = mapping->frame;
		const char *file = frame->is_user ? frame->path : frame->module;

		put_varint(&pprof->message, MAPPING_ID, i + 1);
		put_varint(&pprof->message, MAPPING_LIMIT, mapping->limit);
		put_varint(&pprof->message, MAPPING_FILE, string_id(pprof, *file ? file : frame->is_user ? "[unknown]" : KERNEL_NAME));
		put_varint(&pprof->message, MAPPING_BUILD_ID, string_id(pprof, build_id(pprof->model, frame)));
		/* All names are here: nobody needs to look for the file. */
		put_varint(&pprof->message, MAPPING_HAS_FUNCTIONS, 1);
		put_varint(&pprof->message, MAPPING_HAS_FILES, mapping->has_files);
		put_varint(&pprof->message, MAPPING_HAS_LINES, mapping->has_files);
		put_varint(&pprof->message, MAPPING_HAS_INLINE, mapping->has_inlined);
		put_message(pprof, PROFILE_MAPPING);
	}
}

static int by_text(const void *left, const void *right)
{
	const char *const *a = left, *const *b = right;

	return strcmp(*a, *b);
}

/* Every stack ends in the allocator: pprof leaves out what this expression matches, and what is called from there. Plain names only. */
static const char *drop_frames(struct pprof *pprof, struct arena *arena)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const struct model *model = pprof->model;
	const char **names = arena_array(arena, model->frame_count, sizeof(*names));
	CLEANUP(buffer_release) struct buffer text = {0};
	uint32_t count = 0;

	for (uint32_t i = 0; names && i < model->frame_count; i++) {
		const char *label = model->frames[i].label;

		if (!model->frames[i].is_user && model->frames[i].class == NAME_ALLOCATOR && !label[strspn(label, plain)])
			names[count++] = label;
	}
	if (count)
		qsort(names, count, sizeof(*names), by_text);
	for (uint32_t i = 0; i < count; i++) {
		if (i && !strcmp(names[i - 1], names[i]))
			continue;
		if (i)
			buffer_add_u8(&text, '|');
		buffer_add(&text, names[i], strlen(names[i]));
	}
	buffer_add_u8(&text, '\0');
	pprof->failed |= text.failed;
	return text.failed ? "" : arena_text(arena, (const char *)text.bytes);
}

static void put_strings(struct pprof *pprof)
{
	put_bytes(&pprof->out, PROFILE_STRING, "", 0);
	for (uint32_t i = 0; i < pprof->string_count; i++) {
		escape_xml(&pprof->inner, pprof->strings[i], NAME_MAX_CHARACTERS);
		pprof->failed |= pprof->inner.failed;
		put_bytes(&pprof->out, PROFILE_STRING, pprof->inner.bytes, pprof->inner.size_bytes ? pprof->inner.size_bytes - 1 : 0);
		buffer_clear(&pprof->inner);
	}
}

static void put_profile(struct pprof *pprof, struct arena *arena)
{
	const struct model *model = pprof->model;
	uint32_t count;
	const char **sentences = remarks(arena, model, &count);

	put_value_type(pprof, PROFILE_SAMPLE_TYPE, "alloc_objects", "count");
	put_value_type(pprof, PROFILE_SAMPLE_TYPE, "alloc_space", "bytes");
	put_value_type(pprof, PROFILE_SAMPLE_TYPE, "inuse_objects", "count");
	put_value_type(pprof, PROFILE_SAMPLE_TYPE, "inuse_space", "bytes");
	for (uint32_t i = 0; i < model->site_count && !pprof->failed; i++)
		put_site(pprof, &model->sites[i]);
	put_mappings(pprof);
	put_varint(&pprof->out, PROFILE_DROP_FRAMES, string_id(pprof, drop_frames(pprof, arena)));
	put_varint(&pprof->out, PROFILE_TIME, signed_value(strtoull(model_fact(model, "start.realtime_ns"), NULL, 10)));
	put_varint(&pprof->out, PROFILE_DURATION, signed_value(model->duration_ns));
	put_value_type(pprof, PROFILE_PERIOD_TYPE, "space", "bytes");
	put_varint(&pprof->out, PROFILE_PERIOD, 1);
	for (uint32_t i = 0; sentences && i < count; i++)
		put_varint(&pprof->out, PROFILE_COMMENT, string_id(pprof, sentences[i]));
	put_varint(&pprof->out, PROFILE_DEFAULT_TYPE, string_id(pprof, model->has_slot_bytes ? "inuse_space" : "inuse_objects"));
	put_strings(pprof);
}

int render_pprof(const struct model *model, FILE *out, struct error *err)
{
	CLEANUP(arena_release) struct arena arena = {0};
	CLEANUP(pprof_release) struct pprof pprof = {.model = model};
	CLEANUP(buffer_release) struct buffer packed = {0};

	put_profile(&pprof, &arena);
	if (pprof.failed || pprof.out.failed || arena.failed)
		return error_set(err, -ENOMEM, "not enough memory for the profile");
	int ret = gzip_pack(&packed, pprof.out.bytes, pprof.out.size_bytes, err);
	if (!ret)
		fwrite(packed.bytes, 1, packed.size_bytes, out);
	return ret;
}
