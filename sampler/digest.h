/*
 * What a recording with --only-live keeps instead of events: each live object with what its event would tell, and for each cache and
 * call stack what was freed, as counts. Its memory does not grow with events.
 */
#ifndef SLABREC_SAMPLER_DIGEST_H
#define SLABREC_SAMPLER_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/live_table.h"
#include "sampler/process_table.h"
#include "trace/error.h"
#include "trace/pool.h"
#include "trace/u64_map.h"
#include "trace/writer.h"

struct digest_object;
struct digest_site;

/* All-zero is an empty one. */
struct digest {
	struct digest_object *objects; /* owned; serial - 1; some unused */
	uint32_t object_count;
	uint32_t object_capacity;
	uint32_t unused; /* serial of the first unused one, which tells the next; 0 none */
	struct digest_site *sites; /* owned */
	uint32_t site_count;
	uint32_t site_capacity;
	struct u64_map site_of; /* cache and stack -> place in sites + 1 */
	uint64_t *older;	/* owned; by cache: frees of older objects */
	uint32_t older_count;
	struct pool pool;	/* of what is counted by name and stack */
	uint64_t events; /* that a trace with all of them would have */
	uint32_t shift;	 /* of the timelines */
	bool failed;	 /* memory ran out, counts are missing */
};

void digest_release(struct digest *digest);

/*
 * Takes in an ALLOC event, whose task is the number of a name (process_table_task() of a table that merges tasks). Returns its serial,
 * which is used again after the object's end; 0 without memory.
 */
uint64_t digest_alloc(struct digest *digest, const struct trace_event *event, int32_t pid, int32_t tid);

/* Takes in any other event, whose object is a serial. A FREE, a FREE_IMPLIED and the FREE that follows a FREE_RCU end the serial. */
void digest_free(struct digest *digest, const struct trace_event *event);

/* Ends the serial of an object whose free was asked for and not seen to be done. */
void digest_forget(struct digest *digest, uint64_t serial);

/*
 * Writes the live objects in the order of time as ALLOC events, with their addresses, and all counts. Call it once, at the end. 0 or
 * -ENOMEM.
 */
int digest_write(const struct digest *digest, const struct live_table *live, const struct process_table *processes,
		 struct trace_writer *writer, struct error *err);

/* What digest_write() would add to the trace, about. */
uint64_t digest_closing_bytes(const struct digest *digest, const struct live_table *live);

#endif
