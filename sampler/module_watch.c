/* Knows the kernel's uevents of modules. They have no times: a thread that does nothing else reads them as they come. */
#include "sampler/module_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define UEVENTS_OF_KERNEL 1

struct module_listener {
	pthread_t thread;
	pthread_mutex_t lock;
	int socket;
	int stop; /* eventfd */
	/* Under the lock. */
	struct module_change *gone;
	size_t gone_count;
	bool has_come;
};

bool module_watch_parse(const char *message, size_t size_bytes, struct module_change *change)
{
	static const char came[] = "add@/module/", went[] = "remove@/module/";
	const char *end = memchr(message, '\0', size_bytes);

	if (!end)
		return false;
	change->is_gone = !strncmp(message, went, sizeof(went) - 1);
	if (!change->is_gone && strncmp(message, came, sizeof(came) - 1) != 0)
		return false;
	const char *name = strchr(message, '/') + sizeof("/module/") - 1;
	size_t name_bytes = (size_t)(end - name);
	/* "/module/NAME" and not "/module/NAME/drivers". */
	if (!name_bytes || name_bytes >= sizeof(change->name) || strchr(name, '/'))
		return false;
	memcpy(change->name, name, name_bytes + 1);
	return true;
}

static void append(struct module_change **changes, size_t *count, const struct module_change *added, size_t added_count)
{
	struct module_change *grown = reallocarray(*changes, *count + added_count, sizeof(*grown));

	if (!grown)
		return;
	*changes = grown;
	memcpy(&grown[*count], added, added_count * sizeof(*added));
	*count += added_count;
}

static void take_uevent(struct module_listener *listener)
{
	struct module_change change;
	struct timespec now;
	char message[4096];
	ssize_t size = recv(listener->socket, message, sizeof(message), 0);

	/* Also where too many came at once: what follows still counts. */
	if (size <= 0 || !module_watch_parse(message, (size_t)size, &change))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	change.time_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	pthread_mutex_lock(&listener->lock);
	if (change.is_gone)
		append(&listener->gone, &listener->gone_count, &change, 1);
	else
		listener->has_come = true;
	pthread_mutex_unlock(&listener->lock);
}

static void *listen_until_stopped(void *context)
{
	struct module_listener *listener = context;
	struct pollfd polled[] = {{.fd = listener->socket, .events = POLLIN}, {.fd = listener->stop, .events = POLLIN}};

	while (!polled[1].revents)
		if (poll(polled, 2, -1) > 0 && polled[0].revents)
			take_uevent(listener);
	return NULL;
}

static void release(struct module_listener *listener)
{
	if (listener->socket >= 0)
		close(listener->socket);
	if (listener->stop >= 0)
		close(listener->stop);
	pthread_mutex_destroy(&listener->lock);
	free(listener->gone);
	free(listener);
}

/* Signals are for the other thread. */
static bool start(struct module_listener *listener)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = UEVENTS_OF_KERNEL};
	sigset_t all, before;

	if (listener->socket < 0 || listener->stop < 0 ||
	    bind(listener->socket, (struct sockaddr *)&address, sizeof(address)))
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int ret = pthread_create(&listener->thread, NULL, listen_until_stopped, listener);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !ret;
}

void module_watch_open(struct module_watch *watch)
{
	struct module_listener *listener = calloc(1, sizeof(*listener));

	*watch = (struct module_watch){0};
	if (!listener)
		return;
	pthread_mutex_init(&listener->lock, NULL);
	listener->socket = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	listener->stop = eventfd(0, EFD_CLOEXEC);
	if (start(listener))
		watch->listener = listener;
	else
		release(listener);
}

void module_watch_close(struct module_watch *watch)
{
	if (watch->listener) {
		eventfd_write(watch->listener->stop, 1);
		pthread_join(watch->listener->thread, NULL);
		release(watch->listener);
	}
	free(watch->gone);
	*watch = (struct module_watch){0};
}

bool module_watch_look(struct module_watch *watch)
{
	struct module_listener *listener = watch->listener;

	if (!listener)
		return false;
	pthread_mutex_lock(&listener->lock);
	bool has_come = listener->has_come;
	listener->has_come = false;
	if (listener->gone_count)
		append(&watch->gone, &watch->gone_count, listener->gone, listener->gone_count);
	listener->gone_count = 0;
	pthread_mutex_unlock(&listener->lock);
	return has_come;
}

void module_watch_forget(struct module_watch *watch)
{
	memmove(watch->gone, watch->gone + 1, --watch->gone_count * sizeof(*watch->gone));
}
