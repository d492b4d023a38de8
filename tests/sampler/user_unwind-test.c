/* The unwinder on this very process: its chains are compared, frame by frame, with those that libgcc's unwinder finds in place. */
#include "tests/cmocka_unit.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include "sampler/user_unwind.h"
#include "tests/sampler/written_trace.h"

#define STACK_BYTES_MAX 262144u
#define FRAMES_MAX 400
#define TAKE_BYTES_MAX 4096u

struct world {
	struct written_trace *trace;
	struct user_file_table files;
	struct process_table processes;
	struct user_unwind *unwind;
};

/* What a sample would have brought, taken by hand. */
struct taken {
	uint64_t regs[USER_REG_COUNT];
	uint8_t *stack; /* owned */
	size_t stack_bytes;
	void *frames[FRAMES_MAX]; /* as libgcc has them, the innermost is take() */
	int frame_count;
};

static uint64_t stack_end;

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct error err;

	world->trace = written_trace_new();
	user_file_table_init(&world->files, world->trace->writer);
	process_table_init(&world->processes, world->trace->writer, &world->files);
	assert_int_equal(process_table_scan(&world->processes), 0);
	assert_int_equal(user_unwind_new(&world->unwind, &world->processes, &world->files, &err), 0);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	user_unwind_free(world->unwind);
	process_table_release(&world->processes);
	user_file_table_release(&world->files);
	written_trace_free(world->trace);
	free(world);
	return 0;
}

/* Behind the last byte of this thread's stack. */
static uint64_t find_stack_end(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned long begin, end, found = 0;

	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &begin, &end) == 2 && (uintptr_t)&maps >= begin && (uintptr_t)&maps < end)
			found = end;
	fclose(maps);
	assert_true(found);
	return found;
}

static void take_regs(struct taken *taken, const greg_t *regs)
{
	static const int order[USER_REG_COUNT] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_RIP,
						  REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

	for (int i = 0; i < USER_REG_COUNT; i++)
		taken->regs[i] = (uint64_t)regs[order[i]];
}

__attribute__((noinline, no_sanitize("address"))) static void take(struct taken *taken)
{
	ucontext_t context;

	taken->frame_count = backtrace(taken->frames, FRAMES_MAX);
	/* A sanitizer stands in between. */
	if ((uintptr_t)taken->frames[0] - (uintptr_t)take > TAKE_BYTES_MAX)
		memmove(taken->frames, taken->frames + 1, (size_t)--taken->frame_count * sizeof(void *));
	getcontext(&context);
	take_regs(taken, context.uc_mcontext.gregs);
	const uint8_t *from = (const uint8_t *)taken->regs[USER_REG_SP];
	taken->stack_bytes = stack_end - taken->regs[USER_REG_SP];
	assert_true(taken->stack_bytes < STACK_BYTES_MAX);
	taken->stack = malloc(taken->stack_bytes);
	/* The sanitizers' red zones are part of it. */
	for (size_t i = 0; i < taken->stack_bytes; i++)
		taken->stack[i] = from[i];
}

static size_t unwind(struct world *world, const struct taken *taken, size_t stack_bytes, const uint64_t **chain, enum user_unwind_end *end)
{
	struct user_unwind_copy copy = {.regs = taken->regs,
					.stack = taken->stack,
					.stack_bytes = stack_bytes,
					.is_full = stack_bytes < taken->stack_bytes};

	return user_unwind_run(world->unwind, getpid(), &copy, chain, end);
}

/* Frames from the second on: the first is where each of the two was called from. */
static void assert_same_frames(const struct taken *taken, const uint64_t *chain, size_t count)
{
	assert_int_equal(count, taken->frame_count);
	for (size_t i = 1; i < count; i++)
		assert_int_equal(chain[i], (uintptr_t)taken->frames[i]);
}

static struct taken nested;

/* Called from within libc, which has no frame pointers. */
static int take_while_sorting(const void *a, const void *b)
{
	if (!nested.stack)
		take(&nested);
	return *(const int *)a - *(const int *)b;
}

static void whole_chain_through_libc(void **state)
{
	int numbers[] = {3, 1, 2};
	enum user_unwind_end end;
	const uint64_t *chain;

	nested = (struct taken){.stack = NULL};
	qsort(numbers, 3, sizeof(int), take_while_sorting);
	assert_true(nested.frame_count > 5);
	/* The second time from memory. */
	for (int i = 0; i < 2; i++) {
		size_t count = unwind(*state, &nested, nested.stack_bytes, &chain, &end);

		assert_int_equal(end, USER_UNWIND_WHOLE);
		assert_same_frames(&nested, chain, count);
	}
	free(nested.stack);
}

__attribute__((noinline)) static int recurse(int depth, struct taken *taken)
{
	volatile int here = depth;

	if (!depth)
		take(taken);
	else
		recurse(depth - 1, taken);
	return here;
}

