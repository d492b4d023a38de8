/* Skips what every stack has: nobody asks about kmalloc(). */
#include "report/model_names.h"

#include <string.h>

const char *model_frame_label(struct model *model, const struct model_frame *frame)
{
	unsigned long long offset = frame->module_offset;

	if (*frame->function)
		return frame->function;
	if (!*frame->module)
		return "[unknown]";
	if (frame->is_user)
		return arena_format(&model->arena, "%.200s+0x%llx", frame->module, offset);
	return arena_format(&model->arena, "[%.200s]+0x%llx", frame->module, offset);
}

uint32_t model_telling_frames(const struct model *model, uint32_t node, const struct model_frame **frames,
			       uint32_t max)
{
	uint32_t count = 0;

	for (uint32_t seen = 0; node && count < max && seen < MODEL_STACK_DEPTH_MAX; seen++, node = model->nodes[node].parent) {
		const struct model_frame *frame = &model->frames[model->nodes[node].frame];

		if (frame->class == NAME_CODE && (*frame->function || *frame->module))
			frames[count++] = frame;
	}
	return count;
}

const char *model_plain_label(struct model *model, const struct model_frame *frame)
{
	size_t length = frame->is_user ? strlen(frame->label) : name_plain_length(frame->label);

	if (!frame->label[length])
		return frame->label;
	/* A name this long is nobody's: the copy must not multiply it. */
	return arena_format(&model->arena, "%.*s", length < 255 ? (int)length : 255, frame->label);
}

static const char *stack_name(struct model *model, uint32_t node, const struct model_frame *telling)
{
	if (!node)
		return "[no stack]";
	return model_plain_label(model, telling ? telling : &model->frames[model->nodes[node].frame]);
}

const char *model_stack_name(struct model *model, uint32_t node)
{
	const struct model_frame *frame;

	return stack_name(model, node, model_telling_frames(model, node, &frame, 1) ? frame : NULL);
}

void model_name_site(struct model *model, struct model_site *site)
{
	const struct model_frame *frames[2];
	uint32_t count = model_telling_frames(model, site->node, frames, 2);

	site->name = stack_name(model, site->node, count ? frames[0] : NULL);
	site->caller = count == 2 ? model_plain_label(model, frames[1]) : "";
}
