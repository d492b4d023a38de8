/*
 * Knows how x86-64 finds the struct page of an address and what SLUB keeps there. The layout is found by candidates and believed only
 * where it proves right: page tables, types and symbols are not needed, but for addresses that are randomized.
 */
#include "sampler/slab_bpf.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sampler/bpf_program.h"
#include "sampler/probe_table.h"

#define PAGE_SHIFT 12
#define STRUCT_PAGE_SHIFT 6
#define COMPOUND_HEAD_BYTES 8
/* Of no raw tracepoint. */
#define PEEK_SLOT SLAB_BPF_MAX
/* Stack of a program, below FP: what it sends, the name it looks up, and words that are read. */
#define RECORD_AT (-(int)sizeof(struct slab_bpf_record))
#define FIELD_AT(member) (RECORD_AT + (int)offsetof(struct slab_bpf_record, member))
#define NAME_AT (RECORD_AT - SLAB_CACHE_NAME_MAX)
#define WORD_AT (NAME_AT - 8)
#define PLACE_AT (WORD_AT - 8)
#define TURN_AT (PLACE_AT - 8)
#define RECALL_AT (TURN_AT - 8)
#define COPIED_AT (RECALL_AT - 8)
#define TRIED_ROUNDS 48
/* Too few hits prove nothing. */
#define TRIED_MIN 24

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- programs ---- */

/* Reads 8 bytes of kernel memory at r3 into dst; to failed where there are none. */
static void read_word(struct bpf_program *program, enum bpf_program_reg dst, bpf_program_label failed)
{
	bpf_program_read(program, BPF_FUNC_probe_read_kernel, WORD_AT, 8, failed);
	bpf_program_load_from(program, BPF_DW, dst, FP, WORD_AT);
}

/* r7: an object. r9 becomes the kmem_cache of the page it is in, or some other word. */
static void find_cache(struct bpf_program *program, const struct slab_layout *layout, bpf_program_label out)
{
	bpf_program_label head = bpf_program_new_label(program);
	bpf_program_label by_mask = bpf_program_new_label(program);
	bpf_program_label done = bpf_program_new_label(program);

	bpf_program_alu(program, BPF_MOV, R8, R7);
	bpf_program_set(program, R1, layout->direct_map);
	bpf_program_jump(program, BPF_JLT, R8, R1, out);
	bpf_program_alu(program, BPF_SUB, R8, R1);
	bpf_program_alu_value(program, BPF_RSH, R8, PAGE_SHIFT);
	bpf_program_alu_value(program, BPF_LSH, R8, STRUCT_PAGE_SHIFT);
	bpf_program_set(program, R1, layout->memory_map);
	bpf_program_alu(program, BPF_ADD, R8, R1);
	/* A page that is not a compound page's first says which is: by its address, or since 7.x by a mask, with bit 0 set. */
	bpf_program_alu(program, BPF_MOV, R3, R8);
	bpf_program_alu_value(program, BPF_ADD, R3, COMPOUND_HEAD_BYTES);
	read_word(program, R9, out);
	bpf_program_alu(program, BPF_MOV, R1, R9);
	bpf_program_alu_value(program, BPF_AND, R1, 1);
	bpf_program_jump_value(program, BPF_JEQ, R1, 0,
			       layout->slab_cache_offset_bytes == COMPOUND_HEAD_BYTES ? done : head);
	bpf_program_set(program, R1, 0xffffffff00000000);
	bpf_program_jump(program, BPF_JGE, R9, R1, by_mask);
	bpf_program_alu(program, BPF_MOV, R8, R9);
	bpf_program_alu_value(program, BPF_SUB, R8, 1);
	bpf_program_goto(program, head);
	bpf_program_place(program, by_mask);
	bpf_program_alu(program, BPF_AND, R8, R9);
	bpf_program_place(program, head);
	bpf_program_alu(program, BPF_MOV, R3, R8);
	bpf_program_alu_value(program, BPF_ADD, R3, (int32_t)layout->slab_cache_offset_bytes);
	read_word(program, R9, out);
	bpf_program_place(program, done);
}

/* r9: a kmem_cache. r0 becomes the address of its value in the map of names; to out where it is not there. */
static void look_up_name(struct bpf_program *program, const struct slab_bpf *bpf, const struct slab_layout *layout,
			 bpf_program_label out)
{
	bpf_program_alu(program, BPF_MOV, R3, R9);
	bpf_program_alu_value(program, BPF_ADD, R3, (int32_t)layout->name_offset_bytes);
	read_word(program, R3, out);
	for (int at = 0; at < SLAB_CACHE_NAME_MAX; at += 8)
		bpf_program_store_value(program, BPF_DW, FP, NAME_AT + at, 0);
	bpf_program_add_to(program, R1, FP, NAME_AT);
	bpf_program_alu_value(program, BPF_MOV, R2, SLAB_CACHE_NAME_MAX);
	bpf_program_call(program, BPF_FUNC_probe_read_kernel_str);
	bpf_program_jump_value(program, BPF_JSLE, R0, 1, out);
	bpf_program_look_up(program, bpf->names, NAME_AT, out);
}

/* The name has been looked up by then. */
static const struct stack_walk_room walk_room = {
	.user_at = FIELD_AT(user_chain), .pair_at = NAME_AT, .word_at = WORD_AT, .place_at = PLACE_AT,
	.recall_place_at = RECALL_AT, .recall_key_at = FIELD_AT(user_key), .copied_at = COPIED_AT};

static uint32_t slot_at(size_t number, size_t member_offset_bytes)
{
	return (uint32_t)(number * sizeof(struct slab_bpf_slot) + member_offset_bytes);
}

static void count_in(struct bpf_program *program, const struct slab_bpf *bpf, size_t number, size_t member_offset_bytes)
{
	bpf_program_set_map_value(program, R1, bpf->shared, slot_at(number, member_offset_bytes));
	bpf_program_count(program, R1, R2);
}

