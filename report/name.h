/*
 * What functions are called, and which of them say something: a site is named after the code that wanted the object,
 * not after the allocator that every stack ends in.
 */
#ifndef SLABREC_REPORT_NAME_H
#define SLABREC_REPORT_NAME_H

#include <stddef.h>

enum name_class {
	NAME_CODE = 0,	/* everything else: the interesting ones */
	NAME_ALLOCATOR, /* kmalloc and its family, helpers that only allocate for their caller */
	NAME_FREE,	/* kfree and its family */
	NAME_PROBE,	/* trampolines and handlers of the probes themselves */
	NAME_ENTRY,	/* how the kernel was entered */
	NAME_CLASSES,
};

/* Class of a kernel function by its name, with or without what compilers append. */
enum name_class name_class(const char *function);
/* Length of the name without what compilers append: ".isra.0", ".constprop.0", ".part.0", ".cold", ".llvm.123". */
size_t name_plain_length(const char *function);

#endif
