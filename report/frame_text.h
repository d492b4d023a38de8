/*
 * One line of a call stack as kernel logs write it: "alloc_pipe_info+0x5e [module]", "main+0x1a (pipes)".
 */
#ifndef SLABREC_REPORT_FRAME_TEXT_H
#define SLABREC_REPORT_FRAME_TEXT_H

#include "report/arena.h"
#include "report/model.h"

/* What follows the label: offset, module or file, source line, "(inlined)"; may be "". In the arena, not escaped. */
const char *frame_text_place(struct arena *arena, const struct model_frame *frame);
/* The source file as it is shown: from the top of its tree, its name alone where somebody built it elsewhere; "" not known. */
const char *frame_text_source(const struct model_frame *frame);

#endif
