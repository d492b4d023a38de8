/* Sorts frames by what they lie in, asks for the names of each object at once, and keeps them for the next report. */
#include "report/symbolize_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/demangle.h"
#include "report/symbol_cache.h"
#include "report/symbol_worker.h"
#include "trace/cleanup.h"

/* Debug files are looked for at most for so many: a hostile trace may name a quarter of a million. */
#define OBJECTS_MAX 2048u

/* One object, with the places of its frames. */
struct object_names {
	struct symbol_table table;
	struct symbol_table readable; /* what the trace calls them, where that is mangled */
	struct symbol_place *places; /* owned */
	uint32_t count, capacity;
	char problem[256];
};

struct symbolize_files {
	const struct recording *recording;
	const struct debug_search *search;
	struct symbolizer trace;
	const char *release;
	uint64_t kernel_start; /* address of _stext at the time; 0 not known */
	uint8_t kernel_build_id[TRACE_BUILD_ID_MAX_BYTES];
	uint32_t kernel_build_id_bytes;
	uint32_t module_count, file_count;
	/* The kernel, then modules and files as the trace numbers them. */
	struct object_names **objects; /* NULL: no frames in it */
	struct symbol_origin *origins; /* of those with frames, in that order */
	uint32_t named_count;	       /* objects with frames */
	uint32_t origin_count;
	bool failed;
};

static uint32_t hex_bytes(const char *text, uint8_t *bytes, uint32_t max)
{
	uint32_t count = 0;

	for (; text[0] && text[1] && count < max; text += 2) {
		char digits[3] = {text[0], text[1]}, *end;

		bytes[count++] = (uint8_t)strtoul(digits, &end, 16);
		if (*end)
			return 0;
	}
	return *text ? 0 : count;
}

int symbolize_files_new(struct symbolize_files **out, const struct recording *recording, const struct debug_search *search,
			struct error *err)
{
	struct symbolize_files *files = calloc(1, sizeof(*files));

	if (!files)
		return error_set(err, -ENOMEM, "not enough memory for the names of functions");
	files->recording = recording;
	files->search = search;
	files->trace = symbolize_trace(recording->reader);
	files->release = recording_fact(recording, "kernel.release");
	files->kernel_start = strtoull(recording_fact(recording, "kernel.stext"), NULL, 16);
	files->kernel_build_id_bytes = hex_bytes(recording_fact(recording, "kernel.build_id"), files->kernel_build_id,
						 sizeof(files->kernel_build_id));
	files->module_count = trace_reader_module_count(recording->reader);
	files->file_count = trace_reader_file_count(recording->reader);
	files->objects = calloc(1 + (size_t)files->module_count + files->file_count, sizeof(*files->objects));
	*out = files;
	if (files->objects)
		return 0;
	symbolize_files_free(TAKE(*out));
	return error_set(err, -ENOMEM, "not enough memory for the names of functions");
}

static uint32_t object_count(const struct symbolize_files *files)
{
	return 1 + files->module_count + files->file_count;
}

void symbolize_files_free(struct symbolize_files *files)
{
	if (!files)
		return;
	for (uint32_t i = 0; files->objects && i < object_count(files); i++) {
		if (!files->objects[i])
			continue;
		symbol_table_release(&files->objects[i]->table);
		symbol_table_release(&files->objects[i]->readable);
		free(files->objects[i]->places);
		free(files->objects[i]);
	}
	free(files->objects);
	free(files->origins);
	free(files);
}

/*
 * A return address belongs to the call before it. At the very start of a function nothing can have been called from it: a probe sits there.
 */
static uint64_t bytes_back(const struct trace_frame *frame)
{
	return frame->symbol && !frame->symbol_offset_bytes ? 0 : 1;
}

