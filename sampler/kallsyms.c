/* Keeps /proc/kallsyms as one text with an index sorted by address: 16 bytes a symbol beside the text, 8 to 16 for names. */
#include "sampler/kallsyms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/text_file.h"
#include "trace/hash.h"

struct symbol {
	uint64_t address;
	uint32_t name;   /* offsets in text */
	uint32_t module; /* 0: none */
};

static const char *const variables[] = {"page_offset_base", "vmemmap_base", "__start_orc_unwind_ip", "__stop_orc_unwind_ip",
					 "__start_orc_unwind"};
#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

struct kallsyms {
	char *text; /* owned; NULs put in */
	struct symbol *symbols; /* by address */
	size_t count;
	uint32_t *names; /* hashed, for kallsyms_has(): places in symbols + 1, 0 free; a quarter to a half are used */
	size_t name_capacity; /* a power of two */
	uint64_t variables[VARIABLES];
};

static int by_address(const void *a, const void *b)
{
	const struct symbol *left = a, *right = b;

	if (left->address != right->address)
		return left->address < right->address ? -1 : 1;
	/* Of aliases the first in the file is the one people know. */
	return left->name < right->name ? -1 : left->name > right->name;
}

/* Where the name is among the names, or would go. */
static size_t name_at(const struct kallsyms *symbols, const char *name)
{
	size_t mask = symbols->name_capacity - 1, at = hash_text(HASH_START, name);

	for (at = (at ^ at >> 32) & mask; symbols->names[at]; at = (at + 1) & mask)
		if (!strcmp(symbols->text + symbols->symbols[symbols->names[at] - 1].name, name))
			break;
	return at;
}

/* Reads "ffffffff81000000 T _stext\t[module]"; false for data symbols and unreadable lines. */
static bool parse_line(struct kallsyms *symbols, char *line, struct symbol *symbol)
{
	char *end;

	symbol->address = strtoull(line, &end, 16);
	if (end == line || *end != ' ' || !end[1] || end[2] != ' ')
		return false;
	if (!strchr("tTwW", end[1])) {
		for (size_t i = 0; i < VARIABLES; i++)
			if (!strcmp(end + 3, variables[i]))
				symbols->variables[i] = symbol->address;
		return false;
	}
	char *name = end + 3;
	char *tab = strchr(name, '\t');
	symbol->name = (uint32_t)(name - symbols->text);
	symbol->module = 0;
	if (tab) {
		*tab = '\0';
		char *module = strchr(tab + 1, '[');
		if (module) {
			module[strcspn(module, "]")] = '\0';
			symbol->module = (uint32_t)(module + 1 - symbols->text);
		}
	}
	return true;
}

/* The kernel's own come sorted, and what follows them are modules. */
static void sort(struct symbol *symbols, size_t count)
{
	size_t sorted = 1;

	while (sorted < count && by_address(&symbols[sorted - 1], &symbols[sorted]) <= 0)
		sorted++;
	if (sorted >= count)
		return;
	qsort(symbols + sorted, count - sorted, sizeof(*symbols), by_address);
	if (by_address(&symbols[sorted - 1], &symbols[sorted]) > 0)
		qsort(symbols, count, sizeof(*symbols), by_address);
}

int kallsyms_parse(struct kallsyms **symbols_out, char *text, struct error *err)
{
	struct kallsyms *symbols = calloc(1, sizeof(*symbols));
	size_t capacity = 1;
	char *rest = NULL;

	if (symbols)
		symbols->text = text;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		capacity++;
	if (symbols) {
		symbols->symbols = calloc(capacity, sizeof(*symbols->symbols));
		for (symbols->name_capacity = 2; symbols->name_capacity < 2 * capacity;)
			symbols->name_capacity *= 2;
		symbols->names = calloc(symbols->name_capacity, sizeof(*symbols->names));
	}
	if (!symbols || !symbols->symbols || !symbols->names) {
		if (!symbols)
			free(text);
		kallsyms_free(symbols);
		return error_set(err, -ENOMEM, "/proc/kallsyms: out of memory");
	}
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (parse_line(symbols, line, &symbols->symbols[symbols->count]))
			symbols->count++;
	sort(symbols->symbols, symbols->count);
	for (size_t i = 0; i < symbols->count; i++)
		symbols->names[name_at(symbols, symbols->text + symbols->symbols[i].name)] = (uint32_t)i + 1;
	*symbols_out = symbols;
	return 0;
}

int kallsyms_new(struct kallsyms **symbols_out, struct error *err)
{
	char *text = text_file_read("/proc/kallsyms", NULL);

	if (!text)
		return error_set(err, -errno, "/proc/kallsyms: %m");
	int ret = kallsyms_parse(symbols_out, text, err);
	if (ret)
		return ret;
	if (!(*symbols_out)->count || !(*symbols_out)->symbols[(*symbols_out)->count - 1].address) {
		kallsyms_free(*symbols_out);
		*symbols_out = NULL;
		return error_set(err, -EACCES, "/proc/kallsyms hides its addresses: run as root with sysctl kernel.kptr_restrict=1 or 0");
	}
	return 0;
}

void kallsyms_free(struct kallsyms *symbols)
{
	if (!symbols)
		return;
	free(symbols->symbols);
	free(symbols->names);
	free(symbols->text);
	free(symbols);
}

struct kernel_symbol kallsyms_lookup(const struct kallsyms *symbols, uint64_t address)
{
	size_t low = 0;
	size_t high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return (struct kernel_symbol){.name = "", .module = ""};
	const struct symbol *symbol = &symbols->symbols[low - 1];
	while (symbol > symbols->symbols && symbol[-1].address == symbol->address)
		symbol--;
	/* Far beyond the last function of the kernel or of a module nothing is known. */
	if (address - symbol->address > 1u << 18)
		return (struct kernel_symbol){.name = "", .module = ""};
	return (struct kernel_symbol){.name = symbols->text + symbol->name,
				      .module = symbol->module ? symbols->text + symbol->module : "",
				      .offset_bytes = address - symbol->address};
}

bool kallsyms_has(const struct kallsyms *symbols, const char *name)
{
	return symbols->names[name_at(symbols, name)];
}

uint64_t kallsyms_address(const struct kallsyms *symbols, const char *name)
{
	uint32_t place = symbols->names[name_at(symbols, name)];

	return place && !symbols->symbols[place - 1].module ? symbols->symbols[place - 1].address : 0;
}

uint64_t kallsyms_variable(const struct kallsyms *symbols, const char *name)
{
	for (size_t i = 0; i < VARIABLES; i++)
		if (!strcmp(variables[i], name))
			return symbols->variables[i];
	return 0;
}
