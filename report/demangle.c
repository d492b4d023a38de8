/*
 * Knows libiberty's demanglers. Both write through a callback, take no memory, and can be made to write without end by a short hostile
 * name: the callback leaves them when the room is used up.
 */
#include "report/demangle.h"

#include <setjmp.h>
#include <string.h>

/* Longer ones are nobody's. */
#define MANGLED_MAX 4096u

/* As in libiberty's demangle.h, which distributions keep in different places. */
typedef void (*demangle_callbackref)(const char *text, size_t length, void *context);
int cplus_demangle_v3_callback(const char *mangled, int options, demangle_callbackref callback, void *context);
int rust_demangle_callback(const char *mangled, int options, demangle_callbackref callback, void *context);
#define DMGL_PARAMS 1
#define DMGL_ANSI 2

struct writing {
	char *text;
	size_t used_bytes, size_bytes;
	jmp_buf full;
};

static void write_part(const char *text, size_t length, void *context)
{
	struct writing *writing = context;

	if (length >= writing->size_bytes - writing->used_bytes)
		longjmp(writing->full, 1);
	memcpy(writing->text + writing->used_bytes, text, length);
	writing->used_bytes += length;
	writing->text[writing->used_bytes] = '\0';
}

bool demangle(const char *mangled, char *text, size_t size_bytes)
{
	struct writing writing = {.text = text, .size_bytes = size_bytes};

	if (mangled[0] != '_' || (mangled[1] != 'Z' && mangled[1] != 'R') || strnlen(mangled, MANGLED_MAX) == MANGLED_MAX)
		return false;
	*text = '\0';
	if (setjmp(writing.full))
		return false;
	if (rust_demangle_callback(mangled, 0, write_part, &writing))
		return *text;
	if (mangled[1] != 'Z')
		return false;
	*text = '\0';
	writing.used_bytes = 0;
	return cplus_demangle_v3_callback(mangled, DMGL_PARAMS | DMGL_ANSI, write_part, &writing) && *text;
}
