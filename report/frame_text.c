/* How a frame's place is written, the same in every format for people. */
#include "report/frame_text.h"

#include <string.h>

/* Where somebody built it is long and tells nobody anything; a kernel's path is short, from the top of its tree. */
static const char *short_path(const char *path)
{
	const char *slash = strrchr(path, '/');

	while (!strncmp(path, "../", 3))
		path += 3;
	return *path == '/' && slash[1] ? slash + 1 : path;
}

const char *frame_text_source(const struct model_frame *frame)
{
	return short_path(frame->source_file);
}

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
		text = arena_format(arena, "%s %.200s:%u", text, short_path(frame->source_file), frame->line);
	return text;
}
