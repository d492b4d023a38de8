/*
 * What addresses of one object (the kernel, a module, a file) are called: functions, inlined ones included, and lines.
 */
#ifndef SLABREC_REPORT_SYMBOL_TABLE_H
#define SLABREC_REPORT_SYMBOL_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "report/symbolizer.h"
#include "trace/cursor.h"

/* Largest written table; one that is larger is not read. */
#define SYMBOL_TABLE_MAX_BYTES (256u << 20)

struct symbol_table_entry {
	uint64_t pc;
	uint32_t first; /* in symbols */
	uint32_t count; /* 0: known to have no name */
	bool is_local;  /* pc means this place only in this recording: not for the cache */
};

struct symbol_table_symbol {
	uint64_t offset_bytes;
	uint32_t function, source_file; /* strings */
	uint32_t line;
};

/* All-zero is an empty table. */
struct symbol_table {
	struct symbol_table_entry *entries; /* owned */
	struct symbol_table_symbol *symbols; /* owned */
	uint32_t *strings;		     /* owned: where string i begins in text */
	uint32_t *slots;		     /* owned: string + 1, by hash */
	struct buffer text;		     /* strings, each with its NUL */
	uint32_t count, capacity;
	uint32_t symbol_count, symbol_capacity;
	uint32_t string_count, string_capacity;
	uint32_t slot_capacity;
	bool failed; /* no memory: the table is not whole */
};

void symbol_table_release(struct symbol_table *table);
/* Adds what pc is called, the innermost function first, as in struct symbolizer. Texts are copied. */
void symbol_table_add(struct symbol_table *table, uint64_t pc, const struct symbol *symbols, uint32_t count, bool is_local);
/* Adds all of other's entries but those that are local. */
void symbol_table_merge(struct symbol_table *table, const struct symbol_table *other);
/* By pc, as find and write need it; of two with one pc the first that was added stays. */
void symbol_table_sort(struct symbol_table *table);
/*
 * Fills at most max symbols and returns how many; -1: nothing is known of pc. They are valid until the table changes; equal texts are
 * one pointer.
 */
int symbol_table_find(const struct symbol_table *table, uint64_t pc, struct symbol *symbols, uint32_t max);
/* Appends the sorted table to the buffer, with or without the entries that are local. */
void symbol_table_write(const struct symbol_table *table, bool with_local, struct buffer *out);
/* Reads what write wrote, from bytes that nobody vouches for. 0, -EBADMSG, -ENOMEM. The table is empty then. */
int symbol_table_read(struct symbol_table *table, struct cursor *in);

#endif