/* Index of the object that the frame lies in; false where it is in none, or where in it is not known. */
static bool place_of(const struct symbolize_files *files, const struct trace_frame *frame, uint32_t *object, struct symbol_place *place)
{
	uint64_t back = bytes_back(frame);

	*place = (struct symbol_place){.pc = frame->address - back,
				       .function = trace_reader_text(files->recording->reader, frame->symbol),
				       .offset_bytes = frame->symbol_offset_bytes - back};
	if (frame->kind == TRACE_FRAME_USER) {
		*object = files->module_count + frame->file;
		return frame->file && frame->address;
	}
	*object = frame->module;
	if (!frame->module) {
		place->pc -= files->kernel_start;
		return frame->symbol;
	}
	const struct trace_module *module = trace_reader_module(files->recording->reader, frame->module);
	place->pc -= module ? module->text_address : 0;
	return module;
}

static void want(void *context, const struct trace_frame *frame)
{
	struct symbolize_files *files = context;
	struct symbol_place place;
	uint32_t number;

	if (!place_of(files, frame, &number, &place))
		return;
	struct object_names *object = files->objects[number];
	if (!object) {
		object = files->objects[number] = calloc(1, sizeof(*object));
		files->named_count++;
	}
	if (object && object->count == object->capacity) {
		uint32_t capacity = object->capacity ? 2 * object->capacity : 16;
		struct symbol_place *places = reallocarray(object->places, capacity, sizeof(*places));

		if (places) {
			object->places = places;
			object->capacity = capacity;
		}
	}
	if (object && object->count < object->capacity)
		object->places[object->count++] = place;
	else
		files->failed = true;
}

static int by_pc(const void *left, const void *right)
{
	const struct symbol_place *a = left, *b = right;

	return a->pc < b->pc ? -1 : a->pc > b->pc;
}

/* Each place once, and only those that the table does not have. */
static uint32_t missing_places(struct object_names *object)
{
	struct symbol symbols[1];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < object->count; i++)
		if ((!kept || object->places[kept - 1].pc != object->places[i].pc) &&
		    symbol_table_find(&object->table, object->places[i].pc, symbols, 0) < 0)
			object->places[kept++] = object->places[i];
	return kept;
}

/* Frames that have a name in the trace: it is then not "none". */
static enum symbol_source source_in_trace(const struct object_names *object, enum symbol_object_kind kind)
{
	for (uint32_t i = 0; i < object->count; i++)
		if (*object->places[i].function)
			return kind == SYMBOL_OBJECT_FILE ? SYMBOL_SOURCE_SYMTAB : SYMBOL_SOURCE_KALLSYMS;
	return SYMBOL_SOURCE_NONE;
}

static void describe(const struct symbolize_files *files, uint32_t number, struct symbol_object *object)
{
	const struct trace_reader *reader = files->recording->reader;

	*object = (struct symbol_object){.kind = SYMBOL_OBJECT_KERNEL, .name = "", .kernel_release = files->release};
	if (!number) {
		object->build_id = files->kernel_build_id;
		object->build_id_bytes = files->kernel_start ? files->kernel_build_id_bytes : 0;
	} else if (number <= files->module_count) {
		const struct trace_module *module = trace_reader_module(reader, number);

		object->kind = SYMBOL_OBJECT_MODULE;
		object->name = trace_reader_text(reader, module->name);
		object->build_id = module->build_id;
		object->build_id_bytes = module->text_address ? module->build_id_bytes : 0;
	} else {
		const struct trace_file *file = trace_reader_file(reader, number - files->module_count);

		object->kind = SYMBOL_OBJECT_FILE;
		object->name = trace_reader_text(reader, file->path);
		object->build_id = file->build_id;
		object->build_id_bytes = file->build_id_bytes;
	}
}

/* Names from debug files beside those that were kept, which are kept with them. */
static int look_up(struct symbolize_files *files, struct object_names *object, struct symbol_object *what,
		   struct symbol_origin *origin, struct error *err)
{
	CLEANUP(symbol_answer_release) struct symbol_answer answer = {0};
	struct symbol_table kept = object->table;
	int ret = symbol_worker_ask(&answer, files->search, what, err);

