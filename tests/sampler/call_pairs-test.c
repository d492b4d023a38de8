/* Calls under way: nesting, interrupts, migration, tasks that never return. */
#include "tests/cmocka_unit.h"

#include "sampler/call_pairs.h"
#include "tests/random.h"

#if defined(__x86_64__)
#define POPPED 8 /* a return probe runs after the return address is gone */
#else
#define POPPED 0
#endif

static const char outer_function, inner_function;

static struct call_entry call_of(uint64_t sp, int32_t tid, const void *function, uint64_t bytes_req)
{
	return (struct call_entry){.sp = sp, .tid = tid, .function = function, .bytes_req = bytes_req};
}

static void enter(struct call_pairs *pairs, struct call_entry call)
{
	assert_int_equal(call_pairs_enter(pairs, &call), 0);
}

/* What the call asked for; 0 where there is none. */
static uint64_t end(struct call_pairs *pairs, uint64_t entry_sp, int32_t tid, const void *function)
{
	struct call_entry call;

	if (!call_pairs_return(pairs, entry_sp + POPPED, tid, function, &call))
		return 0;
	assert_int_equal(call.sp, entry_sp);
	assert_int_equal(call.tid, tid);
	assert_ptr_equal(call.function, function);
	return call.bytes_req;
}

static void test_pair(void **state)
{
	struct call_pairs pairs = {0};
	struct call_entry call = {.sp = 0x8000,
				  .time_ns = 5,
				  .bytes_req = 700,
				  .function = &outer_function,
				  .tid = 9,
				  .node = -1,
				  .task = 4,
				  .stack = 6,
				  .gfp = 0xcc0,
				  .cache = 2},
			  got;

	(void)state;
	assert_int_equal(call_pairs_return(&pairs, 0x8000 + POPPED, 9, &outer_function, &got), 0);
	enter(&pairs, call);
	assert_int_equal(call_pairs_unreturned(&pairs), 1);
	assert_int_equal(call_pairs_return(&pairs, 0x8000 + POPPED, 9, &outer_function, &got), 1);
	assert_memory_equal(&got, &call, sizeof(call));
	assert_int_equal(call_pairs_unreturned(&pairs), 0);
	assert_int_equal(call_pairs_return(&pairs, 0x8000 + POPPED, 9, &outer_function, &got), 0);
	assert_int_equal(call_pairs_return(&pairs, 0, 9, &outer_function, &got), 0);
	call_pairs_release(&pairs);
	call_pairs_release(&pairs);
}

static void test_nested_calls(void **state)
{
	struct call_pairs pairs = {0};

	(void)state;
	enter(&pairs, call_of(0x8000, 9, &outer_function, 1));
	enter(&pairs, call_of(0x7f00, 9, &inner_function, 2));
	enter(&pairs, call_of(0x7e00, 9, &outer_function, 3));
	assert_int_equal(end(&pairs, 0x7e00, 9, &outer_function), 3);
	assert_int_equal(end(&pairs, 0x7f00, 9, &inner_function), 2);
	assert_int_equal(end(&pairs, 0x8000, 9, &outer_function), 1);
	assert_int_equal(call_pairs_unreturned(&pairs), 0);
	call_pairs_release(&pairs);
}

/* The interrupt has the task's tid and may call the same function, on a stack of its own or deeper on the task's. */
static void test_interrupt_in_between(void **state)
{
	struct call_pairs pairs = {0};

	(void)state;
	enter(&pairs, call_of(0x8000, 9, &outer_function, 1));
	enter(&pairs, call_of(0xfe00f00, 9, &outer_function, 2));
	assert_int_equal(end(&pairs, 0xfe00f00, 9, &outer_function), 2);
	enter(&pairs, call_of(0x7000, 9, &outer_function, 3));
	assert_int_equal(end(&pairs, 0x7000, 9, &outer_function), 3);
	assert_int_equal(end(&pairs, 0x8000, 9, &outer_function), 1);
	call_pairs_release(&pairs);
}

/* Nothing in a call says on which CPU it is: it may sleep, others may run, and the returns come in any order. */
static void test_migration_and_other_tasks(void **state)
{
	struct call_pairs pairs = {0};

	(void)state;
	for (int32_t tid = 1; tid <= 1000; tid++)
		enter(&pairs, call_of(0x100000u * (unsigned)tid + 0x8000, tid, &outer_function, (uint64_t)tid));
	for (int32_t i = 0; i < 1000; i++) {
		int32_t tid = i * 7 % 1000 + 1;

		assert_int_equal(end(&pairs, 0x100000u * (unsigned)tid + 0x8000, tid, &outer_function), tid);
	}
	assert_int_equal(call_pairs_unreturned(&pairs), 0);
	assert_true(pairs.capacity <= 2048);
	call_pairs_release(&pairs);
}

static void test_return_that_was_lost(void **state)
{
	struct call_pairs pairs = {0};

	(void)state;
	enter(&pairs, call_of(0x8000, 9, &outer_function, 1));
	/* The frame is in use again. */
	enter(&pairs, call_of(0x8000, 9, &outer_function, 2));
	assert_int_equal(pairs.without_return, 1);
	assert_int_equal(end(&pairs, 0x8000, 9, &outer_function), 2);
	assert_int_equal(call_pairs_unreturned(&pairs), 1);
	call_pairs_release(&pairs);
}

