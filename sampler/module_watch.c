/* Knows the kernel's uevents of modules. */
#include "sampler/module_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UEVENTS_OF_KERNEL 1

void module_watch_open(struct module_watch *watch)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = UEVENTS_OF_KERNEL};

	*watch = (struct module_watch){
		.socket = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)};
	if (watch->socket >= 0 && bind(watch->socket, (struct sockaddr *)&address, sizeof(address)))
		module_watch_close(watch);
}

void module_watch_close(struct module_watch *watch)
{
	if (watch->socket >= 0)
		close(watch->socket);
	free(watch->changes);
	*watch = (struct module_watch){.socket = -1};
}

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

static void add(struct module_watch *watch, const struct module_change *change)
{
	struct module_change *changes = reallocarray(watch->changes, watch->count + 1, sizeof(*changes));

	if (!changes)
		return;
	watch->changes = changes;
	changes[watch->count++] = *change;
}

void module_watch_look(struct module_watch *watch, uint64_t now_ns)
{
	struct module_change change = {.time_ns = now_ns};
	char message[4096];

	while (watch->socket >= 0) {
		ssize_t size = recv(watch->socket, message, sizeof(message), 0);

		/* Too many came: what follows still counts. */
		if (size < 0 && errno == ENOBUFS)
			continue;
		if (size <= 0)
			break;
		if (module_watch_parse(message, (size_t)size, &change))
			add(watch, &change);
	}
}

void module_watch_forget(struct module_watch *watch)
{
	memmove(watch->changes, watch->changes + 1, --watch->count * sizeof(*watch->changes));
}
