/* The command that is recorded: started, held until the probes are on, and waited for. */
#ifndef SLABREC_SAMPLER_WORKLOAD_H
#define SLABREC_SAMPLER_WORKLOAD_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "trace/error.h"

struct workload {
	pid_t pid; /* 0: none, or waited for */
	int gate;  /* writing a byte lets it go */
	int pidfd; /* readable when it has ended; -1: the kernel has none */
	int status; /* as a shell tells: exit code, 128 + signal, 126, 127 */
	bool has_ended;
};

/*
 * Forks the command and holds it before exec. stdout_to_stderr: standard output carries the trace, so the command's goes to
 * standard error. argv ends with NULL. file_limit: the command's RLIMIT_NOFILE, rlim_max 0 for our own.
 */
int workload_start(struct workload *workload, char *const argv[], bool stdout_to_stderr, const struct rlimit *file_limit,
		   struct error *err);

/* Lets it exec. */
void workload_release(struct workload *workload);

/* True when it has ended; its status is known then. Does not block. */
bool workload_has_ended(struct workload *workload);

/* Asks it to end and waits for at most a second. */
void workload_stop(struct workload *workload);

#endif
