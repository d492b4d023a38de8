/* Takes over the trace's tree node by node; an inlined function becomes a node of its own below its caller. */
#include "report/stacks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/model_names.h"
#include "report/redact.h"
#include "report/room.h"
#include "trace/cleanup.h"
#include "trace/u64_map.h"

int stacks_init(struct stacks *stacks, const struct trace_reader *reader, struct error *err)
{
	stacks->reader = reader;
	stacks->node_count = trace_reader_node_count(reader) + 1;
	stacks->nodes = calloc(stacks->node_count, sizeof(*stacks->nodes));
	return stacks->nodes ? 0 : error_set(err, -ENOMEM, "not enough memory for %u stacks", stacks->node_count);
}

void stacks_release(struct stacks *stacks)
{
	if (!stacks)
		return;
	free(stacks->nodes);
	*stacks = (struct stacks){0};
}

void stacks_want(struct stacks *stacks, uint32_t stack)
{
	/* A wanted node's parents are wanted already. */
	while (stack && stack < stacks->node_count && !stacks->nodes[stack]) {
		stacks->nodes[stack] = 1;
		stack = trace_reader_node(stacks->reader, stack)->parent;
	}
}

uint32_t stacks_node(const struct stacks *stacks, uint32_t stack)
{
	return stack < stacks->node_count ? stacks->nodes[stack] : 0;
}

