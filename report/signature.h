/*
 * What a call stack is called in every build of the kernel: the functions that wanted the object, without the allocator's own, without how
 * the kernel was entered, without what user space did, never an address or a line; and which stacks of two recordings are the same by it.
 * Pure.
 */
#ifndef SLABREC_REPORT_SIGNATURE_H
#define SLABREC_REPORT_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "report/arena.h"
#include "report/model.h"
#include "trace/error.h"
#include "trace/u64_map.h"

/* Functions of a signature; what is farther out is left out. */
#define SIGNATURE_DEPTH_MAX 128u

/* How two stacks were found to be the same, the surest first. */
enum signature_rung {
	SIGNATURE_UNMATCHED = 0,
	SIGNATURE_SAME,	   /* same cache, and the same functions of the same modules and files */
	SIGNATURE_NAMES,   /* same cache and functions; in another module or file, or one side does not know, or the compiler's suffix differs */
	SIGNATURE_OUTLINE, /* same cache, and the same functions but for inlined ones */
	SIGNATURE_CACHE,   /* the same functions, in another cache */
	SIGNATURE_SIMILAR, /* same ends, and most functions between them in the same order */
	SIGNATURE_RUNGS,
};

/* Texts by number, shared by tables that are compared. All-zero has none; 0 is "". */
struct signature_names {
	struct arena arena;
	const char **texts; /* owned */
	uint32_t count;	    /* with 0, once there is one */
	uint32_t capacity;
	struct u64_map index; /* number by hash */
};

struct signature_function {
	uint32_t name;	 /* as the recording has it, of a part of a function its whole; of a system call "sys_" and its name, whichever wrapper it is */
	uint32_t plain;	 /* without what compilers append */
	uint32_t module; /* 0 the kernel itself */
	uint32_t file;	 /* where its source is, from the top of the tree; 0 not known */
};

struct signature {
	uint32_t cache;
	uint32_t count;
	const struct signature_function *functions; /* innermost first; a function that follows itself is there once */
	const struct signature_function *outline; /* the same without inlined ones */
	uint32_t outline_count;
};

/* The distinct signatures of one side, of any number of recordings. All-zero but for names is empty. */
struct signature_table {
	struct signature_names *names; /* borrowed */
	struct arena arena;
	struct signature *signatures; /* owned, in order of appearance */
	uint32_t count;
	uint32_t capacity;
	struct u64_map index; /* place + 1 by hash */
	uint32_t *symbols; /* owned, by plain name: a symbol that it stands for, or SIGNATURE_SEVERAL */
	uint32_t symbol_capacity;
};

#define SIGNATURE_SEVERAL UINT32_MAX

struct signature_match {
	uint32_t other; /* index in the other table */
	enum signature_rung rung; /* SIGNATURE_UNMATCHED: there is none */
};

void signature_names_release(struct signature_names *names);
void signature_table_release(struct signature_table *table);
/* Adds the sites of a model; places[i] becomes the index of site i's signature. The model may go then. 0, or -ENOMEM. */
int signature_table_add(struct signature_table *table, const struct model *model, uint32_t *places, struct error *err);
/*
 * Matches two tables of the same names, rung by rung; what two or more would fit is left unmatched. matches: one for each signature of
 * before, with its partner in after. 0, or -ENOMEM.
 */
int signature_match(const struct signature_table *before, const struct signature_table *after, struct signature_match *matches,
		    struct error *err);
/* The number of the text: a new one where it has none; UINT32_MAX without memory. */
uint32_t signature_number(struct signature_names *names, const char *text);
/* The text of that number. */
const char *signature_text(const struct signature_names *names, uint32_t number);
/* "same functions", ... of a rung; how it was found, for people. */
const char *signature_rung_name(enum signature_rung rung);
/* "same", "names", "outline", "cache", "similar", "none": for programs. */
const char *signature_rung_key(enum signature_rung rung);

#endif
