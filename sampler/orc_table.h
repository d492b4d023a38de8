/*
 * The ORC tables by which the kernel (x86-64, CONFIG_UNWINDER_ORC) unwinds its own stack, read where they lie in its memory: how far a
 * function's return address is from the stack pointer at one of its calls.
 */
#ifndef SLABREC_SAMPLER_ORC_TABLE_H
#define SLABREC_SAMPLER_ORC_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "sampler/kallsyms.h"

/* The 8 bytes of kernel memory at the address; 0 where there are none. */
typedef uint64_t orc_table_peek(void *context, uint64_t address);

struct orc_dialect;

struct orc_table {
	uint64_t ips; /* addresses in the kernel: int32_t [], sorted, each the distance from itself to an address in the text */
	uint64_t ips_end;
	uint64_t entries; /* struct orc_entry [], 6 bytes each */
	orc_table_peek *peek;
	void *context; /* of peek */
	const struct orc_dialect *dialect; /* what the numbers in entries mean here */
};

/* What the end of a function's frame is found by; its return address is in the last 8 bytes of the frame. */
enum orc_base {
	ORC_UNKNOWN,
	ORC_BY_SP,	     /* the stack pointer */
	ORC_BY_BP,	     /* register bp */
	ORC_BY_BP_INDIRECT,  /* what is in memory there */
	ORC_REGS,	     /* it has no caller: a struct pt_regs is so far above the stack pointer */
};

/* Where the caller's register bp is. */
enum orc_bp {
	ORC_BP_SAME,
	ORC_BP_BY_END, /* in memory, relative to the end of the frame */
	ORC_BP_BY_BP,  /* in memory, relative to itself */
};

struct orc_step {
	enum orc_base base;
	enum orc_bp bp;
	int32_t offset_bytes;	 /* from base */
	int32_t bp_offset_bytes;
};

/* False where this kernel has no such tables, or does not tell where. */
bool orc_table_find(struct orc_table *table, const struct kallsyms *symbols, orc_table_peek *peek, void *context);

/* Learns the dialect from an address that is known to be behind a call in an ordinary function. False: it is an unknown one. */
bool orc_table_calibrate(struct orc_table *table, uint64_t return_address);

struct orc_step orc_table_step(const struct orc_table *table, uint64_t return_address);

#endif
