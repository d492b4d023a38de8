/*
 * Where distributions and people put debug files: finds those of an object and takes none that is not of its build.
 */
#ifndef SLABREC_REPORT_DEBUG_FILE_H
#define SLABREC_REPORT_DEBUG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/symbol_object.h"

struct debug_search {
	const char *const *directories; /* borrowed: looked into before /usr/lib/debug */
	size_t directory_count;
	bool no_debuginfod;
};

struct debug_file {
	int fd; /* -1: there is none */
	char *path; /* owned; of one from debuginfod just what to call it */
	bool has_dwarf;
};

/* The files that tell about an object; both may be the same file, opened twice. */
struct debug_files {
	struct debug_file image; /* what was running, whole */
	struct debug_file debug; /* has DWARF, or at least symbols */
	char problem[256];	 /* why a file that is there was not used; "" nothing to say */
};

void debug_files_release(struct debug_files *files);
/* Opens what there is. The build-id decides: an object without one has no files. */
void debug_files_find(struct debug_files *files, const struct debug_search *search, const struct symbol_object *object);
/* The file with that build-id that several debug files share parts of (dwz): a descriptor, or -1. name is as the debug file says. */
int debug_file_find_shared(const struct debug_search *search, const char *debug_path, const char *name, const uint8_t *build_id,
			   uint32_t build_id_bytes);

#endif
