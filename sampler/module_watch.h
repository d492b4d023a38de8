/* Tells when kernel modules come or go: what stands at an address may then be something else. */
#ifndef SLABREC_SAMPLER_MODULE_WATCH_H
#define SLABREC_SAMPLER_MODULE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODULE_WATCH_NAME_MAX 64u

struct module_change {
	char name[MODULE_WATCH_NAME_MAX];
	bool is_gone;	 /* else it has come */
	uint64_t time_ns; /* when it was read, by the caller's clock */
};

struct module_watch {
	int socket; /* -1: none, then modules are thought to stay */
	struct module_change *changes; /* owned; in the order of time, not yet taken care of */
	size_t count;
};

/* Begins to listen; without the right to do so the watch has no socket. */
void module_watch_open(struct module_watch *watch);
void module_watch_close(struct module_watch *watch);

/* Reads what came. */
void module_watch_look(struct module_watch *watch, uint64_t now_ns);
/* The first of the changes is taken care of. */
void module_watch_forget(struct module_watch *watch);

/* Whether a uevent speaks of a module that came or went ("remove@/module/NAME", then NUL and more); which, but for its time. */
bool module_watch_parse(const char *message, size_t size_bytes, struct module_change *change);

#endif