/* A task, a softirq, an interrupt and an NMI may be between the two programs at once. Where more are noted the oldest is sent once more. */
#define TURN_TAKEN 4

/* What the two programs on a raw tracepoint tell each other, on each CPU. */
struct turn {
	uint64_t taken[TURN_TAKEN]; /* objects that the first has taken and the second has not left to it yet: the last one first */
	uint64_t is_at_work[2]; /* that one is kept from all other hits, which the other takes */
};

/* r0: this CPU's struct turn, noted at TURN_AT. */
static void find_turn(struct bpf_program *program, const struct slab_bpf *bpf, size_t number, bpf_program_label out)
{
	bpf_program_store_value(program, BPF_W, FP, WORD_AT, (int32_t)number);
	bpf_program_look_up(program, bpf->turns, WORD_AT, out);
	bpf_program_store(program, BPF_DW, FP, TURN_AT, R0);
}

/* Most objects of others, before anything that costs. r7: the object. */
static void check_alignment(struct bpf_program *program, const struct slab_bpf *bpf, bpf_program_label out)
{
	if (!bpf->alignment_mask)
		return;
	bpf_program_alu(program, BPF_MOV, R1, R7);
	bpf_program_alu_value(program, BPF_AND, R1, (int32_t)bpf->alignment_mask);
	bpf_program_jump_value(program, BPF_JNE, R1, 0, out);
}

/* r6: the arguments, r7: the object. */
static void begin(struct bpf_program *program, const struct slab_bpf *bpf, size_t number, bpf_program_label out)
{
	bpf_program_alu(program, BPF_MOV, R6, R1);
	bpf_program_set_map_value(program, R1, bpf->shared, slot_at(number, offsetof(struct slab_bpf_slot, is_on)));
	bpf_program_load_from(program, BPF_DW, R1, R1, 0);
	bpf_program_jump_value(program, BPF_JEQ, R1, 0, out);
	bpf_program_load_from(program, BPF_DW, R7, R6, 8);
}

/* NULL and ZERO_SIZE_PTR. */
static void skip_none(struct bpf_program *program, bpf_program_label out)
{
	bpf_program_jump_value(program, BPF_JLE, R7, 16, out);
}

static void find_selected(struct bpf_program *program, const struct slab_bpf *bpf, const struct raw_tracepoint *raw,
			  const struct slab_layout *layout, bpf_program_label out)
{
	if (raw->cache_arg)
		bpf_program_load_from(program, BPF_DW, R9, R6, 8 * raw->cache_arg);
	else
		find_cache(program, layout, out);
	look_up_name(program, bpf, layout, out);
}

/* Writes the record from the arguments; r0 is the address of index + 1. */
static void fill_record(struct bpf_program *program, const struct raw_tracepoint *raw, bool is_second)
{
	const struct {
		size_t offset_bytes;
		int arg;
		int size;
		int32_t none;
	} fields[] = {
		{offsetof(struct slab_bpf_record, node), raw->node_arg, BPF_W, -1},
		{offsetof(struct slab_bpf_record, bytes_req), raw->size_arg, BPF_DW, 0},
		{offsetof(struct slab_bpf_record, gfp), raw->gfp_arg, BPF_DW, 0},
	};

	bpf_program_load_from(program, BPF_W, R1, R0, 0);
	bpf_program_alu_value(program, BPF_SUB, R1, 1);
	bpf_program_store(program, BPF_H, FP, FIELD_AT(cache), R1);
	bpf_program_store_value(program, BPF_H, FP, FIELD_AT(is_second), is_second);
	bpf_program_store(program, BPF_DW, FP, FIELD_AT(object), R7);
	bpf_program_load_from(program, BPF_DW, R1, R6, 0);
	bpf_program_store(program, BPF_DW, FP, FIELD_AT(call_site), R1);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		int at = RECORD_AT + (int)fields[i].offset_bytes;

		if (fields[i].arg) {
			bpf_program_load_from(program, BPF_DW, R1, R6, 8 * fields[i].arg);
			bpf_program_store(program, fields[i].size, FP, at, R1);
		} else {
			bpf_program_store_value(program, fields[i].size, FP, at, fields[i].none);
		}
	}
	bpf_program_store_value(program, BPF_DW, FP, FIELD_AT(user_key), 0);
	bpf_program_store_value(program, BPF_DW, FP, FIELD_AT(chain_key), 0);
}

/* Sends so many bytes (r5) of the record to one of the events (r2) of this CPU. To sent where it went, or the ring had no room (lost). */
static void send_record(struct bpf_program *program, const struct slab_bpf *bpf, size_t number, bool is_free,
			bpf_program_label sent, bpf_program_label lost, bpf_program_label out)
{
	bpf_program_label not_here = bpf_program_new_label(program);

	bpf_program_alu(program, BPF_MOV, R1, R6);
	bpf_program_set(program, R3, BPF_F_CURRENT_CPU);
	bpf_program_add_to(program, R4, FP, RECORD_AT);
	bpf_program_call(program, BPF_FUNC_perf_event_output);
	bpf_program_jump_value(program, BPF_JEQ, R0, 0, sent);
	bpf_program_jump_value(program, BPF_JEQ, R0, -ENOSPC, lost);
	bpf_program_jump_value(program, BPF_JEQ, R0, -ENOENT, not_here);
	/* The event of another cgroup than the current task's is not active. */
	if (!is_free)
		bpf_program_jump_value(program, BPF_JEQ, R0, -EOPNOTSUPP, not_here);
	count_in(program, bpf, number, offsetof(struct slab_bpf_slot, refused));
	bpf_program_goto(program, out);
	bpf_program_place(program, not_here);
	count_in(program, bpf, number, offsetof(struct slab_bpf_slot, elsewhere));
	bpf_program_goto(program, out);
}

