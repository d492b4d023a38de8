/* Knows the kernel's uevents of CPUs: a CPU that is off and on again between two looks at the list of CPUs shows only there. */
#include "sampler/cpu_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UEVENTS_OF_KERNEL 1

void cpu_watch_open(struct cpu_watch *watch)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = UEVENTS_OF_KERNEL};

	*watch = (struct cpu_watch){
		.socket = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)};
	if (watch->socket >= 0 && bind(watch->socket, (struct sockaddr *)&address, sizeof(address)))
		cpu_watch_close(watch);
}

void cpu_watch_close(struct cpu_watch *watch)
{
	if (watch->socket >= 0)
		close(watch->socket);
	cpu_list_release(&watch->gone);
	watch->socket = -1;
}

int cpu_watch_parse(const char *message, size_t size_bytes, bool *is_online)
{
	static const char path[] = "@/devices/system/cpu/cpu";
	const char *at = size_bytes ? memchr(message, '@', size_bytes) : NULL;
	const char *end = message + size_bytes;
	long cpu = 0;

	if (!at || (size_t)(end - at) <= sizeof(path) || memcmp(at, path, sizeof(path) - 1))
		return -1;
	*is_online = at - message == 6 && !memcmp(message, "online", 6);
	if (!*is_online && (at - message != 7 || memcmp(message, "offline", 7)))
		return -1;
	for (at += sizeof(path) - 1; at < end && *at >= '0' && *at <= '9' && cpu < 1000000; at++)
		cpu = cpu * 10 + (*at - '0');
	/* "cpu3" and not "cpu3/cache", "cpufreq" or "cpu" alone. */
	return at < end && !*at && at[-1] != 'u' ? (int)cpu : -1;
}

static void add_gone(struct cpu_watch *watch, int cpu)
{
	if (cpu_list_has(&watch->gone, cpu))
		return;
	int *cpus = realloc(watch->gone.cpus, (watch->gone.count + 1) * sizeof(*cpus));
	if (!cpus)
		return;
	watch->gone.cpus = cpus;
	watch->gone.cpus[watch->gone.count++] = cpu;
}

bool cpu_watch_look(struct cpu_watch *watch)
{
	char message[4096];
	ssize_t size;

	while (watch->socket >= 0) {
		bool is_online;

		size = recv(watch->socket, message, sizeof(message), 0);
		/* Too many came: look at the list at least. */
		if (size < 0 && errno == ENOBUFS) {
			watch->has_news = true;
			continue;
		}
		if (size <= 0)
			break;
		int cpu = cpu_watch_parse(message, (size_t)size, &is_online);
		if (cpu < 0)
			continue;
		watch->has_news = true;
		if (!is_online)
			add_gone(watch, cpu);
	}
	return watch->has_news;
}

void cpu_watch_forget(struct cpu_watch *watch)
{
	watch->gone.count = 0;
	watch->has_news = false;
}
