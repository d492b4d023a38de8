/* Asks elfutils; every answer may be "there is none". */
#include "sampler/elf_file.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/cleanup.h"

/* More than any program has: bounds what a hostile file makes us allocate. */
#define NOTES_MAX_BYTES (64u << 10)
#define SYMBOL_SECTION_MAX_BYTES (256u << 20)
#define SYMBOL_NAME_MAX_BYTES 4096u

static void cleanup_elf(Elf **elf)
{
	elf_end(*elf);
}

static Elf *begin(int fd)
{
	elf_version(EV_CURRENT);
	return elf_begin(fd, ELF_C_READ, NULL);
}

static size_t note_build_id(Elf_Data *data, uint8_t *build_id)
{
	GElf_Nhdr note;
	size_t name, desc;
	size_t at = 0;

	while (data && (at = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 || memcmp((char *)data->d_buf + name, "GNU", 4))
			continue;
		if (note.n_descsz > TRACE_BUILD_ID_MAX_BYTES)
			return 0;
		memcpy(build_id, (char *)data->d_buf + desc, note.n_descsz);
		return note.n_descsz;
	}
	return 0;
}

size_t elf_file_build_id(int fd, uint8_t *build_id)
{
	Elf *elf CLEANUP(cleanup_elf) = begin(fd);
	size_t count;
	size_t size_bytes = 0;

	if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &count))
		return 0;
	for (size_t i = 0; i < count && !size_bytes; i++) {
		GElf_Phdr header;

		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_NOTE &&
		    header.p_filesz <= NOTES_MAX_BYTES)
			size_bytes = note_build_id(elf_getdata_rawchunk(elf, (int64_t)header.p_offset, header.p_filesz,
									header.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR),
						   build_id);
	}
	return size_bytes;
}

size_t elf_file_notes_build_id(const void *notes, size_t size_bytes, uint8_t *build_id)
{
	Elf_Data data = {
		.d_buf = (void *)notes, .d_type = ELF_T_NHDR, .d_version = EV_CURRENT, .d_size = size_bytes, .d_align = 4};

	elf_version(EV_CURRENT);
	return note_build_id(&data, build_id);
}

struct segment {
	uint64_t offset;
	uint64_t size_bytes;
	uint64_t address;
};

struct symbol {
	uint64_t size_bytes;
	const char *name; /* libelf's; NULL none */
};

/* A place by its address, with the symbols that begin nearest before it and not before the place that comes before. */
struct spot {
	uint64_t address;
	struct elf_place *place;
	uint64_t begin;
	struct symbol sized, unsized; /* hand-written assembly has no sizes */
};

static size_t read_segments(Elf *elf, struct segment **segments)
{
	size_t header_count, count = 0;

	*segments = NULL;
	if (elf_getphdrnum(elf, &header_count))
		return 0;
	*segments = calloc(header_count + 1, sizeof(**segments));
	for (size_t i = 0; *segments && i < header_count; i++) {
		GElf_Phdr header;

		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD && header.p_flags & PF_X)
			(*segments)[count++] = (struct segment){header.p_offset, header.p_filesz, header.p_vaddr};
	}
	return count;
}

static bool address_of(const struct segment *segments, size_t count, uint64_t file_offset, uint64_t *address)
{
	for (const struct segment *segment = segments; segment < segments + count; segment++) {
		if (file_offset >= segment->offset && file_offset - segment->offset < segment->size_bytes) {
			*address = file_offset - segment->offset + segment->address;
			return true;
		}
	}
	return false;
}

static int by_address(const void *a, const void *b)
{
	const struct spot *left = a, *right = b;

	return left->address < right->address ? -1 : left->address > right->address;
}

