/* Knows how names of addresses are kept and written: each text once, addresses by distance. */
#include "report/symbol_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/room.h"
#include "trace/hash.h"

void symbol_table_release(struct symbol_table *table)
{
	if (!table)
		return;
	free(table->entries);
	free(table->symbols);
	free(table->strings);
	free(table->slots);
	buffer_release(&table->text);
	*table = (struct symbol_table){0};
}

/* Makes room for one more element. */
static bool grow(struct symbol_table *table, void *array, uint32_t count, uint32_t *capacity, size_t element_bytes)
{
	table->failed |= !room_for(array, count, capacity, element_bytes);
	return !table->failed;
}

static const char *text_at(const struct symbol_table *table, uint32_t string)
{
	return (const char *)table->text.bytes + table->strings[string];
}

static uint32_t *slot_of(const struct symbol_table *table, const char *text)
{
	uint64_t hash = hash_text(HASH_START, text);

	for (size_t at = hash ^ hash >> 29;; at++) {
		uint32_t *slot = &table->slots[at & (table->slot_capacity - 1)];

		if (!*slot || !strcmp(text_at(table, *slot - 1), text))
			return slot;
	}
}

static bool grow_slots(struct symbol_table *table)
{
	uint32_t *older = table->slots;

	if (4 * (table->string_count + 1) <= 3 * table->slot_capacity)
		return true;
	uint32_t capacity = 256;
	/* A table that was read has texts and no slots. */
	while (3 * (uint64_t)capacity < 8 * ((uint64_t)table->string_count + 1))
		capacity *= 2;
	uint32_t *slots = calloc(capacity, sizeof(*slots));
	if (!slots) {
		table->failed = true;
		return false;
	}
	table->slots = slots;
	table->slot_capacity = capacity;
	for (uint32_t i = 0; i < table->string_count; i++)
		*slot_of(table, text_at(table, i)) = i + 1;
	free(older);
	return true;
}

static uint32_t add_string(struct symbol_table *table, const char *text, size_t length)
{
	if (table->text.size_bytes + length >= UINT32_MAX)
		table->failed = true;
	if (table->failed || !grow(table, &table->strings, table->string_count, &table->string_capacity, sizeof(*table->strings)))
		return 0;
	table->strings[table->string_count] = (uint32_t)table->text.size_bytes;
	buffer_add(&table->text, text, length);
	buffer_add_u8(&table->text, 0);
	table->failed |= table->text.failed;
	return table->failed ? 0 : table->string_count++;
}

static uint32_t intern(struct symbol_table *table, const char *text)
{
	if (!grow_slots(table))
		return 0;
	uint32_t *slot = slot_of(table, text);
	if (!*slot) {
		uint32_t string = add_string(table, text, strlen(text));

		if (table->failed)
			return 0;
		*slot = string + 1;
	}
	return *slot - 1;
}

static void add_symbol(struct symbol_table *table, const struct symbol_table_symbol *symbol)
{
	if (grow(table, &table->symbols, table->symbol_count, &table->symbol_capacity, sizeof(*table->symbols)))
		table->symbols[table->symbol_count++] = *symbol;
}

static void add_entry(struct symbol_table *table, uint64_t pc, uint32_t first, bool is_local)
{
	if (!table->failed && grow(table, &table->entries, table->count, &table->capacity, sizeof(*table->entries)))
		table->entries[table->count++] = (struct symbol_table_entry){
			.pc = pc, .first = first, .count = table->symbol_count - first, .is_local = is_local};
}

void symbol_table_add(struct symbol_table *table, uint64_t pc, const struct symbol *symbols, uint32_t count, bool is_local)
{
	uint32_t first = table->symbol_count;

	for (uint32_t i = 0; i < count && i < SYMBOLS_PER_FRAME_MAX; i++) {
		struct symbol_table_symbol symbol = {.offset_bytes = symbols[i].offset_bytes, .line = symbols[i].line};

		symbol.function = intern(table, symbols[i].function);
		symbol.source_file = intern(table, symbols[i].source_file);
		add_symbol(table, &symbol);
	}
	add_entry(table, pc, first, is_local);
}

void symbol_table_merge(struct symbol_table *table, const struct symbol_table *other)
{
	for (uint32_t i = 0; i < other->count; i++) {
		const struct symbol_table_entry *entry = &other->entries[i];
		uint32_t first = table->symbol_count;

		if (entry->is_local)
			continue;
		for (uint32_t j = 0; j < entry->count; j++) {
			struct symbol_table_symbol symbol = other->symbols[entry->first + j];

			symbol.function = intern(table, text_at(other, symbol.function));
			symbol.source_file = intern(table, text_at(other, symbol.source_file));
			add_symbol(table, &symbol);
		}
		add_entry(table, entry->pc, first, false);
	}
}

