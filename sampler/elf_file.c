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

/* More symbols than any program has: bounds what a hostile file makes us allocate. */
#define NOTES_MAX_BYTES (64u << 10)
#define SYMBOL_SECTION_MAX_BYTES (256u << 20)
#define SYMBOL_NAME_MAX_BYTES 4096u
#define SYMBOL_NAMES_MAX_BYTES (256u << 20)
#define SYMBOLS_MAX (8u << 20)

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

struct symbol {
	uint64_t address;
	uint64_t size_bytes;
	char *name; /* owned */
};

struct segment {
	uint64_t offset;
	uint64_t size_bytes;
	uint64_t address;
};

struct elf_symbols {
	struct symbol *symbols; /* by address */
	size_t count;
	size_t capacity;
	struct segment *segments;
	size_t segment_count;
	size_t name_bytes; /* of all names */
};

static int by_address(const void *a, const void *b)
{
	const struct symbol *left = a, *right = b;

	if (left->address != right->address)
		return left->address < right->address ? -1 : 1;
	return strcmp(left->name, right->name);
}

static int add_symbol(struct elf_symbols *symbols, const GElf_Sym *symbol, const char *name)
{
	if (symbols->count == symbols->capacity) {
		size_t capacity = symbols->capacity ? symbols->capacity * 2 : 256;
		struct symbol *larger = realloc(symbols->symbols, capacity * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		symbols->symbols = larger;
		symbols->capacity = capacity;
	}
	/* Many symbols may share one long name: a small file must not become much memory. */
	size_t size_bytes = strnlen(name, SYMBOL_NAME_MAX_BYTES);
	if (symbols->name_bytes + size_bytes > SYMBOL_NAMES_MAX_BYTES)
		return 0;
	char *copy = strndup(name, size_bytes);
	if (!copy)
		return -ENOMEM;
	symbols->name_bytes += size_bytes;
	symbols->symbols[symbols->count++] = (struct symbol){symbol->st_value, symbol->st_size, copy};
	return 0;
}

static int add_section(struct elf_symbols *symbols, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
	int ret = 0;

	for (size_t i = 0; i < count && symbols->count < SYMBOLS_MAX && !ret; i++) {
		GElf_Sym symbol;

		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF)
			continue;
		int type = GELF_ST_TYPE(symbol.st_info);
		const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if ((type == STT_FUNC || type == STT_GNU_IFUNC) && name && *name)
			ret = add_symbol(symbols, &symbol, name);
	}
	return ret;
}

static int add_segments(struct elf_symbols *symbols, Elf *elf)
{
	size_t count;

	if (elf_getphdrnum(elf, &count))
		return -ENODATA;
	symbols->segments = calloc(count + 1, sizeof(*symbols->segments));
	if (!symbols->segments)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr header;

		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD && header.p_flags & PF_X)
			symbols->segments[symbols->segment_count++] =
				(struct segment){header.p_offset, header.p_filesz, header.p_vaddr};
	}
	return symbols->segment_count ? 0 : -ENODATA;
}

int elf_symbols_new(struct elf_symbols **symbols_out, int fd)
{
	Elf *elf CLEANUP(cleanup_elf) = begin(fd);
	Elf_Scn *section = NULL;

	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -ENODATA;
	struct elf_symbols *symbols = calloc(1, sizeof(*symbols));
	int ret = symbols ? add_segments(symbols, elf) : -ENOMEM;
	while (!ret && (section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM) &&
		    header.sh_size <= SYMBOL_SECTION_MAX_BYTES)
			ret = add_section(symbols, elf, section, &header);
	}
	if (!ret && !symbols->count)
		ret = -ENODATA;
	if (ret) {
		elf_symbols_free(symbols);
		return ret;
	}
	qsort(symbols->symbols, symbols->count, sizeof(*symbols->symbols), by_address);
	*symbols_out = symbols;
	return 0;
}

void elf_symbols_free(struct elf_symbols *symbols)
{
	if (!symbols)
		return;
	for (size_t i = 0; i < symbols->count; i++)
		free(symbols->symbols[i].name);
	free(symbols->symbols);
	free(symbols->segments);
	free(symbols);
}

static bool address_of(const struct elf_symbols *symbols, uint64_t file_offset, uint64_t *address)
{
	for (size_t i = 0; i < symbols->segment_count; i++) {
		const struct segment *segment = &symbols->segments[i];

		if (file_offset >= segment->offset && file_offset - segment->offset < segment->size_bytes) {
			*address = file_offset - segment->offset + segment->address;
			return true;
		}
	}
	return false;
}

const char *elf_symbols_lookup(const struct elf_symbols *symbols, uint64_t file_offset, uint64_t *offset_bytes)
{
	size_t low = 0;
	size_t high = symbols->count;
	uint64_t address;

	if (!address_of(symbols, file_offset, &address))
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	/* Of the symbols at one address the first that has a size and holds it; hand-written assembly has no sizes. */
	for (; low; low--) {
		const struct symbol *symbol = &symbols->symbols[low - 1];

		if (address - symbol->address < symbol->size_bytes || !symbol->size_bytes) {
			*offset_bytes = address - symbol->address;
			return symbol->name;
		}
		if (low > 1 && symbol[-1].address != symbol->address)
			return NULL;
	}
	return NULL;
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
