/* libxml2 trusts its input, so every string passes escape_xml() first; its writer keeps nothing of the document in memory. */
#include "report/xml_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <libxml/xmlwriter.h>

#include "report/escape.h"
#include "report/gzip.h"

#define BASE64_PART_BYTES (96u << 10) /* a multiple of three, so that each stands for itself */
#define TEXT_MAX 4096u /* characters of one string: a hostile name may be used a million times */

static int write_stream(void *context, const char *bytes, int size_bytes)
{
	return fwrite(bytes, 1, (size_t)size_bytes, context) == (size_t)size_bytes ? size_bytes : -1;
}

int xml_begin(struct xml_writer *xml, FILE *out, const char *root, struct error *err)
{
	xmlOutputBufferPtr buffer = xmlOutputBufferCreateIO(write_stream, NULL, out, NULL);

	/* The writer takes the buffer over. */
	*xml = (struct xml_writer){.writer = buffer ? xmlNewTextWriter(buffer) : NULL};
	if (!xml->writer) {
		if (buffer)
			xmlOutputBufferClose(buffer);
		return error_set(err, -ENOMEM, "not enough memory for the XML");
	}
	xml->failed = xmlTextWriterSetIndent(xml->writer, 1) < 0 || xmlTextWriterSetIndentString(xml->writer, BAD_CAST " ") < 0 ||
		      xmlTextWriterStartDocument(xml->writer, NULL, "US-ASCII", NULL) < 0;
	xml_open(xml, root);
	xml_text(xml, "xmlns", XML_NAMESPACE);
	xml_text(xml, "version", "1");
	xml_text(xml, "generator", "slabreport " SLABREC_VERSION);
	return 0;
}

int xml_end(struct xml_writer *xml, struct error *err)
{
	xml_close(xml);
	xml->failed |= xmlTextWriterEndDocument(xml->writer) < 0;
	xmlFreeTextWriter(xml->writer);
	buffer_release(&xml->text);
	return xml->failed ? error_set(err, -EIO, "writing the XML failed: out of memory or disk space") : 0;
}

void xml_open(struct xml_writer *xml, const char *name)
{
	xml->failed |= xmlTextWriterStartElement(xml->writer, BAD_CAST name) < 0;
}

void xml_close(struct xml_writer *xml)
{
	xml->failed |= xmlTextWriterEndElement(xml->writer) < 0;
}

static const xmlChar *escaped(struct xml_writer *xml, const char *text)
{
	buffer_clear(&xml->text);
	escape_xml(&xml->text, text, TEXT_MAX);
	xml->failed |= xml->text.failed;
	return xml->text.failed ? BAD_CAST "" : xml->text.bytes;
}

void xml_text(struct xml_writer *xml, const char *name, const char *value)
{
	xml->failed |= xmlTextWriterWriteAttribute(xml->writer, BAD_CAST name, escaped(xml, value)) < 0;
}

void xml_known(struct xml_writer *xml, const char *name, const char *value)
{
	if (*value)
		xml_text(xml, name, value);
}

void xml_count(struct xml_writer *xml, const char *name, uint64_t value)
{
	xml->failed |= xmlTextWriterWriteFormatAttribute(xml->writer, BAD_CAST name, "%" PRIu64, value) < 0;
}

void xml_change(struct xml_writer *xml, const char *name, int64_t value)
{
	xml->failed |= xmlTextWriterWriteFormatAttribute(xml->writer, BAD_CAST name, "%" PRId64, value) < 0;
}

void xml_real(struct xml_writer *xml, const char *name, double value)
{
	xml->failed |= xmlTextWriterWriteFormatAttribute(xml->writer, BAD_CAST name, "%.6g", value) < 0;
}

void xml_list(struct xml_writer *xml, const char *name, const uint64_t *values, uint32_t count)
{
	char number[24];

	buffer_clear(&xml->text);
	for (uint32_t i = 0; i < count; i++)
		buffer_add(&xml->text, number,
			   (size_t)snprintf(number, sizeof(number), i ? " %" PRIu64 : "%" PRIu64, values[i]));
	buffer_add_u8(&xml->text, 0);
	xml->failed |= xml->text.failed || xmlTextWriterWriteAttribute(xml->writer, BAD_CAST name, xml->text.bytes) < 0;
}

void xml_base64(struct xml_writer *xml, const char *name, const uint8_t *bytes, size_t size_bytes)
{
	for (size_t at = 0; at < size_bytes; at += BASE64_PART_BYTES) {
		buffer_clear(&xml->text);
		buffer_add_u8(&xml->text, '\n');
		base64_add(&xml->text, bytes + at, size_bytes - at < BASE64_PART_BYTES ? size_bytes - at : BASE64_PART_BYTES);
		buffer_add_u8(&xml->text, 0);
		xml->failed |= xml->text.failed || xmlTextWriterWriteElement(xml->writer, BAD_CAST name, xml->text.bytes) < 0;
	}
}

void xml_redaction(struct xml_writer *xml, const struct redaction *redaction)
{
	xml_open(xml, "redaction");
	xml_text(xml, "level", redaction_level_name(redaction->level));
	for (uint32_t i = 0; i < REDACTED_COUNT; i++) {
		if (!redaction->counts[i])
			continue;
		xml_open(xml, "redacted");
		xml_text(xml, "what", redaction_what_name((enum redaction_what)i));
		xml_count(xml, "count", redaction->counts[i]);
		xml_close(xml);
	}
	xml_close(xml);
}
