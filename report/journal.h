/*
 * What is to be counted at sites waits here, so that it can be counted site by site: the books of many sites are larger than a CPU's caches,
 * and events come in an order that is none.
 */
#ifndef SLABREC_REPORT_JOURNAL_H
#define SLABREC_REPORT_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/error.h"

/* So many wait at most: 6 MiB. Few under the sanitizer: it then sees them handed over, and has less to mark. */
#ifdef __SANITIZE_ADDRESS__
#define JOURNAL_POSTINGS (1u << 13)
#else
#define JOURNAL_POSTINGS (1u << 17)
#endif

enum posting_kind {
	POSTING_BIRTH,	      /* an allocation */
	POSTING_FREE,	      /* seen */
	POSTING_FREE_IMPLIED, /* inferred */
	POSTING_SURVIVOR,     /* live at the end, */
	POSTING_RECLAIMED,    /* and gone when memory was asked back */
};

struct posting {
	uint64_t time_ns; /* of the birth or the free */
	union {
		uint64_t age_ns; /* when it was freed, or at the end */
		struct {
			uint32_t cpu;
			int32_t node;
		};
	};
	uint32_t bytes_req; /* of a birth or a free */
	union {
		uint32_t task;	/* of a birth or a survivor */
		uint32_t stack; /* of a free */
	};
	uint32_t site;
	enum posting_kind kind;
};

/* All-zero is an empty journal. */
struct journal {
	struct posting *postings; /* owned, JOURNAL_POSTINGS, in the order in which they came */
	uint64_t *order, *spare;  /* owned, the same number */
	uint32_t count;
};

void journal_release(struct journal *journal);
/* Room for one more, which counts at once; there has to be some (journal_is_full()). NULL without memory. */
struct posting *journal_add(struct journal *journal);
bool journal_is_full(const struct journal *journal);
/* Puts those of a site side by side, by rising site below sites, each site's in the order in which they came: order[i] is then the i-th's place. */
void journal_sort(struct journal *journal, uint32_t sites);
static inline const struct posting *journal_at(const struct journal *journal, uint32_t i)
{
	return &journal->postings[(uint32_t)journal->order[i]];
}
/* Its site, without reading it. */
static inline uint32_t journal_site_at(const struct journal *journal, uint32_t i)
{
	return (uint32_t)(journal->order[i] >> 32);
}
/* Empties it. */
void journal_clear(struct journal *journal);

#endif
