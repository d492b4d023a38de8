/* Keeps /proc/kallsyms as one text with an index sorted by address: 24 bytes a symbol beside the text. */
#include "sampler/kallsyms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/text_file.h"

struct symbol {
	uint64_t address;
	uint32_t name;	 /* offsets in text */
	uint32_t module; /* 0: none */
	uint32_t key;	 /* of the name */
};

static const char *const variables[] = {"page_offset_base", "vmemmap_base", "__start_orc_unwind_ip", "__stop_orc_unwind_ip",
					 "__start_orc_unwind"};
/* "0 t a\n" */
#define LINE_LEAST_BYTES 6
#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

struct kallsyms {
	char *text;		/* owned; NULs put in */
	struct symbol *symbols; /* by address */
	size_t count;
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

/* Nearly tells names apart: how they end and how long they are. There are a hundred thousand, and few are ever asked for. */
static uint32_t name_key(const char *name, size_t length)
{
	uint32_t ending = 0;

	if (length >= sizeof(ending))
		memcpy(&ending, name + length - sizeof(ending), sizeof(ending));
	return ending ^ (uint32_t)length << 24;
}

/* The function of this name with the lowest address; NULL where there is none. */
static const struct symbol *find_name(const struct kallsyms *symbols, const char *name)
{
	uint32_t key = name_key(name, strlen(name));

	for (size_t i = 0; i < symbols->count; i++)
		if (symbols->symbols[i].key == key && !strcmp(symbols->text + symbols->symbols[i].name, name))
			return &symbols->symbols[i];
	return NULL;
}

static uint64_t parse_address(const char **at)
{
	uint64_t address = 0;

	for (;; (*at)++) {
		char digit = **at;

		if (digit >= '0' && digit <= '9')
			address = address << 4 | (uint64_t)(digit - '0');
		else if (digit >= 'a' && digit <= 'f')
			address = address << 4 | (uint64_t)(digit - 'a' + 10);
		else
			return address;
	}
}

/* Reads "ffffffff81000000 T _stext\t[module]"; false for data symbols and unreadable lines. */
static bool parse_line(struct kallsyms *symbols, char *line, size_t size_bytes, struct symbol *symbol)
{
	const char *at = line;

	symbol->address = parse_address(&at);
	if (at == line || at[0] != ' ' || !at[1] || at[2] != ' ')
		return false;
	const char *name = at + 3;
	if ((at[1] | 0x20) != 't' && (at[1] | 0x20) != 'w') {
		for (size_t i = 0; i < VARIABLES; i++)
			if (!strcmp(name, variables[i]))
				symbols->variables[i] = symbol->address;
		return false;
	}
	char *tab = memchr(name, '\t', size_bytes - (size_t)(name - line));
	symbol->name = (uint32_t)(name - symbols->text);
	symbol->key = name_key(name, (size_t)((tab ? tab : line + size_bytes) - name));
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

	/* Memory that nobody touches costs nothing. */
	if (symbols) {
		symbols->text = text;
		symbols->symbols = calloc(strlen(text) / LINE_LEAST_BYTES + 1, sizeof(*symbols->symbols));
	}
	if (!symbols || !symbols->symbols) {
		if (!symbols)
			free(text);
		kallsyms_free(symbols);
		return error_set(err, -ENOMEM, "/proc/kallsyms: out of memory");
	}
	for (char *line = text, *end; *line; line = end + 1) {
		end = strchrnul(line, '\n');
		bool is_last = !*end;
		*end = '\0';
		if (parse_line(symbols, line, (size_t)(end - line), &symbols->symbols[symbols->count]))
			symbols->count++;
		if (is_last)
			break;
	}
	sort(symbols->symbols, symbols->count);
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
	free(symbols->text);
	free(symbols);
}

/*
 * How far from its beginning the last function of something may reach. Trampolines of ftrace and kprobes ("__builtin__ftrace") are a page at
 * most; what follows in the modules' part of memory may be of a module that has gone.
 */
static uint64_t reach_bytes(const struct kallsyms *symbols, const struct symbol *symbol)
{
	static const char generated[] = "__builtin__";

	if (symbol->module && !strncmp(symbols->text + symbol->module, generated, sizeof(generated) - 1))
		return 4096;
	return 1u << 18;
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
	if (address - symbol->address >= reach_bytes(symbols, symbol))
		return (struct kernel_symbol){.name = "", .module = ""};
	return (struct kernel_symbol){.name = symbols->text + symbol->name,
				      .module = symbol->module ? symbols->text + symbol->module : "",
				      .offset_bytes = address - symbol->address};
}

bool kallsyms_has(const struct kallsyms *symbols, const char *name)
{
	return find_name(symbols, name);
}

uint64_t kallsyms_address(const struct kallsyms *symbols, const char *name)
{
	const struct symbol *symbol = find_name(symbols, name);

	return symbol && !symbol->module ? symbol->address : 0;
}

uint64_t kallsyms_variable(const struct kallsyms *symbols, const char *name)
{
	for (size_t i = 0; i < VARIABLES; i++)
		if (!strcmp(variables[i], name))
			return symbols->variables[i];
	return 0;
}