static void count_sent(struct bpf_program *program, const struct slab_bpf *bpf, size_t number, bpf_program_label out)
{
	bpf_program_call(program, BPF_FUNC_get_smp_processor_id);
	bpf_program_jump_value(program, BPF_JGE, R0, (int32_t)bpf->cpus, out);
	bpf_program_alu_value(program, BPF_MUL, R0, SLAB_BPF_MAX * sizeof(uint64_t));
	bpf_program_set_map_value(program, R1, bpf->sent, (uint32_t)(number * sizeof(uint64_t)));
	bpf_program_alu(program, BPF_ADD, R1, R0);
	bpf_program_count(program, R1, R2);
}

/* To over where no copy of a user stack may be taken on this CPU, else there is one less. Uses r0 to r5. */
static void take_copy(struct bpf_program *program, const struct slab_bpf *bpf, bpf_program_label over)
{
	bpf_program_call(program, BPF_FUNC_get_smp_processor_id);
	bpf_program_jump_value(program, BPF_JGE, R0, (int32_t)bpf->cpus, over);
	bpf_program_alu_value(program, BPF_LSH, R0, 3);
	bpf_program_set_map_value(program, R1, bpf->copies, 0);
	bpf_program_alu(program, BPF_ADD, R1, R0);
	bpf_program_load_from(program, BPF_DW, R2, R1, 0);
	bpf_program_jump_value(program, BPF_JEQ, R2, 0, over);
	bpf_program_alu_value(program, BPF_SUB, R2, 1);
	bpf_program_store(program, BPF_DW, R1, 0, R2);
}

/* r2 becomes the events with a call chain, and where there may be one with a copy of the user stack as well. */
static void set_chain_output(struct bpf_program *program, const struct slab_bpf *bpf, size_t number, bool is_free)
{
	bpf_program_label over = bpf_program_new_label(program);
	bpf_program_label done = bpf_program_new_label(program);

	if (bpf->has_stacks && !is_free) {
		take_copy(program, bpf, over);
		bpf_program_set_map(program, R2, bpf->probes[number].outputs[SLAB_BPF_CHAIN_STACK]);
		bpf_program_goto(program, done);
		bpf_program_place(program, over);
	}
	bpf_program_set_map(program, R2, bpf->probes[number].outputs[SLAB_BPF_CHAIN]);
	bpf_program_place(program, done);
}

/* One in stack_period with its call chain; 0: none. */
static void send_sampled(struct bpf_program *program, const struct slab_bpf *bpf, size_t number, bool is_free,
			 uint32_t stack_period, bpf_program_label out)
{
	bpf_program_label send = bpf_program_new_label(program);
	bpf_program_label sent = bpf_program_new_label(program);
	bpf_program_label chain = bpf_program_new_label(program);

	if (stack_period > 1) {
		bpf_program_call(program, BPF_FUNC_get_prandom_u32);
		bpf_program_alu_value(program, BPF_AND, R0, (int32_t)stack_period - 1);
		bpf_program_jump_value(program, BPF_JEQ, R0, 0, chain);
	}
	if (stack_period == 1)
		set_chain_output(program, bpf, number, is_free);
	else
		bpf_program_set_map(program, R2, bpf->probes[number].outputs[SLAB_BPF_PLAIN]);
	if (stack_period > 1) {
		bpf_program_goto(program, send);
		bpf_program_place(program, chain);
		set_chain_output(program, bpf, number, is_free);
		bpf_program_place(program, send);
	}
	bpf_program_alu_value(program, BPF_MOV, R5, is_free ? SLAB_BPF_FREE_BYTES : SLAB_BPF_ALLOC_BYTES);
	send_record(program, bpf, number, is_free, sent, sent, out);
	bpf_program_place(program, sent);
	count_sent(program, bpf, number, out);
}

static void write_copy(const void *context, struct bpf_program *program, bpf_program_label over)
{
	take_copy(program, context, over);
}

/* r2 becomes the output, with the user stack where the walk has decided for it. */
static void set_walked_output(struct bpf_program *program, const struct slab_bpf *bpf, size_t number, enum slab_bpf_output output)
{
	bpf_program_label without = bpf_program_new_label(program);
	bpf_program_label done = bpf_program_new_label(program);

	if (bpf->has_stacks) {
		bpf_program_load_from(program, BPF_DW, R1, FP, COPIED_AT);
		bpf_program_jump_value(program, BPF_JEQ, R1, 0, without);
		bpf_program_set_map(program, R2, bpf->probes[number].outputs[output + SLAB_BPF_STACK]);
		bpf_program_goto(program, done);
		bpf_program_place(program, without);
	}
	bpf_program_set_map(program, R2, bpf->probes[number].outputs[output]);
	bpf_program_place(program, done);
}

_Static_assert(2 * SLAB_BPF_MAX <= USER_RECALL_PROGRAMS, "each program has a window of its own");

