/*
 * Memory that is needed soon: to wait for a line of it takes a hundred times as long as to use it.
 */
#ifndef SLABREC_REPORT_FETCH_H
#define SLABREC_REPORT_FETCH_H

#include <stddef.h>

#define FETCH_LINE_BYTES 64u

/* Begins to fetch the line of the address, which may be any. */
static inline void fetch(const void *address)
{
	__builtin_prefetch(address, 1);
	/* To gcc a prefetch is no effect: it leaves out calls of functions that do nothing else. */
	__asm__ volatile("");
}

/* All lines of an object. */
static inline void fetch_whole(const void *object, size_t size_bytes)
{
	for (size_t at = 0; at < size_bytes; at += FETCH_LINE_BYTES)
		fetch((const char *)object + at);
}

#endif
