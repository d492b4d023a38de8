/* Knows the stack of x86-64's kernel: 16 KiB, aligned, with the registers of user mode at its end; and perf's walk of user frames. */
#include "sampler/stack_walk.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK_BYTES 16384
#define PAGE_BYTES 4096
#define REGS_BYTES 168
/* struct pt_regs from bp up to sp. */
#define REGS_BP 32
#define REGS_IP 128
#define REGS_CS 136
#define REGS_SP 152
#define READ_BYTES (REGS_SP + 8 - REGS_BP)
#define USER_CS 0x33
#define FRAMES_MAX 32
#define STEPS_BITS 13
#define STEPS (1u << STEPS_BITS)
#define KNOWN_BITS 13
#define KNOWN (1u << KNOWN_BITS)
/* One in so many samples has the call chain although it is known: so that it is known to be right. */
#define CHECK_PERIOD 256
#define TRIED_MAX 65536u
/* Of frames beyond the first that have to be where the walk expects them. */
#define PROVEN_MIN 2

/* Beside enum orc_base: no caller either, and a struct pt_regs so far below the end of the stack. */
#define BASE_LAST (ORC_REGS + 1)

struct stack_step {
	uint64_t address; /* 0: free */
	int64_t offset_bytes;
	int64_t bp_offset_bytes;
	uint32_t base; /* enum orc_base, or BASE_LAST */
	uint32_t bp;   /* enum orc_bp */
};

static uint32_t step_place(uint64_t address)
{
	return (uint32_t)(address * BPF_PROGRAM_FACTOR >> (64 - STEPS_BITS));
}

int stack_walk_open(struct stack_walk *walk, const struct kernel_image *kernel, bool has_user, orc_table_peek *peek, void *context,
		    struct error *err)
{
	*walk = (struct stack_walk){.steps = -1, .known = -1, .kernel = kernel, .has_user = has_user};
	if (!orc_table_find(&walk->orc, kernel->symbols, peek, context))
		return error_set(err, -ENOTSUP, "this kernel has no ORC tables, or hides them");
	walk->steps = bpf_program_map(BPF_MAP_TYPE_ARRAY, "slabrec_steps", sizeof(uint32_t), sizeof(struct stack_step), STEPS,
				      BPF_F_MMAPABLE, err);
	if (walk->steps < 0)
		return -ENOTSUP;
	void *table = mmap(NULL, STEPS * sizeof(struct stack_step), PROT_READ | PROT_WRITE, MAP_SHARED, walk->steps, 0);
	if (table == MAP_FAILED)
		return error_set(err, -ENOTSUP, "mapping a BPF map: %m");
	walk->table = table;
	walk->known = bpf_program_map(BPF_MAP_TYPE_PERCPU_ARRAY, "slabrec_known", sizeof(uint32_t), sizeof(uint64_t), KNOWN, 0, err);
	return walk->known < 0 ? -ENOTSUP : 0;
}

void stack_walk_close(struct stack_walk *walk)
{
	if (walk->table)
		munmap(walk->table, STEPS * sizeof(struct stack_step));
	if (walk->steps > 0)
		close(walk->steps);
	if (walk->known > 0)
		close(walk->known);
	u64_map_release(&walk->tried);
	*walk = (struct stack_walk){.steps = -1, .known = -1};
}

/* ---- what the programs do ---- */

void stack_walk_write_number(struct bpf_program *program, enum bpf_program_reg dst, enum bpf_program_reg src,
			     const struct stack_walk_room *room, bpf_program_label out)
{
	/* Read from where it was written by a helper, the verifier has forgotten what it is. */
	bpf_program_store(program, BPF_DW, FP, room->place_at, src);
	bpf_program_add_to(program, R3, FP, room->place_at);
	bpf_program_read(program, BPF_FUNC_probe_read_kernel, room->word_at, 8, out);
	bpf_program_load_from(program, BPF_DW, dst, FP, room->word_at);
}