/* With a call chain, or a key that stands for one that was sent on this CPU before. */
static void send_walked(struct bpf_program *program, const struct slab_bpf *bpf, size_t number, bool is_second, bpf_program_label out)
{
	const struct stack_walk_user user = {.recall = &bpf->recall,
					     .program = (uint32_t)number * 2 + is_second,
					     .write_copy = write_copy,
					     .context = bpf};
	bpf_program_label plain = bpf_program_new_label(program);
	bpf_program_label keyed = bpf_program_new_label(program);
	bpf_program_label chain = bpf_program_new_label(program);
	bpf_program_label with_chain = bpf_program_new_label(program);
	bpf_program_label send = bpf_program_new_label(program);
	bpf_program_label sent = bpf_program_new_label(program);
	bpf_program_label counted = bpf_program_new_label(program);

	bpf_program_set_map_value(program, R1, bpf->shared, slot_at(number, offsetof(struct slab_bpf_slot, start)));
	stack_walk_write(&bpf->walk, program, &walk_room, bpf->has_stacks ? &user : NULL, plain, keyed, chain);
	bpf_program_place(program, plain);
	bpf_program_store(program, BPF_DW, FP, FIELD_AT(chain_key), R9);
	bpf_program_alu_value(program, BPF_MOV, R8, 0);
	set_walked_output(program, bpf, number, SLAB_BPF_PLAIN);
	bpf_program_alu(program, BPF_MOV, R5, R7);
	bpf_program_alu_value(program, BPF_LSH, R5, 3);
	bpf_program_alu_value(program, BPF_ADD, R5, SLAB_BPF_ALLOC_BYTES);
	bpf_program_goto(program, send);
	bpf_program_place(program, keyed);
	bpf_program_store(program, BPF_DW, FP, FIELD_AT(chain_key), R9);
	set_walked_output(program, bpf, number, SLAB_BPF_CHAIN);
	bpf_program_goto(program, with_chain);
	bpf_program_place(program, chain);
	bpf_program_alu_value(program, BPF_MOV, R8, 0);
	bpf_program_alu_value(program, BPF_MOV, R9, 0);
	bpf_program_store_value(program, BPF_DW, FP, FIELD_AT(user_key), 0);
	set_chain_output(program, bpf, number, false);
	bpf_program_place(program, with_chain);
	bpf_program_alu_value(program, BPF_MOV, R5, SLAB_BPF_ALLOC_BYTES);
	bpf_program_place(program, send);
	send_record(program, bpf, number, false, sent, counted, out);
	bpf_program_place(program, sent);
	bpf_program_jump_value(program, BPF_JEQ, R8, 0, counted);
	bpf_program_store(program, BPF_DW, R8, 0, R9);
	bpf_program_place(program, counted);
	count_sent(program, bpf, number, out);
}

/* Allocations of another task are left out, before anything that costs. */
static void check_task(struct bpf_program *program, const struct slab_bpf *bpf, const struct raw_tracepoint *raw,
		       bpf_program_label out)
{
	if (raw->is_free)
		return;
	if (bpf->processes)
		process_filter_write(bpf->processes, program, WORD_AT, out);
	if (!bpf->tid)
		return;
	bpf_program_call(program, BPF_FUNC_get_current_pid_tgid);
	bpf_program_alu_value(program, BPF_LSH, R0, 32);
	bpf_program_alu_value(program, BPF_RSH, R0, 32);
	bpf_program_jump_value(program, BPF_JNE, R0, bpf->tid, out);
}

#define AT_WORK(which) (int)(offsetof(struct turn, is_at_work) + (which) * sizeof(uint64_t))

/* Says that it is at work, and notes whether the other program is kept from this hit. r0: this CPU's struct turn, r7: the object. */
static void begin_turn(struct bpf_program *program, const struct slab_bpf *bpf, size_t number, bool is_second,
		       bpf_program_label nothing)
{
	bpf_program_label is_alone = bpf_program_new_label(program);

	find_turn(program, bpf, number, nothing);
	if (is_second) {
		/* Before 6.1 no program is kept from a hit: where the second runs within itself, the first has seen all. */
		bpf_program_load_from(program, BPF_DW, R1, R0, AT_WORK(1));
		bpf_program_jump_value(program, BPF_JNE, R1, 0, nothing);
	}
	bpf_program_store_value(program, BPF_DW, R0, AT_WORK(is_second), 1);
	bpf_program_load_from(program, BPF_DW, R1, R0, AT_WORK(!is_second));
	bpf_program_jump_value(program, BPF_JEQ, R1, 0, is_alone);
	count_in(program, bpf, number, offsetof(struct slab_bpf_slot, spared) + !is_second * sizeof(uint64_t));
	bpf_program_place(program, is_alone);
}

static void end_turn(struct bpf_program *program, bool is_second)
{
	bpf_program_load_from(program, BPF_DW, R1, FP, TURN_AT);
	bpf_program_store_value(program, BPF_DW, R1, AT_WORK(is_second), 0);
}

#define TAKEN(which) (int)(offsetof(struct turn, taken) + (which) * sizeof(uint64_t))

/* Of what is noted, leaves out so many. r0: this CPU's struct turn. Uses r1. */
static void forget_taken(struct bpf_program *program, size_t count)
{
	for (size_t i = 0; i < TURN_TAKEN; i++) {
		if (i + count >= TURN_TAKEN) {
			bpf_program_store_value(program, BPF_DW, R0, TAKEN(i), 0);
			continue;
		}
		bpf_program_load_from(program, BPF_DW, R1, R0, TAKEN(i + count));
		bpf_program_store(program, BPF_DW, R0, TAKEN(i), R1);
	}
}

/*
 * The first program notes the object that it takes, the second leaves that to it. Interrupts come in between, whose own hits both see:
 * what they note they take back, so that it is as it was; or they come where the second has begun, unnoticed, and see the first alone:
 * what is noted then goes with the object below it.
 */
static void take_object(struct bpf_program *program, bool is_second, bpf_program_label out)
{
	bpf_program_label is_mine = bpf_program_new_label(program);

	if (!is_second) {
		bpf_program_load_from(program, BPF_DW, R1, R0, AT_WORK(1));
		/* Which is kept from this hit, or leaves it alone. */
		bpf_program_jump_value(program, BPF_JNE, R1, 0, is_mine);
		for (size_t i = TURN_TAKEN - 1; i > 0; i--) {
			bpf_program_load_from(program, BPF_DW, R1, R0, TAKEN(i - 1));
			bpf_program_store(program, BPF_DW, R0, TAKEN(i), R1);
		}
		bpf_program_store(program, BPF_DW, R0, TAKEN(0), R7);
	}
	for (size_t i = 0; i < TURN_TAKEN && is_second; i++) {
		bpf_program_label is_other = bpf_program_new_label(program);

		bpf_program_load_from(program, BPF_DW, R1, R0, TAKEN(i));
		bpf_program_jump(program, BPF_JNE, R1, R7, is_other);
		forget_taken(program, i + 1);
		bpf_program_goto(program, out);
		bpf_program_place(program, is_other);
	}
	if (is_second) {
		/* Neither noted nor kept from the first: it has been shifted out, and what is noted above it is of the past. */
		bpf_program_load_from(program, BPF_DW, R1, R0, AT_WORK(0));
		bpf_program_jump_value(program, BPF_JNE, R1, 0, is_mine);
		forget_taken(program, TURN_TAKEN);
	}
	bpf_program_place(program, is_mine);
}