/* The names of one frame of the trace in the model: count frames from first, the outermost first. */
struct named_frame {
	uint32_t first;
	uint32_t count;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static const char *hexadecimal(struct arena *arena, const uint8_t *bytes, uint32_t count)
{
	char text[2 * TRACE_BUILD_ID_MAX_BYTES + 1] = "";

	for (uint32_t i = 0; i < count && i < TRACE_BUILD_ID_MAX_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return arena_text(arena, text);
}

/*
 * Foreign text is looked at once, however many frames use it: a hostile file may have millions of frames with the same
 * long name.
 */
struct known_text {
	const char *safe;
	enum name_class class;
};

struct naming {
	struct model *model;
	const struct symbolizer *symbolizer;
	struct named_frame *named; /* by frame id of the trace; count 0: not yet */
	struct u64_map known;	   /* from the address of a text, the reader's or the symbolizer's, to that of its struct known_text */
	uint32_t frames_capacity;
	uint32_t nodes_capacity;
	bool failed; /* no memory */
};

static void naming_release(struct naming *naming)
{
	free(naming->named);
	u64_map_release(&naming->known);
}

static const struct known_text *known_text(struct naming *naming, const char *text)
{
	static const struct known_text none = {.safe = ""};

	if (!*text)
		return &none;
	uint64_t *slot = u64_map_put(&naming->known, (uintptr_t)text);
	if (slot && *slot)
		return (const struct known_text *)(uintptr_t)*slot;
	struct known_text *known = slot ? arena_array(&naming->model->arena, 1, sizeof(*known)) : NULL;
	if (!known) {
		naming->failed = true;
		return &none;
	}
	uint32_t addresses = 0;
	known->safe = redact_text(&naming->model->arena, text, &addresses);
	known->class = name_class(text);
	naming->model->integrity.redacted_addresses += addresses;
	*slot = (uintptr_t)known;
	return known;
}

static void place_frame(const struct stacks *stacks, struct naming *naming, const struct trace_frame *frame,
			struct model_frame *out)
{
	const struct trace_module *module = trace_reader_module(stacks->reader, frame->module);
	const struct trace_file *file = trace_reader_file(stacks->reader, frame->file);

	*out = (struct model_frame){.module = "", .path = "", .build_id = "", .function = "", .source_file = ""};
	out->is_user = frame->kind == TRACE_FRAME_USER;
	if (out->is_user && file) {
		out->path = known_text(naming, trace_reader_text(stacks->reader, file->path))->safe;
		out->module = base_name(out->path);
		out->build_id = hexadecimal(&naming->model->arena, file->build_id, file->build_id_bytes);
		out->module_offset = frame->address;
	} else if (!out->is_user && module) {
		out->module = known_text(naming, trace_reader_text(stacks->reader, module->name))->safe;
		out->module_offset = frame->address - module->text_address;
	}
}

static void add_frames(struct naming *naming, const struct model_frame *place, const struct symbol *symbols,
		       uint32_t count)
{
	struct model *model = naming->model;

	for (uint32_t i = count ? count : 1; i-- > 0;) {
		struct model_frame *frame = &model->frames[model->frame_count++];
		const struct known_text *function = known_text(naming, count ? symbols[i].function : "");

		*frame = *place;
		frame->function = function->safe;
		frame->class = frame->is_user ? NAME_CODE : function->class;
		if (count) {
			frame->offset_bytes = symbols[i].offset_bytes;
			frame->source_file = known_text(naming, symbols[i].source_file)->safe;
			frame->line = symbols[i].line;
			frame->is_inlined = i + 1 < count;
		}
		frame->label = model_frame_label(model, frame);
	}
}

static bool name_frame(const struct stacks *stacks, struct naming *naming, uint32_t id)
{
	const struct trace_frame *frame = trace_reader_frame(stacks->reader, id);
	struct named_frame *named = &naming->named[id];
	struct model *model = naming->model;
	struct symbol symbols[SYMBOLS_PER_FRAME_MAX];
	struct model_frame place;

	if (named->count)
		return true;
	uint32_t count = naming->symbolizer->frame(naming->symbolizer->context, frame, symbols, SYMBOLS_PER_FRAME_MAX);
	if (!room_in_arena(&model->arena, &model->frames, model->frame_count, count + 1, &naming->frames_capacity,
		      sizeof(*model->frames)))
		return false;
	place_frame(stacks, naming, frame, &place);
	named->first = model->frame_count;
	add_frames(naming, &place, symbols, count);
	named->count = model->frame_count - named->first;
	return !naming->failed;
}

static bool name_node(struct stacks *stacks, struct naming *naming, uint32_t id)
{
	const struct trace_node *node = trace_reader_node(stacks->reader, id);
	struct model *model = naming->model;
	uint32_t parent = stacks_node(stacks, node->parent);

	if (node->frame) {
		const struct named_frame *named = &naming->named[node->frame];

		if (!name_frame(stacks, naming, node->frame) ||
		    !room_in_arena(&model->arena, &model->nodes, model->node_count, named->count, &naming->nodes_capacity,
			      sizeof(*model->nodes)))
			return false;
		for (uint32_t i = 0; i < named->count; i++) {
			model->nodes[model->node_count] =
				(struct model_node){.parent = parent, .frame = named->first + i};
			parent = model->node_count++;
		}
	}
	stacks->nodes[id] = parent;
	return true;
}

/* Tells the symbolizer what it will be asked for, each frame once. */
static int prepare_names(const struct stacks *stacks, struct naming *naming, struct error *err)
{
	const struct symbolizer *symbolizer = naming->symbolizer;

	for (uint32_t id = 1; id < stacks->node_count && symbolizer->want; id++) {
		uint32_t frame = stacks->nodes[id] ? trace_reader_node(stacks->reader, id)->frame : 0;

		if (!frame || naming->named[frame].first)
			continue;
		naming->named[frame].first = 1;
		symbolizer->want(symbolizer->context, trace_reader_frame(stacks->reader, frame));
	}
	return symbolizer->prepare ? symbolizer->prepare(symbolizer->context, err) : 0;
}

int stacks_name(struct stacks *stacks, struct model *model, const struct symbolizer *symbolizer, struct error *err)
{
	CLEANUP(naming_release)
	struct naming naming = {.model = model, .symbolizer = symbolizer, .nodes_capacity = 1};

	naming.named = calloc((size_t)trace_reader_frame_count(stacks->reader) + 1, sizeof(*naming.named));
	/* Without inlined functions there are as many as are wanted. */
	for (uint32_t id = 1; id < stacks->node_count; id++)
		naming.nodes_capacity += stacks->nodes[id] != 0;
	model->node_count = 1;
	model->nodes = arena_array(&model->arena, naming.nodes_capacity, sizeof(*model->nodes));
	naming.failed = !naming.named || !model->nodes;
	int ret = naming.failed ? 0 : prepare_names(stacks, &naming, err);
	if (ret)
		return ret;
	/* A parent stands before its children. */
	for (uint32_t id = 1; id < stacks->node_count && !naming.failed; id++)
		if (stacks->nodes[id] && !name_node(stacks, &naming, id))
			naming.failed = true;
	return naming.failed ? error_set(err, -ENOMEM, "not enough memory for the names of functions") : 0;
}

/* Modules and files that a trace tells twice (loaded again) are two. */
void stacks_objects(const struct stacks *stacks, struct model *model, const struct symbolizer *symbolizer)
{
	uint32_t count = 0, *addresses = &model->integrity.redacted_addresses;
	const struct symbol_origin *origins = symbolizer->origins ? symbolizer->origins(symbolizer->context, &count) : NULL;

	model->objects = arena_array(&model->arena, count, sizeof(*model->objects));
	for (uint32_t i = 0; i < count && model->objects; i++) {
		struct model_object *object = &model->objects[model->object_count++];
		const struct trace_module *module = trace_reader_module(stacks->reader, origins[i].id);
		const struct trace_file *file = trace_reader_file(stacks->reader, origins[i].id);

		*object = (struct model_object){.name = "", .kind = origins[i].kind, .source = origins[i].source,
						.frames = origins[i].frames};
		object->problem = redact_text(&model->arena, arena_text(&model->arena, origins[i].problem), addresses);
		if (object->kind == SYMBOL_OBJECT_KERNEL) {
			object->build_id = model_fact(model, "kernel.build_id");
		} else if (object->kind == SYMBOL_OBJECT_MODULE) {
			object->name = redact_text(&model->arena, trace_reader_text(stacks->reader, module->name), addresses);
			object->build_id = hexadecimal(&model->arena, module->build_id, module->build_id_bytes);
		} else {
			object->name = redact_text(&model->arena, trace_reader_text(stacks->reader, file->path), addresses);
			object->build_id = hexadecimal(&model->arena, file->build_id, file->build_id_bytes);
		}
	}
}
