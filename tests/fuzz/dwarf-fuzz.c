/*
 * Fuzzes report/symbolize_dwarf: any bytes as a debug file must be read to an end, with no place but those that were asked for in the
 * table. libdw itself has no instrumentation here; what is fuzzed is how we walk what it gives.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report/symbolize_dwarf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void name_places(int fd, enum symbol_object_kind kind)
{
	static const uint8_t build_id[20];
	static const struct debug_search search = {.no_debuginfod = true};
	struct symbol_place places[64];
	struct symbol_object object = {.kind = kind, .name = "/nowhere", .kernel_release = "", .build_id = build_id,
				       .build_id_bytes = sizeof(build_id), .places = places, .place_count = 64};
	char path[] = "/nowhere";
	struct debug_files files = {.image = {.fd = fd, .path = path, .has_dwarf = true},
				    .debug = {.fd = fd, .path = path, .has_dwarf = true}};
	struct symbol_table table = {0};
	enum symbol_source source;
	struct error err = {0};

	for (uint32_t i = 0; i < 64; i++)
		places[i] = (struct symbol_place){.pc = i < 32 ? i : 0x1000 + 4 * (i - 32), .function = i % 2 ? "main" : "", .offset_bytes = i};
	int ret = symbolize_dwarf(&table, &source, &files, &search, &object, &err);
	check(!ret || *err.message);
	check(source <= SYMBOL_SOURCE_DWARF && !table.failed);
	check(table.count <= 64);
	symbol_table_sort(&table);
	for (uint32_t i = 0; i < table.count; i++) {
		struct symbol symbols[SYMBOLS_PER_FRAME_MAX];
		int count = symbol_table_find(&table, table.entries[i].pc, symbols, SYMBOLS_PER_FRAME_MAX);

		check(count >= 0 && count <= (int)SYMBOLS_PER_FRAME_MAX);
		for (int j = 0; j < count; j++)
			check(strlen(symbols[j].function) + strlen(symbols[j].source_file) < 1u << 20);
	}
	symbol_table_release(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size_bytes) != (ssize_t)size_bytes)
		abort();
	name_places(fd, SYMBOL_OBJECT_FILE);
	name_places(fd, SYMBOL_OBJECT_MODULE);
	name_places(fd, SYMBOL_OBJECT_KERNEL);
	close(fd);
	return 0;
}
