/* ELF files: this test itself, and what hostile tasks may map. */
#include "tests/cmocka_unit.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sampler/elf_file.h"
#include "sampler/user_file.h"
#include "tests/random.h"
#include "tests/sampler/written_trace.h"

#define SELF "/proc/self/exe"

/* Its members are asked for by name; the test is compiled with -g. */
struct struct_of_this_test {
	uint64_t first;
	char filler[85];
	const char *name;
	struct struct_of_this_test *next;
};
static volatile struct struct_of_this_test used = {.name = "used"};

static int code_segment(struct dl_phdr_info *of, size_t size, void *context)
{
	uint64_t *offset = context;

	(void)size;
	/* The first object is the program. */
	for (size_t i = 0; i < of->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &of->dlpi_phdr[i];
		uint64_t address = (uintptr_t)code_segment;
		uint64_t begin = of->dlpi_addr + header->p_vaddr;

		if (header->p_type == PT_LOAD && address >= begin && address < begin + header->p_memsz)
			*offset = address - begin + header->p_offset;
	}
	return 1;
}

/* Where this function lies in the file. */
static uint64_t offset_of_function(void)
{
	uint64_t offset = 0;

	dl_iterate_phdr(code_segment, &offset);
	assert_true(offset > 0);
	return offset;
}

static void test_build_id_is_what_readelf_tells(void **state)
{
	uint8_t build_id[TRACE_BUILD_ID_MAX_BYTES];
	char hex[2 * TRACE_BUILD_ID_MAX_BYTES + 1] = "", line[256], command[64];
	int fd = open(SELF, O_RDONLY);
	bool is_told = false;

	(void)state;
	size_t size = elf_file_build_id(fd, build_id);
	close(fd);
	assert_true(size >= 8 && size <= TRACE_BUILD_ID_MAX_BYTES);
	for (size_t i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", build_id[i]);
	snprintf(command, sizeof(command), "readelf -n /proc/%d/exe 2>/dev/null", (int)getpid());
	FILE *readelf = popen(command, "r");
	assert_non_null(readelf);
	bool has_output = false;
	while (fgets(line, sizeof(line), readelf)) {
		has_output = true;
		is_told |= strstr(line, "Build ID: ") && strstr(line, hex);
	}
	pclose(readelf);
	if (!has_output)
		skip();
	assert_true(is_told);
}

static void test_files_without_a_build_id(void **state)
{
	uint8_t build_id[TRACE_BUILD_ID_MAX_BYTES];
	struct elf_place place = {.file_offset = 77, .name = (char *)build_id};

	(void)state;
	assert_int_equal(elf_file_build_id(-1, build_id), 0);
	assert_int_equal(elf_file_name_places(-1, &place, 1), -ENODATA);
	assert_null(place.name);
	for (const char *const *path = (const char *const[]){"/dev/null", "/etc/passwd", "/proc/self", NULL}; *path;
	     path++) {
		int fd = open(*path, O_RDONLY);

		assert_int_equal(elf_file_build_id(fd, build_id), 0);
		assert_int_equal(elf_file_name_places(fd, &place, 1), -ENODATA);
		close(fd);
	}
	assert_null(place.name);
}

/* As /sys/kernel/notes: the first may be of others, names and contents are filled up to four bytes. */
static size_t add_note(uint8_t *at, const char *name, uint32_t type, const void *content, uint32_t size_bytes)
{
	Elf64_Nhdr header = {.n_namesz = (uint32_t)strlen(name) + 1, .n_descsz = size_bytes, .n_type = type};
	size_t size = sizeof(header);

	memcpy(at, &header, sizeof(header));
	memcpy(at + size, name, header.n_namesz);
	size += (header.n_namesz + 3) / 4 * 4;
	memcpy(at + size, content, size_bytes);
	return size + (size_bytes + 3) / 4 * 4;
}

static void test_notes(void **state)
{
	uint8_t notes[512] __attribute__((aligned(8))) = {0}, build_id[TRACE_BUILD_ID_MAX_BYTES];
	size_t size = 0;

	(void)state;
	size += add_note(notes + size, "Xen", 6, "a content", 9);
	size += add_note(notes + size, "Linux", 257, "x", 1);
	size += add_note(notes + size, "Linux", NT_GNU_BUILD_ID, "not it", 6);
	assert_int_equal(elf_file_notes_build_id(notes, size, build_id), 0);
	size_t before = size;
	size += add_note(notes + size, "GNU", NT_GNU_BUILD_ID, "01234567890123456789", 20);
	assert_int_equal(elf_file_notes_build_id(notes, size, build_id), 20);
	assert_memory_equal(build_id, "01234567890123456789", 20);
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *copy = malloc(cut + !cut);

		memcpy(copy, notes, cut);
		assert_int_equal(elf_file_notes_build_id(copy, cut, build_id), 0);
		free(copy);
	}
	/* Longer than any is. */
	size = before + add_note(notes + before, "GNU", NT_GNU_BUILD_ID, notes, 65);
	assert_int_equal(elf_file_notes_build_id(notes, size, build_id), 0);
	assert_int_equal(elf_file_notes_build_id(NULL, 0, build_id), 0);
}

