/* Knows how far the stack pointer of a return lies from that of its entry: the return address has been popped. */
#include "sampler/call_pairs.h"

#include <errno.h>
#include <stdlib.h>

#if defined(__x86_64__)
#define RETURN_POPS_BYTES 8
#else
#define RETURN_POPS_BYTES 0
#endif

void call_pairs_release(struct call_pairs *pairs)
{
	free(pairs->entries);
	free(pairs->unused);
	u64_map_release(&pairs->by_sp);
	*pairs = (struct call_pairs){0};
}

static int grow(struct call_pairs *pairs)
{
	size_t capacity = pairs->capacity ? pairs->capacity * 2 : 64;
	struct call_entry *entries = realloc(pairs->entries, capacity * sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	pairs->entries = entries;
	uint32_t *unused = realloc(pairs->unused, capacity * sizeof(*unused));
	if (!unused)
		return -ENOMEM;
	pairs->unused = unused;
	pairs->capacity = capacity;
	return 0;
}

int call_pairs_enter(struct call_pairs *pairs, const struct call_entry *entry)
{
	/* No call has such a stack pointer: the record was cut. */
	if (!(entry->sp + RETURN_POPS_BYTES)) {
		pairs->without_return++;
		return 0;
	}
	if (!pairs->unused_count && pairs->count == pairs->capacity && grow(pairs))
		return -ENOMEM;
	uint64_t *slot = u64_map_put(&pairs->by_sp, entry->sp + RETURN_POPS_BYTES);
	if (!slot)
		return -ENOMEM;
	if (*slot)
		pairs->without_return++; /* the frame is in use again, so that call has ended unseen */
	else
		*slot = pairs->unused_count ? pairs->unused[--pairs->unused_count] : ++pairs->count;
	pairs->entries[*slot - 1] = *entry;
	return 0;
}

int call_pairs_return(struct call_pairs *pairs, uint64_t sp, int32_t tid, const void *function, struct call_entry *entry)
{
	const uint64_t *slot = sp ? u64_map_find(&pairs->by_sp, sp) : NULL;

	if (!slot)
		return 0;
	*entry = pairs->entries[*slot - 1];
	pairs->unused[pairs->unused_count++] = (uint32_t)*slot;
	u64_map_remove(&pairs->by_sp, sp);
	if (entry->tid == tid && entry->function == function)
		return 1;
	/* Another task or function returns at this depth: the entry's own return was lost. */
	pairs->without_return++;
	return 0;
}

void call_pairs_forget(struct call_pairs *pairs)
{
	pairs->without_return += pairs->by_sp.count;
	u64_map_clear(&pairs->by_sp);
	pairs->count = 0;
	pairs->unused_count = 0;
}

uint64_t call_pairs_unreturned(const struct call_pairs *pairs)
{
	return pairs->without_return + pairs->by_sp.count;
}
