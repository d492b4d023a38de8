/* The running kernel and its modules as things with build-ids and names for addresses, written to the trace as they are needed. */
#ifndef SLABREC_SAMPLER_KERNEL_IMAGE_H
#define SLABREC_SAMPLER_KERNEL_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "sampler/kallsyms.h"
#include "trace/u64_map.h"
#include "trace/writer.h"

struct kernel_module {
	char name[64];
	uint64_t begin; /* 0: not told */
	uint64_t size_bytes;
	uint32_t id; /* in the trace */
	bool is_gone;
};

struct kernel_image {
	struct trace_writer *writer; /* borrowed */
	struct kallsyms *symbols;    /* owned */
	struct kernel_module *modules;
	size_t module_count;
	struct u64_map frames; /* address -> frame id */
	uint64_t reread_ns;
};

/* Reads kallsyms and writes the modules that are loaded. -EACCES where addresses are hidden. */
int kernel_image_init(struct kernel_image *image, struct trace_writer *writer, struct error *err);
void kernel_image_release(struct kernel_image *image);

/*
 * Trace id of the frame of a sampled kernel address. is_call: a return address, whose function is that of the byte before it.
 * Symbols are read anew, at most once a second, where the address is in nothing that is known. 0 without memory.
 */
uint32_t kernel_image_frame(struct kernel_image *image, uint64_t address, bool is_call, uint64_t now_ns);

/* A module has gone: its addresses mean nothing until symbols are read anew. What was resolved before stays in the trace. */
void kernel_image_module_gone(struct kernel_image *image, const char *name);
/* A module has come: its symbols may be read at once. */
void kernel_image_module_came(struct kernel_image *image);

/*
 * True where the return address is that of the kernel's code which runs return probes: one stands where the caller's was, and kernels
 * before 5.15 cannot tell that.
 */
bool kernel_image_is_trampoline(const struct kernel_image *image, uint64_t address);

#endif
