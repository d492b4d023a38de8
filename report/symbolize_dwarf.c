/* Knows libdw: what DWARF says of an address, and how an object's addresses are laid out in its file. */
#include "report/symbolize_dwarf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>

#include "report/demangle.h"
#include "trace/cleanup.h"

#define DIE_DEPTH_MAX 256u
#define NAME_MAX_BYTES 8192u
#define PATH_MAX_BYTES 4096u

/* An address that is asked for, as the file counts. */
struct target {
	Dwarf_Addr address; /* in the module that libdwfl has made of the files */
	Dwarf_Off unit;	    /* offset of its compile unit's DIE */
	const struct symbol_place *place;
	bool has_unit;
	bool is_local;
	bool is_named;
};

struct elf_symbol {
	Dwarf_Addr address;
	uint64_t size_bytes;
	const char *name;
	uint32_t rank; /* of two at one address the higher one names it */
};

/* The files while they are read. */
struct reading {
	struct symbol_table *table;
	const struct symbol_object *object;
	const struct debug_files *files;
	Dwfl *dwfl;
	Dwfl_Module *module;
	Dwarf *dwarf; /* NULL: none */
	Dwarf_Addr bias; /* of addresses in DWARF to those in the module */
	Dwarf *shared;	 /* owned */
	int shared_fd;
	struct target *targets; /* owned; by unit, then address */
	size_t count;
	struct elf_symbol *symbols; /* owned; by address */
	size_t symbol_count;
	bool is_named_by_symbol;
	bool has_symbols; /* were read, if there are any */
	bool is_damaged;
	bool failed; /* no memory */
};

/* One compile unit while it is walked. */
struct unit {
	struct reading *reading;
	Dwarf_Die die;	 /* with lines */
	Dwarf_Die tree;	 /* with functions: that of the .dwo, where it is split */
	Dwarf_Files *files;
	size_t file_count;
	struct target *targets; /* by address */
	size_t count, left;
	bool has_types_with_functions; /* not C */
};

/* Files. */

static int find_debug(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, const char *file_name,
		      const char *debuglink, GElf_Word crc, char **path)
{
	/* libdwfl asks twice: for the debug file, and for what that shares with others, which is found below. */
	const struct debug_files **files = (const struct debug_files **)user;

	(void)module, (void)name, (void)base, (void)file_name, (void)debuglink, (void)crc;
	if (!*files || !(*files)->image.path || !(*files)->debug.has_dwarf || (*files)->image.has_dwarf)
		return -1;
	int fd = fcntl((*files)->debug.fd, F_DUPFD_CLOEXEC, 3);
	*path = strdup((*files)->debug.path);
	*files = NULL;
	return fd;
}

static int find_nothing(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, char **path, Elf **elf)
{
	(void)module, (void)user, (void)name, (void)base, (void)path, (void)elf;
	return -1;
}

static void open_shared(struct reading *reading, const struct debug_search *search)
{
	const char *name;
	const void *build_id;
	ssize_t size_bytes = dwelf_dwarf_gnu_debugaltlink(reading->dwarf, &name, &build_id);

	if (size_bytes <= 0)
		return;
	reading->shared_fd = debug_file_find_shared(search, reading->files->debug.path, name, build_id, (uint32_t)size_bytes);
	reading->shared = reading->shared_fd >= 0 ? dwarf_begin(reading->shared_fd, DWARF_C_READ) : NULL;
	if (reading->shared)
		dwarf_setalt(reading->dwarf, reading->shared);
}

