/*
 * The unwinding table of an ELF file: pairs of a function and its description, sorted by function, as .eh_frame_hdr has them. Where a file has
 * none, as static programs, it is made from the descriptions in .eh_frame.
 */
#ifndef SLABREC_SAMPLER_UNWIND_TABLE_H
#define SLABREC_SAMPLER_UNWIND_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/elf_image.h"

/* Where tables that were made are, among the addresses of a file: behind all that elf_image has. */
#define UNWIND_TABLE_MADE_FROM (3ull << 32)

/* Both relative to the table's base. */
struct unwind_entry {
	int32_t function;
	int32_t description;
};

struct unwind_table {
	uint64_t base;
	uint64_t address; /* of the entries: struct unwind_entry [count] */
	uint64_t count;
	struct unwind_entry *made; /* owned; NULL: they are in the file */
};

/* False: the file has no descriptions, or none that can be read. */
bool unwind_table_open(struct unwind_table *table, struct elf_image *image);
void unwind_table_release(struct unwind_table *table);
size_t unwind_table_made_bytes(const struct unwind_table *table);

/* Copies size_bytes from an address, of the file or of the table that was made. False: they are not all there. */
bool unwind_table_read(const struct unwind_table *table, struct elf_image *image, uint64_t address, void *bytes, size_t size_bytes);

#endif
