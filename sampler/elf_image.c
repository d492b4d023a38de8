/* Knows ELF's program and section headers; every number in them is a claim. */
#include "sampler/elf_image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "trace/u64_map.h"

#define PAGE_BYTES 4096u
#define SEGMENTS_MAX 64u
#define SECTIONS_MAX 4096u
#define SECTION_NAME_MAX 32u
/* Sections that are not loaded are read by their offset in the file from here on. */
#define UNLOADED_FROM (1ull << 33)

struct segment {
	uint64_t address;
	uint64_t offset;
	uint64_t size_bytes; /* in the file */
	bool is_code;
};

struct elf_image {
	int fd;		      /* -1: memory */
	const uint8_t *bytes; /* borrowed; of memory */
	size_t size_bytes;
	struct segment segments[SEGMENTS_MAX];
	size_t segment_count;
	struct elf_image_range code;
	struct elf_image_range frame_header;
	uint64_t section_offset;
	uint32_t section_count;
	uint32_t names_section;
	struct u64_map pages; /* number + 1 -> bytes, owned */
	uint64_t last_number;
	const uint8_t *last; /* page of last_number; NULL none */
};

/* Page of the file; NULL: there is none. What is behind the file's end is 0. */
static const uint8_t *page(struct elf_image *image, uint64_t number)
{
	if (image->last && image->last_number == number)
		return image->last;
	uint64_t *place = u64_map_put(&image->pages, number + 1);
	if (!place)
		return NULL;
	if (!*place) {
		uint8_t *bytes = calloc(1, PAGE_BYTES);
		ssize_t got = bytes ? pread(image->fd, bytes, PAGE_BYTES, (off_t)(number * PAGE_BYTES)) : -1;

		if (got <= 0) {
			free(bytes);
			u64_map_remove(&image->pages, number + 1);
			return NULL;
		}
		*place = (uintptr_t)bytes;
	}
	image->last_number = number;
	image->last = (const uint8_t *)(uintptr_t)*place;
	return image->last;
}

static bool read_memory(const struct elf_image *image, uint64_t offset, void *bytes, size_t size_bytes)
{
	if (offset > image->size_bytes || size_bytes > image->size_bytes - offset)
		return false;
	memcpy(bytes, image->bytes + offset, size_bytes);
	return true;
}

static bool read_at(struct elf_image *image, uint64_t offset, void *bytes, size_t size_bytes)
{
	uint8_t *out = bytes;

	if (image->fd < 0)
		return read_memory(image, offset, bytes, size_bytes);
	if (offset >> 62)
		return false;
	while (size_bytes) {
		const uint8_t *from = page(image, offset / PAGE_BYTES);
		size_t at = offset % PAGE_BYTES;
		size_t part = size_bytes < PAGE_BYTES - at ? size_bytes : PAGE_BYTES - at;

		if (!from)
			return false;
		memcpy(out, from + at, part);
		out += part;
		offset += part;
		size_bytes -= part;
	}
	return true;
}

static void add_segment(struct elf_image *image, const Elf64_Phdr *header)
{
	struct segment segment = {.address = header->p_vaddr,
				  .offset = header->p_offset,
				  .size_bytes = header->p_filesz,
				  .is_code = header->p_flags & PF_X};

	/* What has such numbers cannot be loaded. */
	if (segment.address >= UNLOADED_FROM || segment.size_bytes >= UNLOADED_FROM - segment.address || segment.offset >> 62 ||
	    image->segment_count == SEGMENTS_MAX)
		return;
	/* Words are read as a whole. */
	if (segment.address % 8 == segment.offset % 8) {
		segment.size_bytes += segment.address % 8;
		segment.offset -= segment.address % 8;
		segment.address -= segment.address % 8;
	}
	image->segments[image->segment_count++] = segment;
	if (!segment.is_code || !segment.size_bytes)
		return;
	uint64_t end = image->code.address + image->code.size_bytes;
	if (!image->code.size_bytes || segment.address < image->code.address)
		image->code.address = segment.address;
	if (segment.address + segment.size_bytes > end)
		end = segment.address + segment.size_bytes;
	image->code.size_bytes = end - image->code.address;
}

