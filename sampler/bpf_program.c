/* Knows how instructions are encoded, and that a jump's distance counts from the instruction behind it. */
#include "sampler/bpf_program.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "sampler/lockdown.h"

static void add(struct bpf_program *program, struct bpf_insn insn)
{
	if (program->count == BPF_PROGRAM_INSNS)
		program->is_bad = true;
	else
		program->insns[program->count++] = insn;
}

bpf_program_label bpf_program_new_label(struct bpf_program *program)
{
	if (program->label_count == BPF_PROGRAM_JUMPS) {
		program->is_bad = true;
		return 0;
	}
	program->places[program->label_count] = -1;
	return (bpf_program_label)program->label_count++;
}

void bpf_program_place(struct bpf_program *program, bpf_program_label label)
{
	program->places[label] = (int)program->count;
}

static void add_jump(struct bpf_program *program, struct bpf_insn insn, bpf_program_label label)
{
	if (program->jump_count == BPF_PROGRAM_JUMPS) {
		program->is_bad = true;
		return;
	}
	program->jumps[program->jump_count].insn = program->count;
	program->jumps[program->jump_count++].label = label;
	add(program, insn);
}

void bpf_program_alu(struct bpf_program *program, int op, enum bpf_program_reg dst, enum bpf_program_reg src)
{
	add(program, (struct bpf_insn){.code = (uint8_t)(BPF_ALU64 | op | BPF_X), .dst_reg = dst, .src_reg = src});
}

void bpf_program_alu_value(struct bpf_program *program, int op, enum bpf_program_reg dst, int32_t value)
{
	add(program, (struct bpf_insn){.code = (uint8_t)(BPF_ALU64 | op | BPF_K), .dst_reg = dst, .imm = value});
}

void bpf_program_jump(struct bpf_program *program, int op, enum bpf_program_reg dst, enum bpf_program_reg src,
		      bpf_program_label label)
{
	add_jump(program, (struct bpf_insn){.code = (uint8_t)(BPF_JMP | op | BPF_X), .dst_reg = dst, .src_reg = src}, label);
}

void bpf_program_jump_value(struct bpf_program *program, int op, enum bpf_program_reg dst, int32_t value,
			    bpf_program_label label)
{
	add_jump(program, (struct bpf_insn){.code = (uint8_t)(BPF_JMP | op | BPF_K), .dst_reg = dst, .imm = value}, label);
}

void bpf_program_goto(struct bpf_program *program, bpf_program_label label)
{
	add_jump(program, (struct bpf_insn){.code = BPF_JMP | BPF_JA}, label);
}

void bpf_program_load_from(struct bpf_program *program, int size, enum bpf_program_reg dst, enum bpf_program_reg address,
			   int offset)
{
	add(program, (struct bpf_insn){.code = (uint8_t)(BPF_LDX | size | BPF_MEM),
				       .dst_reg = dst,
				       .src_reg = address,
				       .off = (int16_t)offset});
}

void bpf_program_store(struct bpf_program *program, int size, enum bpf_program_reg address, int offset,
		       enum bpf_program_reg src)
{
	add(program, (struct bpf_insn){.code = (uint8_t)(BPF_STX | size | BPF_MEM),
				       .dst_reg = address,
				       .src_reg = src,
				       .off = (int16_t)offset});
}

void bpf_program_store_value(struct bpf_program *program, int size, enum bpf_program_reg address, int offset, int32_t value)
{
	add(program, (struct bpf_insn){
			     .code = (uint8_t)(BPF_ST | size | BPF_MEM), .dst_reg = address, .off = (int16_t)offset, .imm = value});
}

/* A 64-bit constant takes two instructions; source tells what it is. */
static void set_wide(struct bpf_program *program, enum bpf_program_reg dst, unsigned int source, uint32_t low, uint32_t high)
{
	add(program, (struct bpf_insn){
			     .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = dst, .src_reg = source & 15, .imm = (int32_t)low});
	add(program, (struct bpf_insn){.imm = (int32_t)high});
}

void bpf_program_set(struct bpf_program *program, enum bpf_program_reg dst, uint64_t value)
{
	set_wide(program, dst, 0, (uint32_t)value, (uint32_t)(value >> 32));
}

void bpf_program_set_map(struct bpf_program *program, enum bpf_program_reg dst, int map_fd)
{
	set_wide(program, dst, BPF_PSEUDO_MAP_FD, (uint32_t)map_fd, 0);
}

void bpf_program_set_map_value(struct bpf_program *program, enum bpf_program_reg dst, int map_fd, uint32_t offset_bytes)
{
	set_wide(program, dst, BPF_PSEUDO_MAP_VALUE, (uint32_t)map_fd, offset_bytes);
}

void bpf_program_call(struct bpf_program *program, int helper)
{
	add(program, (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = helper});
}

void bpf_program_count(struct bpf_program *program, enum bpf_program_reg address, enum bpf_program_reg scratch)
{
	bpf_program_alu_value(program, BPF_MOV, scratch, 1);
	add(program, (struct bpf_insn){
			     .code = BPF_STX | BPF_DW | BPF_ATOMIC, .dst_reg = address, .src_reg = scratch, .imm = BPF_ADD});
}

