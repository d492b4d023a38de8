/*
 * User call chains that were unwound once and are recognised from then on. Unwinding goes by the registers and by some words of the stack, of
 * which it is known which they were: where a BPF program finds the same in them, of the same process at the same instruction and stack pointer,
 * the chain is the same, and a key is all that the sample has to bring. (64 bits stand for what was found.)
 *
 * Whether the code is still the same is to be seen by whoever takes the sample.
 */
#ifndef SLABREC_SAMPLER_USER_RECALL_H
#define SLABREC_SAMPLER_USER_RECALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/bpf_program.h"
#include "trace/u64_map.h"
#include "sampler/user_unwind.h"
#include "trace/error.h"

/* A chain, and what it was found with. */
struct user_recall_chain {
	const uint64_t *addresses; /* valid until the next call */
	size_t count;
	enum user_unwind_end end;
	uint64_t code;	/* as user_unwind_code() tells it */
	uint64_t space; /* of the process: while it is the same so is code */
};

/* Half of what is remembered: when one half is full, what of the other was not used since it was is forgotten. */
struct user_recall_memory {
	struct u64_map keys; /* -> place in words + 1 */
	uint64_t *words;     /* owned; of each chain what is noted of it, then its addresses */
	size_t word_count;
	size_t word_capacity;
};

/* Zeroed by user_recall_close(), it recalls nothing. */
struct user_recall {
	int recipes; /* map: hash of process, instruction and stack pointer -> which words to look at */
	int known;   /* map: keys of chains, by hash */
	int windows; /* map of each CPU: the top of the stack that a program looks at, for each program */
	volatile uint64_t *known_keys; /* the same, mapped */
	struct u64_map ways; /* of each place in recipes, what is there, hashed */
	struct user_recall_memory memories[2];
	unsigned int present; /* which of them takes what is learned */
};

/* -ENOTSUP: the kernel does not have what it takes. */
int user_recall_open(struct user_recall *recall, struct error *err);
void user_recall_close(struct user_recall *recall);

/* On the program's stack below FP, 8-byte aligned. */
struct user_recall_room {
	int bp_at; /* the task's registers */
	int ip_at;
	int sp_at;
	int word_at; /* 8 bytes each, for its use */
	int offset_at;
	int place_at;
	int window_at; /* where what was read of the stack is */
	int key_at; /* becomes the chain's key; where no chain is recognised, what user_recall_learn() wants to be told */
};

/* Programs that can be told apart. */
#define USER_RECALL_PROGRAMS 16u

/*
 * Writes what goes to recognised where a chain is, else on. Uses all registers but r6 and r9. number: the program's, below
 * USER_RECALL_PROGRAMS; one that interrupts another has another.
 */
void user_recall_write(const struct user_recall *recall, struct bpf_program *program, const struct user_recall_room *room,
		       uint32_t number, bpf_program_label recognised);

/* The chain was unwound of a sample that brought this place. 0, also where it is not one that can be recalled; -ENOMEM. */
int user_recall_learn(struct user_recall *recall, uint64_t place, const struct user_unwind_trail *trail,
		      const struct user_recall_chain *chain);

/* The chain of the key, for reading and for writing its space; false: it is not known. */
bool user_recall_find(struct user_recall *recall, uint64_t key, struct user_recall_chain *chain);
/* It is still the chain of the key, with the process as it is now. */
void user_recall_confirm(struct user_recall *recall, uint64_t key, uint64_t space);
/* It is not any more. */
void user_recall_forget(struct user_recall *recall, uint64_t key);

#endif