static void copy_too_short_is_cut(void **state)
{
	struct taken taken = {0};
	enum user_unwind_end end;
	const uint64_t *chain;
	size_t least = SIZE_MAX;

	recurse(100, &taken);
	size_t whole = unwind(*state, &taken, taken.stack_bytes, &chain, &end);
	assert_int_equal(end, USER_UNWIND_WHOLE);
	assert_same_frames(&taken, chain, whole);
	for (size_t bytes = 0; bytes < taken.stack_bytes; bytes += 8) {
		size_t count = unwind(*state, &taken, bytes, &chain, &end);

		assert_true(count >= 1 && count <= whole);
		for (size_t i = 1; i < count; i++)
			assert_int_equal(chain[i], (uintptr_t)taken.frames[i]);
		if (count < whole)
			assert_int_equal(end, USER_UNWIND_CUT);
		else if (end == USER_UNWIND_WHOLE && bytes < least)
			least = bytes;
	}
	assert_true(least < taken.stack_bytes);
	free(taken.stack);
}

/* The kernel copied all there was: what is missing is not more stack. */
static void end_of_stack_is_not_cut(void **state)
{
	struct world *world = *state;
	struct taken taken = {0};
	enum user_unwind_end end;
	const uint64_t *chain;

	recurse(10, &taken);
	struct user_unwind_copy copy = {.regs = taken.regs, .stack = taken.stack, .stack_bytes = 64};
	user_unwind_run(world->unwind, getpid(), &copy, &chain, &end);
	assert_int_equal(end, USER_UNWIND_LOST);
	free(taken.stack);
}

static struct taken in_handler;
static uint64_t interrupted;

static void handle(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	interrupted = (uint64_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	take(&in_handler);
}

static void signal_frame(void **state)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
	enum user_unwind_end end;
	const uint64_t *chain;
	bool is_found = false;

	in_handler = (struct taken){.stack = NULL};
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	size_t count = unwind(*state, &in_handler, in_handler.stack_bytes, &chain, &end);
	assert_int_equal(end, USER_UNWIND_WHOLE);
	assert_int_equal(count, in_handler.frame_count);
	for (size_t i = 1; i < count; i++) {
		bool is_interrupted = (uintptr_t)in_handler.frames[i] == interrupted;

		assert_int_equal(chain[i], (uintptr_t)in_handler.frames[i] + is_interrupted);
		is_found |= is_interrupted;
	}
	assert_true(is_found);
	free(in_handler.stack);
}

/* Whatever a stack has, the unwinder ends within the copy and says nothing that is no code. */
static void hostile_stacks(void **state)
{
	struct world *world = *state;
	struct taken taken = {0};
	enum user_unwind_end end;
	const uint64_t *chain;
	uint64_t random = 1;

	recurse(20, &taken);
	uint8_t *good = malloc(taken.stack_bytes);
	memcpy(good, taken.stack, taken.stack_bytes);
	for (int turn = 0; turn < 3000; turn++) {
		memcpy(taken.stack, good, taken.stack_bytes);
		for (int i = 0; i < 1 + turn % 40; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			size_t at = (random >> 20) % (taken.stack_bytes / 8) * 8;
			/* Another word of it, or noise. */
			if (random >> 63)
				memcpy(taken.stack + at, good + (random >> 30) % (taken.stack_bytes / 8) * 8, 8);
			else
				memcpy(taken.stack + at, &random, 8);
		}
		size_t count = unwind(world, &taken, taken.stack_bytes, &chain, &end);
		assert_in_range(count, 1, USER_UNWIND_FRAMES_MAX);
		for (size_t i = 1; i < count; i++)
			assert_int_not_equal(process_table_place(&world->processes, getpid(), chain[i] - 1).file, 0);
	}
	free(good);
	free(taken.stack);
}

/* Registers that lead nowhere, a process that nobody knows, and no stack at all. */
static void nothing_to_go_by(void **state)
{
	struct world *world = *state;
	uint64_t regs[USER_REG_COUNT] = {[USER_REG_IP] = 0x1234, [USER_REG_SP] = UINT64_MAX - 8, [USER_REG_BP] = UINT64_MAX};
	uint8_t stack[64] = {0};
	struct user_unwind_copy copy = {.regs = regs, .stack = stack, .stack_bytes = sizeof(stack), .is_full = true};
	enum user_unwind_end end;
	const uint64_t *chain;

	assert_int_equal(user_unwind_run(world->unwind, getpid(), &copy, &chain, &end), 1);
	assert_int_equal(chain[0], 0x1234);
	assert_int_not_equal(end, USER_UNWIND_WHOLE);
	assert_int_equal(user_unwind_run(world->unwind, 0x7ffffff0, &copy, &chain, &end), 1);
	copy.stack_bytes = 0;
	assert_int_equal(user_unwind_run(world->unwind, getpid(), &copy, &chain, &end), 1);
}

