/* What the person at the terminal sees while it records: one line on standard error, none where that is no terminal. */
#ifndef SLABREC_SAMPLER_PROGRESS_H
#define SLABREC_SAMPLER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool is_on;
	bool has_line; /* something stands in the line */
	uint64_t shown_ns;
	uint64_t shown_events;
};

void progress_init(struct progress *progress, bool is_quiet);

/* Shows seconds, events a second, live objects and what was lost, at most once a second. Times since the start. */
void progress_show(struct progress *progress, uint64_t time_ns, uint64_t events, uint64_t live, uint64_t lost);

/* Shows what is waited for and what is now, each time. */
void progress_wait(struct progress *progress, const char *condition, uint64_t value, const char *unit);

/* Wipes the line. */
void progress_end(struct progress *progress);

/* The number with its thousands apart; into text, which is returned. */
const char *progress_number(uint64_t value, char text[32]);

#endif
