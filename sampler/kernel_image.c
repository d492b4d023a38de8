/* Knows where the kernel tells its modules' addresses and build-ids. */
#include "sampler/kernel_image.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/elf_file.h"
#include "sampler/text_file.h"
#include "trace/cleanup.h"

#define REREAD_NS 1000000000u

static int add_module(struct kernel_image *image, const char *name, uint64_t begin, uint64_t size_bytes)
{
	struct trace_module module = {.name = trace_writer_text(image->writer, name), .size_bytes = size_bytes};
	char path[PATH_MAX], line[64];
	size_t notes_bytes;

	struct kernel_module *modules = realloc(image->modules, (image->module_count + 1) * sizeof(*modules));
	if (!modules)
		return -ENOMEM;
	image->modules = modules;
	snprintf(path, sizeof(path), "/sys/module/%.63s/sections/.text", name);
	if (!text_file_line(path, line, sizeof(line)))
		module.text_address = strtoull(line, NULL, 16);
	snprintf(path, sizeof(path), "/sys/module/%.63s/notes/.note.gnu.build-id", name);
	char *notes CLEANUP(cleanup_free) = text_file_read(path, &notes_bytes);
	if (notes)
		module.build_id_bytes = (uint8_t)elf_file_notes_build_id(notes, notes_bytes, module.build_id);
	struct kernel_module *entry = &modules[image->module_count++];
	snprintf(entry->name, sizeof(entry->name), "%.63s", name);
	entry->begin = begin;
	entry->size_bytes = size_bytes;
	entry->id = trace_writer_module(image->writer, &module);
	return 0;
}

static const struct kernel_module *find_module(const struct kernel_image *image, const char *name)
{
	/* The newest first: a module that was loaded again has a new address. */
	for (size_t i = image->module_count; i > 0; i--)
		if (!strcmp(image->modules[i - 1].name, name))
			return &image->modules[i - 1];
	return NULL;
}

static int read_modules(struct kernel_image *image)
{
	char *rest = NULL;
	int ret = 0;
	/* A kernel without module support has no such file. */
	char *text CLEANUP(cleanup_free) = text_file_read("/proc/modules", NULL);

	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line && !ret; line = strtok_r(NULL, "\n", &rest)) {
		char name[64];
		unsigned long long size_bytes, begin;

		/* name size references users state address */
		if (sscanf(line, "%63s %llu %*s %*s %*s %llx", name, &size_bytes, &begin) != 3)
			continue;
		const struct kernel_module *known = find_module(image, name);
		if (!known || known->begin != begin)
			ret = add_module(image, name, begin, size_bytes);
	}
	return ret;
}

int kernel_image_init(struct kernel_image *image, struct trace_writer *writer, struct error *err)
{
	*image = (struct kernel_image){.writer = writer};
	int ret = kallsyms_new(&image->symbols, err);
	if (!ret && read_modules(image))
		ret = error_set(err, -ENOMEM, "/proc/modules: out of memory");
	return ret;
}

void kernel_image_release(struct kernel_image *image)
{
	kallsyms_free(image->symbols);
	free(image->modules);
	u64_map_release(&image->frames);
	*image = (struct kernel_image){0};
}

/* A module may have been loaded since the symbols were read. */
static void reread(struct kernel_image *image, uint64_t now_ns)
{
	struct kallsyms *symbols = NULL;

	if (now_ns - image->reread_ns < REREAD_NS)
		return;
	image->reread_ns = now_ns;
	if (kallsyms_new(&symbols, NULL))
		return;
	kallsyms_free(image->symbols);
	image->symbols = symbols;
	read_modules(image);
}

/*
 * The symbol, unless the address lies beyond the module that it is in: the space behind may be that of a module which was loaded since
 * the symbols were read.
 */
static struct kernel_symbol lookup(const struct kernel_image *image, uint64_t address)
{
	struct kernel_symbol symbol = kallsyms_lookup(image->symbols, address);
	const struct kernel_module *module = *symbol.module ? find_module(image, symbol.module) : NULL;

	if (module && module->begin && (address < module->begin || address - module->begin >= module->size_bytes))
		return (struct kernel_symbol){.name = "", .module = ""};
	return symbol;
}

bool kernel_image_is_trampoline(const struct kernel_image *image, uint64_t address)
{
	struct kernel_symbol symbol = kallsyms_lookup(image->symbols, address);

	return !symbol.offset_bytes && (strstr(symbol.name, "kretprobe_trampoline") || strstr(symbol.name, "rethook_trampoline"));
}

static uint32_t write_frame(struct kernel_image *image, uint64_t address, bool is_call, uint64_t now_ns)
{
	/* Nobody called the trampoline: it stands there with its first byte. */
	is_call = is_call && !kernel_image_is_trampoline(image, address);
	struct kernel_symbol symbol = lookup(image, address - is_call);

	if (!*symbol.name) {
		reread(image, now_ns);
		symbol = lookup(image, address - is_call);
	}
	struct trace_frame frame = {.kind = TRACE_FRAME_KERNEL, .address = address};
	if (*symbol.name) {
		const struct kernel_module *module = find_module(image, symbol.module);

		frame.symbol = trace_writer_text(image->writer, symbol.name);
		frame.symbol_offset_bytes = symbol.offset_bytes + is_call;
		frame.module = module ? module->id : 0;
	}
	return trace_writer_frame(image->writer, &frame);
}

uint32_t kernel_image_frame(struct kernel_image *image, uint64_t address, bool is_call, uint64_t now_ns)
{
	/* Calls and exact addresses have keys of their own: the same number may mean two functions. */
	uint64_t key = (address << 1 | is_call) + 2;
	uint64_t *frame = key ? u64_map_put(&image->frames, key) : NULL;

	if (!frame)
		return 0;
	if (!*frame)
		*frame = write_frame(image, address, is_call, now_ns);
	return (uint32_t)*frame;
}
