/* Instructions as the kernel reads them, and what cannot be a program. Loading is the end-to-end tests' business. */
#include "tests/cmocka_unit.h"

#include <errno.h>

#include "sampler/bpf_program.h"

#define INSN(c, d, s, o, i) ((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})

static void assert_insns(const struct bpf_program *program, const struct bpf_insn *wanted, size_t count)
{
	assert_int_equal(program->count, count);
	for (size_t i = 0; i < count; i++) {
		if (memcmp(&program->insns[i], &wanted[i], sizeof(*wanted)))
			fail_msg("instruction %zu differs", i);
	}
}

/* Encodings from the kernel's instruction set document (Documentation/bpf/standardization). */
static void test_encoding(void **state)
{
	static const struct bpf_insn wanted[] = {
		INSN(0xbf, 6, 1, 0, 0),	  /* r6 = r1 */
		INSN(0x07, 6, 0, 0, -8),  /* r6 += -8 */
		INSN(0x79, 7, 6, 16, 0),  /* r7 = *(u64 *)(r6 + 16) */
		INSN(0x63, 10, 7, -4, 0), /* *(u32 *)(r10 - 4) = r7 */
		INSN(0x7a, 10, 0, -16, 5), /* *(u64 *)(r10 - 16) = 5 */
		INSN(0x18, 1, 0, 0, (int32_t)0x9abcdef0), /* r1 = 0x123456789abcdef0 */
		INSN(0, 0, 0, 0, 0x12345678),
		INSN(0x18, 2, 1, 0, 33), /* r2 = map 33 */
		INSN(0, 0, 0, 0, 0),
		INSN(0x18, 3, 2, 0, 33), /* r3 = value of map 33 + 40 */
		INSN(0, 0, 0, 0, 40),
		INSN(0x85, 0, 0, 0, 7),  /* call 7 */
		INSN(0xb7, 2, 0, 0, 1),  /* r2 = 1 */
		INSN(0xdb, 1, 2, 0, 0),  /* lock *(u64 *)r1 += r2 */
		INSN(0xb7, 0, 0, 0, 0),  /* r0 = 0 */
		INSN(0x95, 0, 0, 0, 0),  /* exit */
	};
	struct bpf_program program = {.count = 0};
	(void)state;

	bpf_program_alu(&program, BPF_MOV, R6, R1);
	bpf_program_alu_value(&program, BPF_ADD, R6, -8);
	bpf_program_load_from(&program, BPF_DW, R7, R6, 16);
	bpf_program_store(&program, BPF_W, FP, -4, R7);
	bpf_program_store_value(&program, BPF_DW, FP, -16, 5);
	bpf_program_set(&program, R1, 0x123456789abcdef0);
	bpf_program_set_map(&program, R2, 33);
	bpf_program_set_map_value(&program, R3, 33, 40);
	bpf_program_call(&program, 7);
	bpf_program_count(&program, R1, R2);
	bpf_program_exit(&program, 0);
	assert_insns(&program, wanted, sizeof(wanted) / sizeof(wanted[0]));
}

/* What the kernel would refuse, or worse take, is told before it is asked. */
static void assert_does_not_fit(struct bpf_program *program)
{
	struct error err = {0};

	assert_int_equal(bpf_program_load(program, "test", &err), -EINVAL);
	assert_string_equal(err.message, "BPF program test does not fit");
}

static void test_mistakes(void **state)
{
	struct bpf_program program = {.count = 0};
	(void)state;

	bpf_program_goto(&program, bpf_program_new_label(&program));
	bpf_program_exit(&program, 0);
	assert_does_not_fit(&program);

	/* Back to where it is placed, which is for the kernel to judge. */
	program = (struct bpf_program){.count = 0};
	bpf_program_label back = bpf_program_new_label(&program);
	bpf_program_place(&program, back);
	bpf_program_alu_value(&program, BPF_ADD, R1, 1);
	bpf_program_jump_value(&program, BPF_JLT, R1, 5, back);
	bpf_program_load(&program, "test", NULL);
	assert_int_equal(program.insns[1].off, -2);

	program = (struct bpf_program){.count = 0};
	for (int i = 0; i <= BPF_PROGRAM_INSNS; i++)
		bpf_program_alu(&program, BPF_MOV, R0, R1);
	assert_int_equal(program.count, BPF_PROGRAM_INSNS);
	assert_does_not_fit(&program);

	program = (struct bpf_program){.count = 0};
	for (int i = 0; i <= BPF_PROGRAM_JUMPS; i++)
		bpf_program_new_label(&program);
	bpf_program_exit(&program, 0);
	assert_does_not_fit(&program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
