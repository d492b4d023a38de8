/*
 * Names from ELF and DWARF: functions with all that was inlined into them, files and lines. Reads only the compile units that hold
 * an address that is asked for.
 */
#ifndef SLABREC_REPORT_SYMBOLIZE_DWARF_H
#define SLABREC_REPORT_SYMBOLIZE_DWARF_H

#include "report/debug_file.h"
#include "report/symbol_object.h"
#include "report/symbol_table.h"
#include "trace/error.h"

/*
 * Names the object's places from the files and adds them to the table, one entry a place, without symbols where the files have no name for it.
 * source: the best there was. 0; -EBADMSG: the files are damaged, and the table holds what could be read; -ENOMEM. Files may be hostile:
 * it can take long, but not much memory.
 */
int symbolize_dwarf(struct symbol_table *table, enum symbol_source *source, const struct debug_files *files,
		    const struct debug_search *search, const struct symbol_object *object, struct error *err);

#endif
