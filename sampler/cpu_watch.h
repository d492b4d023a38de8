/*
 * Tells when CPUs come online or go: the kernel ends the perf events of a CPU that goes, and does not begin them anew when it is back.
 */
#ifndef SLABREC_SAMPLER_CPU_WATCH_H
#define SLABREC_SAMPLER_CPU_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/cpu_list.h"

struct cpu_watch {
	int socket; /* -1: none, then the list of CPUs is all there is to look at */
	struct cpu_list gone; /* CPUs that went offline since they were last taken, whatever they are now */
	bool has_news;	      /* since cpu_watch_take() */
};

/* Begins to listen; without the right to do so the watch has no socket. */
void cpu_watch_open(struct cpu_watch *watch);
void cpu_watch_close(struct cpu_watch *watch);

/* Reads what came; true where a CPU came or went since cpu_watch_forget(). */
bool cpu_watch_look(struct cpu_watch *watch);
/* The news are taken care of. */
void cpu_watch_forget(struct cpu_watch *watch);

/*
 * The CPU that a uevent speaks of ("offline@/devices/system/cpu/cpu3", then NUL and more); -1: of none. *is_online: it came, else it
 * went.
 */
int cpu_watch_parse(const char *message, size_t size_bytes, bool *is_online);

#endif
