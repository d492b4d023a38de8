/* Knows .eh_frame_hdr and the heads of .eh_frame's records, with their encodings of numbers (the LSB's exception frames). */
#include "sampler/unwind_table.h"

#include <stdlib.h>
#include <string.h>

#define PE_OMIT 0xff
#define PE_FORM 0x0f
#define PE_BASE 0x70
#define PE_PC_RELATIVE 0x10
#define PE_INDIRECT 0x80
/* Entries as all linkers write them: signed 4 bytes, relative to the header. */
#define PE_SEARCHABLE 0x3b
#define AUGMENTATION_MAX 16u
/* More than static programs have: bounds what a hostile file makes us read and keep. */
#define SECTION_BYTES_MAX (16u << 20)
#define ENTRIES_MAX (1u << 20)
#define LEB_BYTES_MAX 10u

/* Bytes that a number of this encoding has; 0: not of a fixed size. */
static size_t encoded_bytes(uint8_t encoding)
{
	static const uint8_t sizes[16] = {[0x0] = 8, [0x2] = 2, [0x3] = 4, [0x4] = 8, [0xa] = 2, [0xb] = 4, [0xc] = 8};

	return sizes[encoding & PE_FORM];
}

/* What a file with .eh_frame_hdr begins it with. */
struct header {
	uint8_t version;
	uint8_t frame_encoding;
	uint8_t count_encoding;
	uint8_t table_encoding;
};

static bool find_in_file(struct unwind_table *table, struct elf_image *image)
{
	struct elf_image_range range = elf_image_frame_header(image);
	struct header header;
	uint64_t count = 0;

	if (range.size_bytes < sizeof(header) || !elf_image_read(image, range.address, &header, sizeof(header)) ||
	    header.version != 1 || header.table_encoding != PE_SEARCHABLE || header.count_encoding == PE_OMIT ||
	    header.frame_encoding == PE_OMIT || header.count_encoding & PE_BASE)
		return false;
	size_t frame_bytes = encoded_bytes(header.frame_encoding), count_bytes = encoded_bytes(header.count_encoding);
	uint64_t head_bytes = sizeof(header) + frame_bytes + count_bytes;
	if (!frame_bytes || !count_bytes || range.size_bytes < head_bytes ||
	    !elf_image_read(image, range.address + sizeof(header) + frame_bytes, &count, count_bytes) ||
	    count > (range.size_bytes - head_bytes) / sizeof(struct unwind_entry))
		return false;
	*table = (struct unwind_table){.base = range.address, .address = range.address + head_bytes, .count = count};
	return count;
}

/* ---- made from the descriptions ---- */

/* A place in a section that is read from its beginning to its end. */
struct reading {
	struct elf_image *image;
	uint64_t at;
	uint64_t end;
	bool has_failed;
};

static uint64_t read_number(struct reading *reading, size_t size_bytes)
{
	uint64_t value = 0;

	if (reading->end - reading->at < size_bytes || !elf_image_read(reading->image, reading->at, &value, size_bytes)) {
		reading->has_failed = true;
		reading->at = reading->end;
		return 0;
	}
	reading->at += size_bytes;
	return value;
}

static void skip_leb(struct reading *reading)
{
	for (unsigned int i = 0; i < LEB_BYTES_MAX && read_number(reading, 1) & 0x80; i++)
		;
}

/* How the common part of descriptions says that their functions' addresses are encoded. PE_OMIT: not as we know them. */
static uint8_t address_encoding(struct reading part)
{
	char augmentation[AUGMENTATION_MAX];
	size_t length = 0;
	uint8_t version = (uint8_t)read_number(&part, 1);

	while (length < AUGMENTATION_MAX && (augmentation[length] = (char)read_number(&part, 1)))
		length++;
	if (part.has_failed || length == AUGMENTATION_MAX || (version != 1 && version != 3))
		return PE_OMIT;
	if (!length)
		return 0;
	if (*augmentation != 'z')
		return PE_OMIT;
	skip_leb(&part);
	skip_leb(&part);
	if (version == 1)
		read_number(&part, 1);
	else
		skip_leb(&part);
	skip_leb(&part);
	for (size_t i = 1; i < length; i++) {
		if (augmentation[i] == 'R')
			return (uint8_t)read_number(&part, 1);
		if (augmentation[i] == 'L')
			read_number(&part, 1);
		else if (augmentation[i] == 'P')
			read_number(&part, encoded_bytes((uint8_t)read_number(&part, 1)));
		else if (augmentation[i] != 'S' && augmentation[i] != 'B')
			return PE_OMIT;
	}
	return 0;
}

