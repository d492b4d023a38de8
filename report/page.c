/* Finds the data by its tags, which no text of a report can hold: what begins them is escaped there. */
#include "report/page.h"

#include <errno.h>
#include <string.h>

#include "report/gzip.h"
#include "report/pack.h"
#include "trace/cleanup.h"

/* How the data stands in a report: XML has it in parts. */
static const struct carrier {
	const char *begins; /* the report */
	const char *open, *close;
} carriers[] = {
	{"<!DOCTYPE html>", "<script type=\"application/octet-stream\" id=\"data\">", "</script>"},
	{"<?xml", "<data>", "</data>"},
};

#define CARRIERS (sizeof(carriers) / sizeof(carriers[0]))

/* NULL where they begin no report. */
static const struct carrier *carrier_of(const void *bytes, size_t size_bytes)
{
	for (size_t i = 0; i < CARRIERS; i++)
		if (size_bytes >= strlen(carriers[i].begins) && !memcmp(bytes, carriers[i].begins, strlen(carriers[i].begins)))
			return &carriers[i];
	return NULL;
}

bool page_is_one(int fd)
{
	char begin[PAGE_BEGIN_BYTES];
	ssize_t got = pread(fd, begin, sizeof(begin), 0);

	return got > 0 && carrier_of(begin, (size_t)got);
}

int page_read_bytes(struct buffer *bytes, const char *name, int fd, struct error *err)
{
	char chunk[65536];
	ssize_t got;

	while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
		if ((size_t)got > PAGE_BYTES_MAX - bytes->size_bytes)
			return error_set(err, -EFBIG, "%s: is larger than %u MiB, so no report", name, PAGE_BYTES_MAX >> 20);
		buffer_add(bytes, chunk, (size_t)got);
	}
	if (got < 0)
		return error_set(err, -errno, "%s: %m", name);
	return bytes->failed ? error_set(err, -ENOMEM, "%s: not enough memory", name) : 0;
}

/* The next part at or behind end, without its tags; false where there is none. */
static bool next_part(const struct buffer *page, const struct carrier *carrier, size_t *begin, size_t *end)
{
	const uint8_t *last = page->bytes + page->size_bytes, *from = page->bytes + *end;
	const uint8_t *open = memmem(from, (size_t)(last - from), carrier->open, strlen(carrier->open));
	const uint8_t *text = open ? open + strlen(carrier->open) : NULL;
	const uint8_t *close = open ? memmem(text, (size_t)(last - text), carrier->close, strlen(carrier->close)) : NULL;

	if (!close)
		return false;
	*begin = (size_t)(text - page->bytes);
	*end = (size_t)(close - page->bytes);
	return true;
}

int page_data(const struct buffer *page, struct buffer *data, size_t *begin, size_t *end, struct error *err)
{
	CLEANUP(buffer_release) struct buffer packed = {0};
	const struct carrier *carrier = page->size_bytes ? carrier_of(page->bytes, page->size_bytes) : NULL;
	size_t part = 0;
	int ret = 0;

	/* A template of people's own may begin with anything. */
	if (!carrier)
		carrier = &carriers[0];
	*begin = *end = 0;
	while (!ret && page->size_bytes && next_part(page, carrier, &part, end)) {
		*begin = *begin ? *begin : part;
		ret = base64_read(&packed, (const char *)page->bytes + part, *end - part, err);
	}
	if (!ret && !*begin)
		return -ENODATA;
	return ret ? ret : gzip_unpack(data, packed.bytes, packed.size_bytes, err);
}

int page_read(struct model *model, const char *name, int fd, struct error *err)
{
	CLEANUP(buffer_release) struct buffer page = {0};
	CLEANUP(buffer_release) struct buffer data = {0};
	struct error why = {0};
	size_t begin, end;
	int ret = page_read_bytes(&page, name, fd, err);

	if (ret)
		return ret;
	ret = page_data(&page, &data, &begin, &end, &why);
	if (ret == -ENODATA)
		return error_set(err, ret, "%s: is no report of slabreport in HTML or XML, or one without its data; make it anew from the trace", name);
	if (!ret)
		ret = unpack_model(model, data.bytes, data.size_bytes, &why);
	return ret ? error_set(err, ret, "%s: %s; make it anew from the trace", name, why.message) : 0;
}