/* r0: the step of the address at word_at; to out where it is not known. */
static void find_step(const struct stack_walk *walk, struct bpf_program *program, const struct stack_walk_room *room,
		      bpf_program_label out)
{
	bpf_program_label hit = bpf_program_new_label(program);

	bpf_program_load_from(program, BPF_DW, R2, FP, room->word_at);
	bpf_program_set(program, R1, BPF_PROGRAM_FACTOR);
	bpf_program_alu(program, BPF_MUL, R2, R1);
	bpf_program_alu_value(program, BPF_RSH, R2, 64 - STEPS_BITS);
	bpf_program_store(program, BPF_DW, FP, room->place_at, R2);
	for (int i = 0; i < 2; i++) {
		bpf_program_look_up(program, walk->steps, room->place_at, out);
		bpf_program_load_from(program, BPF_DW, R1, FP, room->word_at);
		bpf_program_load_from(program, BPF_DW, R2, R0, offsetof(struct stack_step, address));
		bpf_program_jump(program, i ? BPF_JNE : BPF_JEQ, R2, R1, i ? out : hit);
		if (i)
			continue;
		/* Its other place. */
		bpf_program_load_from(program, BPF_DW, R2, FP, room->place_at);
		bpf_program_alu_value(program, BPF_XOR, R2, 1);
		bpf_program_store(program, BPF_DW, FP, room->place_at, R2);
	}
	bpf_program_place(program, hit);
}

/* r0: the step, r8: where the return address is, register bp at pair_at. r2 becomes the end of the frame; to last where it is the last. */
static void find_end(struct bpf_program *program, const struct stack_walk_room *room, bpf_program_label last, bpf_program_label out)
{
	bpf_program_label by_sp = bpf_program_new_label(program);
	bpf_program_label done = bpf_program_new_label(program);

	bpf_program_load_from(program, BPF_DW, R2, R0, offsetof(struct stack_step, offset_bytes));
	bpf_program_load_from(program, BPF_W, R3, R0, offsetof(struct stack_step, base));
	bpf_program_jump_value(program, BPF_JEQ, R3, ORC_BY_SP, by_sp);
	bpf_program_jump_value(program, BPF_JGE, R3, ORC_REGS, last);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->pair_at);
	bpf_program_alu(program, BPF_ADD, R2, R1);
	bpf_program_jump_value(program, BPF_JEQ, R3, ORC_BY_BP, done);
	bpf_program_store(program, BPF_DW, FP, room->place_at, R0);
	bpf_program_alu(program, BPF_MOV, R3, R2);
	bpf_program_read(program, BPF_FUNC_probe_read_kernel, room->word_at, 8, out);
	bpf_program_load_from(program, BPF_DW, R2, FP, room->word_at);
	bpf_program_load_from(program, BPF_DW, R0, FP, room->place_at);
	bpf_program_goto(program, done);
	bpf_program_place(program, by_sp);
	bpf_program_alu(program, BPF_ADD, R2, R8);
	bpf_program_alu_value(program, BPF_ADD, R2, 8);
	bpf_program_place(program, done);
}

/* r0: the step, r2: the end of the frame. r8 becomes where the caller's return address is, and at pair_at is its register bp. */
static void go_up(struct bpf_program *program, const struct stack_walk_room *room, bpf_program_label out)
{
	bpf_program_label by_end = bpf_program_new_label(program);
	bpf_program_label same = bpf_program_new_label(program);

	bpf_program_alu(program, BPF_MOV, R4, R2);
	bpf_program_alu_value(program, BPF_SUB, R4, 8);
	/* Further up, on the same stack. */
	bpf_program_jump(program, BPF_JLE, R4, R8, out);
	bpf_program_alu(program, BPF_MOV, R1, R4);
	bpf_program_alu(program, BPF_XOR, R1, R8);
	bpf_program_jump_value(program, BPF_JGE, R1, STACK_BYTES, out);
	bpf_program_alu(program, BPF_MOV, R8, R4);
	bpf_program_load_from(program, BPF_W, R1, R0, offsetof(struct stack_step, bp));
	bpf_program_jump_value(program, BPF_JEQ, R1, ORC_BP_SAME, same);
	bpf_program_load_from(program, BPF_DW, R3, R0, offsetof(struct stack_step, bp_offset_bytes));
	bpf_program_jump_value(program, BPF_JEQ, R1, ORC_BP_BY_END, by_end);
	bpf_program_load_from(program, BPF_DW, R2, FP, room->pair_at);
	bpf_program_place(program, by_end);
	bpf_program_alu(program, BPF_ADD, R3, R2);
	bpf_program_read(program, BPF_FUNC_probe_read_kernel, room->pair_at, 8, out);
	bpf_program_place(program, same);
}