static int by_pc(const void *left, const void *right)
{
	const struct symbol_table_entry *a = left, *b = right;

	if (a->pc != b->pc)
		return a->pc < b->pc ? -1 : 1;
	return (a->first > b->first) - (a->first < b->first);
}

void symbol_table_sort(struct symbol_table *table)
{
	uint32_t kept = 0;

	if (table->count)
		qsort(table->entries, table->count, sizeof(*table->entries), by_pc);
	for (uint32_t i = 0; i < table->count; i++)
		if (!kept || table->entries[kept - 1].pc != table->entries[i].pc)
			table->entries[kept++] = table->entries[i];
	table->count = kept;
}

int symbol_table_find(const struct symbol_table *table, uint64_t pc, struct symbol *symbols, uint32_t max)
{
	uint32_t low = 0, high = table->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (table->entries[middle].pc < pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == table->count || table->entries[low].pc != pc)
		return -1;
	const struct symbol_table_entry *entry = &table->entries[low];
	uint32_t count = entry->count < max ? entry->count : max;
	for (uint32_t i = 0; i < count; i++) {
		const struct symbol_table_symbol *symbol = &table->symbols[entry->first + i];

		symbols[i] = (struct symbol){.function = text_at(table, symbol->function),
					     .source_file = text_at(table, symbol->source_file),
					     .offset_bytes = symbol->offset_bytes,
					     .line = symbol->line};
	}
	return (int)count;
}

void symbol_table_write(const struct symbol_table *table, bool with_local, struct buffer *out)
{
	uint64_t pc = 0;
	uint32_t count = 0;

	buffer_add_varint(out, table->string_count);
	for (uint32_t i = 0; i < table->string_count; i++) {
		size_t length = strlen(text_at(table, i));

		buffer_add_varint(out, length);
		buffer_add(out, text_at(table, i), length);
	}
	for (uint32_t i = 0; i < table->count; i++)
		count += with_local || !table->entries[i].is_local;
	buffer_add_varint(out, count);
	for (uint32_t i = 0; i < table->count; i++) {
		const struct symbol_table_entry *entry = &table->entries[i];

		if (entry->is_local && !with_local)
			continue;
		buffer_add_varint(out, entry->pc - pc);
		pc = entry->pc;
		buffer_add_varint(out, (uint64_t)entry->count << 1 | entry->is_local);
		for (uint32_t j = 0; j < entry->count; j++) {
			const struct symbol_table_symbol *symbol = &table->symbols[entry->first + j];

			buffer_add_varint(out, symbol->function);
			buffer_add_varint(out, symbol->source_file);
			buffer_add_varint(out, symbol->line);
			buffer_add_varint(out, symbol->offset_bytes);
		}
	}
	out->failed |= table->failed;
}

static bool read_strings(struct symbol_table *table, struct cursor *in)
{
	uint64_t count = cursor_varint(in);

	for (uint64_t i = 0; i < count && !table->failed && !in->failed; i++) {
		uint64_t length = cursor_varint(in);
		const uint8_t *bytes = cursor_bytes(in, length);

		if (!bytes || memchr(bytes, 0, length))
			return false;
		add_string(table, (const char *)bytes, length);
	}
	return !in->failed;
}

static bool read_symbols(struct symbol_table *table, struct cursor *in, uint64_t count)
{
	for (uint64_t i = 0; i < count && !table->failed; i++) {
		uint64_t function = cursor_varint(in), source_file = cursor_varint(in), line = cursor_varint(in);
		struct symbol_table_symbol symbol = {.offset_bytes = cursor_varint(in), .line = (uint32_t)line};

		if (in->failed || function >= table->string_count || source_file >= table->string_count || line > UINT32_MAX)
			return false;
		symbol.function = (uint32_t)function;
		symbol.source_file = (uint32_t)source_file;
		add_symbol(table, &symbol);
	}
	return true;
}

static bool read_entries(struct symbol_table *table, struct cursor *in)
{
	uint64_t count = cursor_varint(in), pc = 0;

	for (uint64_t i = 0; i < count && !table->failed && !in->failed; i++) {
		uint64_t distance = cursor_varint(in), symbols = cursor_varint(in);
		uint32_t first = table->symbol_count;

		/* Rising: found by halving. */
		if (symbols >> 1 > SYMBOLS_PER_FRAME_MAX || (i && (!distance || pc + distance < pc)))
			return false;
		pc += distance;
		if (!read_symbols(table, in, symbols >> 1))
			return false;
		add_entry(table, pc, first, symbols & 1);
	}
	return !in->failed;
}

int symbol_table_read(struct symbol_table *table, struct cursor *in)
{
	*table = (struct symbol_table){0};
	bool is_good = read_strings(table, in) && read_entries(table, in);
	bool failed = table->failed;

	if (is_good && !failed)
		return 0;
	symbol_table_release(table);
	return failed ? -ENOMEM : -EBADMSG;
}
