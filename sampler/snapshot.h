/*
 * Copies of a recording that goes on: each is a trace of its own, OUTPUT.1, OUTPUT.2, ..., written by a child process, which has the
 * recorder's memory as it was at that moment. Nothing that exists is overwritten.
 */
#ifndef SLABREC_SAMPLER_SNAPSHOT_H
#define SLABREC_SAMPLER_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sampler/output.h"
#include "trace/error.h"

struct snapshots {
	uint64_t asked_ns; /* CLOCK_MONOTONIC: the one to write is of this moment; 0 none */
	pid_t pid;	   /* of the child that writes one; 0 none */
	int has_left;	   /* in the parent, at its end when the child has let go of the probes; in the child, the other end */
	uint32_t number;   /* of the last one */
	uint64_t written;
	uint64_t failed;
};

/* One snapshot while it is written, in the child. */
struct snapshot {
	struct output output;
	int from;	       /* the recording's file; -1 once it was copied */
	uint64_t from_bytes; /* what it had */
};

void snapshots_init(struct snapshots *snapshots);
/* Waits for a child that still writes. */
void snapshots_release(struct snapshots *snapshots);

/* One of now, unless one of an earlier moment is still to be begun. */
void snapshots_ask(struct snapshots *snapshots, uint64_t now_ns);

/*
 * Forks. In the child 0 is returned: it must end with _exit(). In the parent the child's pid, or -errno. path is the recording's; the
 * number is the next one that is free.
 */
int snapshots_fork(struct snapshots *snapshots, const char *path);

/* The child tells that it has let go of the probes; the parent waits until it has. */
void snapshots_leave(struct snapshots *snapshots);
void snapshots_wait_left(struct snapshots *snapshots);

/* True while a child writes; takes in how it ended. wait: until it has. */
bool snapshots_is_busy(struct snapshots *snapshots, bool wait);

/* Opens PATH.NUMBER for the first from_bytes of the recording's file and what is written then. -errno. */
int snapshot_open(struct snapshot *snapshot, const struct output *recording, uint64_t from_bytes, uint32_t number,
		  struct error *err);

/* A trace_sink: context is the snapshot. */
int snapshot_write(void *context, const void *bytes, size_t size_bytes, struct error *err);

#endif