void bpf_program_exit(struct bpf_program *program, int32_t value)
{
	bpf_program_alu_value(program, BPF_MOV, R0, value);
	add(program, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

void bpf_program_add_to(struct bpf_program *program, enum bpf_program_reg dst, enum bpf_program_reg src, int32_t value)
{
	bpf_program_alu(program, BPF_MOV, dst, src);
	bpf_program_alu_value(program, BPF_ADD, dst, value);
}

void bpf_program_mix(struct bpf_program *program, enum bpf_program_reg hash, enum bpf_program_reg value, enum bpf_program_reg scratch)
{
	bpf_program_alu(program, BPF_XOR, hash, value);
	bpf_program_set(program, scratch, BPF_PROGRAM_FACTOR);
	bpf_program_alu(program, BPF_MUL, hash, scratch);
	bpf_program_alu(program, BPF_MOV, scratch, hash);
	bpf_program_alu_value(program, BPF_RSH, scratch, 32);
	bpf_program_alu(program, BPF_XOR, hash, scratch);
}

void bpf_program_look_up(struct bpf_program *program, int map_fd, int key_at, bpf_program_label none)
{
	bpf_program_set_map(program, R1, map_fd);
	bpf_program_add_to(program, R2, FP, key_at);
	bpf_program_call(program, BPF_FUNC_map_lookup_elem);
	bpf_program_jump_value(program, BPF_JEQ, R0, 0, none);
}

void bpf_program_read(struct bpf_program *program, int helper, int at, int32_t size_bytes, bpf_program_label failed)
{
	bpf_program_add_to(program, R1, FP, at);
	bpf_program_alu_value(program, BPF_MOV, R2, size_bytes);
	bpf_program_call(program, helper);
	bpf_program_jump_value(program, BPF_JNE, R0, 0, failed);
}

static void link_jumps(struct bpf_program *program)
{
	for (size_t i = 0; i < program->jump_count; i++) {
		int place = program->places[program->jumps[i].label];
		int from = (int)program->jumps[i].insn;

		if (place < 0)
			program->is_bad = true;
		else
			program->insns[from].off = (int16_t)(place - from - 1);
	}
}

/* The verifier's last words before its statistics. */
static void last_line(char *log)
{
	char *end = strstr(log, "\nprocessed ");

	if (end)
		*end = '\0';
	char *line = strrchr(log, '\n');
	if (line && line[1])
		memmove(log, line + 1, strlen(line + 1) + 1);
	log[strcspn(log, "\n")] = '\0';
}

static int load_as(enum bpf_prog_type type, struct bpf_program *program, const char *name, struct error *err)
{
	char log[8192] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, opts);

	link_jumps(program);
	if (program->is_bad)
		return error_set(err, -EINVAL, "BPF program %s does not fit", name);
	int fd = bpf_prog_load(type, name, "GPL", program->insns, program->count, &opts);
	if (fd >= 0)
		return fd;
	int code = -errno;
	/* Once more with a log: a program that is let in needs none. */
	opts.log_buf = log;
	opts.log_size = sizeof(log);
	opts.log_level = 1;
	fd = bpf_prog_load(type, name, "GPL", program->insns, program->count, &opts);
	if (fd >= 0)
		return fd;
	last_line(log);
	return error_set(err, code, "the kernel does not load BPF program %s: %s%s%.100s%s", name, strerror(-code),
			 *log ? ": " : "", log, lockdown_words().text);
}

int bpf_program_load(struct bpf_program *program, const char *name, struct error *err)
{
	return load_as(BPF_PROG_TYPE_RAW_TRACEPOINT, program, name, err);
}

int bpf_program_load_tracepoint(struct bpf_program *program, const char *name, struct error *err)
{
	return load_as(BPF_PROG_TYPE_TRACEPOINT, program, name, err);
}

int bpf_program_attach(int program_fd, const char *tracepoint, struct error *err)
{
	int link = bpf_raw_tracepoint_open(tracepoint, program_fd);

	return link < 0 ? error_set(err, -errno, "raw tracepoint %s: %m", tracepoint) : link;
}

int bpf_program_run(int program_fd, uint64_t argument)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &argument, .ctx_size_in = sizeof(argument));

	return bpf_prog_test_run_opts(program_fd, &opts) ? -errno : 0;
}

uint64_t bpf_program_missed(int program_fd)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(program_fd, &info, &size) ? 0 : info.recursion_misses;
}

int bpf_program_map(enum bpf_map_type type, const char *name, uint32_t key_bytes, uint32_t value_bytes, uint32_t entries,
		    uint32_t flags, struct error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	int fd = bpf_map_create(type, name, key_bytes, value_bytes, entries, &opts);

	return fd < 0 ? error_set(err, -errno, "the kernel makes no BPF map: %m") : fd;
}

#define MAP_VALUE_MAX 512

int bpf_program_map_set(int map_fd, const void *key, const void *value)
{
	return bpf_map_update_elem(map_fd, key, value, BPF_ANY) ? -errno : 0;
}

bool bpf_program_map_has(int map_fd, const void *key)
{
	uint8_t value[MAP_VALUE_MAX];

	return !bpf_map_lookup_elem(map_fd, key, value);
}
