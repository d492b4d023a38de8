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

/* A place in a file, and the function that holds it. */
struct elf_place {
	uint64_t file_offset;
	char *name;	       /* found: the caller's to free; NULL none */
	uint64_t offset_bytes; /* from the function's begin, where there is a name */
};

/*
 * Names count places of the file by its .symtab and .dynsym, in one pass. 0 also where nothing has a name; -ENODATA: it is no ELF;
 * -ENOMEM. name is set in any case.
 */
int elf_file_name_places(int fd, struct elf_place *places, size_t count);

/* Byte offset of struct_name.member from the file's DWARF. -ENOENT: no such file, DWARF, struct or member. */
int elf_file_member_offset(const char *path, const char *struct_name, const char *member, uint32_t *offset_bytes);

#endif
