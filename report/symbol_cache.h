/*
 * Names that were looked up before, in XDG_CACHE_HOME/slabrec/symbols (or ~/.cache/...), one file a build-id. Whatever is wrong with a file
 * or the folder, it is as if it were not there.
 */
#ifndef SLABREC_REPORT_SYMBOL_CACHE_H
#define SLABREC_REPORT_SYMBOL_CACHE_H

#include "report/symbol_object.h"
#include "report/symbol_table.h"

/* What all files together may take; the ones not used for longest go first. */
#define SYMBOL_CACHE_MAX_BYTES (64ull << 20)
/* What one may take; a larger table is begun anew with what was asked for last. */
#define SYMBOL_CACHE_FILE_MAX_BYTES (16u << 20)

/* Reads what is known of the object into the empty table, sorted. -ENOENT: nothing. */
int symbol_cache_read(struct symbol_table *table, const struct symbol_object *object);
/* Keeps the sorted table, which replaces what was kept of the object: a reader sees one or the other. */
void symbol_cache_write(const struct symbol_table *table, const struct symbol_object *object);

#endif
