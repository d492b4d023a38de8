/*
 * One trace, read to its end: the ledger of its events, what it says about its capture, and the reader with its
 * dictionaries.
 */
#ifndef SLABREC_REPORT_RECORDING_H
#define SLABREC_REPORT_RECORDING_H

#include <stdint.h>

#include "report/capture.h"
#include "report/doubt.h"
#include "report/ledger.h"
#include "report/losses.h"
#include "trace/error.h"
#include "trace/reader.h"

struct recording {
	struct trace_reader *reader; /* owned */
	struct capture capture;
	struct ledger ledger;
	struct losses losses;
	struct doubt doubt; /* which of the live objects may have been freed */
	uint64_t duration_ns; /* to the time when memory was asked back; where it was not, to END; without it to the last record that was read */
};

void recording_release(struct recording *recording);
/*
 * Reads all of the reader, which it takes over also on failure. 0 also for a cut or damaged trace (ask
 * trace_reader_ending()); else -ENOMEM, -EFBIG or what the source returned.
 */
int recording_read(struct recording *recording, struct trace_reader *reader, struct error *err);
/* Text of a fact, "" where the trace does not have it. Owned by the reader. */
const char *recording_fact(const struct recording *recording, const char *key);
/* Value of a counter, 0 where the trace does not have it; has may be NULL. */
uint64_t recording_counter(const struct recording *recording, const char *key, bool *has);

#endif
