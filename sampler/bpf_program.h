/*
 * BPF programs written instruction by instruction, and the bpf(2) calls for them and their maps: no compiler, headers or types of the kernel are needed where it runs.
 * Jumps go to labels, backward too where the loop is bounded. Any failure while writing (no room, a label without a place) is told by bpf_program_load().
 */
#ifndef SLABREC_SAMPLER_BPF_PROGRAM_H
#define SLABREC_SAMPLER_BPF_PROGRAM_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"

#define BPF_PROGRAM_INSNS 768
#define BPF_PROGRAM_JUMPS 96

enum bpf_program_reg {
	R0,  /* what a call returns */
	R1,  /* to R5: arguments of a call, gone after it */
	R2,
	R3,
	R4,
	R5,
	R6, /* to R9: kept over calls */
	R7,
	R8,
	R9,
	FP, /* the end of 512 bytes of stack */
};

typedef int bpf_program_label;

struct bpf_program {
	struct bpf_insn insns[BPF_PROGRAM_INSNS];
	size_t count;
	int places[BPF_PROGRAM_JUMPS]; /* of labels; -1 not yet */
	size_t label_count;
	struct {
		size_t insn;
		bpf_program_label label;
	} jumps[BPF_PROGRAM_JUMPS];
	size_t jump_count;
	bool is_bad;
};

/* Of hashes that programs and slabrec make alike. */
#define BPF_PROGRAM_FACTOR 0x9e3779b97f4a7c15u

static inline uint64_t bpf_program_mixed(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * BPF_PROGRAM_FACTOR;
	return hash ^ hash >> 32;
}

bpf_program_label bpf_program_new_label(struct bpf_program *program);
/* The label is here, before the next instruction. */
void bpf_program_place(struct bpf_program *program, bpf_program_label label);

/* dst OP= src, dst OP= value: 64 bit, BPF_ADD, BPF_SUB, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH, BPF_MOV, BPF_MUL. */
void bpf_program_alu(struct bpf_program *program, int op, enum bpf_program_reg dst, enum bpf_program_reg src);
void bpf_program_alu_value(struct bpf_program *program, int op, enum bpf_program_reg dst, int32_t value);
/* dst = src + value. */
void bpf_program_add_to(struct bpf_program *program, enum bpf_program_reg dst, enum bpf_program_reg src, int32_t value);
/* Takes value into hash as bpf_program_mixed() does; scratch may be value. */
void bpf_program_mix(struct bpf_program *program, enum bpf_program_reg hash, enum bpf_program_reg value,
		     enum bpf_program_reg scratch);
/* To label if dst OP src: BPF_JEQ, BPF_JNE, BPF_JLT, BPF_JGE, BPF_JSLE and so on. */
void bpf_program_jump(struct bpf_program *program, int op, enum bpf_program_reg dst, enum bpf_program_reg src,
		      bpf_program_label label);
void bpf_program_jump_value(struct bpf_program *program, int op, enum bpf_program_reg dst, int32_t value,
			    bpf_program_label label);
void bpf_program_goto(struct bpf_program *program, bpf_program_label label);
/* size: BPF_DW, BPF_W or BPF_H. */
void bpf_program_load_from(struct bpf_program *program, int size, enum bpf_program_reg dst, enum bpf_program_reg address,
			   int offset);
void bpf_program_store(struct bpf_program *program, int size, enum bpf_program_reg address, int offset,
		       enum bpf_program_reg src);
void bpf_program_store_value(struct bpf_program *program, int size, enum bpf_program_reg address, int offset, int32_t value);
void bpf_program_set(struct bpf_program *program, enum bpf_program_reg dst, uint64_t value);
/* A map, or the address within the one value of an array. */
void bpf_program_set_map(struct bpf_program *program, enum bpf_program_reg dst, int map_fd);
void bpf_program_set_map_value(struct bpf_program *program, enum bpf_program_reg dst, int map_fd, uint32_t offset_bytes);
void bpf_program_call(struct bpf_program *program, int helper);
/* r0: where the value of the key at FP + key_at is; to none where the map does not have it. */
void bpf_program_look_up(struct bpf_program *program, int map_fd, int key_at, bpf_program_label none);
/* Reads what is at r3 to FP + at: BPF_FUNC_probe_read_kernel, BPF_FUNC_probe_read_user. To failed where nothing can be read. */
void bpf_program_read(struct bpf_program *program, int helper, int at, int32_t size_bytes, bpf_program_label failed);
/* Adds one to the u64 at address, whoever else does; dst is used up. */
void bpf_program_count(struct bpf_program *program, enum bpf_program_reg address, enum bpf_program_reg scratch);
void bpf_program_exit(struct bpf_program *program, int32_t value);

/* Loads it as a raw tracepoint's, or a tracepoint's. Returns its descriptor or a negative errno, with what the verifier said last. */
int bpf_program_load(struct bpf_program *program, const char *name, struct error *err);
int bpf_program_load_tracepoint(struct bpf_program *program, const char *name, struct error *err);

/* Runs it on each hit of the raw tracepoint, until the returned descriptor is closed. -EINVAL: it reads more arguments than there are. */
int bpf_program_attach(int program_fd, const char *tracepoint, struct error *err);
/* Runs it once, now, with one argument. 0 or -errno. */
int bpf_program_run(int program_fd, uint64_t argument);
/* Hits that the kernel skipped because the program was running on that CPU; 0 where it does not tell. */
uint64_t bpf_program_missed(int program_fd);

/* A map: its descriptor, or a negative errno. */
int bpf_program_map(enum bpf_map_type type, const char *name, uint32_t key_bytes, uint32_t value_bytes, uint32_t entries,
		    uint32_t flags, struct error *err);
int bpf_program_map_set(int map_fd, const void *key, const void *value);
/* Whether the key is in a map of values of up to 512 bytes. */
bool bpf_program_map_has(int map_fd, const void *key);

#endif
