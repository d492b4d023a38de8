/*
 * Knows what several counts of one loss mean together. A probe's misses bound what was missed and no more: the kernel counts them
 * before its filter, so most are other caches', and old kernels count page faults among them, at most one a hit.
 */
#include "report/losses.h"

#include <stdbool.h>
#include <string.h>

#include "report/number.h"

/* A record of a bulk free has the addresses of at most so many objects (trace/FORMAT.md). */
#define BULK_OBJECTS 64u

struct kind {
	uint64_t lost;	  /* samples, by the events' own count */
	uint64_t missed;  /* hits */
	uint64_t objects; /* at most, of both */
	bool is_lost_known;
};

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t counter(const struct capture *capture, const struct trace_reader *reader, const char *key)
{
	for (size_t i = 0; i < capture->counter_count; i++)
		if (!strcmp(trace_reader_text(reader, capture->counters[i].key), key))
			return capture->counters[i].value;
	return 0;
}

/* What the rings told when they dropped it, and what the recorder added up: one loss, told twice. */
static uint64_t lost_in_ring(const struct capture *capture, const struct trace_reader *reader, enum trace_ring ring,
			     const char *key)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < capture->loss_count; i++)
		if (capture->losses[i].ring == ring)
			sum = number_add(sum, capture->losses[i].lost);
	return larger(sum, counter(capture, reader, key));
}

static uint64_t missed(const struct trace_probe *probe)
{
	uint64_t misses = probe->has_misses ? probe->misses : 0;

	return probe->has_fault_misses ? misses - smaller(misses, probe->hits) : misses;
}

static void add(struct kind *kind, const struct trace_probe *probe, uint64_t objects)
{
	uint64_t lost = probe->has_lost ? probe->lost : 0;

	kind->lost = number_add(kind->lost, lost);
	kind->missed = number_add(kind->missed, missed(probe));
	kind->objects = number_add(kind->objects, number_multiply(number_add(lost, missed(probe)), objects));
	kind->is_lost_known = kind->is_lost_known && probe->has_lost;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static uint64_t unaccounted(const struct trace_probe *probe)
{
	if (!probe->has_passed || !probe->has_lost)
		return 0;
	return distance(probe->passed, number_add(probe->hits, probe->lost));
}

void losses_count(struct losses *losses, const struct capture *capture, const struct trace_reader *reader)
{
	uint64_t ring_frees = lost_in_ring(capture, reader, TRACE_RING_FREE, "lost_free");
	struct kind allocs = {.is_lost_known = true}, witnessed = allocs, witnesses = allocs, alone = allocs;
	bool has_free = false, has_bulk = false, has_bulk_loss = false;

	*losses = (struct losses){.objects_per_free = 1};
	for (size_t i = 0; i < capture->probe_count; i++) {
		const struct trace_probe *probe = &capture->probes[i];
		const char *role = trace_reader_text(reader, probe->role);
		bool is_bulk = !strcmp(role, "free bulk");

		losses->unaccounted = number_add(losses->unaccounted, unaccounted(probe));
		if (!strncmp(role, "alloc", 5))
			add(&allocs, probe, 1);
		else if (!strcmp(role, "free witness"))
			add(&witnesses, probe, 1);
		else if (!strncmp(role, "free", 4))
			add(probe->is_witnessed ? &witnessed : &alone, probe, is_bulk ? BULK_OBJECTS : 1);
		has_free |= !strncmp(role, "free", 4);
		has_bulk |= is_bulk;
		has_bulk_loss |= is_bulk && (missed(probe) || (probe->has_lost && probe->lost));
	}
	losses->allocs = larger(allocs.lost, lost_in_ring(capture, reader, TRACE_RING_ALLOC, "lost_alloc"));
	losses->missed_allocs = allocs.missed;
	losses->missed_frees = alone.missed;
	losses->tasks = lost_in_ring(capture, reader, TRACE_RING_TASK, "lost_task");
	/* Of the same ring, so what it dropped is shared out among these; where an event cannot tell, the ring stands for all. */
	if (has_free && witnessed.is_lost_known && witnesses.is_lost_known && alone.is_lost_known) {
		/* A free that has a witness is lost only with both of its records, or with one when the other was missed. */
		uint64_t both = smaller(number_add(witnessed.lost, witnessed.missed), witnesses.lost);

		losses->frees = number_add(alone.lost, both);
		losses->freed_at_most = number_add(alone.objects, both);
	} else {
		has_bulk_loss |= has_bulk && ring_frees;
		losses->frees = ring_frees;
		losses->freed_at_most = number_add(
			number_multiply(ring_frees, has_bulk ? BULK_OBJECTS : 1), alone.objects);
	}
	losses->objects_per_free = has_bulk_loss ? BULK_OBJECTS : 1;
}
