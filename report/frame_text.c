/* How a frame's place is written, the same in every format for people. */
#include "report/frame_text.h"

const char *frame_text_place(struct arena *arena, const struct model_frame *frame)
{
	const char *text = "";

	if (frame->is_inlined)
		text = " (inlined)";
	else if (*frame->function)
		text = arena_format(arena, "+0x%llx", (unsigned long long)frame->offset_bytes);
	/* A label made of the module says so already. */
	if (*frame->module && *frame->function)
		text = arena_format(arena, frame->is_user ? "%s (%.200s)" : "%s [%.200s]", text, frame->module);
	if (*frame->source_file)
		text = arena_format(arena, "%s %.200s:%u", text, frame->source_file, frame->line);
	return text;
}
