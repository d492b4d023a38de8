/* Knows which event goes to which CPUs and rings: allocations with their stacks, frees and task records each have a ring of their own. */
#include "sampler/probe_session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/cleanup.h"

static enum trace_ring ring_of(enum probe_role role)
{
	return probe_role_is_free(role) ? TRACE_RING_FREE : TRACE_RING_ALLOC;
}

static int define(struct probe_session *session, struct probe *probe, struct error *err)
{
	char *format CLEANUP(cleanup_free) = NULL;
	int ret = 0;

	if (probe->function) {
		ret = tracefs_define(session->tracefs, probe->kind, probe->event, probe->function_name, probe->definition, err);
		strcpy(probe->subsystem, session->tracefs->group);
	}
	if (!ret)
		ret = tracefs_event(session->tracefs, probe->subsystem, probe->event, &probe->id, &format, err);
	if (!ret)
		probe_read_format(probe, format);
	return ret;
}

static int open_rings(struct probe_session *session, size_t ring_bytes, struct error *err)
{
	int ret = 0;

	session->rings = calloc(session->cpus.count * TRACE_RING_COUNT, sizeof(*session->rings));
	if (!session->rings)
		return error_set(err, -ENOMEM, "opening rings: out of memory");
	for (size_t i = 0; i < session->cpus.count * TRACE_RING_COUNT; i++)
		session->rings[i].fd = -1;
	for (size_t i = 0; i < session->cpus.count * TRACE_RING_COUNT && !ret; i++) {
		enum trace_ring kind = (enum trace_ring)(i % TRACE_RING_COUNT);
		/* Frees are small, and records of tasks rare, but a lost one costs more than a lost allocation. */
		size_t size_bytes = kind == TRACE_RING_ALLOC ? ring_bytes : kind == TRACE_RING_FREE ? ring_bytes : ring_bytes / 4;

		ret = perf_ring_open(&session->rings[i], session->cpus.cpus[i / TRACE_RING_COUNT],
				     size_bytes < 65536 ? 65536 : size_bytes, kind == TRACE_RING_TASK, err);
	}
	return ret;
}

struct opening {
	const struct probe_session_options *options;
	probe_session_id *add_id;
	void *context;
};

static int open_event(struct probe_session *session, const struct opening *opening, size_t place, size_t cpu,
		      const struct perf_event_options *how, struct error *err)
{
	const struct probe *probe = &session->plan->probes[place];
	uint64_t id = 0;
	int fd = perf_event_open_tracepoint(how, session->cpus.cpus[cpu],
					    &session->rings[cpu * TRACE_RING_COUNT + ring_of(probe->role)], &id, err);
	if (fd < 0)
		return fd;
	session->events[session->event_count++] =
		(struct probe_event){.fd = fd, .probe = (uint32_t)place, .cpu = (uint32_t)cpu};
	if (opening->add_id(opening->context, id, place, how->has_callchain))
		return error_set(err, -ENOMEM, "opening probes: out of memory");
	return 0;
}

/*
 * A probe is one event for each CPU; where only a share of the call chains is wanted a second one samples them. It is opened last,
 * because the event enabled last is handled first: its sample is then the one that tells of the free, the other repeats it.
 */
static int open_probe_on_cpu(struct probe_session *session, const struct opening *opening, size_t place, size_t cpu,
			     struct error *err)
{
	const struct probe *probe = &session->plan->probes[place];
	/* Whoever frees an object of a recorded task is recorded. */
	bool is_free = probe_role_is_free(probe->role);
	bool is_share = probe->has_callchain && probe->stack_period > 1;
	struct perf_event_options how = {.tracepoint_id = probe->id,
					 .filter = probe->filter,
					 .has_callchain = probe->has_callchain && !is_share,
					 .has_user_callchain = opening->options->has_user_callchain,
					 .has_cgroup = opening->options->has_cgroups && !is_free,
					 .is_in_cgroup = opening->options->is_in_cgroup && !is_free,
					 .cgroup_fd = opening->options->cgroup_fd};
	int ret = open_event(session, opening, place, cpu, &how, err);

	if (ret || !is_share)
		return ret;
	how.has_callchain = true;
	how.period = probe->stack_period;
	return open_event(session, opening, place, cpu, &how, err);
}

static int open_events(struct probe_session *session, const struct opening *opening, struct error *err)
{
	const struct cpu_list *alloc_cpus = opening->options->alloc_cpus;
	int ret = 0;

	session->events = calloc(session->plan->count * session->cpus.count * 2 + 1, sizeof(*session->events));
	if (!session->events)
		return error_set(err, -ENOMEM, "opening probes: out of memory");
	for (size_t place = 0; place < session->plan->count && !ret; place++) {
		enum probe_role role = session->plan->probes[place].role;
		/* A call may return on another CPU than it entered on. */
		bool is_limited = alloc_cpus->count && !probe_role_is_free(role) && role != PROBE_ROLE_ALLOC_RETURN;

		for (size_t cpu = 0; cpu < session->cpus.count && !ret; cpu++)
			if (!is_limited || cpu_list_has(alloc_cpus, session->cpus.cpus[cpu]))
				ret = open_probe_on_cpu(session, opening, place, cpu, err);
	}
	return ret;
}

