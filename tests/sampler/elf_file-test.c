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
	struct elf_symbols *symbols = NULL;

	(void)state;
	assert_int_equal(elf_file_build_id(-1, build_id), 0);
	assert_int_equal(elf_symbols_new(&symbols, -1), -ENODATA);
	for (const char *const *path = (const char *const[]){"/dev/null", "/etc/passwd", "/proc/self", NULL}; *path;
	     path++) {
		int fd = open(*path, O_RDONLY);

		assert_int_equal(elf_file_build_id(fd, build_id), 0);
		assert_int_equal(elf_symbols_new(&symbols, fd), -ENODATA);
		close(fd);
	}
	assert_null(symbols);
	elf_symbols_free(NULL);
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

static void test_symbol_by_file_offset(void **state)
{
	struct elf_symbols *symbols = NULL;
	uint64_t wanted = offset_of_function(), offset = 77;
	int fd = open(SELF, O_RDONLY);

	(void)state;
	assert_int_equal(elf_symbols_new(&symbols, fd), 0);
	close(fd);
	assert_string_equal(elf_symbols_lookup(symbols, wanted, &offset), "code_segment");
	assert_int_equal(offset, 0);
	assert_string_equal(elf_symbols_lookup(symbols, wanted + 9, &offset), "code_segment");
	assert_int_equal(offset, 9);
	/* Headers hold no code, nor does what is behind the end. */
	assert_null(elf_symbols_lookup(symbols, 0, &offset));
	assert_null(elf_symbols_lookup(symbols, UINT64_MAX, &offset));
	elf_symbols_free(symbols);
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

/* A file in memory, with these bytes. */
static int file_of(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	return fd;
}

static void ask_everything(int fd)
{
	uint8_t build_id[TRACE_BUILD_ID_MAX_BYTES];
	struct elf_symbols *symbols = NULL;
	uint64_t offset;

	assert_true(elf_file_build_id(fd, build_id) <= TRACE_BUILD_ID_MAX_BYTES);
	if (!elf_symbols_new(&symbols, fd))
		for (uint64_t at = 0; at < 1 << 16; at += 997) {
			const char *name = elf_symbols_lookup(symbols, at, &offset);

			assert_true(!name || strlen(name) > 0);
		}
	elf_symbols_free(symbols);
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
	uint64_t offset;
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
	assert_string_equal(user_file_symbol(&table, self, offset_of_function() + 3, &offset), "code_segment");
	assert_int_equal(offset, 3);
	user_file_done(&table, self);
	assert_string_equal(user_file_symbol(&table, self, offset_of_function() + 3, &offset), "code_segment");
	for (uint32_t number = 2; number < 7; number++)
		assert_null(user_file_symbol(&table, number, offset_of_function(), &offset));
	assert_null(user_file_symbol(&table, 0, offset_of_function(), &offset));
	user_file_done(&table, 0);
	user_file_done(&table, 99);
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
		cmocka_unit_test(test_symbol_by_file_offset),
		cmocka_unit_test(test_member_of_a_struct),
		cmocka_unit_test(test_truncated_and_flipped),
		cmocka_unit_test(test_user_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
