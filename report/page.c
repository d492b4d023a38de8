/* Finds the data by its tag, which no text of a report can hold: quotes are escaped there. */
#include "report/page.h"

#include <errno.h>
#include <string.h>

#include "report/gzip.h"
#include "report/pack.h"
#include "trace/cleanup.h"

static const char open_tag[] = "<script type=\"application/octet-stream\" id=\"data\">";
static const char close_tag[] = "</script>";

static int read_all(struct buffer *bytes, const char *name, int fd, struct error *err)
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

static int read_data(struct model *model, const char *text, size_t size_bytes, struct error *err)
{
	CLEANUP(buffer_release) struct buffer packed = {0};
	CLEANUP(buffer_release) struct buffer raw = {0};
	int ret = base64_read(&packed, text, size_bytes, err);

	if (!ret)
		ret = gzip_unpack(&raw, packed.bytes, packed.size_bytes, err);
	return ret ? ret : unpack_model(model, raw.bytes, raw.size_bytes, err);
}

int page_read(struct model *model, const char *name, int fd, struct error *err)
{
	CLEANUP(buffer_release) struct buffer page = {0};
	struct error why = {0};
	int ret = read_all(&page, name, fd, err);

	if (ret)
		return ret;
	const char *begin = page.size_bytes ? memmem(page.bytes, page.size_bytes, open_tag, strlen(open_tag)) : NULL;
	size_t left = begin ? page.size_bytes - (size_t)((const uint8_t *)begin - page.bytes) : 0;
	const char *end = begin ? memmem(begin, left, close_tag, strlen(close_tag)) : NULL;
	if (!end)
		return error_set(err, -ENODATA, "%s: is no page of slabreport, or one without its data; make it anew from the trace", name);
	begin += strlen(open_tag);
	ret = read_data(model, begin, (size_t)(end - begin), &why);
	return ret ? error_set(err, ret, "%s: %s; make it anew from the trace", name, why.message) : 0;
}
