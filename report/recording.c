/* Walks a trace once and gives each record to whom it concerns. */
#include "report/recording.h"

#include <string.h>

void recording_release(struct recording *recording)
{
	if (!recording)
		return;
	ledger_release(&recording->ledger);
	doubt_release(&recording->doubt);
	capture_release(&recording->capture);
	trace_reader_free(recording->reader);
	*recording = (struct recording){0};
}

/* Events on their way to the ledger, which hears of each before it comes. */
#define WAITING 16u /* a power of two */

struct waiting {
	struct trace_event events[WAITING];
	uint64_t first, end; /* modulo WAITING */
};

static int enter_first(struct recording *recording, struct waiting *waiting, struct error *err)
{
	return ledger_enter(&recording->ledger, &waiting->events[waiting->first++ % WAITING], err);
}

static int enter_all(struct recording *recording, struct waiting *waiting, struct error *err)
{
	int ret = 0;

	while (!ret && waiting->first < waiting->end)
		ret = enter_first(recording, waiting, err);
	return ret;
}

static int enter_later(struct recording *recording, struct waiting *waiting, const struct trace_event *event, struct error *err)
{
	int ret = waiting->end - waiting->first == WAITING ? enter_first(recording, waiting, err) : 0;

	waiting->events[waiting->end++ % WAITING] = *event;
	ledger_expect(&recording->ledger, event);
	return ret;
}

static int recording_take(struct recording *recording, struct waiting *waiting, const struct trace_record *record, struct error *err)
{
	if (record->type == TRACE_RECORD_EVENTS)
		return enter_later(recording, waiting, &record->event, err);
	/* In the order of the trace. */
	int ret = enter_all(recording, waiting, err);
	if (ret)
		return ret;
	if (record->type == TRACE_RECORD_FREED)
		return ledger_enter_freed(&recording->ledger, &record->freed, err);
	if (record->type == TRACE_RECORD_FREED_OLDER)
		return ledger_enter_freed_older(&recording->ledger, &record->freed_older, err);
	if (record->type == TRACE_RECORD_CONTENTS)
		return ledger_enter_contents(&recording->ledger, &record->contents, err);
	if (record->type == TRACE_RECORD_RECLAIM && !recording->ledger.reclaim_ns && (int64_t)record->reclaim.time_ns > 0)
		recording->ledger.reclaim_ns = record->reclaim.time_ns;
	if (record->type == TRACE_RECORD_LOSS && record->loss.ring == TRACE_RING_FREE)
		ret = doubt_add(&recording->doubt, record->loss.time_ns, record->loss.lost, err);
	else if (record->type == TRACE_RECORD_UNSEEN)
		ret = doubt_add(&recording->doubt, record->unseen.time_ns,
				record->unseen.cause == TRACE_UNSEEN_CPU ? DOUBT_UNKNOWN : record->unseen.at_most, err);
	return ret ? ret : capture_take(&recording->capture, record, err);
}

/* What was lost, known only from the end of the trace, and then what that leaves of the objects. */
static int recording_close(struct recording *recording, struct error *err)
{
	struct losses *losses = &recording->losses;

	losses_count(losses, &recording->capture, recording->reader);
	/* A trace that was cut does not tell the sums: what it told on the way stands. */
	uint64_t limit = recording->capture.has_end ? losses->freed_at_most : recording->doubt.frees;
	int ret = doubt_close(&recording->doubt, losses->objects_per_free, limit, err);
	if (!ret)
		ret = ledger_close(&recording->ledger, recording->duration_ns, &recording->doubt, err);
	return ret;
}

static uint64_t recording_duration(const struct recording *recording)
{
	const struct capture *capture = &recording->capture;

	if (recording->ledger.reclaim_ns)
		return recording->ledger.reclaim_ns;
	if (capture->has_end && (int64_t)capture->end.time_ns > 0)
		return capture->end.time_ns;
	return capture->last_ns > recording->ledger.last_ns ? capture->last_ns : recording->ledger.last_ns;
}

int recording_read(struct recording *recording, struct trace_reader *reader, struct error *err)
{
	struct waiting waiting = {.end = 0};
	struct trace_record record;
	int ret;

	*recording = (struct recording){.reader = reader};
	while ((ret = trace_reader_next(reader, &record, err)) == 1) {
		ret = recording_take(recording, &waiting, &record, err);
		if (ret)
			break;
	}
	if (!ret)
		ret = enter_all(recording, &waiting, err);
	recording->duration_ns = recording_duration(recording);
	if (!ret)
		ret = recording_close(recording, err);
	if (ret)
		recording_release(recording);
	return ret;
}

const char *recording_fact(const struct recording *recording, const char *key)
{
	for (size_t i = 0; i < recording->capture.fact_count; i++) {
		const struct trace_fact *fact = &recording->capture.facts[i];

		if (!strcmp(trace_reader_text(recording->reader, fact->key), key))
			return trace_reader_text(recording->reader, fact->value);
	}
	return "";
}

uint64_t recording_counter(const struct recording *recording, const char *key, bool *has)
{
	for (size_t i = 0; i < recording->capture.counter_count; i++) {
		const struct trace_counter *counter = &recording->capture.counters[i];

		if (strcmp(trace_reader_text(recording->reader, counter->key), key))
			continue;
		if (has)
			*has = true;
		return counter->value;
	}
	if (has)
		*has = false;
	return 0;
}