/* A task that died in its call leaves an entry; its stack goes to another task. */
static void test_stack_of_a_dead_task(void **state)
{
	struct call_pairs pairs = {0};

	(void)state;
	enter(&pairs, call_of(0x8000, 9, &outer_function, 1));
	assert_int_equal(end(&pairs, 0x8000, 10, &outer_function), 0);
	assert_int_equal(call_pairs_unreturned(&pairs), 1);
	assert_int_equal(end(&pairs, 0x8000, 9, &outer_function), 0);
	call_pairs_release(&pairs);
}

static void test_other_function_at_that_depth(void **state)
{
	struct call_pairs pairs = {0};

	(void)state;
	enter(&pairs, call_of(0x8000, 9, &outer_function, 1));
	assert_int_equal(end(&pairs, 0x8000, 9, &inner_function), 0);
	assert_int_equal(call_pairs_unreturned(&pairs), 1);
	enter(&pairs, call_of(0x8000, 9, &inner_function, 2));
	assert_int_equal(end(&pairs, 0x8000, 9, &inner_function), 2);
	assert_int_equal(call_pairs_unreturned(&pairs), 1);
	call_pairs_release(&pairs);
}

/* Whatever a task does higher up its stack, or on a stack that was another's, shows that the calls below have ended. */
static void test_calls_that_ended_unseen(void **state)
{
	struct call_pairs pairs = {0};

	(void)state;
	enter(&pairs, call_of(0x9800, 9, &outer_function, 1));
	enter(&pairs, call_of(0x9700, 9, &inner_function, 2));
	enter(&pairs, call_of(0x9600, 9, &outer_function, 3));
	/* A call that begins between the second and the third: the third is over, the second is not. */
	enter(&pairs, call_of(0x9680, 9, &outer_function, 4));
	assert_int_equal(pairs.without_return, 1);
	/* The return of some call that was not recorded, higher than the fourth and second. */
	assert_int_equal(end(&pairs, 0x9780, 9, &outer_function), 0);
	assert_int_equal(pairs.without_return, 3);
	/* A foreign return where the ended ones would return finds nothing. */
	assert_int_equal(end(&pairs, 0x9700, 9, &inner_function), 0);
	assert_int_equal(end(&pairs, 0x9680, 9, &outer_function), 0);
	/* Another task with the same stack: its former owner is gone. */
	assert_int_equal(end(&pairs, 0x9000, 10, &outer_function), 0);
	assert_int_equal(pairs.without_return, 4);
	assert_int_equal(end(&pairs, 0x9800, 9, &outer_function), 0);
	assert_int_equal(call_pairs_unreturned(&pairs), 4);
	/* Interrupts have a stack of their own: where it lies tells nothing about the task's. */
	enter(&pairs, call_of(0x9000, 9, &outer_function, 5));
	enter(&pairs, call_of(0xff00, 9, &outer_function, 6));
	assert_int_equal(end(&pairs, 0xff00, 9, &outer_function), 6);
	assert_int_equal(end(&pairs, 0x9000, 9, &outer_function), 5);
	assert_int_equal(call_pairs_unreturned(&pairs), 4);
	assert_int_equal(pairs.stacks.count, 0);
	call_pairs_release(&pairs);
}

/* Many tasks that enter, nest, return and lose returns: each entry ends in exactly one return or in the count. */
static void test_random_tasks(void **state)
{
	enum { TASKS = 50, DEPTH = 8 };
	struct call_pairs pairs = {0};
	uint64_t wanted[TASKS][DEPTH] = {{0}};
	size_t depth[TASKS] = {0};
	uint64_t seed = 7, entered = 0, returned = 0, serial = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		size_t task = random_below(&seed, TASKS);
		uint64_t sp = 0x100000 * (task + 1) + 0x3000 - 0x100 * depth[task];

		if (depth[task] < DEPTH && random_below(&seed, 2)) {
			wanted[task][depth[task]++] = ++serial;
			enter(&pairs, call_of(sp, (int32_t)task, &outer_function, serial));
			entered++;
		} else if (depth[task]) {
			uint64_t expected = wanted[task][--depth[task]];

			/* One return in twenty is lost in a ring. */
			if (!random_below(&seed, 20))
				continue;
			assert_int_equal(end(&pairs, sp + 0x100, (int32_t)task, &outer_function), expected);
			returned++;
		}
	}
	assert_int_equal(call_pairs_unreturned(&pairs), entered - returned);
	assert_true(pairs.stacks.count <= TASKS);
	assert_true(pairs.live_count <= TASKS * DEPTH);
	assert_true(pairs.capacity <= 512);
	call_pairs_release(&pairs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_nested_calls),
		cmocka_unit_test(test_interrupt_in_between),
		cmocka_unit_test(test_migration_and_other_tasks),
		cmocka_unit_test(test_return_that_was_lost),
		cmocka_unit_test(test_stack_of_a_dead_task),
		cmocka_unit_test(test_other_function_at_that_depth),
		cmocka_unit_test(test_calls_that_ended_unseen),
		cmocka_unit_test(test_random_tasks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
