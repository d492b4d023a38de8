/* Keys that stand for call chains: what was put in comes out whole, a key never stands for two. */
#include "tests/cmocka_unit.h"

#include <linux/perf_event.h>

#include "sampler/chain_memo.h"

static const uint64_t kernel[] = {0xffffffff81001000, 0xffffffff81002000, 0xffffffff81003000};
static const uint64_t user[] = {0x401000, 0x402000};

static const uint8_t *bytes(const uint64_t *words)
{
	return (const uint8_t *)words;
}

static void test_whole_chain(void **state)
{
	const uint64_t whole[] = {(uint64_t)PERF_CONTEXT_KERNEL, kernel[0], kernel[1], kernel[2], (uint64_t)PERF_CONTEXT_USER,
				  user[0],			 user[1]};
	struct chain_memo memo = {.word_count = 0};
	size_t length;

	(void)state;
	assert_int_equal(chain_memo_put(&memo, 7, kernel, 3), 0);
	assert_true(chain_memo_get(&memo, 7, bytes(user), 2, &length));
	assert_int_equal(length, 7);
	assert_memory_equal(memo.whole, whole, sizeof(whole));
	/* A kernel thread has no user part. */
	assert_true(chain_memo_get(&memo, 7, NULL, 0, &length));
	assert_int_equal(length, 4);
	assert_memory_equal(memo.whole, whole, 4 * sizeof(uint64_t));
	chain_memo_release(&memo);
}

static void test_unknown_key(void **state)
{
	struct chain_memo memo = {.word_count = 0};
	size_t length;

	(void)state;
	assert_false(chain_memo_get(&memo, 7, bytes(user), 2, &length));
	/* The user part is known all the same. */
	assert_int_equal(length, 3);
	assert_int_equal(memo.whole[0], (uint64_t)PERF_CONTEXT_USER);
	assert_int_equal(memo.whole[2], user[1]);
	chain_memo_release(&memo);
}

static void test_other_chain_for_a_key(void **state)
{
	struct chain_memo memo = {.word_count = 0};
	uint64_t other[3] = {kernel[0], kernel[1], kernel[2] + 1};
	size_t length;

	(void)state;
	assert_int_equal(chain_memo_put(&memo, 7, kernel, 3), 0);
	assert_int_equal(chain_memo_put(&memo, 7, kernel, 3), 0);
	assert_int_equal(chain_memo_put(&memo, 7, kernel, 2), -EEXIST);
	assert_int_equal(chain_memo_put(&memo, 7, other, 3), -EEXIST);
	assert_true(chain_memo_get(&memo, 7, NULL, 0, &length));
	assert_int_equal(memo.whole[3], kernel[2]);
	chain_memo_release(&memo);
}

static void test_too_long(void **state)
{
	struct chain_memo memo = {.word_count = 0};
	uint64_t chain[CHAIN_MEMO_WORDS] = {0};
	size_t length;

	(void)state;
	assert_int_equal(chain_memo_put(&memo, 1, chain, CHAIN_MEMO_WORDS), -ENOSPC);
	assert_false(chain_memo_get(&memo, 1, NULL, 0, &length));
	assert_int_equal(chain_memo_put(&memo, 1, chain, CHAIN_MEMO_WORDS / 2), 0);
	/* A user part that does not fit is cut. */
	assert_true(chain_memo_get(&memo, 1, bytes(chain), CHAIN_MEMO_WORDS, &length));
	assert_int_equal(length, CHAIN_MEMO_WORDS);
	chain_memo_release(&memo);
}

static void test_no_more_room(void **state)
{
	struct chain_memo memo = {.word_count = 0};
	uint64_t chain[100] = {0};
	uint64_t key = 0;
	size_t length;
	int ret;

	(void)state;
	do {
		chain[0] = ++key;
		ret = chain_memo_put(&memo, key, chain, 100);
	} while (!ret);
	assert_int_equal(ret, -ENOSPC);
	assert_true(key > 10000);
	assert_false(chain_memo_get(&memo, key, NULL, 0, &length));
	assert_true(chain_memo_get(&memo, key - 1, NULL, 0, &length));
	assert_int_equal(memo.whole[1], key - 1);
	chain_memo_release(&memo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_chain), cmocka_unit_test(test_unknown_key), cmocka_unit_test(test_other_chain_for_a_key),
		cmocka_unit_test(test_too_long),    cmocka_unit_test(test_no_more_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