/* The first spot that is not before the address. */
static struct spot *spot_from(struct spot *spots, size_t count, uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spots[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count ? &spots[low] : NULL;
}

/* Of aliases the one that sorts last: clone3 and not __clone3. */
static bool is_better(const struct symbol *symbol, const struct symbol *than)
{
	if (!than->name || symbol->size_bytes != than->size_bytes)
		return !than->name || symbol->size_bytes > than->size_bytes;
	return strcmp(symbol->name, than->name) > 0;
}

static void take_symbol(struct spot *spots, size_t count, uint64_t address, const struct symbol *symbol)
{
	struct spot *spot = spot_from(spots, count, address);

	if (!spot || ((spot->sized.name || spot->unsized.name) && address < spot->begin))
		return;
	if (address != spot->begin)
		spot->sized = spot->unsized = (struct symbol){0};
	spot->begin = address;
	struct symbol *best = symbol->size_bytes ? &spot->sized : &spot->unsized;
	if (is_better(symbol, best))
		*best = *symbol;
}

static void take_section(struct spot *spots, size_t count, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t symbol_count = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;

	for (size_t i = 0; i < symbol_count; i++) {
		GElf_Sym symbol;

		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF)
			continue;
		int type = GELF_ST_TYPE(symbol.st_info);
		if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_value > spots[count - 1].address)
			continue;
		const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name && *name)
			take_symbol(spots, count, symbol.st_value, &(struct symbol){symbol.st_size, name});
	}
}

/* The symbols nearest before a place may lie before another one. */
static int name_spots(const struct spot *spots, size_t count)
{
	const struct spot *from = NULL;

	for (const struct spot *spot = spots; spot < spots + count; spot++) {
		if (spot->sized.name || spot->unsized.name)
			from = spot;
		if (!from)
			continue;
		uint64_t offset_bytes = spot->address - from->begin;
		const char *name = offset_bytes < from->sized.size_bytes ? from->sized.name : from->unsized.name;

		if (!name)
			continue;
		spot->place->offset_bytes = offset_bytes;
		spot->place->name = strndup(name, SYMBOL_NAME_MAX_BYTES);
		if (!spot->place->name)
			return -ENOMEM;
	}
	return 0;
}

int elf_file_name_places(int fd, struct elf_place *places, size_t count)
{
	Elf *elf CLEANUP(cleanup_elf) = begin(fd);
	struct segment *segments CLEANUP(cleanup_free) = NULL;
	struct spot *spots CLEANUP(cleanup_free) = calloc(count + 1, sizeof(*spots));
	size_t spot_count = 0;
	Elf_Scn *section = NULL;

	for (size_t i = 0; i < count; i++)
		places[i].name = NULL;
	if (!spots)
		return -ENOMEM;
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -ENODATA;
	size_t segment_count = read_segments(elf, &segments);
	for (size_t i = 0; i < count; i++)
		if (address_of(segments, segment_count, places[i].file_offset, &spots[spot_count].address))
			spots[spot_count++].place = &places[i];
	if (!spot_count)
		return 0;
	qsort(spots, spot_count, sizeof(*spots), by_address);
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM) &&
		    header.sh_size <= SYMBOL_SECTION_MAX_BYTES)
			take_section(spots, spot_count, elf, section, &header);
	}
	return name_spots(spots, spot_count);
}

static bool member_offset(Dwarf_Die *type, const char *member, uint32_t *offset_bytes)
{
	Dwarf_Die child;

	if (dwarf_child(type, &child))
		return false;
	do {
		Dwarf_Attribute attribute;
		Dwarf_Word offset;
		const char *name = dwarf_diename(&child);

		if (dwarf_tag(&child) != DW_TAG_member || !name || strcmp(name, member))
			continue;
		if (dwarf_formudata(dwarf_attr(&child, DW_AT_data_member_location, &attribute), &offset))
			return false;
		*offset_bytes = (uint32_t)offset;
		return true;
	} while (dwarf_siblingof(&child, &child) == 0);
	return false;
}

static bool unit_member_offset(Dwarf_Die *unit, const char *struct_name, const char *member, uint32_t *offset_bytes)
{
	Dwarf_Die child;

	if (dwarf_child(unit, &child))
		return false;
	do {
		const char *name = dwarf_diename(&child);

		if (dwarf_tag(&child) == DW_TAG_structure_type && name && !strcmp(name, struct_name) &&
		    member_offset(&child, member, offset_bytes))
			return true;
	} while (dwarf_siblingof(&child, &child) == 0);
	return false;
}

int elf_file_member_offset(const char *path, const char *struct_name, const char *member, uint32_t *offset_bytes)
{
	int fd CLEANUP(cleanup_close) = open(path, O_RDONLY | O_CLOEXEC);
	Dwarf *dwarf = fd < 0 ? NULL : dwarf_begin(fd, DWARF_C_READ);
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	int ret = -ENOENT;

	while (dwarf && ret && dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0)
		if (unit_member_offset(&die, struct_name, member, offset_bytes))
			ret = 0;
	dwarf_end(dwarf);
	return ret;
}
