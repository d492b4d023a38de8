/* Finds the data by its tag, which no text of a report can hold: quotes are escaped there. */
#include "report/page.h"

#include <errno.h>
#include <string.h>

#include "report/gzip.h"
#include "report/pack.h"
#include "trace/cleanup.h"

static const char open_tag[] = "<script type=\"application/octet-stream\" id=\"data\">";
static const char close_tag[] = "</script>";

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

int page_data(const struct buffer *page, struct buffer *data, size_t *begin, size_t *end, struct error *err)
{
	CLEANUP(buffer_release) struct buffer packed = {0};
	const char *open = page->size_bytes ? memmem(page->bytes, page->size_bytes, open_tag, strlen(open_tag)) : NULL;
	size_t left = open ? page->size_bytes - (size_t)((const uint8_t *)open - page->bytes) : 0;
	const char *close = open ? memmem(open, left, close_tag, strlen(close_tag)) : NULL;

	if (!close)
		return -ENODATA;
	open += strlen(open_tag);
	*begin = (size_t)((const uint8_t *)open - page->bytes);
	*end = (size_t)((const uint8_t *)close - page->bytes);
	int ret = base64_read(&packed, open, (size_t)(close - open), err);
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
		return error_set(err, ret, "%s: is no page of slabreport, or one without its data; make it anew from the trace", name);
	if (!ret)
		ret = unpack_model(model, data.bytes, data.size_bytes, &why);
	return ret ? error_set(err, ret, "%s: %s; make it anew from the trace", name, why.message) : 0;
}
