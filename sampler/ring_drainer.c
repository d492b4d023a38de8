/* Knows how a thread gets the CPU at once: it copies and does nothing else, so it may go before everyone. */
#include "sampler/ring_drainer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/* As much again as the rings hold, and this much where they are small. */
#define WAITING_BYTES_MIN (16u << 20)
/* A ring that was left full tells nobody when there is room again. */
#define TICK_MS 100

struct ring_drainer {
	struct perf_ring *rings; /* borrowed */
	size_t ring_count;
	pthread_t thread;
	pthread_mutex_t lock;
	struct buffer *waiting; /* of each ring */
	struct buffer *spare;	/* of each ring, empty: what waits next goes there. Not the thread's */
	size_t waiting_bytes;
	size_t max_bytes;
	struct pollfd *polled; /* of each ring, then stop */
	bool is_stopped;
	int has_some; /* eventfd */
	int stop;     /* eventfd */
};

/* Where real time is not to be had, as in some containers, as urgent as can be. */
static void hurry(void)
{
	struct sched_param first = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		setpriority(PRIO_PROCESS, 0, -20);
}

/* Of all rings, or of those that poll() found. */
static void drain(struct ring_drainer *drainer, const struct pollfd *polled, bool all)
{
	size_t before;

	pthread_mutex_lock(&drainer->lock);
	before = drainer->waiting_bytes;
	for (size_t i = 0; i < drainer->ring_count && drainer->waiting_bytes < drainer->max_bytes; i++) {
		struct buffer *waiting = &drainer->waiting[i];

		if (drainer->rings[i].fd < 0 || (!all && !polled[i].revents))
			continue;
		drainer->waiting_bytes -= waiting->size_bytes;
		perf_ring_drain(&drainer->rings[i], waiting);
		drainer->waiting_bytes += waiting->size_bytes;
	}
	bool is_first = !before && drainer->waiting_bytes;
	pthread_mutex_unlock(&drainer->lock);
	if (is_first)
		eventfd_write(drainer->has_some, 1);
}

/* A ring whose CPU is gone would be found again and again. */
static void forget_ended(struct pollfd *polled, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (polled[i].revents & (POLLHUP | POLLERR | POLLNVAL))
			polled[i].fd = -1;
}

static void *run(void *context)
{
	struct ring_drainer *drainer = context;
	struct pollfd *polled = drainer->polled, *stop = &polled[drainer->ring_count];

	hurry();
	for (size_t i = 0; i < drainer->ring_count; i++)
		polled[i] = (struct pollfd){.fd = drainer->rings[i].fd, .events = POLLIN};
	*stop = (struct pollfd){.fd = drainer->stop, .events = POLLIN};
	while (!stop->revents) {
		int found = poll(polled, drainer->ring_count + 1, TICK_MS);

		if (found < 0)
			continue;
		drain(drainer, polled, !found);
		forget_ended(polled, drainer->ring_count);
	}
	return NULL;
}

/* Signals are for the other thread. */
static int start(struct ring_drainer *drainer)
{
	pthread_mutexattr_t attributes;
	sigset_t all, before;

	pthread_mutexattr_init(&attributes);
	/* Whoever holds the lock is as urgent as this thread, if it waits for it. */
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&drainer->lock, &attributes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int ret = -pthread_create(&drainer->thread, NULL, run, drainer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

static void release(struct ring_drainer *drainer)
{
	for (size_t i = 0; drainer->waiting && drainer->spare && i < drainer->ring_count; i++) {
		buffer_release(&drainer->waiting[i]);
		buffer_release(&drainer->spare[i]);
	}
	free(drainer->waiting);
	free(drainer->spare);
	free(drainer->polled);
	if (drainer->has_some >= 0)
		close(drainer->has_some);
	if (drainer->stop >= 0)
		close(drainer->stop);
	free(drainer);
}

int ring_drainer_new(struct ring_drainer **out, struct perf_ring *rings, size_t ring_count, struct error *err)
{
	struct ring_drainer *drainer = calloc(1, sizeof(*drainer));

	if (!drainer)
		return error_set(err, -ENOMEM, "opening rings: out of memory");
	drainer->rings = rings;
	drainer->ring_count = ring_count;
	for (size_t i = 0; i < ring_count; i++)
		drainer->max_bytes += rings[i].fd >= 0 ? rings[i].data_bytes : 0;
	if (drainer->max_bytes < WAITING_BYTES_MIN)
		drainer->max_bytes = WAITING_BYTES_MIN;
	drainer->waiting = calloc(ring_count + 1, sizeof(*drainer->waiting));
	drainer->spare = calloc(ring_count + 1, sizeof(*drainer->spare));
	drainer->polled = calloc(ring_count + 1, sizeof(*drainer->polled));
	drainer->has_some = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	drainer->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int ret = drainer->has_some < 0 || drainer->stop < 0 ? -errno : 0;
	if (!drainer->waiting || !drainer->spare || !drainer->polled)
		ret = -ENOMEM;
	if (!ret)
		ret = start(drainer);
	if (ret) {
		release(drainer);
		return error_set(err, ret, "a thread that empties rings: %s", strerror(-ret));
	}
	*out = drainer;
	return 0;
}

void ring_drainer_stop(struct ring_drainer *drainer)
{
	if (drainer->is_stopped)
		return;
	eventfd_write(drainer->stop, 1);
	pthread_join(drainer->thread, NULL);
	drainer->is_stopped = true;
}

void ring_drainer_free(struct ring_drainer *drainer)
{
	if (!drainer)
		return;
	ring_drainer_stop(drainer);
	pthread_mutex_destroy(&drainer->lock);
	release(drainer);
}

void ring_drainer_leave(struct ring_drainer *drainer)
{
	if (drainer)
		release(drainer);
}

size_t ring_drainer_max_bytes(const struct ring_drainer *drainer)
{
	return drainer->max_bytes;
}

int ring_drainer_fd(const struct ring_drainer *drainer)
{
	return drainer->has_some;
}

void ring_drainer_take(struct ring_drainer *drainer, size_t ring, struct buffer *out)
{
	struct buffer *waiting = &drainer->waiting[ring], *spare = &drainer->spare[ring];
	eventfd_t nothing;

	/* The thread must not wait for more than this. */
	pthread_mutex_lock(&drainer->lock);
	drainer->waiting_bytes -= waiting->size_bytes;
	if (!drainer->waiting_bytes && eventfd_read(drainer->has_some, &nothing))
		errno = 0;
	perf_ring_drain(&drainer->rings[ring], waiting);
	struct buffer got = *waiting;
	*waiting = *spare;
	pthread_mutex_unlock(&drainer->lock);
	if (out->size_bytes) {
		buffer_add(out, got.bytes, got.size_bytes);
		out->failed = out->failed || got.failed;
		buffer_clear(&got);
		*spare = got;
	} else {
		*spare = *out;
		*out = got;
	}
}

/* What the thread fills becomes the spare one at the next but one take. */
void ring_drainer_trim(struct ring_drainer *drainer, size_t ring, size_t needed_bytes)
{
	buffer_trim(&drainer->spare[ring], needed_bytes);
}
