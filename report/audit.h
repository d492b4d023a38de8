/*
 * Searches a finished file for what a public report should not say.
 */
#ifndef SLABREC_REPORT_AUDIT_H
#define SLABREC_REPORT_AUDIT_H

#include <stdint.h>
#include <stdio.h>

#include "trace/error.h"

/*
 * Looks at the file and, where it is a page of slabreport, at the data that it carries, or what a gzip file holds; also for the name and the id of the machine this
 * runs on. Writes a line for each finding, at most AUDIT_LINES_MAX, and counts them all. 0, or a negative errno where it cannot be read.
 */
int audit_file(FILE *out, const char *name, int fd, uint64_t *found, struct error *err);

#define AUDIT_LINES_MAX 50u

#endif
