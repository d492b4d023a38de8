/*
 * XML as it is streamed: elements and attributes of a known schema. Every string is made harmless first.
 */
#ifndef SLABREC_REPORT_XML_WRITER_H
#define SLABREC_REPORT_XML_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/redaction.h"
#include "trace/cursor.h"
#include "trace/error.h"

#define XML_NAMESPACE "urn:slabrec:report:1"

struct _xmlTextWriter;

struct xml_writer {
	struct _xmlTextWriter *writer;
	struct buffer text; /* the string being written */
	bool failed;
};

/* Begins a document whose root has that name; the namespace, the schema's version and the generator are its first attributes. 0 or -ENOMEM. */
int xml_begin(struct xml_writer *xml, FILE *out, const char *root, struct error *err);
/* Ends the root and the document. 0, or -EIO where any call before failed. */
int xml_end(struct xml_writer *xml, struct error *err);
void xml_open(struct xml_writer *xml, const char *name);
void xml_close(struct xml_writer *xml);
/* Attributes of the element that was opened last. */
void xml_text(struct xml_writer *xml, const char *name, const char *value);
/* Left out where it is empty. */
void xml_known(struct xml_writer *xml, const char *name, const char *value);
void xml_count(struct xml_writer *xml, const char *name, uint64_t value);
void xml_change(struct xml_writer *xml, const char *name, int64_t value);
/* Six digits. */
void xml_real(struct xml_writer *xml, const char *name, double value);
/* Numbers with blanks between them. */
void xml_list(struct xml_writer *xml, const char *name, const uint64_t *values, uint32_t count);
/* Elements of that name with the bytes in base64, in parts: readers refuse a text of more than 10 MB. */
void xml_base64(struct xml_writer *xml, const char *name, const uint8_t *bytes, size_t size_bytes);
/* What was taken out: an element that every document has. */
void xml_redaction(struct xml_writer *xml, const struct redaction *redaction);

#endif
