/* Knows which event goes to which CPUs and rings: allocations with their stacks, frees and task records each have a ring of their own. */
#include "sampler/probe_session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sampler/sample.h"
#include "trace/cleanup.h"

static enum trace_ring ring_of(enum probe_role role)
{
	return probe_role_is_free(role) ? TRACE_RING_FREE : TRACE_RING_ALLOC;
}

static int define(struct probe_session *session, struct probe *probe, struct error *err)
{
	char *format CLEANUP(cleanup_free) = NULL;
	int ret = 0;

	if (probe->raw) {
		probe->raw_number = slab_bpf_add(session->options.bpf, probe->raw, probe->has_callchain ? probe->stack_period : 0, err);
		return probe->raw_number < 0 ? probe->raw_number : 0;
	}
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

static int open_rings(struct probe_session *session, size_t cpu, struct error *err)
{
	size_t ring_bytes = session->options.ring_bytes;
	int ret = 0;

	for (size_t kind = 0; kind < TRACE_RING_COUNT && !ret; kind++) {
		/* Frees are small, and records of tasks rare, but a lost one costs more than a lost allocation. */
		size_t size_bytes = kind == TRACE_RING_TASK ? ring_bytes / 4 : ring_bytes;

		ret = perf_ring_open(&session->rings[cpu * TRACE_RING_COUNT + kind], session->cpus.cpus[cpu],
				     size_bytes < 65536 ? 65536 : size_bytes, kind == TRACE_RING_TASK, err);
	}
	return ret;
}

static struct probe_event *new_event(struct probe_session *session)
{
	if (session->event_count == session->event_capacity) {
		size_t capacity = session->event_capacity ? 2 * session->event_capacity : 64;
		struct probe_event *events = realloc(session->events, capacity * sizeof(*events));

		if (!events)
			return NULL;
		session->events = events;
		session->event_capacity = capacity;
	}
	return &session->events[session->event_count];
}

static int open_event(struct probe_session *session, size_t place, size_t cpu, const struct perf_event_options *how,
		      bool is_repeat, struct error *err)
{
	const struct probe *probe = &session->plan->probes[place];
	struct probe_event *event = new_event(session);
	uint64_t id = 0;

	if (!event)
		return error_set(err, -ENOMEM, "opening probes: out of memory");
	int fd = perf_event_open_probe(how, session->cpus.cpus[cpu],
					    &session->rings[cpu * TRACE_RING_COUNT + ring_of(probe->role)], &id, err);
	if (fd < 0)
		return fd;
	*event = (struct probe_event){
		.fd = fd, .probe = (uint32_t)place, .cpu = (uint32_t)cpu, .is_repeat = is_repeat};
	session->event_count++;
	unsigned int parts = (how->has_callchain ? SAMPLE_WITH_CHAIN : 0) | (how->user_stack_bytes ? SAMPLE_WITH_STACK : 0);
	if (session->options.add_id(session->options.context, id, place, parts))
		return error_set(err, -ENOMEM, "opening probes: out of memory");
	if (!probe->raw)
		return 0;
	return slab_bpf_set_output(session->options.bpf, probe->raw_number, session->cpus.cpus[cpu],
				   (how->has_callchain ? SLAB_BPF_CHAIN : 0) + (how->user_stack_bytes ? SLAB_BPF_STACK : 0), fd, err);
}

/*
 * The same samples with the user stack. A BPF program sends each hit to one of the events itself; elsewhere they come by an event of their own,
 * which is enabled last, and so handled first.
 */
static int open_copies(struct probe_session *session, size_t place, size_t cpu, struct perf_event_options how, struct error *err)
{
	bool is_raw = session->plan->probes[place].raw;

	how.user_stack_bytes = session->options.user_stack_bytes;
	how.has_callchain = how.has_callchain && is_raw;
	int ret = how.user_stack_bytes ? open_event(session, place, cpu, &how, !is_raw, err) : 0;
	if (!ret && how.user_stack_bytes)
		session->events[session->event_count - 1].is_copy = !is_raw;
	return ret;
}

/*
 * A probe is one event for each CPU; where only a share of the call chains is wanted a second one samples them. It is opened last,
 * because the event enabled last is handled first: its sample is then the one that tells of the free, the other repeats it.
 */
static int open_probe_on_cpu(struct probe_session *session, size_t place, size_t cpu, struct error *err)
{
	const struct probe *probe = &session->plan->probes[place];
	const struct probe_session_options *options = &session->options;
	/* Whoever frees an object of a recorded task is recorded. */
	bool is_free = probe_role_is_free(probe->role);
	bool is_walked = probe->raw && !is_free && options->bpf->walk.is_on;
	bool is_share = probe->has_callchain && (probe->stack_period > 1 || is_walked);
	struct perf_event_options how = {.tracepoint_id = probe->id,
					 .filter = probe->raw ? "" : probe->filter,
					 .has_callchain = probe->has_callchain && !is_share,
					 .has_user_callchain = options->has_user_callchain,
					 .has_cgroup = options->has_cgroups && !is_free,
					 .is_in_cgroup = options->is_in_cgroup && !is_free,
					 .cgroup_fd = options->cgroup_fd};
	int ret = open_event(session, place, cpu, &how, false, err);

	if (!ret && !is_free && (probe->raw || probe->has_callchain))
		ret = open_copies(session, place, cpu, how, err);
	if (ret || !is_share)
		return ret;
	how.has_callchain = true;
	/* A BPF program sends each hit to one of the two itself. */
	how.period = probe->raw ? 1 : probe->stack_period;
	ret = open_event(session, place, cpu, &how, !probe->raw, err);
	return !ret && probe->raw && !is_free ? open_copies(session, place, cpu, how, err) : ret;
}

/* Everything on one CPU, disabled. */
static int open_cpu(struct probe_session *session, size_t cpu, struct error *err)
{
	const struct cpu_list *alloc_cpus = session->options.alloc_cpus;
	int ret = open_rings(session, cpu, err);

	for (size_t place = 0; place < session->plan->count && !ret; place++) {
		enum probe_role role = session->plan->probes[place].role;
		/* A call may return on another CPU than it entered on. */
		bool is_limited = alloc_cpus->count && !probe_role_is_free(role) && role != PROBE_ROLE_ALLOC_RETURN;

		if (!is_limited || cpu_list_has(alloc_cpus, session->cpus.cpus[cpu]))
			ret = open_probe_on_cpu(session, place, cpu, err);
	}
	session->has_cpu[cpu] = !ret;
	return ret;
}

/* Room for the CPU's rings, and its place in the list. */
static int add_cpu(struct probe_session *session, int cpu, struct error *err)
{
	size_t count = session->cpus.count;
	struct perf_ring *rings =
		reallocarray(session->rings, (count + 1) * TRACE_RING_COUNT, sizeof(*session->rings));
	if (rings)
		session->rings = rings;
	bool *has_cpu = reallocarray(session->has_cpu, count + 1, sizeof(*session->has_cpu));
	if (has_cpu)
		session->has_cpu = has_cpu;
	int *cpus = reallocarray(session->cpus.cpus, count + 1, sizeof(*cpus));
	if (cpus)
		session->cpus.cpus = cpus;
	if (!rings || !has_cpu || !cpus)
		return error_set(err, -ENOMEM, "opening rings: out of memory");
	for (size_t i = 0; i < TRACE_RING_COUNT; i++)
		rings[count * TRACE_RING_COUNT + i] = (struct perf_ring){.fd = -1};
	has_cpu[count] = false;
	cpus[count] = cpu;
	session->cpus.count++;
	return 0;
}

static int start_drainer(struct probe_session *session, struct error *err)
{
	return ring_drainer_new(&session->drainer, session->rings, session->cpus.count * TRACE_RING_COUNT, err);
}

int probe_session_open(struct probe_session *session, struct tracefs *tracefs, struct probe_plan *plan,
		       const struct probe_session_options *options, struct error *err)
{
	struct cpu_list online;

	*session = (struct probe_session){.tracefs = tracefs, .plan = plan, .options = *options};
	int ret = cpu_list_online(&online, err);
	for (size_t i = 0; i < plan->count && !ret; i++)
		ret = define(session, &plan->probes[i], err);
	for (size_t i = 0; i < online.count && !ret; i++) {
		ret = add_cpu(session, online.cpus[i], err);
		if (!ret)
			ret = open_cpu(session, i, err);
	}
	cpu_list_release(&online);
	for (size_t i = 0; i < plan->count && !ret; i++)
		if (plan->probes[i].raw)
			ret = slab_bpf_attach(options->bpf, plan->probes[i].raw_number, plan->probes[i].raw->name, err);
	if (!ret)
		ret = start_drainer(session, err);
	if (ret)
		probe_session_close(session);
	return ret;
}

void probe_session_close(struct probe_session *session)
{
	ring_drainer_free(session->drainer);
	for (size_t i = 0; i < session->event_count; i++)
		if (session->events[i].fd >= 0)
			close(session->events[i].fd);
	for (size_t i = 0; session->rings && i < session->cpus.count * TRACE_RING_COUNT; i++)
		perf_ring_close(&session->rings[i]);
	free(session->events);
	free(session->rings);
	free(session->has_cpu);
	cpu_list_release(&session->cpus);
	if (session->tracefs)
		tracefs_close(session->tracefs);
	if (session->options.bpf)
		slab_bpf_close(session->options.bpf);
	*session = (struct probe_session){0};
}

void probe_session_leave(struct probe_session *session)
{
	ring_drainer_leave(session->drainer);
	session->drainer = NULL;
	/* The rings' memory is not inherited. */
	for (size_t i = 0; session->rings && i < session->cpus.count * TRACE_RING_COUNT; i++)
		if (session->rings[i].fd >= 0)
			close(session->rings[i].fd);
	for (size_t i = 0; i < session->event_count; i++)
		if (session->events[i].fd >= 0)
			close(session->events[i].fd);
	session->event_count = 0;
}

static int enable_tasks(struct probe_session *session, size_t cpu)
{
	int ret = 0;

	for (size_t i = 0; i < TRACE_RING_COUNT && !ret; i++)
		ret = perf_event_enable(session->rings[cpu * TRACE_RING_COUNT + i].fd);
	return ret;
}

int probe_session_enable_tasks(struct probe_session *session, struct error *err)
{
	int ret = 0;

	for (size_t cpu = 0; cpu < session->cpus.count && !ret; cpu++)
		ret = enable_tasks(session, cpu);
	return ret ? error_set(err, ret, "enabling perf events: %s", strerror(-ret)) : 0;
}

/* BPF programs send only while on: to an event that is disabled they would send in vain. */
static void turn_raw(struct probe_session *session, enum trace_ring ring, bool on)
{
	for (size_t i = 0; i < session->plan->count; i++) {
		const struct probe *probe = &session->plan->probes[i];

		if (probe->raw && ring_of(probe->role) == ring)
			slab_bpf_turn(session->options.bpf, probe->raw_number, on);
	}
}

/* Events from first on. */
static int enable_ring(struct probe_session *session, size_t first, enum trace_ring ring)
{
	int ret = 0;

	for (size_t i = first; i < session->event_count && !ret; i++)
		if (!session->events[i].is_copy && ring_of(session->plan->probes[session->events[i].probe].role) == ring)
			ret = perf_event_enable(session->events[i].fd);
	if (!ret)
		turn_raw(session, ring, true);
	return ret;
}

int probe_session_enable(struct probe_session *session, struct error *err)
{
	int ret = enable_ring(session, 0, TRACE_RING_FREE);

	if (!ret)
		ret = enable_ring(session, 0, TRACE_RING_ALLOC);
	return ret ? error_set(err, ret, "enabling probes: %s", strerror(-ret)) : 0;
}

void probe_session_disable(struct probe_session *session)
{
	static const enum trace_ring order[] = {TRACE_RING_ALLOC, TRACE_RING_FREE};

	for (size_t turn = 0; turn < 2; turn++) {
		turn_raw(session, order[turn], false);
		for (size_t i = 0; i < session->event_count; i++) {
			const struct probe *probe = &session->plan->probes[session->events[i].probe];

			/* A program that was on its way may still send. */
			if (session->events[i].fd >= 0 && !probe->raw && ring_of(probe->role) == order[turn])
				perf_event_disable(session->events[i].fd);
		}
	}
}

static int drain_cpu(struct probe_session *session, size_t cpu, struct time_order *order)
{
	int ret = 0;

	for (size_t kind = 0; kind < TRACE_RING_COUNT && !ret; kind++) {
		size_t place = cpu * TRACE_RING_COUNT + kind;
		struct buffer *input = time_order_input(order, place);

		if (session->rings[place].fd < 0)
			continue;
		if (!input)
			return -ENOMEM;
		if (session->drainer)
			ring_drainer_take(session->drainer, place, input);
		else
			perf_ring_drain(&session->rings[place], input);
		ret = time_order_added(order, place, (uint32_t)kind);
	}
	return ret;
}

bool probe_session_may_drain(const struct probe_session *session, const struct time_order *order)
{
	return !session->drainer || order->held_bytes < ring_drainer_max_bytes(session->drainer);
}

int probe_session_drain(struct probe_session *session, struct time_order *order)
{
	int ret = 0;

	for (size_t cpu = 0; cpu < session->cpus.count && !ret; cpu++)
		ret = drain_cpu(session, cpu, order);
	return ret;
}

void probe_session_trim(struct probe_session *session, struct time_order *order)
{
	for (size_t place = 0; place < order->queue_count; place++) {
		size_t most_bytes = time_order_trim(order, place);

		if (session->drainer)
			ring_drainer_trim(session->drainer, place, most_bytes);
	}
}

/* What its events counted is kept. Their place in the list is not given to others. */
static void close_cpu(struct probe_session *session, size_t cpu)
{
	for (size_t i = 0; i < session->event_count; i++) {
		struct probe_event *event = &session->events[i];

		if (event->cpu != cpu || event->fd < 0)
			continue;
		perf_event_read(event->fd, &event->counts);
		close(event->fd);
		event->fd = -1;
	}
	for (size_t kind = 0; kind < TRACE_RING_COUNT; kind++)
		perf_ring_close(&session->rings[cpu * TRACE_RING_COUNT + kind]);
	session->has_cpu[cpu] = false;
}

static size_t place_of(const struct probe_session *session, int cpu)
{
	size_t place = 0;

	while (place < session->cpus.count && session->cpus.cpus[place] != cpu)
		place++;
	return place;
}

static int open_cpu_late(struct probe_session *session, int cpu, struct error *err)
{
	size_t place = place_of(session, cpu), first = session->event_count;
	int ret = place == session->cpus.count ? add_cpu(session, cpu, err) : 0;

	if (ret)
		return ret;
	ret = open_cpu(session, place, err);
	if (!ret)
		ret = enable_tasks(session, place);
	if (!ret)
		ret = enable_ring(session, first, TRACE_RING_FREE);
	if (!ret)
		ret = enable_ring(session, first, TRACE_RING_ALLOC);
	if (ret)
		close_cpu(session, place);
	return ret;
}

static bool is_gone(const struct probe_session *session, size_t place, const struct cpu_list *online,
		    const struct cpu_list *gone)
{
	int cpu = session->cpus.cpus[place];

	return session->has_cpu[place] && (!cpu_list_has(online, cpu) || cpu_list_has(gone, cpu));
}

static bool is_new(const struct probe_session *session, int cpu)
{
	size_t place = place_of(session, cpu);

	return place == session->cpus.count || !session->has_cpu[place];
}

static bool has_change(const struct probe_session *session, const struct cpu_list *online, const struct cpu_list *gone)
{
	for (size_t i = 0; i < session->cpus.count; i++)
		if (is_gone(session, i, online, gone))
			return true;
	for (size_t i = 0; i < online->count; i++)
		if (is_new(session, online->cpus[i]))
			return true;
	return false;
}

/* The rings themselves change: nobody else may be at them. */
static int stop_drainer(struct probe_session *session, struct time_order *order)
{
	if (!session->drainer)
		return 0;
	ring_drainer_stop(session->drainer);
	int ret = probe_session_drain(session, order);
	ring_drainer_free(session->drainer);
	session->drainer = NULL;
	return ret;
}

int probe_session_follow_cpus(struct probe_session *session, const struct cpu_list *online, const struct cpu_list *gone,
			      struct time_order *order, probe_session_told *told, void *context, struct error *err)
{
	if (!has_change(session, online, gone))
		return 0;
	int ret = stop_drainer(session, order);
	for (size_t i = 0; i < session->cpus.count && !ret; i++) {
		if (!is_gone(session, i, online, gone))
			continue;
		ret = drain_cpu(session, i, order);
		close_cpu(session, i);
		told(context, session->cpus.cpus[i], false);
	}
	if (ret)
		return error_set(err, ret, "recording: %s", strerror(-ret));
	for (size_t i = 0; i < online->count && !ret; i++) {
		if (!is_new(session, online->cpus[i]))
			continue;
		ret = open_cpu_late(session, online->cpus[i], err);
		/* It is on its way off again. */
		if (ret == -ENODEV)
			ret = 0;
		else if (!ret)
			told(context, online->cpus[i], true);
	}
	return ret ? ret : start_drainer(session, err);
}

static uint64_t grant_copies(struct probe_event *event, uint64_t most, uint64_t count)
{
	struct perf_event_counts counts;

	if (!event->is_copy || event->fd < 0 || perf_event_read(event->fd, &counts))
		return 0;
	/* It may have counted more before it was disabled. */
	uint64_t left = counts.passed < event->granted ? event->granted - counts.passed : 0;
	uint64_t more = left < most ? most - left : 0;

	more = more < count ? more : count;
	if (!more || perf_event_enable_for(event->fd, (int)more))
		return 0;
	event->granted = counts.passed + left + more;
	return more;
}

uint64_t probe_session_grant_copies(struct probe_session *session, uint64_t most, uint64_t count)
{
	uint64_t granted = session->options.bpf && session->options.bpf->has_stacks ?
				   slab_bpf_grant_copies(session->options.bpf, most, count) :
				   0;

	for (size_t i = 0; i < session->event_count && granted < count; i++)
		granted += grant_copies(&session->events[i], most, count - granted);
	return granted;
}

int probe_session_wait(struct probe_session *session, int fd, int timeout_ms)
{
	struct pollfd polled[] = {{.fd = session->drainer ? ring_drainer_fd(session->drainer) : -1, .events = POLLIN},
				  {.fd = fd, .events = POLLIN}};

	return poll(polled, 2, timeout_ms) < 0 ? -errno : 0;
}

static int read_event(const struct probe_event *event, struct perf_event_counts *counts)
{
	if (event->fd >= 0)
		return perf_event_read(event->fd, counts);
	*counts = event->counts;
	return 0;
}

int probe_session_count(const struct probe_session *session, struct perf_event_counts *counts)
{
	for (size_t i = 0; i < session->plan->count * session->cpus.count; i++)
		counts[i] = (struct perf_event_counts){.has_lost = true};
	for (size_t i = 0; i < session->event_count; i++) {
		const struct probe_event *event = &session->events[i];
		struct perf_event_counts *sum = &counts[event->probe * session->cpus.count + event->cpu];
		struct perf_event_counts got;

		if (event->is_repeat)
			continue;
		int ret = read_event(event, &got);
		if (ret)
			return ret;
		sum->passed += got.passed;
		sum->lost += got.lost;
		sum->has_lost = sum->has_lost && got.has_lost;
	}
	/* What programs send is counted by them. */
	for (size_t i = 0; i < session->plan->count; i++)
		for (size_t cpu = 0; session->plan->probes[i].raw && cpu < session->cpus.count; cpu++)
			counts[i * session->cpus.count + cpu].passed = slab_bpf_sent(
				session->options.bpf, session->plan->probes[i].raw_number, session->cpus.cpus[cpu]);
	return 0;
}

uint64_t probe_session_lost(const struct probe_session *session, size_t cpu, enum trace_ring ring)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < session->event_count; i++) {
		const struct probe_event *event = &session->events[i];
		struct perf_event_counts counts;

		if (event->cpu == cpu && ring_of(session->plan->probes[event->probe].role) == ring &&
		    !read_event(event, &counts))
			sum += counts.lost;
	}
	return sum;
}
