/* What is remembered of user stacks, without the programs that recognise them: the table that they look at is ours here. */
#include "tests/cmocka_unit.h"

#include "sampler/user_recall.h"

#define KNOWN 32768u
#define SPACE 77

static int set_up(void **state)
{
	struct user_recall *recall = calloc(1, sizeof(*recall));

	recall->recipes = recall->known = -1;
	recall->known_keys = calloc(KNOWN, sizeof(uint64_t));
	*state = recall;
	return 0;
}

static int tear_down(void **state)
{
	struct user_recall *recall = *state;

	free((void *)(uintptr_t)recall->known_keys);
	recall->known_keys = NULL;
	user_recall_close(recall);
	free(recall);
	return 0;
}

/* The key that is known now and was not before; 0 none. */
static uint64_t learn(struct user_recall *recall, uint64_t place, const struct user_unwind_trail *trail, const uint64_t *addresses,
		      size_t count)
{
	const struct user_recall_chain chain = {
		.addresses = addresses, .count = count, .end = USER_UNWIND_WHOLE, .code = place + 1, .space = SPACE};
	static uint64_t before[KNOWN];

	memcpy(before, (const void *)(uintptr_t)recall->known_keys, sizeof(before));
	assert_int_equal(user_recall_learn(recall, place, trail, &chain), 0);
	for (size_t i = 0; i < KNOWN; i++)
		if (recall->known_keys[i] != before[i] && recall->known_keys[i])
			return recall->known_keys[i];
	return 0;
}

static struct user_unwind_trail make_trail(uint64_t word)
{
	return (struct user_unwind_trail){.is_whole = true, .count = 2, .offsets = {0, 5}, .words = {0x401000, word}};
}

static void learned_and_forgotten(void **state)
{
	struct user_recall *recall = *state;
	const uint64_t addresses[] = {0x401000, 0x402000, 0x403000};
	struct user_unwind_trail trail = make_trail(0x402000);
	struct user_recall_chain found;

	uint64_t key = learn(recall, 1000, &trail, addresses, 3);
	assert_int_not_equal(key, 0);
	assert_true(user_recall_find(recall, key, &found));
	assert_int_equal(found.count, 3);
	assert_memory_equal(found.addresses, addresses, sizeof(addresses));
	assert_int_equal(found.end, USER_UNWIND_WHOLE);
	assert_int_equal(found.code, 1001);
	assert_int_equal(found.space, SPACE);
	user_recall_confirm(recall, key, SPACE + 1);
	assert_true(user_recall_find(recall, key, &found));
	assert_int_equal(found.space, SPACE + 1);
	assert_false(user_recall_find(recall, key + 1, &found));
	user_recall_forget(recall, key);
	assert_false(user_recall_find(recall, key, &found));
	/* Nor do programs recognise it. */
	for (size_t i = 0; i < KNOWN; i++)
		assert_int_equal(recall->known_keys[i], 0);
}

/* Whatever a chain goes by makes it another one. */
static void keys_differ(void **state)
{
	struct user_recall *recall = *state;
	const uint64_t addresses[] = {0x401000, 0x402000};
	struct user_unwind_trail trail = make_trail(0x402000);
	uint64_t keys[6];

	keys[0] = learn(recall, 1000, &trail, addresses, 2);
	keys[1] = learn(recall, 2000, &trail, addresses, 2);
	trail.words[1]++;
	keys[2] = learn(recall, 1000, &trail, addresses, 2);
	/* The same sum of word and place. */
	trail.words[1] -= 8;
	trail.offsets[1]++;
	keys[3] = learn(recall, 1000, &trail, addresses, 2);
	trail.has_bp = true;
	keys[4] = learn(recall, 1000, &trail, addresses, 2);
	trail.bp = 9;
	keys[5] = learn(recall, 1000, &trail, addresses, 2);
	for (size_t i = 0; i < 6; i++) {
		assert_int_not_equal(keys[i], 0);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(keys[i], keys[k]);
	}
}

static void what_went_by_more_is_not_learned(void **state)
{
	struct user_recall *recall = *state;
	const uint64_t address = 0x401000;
	struct user_unwind_trail trail = make_trail(1);

	trail.is_whole = false;
	assert_int_equal(learn(recall, 1000, &trail, &address, 1), 0);
	trail.is_whole = true;
	assert_int_equal(learn(recall, 0, &trail, &address, 1), 0);
}

/* More than there is room for: what is used stays, the rest goes, and programs recognise nothing that nobody remembers. */
static void bounded(void **state)
{
	struct user_recall *recall = *state;
	uint64_t addresses[100] = {1, 2, 3};
	struct user_unwind_trail trail = make_trail(0);
	struct user_recall_chain found;
	size_t left = 0, known = 0;

	uint64_t used = learn(recall, 500, &trail, addresses, 3);
	for (uint64_t i = 1; i < 20000; i++) {
		const struct user_recall_chain chain = {.addresses = addresses, .count = 100, .space = SPACE};

		trail.words[1] = i;
		assert_int_equal(user_recall_learn(recall, 1000 + i % 7, &trail, &chain), 0);
		assert_true(user_recall_find(recall, used, &found));
		assert_int_equal(found.count, 3);
		assert_int_equal(found.addresses[2], 3);
	}
	for (size_t i = 0; i < KNOWN; i++) {
		known += recall->known_keys[i] != 0;
		left += recall->known_keys[i] && user_recall_find(recall, recall->known_keys[i], &found);
	}
	assert_in_range(known, 1, 15000);
	assert_int_equal(left, known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(learned_and_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_differ, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_went_by_more_is_not_learned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounded, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