static int open_files(struct reading *reading, const struct debug_search *search, struct error *err)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = find_nothing, .find_debuginfo = find_debug, .section_address = dwfl_offline_section_address};
	const struct debug_file *main = reading->files->image.path ? &reading->files->image : &reading->files->debug;
	void **user;

	reading->dwfl = dwfl_begin(&callbacks);
	if (!reading->dwfl)
		return error_set(err, -ENOMEM, "not enough memory for debug files");
	int fd = fcntl(main->fd, F_DUPFD_CLOEXEC, 3);
	dwfl_report_begin(reading->dwfl);
	reading->module = dwfl_report_offline(reading->dwfl, "object", main->path, fd);
	if (!reading->module && fd >= 0)
		close(fd);
	dwfl_report_end(reading->dwfl, NULL, NULL);
	if (!reading->module)
		return error_set(err, -EBADMSG, "%s", dwfl_errmsg(-1));
	dwfl_module_info(reading->module, &user, NULL, NULL, NULL, NULL, NULL, NULL);
	*user = (void *)(uintptr_t)reading->files;
	if (reading->files->debug.has_dwarf)
		reading->dwarf = dwfl_module_getdwarf(reading->module, &reading->bias);
	if (reading->files->debug.has_dwarf && !reading->dwarf)
		error_set(err, -EBADMSG, "%s", dwfl_errmsg(-1));
	if (reading->dwarf)
		open_shared(reading, search);
	return 0;
}

static void reading_release(struct reading *reading)
{
	if (reading->dwfl)
		dwfl_end(reading->dwfl);
	if (reading->shared)
		dwarf_end(reading->shared);
	if (reading->shared_fd >= 0)
		close(reading->shared_fd);
	free(reading->targets);
	free(reading->symbols);
}

/* ELF symbols. */

static uint32_t symbol_rank(const GElf_Sym *symbol, const char *name)
{
	uint32_t type = GELF_ST_TYPE(symbol->st_info), binding = GELF_ST_BIND(symbol->st_info), rank = 0;

	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		rank += 8;
	if (symbol->st_size)
		rank += 4;
	if (binding == STB_GLOBAL)
		rank += 2;
	else if (binding == STB_WEAK)
		rank += 1;
	return 2 * rank + (*name != '_');
}

static bool is_named_code(const GElf_Sym *symbol, GElf_Word section, const char *name)
{
	uint32_t type = GELF_ST_TYPE(symbol->st_info);

	return name && *name && *name != '$' && section != SHN_UNDEF && section != SHN_ABS &&
	       (type == STT_FUNC || type == STT_NOTYPE || type == STT_GNU_IFUNC);
}

static int by_symbol(const void *left, const void *right)
{
	const struct elf_symbol *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return strcmp(b->name, a->name);
}

static void read_symbols(struct reading *reading)
{
	int count = dwfl_module_getsymtab(reading->module);

	if (reading->has_symbols || count <= 0)
		return;
	reading->has_symbols = true;
	reading->symbols = calloc((size_t)count, sizeof(*reading->symbols));
	reading->failed |= !reading->symbols;
	for (int i = 1; i < count && reading->symbols; i++) {
		GElf_Sym symbol;
		GElf_Addr address;
		GElf_Word section;
		const char *name = dwfl_module_getsym_info(reading->module, i, &symbol, &address, &section, NULL, NULL);

		if (is_named_code(&symbol, section, name))
			reading->symbols[reading->symbol_count++] = (struct elf_symbol){.address = address,
											.size_bytes = symbol.st_size,
											.name = name,
											.rank = symbol_rank(&symbol, name)};
	}
	if (reading->symbol_count)
		qsort(reading->symbols, reading->symbol_count, sizeof(*reading->symbols), by_symbol);
}

