/*
 * How much work the workload did while it was recorded: a number that the user gives, or one that a command prints, asked before the first
 * event and after the last.
 */
#ifndef SLABREC_SAMPLER_WORK_COUNT_H
#define SLABREC_SAMPLER_WORK_COUNT_H

#include <stdint.h>
#include <sys/resource.h>

#include "trace/error.h"

/*
 * Runs the command by sh and reads the number that its output begins with (decimals are cut off). file_limit: its RLIMIT_NOFILE, rlim_max 0
 * for our own. 0; -EINVAL where it fails or prints none, -ETIMEDOUT after 10 s (it is killed then), or why it could not be run.
 */
int work_count_ask(const char *command, const struct rlimit *file_limit, uint64_t *units, struct error *err);

#endif
