/*
 * The file a report goes to: written beside its name and renamed when it is whole, so that nobody ever reads half of
 * one and a failure leaves what was there before.
 */
#ifndef SLABREC_REPORT_OUTPUT_H
#define SLABREC_REPORT_OUTPUT_H

#include <stdio.h>

#include "trace/error.h"

/* All-zero is none. */
struct output {
	FILE *stream;	 /* owned, unless it is stdout */
	char *path;	 /* owned: the name it will get, "-" for standard output */
	char *temporary; /* owned: the name it has until then; NULL where it is written in place (a device, a pipe) */
};

/*
 * 0, or a negative errno with the sentence: -EEXIST where the file is a trace, which is never written over.
 */
int output_open(struct output *output, const char *path, struct error *err);
/* Without output_commit() before, the file is as if nothing had been opened. */
void output_release(struct output *output);
/* Gives the file its name once everything was written. 0 or what failed, which may have been any write before. */
int output_commit(struct output *output, struct error *err);

#endif
