/*
 * Scope-bound ownership for C: CLEANUP(fn) runs fn on the variable when it goes out of scope, TAKE(ptr) hands the
 * ownership on.
 */
#ifndef SLABREC_TRACE_CLEANUP_H
#define SLABREC_TRACE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Yields the pointer and leaves NULL behind, so that the cleanup of the variable does nothing. */
#define TAKE(ptr)                                                                                                      \
	({                                                                                                             \
		__auto_type taken_ = (ptr);                                                                            \
		(ptr) = NULL;                                                                                          \
		taken_;                                                                                                \
	})

static inline void cleanup_free(void *ptr)
{
	free(*(void **)ptr);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

#endif
