/*
 * The walk up its own stack that a BPF program makes for an allocation, so that the kernel need not make it by its tables each time: what
 * the walk finds in the kernel becomes a key, and only where the key is new on a CPU is the sample taken with the kernel's own call chain.
 * The addresses of the user part go along with each sample.
 *
 * The walk knows a return address by what was learned of it beforehand (orc_table): where that was not the kernel's unwinder is asked, as it
 * is for interrupts, tasks of 32 bits, and user chains that are too long.
 */
#ifndef SLABREC_SAMPLER_STACK_WALK_H
#define SLABREC_SAMPLER_STACK_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/bpf_program.h"
#include "sampler/kernel_image.h"
#include "sampler/orc_table.h"
#include "trace/u64_map.h"
#include "sampler/user_recall.h"

/* The most addresses of a user call chain that a sample carries. */
#define STACK_WALK_USER_MAX 40u

/* Amounts of padding behind a task's registers that kernels have. */
#define STACK_WALK_PADDINGS 2u

/* Where the walk is from what a program of one raw tracepoint gets: found by trying. */
struct stack_walk_start {
	uint64_t address;      /* the return address that is found there; 0: it was not found, nothing is walked */
	uint64_t offset_bytes; /* from the program's context */
	int64_t bp_offset_bytes; /* from the end of that frame: register bp of its caller; 0 not known */
};

struct stack_step;

struct stack_walk {
	bool is_on;
	char why_not[128]; /* nothing is walked, or not on a raw tracepoint; "": everything is */
	bool has_user;
	int steps; /* map: struct stack_step [], by hash of the return address */
	int known; /* map of each CPU: keys whose call chain was sent, by hash */
	struct stack_step *table; /* steps, mapped */
	struct orc_table orc;
	const struct kernel_image *kernel; /* borrowed; its symbols change */
	struct u64_map tried;		/* return addresses that were learned, or cannot be */
	uint32_t padding_bytes;		/* between the registers of a task in user mode and the end of its stack */
};

/* On the program's stack below FP, for its use: 8-byte aligned. */
struct stack_walk_room {
	int user_at;  /* STACK_WALK_USER_MAX addresses */
	int pair_at;  /* 16 bytes */
	int word_at;  /* 8 bytes */
	int place_at; /* 8 bytes */
	/* With struct stack_walk_user only, 8 bytes each: */
	int recall_place_at;
	int recall_key_at;
	int copied_at; /* becomes 1 where the user stack may be taken, else 0 */
};

/* How the user part may be had instead of by frame pointers. */
struct stack_walk_user {
	const struct user_recall *recall;
	uint32_t program; /* number of this one, for user_recall_write() */
	/* Writes what goes to over where the user stack may not be taken. Uses r0 to r5. */
	void (*write_copy)(const void *context, struct bpf_program *program, bpf_program_label over);
	const void *context;
};

/* Opens it, off. -ENOTSUP: this kernel cannot be walked so. stack_walk_close() is due in any case. */
int stack_walk_open(struct stack_walk *walk, const struct kernel_image *kernel, bool has_user, orc_table_peek *peek, void *context,
		    struct error *err);
void stack_walk_close(struct stack_walk *walk);

/*
 * Writes into program what puts into r8 the bytes where the key is to be noted once the call chain was sent (0: it must not be), into r9
 * the key and into r7 how many addresses are at user_at (0 where a user chain is recognised or its stack is to be taken; user NULL:
 * neither is); then goes to plain, to keyed (the chain is asked for, to go with the key) or to
 * chain (it is asked for, and nothing of this is set). r6 is the context and kept. start: the address of a struct stack_walk_start in r1.
 */
void stack_walk_write(const struct stack_walk *walk, struct bpf_program *program, const struct stack_walk_room *room,
		      const struct stack_walk_user *user,
		      bpf_program_label plain, bpf_program_label keyed, bpf_program_label chain);

/* Writes what puts the number that the pointer in src is into dst; to out where that fails. word_at, place_at as above. */
void stack_walk_write_number(struct bpf_program *program, enum bpf_program_reg dst, enum bpf_program_reg src,
			     const struct stack_walk_room *room, bpf_program_label out);

/* Writes what puts the address into r3 where a task of user mode would have its code segment with padding i; r8 is any on its stack. */
void stack_walk_write_cs(struct bpf_program *program, unsigned int i);

/* cs: what is at these addresses. False: it was no task of user mode. */
bool stack_walk_find_padding(struct stack_walk *walk, const uint64_t *cs);

/* What one hit shows: the kernel's own call chain, and the stack from the program's context on. */
struct stack_walk_view {
	uint64_t address; /* of words */
	const uint64_t *words;
	size_t word_count;
	const uint64_t *chain;
	size_t chain_count;
};

/* Finds where to start, and proves it on what the hit has shown. False: not by this hit. */
bool stack_walk_find_start(struct stack_walk *walk, const struct stack_walk_view *view, struct stack_walk_start *start);

/* Learns of the addresses of a call chain what it can. */
void stack_walk_learn(struct stack_walk *walk, const uint64_t *chain, size_t count);

#endif
