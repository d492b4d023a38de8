/*
 * Call chains to stack ids: each distinct chain is looked up once, its frames are named, and it becomes a path in the trace's
 * tree, the user part at the root side, the kernel part at the leaf.
 */
#ifndef SLABREC_SAMPLER_STACK_TABLE_H
#define SLABREC_SAMPLER_STACK_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "sampler/kernel_image.h"
#include "sampler/process_table.h"
#include "sampler/sample.h"
#include "trace/u64_map.h"

/* The kernel's part of a stack as a number, whatever its user part is and however much of that is known. */
struct stack_path {
	uint32_t kernel; /* 0 there is none */
	uint32_t caller; /* the same of the stack without its innermost frame */
};

struct stack_table {
	struct trace_writer *writer;
	struct kernel_image *kernel;
	struct process_table *processes;
	struct user_file_table *files;
	struct u64_map chains;	     /* hash of a raw chain -> node and more of the hash */
	struct u64_map kernel_parts; /* hash of a chain's kernel part and node of its user part -> the same */
	struct u64_map places;	     /* kernel address -> what it is in */
	struct u64_map nodes;	     /* parent and frame -> node */
	struct stack_path *paths;    /* owned; of node - 1 */
	size_t path_capacity;
	struct u64_map user_frames;  /* file and offset -> frame */
	uint64_t frames_unknown;     /* user frames in no known mapping */
	uint64_t chains_cut;	     /* chains as long as the kernel records them */
	uint64_t chains_hidden;	     /* chains whose callers another tracer's return probe hides */
};

void stack_table_init(struct stack_table *table, struct trace_writer *writer, struct kernel_image *kernel,
		      struct process_table *processes, struct user_file_table *files);
void stack_table_release(struct stack_table *table);

/* The same addresses may mean other frames from now on: chains are resolved anew. */
void stack_table_forget_chains(struct stack_table *table);

/* What the innermost frame of a call chain is. */
enum stack_top {
	STACK_TOP_CALL,	  /* a function that called something */
	STACK_TOP_ENTRY,  /* a probed function, at its entry */
	STACK_TOP_TRACER, /* a BPF program, and what runs it: left out */
};

/* Stack id of the sample's call chain; 0 where it has none, or without memory. */
uint32_t stack_table_id(struct stack_table *table, const struct sample *sample, enum stack_top top);

/* The kernel's part of the sample's call chain without the frames of a BPF program and what runs it: count addresses, in the sample. */
const uint64_t *stack_table_kernel_part(struct stack_table *table, const struct sample *sample, size_t *count);

/* Of a stack of this table; all-zero for 0. */
struct stack_path stack_table_path(const struct stack_table *table, uint32_t stack);

/* Writes the names of all user frames. Call it once, at the end. */
void stack_table_write_user_symbols(struct stack_table *table);

#endif