static void test_symbols_by_file_offset(void **state)
{
	uint64_t wanted = offset_of_function();
	/* In any order. Headers hold no code, nor does what is behind the end. */
	struct elf_place places[] = {{.file_offset = wanted + 9}, {.file_offset = UINT64_MAX}, {.file_offset = wanted}, {.file_offset = 0}};
	int fd = open(SELF, O_RDONLY);

	(void)state;
	assert_int_equal(elf_file_name_places(fd, places, 0), 0);
	assert_int_equal(elf_file_name_places(fd, places, 4), 0);
	close(fd);
	assert_string_equal(places[0].name, "code_segment");
	assert_int_equal(places[0].offset_bytes, 9);
	assert_null(places[1].name);
	assert_string_equal(places[2].name, "code_segment");
	assert_int_equal(places[2].offset_bytes, 0);
	assert_null(places[3].name);
	free(places[0].name);
	free(places[2].name);
}

/* A file in memory, with these bytes. */
static int file_of(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	return fd;
}

/* An ELF file whose function symbols are those of a table, in its order; its code is at 0x1000, in the file as in memory. */
struct function {
	uint64_t begin, size_bytes;
	const char *name;
};

static int elf_of(const struct function *functions, size_t count)
{
	struct {
		Elf64_Ehdr elf;
		Elf64_Phdr code;
		Elf64_Shdr sections[3];
		Elf64_Sym symbols[16];
		char names[256];
	} file = {.elf = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			  .e_type = ET_DYN,
			  .e_machine = EM_X86_64,
			  .e_version = EV_CURRENT,
			  .e_ehsize = sizeof(Elf64_Ehdr),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 1,
			  .e_shentsize = sizeof(Elf64_Shdr),
			  .e_shnum = 3}};
	size_t names_bytes = 1;

	file.elf.e_phoff = offsetof(typeof(file), code);
	file.elf.e_shoff = offsetof(typeof(file), sections);
	file.code = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = PF_X, .p_offset = 0x1000, .p_vaddr = 0x1000, .p_filesz = 0x1000, .p_memsz = 0x1000};
	for (size_t i = 0; i < count; i++) {
		file.symbols[i + 1] = (Elf64_Sym){.st_name = (Elf64_Word)names_bytes,
						  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
						  .st_shndx = 7,
						  .st_value = functions[i].begin,
						  .st_size = functions[i].size_bytes};
		strcpy(file.names + names_bytes, functions[i].name);
		names_bytes += strlen(functions[i].name) + 1;
	}
	file.sections[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
					.sh_offset = offsetof(typeof(file), symbols),
					.sh_size = (count + 1) * sizeof(Elf64_Sym),
					.sh_link = 2,
					.sh_entsize = sizeof(Elf64_Sym)};
	file.sections[2] =
		(Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = offsetof(typeof(file), names), .sh_size = sizeof(file.names)};
	int fd = file_of((const uint8_t *)&file, sizeof(file));
	assert_int_equal(ftruncate(fd, 0x2000), 0);
	return fd;
}

