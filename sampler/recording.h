/* One recording from beginning to end. */
#ifndef SLABREC_SAMPLER_RECORDING_H
#define SLABREC_SAMPLER_RECORDING_H

#include "sampler/options.h"
#include "trace/error.h"

/*
 * Records as the options say and writes the trace. 0 with *status for the shell, or a negative errno with the sentence. Whatever it
 * returns, no probe is left.
 */
int recording_run(const struct options *options, int *status, struct error *err);

/*
 * Prints what a recording with these options would do. Everything is opened as for one, so that the kernel has its say, but nothing is
 * switched on. -errno.
 */
int recording_explain(const struct options *options, struct error *err);

/* Prints the caches of this machine, or those that the options select. -errno. */
int recording_list_caches(const struct options *options, struct error *err);

#endif