/*
 * r8: where the first return address is, which has to be r9, with register bp at pair_at; becomes the address of the task's registers.
 * r9 becomes a hash of all other return addresses.
 */
static void walk_kernel(const struct stack_walk *walk, struct bpf_program *program, const struct stack_walk_room *room,
			bpf_program_label out)
{
	bpf_program_label again = bpf_program_new_label(program);
	bpf_program_label is_right = bpf_program_new_label(program);
	bpf_program_label last = bpf_program_new_label(program);
	bpf_program_label regs = bpf_program_new_label(program);
	bpf_program_label done = bpf_program_new_label(program);

	bpf_program_alu_value(program, BPF_MOV, R7, 0);
	bpf_program_place(program, again);
	bpf_program_alu(program, BPF_MOV, R3, R8);
	bpf_program_read(program, BPF_FUNC_probe_read_kernel, room->word_at, 8, out);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->word_at);
	bpf_program_jump_value(program, BPF_JNE, R7, 0, is_right);
	bpf_program_jump(program, BPF_JNE, R1, R9, out);
	bpf_program_place(program, is_right);
	bpf_program_mix(program, R9, R1, R2);
	find_step(walk, program, room, out);
	find_end(program, room, last, out);
	go_up(program, room, out);
	bpf_program_alu_value(program, BPF_ADD, R7, 1);
	bpf_program_jump_value(program, BPF_JLT, R7, FRAMES_MAX, again);
	bpf_program_goto(program, out);
	bpf_program_place(program, last);
	bpf_program_jump_value(program, BPF_JEQ, R3, ORC_REGS, regs);
	bpf_program_alu_value(program, BPF_OR, R8, STACK_BYTES - 1);
	bpf_program_alu_value(program, BPF_ADD, R8, 1);
	bpf_program_alu(program, BPF_SUB, R8, R2);
	bpf_program_goto(program, done);
	bpf_program_place(program, regs);
	bpf_program_alu(program, BPF_ADD, R8, R2);
	bpf_program_alu_value(program, BPF_ADD, R8, 8);
	bpf_program_place(program, done);
}

/* The task's registers are at user_at. To done where that is enough. */
static void write_user(struct bpf_program *program, const struct stack_walk_room *room, const struct stack_walk_user *user,
		       bpf_program_label done)
{
	bpf_program_label over = bpf_program_new_label(program);
	bpf_program_label recognised = bpf_program_new_label(program);
	const struct user_recall_room recall_room = {.bp_at = room->user_at,
						     .ip_at = room->user_at + REGS_IP - REGS_BP,
						     .sp_at = room->user_at + REGS_SP - REGS_BP,
						     .word_at = room->word_at,
						     .offset_at = room->pair_at,
						     .place_at = room->recall_place_at,
						     .window_at = room->user_at + READ_BYTES,
						     .key_at = room->recall_key_at};

	user_recall_write(user->recall, program, &recall_room, user->program, recognised);
	user->write_copy(user->context, program, over);
	bpf_program_store_value(program, BPF_DW, FP, room->copied_at, 1);
	bpf_program_place(program, recognised);
	bpf_program_alu_value(program, BPF_MOV, R7, 0);
	bpf_program_goto(program, done);
	bpf_program_place(program, over);
	bpf_program_store_value(program, BPF_DW, FP, room->recall_key_at, 0);
}

