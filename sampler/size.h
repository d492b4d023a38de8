/* Sizes as people write them: 4096, 64k, 100M, 2G. */
#ifndef SLABREC_SAMPLER_SIZE_H
#define SLABREC_SAMPLER_SIZE_H

#include <stdint.h>

/* The bytes that text, whole, tells; k, M, G and T are powers of 1024, in either case. -EINVAL also for 0 and what has no room. */
int size_parse(const char *text, uint64_t *size_bytes);

#endif