int probe_session_open(struct probe_session *session, struct tracefs *tracefs, struct probe_plan *plan,
		       const struct probe_session_options *options, probe_session_id *add_id, void *context,
		       struct error *err)
{
	struct opening opening = {options, add_id, context};

	*session = (struct probe_session){.tracefs = tracefs, .plan = plan};
	int ret = cpu_list_online(&session->cpus, err);
	for (size_t i = 0; i < plan->count && !ret; i++)
		ret = define(session, &plan->probes[i], err);
	if (!ret)
		ret = open_rings(session, options->ring_bytes, err);
	if (!ret)
		ret = open_events(session, &opening, err);
	if (ret)
		probe_session_close(session);
	return ret;
}

void probe_session_close(struct probe_session *session)
{
	for (size_t i = 0; i < session->event_count; i++)
		close(session->events[i].fd);
	for (size_t i = 0; session->rings && i < session->cpus.count * TRACE_RING_COUNT; i++)
		perf_ring_close(&session->rings[i]);
	free(session->events);
	free(session->rings);
	cpu_list_release(&session->cpus);
	if (session->tracefs)
		tracefs_close(session->tracefs);
	*session = (struct probe_session){0};
}

void probe_session_leave(struct probe_session *session)
{
	/* The rings' memory is not inherited. */
	for (size_t i = 0; session->rings && i < session->cpus.count * TRACE_RING_COUNT; i++)
		close(session->rings[i].fd);
	for (size_t i = 0; i < session->event_count; i++)
		close(session->events[i].fd);
	session->event_count = 0;
}

int probe_session_enable_tasks(struct probe_session *session, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < session->cpus.count * TRACE_RING_COUNT && !ret; i++)
		ret = perf_event_enable(session->rings[i].fd);
	return ret ? error_set(err, ret, "enabling perf events: %s", strerror(-ret)) : 0;
}

static int enable_ring(struct probe_session *session, enum trace_ring ring)
{
	int ret = 0;

	for (size_t i = 0; i < session->event_count && !ret; i++)
		if (ring_of(session->plan->probes[session->events[i].probe].role) == ring)
			ret = perf_event_enable(session->events[i].fd);
	return ret;
}

int probe_session_enable(struct probe_session *session, struct error *err)
{
	int ret = enable_ring(session, TRACE_RING_FREE);

	if (!ret)
		ret = enable_ring(session, TRACE_RING_ALLOC);
	return ret ? error_set(err, ret, "enabling probes: %s", strerror(-ret)) : 0;
}

void probe_session_disable(struct probe_session *session)
{
	static const enum trace_ring order[] = {TRACE_RING_ALLOC, TRACE_RING_FREE};

	for (size_t turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < session->event_count; i++)
			if (ring_of(session->plan->probes[session->events[i].probe].role) == order[turn])
				perf_event_disable(session->events[i].fd);
}

int probe_session_drain(struct probe_session *session, struct time_order *order)
{
	int ret = 0;

	for (size_t i = 0; i < session->cpus.count * TRACE_RING_COUNT && !ret; i++) {
		struct buffer *input = time_order_input(order);
		size_t before = input->size_bytes;

		perf_ring_drain(&session->rings[i], input);
		ret = time_order_added(order, before, (uint32_t)(i % TRACE_RING_COUNT));
	}
	return ret;
}

int probe_session_wait(struct probe_session *session, int fd, int timeout_ms)
{
	size_t rings = session->cpus.count * TRACE_RING_COUNT;
	struct pollfd *polled CLEANUP(cleanup_free) = calloc(rings + 1, sizeof(*polled));

	if (!polled)
		return -ENOMEM;
	for (size_t i = 0; i < rings; i++)
		polled[i] = (struct pollfd){.fd = session->rings[i].fd, .events = POLLIN};
	polled[rings] = (struct pollfd){.fd = fd, .events = POLLIN};
	return poll(polled, rings + 1, timeout_ms) < 0 ? -errno : 0;
}

void probe_session_totals(const struct probe_session *session, size_t probe, struct trace_probe *totals)
{
	const struct probe *planned = &session->plan->probes[probe];
	uint64_t hits;

	totals->hits = planned->hits;
	totals->has_lost = true;
	for (size_t i = 0; i < session->event_count; i++) {
		uint64_t lost;

		if (session->events[i].probe != probe)
			continue;
		if (perf_event_lost(session->events[i].fd, &lost))
			totals->has_lost = false;
		else
			totals->lost += lost;
	}
	if (planned->function)
		totals->has_misses = tracefs_profile(session->tracefs, planned->event, &hits, &totals->misses) == 0;
}

uint64_t probe_session_lost(const struct probe_session *session, size_t cpu, enum trace_ring ring)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < session->event_count; i++) {
		const struct probe_event *event = &session->events[i];
		uint64_t lost;

		if (event->cpu == cpu && ring_of(session->plan->probes[event->probe].role) == ring &&
		    !perf_event_lost(event->fd, &lost))
			sum += lost;
	}
	return sum;
}
