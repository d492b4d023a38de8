/* A radix sort of numbers of sites with the places of their postings, which stay where they are. */
#include "report/journal.h"

#include <stdlib.h>
#include <string.h>

#define DIGIT_BITS 9u
#define DIGITS (1u << DIGIT_BITS)

void journal_release(struct journal *journal)
{
	if (!journal)
		return;
	free(journal->postings);
	free(journal->order);
	free(journal->spare);
	*journal = (struct journal){0};
}

static bool journal_init(struct journal *journal)
{
	journal->postings = calloc(JOURNAL_POSTINGS, sizeof(*journal->postings));
	journal->order = calloc(JOURNAL_POSTINGS, sizeof(*journal->order));
	journal->spare = calloc(JOURNAL_POSTINGS, sizeof(*journal->spare));
	if (journal->postings && journal->order && journal->spare)
		return true;
	journal_release(journal);
	return false;
}

bool journal_is_full(const struct journal *journal)
{
	return journal->count == JOURNAL_POSTINGS;
}

struct posting *journal_add(struct journal *journal)
{
	return journal->postings || journal_init(journal) ? &journal->postings[journal->count++] : NULL;
}

/* Sorts order by one digit of the site, into spare. */
static void sort_digit(struct journal *journal, uint32_t shift)
{
	uint32_t starts[DIGITS] = {0}, sum = 0;
	uint64_t *sorted = journal->spare;

	for (uint32_t i = 0; i < journal->count; i++)
		starts[journal->order[i] >> shift & (DIGITS - 1)]++;
	for (uint32_t digit = 0; digit < DIGITS; digit++) {
		uint32_t count = starts[digit];

		starts[digit] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < journal->count; i++)
		sorted[starts[journal->order[i] >> shift & (DIGITS - 1)]++] = journal->order[i];
	journal->spare = journal->order;
	journal->order = sorted;
}

void journal_sort(struct journal *journal, uint32_t sites)
{
	for (uint32_t i = 0; i < journal->count; i++)
		journal->order[i] = (uint64_t)journal->postings[i].site << 32 | i;
	for (uint32_t bits = 0; sites > 1 && (sites - 1) >> bits; bits += DIGIT_BITS)
		sort_digit(journal, 32 + bits);
}

void journal_clear(struct journal *journal)
{
	journal->count = 0;
}
