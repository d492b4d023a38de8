/*
 * ELF files on the recording machine: build-ids, names of functions, members of structs. The only file that includes libelf and
 * libdw. Files belong to tasks and may be hostile.
 */
#ifndef SLABREC_SAMPLER_ELF_FILE_H
#define SLABREC_SAMPLER_ELF_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"
#include "trace/format.h"

/*
 * The build-id in the notes of the ELF file: its size, or 0 where there is none (or the file is no ELF). build_id has room for
 * TRACE_BUILD_ID_MAX_BYTES.
 */
size_t elf_file_build_id(int fd, uint8_t *build_id);

/* The build-id in raw note data such as /sys/kernel/notes. The same returns. */
size_t elf_file_notes_build_id(const void *notes, size_t size_bytes, uint8_t *build_id);

struct elf_symbols;

/* Function symbols of the file (.symtab and .dynsym). -ENODATA: it has none, or is no ELF; -ENOMEM. */
int elf_symbols_new(struct elf_symbols **symbols, int fd);
void elf_symbols_free(struct elf_symbols *symbols);
/* Name of the function that holds the file offset, NULL none; owned by symbols. */
const char *elf_symbols_lookup(const struct elf_symbols *symbols, uint64_t file_offset, uint64_t *offset_bytes);

/* Byte offset of struct_name.member from the file's DWARF. -ENOENT: no such file, DWARF, struct or member. */
int elf_file_member_offset(const char *path, const char *struct_name, const char *member, uint32_t *offset_bytes);

#endif
