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
	entry->is_gone = false;
	entry->id = trace_writer_module(image->writer, &module);
	return 0;
}

static struct kernel_module *find_module(const struct kernel_image *image, const char *name)
{
	/* The newest first: a module that was loaded again is another. */
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
		if (!known || known->is_gone || known->begin != begin)
			ret = add_module(image, name, begin, size_bytes);
	}
	return ret;
}

/* The kernel's debug file has this symbol at another address: KASLR moves all of the text alike. */
static void write_start(const struct kernel_image *image)
{
	uint64_t start = kallsyms_address(image->symbols, "_stext");
	char text[24];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)start);
	if (start)
		trace_writer_fact(image->writer, "kernel.stext", text);
}

int kernel_image_init(struct kernel_image *image, struct trace_writer *writer, struct error *err)
{
	*image = (struct kernel_image){.writer = writer};
	int ret = kallsyms_new(&image->symbols, err);
	if (!ret && read_modules(image))
		ret = error_set(err, -ENOMEM, "/proc/modules: out of memory");
	if (!ret)
		write_start(image);
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

/* Calls and exact addresses have keys of their own: the same number may mean two functions. The kernel's addresses have the top bit set. */
static uint64_t key_of(uint64_t address, bool is_call)
{
	return (address << 1 | is_call) + 2;
}

static uint64_t address_of(uint64_t key)
{
	return (key - 2) >> 1 | 1ull << 63;
}

static bool holds(const struct kernel_module *module, uint64_t address)
{
	return module->begin && address >= module->begin && address - module->begin < module->size_bytes;
}

void kernel_image_module_came(struct kernel_image *image)
{
	image->reread_ns = 0;
}

void kernel_image_module_gone(struct kernel_image *image, const char *name)
{
	struct kernel_module *module = find_module(image, name);

	image->reread_ns = 0;
	if (!module)
		return;
	module->is_gone = true;
	for (size_t i = 0; i < image->frames.capacity; i++) {
		struct u64_slot *frame = &image->frames.slots[i];

		if (frame->key && holds(module, address_of(frame->key)))
			frame->value = 0;
	}
}

/*
 * The symbol, unless its module has gone or the address lies beyond the module that it is in: the space may be that of a module which
 * was loaded since the symbols were read.
 */
static struct kernel_symbol lookup(const struct kernel_image *image, uint64_t address)
{
	struct kernel_symbol symbol = kallsyms_lookup(image->symbols, address);
	const struct kernel_module *module = *symbol.module ? find_module(image, symbol.module) : NULL;

	if (module && (module->is_gone || (module->begin && !holds(module, address))))
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
	uint64_t key = key_of(address, is_call);
	uint64_t *frame = key ? u64_map_put(&image->frames, key) : NULL;

	if (!frame)
		return 0;
	if (!*frame)
		*frame = write_frame(image, address, is_call, now_ns);
	return (uint32_t)*frame;
}