static int load_probe(const struct slab_bpf *bpf, size_t number, const struct raw_tracepoint *raw, uint32_t stack_period,
		      bool is_second, struct error *err)
{
	struct bpf_program program = {.count = 0};
	bpf_program_label nothing = bpf_program_new_label(&program);
	bpf_program_label out = bpf_program_new_label(&program);

	begin(&program, bpf, number, nothing);
	begin_turn(&program, bpf, number, is_second, nothing);
	skip_none(&program, out);
	check_alignment(&program, bpf, out);
	take_object(&program, is_second, out);
	check_task(&program, bpf, raw, out);
	find_selected(&program, bpf, raw, &bpf->layout, out);
	fill_record(&program, raw, is_second);
	/* The second has few hits. */
	if (bpf->walk.is_on && !raw->is_free && stack_period == 1 && !is_second)
		send_walked(&program, bpf, number, is_second, out);
	else
		send_sampled(&program, bpf, number, raw->is_free, stack_period, out);
	bpf_program_place(&program, out);
	end_turn(&program, is_second);
	bpf_program_place(&program, nothing);
	bpf_program_exit(&program, 0);
	return bpf_program_load(&program, "slabrec", err);
}

/* Counts objects, and those whose cache's name is in the map. */
static int load_trial(const struct slab_bpf *bpf, const struct raw_tracepoint *raw, const struct slab_layout *layout,
		      struct error *err)
{
	struct bpf_program program = {.count = 0};
	bpf_program_label out = bpf_program_new_label(&program);

	begin(&program, bpf, 0, out);
	skip_none(&program, out);
	count_in(&program, bpf, 0, offsetof(struct slab_bpf_slot, tested));
	find_selected(&program, bpf, raw, layout, out);
	count_in(&program, bpf, 0, offsetof(struct slab_bpf_slot, known));
	bpf_program_place(&program, out);
	/* So that a tracepoint with fewer arguments than this shape has refuses it. */
	bpf_program_load_from(&program, BPF_DW, R1, R6, 8 * (raw->arg_count - 1));
	bpf_program_exit(&program, 0);
	return bpf_program_load(&program, "slabrec_trial", err);
}

/* ---- finding the layout ---- */

static void allocate_and_free(void)
{
	struct stat status;
	int ends[2];

	for (int i = 0; i < TRIED_ROUNDS; i++) {
		stat("/", &status);
		if (!pipe(ends)) {
			close(ends[0]);
			close(ends[1]);
		}
	}
}

enum trial {
	TRIAL_REFUSED, /* the kernel does not take it */
	TRIAL_WRONG,
	TRIAL_SILENT, /* too few hits to tell */
	TRIAL_RIGHT,
};

static enum trial try_layout(const struct slab_bpf *bpf, const struct raw_tracepoint *raw, const struct slab_layout *layout,
			     struct error *err)
{
	volatile struct slab_bpf_slot *slot = &bpf->slots[0];
	int program = load_trial(bpf, raw, layout, err);

	if (program < 0)
		return TRIAL_REFUSED;
	slot->tested = slot->known = 0;
	slot->is_on = 1;
	int link = bpf_program_attach(program, raw->name, err);
	bool is_refused = link < 0;
	if (!is_refused)
		allocate_and_free();
	close_fd(&link);
	slot->is_on = 0;
	close(program);
	if (is_refused)
		return TRIAL_REFUSED;
	if (slot->tested < TRIED_MIN)
		return TRIAL_SILENT;
	/* Large allocations are in no slab. */
	return slot->known * 10 >= slot->tested * 9 ? TRIAL_RIGHT : TRIAL_WRONG;
}

/* A program that is run by hand and reads one word of kernel memory into known. */
static int load_peeker(struct slab_bpf *bpf, struct error *err)
{
	struct bpf_program program = {.count = 0};
	bpf_program_label out = bpf_program_new_label(&program);

	bpf_program_load_from(&program, BPF_DW, R3, R1, 0);
	read_word(&program, R6, out);
	bpf_program_set_map_value(&program, R1, bpf->shared, slot_at(PEEK_SLOT, offsetof(struct slab_bpf_slot, known)));
	bpf_program_store(&program, BPF_DW, R1, 0, R6);
	bpf_program_place(&program, out);
	bpf_program_exit(&program, 0);
	bpf->peeker = bpf_program_load(&program, "slabrec_peek", err);
	return bpf->peeker < 0 ? bpf->peeker : 0;
}

static uint64_t peek(void *context, uint64_t address)
{
	const struct slab_bpf *bpf = context;

	bpf->slots[PEEK_SLOT].known = 0;
	bpf_program_run(bpf->peeker, address);
	return bpf->slots[PEEK_SLOT].known;
}

/* Randomized bases are variables of the kernel; else they are these numbers, with page tables of four levels. */
static void find_bases(struct slab_bpf *bpf, const struct kallsyms *symbols)
{
	uint64_t direct_map = kallsyms_variable(symbols, "page_offset_base");
	uint64_t memory_map = kallsyms_variable(symbols, "vmemmap_base");

	bpf->layout.direct_map = direct_map ? peek(bpf, direct_map) : 0;
	bpf->layout.memory_map = memory_map ? peek(bpf, memory_map) : 0;
	if (!bpf->layout.direct_map)
		bpf->layout.direct_map = 0xffff888000000000;
	if (!bpf->layout.memory_map)
		bpf->layout.memory_map = 0xffffea0000000000;
}

