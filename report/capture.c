/* Lists of the trace's single records; losses are summed per CPU and ring as they come. */
#include "report/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/number.h"

void capture_release(struct capture *capture)
{
	if (!capture)
		return;
	free(capture->facts);
	free(capture->counters);
	free(capture->notes);
	free(capture->probes);
	free(capture->losses);
	free(capture->census);
	free(capture->meminfo);
	*capture = (struct capture){0};
}

/* Appends one element; list is the address of an array pointer. */
static int append(void *list, size_t *count, const void *element, size_t element_bytes, struct error *err)
{
	void *array = *(void **)list;

	if (*count >= CAPTURE_LIST_MAX)
		return error_set(err, -EFBIG, "more than %u facts, probes or counters of a kind", CAPTURE_LIST_MAX);
	/* Doubles at powers of two, the only sizes that are ever full. */
	if (!(*count & (*count - 1))) {
		array = reallocarray(array, *count ? 2 * *count : 1, element_bytes);
		if (!array)
			return error_set(err, -ENOMEM, "not enough memory for what the trace says about itself");
		*(void **)list = array;
	}
	memcpy((char *)array + *count * element_bytes, element, element_bytes);
	(*count)++;
	return 0;
}

/* One element per CPU and ring, found by index: a hostile file must not make this a search. */
static int capture_loss(struct capture *capture, const struct trace_loss *loss, struct error *err)
{
	uint32_t cpu = loss->cpu < CAPTURE_CPUS_MAX ? loss->cpu : CAPTURE_CPUS_MAX - 1;
	size_t at = (size_t)cpu * TRACE_RING_COUNT + loss->ring;

	while (capture->loss_count <= at) {
		struct trace_loss none = {.cpu = (uint32_t)(capture->loss_count / TRACE_RING_COUNT),
					  .ring = (enum trace_ring)(capture->loss_count % TRACE_RING_COUNT)};
		int ret = append(&capture->losses, &capture->loss_count, &none, sizeof(none), err);

		if (ret)
			return ret;
	}
	capture->losses[at].lost = number_add(capture->losses[at].lost, loss->lost);
	return 0;
}

static void capture_time(struct capture *capture, uint64_t time_ns)
{
	if ((int64_t)time_ns > 0 && time_ns > capture->last_ns)
		capture->last_ns = time_ns;
}

static void capture_unseen(struct capture *capture, const struct trace_unseen *unseen)
{
	if (unseen->cause != TRACE_UNSEEN_CPU)
		return;
	capture->cpus_unseen++;
	if (unseen->time_ns > unseen->from_ns)
		capture->cpus_unseen_ns = number_add(capture->cpus_unseen_ns, unseen->time_ns - unseen->from_ns);
}

int capture_take(struct capture *capture, const struct trace_record *record, struct error *err)
{
	switch (record->type) {
	case TRACE_RECORD_FACTS:
		return append(&capture->facts, &capture->fact_count, &record->fact, sizeof(record->fact), err);
	case TRACE_RECORD_COUNTERS:
		return append(&capture->counters, &capture->counter_count, &record->counter, sizeof(record->counter),
			      err);
	case TRACE_RECORD_NOTES:
		return append(&capture->notes, &capture->note_count, &record->note, sizeof(record->note), err);
	case TRACE_RECORD_PROBES:
		return append(&capture->probes, &capture->probe_count, &record->probe, sizeof(record->probe), err);
	case TRACE_RECORD_LOSS:
		capture_time(capture, record->loss.time_ns);
		return capture_loss(capture, &record->loss, err);
	case TRACE_RECORD_UNSEEN:
		capture_time(capture, record->unseen.time_ns);
		capture_unseen(capture, &record->unseen);
		return 0;
	case TRACE_RECORD_CENSUS:
		capture_time(capture, record->census.time_ns);
		return append(&capture->census, &capture->census_count, &record->census, sizeof(record->census), err);
	case TRACE_RECORD_MEMINFO:
		capture_time(capture, record->meminfo.time_ns);
		return append(&capture->meminfo, &capture->meminfo_count, &record->meminfo, sizeof(record->meminfo),
			      err);
	case TRACE_RECORD_END:
		capture_time(capture, record->end.time_ns);
		capture->end = record->end;
		capture->has_end = true;
		return 0;
	default:
		return 0;
	}
}