	if (ret)
		return ret;
	if (answer.source > origin->source)
		origin->source = answer.source;
	memcpy(object->problem, answer.problem, sizeof(object->problem));
	/* The new ones first: of a place that is in both they are the better ones. */
	object->table = answer.table;
	answer.table = (struct symbol_table){0};
	uint32_t added = object->table.count;
	symbol_table_merge(&object->table, &kept);
	symbol_table_sort(&object->table);
	symbol_table_release(&kept);
	if (object->table.failed)
		return error_set(err, -ENOMEM, "not enough memory for the names of functions");
	if (added && answer.source == SYMBOL_SOURCE_DWARF && !*answer.problem)
		symbol_cache_write(&object->table, what);
	return 0;
}

/* Names in the trace are as the file has them. */
static void demangle_places(struct object_names *object)
{
	char text[4096];

	for (uint32_t i = 0; i < object->count; i++) {
		const struct symbol_place *place = &object->places[i];
		struct symbol symbol = {.function = text, .source_file = "", .offset_bytes = place->offset_bytes};

		if (demangle(place->function, text, sizeof(text)))
			symbol_table_add(&object->readable, place->pc, &symbol, 1, true);
	}
	symbol_table_sort(&object->readable);
}

static int prepare_object(struct symbolize_files *files, uint32_t number, struct error *err)
{
	struct object_names *object = files->objects[number];
	struct symbol_origin *origin = &files->origins[files->origin_count++];
	struct symbol_object what;

	qsort(object->places, object->count, sizeof(*object->places), by_pc);
	describe(files, number, &what);
	if (what.kind != SYMBOL_OBJECT_KERNEL)
		demangle_places(object);
	*origin = (struct symbol_origin){.kind = what.kind,
					 .id = what.kind == SYMBOL_OBJECT_FILE ? number - files->module_count : number,
					 .source = source_in_trace(object, what.kind),
					 .frames = object->count,
					 .problem = object->problem};
	if (!what.build_id_bytes)
		return 0;
	if (files->origin_count > OBJECTS_MAX) {
		strcpy(object->problem, "no debug file was looked for: there are too many files");
		return 0;
	}
	if (!symbol_cache_read(&object->table, &what))
		origin->source = SYMBOL_SOURCE_DWARF;
	what.places = object->places;
	what.place_count = missing_places(object);
	return what.place_count ? look_up(files, object, &what, origin, err) : 0;
}

static int prepare(void *context, struct error *err)
{
	struct symbolize_files *files = context;
	int ret = 0;

	files->origins = calloc(files->named_count + 1, sizeof(*files->origins));
	if (files->failed || !files->origins)
		return error_set(err, -ENOMEM, "not enough memory for the names of functions");
	for (uint32_t i = 0; i < object_count(files) && !ret; i++)
		if (files->objects[i])
			ret = prepare_object(files, i, err);
	return ret;
}

static uint32_t frame_symbols(void *context, const struct trace_frame *frame, struct symbol *symbols, uint32_t max)
{
	struct symbolize_files *files = context;
	struct symbol_place place;
	uint32_t number;

	if (place_of(files, frame, &number, &place) && files->objects[number]) {
		const struct object_names *object = files->objects[number];
		int count = symbol_table_find(&object->table, place.pc, symbols, max);

		if (count <= 0)
			count = symbol_table_find(&object->readable, place.pc, symbols, max);
		if (count > 0) {
			symbols[count - 1].offset_bytes += bytes_back(frame);
			return (uint32_t)count;
		}
	}
	return files->trace.frame(files->trace.context, frame, symbols, max);
}

static const struct symbol_origin *origins(void *context, uint32_t *count)
{
	const struct symbolize_files *files = context;

	*count = files->origin_count;
	return files->origins;
}

struct symbolizer symbolize_files(struct symbolize_files *files)
{
	return (struct symbolizer){
		.context = files, .want = want, .prepare = prepare, .frame = frame_symbols, .origins = origins};
}
