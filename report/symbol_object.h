/*
 * Something that addresses lie in and that may have a debug file: the kernel, one of its modules, a file that tasks had mapped.
 */
#ifndef SLABREC_REPORT_SYMBOL_OBJECT_H
#define SLABREC_REPORT_SYMBOL_OBJECT_H

#include <stdint.h>

enum symbol_object_kind { SYMBOL_OBJECT_KERNEL = 0, SYMBOL_OBJECT_MODULE, SYMBOL_OBJECT_FILE };

/* The best that names came from. */
enum symbol_source { SYMBOL_SOURCE_NONE = 0, SYMBOL_SOURCE_KALLSYMS, SYMBOL_SOURCE_SYMTAB, SYMBOL_SOURCE_DWARF };

/* An address to be named. */
struct symbol_place {
	/*
	 * Kernel: bytes from its symbol _stext; module: from its section .text; file: offset in the file. It is that of the byte
	 * before a return address.
	 */
	uint64_t pc;
	const char *function; /* as the trace has it, "" not known */
	uint64_t offset_bytes; /* of pc in it */
};

struct symbol_object {
	enum symbol_object_kind kind;
	const char *name;	    /* kernel: "", module: its name, file: its path */
	const char *kernel_release; /* "" not known */
	const uint8_t *build_id;    /* borrowed */
	uint32_t build_id_bytes;    /* 0 not known */
	const struct symbol_place *places; /* by pc, each once */
	uint32_t place_count;
};

#endif
