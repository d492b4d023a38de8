/*
 * How a failure travels: a negative errno for the code that decides, a sentence for the person who reads it.
 */
#ifndef SLABREC_TRACE_ERROR_H
#define SLABREC_TRACE_ERROR_H

struct error {
	int code; /* negative errno, 0 while nothing failed */
	char message[256];
};

/*
 * Writes the sentence (printf format, "%m" allowed) into err and returns code. err may be NULL: only the code
 * is returned then. code must be a negative errno.
 */
int error_set(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
