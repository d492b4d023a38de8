/*
 * Debug files from the servers that DEBUGINFOD_URLS names. The only file that knows libdebuginfod, which is loaded when it is first needed:
 * it brings a dozen libraries along.
 */
#ifndef SLABREC_REPORT_DEBUGINFOD_H
#define SLABREC_REPORT_DEBUGINFOD_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/error.h"

/* Whether a server is named in the environment. */
bool debuginfod_is_set(void);
/*
 * The debug file with that build-id: an open descriptor, which the caller closes. -ENOENT: no server has it; -ENOPKG: there is no
 * libdebuginfod here; else what the library says. name is said while it is loaded, on standard error, if that is a terminal.
 */
int debuginfod_find(const uint8_t *build_id, uint32_t build_id_bytes, const char *name, struct error *err);

#endif