/* r8: the task's registers. r7 becomes the count of the addresses at user_at. As perf does it: by frame pointers, until one cannot be read. */
static void walk_user(const struct stack_walk *walk, struct bpf_program *program, const struct stack_walk_room *room,
		      const struct stack_walk_user *user, bpf_program_label out)
{
	bpf_program_label is_user = bpf_program_new_label(program);
	bpf_program_label again = bpf_program_new_label(program);
	bpf_program_label done = bpf_program_new_label(program);

	bpf_program_alu_value(program, BPF_MOV, R7, 0);
	bpf_program_add_to(program, R3, R8, REGS_BP);
	bpf_program_read(program, BPF_FUNC_probe_read_kernel, room->user_at, READ_BYTES, out);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->user_at + REGS_CS - REGS_BP);
	bpf_program_jump_value(program, BPF_JEQ, R1, USER_CS, is_user);
	/* Kernel threads have none; tasks of 32 bits, and interrupts of the kernel, are others' work. */
	bpf_program_jump_value(program, BPF_JNE, R1, 0, out);
	bpf_program_goto(program, done);
	bpf_program_place(program, is_user);
	if (user)
		write_user(program, room, user, done);
	if (walk->has_user) {
		bpf_program_load_from(program, BPF_DW, R8, FP, room->user_at);
		bpf_program_load_from(program, BPF_DW, R1, FP, room->user_at + REGS_IP - REGS_BP);
		bpf_program_store(program, BPF_DW, FP, room->user_at, R1);
		bpf_program_alu_value(program, BPF_MOV, R7, 1);
		bpf_program_place(program, again);
		/* Most often what is no frame pointer is a small number: it need not cost a page fault. */
		bpf_program_jump_value(program, BPF_JLT, R8, PAGE_BYTES, done);
		bpf_program_alu(program, BPF_MOV, R3, R8);
		bpf_program_read(program, BPF_FUNC_probe_read_user, room->pair_at, 16, done);
		bpf_program_jump_value(program, BPF_JGE, R7, STACK_WALK_USER_MAX, out);
		bpf_program_load_from(program, BPF_DW, R8, FP, room->pair_at);
		bpf_program_load_from(program, BPF_DW, R3, FP, room->pair_at + 8);
		bpf_program_alu(program, BPF_MOV, R1, R7);
		bpf_program_alu_value(program, BPF_LSH, R1, 3);
		bpf_program_alu(program, BPF_MOV, R2, FP);
		bpf_program_alu(program, BPF_ADD, R2, R1);
		bpf_program_store(program, BPF_DW, R2, room->user_at, R3);
		bpf_program_alu_value(program, BPF_ADD, R7, 1);
		bpf_program_goto(program, again);
	}
	bpf_program_place(program, done);
}

