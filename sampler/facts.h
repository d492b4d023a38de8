/* What a report on another machine must know about this one. */
#ifndef SLABREC_SAMPLER_FACTS_H
#define SLABREC_SAMPLER_FACTS_H

#include "sampler/options.h"
#include "trace/writer.h"

/* Writes kernel, machine and command line. What the machine does not tell is left out. */
void facts_write_machine(struct trace_writer *writer, const struct options *options);

/* SReclaimable and SUnreclaim from /proc/meminfo, in bytes. -errno. */
int facts_meminfo(struct trace_meminfo *meminfo);

#endif