/* Code that no file describes is left by the frame pointer, to where there is code. */
static void code_of_no_file(void **state)
{
	struct world *world = *state;
	void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t base = 0x7ff000000000, stack[8] = {0};
	uint64_t regs[USER_REG_COUNT] = {[USER_REG_IP] = (uintptr_t)code + 16, [USER_REG_SP] = base, [USER_REG_BP] = base + 16};
	struct user_unwind_copy copy = {.regs = regs, .stack = (uint8_t *)stack, .stack_bytes = sizeof(stack)};
	enum user_unwind_end end;
	const uint64_t *chain;

	assert_true(code != MAP_FAILED);
	assert_int_equal(process_table_scan(&world->processes), 0);
	stack[2] = base + 40;
	stack[3] = (uintptr_t)code + 100;
	stack[5] = 0;
	stack[6] = (uintptr_t)code + 200;
	assert_int_equal(user_unwind_run(world->unwind, getpid(), &copy, &chain, &end), 3);
	assert_int_equal(chain[1], (uintptr_t)code + 100);
	assert_int_equal(chain[2], (uintptr_t)code + 200);
	/* A frame pointer of 0 proves nothing where nobody says that there are frame pointers. */
	assert_int_equal(end, USER_UNWIND_LOST);
	stack[6] = 0x1000;
	assert_int_equal(user_unwind_run(world->unwind, getpid(), &copy, &chain, &end), 2);
	assert_int_equal(end, USER_UNWIND_LOST);
	/* It must not lead back. */
	stack[2] = base + 16;
	assert_int_equal(user_unwind_run(world->unwind, getpid(), &copy, &chain, &end), 2);
	assert_int_equal(end, USER_UNWIND_LOST);
	munmap(code, 4096);
}

#define BASE 0x10000000u
#define SMALL_BYTES_MAX 65536u

/* A small program of this machine; 0: there is none. */
static size_t read_small(uint8_t *bytes)
{
	int fd = open("/bin/true", O_RDONLY);
	ssize_t size = fd < 0 ? 0 : read(fd, bytes, SMALL_BYTES_MAX);

	close(fd);
	return size > 0 ? (size_t)size : 0;
}

/* Maps the bytes as a file of their own into a process that is none, and takes chains of random places in it. */
static void unwind_file(struct world *world, const uint8_t *bytes, size_t size_bytes, uint64_t *random)
{
	char path[] = "/tmp/user_unwind-test-XXXXXX";
	int fd = mkstemp(path);
	uint64_t stack[256], regs[USER_REG_COUNT];
	struct user_unwind_copy copy = {.regs = regs, .stack = (uint8_t *)stack, .stack_bytes = sizeof(stack), .is_full = true};
	struct stat status;
	enum user_unwind_end end;
	const uint64_t *chain;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size_bytes), size_bytes);
	fstat(fd, &status);
	close(fd);
	const struct sample sample = {.type = SAMPLE_MMAP,
				      .pid = getpid(),
				      .tid = getpid(),
				      .address = BASE,
				      .size_bytes = SMALL_BYTES_MAX,
				      .inode = status.st_ino,
				      .name = path};
	assert_int_equal(process_table_update(&world->processes, &sample), 0);
	unlink(path);
	for (int i = 0; i < 40; i++) {
		for (size_t word = 0; word < sizeof(stack) / sizeof(*stack); word++) {
			*random = *random * 6364136223846793005u + 1442695040888963407u;
			stack[word] = *random >> 63 ? BASE + (*random >> 33) % size_bytes : 0x7ff000000000 + (*random >> 33) % 2048;
		}
		for (int reg = 0; reg < USER_REG_COUNT; reg++)
			regs[reg] = stack[reg];
		regs[USER_REG_SP] = 0x7ff000000000;
		regs[USER_REG_IP] = BASE + (*random >> 20) % size_bytes;
		size_t count = user_unwind_run(world->unwind, getpid(), &copy, &chain, &end);
		assert_in_range(count, 1, USER_UNWIND_FRAMES_MAX);
	}
}

/* Files belong to tasks: whatever is in them, chains end, within their memory. */
static void hostile_files(void **state)
{
	static uint8_t good[SMALL_BYTES_MAX], bad[SMALL_BYTES_MAX];
	size_t size_bytes = read_small(good);
	uint64_t random = 7;

	if (!size_bytes)
		skip();
	for (int turn = 0; turn < 300; turn++) {
		size_t size = size_bytes;

		memcpy(bad, good, size_bytes);
		for (int i = 0; i < 1 << turn % 12; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			/* Headers more often than they are of the file. */
			size_t at = (random >> 20) % (turn % 3 ? size_bytes : 1024);
			bad[at] = (uint8_t)(random >> 56);
		}
		if (turn % 7 == 3)
			size = 1 + (random >> 30) % size_bytes;
		/* Still a program, so that what is behind is looked at. */
		if (turn % 2)
			memcpy(bad, good, 64);
		unwind_file(*state, bad, size, &random);
	}
}

int main(void)
{
	stack_end = find_stack_end();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole_chain_through_libc, set_up, tear_down),
		cmocka_unit_test_setup_teardown(copy_too_short_is_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(end_of_stack_is_not_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(signal_frame, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hostile_stacks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_to_go_by, set_up, tear_down),
		cmocka_unit_test_setup_teardown(code_of_no_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hostile_files, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