static int fill_names(int map, const struct slab_cache_list *caches, struct error *err)
{
	for (size_t i = 0; i < caches->count; i++) {
		char key[SLAB_CACHE_NAME_MAX] = "";
		uint32_t value = (uint32_t)i + 1;

		strcpy(key, caches->caches[i].name);
		int ret = bpf_program_map_set(map, key, &value);
		if (ret)
			return error_set(err, ret, "BPF map of cache names: %s", strerror(-ret));
	}
	return 0;
}

static int new_names(struct slab_bpf *bpf, const struct slab_cache_list *caches, struct error *err)
{
	close_fd(&bpf->names);
	bpf->names = bpf_program_map(BPF_MAP_TYPE_HASH, "slabrec_names", SLAB_CACHE_NAME_MAX, sizeof(uint32_t),
			      (uint32_t)caches->count + 1, 0, err);
	return bpf->names < 0 ? bpf->names : fill_names(bpf->names, caches, err);
}

/* Candidates where nothing was told: 24 as part of struct page, 8 since 6.2; name as KERNEL.md has seen it from 3.10 to 7.3. */
static int find_offsets(struct slab_bpf *bpf, const struct slab_bpf_options *options, struct error *err)
{
	static const struct raw_tracepoint kfree_shape = {.name = "kfree", .arg_count = 2, .is_free = true};
	const uint32_t slab_caches[] = {options->slab_cache_offset_bytes, 24, 8};
	const uint32_t names[] = {options->name_offset_bytes, 96, 88, 104};
	bool was_silent = false;

	for (size_t i = 0; i < sizeof(slab_caches) / sizeof(slab_caches[0]); i++)
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			if (!slab_caches[i] || !names[j])
				continue;
			bpf->layout.slab_cache_offset_bytes = slab_caches[i];
			bpf->layout.name_offset_bytes = names[j];
			switch (try_layout(bpf, &kfree_shape, &bpf->layout, err)) {
			case TRIAL_REFUSED:
				return -ENOTSUP;
			case TRIAL_RIGHT:
				return 0;
			case TRIAL_SILENT:
				was_silent = true;
				break;
			case TRIAL_WRONG:
				break;
			}
		}
	return error_set(err, -ENOTSUP,
			 was_silent ? "the tracepoint kfree does not come, so that the BPF filter cannot be tried" :
				      "this kernel keeps a page's cache where slabrec does not find it");
}

/* An array of one value that the programs share with us. */
static int share(const char *name, size_t size_bytes, int *map, void **value, struct error *err)
{
	*map = bpf_program_map(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), (uint32_t)size_bytes, 1, BPF_F_MMAPABLE, err);
	if (*map < 0)
		return *map;
	*value = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *map, 0);
	if (*value != MAP_FAILED)
		return 0;
	*value = NULL;
	return error_set(err, -errno, "mapping a BPF map: %m");
}

static size_t sent_bytes(const struct slab_bpf *bpf)
{
	return bpf->cpus * SLAB_BPF_MAX * sizeof(uint64_t);
}

static int open_maps(struct slab_bpf *bpf, struct error *err)
{
	void *slots = NULL, *sent = NULL, *copies = NULL;

	bpf->cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
	int ret = share("slabrec_shared", (SLAB_BPF_MAX + 1) * sizeof(struct slab_bpf_slot), &bpf->shared, &slots, err);
	bpf->slots = slots;
	if (!ret)
		ret = share("slabrec_sent", sent_bytes(bpf), &bpf->sent, &sent, err);
	bpf->sent_counts = sent;
	if (!ret)
		ret = share("slabrec_copies", bpf->cpus * sizeof(uint64_t), &bpf->copies, &copies, err);
	bpf->copy_counts = copies;
	if (ret)
		return ret;
	bpf->turns = bpf_program_map(BPF_MAP_TYPE_PERCPU_ARRAY, "slabrec_turns", sizeof(uint32_t), sizeof(struct turn),
				     SLAB_BPF_MAX, 0, err);
	return bpf->turns < 0 ? bpf->turns : 0;
}

int slab_bpf_open(struct slab_bpf *bpf, const struct slab_bpf_options *options, struct error *err)
{
	*bpf = (struct slab_bpf){.names = -1, .shared = -1, .sent = -1, .copies = -1, .turns = -1, .peeker = -1};
#if !defined(__x86_64__)
	(void)options;
	return error_set(err, -ENOTSUP, "the BPF filter knows the page tables of x86-64 only");
#endif
	struct error why = {.message = "--without walk"};
	int ret = open_maps(bpf, err);
	if (!ret)
		ret = new_names(bpf, options->all, err);
	if (!ret)
		ret = load_peeker(bpf, err);
	if (!ret) {
		find_bases(bpf, options->kernel->symbols);
		ret = find_offsets(bpf, options, err);
	}
	/* Without it every call chain is the kernel's work. */
	if (!ret && options->has_walk)
		bpf->walk.is_on = !stack_walk_open(&bpf->walk, options->kernel, options->has_user_chains, peek, bpf, &why);
	if (!ret && !bpf->walk.is_on)
		memcpy(bpf->walk.why_not, why.message, sizeof(bpf->walk.why_not) - 1);
	return ret ? -ENOTSUP : 0;
}

const struct raw_tracepoint *slab_bpf_shape(const struct slab_bpf *bpf, const char *name, const char *format)
{
	for (size_t i = 0; i < raw_tracepoint_count; i++) {
		const struct raw_tracepoint *raw = &raw_tracepoints[i];

		if (strcmp(raw->name, name) || !raw_tracepoint_fits(raw, format))
			continue;
		enum trial trial = try_layout(bpf, raw, &bpf->layout, NULL);
		if (trial == TRIAL_RIGHT || trial == TRIAL_SILENT)
			return raw;
	}
	return NULL;
}

int slab_bpf_select(struct slab_bpf *bpf, const struct slab_cache_list *selected, struct error *err)
{
	for (size_t i = 0; i < selected->count; i++)
		if (strlen(selected->caches[i].name) >= SLAB_CACHE_NAME_MAX - 1)
			return error_set(err, -ENOTSUP, "the name of cache %s is too long for the BPF filter", selected->caches[i].name);
	return new_names(bpf, selected, err);
}