static void test_which_symbol(void **state)
{
	static const struct function functions[] = {
		{0x1400, 0x10, "last"},	   {0x1100, 0x100, "__whole"}, {0x1100, 0x100, "whole"}, {0x1100, 0, "a_label"},
		{0x1100, 0x20, "a_part"},  {0x1200, 0, "assembly"},    {0x1300, 0x10, "small"},	 {0x1300, 0, "label_of_small"},
	};
	static const struct {
		uint64_t at, offset_bytes;
		const char *name;
	} wanted[] = {
		{0x10ff, 0, NULL},	     {0x1100, 0, "whole"},  {0x1101, 1, "whole"},	     {0x11ff, 0xff, "whole"},
		{0x1200, 0, "assembly"},     {0x12ff, 0xff, "assembly"}, {0x130f, 0xf, "small"}, {0x1310, 0x10, "label_of_small"},
		{0x1311, 0x11, "label_of_small"}, {0x140f, 0xf, "last"}, {0x1410, 0, NULL},		{0x1fff, 0, NULL},
	};
	enum { COUNT = sizeof(wanted) / sizeof(wanted[0]) };
	struct elf_place places[COUNT], alone;
	int fd = elf_of(functions, sizeof(functions) / sizeof(functions[0]));

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		places[COUNT - 1 - i].file_offset = wanted[i].at;
	assert_int_equal(elf_file_name_places(fd, places, COUNT), 0);
	for (size_t i = 0; i < COUNT; i++) {
		/* Whichever other places are asked for. */
		alone.file_offset = wanted[i].at;
		assert_int_equal(elf_file_name_places(fd, &alone, 1), 0);
		for (struct elf_place *place = &alone; place; place = place == &alone ? &places[COUNT - 1 - i] : NULL) {
			if (wanted[i].name) {
				assert_non_null(place->name);
				assert_string_equal(place->name, wanted[i].name);
				assert_int_equal(place->offset_bytes, wanted[i].offset_bytes);
			} else {
				assert_null(place->name);
			}
			free(place->name);
		}
	}
	close(fd);
}

static void test_member_of_a_struct(void **state)
{
	uint32_t offset = 0;

	(void)state;
	assert_int_equal(elf_file_member_offset(SELF, "struct_of_this_test", "name", &offset), 0);
	assert_int_equal(offset, offsetof(struct struct_of_this_test, name));
	assert_int_equal(elf_file_member_offset(SELF, "struct_of_this_test", "next", &offset), 0);
	assert_int_equal(offset, offsetof(struct struct_of_this_test, next));
	assert_int_equal(elf_file_member_offset(SELF, "struct_of_this_test", "first", &offset), 0);
	assert_int_equal(offset, 0);
	assert_int_equal(elf_file_member_offset(SELF, "struct_of_this_test", "last", &offset), -ENOENT);
	assert_int_equal(elf_file_member_offset(SELF, "no_such_struct", "name", &offset), -ENOENT);
	assert_int_equal(elf_file_member_offset("/etc/passwd", "struct_of_this_test", "name", &offset), -ENOENT);
	assert_int_equal(elf_file_member_offset("/nowhere", "struct_of_this_test", "name", &offset), -ENOENT);
	assert_string_equal(used.name, "used");
}

static void ask_everything(int fd)
{
	uint8_t build_id[TRACE_BUILD_ID_MAX_BYTES];
	struct elf_place places[64];

	assert_true(elf_file_build_id(fd, build_id) <= TRACE_BUILD_ID_MAX_BYTES);
	for (size_t i = 0; i < 64; i++)
		places[i].file_offset = i * 997;
	elf_file_name_places(fd, places, 64);
	for (size_t i = 0; i < 64; i++) {
		assert_true(!places[i].name || strlen(places[i].name) > 0);
		free(places[i].name);
	}
}

/* A small program with symbols, notes and DWARF, of the machine's compiler. NULL where there is none. */
static uint8_t *small_elf(size_t *size)
{
	char folder[] = "/tmp/elf-test-XXXXXX", command[512], path[64];

	if (!mkdtemp(folder))
		return NULL;
	snprintf(command, sizeof(command),
		 "cd %s && echo 'struct s { int a; char *name; }; int leaf(struct s *s) { return s->a; }' > x.c && "
		 "cc -g -O1 -shared -fPIC -nostdlib -Wl,--build-id -o x x.c 2>/dev/null",
		 folder);
	int ret = system(command);
	snprintf(path, sizeof(path), "%s/x", folder);
	uint8_t *bytes = malloc(1 << 20);
	FILE *file = ret ? NULL : fopen(path, "r");
	*size = file ? fread(bytes, 1, 1 << 20, file) : 0;
	if (file)
		fclose(file);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	ret = system(command);
	if (!*size)
		free(bytes);
	return *size ? bytes : NULL;
}

