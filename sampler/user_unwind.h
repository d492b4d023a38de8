/*
 * User call chains from a copy of the stack: what the files that a process executes say of how to get from each frame to its caller (DWARF
 * call frame information), applied to the registers and the top of the stack that came with a sample. What is read of a file is kept for
 * all processes that execute it. x86-64 only; the only file that includes libunwind.
 *
 * Code that no file describes (of a JIT, say) is left by the frame pointer, as long as that leads to code.
 */
#ifndef SLABREC_SAMPLER_USER_UNWIND_H
#define SLABREC_SAMPLER_USER_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/process_table.h"
#include "sampler/user_file.h"
#include "trace/error.h"

/* Frames of one chain. */
#define USER_UNWIND_FRAMES_MAX 512u

/* The registers that samples bring, in this order. */
enum user_unwind_reg {
	USER_REG_AX,
	USER_REG_BX,
	USER_REG_CX,
	USER_REG_DX,
	USER_REG_SI,
	USER_REG_DI,
	USER_REG_BP,
	USER_REG_SP,
	USER_REG_IP,
	USER_REG_R8,
	USER_REG_COUNT = USER_REG_R8 + 8,
};

/* Borrowed from the sample. */
struct user_unwind_copy {
	const uint64_t *regs; /* USER_REG_COUNT */
	const uint8_t *stack; /* from the stack pointer on */
	size_t stack_bytes;
	bool is_full; /* there may be more behind it */
};

enum user_unwind_end {
	USER_UNWIND_WHOLE, /* the outermost frame was reached */
	USER_UNWIND_CUT,   /* the copy was too short, or there are more frames than are taken */
	USER_UNWIND_LOST,  /* nothing tells who the caller is */
};

/* Words of the stack that one chain may go by, to be recognised. */
#define USER_UNWIND_TRAIL_MAX 128u

/* What the last chain went by: with the same code, registers ip and sp and this in the stack it is the same again. */
struct user_unwind_trail {
	bool is_whole; /* there was nothing else */
	bool has_bp;   /* the first frame's register bp counts too */
	uint64_t bp;
	size_t count;
	uint16_t offsets[USER_UNWIND_TRAIL_MAX]; /* in words from the stack pointer on */
	uint64_t words[USER_UNWIND_TRAIL_MAX];
};

struct user_unwind;

/* -ENOTSUP: not on this architecture; -ENOMEM. The tables are borrowed. */
int user_unwind_new(struct user_unwind **unwind, const struct process_table *processes, struct user_file_table *files, struct error *err);
void user_unwind_free(struct user_unwind *unwind);

/*
 * The chain of the process, which has to be known as it was then: addresses as perf gives them, innermost first, return addresses but for the
 * innermost. Of a frame that a signal interrupted it is one more than where that was, so that all but the innermost are looked up one byte
 * back. Returns how many; they are valid until the next call.
 */
size_t user_unwind_run(struct user_unwind *unwind, int32_t pid, const struct user_unwind_copy *copy, const uint64_t **chain,
		       enum user_unwind_end *end);

/* Of the last run; valid until the next. */
const struct user_unwind_trail *user_unwind_trail(const struct user_unwind *unwind);

/* A number for the code that the chain's addresses are in, of the process as it is now: it changes with any of them. */
uint64_t user_unwind_code(const struct user_unwind *unwind, int32_t pid, const uint64_t *chain, size_t count);

#endif