/* ---- where walks start ---- */

#define SHOWN_WORDS 48
#define SHOWN_FRAMES 64
#define SHOWN_TRIES 16

/* What one hit shows. */
struct shown {
	uint64_t address;
	uint64_t words[SHOWN_WORDS]; /* of the stack, from the program's context on */
	uint64_t chain[SHOWN_FRAMES];
	int64_t chain_bytes;
	uint64_t cs[STACK_WALK_PADDINGS]; /* as stack_walk_padding() takes them */
};

static int load_show(const struct slab_bpf *bpf, int map, struct error *err)
{
	struct bpf_program program = {.count = 0};
	bpf_program_label out = bpf_program_new_label(&program);

	bpf_program_alu(&program, BPF_MOV, R6, R1);
	bpf_program_set_map_value(&program, R1, bpf->shared, slot_at(PEEK_SLOT, 0));
	bpf_program_load_from(&program, BPF_DW, R2, R1, offsetof(struct slab_bpf_slot, is_on));
	bpf_program_jump_value(&program, BPF_JEQ, R2, 0, out);
	bpf_program_load_from(&program, BPF_DW, R2, R1, offsetof(struct slab_bpf_slot, tested));
	bpf_program_jump_value(&program, BPF_JNE, R2, 0, out);
	stack_walk_write_number(&program, R8, R6, &walk_room, out);
	bpf_program_set_map_value(&program, R1, map, offsetof(struct shown, address));
	bpf_program_store(&program, BPF_DW, R1, 0, R8);
	bpf_program_set_map_value(&program, R1, map, offsetof(struct shown, words));
	bpf_program_alu_value(&program, BPF_MOV, R2, SHOWN_WORDS * sizeof(uint64_t));
	bpf_program_alu(&program, BPF_MOV, R3, R8);
	bpf_program_call(&program, BPF_FUNC_probe_read_kernel);
	bpf_program_jump_value(&program, BPF_JNE, R0, 0, out);
	bpf_program_alu(&program, BPF_MOV, R1, R6);
	bpf_program_set_map_value(&program, R2, map, offsetof(struct shown, chain));
	bpf_program_alu_value(&program, BPF_MOV, R3, SHOWN_FRAMES * sizeof(uint64_t));
	bpf_program_alu_value(&program, BPF_MOV, R4, 0);
	bpf_program_call(&program, BPF_FUNC_get_stack);
	bpf_program_set_map_value(&program, R1, map, offsetof(struct shown, chain_bytes));
	bpf_program_store(&program, BPF_DW, R1, 0, R0);
	for (unsigned int i = 0; i < STACK_WALK_PADDINGS; i++) {
		stack_walk_write_cs(&program, i);
		read_word(&program, R7, out);
		bpf_program_set_map_value(&program, R1, map, (uint32_t)(offsetof(struct shown, cs) + i * sizeof(uint64_t)));
		bpf_program_store(&program, BPF_DW, R1, 0, R7);
	}
	count_in(&program, bpf, PEEK_SLOT, offsetof(struct slab_bpf_slot, tested));
	bpf_program_place(&program, out);
	bpf_program_exit(&program, 0);
	return bpf_program_load(&program, "slabrec_show", err);
}

static bool take_shown(struct slab_bpf *bpf, size_t number, const struct shown *shown)
{
	size_t chain_count = shown->chain_bytes > 0 ? (size_t)shown->chain_bytes / sizeof(uint64_t) : 0;
	const struct stack_walk_view view = {.address = shown->address,
					     .words = shown->words,
					     .word_count = SHOWN_WORDS,
					     .chain = shown->chain,
					     .chain_count = chain_count};
	struct stack_walk_start start;

	if (chain_count > SHOWN_FRAMES || !stack_walk_find_padding(&bpf->walk, shown->cs) ||
	    !stack_walk_find_start(&bpf->walk, &view, &start))
		return false;
	stack_walk_learn(&bpf->walk, shown->chain, chain_count);
	memcpy((void *)(uintptr_t)&bpf->slots[number].start, &start, sizeof(start));
	return true;
}

static bool try_start(struct slab_bpf *bpf, size_t number, const struct shown *shown)
{
	volatile struct slab_bpf_slot *slot = &bpf->slots[PEEK_SLOT];
	bool is_found = false;

	for (int i = 0; i < SHOWN_TRIES && !is_found; i++) {
		slot->tested = 0;
		slot->is_on = 1;
		allocate_and_free();
		slot->is_on = 0;
		is_found = slot->tested && take_shown(bpf, number, shown);
	}
	return is_found;
}

/* Where it is not found samples of this raw tracepoint have all their call chains. */
static int find_start(struct slab_bpf *bpf, size_t number, const struct raw_tracepoint *raw, struct error *err)
{
	int map = -1, programs[2] = {-1, -1}, links[2] = {-1, -1};
	void *shown = NULL;

	int ret = share("slabrec_shown", sizeof(struct shown), &map, &shown, err);
	/* Two, because what runs a single program leaves out a frame. */
	for (int i = 0; i < 2 && !ret; i++) {
		programs[i] = load_show(bpf, map, err);
		links[i] = programs[i] < 0 ? -1 : bpf_program_attach(programs[i], raw->name, err);
		ret = links[i] < 0 ? -ENOTSUP : 0;
	}
	if (!ret && !try_start(bpf, number, shown))
		ret = error_set(err, -ENOTSUP, "the stack at %s is not as expected", raw->name);
	for (int i = 0; i < 2; i++) {
		close_fd(&links[i]);
		close_fd(&programs[i]);
	}
	if (shown)
		munmap(shown, sizeof(struct shown));
	close_fd(&map);
	return ret;
}

/* ---- the probes ---- */