static void test_truncated_and_flipped(void **state)
{
	size_t size = 0;
	uint8_t *bytes = small_elf(&size);
	uint64_t seed = 17;
	uint32_t offset;
	char path[64];

	(void)state;
	if (!bytes)
		skip();
	int whole = file_of(bytes, size);
	ask_everything(whole);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", whole);
	assert_int_equal(elf_file_member_offset(path, "s", "name", &offset), 0);
	assert_int_equal(offset, 8);
	close(whole);
	for (size_t cut = 0; cut < size; cut += 64) {
		int fd = file_of(bytes, cut);

		ask_everything(fd);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		elf_file_member_offset(path, "s", "name", &offset);
		close(fd);
	}
	for (int i = 0; i < 3000; i++) {
		uint8_t *copy = malloc(size);

		memcpy(copy, bytes, size);
		/* Headers of the file, of segments and of sections are where the numbers are. */
		for (uint64_t flips = 1 + random_below(&seed, 8); flips; flips--) {
			size_t at = random_below(&seed, 3)   ? random_below(&seed, size)
				    : random_below(&seed, 2) ? random_below(&seed, 64 + 56 * 8)
							     : size - 1 - random_below(&seed, 64 * 16);

			copy[at] = random_below(&seed, 2) ? (uint8_t)random_next(&seed) : 0xff;
		}
		int fd = file_of(copy, size);
		ask_everything(fd);
		close(fd);
		free(copy);
	}
	free(bytes);
}

static void test_user_files(void **state)
{
	struct written_trace *trace = written_trace_new();
	struct user_file_table table;
	char path[256];

	(void)state;
	ssize_t size = readlink(SELF, path, sizeof(path) - 1);
	assert_true(size > 0);
	path[size] = '\0';
	user_file_table_init(&table, trace->writer);
	uint32_t self = user_file_find(&table, getpid(), path, 0);
	assert_int_equal(self, 1);
	assert_int_equal(user_file_find(&table, getpid(), path, 0), 1);
	/* Another inode is another file, one that is not there any more. */
	assert_int_equal(user_file_find(&table, getpid(), path, 12345), 2);
	assert_int_equal(user_file_find(&table, getpid(), "[vdso]", 0), 3);
	assert_int_equal(user_file_find(&table, getpid(), "/dev/zero", 0), 4);
	assert_int_equal(user_file_find(&table, -1, "/nowhere", 0), 5);
	assert_true(user_file_fd(&table, self) >= 0);
	for (uint32_t number = 2; number < 7; number++)
		assert_int_equal(user_file_fd(&table, number), -1);
	assert_int_equal(user_file_fd(&table, 0), -1);
	/* Only those that are asked for are written, in that order. */
	assert_int_equal(user_file_id(&table, 3), 1);
	assert_int_equal(user_file_id(&table, 1), 2);
	assert_int_equal(user_file_id(&table, 3), 1);
	assert_int_equal(user_file_id(&table, 0), 0);
	assert_int_equal(user_file_id(&table, 99), 0);
	assert_int_equal(written_trace_read(trace), 0);
	assert_int_equal(trace_reader_file_count(trace->reader), 2);
	assert_string_equal(trace_reader_text(trace->reader, trace_reader_file(trace->reader, 1)->path), "[vdso]");
	assert_int_equal(trace_reader_file(trace->reader, 1)->build_id_bytes, 0);
	assert_string_equal(trace_reader_text(trace->reader, trace_reader_file(trace->reader, 2)->path), path);
	uint8_t build_id[TRACE_BUILD_ID_MAX_BYTES];
	int fd = open(SELF, O_RDONLY);
	assert_int_equal(trace_reader_file(trace->reader, 2)->build_id_bytes, elf_file_build_id(fd, build_id));
	assert_memory_equal(trace_reader_file(trace->reader, 2)->build_id, build_id,
			    trace_reader_file(trace->reader, 2)->build_id_bytes);
	close(fd);
	user_file_table_release(&table);
	written_trace_free(trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_id_is_what_readelf_tells),
		cmocka_unit_test(test_files_without_a_build_id),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_symbols_by_file_offset),
		cmocka_unit_test(test_which_symbol),
		cmocka_unit_test(test_member_of_a_struct),
		cmocka_unit_test(test_truncated_and_flipped),
		cmocka_unit_test(test_user_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
