/*
 * An ELF file of a task by the addresses that it was linked for, read page by page when it is asked for and kept: what unwinding needs of
 * a file, and no more. x86-64 and little-endian only. The file may be hostile, and may change or shrink while it is read.
 */
#ifndef SLABREC_SAMPLER_ELF_IMAGE_H
#define SLABREC_SAMPLER_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_image;

/* Of an open file; the descriptor is duplicated. -ENODATA: it is no such file, or has no code; -ENOMEM; -errno. */
int elf_image_new(struct elf_image **image, int fd);
/* Of the file that the kernel maps into every process. The same returns. */
int elf_image_new_vdso(struct elf_image **image);
void elf_image_free(struct elf_image *image);

/* Copies size_bytes (at most a page) from the address. False: they are not all in the file. */
bool elf_image_read(struct elf_image *image, uint64_t address, void *bytes, size_t size_bytes);

/* The address of the code at a file offset. False: there is none. */
bool elf_image_code_address(const struct elf_image *image, uint64_t file_offset, uint64_t *address);

/* A part of the file that is to be read by its addresses. */
struct elf_image_range {
	uint64_t address;
	uint64_t size_bytes;
};

/* From the first to behind the last byte of code. */
struct elf_image_range elf_image_code(const struct elf_image *image);
/* Where PT_GNU_EH_FRAME says that the table for unwinding is; size 0: nowhere. */
struct elf_image_range elf_image_frame_header(const struct elf_image *image);
/* Section by its name, at the address where elf_image_read() finds it, whether it is loaded or not. False: there is none, or it is compressed. */
bool elf_image_section(struct elf_image *image, const char *name, struct elf_image_range *range);

/* Of the pages that are kept. */
size_t elf_image_kept_bytes(const struct elf_image *image);

#endif
