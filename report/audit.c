/* The same rules as for redaction, on the bytes as they left. */
#include "report/audit.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "report/escape.h"
#include "report/gzip.h"
#include "report/page.h"
#include "report/private_text.h"
#include "trace/cleanup.h"
#include "trace/cursor.h"

#define SHOWN_MAX 60u
#define WORD_LEAST 4u /* a host called "pc" is in every other word */

struct audit {
	FILE *out;
	const char *name;
	const char *where; /* " of its data" */
	size_t begin;	   /* of what is searched, there */
	uint64_t found;
};

static void tell(struct audit *audit, size_t at, const char *what, const char *bytes, size_t size_bytes)
{
	char text[SHOWN_MAX + 1];
	size_t length = size_bytes < SHOWN_MAX ? size_bytes : SHOWN_MAX;

	if (audit->found++ >= AUDIT_LINES_MAX)
		return;
	memcpy(text, bytes, length);
	text[length] = 0;
	escape_ascii(audit->out, audit->name, ESCAPE_ALL);
	fprintf(audit->out, ": byte %zu%s: %s: ", audit->begin + at, audit->where, what);
	escape_ascii(audit->out, text, ESCAPE_ALL);
	fputc('\n', audit->out);
}

static void search_word(struct audit *audit, const char *bytes, size_t size_bytes, const char *word, const char *what)
{
	size_t length = strlen(word);

	if (length < WORD_LEAST || !strcmp(word, "localhost"))
		return;
	for (size_t at = 0; at + length <= size_bytes; at++) {
		const char *hit = memmem(bytes + at, size_bytes - at, word, length);

		if (!hit)
			return;
		at = (size_t)(hit - bytes);
		bool is_whole = (!at || !isalnum((unsigned char)hit[-1])) && (at + length == size_bytes || !isalnum((unsigned char)hit[length]));
		if (is_whole)
			tell(audit, at, what, hit, length);
	}
}

static void search(struct audit *audit, const char *bytes, size_t size_bytes)
{
	struct private_text found;
	char host[256] = "", id[64] = "";

	for (size_t at = 0; private_text_next(bytes, size_bytes, at, &found); at = found.begin + found.size_bytes)
		tell(audit, found.begin, private_kind_name(found.kind), bytes + found.begin, found.size_bytes);
	if (!gethostname(host, sizeof(host) - 1))
		search_word(audit, bytes, size_bytes, host, "name of this machine");
	CLEANUP(cleanup_close) int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, id, sizeof(id) - 1) >= 32) {
		id[strcspn(id, "\n")] = 0;
		search_word(audit, bytes, size_bytes, id, "id of this machine");
	}
}

/* A file that is packed as a whole, as pprof's are, becomes data; -ENODATA where it is none. */
static int unpack(const struct buffer *bytes, struct buffer *data, struct error *err)
{
	static const uint8_t magic[] = {0x1f, 0x8b};

	if (bytes->size_bytes < sizeof(magic) || memcmp(bytes->bytes, magic, sizeof(magic)))
		return -ENODATA;
	return gzip_unpack(data, bytes->bytes, bytes->size_bytes, err);
}

/* Texts one by one: the byte before a text of pprof's is its length, and may look like a part of it. False where it is no pprof. */
static bool search_pprof(struct audit *audit, const struct buffer *data)
{
	static const uint32_t text_field = 6, bytes_wire = 2;
	struct cursor cursor = cursor_over(data->bytes, data->size_bytes);

	while (cursor_left(&cursor) && !cursor.failed) {
		uint64_t key = cursor_varint(&cursor), value = cursor_varint(&cursor);
		const uint8_t *bytes = (key & 7) == bytes_wire ? cursor_bytes(&cursor, value) : NULL;

		if (((key & 7) == bytes_wire) != (bytes != NULL) || (key & 7 && !bytes))
			return false;
		if (bytes && key >> 3 == text_field) {
			audit->begin = (size_t)(bytes - data->bytes);
			search(audit, (const char *)bytes, value);
		}
	}
	audit->begin = 0;
	return !cursor.failed;
}

int audit_file(FILE *out, const char *name, int fd, uint64_t *found, struct error *err)
{
	CLEANUP(buffer_release) struct buffer bytes = {0};
	CLEANUP(buffer_release) struct buffer data = {0};
	struct audit audit = {.out = out, .name = name, .where = ""};
	size_t begin, end;
	int ret = page_read_bytes(&bytes, name, fd, err);

	if (ret)
		return ret;
	ret = unpack(&bytes, &data, err);
	begin = 0;
	end = bytes.size_bytes;
	if (ret == -ENODATA)
		ret = page_data(&bytes, &data, &begin, &end, err);
	if (ret && ret != -ENODATA)
		return ret;
	if (ret == -ENODATA)
		begin = end = bytes.size_bytes;
	search(&audit, (const char *)bytes.bytes, begin);
	search(&audit, (const char *)bytes.bytes + end, bytes.size_bytes - end);
	audit.where = " of its data";
	bool is_pprof = begin == 0 && end == bytes.size_bytes && data.size_bytes && search_pprof(&audit, &data);
	if (data.size_bytes && !is_pprof)
		search(&audit, (const char *)data.bytes, data.size_bytes);
	if (audit.found > AUDIT_LINES_MAX)
		fprintf(out, "and %llu more\n", (unsigned long long)(audit.found - AUDIT_LINES_MAX));
	*found = audit.found;
	return 0;
}