static bool read_address(struct reading *reading, uint8_t encoding, uint64_t *address)
{
	uint64_t here = reading->at;
	size_t size_bytes = encoded_bytes(encoding);

	if (encoding == PE_OMIT || encoding & PE_INDIRECT || !size_bytes)
		return false;
	*address = read_number(reading, size_bytes);
	if (encoding & 0x08 && size_bytes < sizeof(*address)) {
		unsigned int shift = 64 - 8 * (unsigned int)size_bytes;

		*address = (uint64_t)((int64_t)(*address << shift) >> shift);
	}
	if ((encoding & PE_BASE) == PE_PC_RELATIVE)
		*address += here;
	else if (encoding & PE_BASE)
		return false;
	return !reading->has_failed;
}

static int by_function(const void *a, const void *b)
{
	const struct unwind_entry *left = a, *right = b;

	return left->function < right->function ? -1 : left->function > right->function;
}

static bool add_entry(struct unwind_table *table, size_t *capacity, uint64_t function, uint64_t description)
{
	int64_t to_function = (int64_t)(function - table->base), to_description = (int64_t)(description - table->base);

	if (to_function != (int32_t)to_function || to_description != (int32_t)to_description || table->count == ENTRIES_MAX)
		return true;
	if (table->count == *capacity) {
		size_t more = *capacity ? 2 * *capacity : 1024;
		struct unwind_entry *made = realloc(table->made, more * sizeof(*made));

		if (!made)
			return false;
		table->made = made;
		*capacity = more;
	}
	table->made[table->count++] = (struct unwind_entry){(int32_t)to_function, (int32_t)to_description};
	return true;
}

static bool make(struct unwind_table *table, struct elf_image *image)
{
	struct elf_image_range range;
	uint64_t last_common = 0;
	uint8_t encoding = PE_OMIT;
	size_t capacity = 0;

	if (!elf_image_section(image, ".eh_frame", &range) || range.size_bytes > SECTION_BYTES_MAX)
		return false;
	struct reading reading = {.image = image, .at = range.address, .end = range.address + range.size_bytes};
	*table = (struct unwind_table){.base = range.address, .address = UNWIND_TABLE_MADE_FROM};
	while (reading.at < reading.end) {
		uint64_t description = reading.at, size_bytes = read_number(&reading, 4), function;

		if (size_bytes == 0xffffffff)
			size_bytes = read_number(&reading, 8);
		/* 0: the end, or the end of what one object file brought. */
		if (!size_bytes)
			continue;
		if (reading.has_failed || size_bytes > reading.end - reading.at)
			break;
		struct reading part = {.image = image, .at = reading.at, .end = reading.at + size_bytes};
		reading.at += size_bytes;
		uint64_t id_at = part.at, back = read_number(&part, 4);
		if (!back)
			continue;
		if (id_at - back != last_common) {
			struct reading common = {.image = image, .at = id_at - back, .end = range.address + range.size_bytes};

			last_common = common.at;
			if (common.at < range.address || common.at > common.end)
				continue;
			if (read_number(&common, 4) == 0xffffffff)
				read_number(&common, 8);
			read_number(&common, 4);
			encoding = address_encoding(common);
		}
		if (read_address(&part, encoding, &function) && !add_entry(table, &capacity, function, description))
			break;
	}
	if (!table->count)
		return false;
	qsort(table->made, table->count, sizeof(*table->made), by_function);
	return true;
}

bool unwind_table_open(struct unwind_table *table, struct elf_image *image)
{
	*table = (struct unwind_table){0};
	if (find_in_file(table, image) || make(table, image))
		return true;
	unwind_table_release(table);
	return false;
}

void unwind_table_release(struct unwind_table *table)
{
	free(table->made);
	*table = (struct unwind_table){0};
}

size_t unwind_table_made_bytes(const struct unwind_table *table)
{
	return table->made ? table->count * sizeof(*table->made) : 0;
}

bool unwind_table_read(const struct unwind_table *table, struct elf_image *image, uint64_t address, void *bytes, size_t size_bytes)
{
	uint64_t at = address - UNWIND_TABLE_MADE_FROM, made_bytes = unwind_table_made_bytes(table);

	if (address < UNWIND_TABLE_MADE_FROM)
		return elf_image_read(image, address, bytes, size_bytes);
	if (at > made_bytes || size_bytes > made_bytes - at)
		return false;
	memcpy(bytes, (const uint8_t *)table->made + at, size_bytes);
	return true;
}
