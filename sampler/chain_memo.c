#include "sampler/chain_memo.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

/* Some 50,000 chains. Kernels have a few thousand that allocate. */
#define WORDS_MAX (1u << 20)

void chain_memo_release(struct chain_memo *memo)
{
	u64_map_release(&memo->keys);
	free(memo->words);
	memo->words = NULL;
	memo->word_count = memo->word_capacity = 0;
}

static int make_room(struct chain_memo *memo, size_t count)
{
	if (memo->word_count + count > WORDS_MAX)
		return -ENOSPC;
	if (memo->word_count + count <= memo->word_capacity)
		return 0;
	size_t capacity = memo->word_capacity ? 2 * memo->word_capacity : 4096;
	uint64_t *words = realloc(memo->words, capacity * sizeof(*words));

	if (!words)
		return -ENOMEM;
	memo->words = words;
	memo->word_capacity = capacity;
	return 0;
}

int chain_memo_put(struct chain_memo *memo, uint64_t key, const uint64_t *kernel, size_t count)
{
	uint64_t *place = u64_map_put(&memo->keys, key);

	if (!place)
		return -ENOMEM;
	if (*place) {
		const uint64_t *known = &memo->words[*place - 1];

		return *known == count && !memcmp(known + 1, kernel, count * sizeof(*kernel)) ? 0 : -EEXIST;
	}
	/* Half of the room in whole[] is the user part's. */
	int ret = count > CHAIN_MEMO_WORDS / 2 ? -ENOSPC : make_room(memo, count + 1);
	if (ret) {
		u64_map_remove(&memo->keys, key);
		return ret;
	}
	*place = memo->word_count + 1;
	memo->words[memo->word_count++] = count;
	memcpy(&memo->words[memo->word_count], kernel, count * sizeof(*kernel));
	memo->word_count += count;
	return 0;
}

bool chain_memo_get(struct chain_memo *memo, uint64_t key, const uint8_t *user, size_t user_count, size_t *length)
{
	const uint64_t *place = u64_map_find(&memo->keys, key);
	size_t count = 0;

	if (place) {
		const uint64_t *kernel = &memo->words[*place - 1];

		memo->whole[count++] = (uint64_t)PERF_CONTEXT_KERNEL;
		memcpy(&memo->whole[count], kernel + 1, *kernel * sizeof(*kernel));
		count += *kernel;
	}
	if (user_count > CHAIN_MEMO_WORDS - 1 - count)
		user_count = CHAIN_MEMO_WORDS - 1 - count;
	if (user_count) {
		memo->whole[count++] = (uint64_t)PERF_CONTEXT_USER;
		memcpy(&memo->whole[count], user, user_count * sizeof(*memo->whole));
		count += user_count;
	}
	*length = count;
	return place;
}
