/*
 * The shipped templates and how one is filled: text with slots "{{name}}".
 */
#ifndef SLABREC_REPORT_TEMPLATE_H
#define SLABREC_REPORT_TEMPLATE_H

#include <stddef.h>
#include <stdio.h>

#include "trace/error.h"

/* A file of templates/, compiled in by contrib/embed. */
struct template_file {
	const char *name;
	const char *bytes; /* ends with a NUL that size_bytes does not count */
	size_t size_bytes;
};

/* All of them, ended by one without a name. */
extern const struct template_file template_files[];

/* Writes what belongs in a slot. */
typedef void template_writer(FILE *out, void *context);

struct template_slot {
	const char *name;
	template_writer *write;
};

/* The file of that name; NULL where none was compiled in. */
const struct template_file *template_find(const char *name);
/*
 * Reads a file as a template, which the caller releases. 0, or a negative errno where it cannot be read; -EINVAL where it holds a
 * NUL.
 */
int template_read(struct template_file *template, const char *path, struct error *err);
/* Only for one that was read. */
void template_release(struct template_file *template);
/*
 * Writes the template with its slots filled by slots (ended by one without a name). 0, or -EINVAL where the template
 * names a slot that is not there or does not close one.
 */
int template_write(const struct template_file *template, const struct template_slot *slots, void *context, FILE *out,
		   struct error *err);

#endif
