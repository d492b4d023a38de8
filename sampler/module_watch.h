/* Tells when kernel modules come or go: what stands at an address may then be something else. */
#ifndef SLABREC_SAMPLER_MODULE_WATCH_H
#define SLABREC_SAMPLER_MODULE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODULE_WATCH_NAME_MAX 64u

struct module_change {
	char name[MODULE_WATCH_NAME_MAX];
	bool is_gone;	  /* else it has come */
	uint64_t time_ns; /* CLOCK_MONOTONIC */
};

struct module_listener;

struct module_watch {
	struct module_listener *listener; /* owned; NULL: none, then modules are thought to stay */
	struct module_change *gone; /* owned; in the order of time, not yet taken care of */
	size_t gone_count;
};

/* Begins to listen, in a thread of its own, so that times are right; where that cannot be had the watch has no listener. */
void module_watch_open(struct module_watch *watch);
void module_watch_close(struct module_watch *watch);

/* Adds what has gone until now. True where a module came since the last look. */
bool module_watch_look(struct module_watch *watch);
/* The first that has gone is taken care of. */
void module_watch_forget(struct module_watch *watch);

/* Whether a uevent speaks of a module that came or went ("remove@/module/NAME", then NUL and more); which, but for its time. */
bool module_watch_parse(const char *message, size_t size_bytes, struct module_change *change);

#endif
