/*
 * Looks names up in a process of its own, which may take only so much time and memory: debug files come from anywhere, and a hostile one
 * must cost no more than its names.
 */
#ifndef SLABREC_REPORT_SYMBOL_WORKER_H
#define SLABREC_REPORT_SYMBOL_WORKER_H

#include "report/debug_file.h"
#include "report/symbol_object.h"
#include "report/symbol_table.h"
#include "trace/error.h"

struct symbol_answer {
	struct symbol_table table; /* sorted; an entry for each place, unless a problem ended it */
	enum symbol_source source;
	char problem[256]; /* "" none; else why names are missing */
};

void symbol_answer_release(struct symbol_answer *answer);
/* Finds the object's debug files and names its places. 0, also where there is nothing (the answer tells), or -ENOMEM. */
int symbol_worker_ask(struct symbol_answer *answer, const struct debug_search *search, const struct symbol_object *object,
		      struct error *err);

#endif
