/*
 * What the names of a report came from, in words, and how to have better ones: the command of the distribution that was recorded.
 */
#ifndef SLABREC_REPORT_SYMBOL_ADVICE_H
#define SLABREC_REPORT_SYMBOL_ADVICE_H

#include "report/arena.h"
#include "report/model.h"

/* "dwarf", "symtab", "kallsyms" or "none". */
const char *symbol_source_name(enum symbol_source source);
/* "kernel", "module" or "file". */
const char *symbol_object_kind_name(enum symbol_object_kind kind);
/* "linux", "leakmod.ko"'s name, the base name of a file. */
const char *symbol_object_label(const struct model_object *object);
/*
 * A shell command that installs the debug file of the object, to be found by the next report; "" where it has one, where the trace does not
 * tell the distribution, or where its words are not safe to be pasted into a shell.
 */
const char *symbol_advice(struct arena *arena, const struct model *model, const struct model_object *object);
/* One sentence for all objects; "" where there are none. */
const char *symbol_sentence(struct arena *arena, const struct model *model);

#endif