int slab_bpf_add(struct slab_bpf *bpf, const struct raw_tracepoint *raw, uint32_t stack_period, struct error *err)
{
	size_t number = bpf->count;
	struct error why;

	if (number == SLAB_BPF_MAX)
		return error_set(err, -E2BIG, "more raw tracepoints than slabrec is made for");
	bpf->count++;
	for (int i = 0; i < SLAB_BPF_OUTPUTS; i++)
		bpf->probes[number].outputs[i] = -1;
	for (int i = 0; i < 2; i++) {
		bpf->probes[number].programs[i] = bpf->probes[number].links[i] = -1;
		bpf->probes[number].idle_misses[i] = bpf->probes[number].missed[i] = 0;
	}
	bpf->slots[number] = (struct slab_bpf_slot){0};
	if (bpf->walk.is_on && !raw->is_free && find_start(bpf, number, raw, &why))
		memcpy(bpf->walk.why_not, why.message, sizeof(bpf->walk.why_not) - 1);
	for (int i = 0; i < SLAB_BPF_OUTPUTS; i++) {
		int map = bpf_program_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "slabrec_events", sizeof(uint32_t), sizeof(uint32_t),
				   bpf->cpus, 0, err);
		if (map < 0)
			return map;
		bpf->probes[number].outputs[i] = map;
	}
	for (int i = 0; i < 2; i++) {
		int program = load_probe(bpf, number, raw, stack_period, i, err);

		if (program < 0)
			return program;
		bpf->probes[number].programs[i] = program;
	}
	return (int)number;
}

int slab_bpf_set_output(struct slab_bpf *bpf, int number, int cpu, enum slab_bpf_output output, int perf_fd, struct error *err)
{
	int ret = bpf_program_map_set(bpf->probes[number].outputs[output], &cpu, &perf_fd);

	return ret ? error_set(err, ret, "BPF events of CPU %d: %s", cpu, strerror(-ret)) : 0;
}

uint64_t slab_bpf_grant_copies(struct slab_bpf *bpf, uint64_t most, uint64_t count)
{
	uint64_t granted = 0;

	for (uint32_t cpu = 0; cpu < bpf->cpus && granted < count; cpu++) {
		uint64_t left = bpf->copy_counts[cpu];
		uint64_t more = left < most ? most - left : 0;

		more = more < count - granted ? more : count - granted;
		/* A copy that is taken meanwhile is not counted. */
		if (more)
			bpf->copy_counts[cpu] = left + more;
		granted += more;
	}
	return granted;
}

int slab_bpf_attach(struct slab_bpf *bpf, int number, const char *tracepoint, struct error *err)
{
	/* They run in the order in which they are attached. */
	for (int i = 0; i < 2; i++) {
		int link = bpf_program_attach(bpf->probes[number].programs[i], tracepoint, err);

		if (link < 0)
			return link;
		bpf->probes[number].links[i] = link;
	}
	return 0;
}

/* What a program was kept from while on. */
static uint64_t missed_by(const struct slab_bpf *bpf, int number, int which)
{
	if (!bpf->slots[number].is_on)
		return bpf->probes[number].missed[which];
	return bpf_program_missed(bpf->probes[number].programs[which]) - bpf->probes[number].idle_misses[which];
}

void slab_bpf_turn(struct slab_bpf *bpf, int number, bool on)
{
	for (int i = 0; i < 2; i++) {
		bpf->probes[number].missed[i] = missed_by(bpf, number, i);
		if (on)
			bpf->probes[number].idle_misses[i] =
				bpf_program_missed(bpf->probes[number].programs[i]) - bpf->probes[number].missed[i];
	}
	bpf->slots[number].is_on = on;
}

void slab_bpf_learn(struct slab_bpf *bpf, const uint64_t *kernel, size_t count, bool is_good)
{
	if (!bpf->walk.is_on)
		return;
	stack_walk_learn(&bpf->walk, kernel, count);
	for (size_t i = 0; i < bpf->count && !is_good; i++)
		bpf->slots[i].start.address = 0;
}

uint64_t slab_bpf_sent(const struct slab_bpf *bpf, int number, int cpu)
{
	return (uint32_t)cpu < bpf->cpus ? bpf->sent_counts[(size_t)cpu * SLAB_BPF_MAX + (size_t)number] : 0;
}

uint64_t slab_bpf_missed(const struct slab_bpf *bpf, int number)
{
	const volatile struct slab_bpf_slot *slot = &bpf->slots[number];
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 2; i++) {
		uint64_t missed = missed_by(bpf, number, i);

		missed -= slot->spared[i] < missed ? slot->spared[i] : missed;
		least = missed < least ? missed : least;
	}
	return least + slot->refused;
}

void slab_bpf_close(struct slab_bpf *bpf)
{
	for (size_t i = 0; i < bpf->count; i++) {
		for (int j = 0; j < 2; j++) {
			close_fd(&bpf->probes[i].links[j]);
			close_fd(&bpf->probes[i].programs[j]);
		}
		for (int j = 0; j < SLAB_BPF_OUTPUTS; j++)
			close_fd(&bpf->probes[i].outputs[j]);
	}
	if (bpf->slots)
		munmap((void *)(uintptr_t)bpf->slots, (SLAB_BPF_MAX + 1) * sizeof(struct slab_bpf_slot));
	if (bpf->sent_counts)
		munmap((void *)(uintptr_t)bpf->sent_counts, sent_bytes(bpf));
	if (bpf->copy_counts)
		munmap((void *)(uintptr_t)bpf->copy_counts, bpf->cpus * sizeof(uint64_t));
	/* A zeroed one was never opened. */
	int *const maps[] = {&bpf->copies, &bpf->names, &bpf->shared, &bpf->sent, &bpf->turns, &bpf->peeker};
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (*maps[i] > 0)
			close_fd(maps[i]);
	stack_walk_close(&bpf->walk);
	user_recall_close(&bpf->recall);
	*bpf = (struct slab_bpf){.names = -1, .shared = -1, .sent = -1, .copies = -1, .turns = -1, .peeker = -1};
}
