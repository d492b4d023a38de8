/* The progress line. */
#include "sampler/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EVERY_NS 1000000000u

void progress_init(struct progress *progress, bool is_quiet)
{
	*progress = (struct progress){.is_on = !is_quiet && isatty(STDERR_FILENO)};
}

const char *progress_number(uint64_t value, char text[32])
{
	char digits[24];
	int size = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	char *at = text;

	for (int i = 0; i < size; i++) {
		if (i && (size - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
	return text;
}

void progress_show(struct progress *progress, uint64_t time_ns, uint64_t events, uint64_t live, uint64_t lost)
{
	char rate_text[32], live_text[32], lost_text[32];
	uint64_t elapsed_ns = time_ns - progress->shown_ns;

	if (!progress->is_on || elapsed_ns < EVERY_NS)
		return;
	uint64_t rate = (uint64_t)((double)(events - progress->shown_events) * 1e9 / (double)elapsed_ns);
	progress->shown_ns = time_ns;
	progress->shown_events = events;
	progress->has_line = true;
	fprintf(stderr, "\r\033[K%" PRIu64 " s  %s events/s  %s live  %s lost", time_ns / 1000000000,
		progress_number(rate, rate_text), progress_number(live, live_text), progress_number(lost, lost_text));
	fflush(stderr);
}

void progress_wait(struct progress *progress, const char *condition, uint64_t value, const char *unit)
{
	char text[32];

	if (!progress->is_on)
		return;
	progress->has_line = true;
	fprintf(stderr, "\r\033[Kwaiting for %s: %s %s now", condition, progress_number(value, text), unit);
	fflush(stderr);
}

void progress_end(struct progress *progress)
{
	if (progress->has_line)
		fputs("\r\033[K", stderr);
	progress->has_line = false;
}