void stack_walk_write(const struct stack_walk *walk, struct bpf_program *program, const struct stack_walk_room *room,
		      const struct stack_walk_user *user,
		      bpf_program_label plain, bpf_program_label keyed, bpf_program_label chain)
{
	bpf_program_load_from(program, BPF_DW, R9, R1, offsetof(struct stack_walk_start, address));
	if (user)
		bpf_program_store_value(program, BPF_DW, FP, room->copied_at, 0);
	bpf_program_jump_value(program, BPF_JEQ, R9, 0, chain);
	bpf_program_load_from(program, BPF_DW, R7, R1, offsetof(struct stack_walk_start, offset_bytes));
	bpf_program_load_from(program, BPF_DW, R8, R1, offsetof(struct stack_walk_start, bp_offset_bytes));
	bpf_program_store(program, BPF_DW, FP, room->pair_at, R8);
	stack_walk_write_number(program, R8, R6, room, chain);
	bpf_program_load_from(program, BPF_DW, R4, FP, room->pair_at);
	bpf_program_alu(program, BPF_ADD, R8, R7);
	bpf_program_alu(program, BPF_MOV, R3, R8);
	bpf_program_alu(program, BPF_ADD, R3, R4);
	bpf_program_alu_value(program, BPF_ADD, R3, 8);
	bpf_program_read(program, BPF_FUNC_probe_read_kernel, room->pair_at, 8, chain);
	walk_kernel(walk, program, room, chain);
	walk_user(walk, program, room, user, chain);
	bpf_program_alu(program, BPF_MOV, R1, R9);
	bpf_program_alu_value(program, BPF_RSH, R1, 64 - KNOWN_BITS);
	bpf_program_store(program, BPF_DW, FP, room->place_at, R1);
	bpf_program_look_up(program, walk->known, room->place_at, chain);
	bpf_program_alu(program, BPF_MOV, R8, R0);
	bpf_program_load_from(program, BPF_DW, R1, R8, 0);
	bpf_program_jump(program, BPF_JNE, R1, R9, keyed);
	bpf_program_call(program, BPF_FUNC_get_prandom_u32);
	bpf_program_alu_value(program, BPF_AND, R0, CHECK_PERIOD - 1);
	bpf_program_jump_value(program, BPF_JEQ, R0, 0, keyed);
	bpf_program_goto(program, plain);
}

/* None, and with CONFIG_X86_FRED, since 6.9. */
static const uint32_t paddings[STACK_WALK_PADDINGS] = {0, 16};

void stack_walk_write_cs(struct bpf_program *program, unsigned int i)
{
	bpf_program_alu(program, BPF_MOV, R3, R8);
	bpf_program_alu_value(program, BPF_OR, R3, STACK_BYTES - 1);
	bpf_program_alu_value(program, BPF_ADD, R3, 1 - (int32_t)paddings[i] - REGS_BYTES + REGS_CS);
}

bool stack_walk_find_padding(struct stack_walk *walk, const uint64_t *cs)
{
	for (unsigned int i = 0; i < STACK_WALK_PADDINGS; i++)
		if (cs[i] == USER_CS) {
			walk->padding_bytes = paddings[i];
			return true;
		}
	return false;
}

/* ---- what is known of return addresses ---- */

static bool is_function(const struct stack_walk *walk, uint64_t return_address, const char *const *names, size_t count)
{
	struct kernel_symbol symbol = kallsyms_lookup(walk->kernel->symbols, return_address - 1);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(symbol.name, names[i]))
			return true;
	return false;
}

/* Called by the entry code only, on an empty stack: whatever their frames are, what follows is at the end of the stack. */
static bool is_outermost(const struct stack_walk *walk, uint64_t return_address)
{
	static const char *const names[] = {"do_syscall_64", "ret_from_fork", "ret_from_fork_asm"};

	return is_function(walk, return_address, names, sizeof(names) / sizeof(names[0]));
}

static bool find_rule(const struct stack_walk *walk, uint64_t return_address, struct stack_step *step)
{
	/* A module's tables are elsewhere. */
	if (*kallsyms_lookup(walk->kernel->symbols, return_address - 1).module)
		return false;
	if (is_outermost(walk, return_address)) {
		step->base = BASE_LAST;
		step->offset_bytes = REGS_BYTES + walk->padding_bytes;
		return true;
	}
	struct orc_step orc = orc_table_step(&walk->orc, return_address);
	*step = (struct stack_step){.address = return_address,
				    .offset_bytes = orc.offset_bytes,
				    .bp_offset_bytes = orc.bp_offset_bytes,
				    .base = orc.base,
				    .bp = orc.bp};
	return orc.base != ORC_UNKNOWN;
}