static int read_headers(struct elf_image *image)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (!read_at(image, 0, &header, sizeof(header)) || memcmp(header.e_ident, ELFMAG, SELFMAG) ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != EM_X86_64 ||
	    header.e_phentsize != sizeof(segment))
		return -ENODATA;
	for (uint64_t i = 0; i < header.e_phnum; i++) {
		if (!read_at(image, header.e_phoff + i * sizeof(segment), &segment, sizeof(segment)))
			break;
		if (segment.p_type == PT_LOAD)
			add_segment(image, &segment);
		else if (segment.p_type == PT_GNU_EH_FRAME)
			image->frame_header = (struct elf_image_range){segment.p_vaddr, segment.p_memsz};
	}
	if (header.e_shentsize == sizeof(Elf64_Shdr) && header.e_shnum <= SECTIONS_MAX) {
		image->section_offset = header.e_shoff;
		image->section_count = header.e_shnum;
		image->names_section = header.e_shstrndx;
	}
	return image->code.size_bytes ? 0 : -ENODATA;
}

static int open_image(struct elf_image **out, int fd, const void *bytes, size_t size_bytes)
{
	struct elf_image *image = calloc(1, sizeof(*image));

	if (!image)
		return -ENOMEM;
	image->fd = bytes ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	image->bytes = bytes;
	image->size_bytes = size_bytes;
	int ret = image->fd < 0 && !bytes ? -errno : read_headers(image);
	if (ret) {
		elf_image_free(image);
		return ret;
	}
	*out = image;
	return 0;
}

int elf_image_new(struct elf_image **image, int fd)
{
	return open_image(image, fd, NULL, 0);
}

int elf_image_new_vdso(struct elf_image **image)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);

	/* It ends with its table of sections. */
	return header ? open_image(image, -1, header, header->e_shoff + (size_t)header->e_shnum * header->e_shentsize) : -ENODATA;
}

void elf_image_free(struct elf_image *image)
{
	if (!image)
		return;
	for (size_t i = 0; i < image->pages.capacity; i++)
		if (image->pages.slots[i].key)
			free((void *)(uintptr_t)image->pages.slots[i].value);
	u64_map_release(&image->pages);
	if (image->fd >= 0)
		close(image->fd);
	free(image);
}

bool elf_image_read(struct elf_image *image, uint64_t address, void *bytes, size_t size_bytes)
{
	if (address >= UNLOADED_FROM)
		return read_at(image, address - UNLOADED_FROM, bytes, size_bytes);
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct segment *segment = &image->segments[i];

		if (address >= segment->address && address - segment->address < segment->size_bytes)
			return read_at(image, address - segment->address + segment->offset, bytes, size_bytes);
	}
	return false;
}

bool elf_image_code_address(const struct elf_image *image, uint64_t file_offset, uint64_t *address)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct segment *segment = &image->segments[i];

		if (segment->is_code && file_offset >= segment->offset && file_offset - segment->offset < segment->size_bytes) {
			*address = file_offset - segment->offset + segment->address;
			return true;
		}
	}
	return false;
}

struct elf_image_range elf_image_code(const struct elf_image *image)
{
	return image->code;
}

struct elf_image_range elf_image_frame_header(const struct elf_image *image)
{
	return image->frame_header;
}

static bool read_section(struct elf_image *image, uint32_t number, Elf64_Shdr *section)
{
	return number < image->section_count &&
	       read_at(image, image->section_offset + (uint64_t)number * sizeof(*section), section, sizeof(*section));
}

bool elf_image_section(struct elf_image *image, const char *name, struct elf_image_range *range)
{
	size_t name_bytes = strlen(name) + 1;
	char found[SECTION_NAME_MAX];
	Elf64_Shdr names, section;

	if (name_bytes > sizeof(found) || !read_section(image, image->names_section, &names))
		return false;
	for (uint32_t i = 0; i < image->section_count; i++) {
		if (!read_section(image, i, &section) || section.sh_type == SHT_NOBITS || section.sh_flags & SHF_COMPRESSED ||
		    section.sh_name >= names.sh_size || section.sh_offset >> 32 || section.sh_size >> 32 ||
		    !read_at(image, names.sh_offset + section.sh_name, found, name_bytes) || memcmp(found, name, name_bytes))
			continue;
		bool is_loaded = section.sh_flags & SHF_ALLOC && section.sh_addr < UNLOADED_FROM;
		*range = (struct elf_image_range){is_loaded ? section.sh_addr : UNLOADED_FROM + section.sh_offset, section.sh_size};
		return true;
	}
	return false;
}

size_t elf_image_kept_bytes(const struct elf_image *image)
{
	return image->pages.count * PAGE_BYTES;
}
