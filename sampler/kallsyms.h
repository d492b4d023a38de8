/* The kernel's symbols and modules as they are loaded now, for naming sampled kernel addresses. */
#ifndef SLABREC_SAMPLER_KALLSYMS_H
#define SLABREC_SAMPLER_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"

struct kallsyms;

struct kernel_symbol {
	const char *name;   /* owned by the table; "" where no symbol holds the address */
	const char *module; /* "" for the kernel itself */
	uint64_t offset_bytes;
};

/*
 * Reads /proc/kallsyms. -EACCES where the addresses are hidden (kptr_restrict, not root). The text overload parses given text
 * instead (tests).
 */
int kallsyms_new(struct kallsyms **symbols, struct error *err);
int kallsyms_parse(struct kallsyms **symbols, char *text, struct error *err);
void kallsyms_free(struct kallsyms *symbols);

/* The function that holds the address. */
struct kernel_symbol kallsyms_lookup(const struct kallsyms *symbols, uint64_t address);
/* True where a function of this name exists. */
bool kallsyms_has(const struct kallsyms *symbols, const char *name);
/* Address of the kernel's function or label of this name, 0 where there is none. */
uint64_t kallsyms_address(const struct kallsyms *symbols, const char *name);
/* Address of one of the few variables that slabrec wants to know; 0 where it is not listed (CONFIG_KALLSYMS_ALL). */
uint64_t kallsyms_variable(const struct kallsyms *symbols, const char *name);

#endif