static void learn(struct stack_walk *walk, uint64_t return_address)
{
	struct stack_step step = {.address = return_address};

	if (!find_rule(walk, return_address, &step))
		return;
	for (uint32_t i = 0; i < 2; i++) {
		struct stack_step *place = &walk->table[step_place(return_address) ^ i];

		if (place->address)
			continue;
		/* Programs look at the address first. */
		place->offset_bytes = step.offset_bytes;
		place->bp_offset_bytes = step.bp_offset_bytes;
		place->base = step.base;
		place->bp = step.bp;
		__atomic_store_n(&place->address, step.address, __ATOMIC_RELEASE);
		return;
	}
}

void stack_walk_learn(struct stack_walk *walk, const uint64_t *chain, size_t count)
{
	for (size_t i = 0; i < count && walk->tried.count < TRIED_MAX; i++) {
		uint64_t *tried = chain[i] ? u64_map_put(&walk->tried, chain[i]) : NULL;

		if (!tried || *tried)
			continue;
		*tried = 1;
		learn(walk, chain[i]);
	}
}

/* The word of the view at the address; false: it is not in it. */
static bool view_word(const struct stack_walk_view *view, uint64_t address, uint64_t *word)
{
	if (address < view->address || address % 8 || (address - view->address) / 8 >= view->word_count)
		return false;
	*word = view->words[(address - view->address) / 8];
	return true;
}

/* The walk as the programs do it: from the frame with chain[at]'s return address in slot. False: beyond what is shown or known. */
static bool view_step(const struct stack_walk *walk, const struct stack_walk_view *view, size_t at, uint64_t *slot, uint64_t *bp)
{
	struct orc_step step = orc_table_step(&walk->orc, view->chain[at]);
	uint64_t end = (step.base == ORC_BY_SP ? *slot + 8 : *bp) + (uint64_t)(int64_t)step.offset_bytes;

	if (step.base == ORC_UNKNOWN || step.base == ORC_REGS || (step.base == ORC_BY_BP_INDIRECT && !view_word(view, end, &end)))
		return false;
	if (step.bp != ORC_BP_SAME &&
	    !view_word(view, (step.bp == ORC_BP_BY_END ? end : *bp) + (uint64_t)(int64_t)step.bp_offset_bytes, bp))
		return false;
	*slot = end - 8;
	return true;
}

/* How many frames beyond chain[first], in slot, are where they should be; -1: one is not. */
static int prove(const struct stack_walk *walk, const struct stack_walk_view *view, size_t first, uint64_t slot, uint64_t bp)
{
	uint64_t word;
	int proven = 0;

	for (size_t i = first; i + 1 < view->chain_count && view_step(walk, view, i, &slot, &bp) && view_word(view, slot, &word); i++) {
		if (word != view->chain[i + 1])
			return -1;
		proven++;
	}
	return proven;
}

bool stack_walk_find_start(struct stack_walk *walk, const struct stack_walk_view *view, struct stack_walk_start *start)
{
	size_t first = 0;

	for (size_t i = 0; i + 2 < view->chain_count && i < 8; i++)
		if (!strncmp(kallsyms_lookup(walk->kernel->symbols, view->chain[i] - 1).name, "bpf_trace_run", 13))
			first = i + 1;
	if (!first || !orc_table_calibrate(&walk->orc, view->chain[first]))
		return false;
	struct orc_step runner = orc_table_step(&walk->orc, view->chain[first - 1]);
	for (size_t place = 0; place < view->word_count; place++) {
		uint64_t slot = view->address + place * 8, bp = 0;

		if (view->words[place] != view->chain[first])
			continue;
		if (runner.bp == ORC_BP_BY_END)
			view_word(view, slot + 8 + (uint64_t)(int64_t)runner.bp_offset_bytes, &bp);
		if (prove(walk, view, first, slot, bp) < PROVEN_MIN)
			continue;
		*start = (struct stack_walk_start){.address = view->chain[first],
						   .offset_bytes = place * 8,
						   .bp_offset_bytes = runner.bp == ORC_BP_BY_END ? runner.bp_offset_bytes : 0};
		return true;
	}
	return false;
}