/* The symbol that holds the address; a label without a size holds all up to the next. */
static const struct elf_symbol *symbol_at(struct reading *reading, Dwarf_Addr address)
{
	size_t low = 0, high;

	read_symbols(reading);
	high = reading->symbol_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (reading->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	/* Labels in a function are no end of it. */
	for (size_t i = low, steps = 0; i > 0 && steps < 64; i--, steps++) {
		const struct elf_symbol *symbol = &reading->symbols[i - 1];

		if (symbol->size_bytes && address - symbol->address < symbol->size_bytes)
			return symbol;
	}
	return low && !reading->symbols[low - 1].size_bytes ? &reading->symbols[low - 1] : NULL;
}

/* The one symbol of that name; NULL where there are several at different addresses. */
static const struct elf_symbol *symbol_named(struct reading *reading, const char *name)
{
	const struct elf_symbol *found = NULL;

	read_symbols(reading);
	for (size_t i = 0; i < reading->symbol_count; i++) {
		if (strcmp(reading->symbols[i].name, name))
			continue;
		if (found && found->address != reading->symbols[i].address)
			return NULL;
		found = &reading->symbols[i];
	}
	return found;
}

/* Where things lie. */

struct section {
	Dwarf_Addr address;
	uint64_t size_bytes;
};

static bool find_section(struct reading *reading, const char *wanted, struct section *section)
{
	GElf_Addr bias;
	size_t names;
	Elf *elf = dwfl_module_getelf(reading->module, &bias);

	if (!elf || elf_getshdrstrndx(elf, &names))
		return false;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(scn, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		if (name && !strcmp(name, wanted)) {
			*section = (struct section){.address = header.sh_addr + bias, .size_bytes = header.sh_size};
			return true;
		}
	}
	return false;
}

/* The kernel was linked for other addresses than it ran at; _stext is known of both. */
static void place_kernel(struct reading *reading)
{
	const struct elf_symbol *start = symbol_named(reading, "_stext");
	struct section text = {0};

	if (!start && !find_section(reading, ".text", &text))
		return;
	for (size_t i = 0; i < reading->count; i++)
		reading->targets[i].address = (start ? start->address : text.address) + reading->targets[i].place->pc;
}

/* Where each section of a module was loaded is not known but for .text: elsewhere the name that the kernel had for it tells. */
static void place_module(struct reading *reading)
{
	struct section text = {0};
	bool has_text = find_section(reading, ".text", &text);

	for (size_t i = 0; i < reading->count; i++) {
		struct target *target = &reading->targets[i];
		const struct elf_symbol *symbol;

		if (has_text && target->place->pc < text.size_bytes) {
			target->address = text.address + target->place->pc;
			continue;
		}
		symbol = *target->place->function ? symbol_named(reading, target->place->function) : NULL;
		target->address = symbol ? symbol->address + target->place->offset_bytes : 0;
		target->is_local = true;
	}
}

/* Of what lies at an offset in the file; false where the headers do not say. */
static bool segment_address(Elf *elf, GElf_Addr bias, uint64_t offset, Dwarf_Addr *address)
{
	size_t count;

	if (elf_getphdrnum(elf, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr header;

		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD && offset >= header.p_offset &&
		    offset - header.p_offset < header.p_filesz) {
			*address = header.p_vaddr + bias + (offset - header.p_offset);
			return true;
		}
	}
	return false;
}

/* Debug files do not keep where segments lay in the file: the functions that the trace names in both tell it. */
static bool anchor(struct reading *reading, Dwarf_Addr *distance)
{
	for (size_t i = 0; i < reading->count; i++) {
		const struct symbol_place *place = reading->targets[i].place;
		const struct elf_symbol *symbol = *place->function ? symbol_named(reading, place->function) : NULL;

		if (symbol) {
			*distance = symbol->address + place->offset_bytes - place->pc;
			return true;
		}
	}
	return false;
}

static void place_file(struct reading *reading)
{
	GElf_Addr bias;
	Dwarf_Addr distance = 0;
	Elf *elf = dwfl_module_getelf(reading->module, &bias);
	bool has_image = reading->files->image.path != NULL;
	bool has_anchor = !has_image && anchor(reading, &distance);

	for (size_t i = 0; i < reading->count && elf; i++) {
		struct target *target = &reading->targets[i];

		if (has_anchor)
			target->address = target->place->pc + distance;
		else if (!segment_address(elf, bias, target->place->pc, &target->address))
			target->address = 0;
	}
}

static int place_targets(struct reading *reading)
{
	const struct symbol_object *object = reading->object;

	reading->targets = calloc(object->place_count + 1, sizeof(*reading->targets));
	if (!reading->targets)
		return -ENOMEM;
	reading->count = object->place_count;
	for (size_t i = 0; i < reading->count; i++)
		reading->targets[i].place = &object->places[i];
	if (object->kind == SYMBOL_OBJECT_KERNEL)
		place_kernel(reading);
	else if (object->kind == SYMBOL_OBJECT_MODULE)
		place_module(reading);
	else
		place_file(reading);
	return 0;
}

/* Compile units. */

static int by_address(const void *left, const void *right)
{
	const struct target *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

static int by_unit(const void *left, const void *right)
{
	const struct target *a = left, *b = right;

	if (a->has_unit != b->has_unit)
		return a->has_unit ? -1 : 1;
	if (a->unit != b->unit)
		return a->unit < b->unit ? -1 : 1;
	return by_address(left, right);
}

/* The first of the sorted targets at or above the address. */
static size_t first_target(const struct target *targets, size_t count, Dwarf_Addr address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (targets[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int by_offset(const void *left, const void *right)
{
	const Dwarf_Off *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* Units by .debug_aranges. Returns the offsets of the units it knows, sorted; NULL for none. Owned by the caller. */
static Dwarf_Off *find_units_by_table(struct reading *reading, size_t *known_count)
{
	Dwarf_Aranges *table;
	Dwarf_Off *known = NULL;
	size_t count = 0;

	*known_count = 0;
	if (dwarf_getaranges(reading->dwarf, &table, &count) || !count)
		return NULL;
	known = calloc(count, sizeof(*known));
	reading->failed |= !known;
	for (size_t i = 0; i < count && known; i++) {
		Dwarf_Addr start;
		Dwarf_Word length;
		Dwarf_Off offset;

		if (dwarf_getarangeinfo(dwarf_onearange(table, i), &start, &length, &offset))
			continue;
		known[(*known_count)++] = offset;
		start += reading->bias;
		for (size_t j = first_target(reading->targets, reading->count, start);
		     j < reading->count && reading->targets[j].address - start < length; j++) {
			reading->targets[j].unit = offset;
			reading->targets[j].has_unit = true;
		}
	}
	if (known)
		qsort(known, *known_count, sizeof(*known), by_offset);
	return known;
}

/* Units that no table tells of say themselves where their code is. */
static void find_units_by_themselves(struct reading *reading, const Dwarf_Off *known, size_t known_count)
{
	Dwarf_CU *next = NULL;
	Dwarf_Die die;
	uint8_t type;

	while (!dwarf_get_units(reading->dwarf, next, &next, NULL, &type, &die, NULL)) {
		Dwarf_Off unit = dwarf_dieoffset(&die);
		Dwarf_Addr base, start, end;

		if ((type != DW_UT_compile && type != DW_UT_skeleton) ||
		    (known_count && bsearch(&unit, known, known_count, sizeof(*known), by_offset)))
			continue;
		for (ptrdiff_t at = 0; (at = dwarf_ranges(&die, at, &base, &start, &end)) > 0;) {
			start += reading->bias, end += reading->bias;
			for (size_t i = first_target(reading->targets, reading->count, start);
			     i < reading->count && reading->targets[i].address < end; i++)
				if (!reading->targets[i].has_unit) {
					reading->targets[i].unit = unit;
					reading->targets[i].has_unit = true;
				}
		}
	}
}

static void find_units(struct reading *reading)
{
	size_t known_count;
	bool is_complete = true;

	qsort(reading->targets, reading->count, sizeof(*reading->targets), by_address);
	Dwarf_Off *known CLEANUP(cleanup_free) = find_units_by_table(reading, &known_count);
	for (size_t i = 0; i < reading->count; i++)
		is_complete &= reading->targets[i].has_unit || !reading->targets[i].address;
	if (!is_complete)
		find_units_by_themselves(reading, known, known_count);
	qsort(reading->targets, reading->count, sizeof(*reading->targets), by_unit);
}

/* Names and lines. */

static const char *attribute_text(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

/* text has room for a demangled name. */
static const char *readable(const char *name, char *text)
{
	return demangle(name, text, NAME_MAX_BYTES) ? text : name;
}

static const char *die_name(Dwarf_Die *die, char *text)
{
	const char *linkage = attribute_text(die, DW_AT_linkage_name);
	const char *name;

	if (!linkage)
		linkage = attribute_text(die, DW_AT_MIPS_linkage_name);
	if (linkage && demangle(linkage, text, NAME_MAX_BYTES))
		return text;
	name = attribute_text(die, DW_AT_name);
	return name ? name : linkage ? linkage : "";
}

/* "a/x/../b" is "a/b", "./a" is "a". In place. */
static void simplify(char *path)
{
	char *out = path, *start = path + (*path == '/');

	for (const char *in = path; *in;) {
		size_t length = strcspn(in, "/");

		if (in[length] == '/' && ((!length && in > path) || (length == 1 && *in == '.'))) {
			in += length + 1;
			continue;
		}
		if (length == 2 && in[0] == '.' && in[1] == '.' && in[2] == '/' && out > start + 1 &&
		    !(out - start >= 3 && !memcmp(out - 3, "../", 3) && (out - start == 3 || out[-4] == '/'))) {
			out--;
			while (out > start && out[-1] != '/')
				out--;
			in += 3;
			continue;
		}
		memmove(out, in, length);
		out += length;
		in += length;
		if (*in == '/')
			*out++ = *in++;
	}
	*out = '\0';
}

/* A kernel's sources are told from the top of its tree: people know those paths, and not where somebody built it. */
static const char *in_tree(const char *path)
{
	const char *found = path;

	for (const char *at = path; (at = strstr(at, "/linux-")); at++)
		if (at[7] >= '0' && at[7] <= '9' && strchr(at + 7, '/'))
			found = strchr(at + 7, '/') + 1;
	return found;
}

static const char *source_path(const struct unit *unit, const char *path, char *text)
{
	Dwarf_Die *die = (Dwarf_Die *)&unit->die;
	const char *folder;
	size_t length;

	if (!path || strlen(path) >= PATH_MAX_BYTES)
		return "";
	strcpy(text, path);
	simplify(text);
	if (unit->reading->object->kind == SYMBOL_OBJECT_FILE)
		return text;
	path = in_tree(text);
	folder = attribute_text(die, DW_AT_comp_dir);
	length = folder ? strlen(folder) : 0;
	if (path == text && length && !strncmp(path, folder, length) && path[length] == '/')
		path += length + 1;
	return path;
}

/* Room for the texts of one chain. */
struct chain {
	struct symbol symbols[SYMBOLS_PER_FRAME_MAX];
	char names[SYMBOLS_PER_FRAME_MAX][NAME_MAX_BYTES];
	char paths[SYMBOLS_PER_FRAME_MAX][PATH_MAX_BYTES];
	uint32_t count;
};

/* Children in their order in the file, which a damaged one could make a circle. */
static bool next_sibling(Dwarf_Die *die)
{
	Dwarf_Off offset = dwarf_dieoffset(die);

	return !dwarf_siblingof(die, die) && dwarf_dieoffset(die) > offset;
}

static bool is_scope(int tag)
{
	return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
	       tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt || tag == DW_TAG_subprogram;
}

/* The functions that are inlined at the address, the outermost first. Those beyond the room are the innermost. */
static uint32_t inlined_at(Dwarf_Die function, Dwarf_Addr address, Dwarf_Die dies[SYMBOLS_PER_FRAME_MAX])
{
	Dwarf_Die scope = function, child;
	uint32_t count = 1;

	dies[0] = function;
	for (uint32_t depth = 0; depth < DIE_DEPTH_MAX && !dwarf_child(&scope, &child); depth++) {
		bool has_more = true;

		while (has_more && !(is_scope(dwarf_tag(&child)) && dwarf_haspc(&child, address) > 0))
			has_more = next_sibling(&child);
		if (!has_more)
			break;
		/* A function in a function is not inlined there. */
		if (dwarf_tag(&child) == DW_TAG_subprogram)
			count = 0;
		if (dwarf_tag(&child) != DW_TAG_lexical_block && count < SYMBOLS_PER_FRAME_MAX &&
		    (dwarf_tag(&child) == DW_TAG_inlined_subroutine || dwarf_tag(&child) == DW_TAG_subprogram))
			dies[count++] = child;
		scope = child;
	}
	return count;
}

static uint32_t attribute_number(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	return dwarf_attr(die, name, &attribute) && !dwarf_formudata(&attribute, &value) && value <= UINT32_MAX ? (uint32_t)value : 0;
}

static void line_of(struct unit *unit, Dwarf_Addr address, struct symbol *symbol, char *path)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
	int number;

	if (!line || dwarf_lineno(line, &number) || number < 0)
		return;
	symbol->source_file = source_path(unit, dwarf_linesrc(line, NULL, NULL), path);
	symbol->line = (uint32_t)number;
}

static void call_of(struct unit *unit, Dwarf_Die *inlined, struct symbol *symbol, char *path)
{
	uint32_t file = attribute_number(inlined, DW_AT_call_file);

	if (!unit->files && dwarf_getsrcfiles(&unit->tree, &unit->files, &unit->file_count))
		unit->files = NULL;
	if (unit->files && file < unit->file_count)
		symbol->source_file = source_path(unit, dwarf_filesrc(unit->files, file, NULL, NULL), path);
	symbol->line = attribute_number(inlined, DW_AT_call_line);
}

static const char *function_name_by_symbol(struct reading *reading, const struct target *target, char *text)
{
	const struct elf_symbol *symbol = symbol_at(reading, target->address);

	return readable(symbol ? symbol->name : target->place->function, text);
}

/* start: where the piece of the function begins that holds the address. */
static void name_target(struct unit *unit, struct target *target, Dwarf_Die *function, Dwarf_Addr start, struct chain *chain)
{
	Dwarf_Addr address = target->address - unit->reading->bias;
	Dwarf_Die dies[SYMBOLS_PER_FRAME_MAX];
	uint32_t count = inlined_at(*function, address, dies);

	for (uint32_t i = 0; i < count; i++) {
		struct symbol *symbol = &chain->symbols[i];
		Dwarf_Die *die = &dies[count - 1 - i];

		*symbol = (struct symbol){.function = die_name(die, chain->names[i]), .source_file = ""};
		if (i)
			call_of(unit, die + 1, symbol, chain->paths[i]);
		else
			line_of(unit, address, symbol, chain->paths[i]);
	}
	/* Where the name is in a part of the debug file that is not here. */
	if (!*chain->symbols[count - 1].function)
		chain->symbols[count - 1].function = function_name_by_symbol(unit->reading, target, chain->names[count - 1]);
	chain->symbols[count - 1].offset_bytes = address - start;
	symbol_table_add(unit->reading->table, target->place->pc, chain->symbols, count, target->is_local);
	target->is_named = true;
	unit->left--;
}

static void visit_function(struct unit *unit, Dwarf_Die *function, struct chain *chain)
{
	Dwarf_Addr base, start, end;

	for (ptrdiff_t at = 0; (at = dwarf_ranges(function, at, &base, &start, &end)) > 0;) {
		Dwarf_Addr from = start + unit->reading->bias, to = end + unit->reading->bias;

		for (size_t i = first_target(unit->targets, unit->count, from);
		     i < unit->count && unit->targets[i].address < to; i++)
			if (!unit->targets[i].is_named)
				name_target(unit, &unit->targets[i], function, start, chain);
	}
}

static void visit_children(struct unit *unit, Dwarf_Die *parent, uint32_t depth, struct chain *chain)
{
	Dwarf_Die child;

	if (depth > DIE_DEPTH_MAX || dwarf_child(parent, &child))
		return;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
			visit_function(unit, &child, chain);
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
			visit_children(unit, &child, depth + 1, chain);
			break;
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
			if (unit->has_types_with_functions)
				visit_children(unit, &child, depth + 1, chain);
			break;
		default:
			break;
		}
	} while (unit->left && next_sibling(&child));
}

static bool is_c(Dwarf_Die *die)
{
	switch (dwarf_srclang(die)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_Mips_Assembler:
		return true;
	default:
		return false;
	}
}

/* Code without a function in DWARF, as assembler has it: the ELF symbol, with the line. */
static void name_by_symbol(struct reading *reading, struct unit *unit, struct target *target, struct chain *chain)
{
	const struct elf_symbol *found = target->address ? symbol_at(reading, target->address) : NULL;
	struct symbol *symbol = chain->symbols;

	*symbol = (struct symbol){.function = "", .source_file = ""};
	/* Behind a label may be anything: what the kernel called it is better. */
	if (found && !found->size_bytes && *target->place->function)
		found = NULL;
	if (found) {
		reading->is_named_by_symbol = true;
		symbol->function = readable(found->name, chain->names[0]);
		symbol->offset_bytes = target->address - found->address;
	}
	if (unit)
		line_of(unit, target->address - reading->bias, symbol, chain->paths[0]);
	if (!*symbol->function && *symbol->source_file) {
		symbol->function = target->place->function;
		symbol->offset_bytes = target->place->offset_bytes;
	}
	symbol_table_add(reading->table, target->place->pc, symbol, *symbol->function != '\0', target->is_local);
	target->is_named = true;
}

static void visit_unit(struct reading *reading, struct target *targets, size_t count, struct chain *chain)
{
	struct unit unit = {.reading = reading, .targets = targets, .count = count, .left = count};
	Dwarf_Die split;

	if (!dwarf_offdie(reading->dwarf, targets->unit, &unit.die)) {
		reading->is_damaged = true;
		return;
	}
	unit.tree = unit.die;
	if (!dwarf_cu_info(unit.die.cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) && split.addr)
		unit.tree = split;
	unit.has_types_with_functions = !is_c(&unit.tree);
	visit_children(&unit, &unit.tree, 0, chain);
	for (size_t i = 0; i < count && unit.left; i++)
		if (!targets[i].is_named)
			name_by_symbol(reading, &unit, &targets[i], chain);
}

static void name_targets(struct reading *reading)
{
	struct chain *chain CLEANUP(cleanup_free) = calloc(1, sizeof(*chain));
	size_t from = 0;

	reading->failed |= !chain;
	if (reading->dwarf && chain) {
		find_units(reading);
		for (size_t i = 1; i <= reading->count; i++) {
			const struct target *target = &reading->targets[from];

			if (i < reading->count && reading->targets[i].has_unit == target->has_unit &&
			    reading->targets[i].unit == target->unit)
				continue;
			if (target->has_unit)
				visit_unit(reading, &reading->targets[from], i - from, chain);
			from = i;
		}
	}
	for (size_t i = 0; i < reading->count && chain; i++)
		if (!reading->targets[i].is_named)
			name_by_symbol(reading, NULL, &reading->targets[i], chain);
}

int symbolize_dwarf(struct symbol_table *table, enum symbol_source *source, const struct debug_files *files,
		    const struct debug_search *search, const struct symbol_object *object, struct error *err)
{
	CLEANUP(reading_release)
	struct reading reading = {.table = table, .object = object, .files = files, .shared_fd = -1};

	*source = SYMBOL_SOURCE_NONE;
	int ret = open_files(&reading, search, err);
	if (!ret && place_targets(&reading))
		ret = error_set(err, -ENOMEM, "not enough memory for %u addresses", object->place_count);
	if (ret)
		return ret;
	name_targets(&reading);
	if (reading.dwarf)
		*source = SYMBOL_SOURCE_DWARF;
	else if (reading.is_named_by_symbol)
		*source = SYMBOL_SOURCE_SYMTAB;
	if (reading.failed || table->failed)
		return error_set(err, -ENOMEM, "not enough memory for names");
	if (reading.is_damaged || (files->debug.has_dwarf && !reading.dwarf))
		return error_set(err, -EBADMSG, "its DWARF is damaged");
	return 0;
}
