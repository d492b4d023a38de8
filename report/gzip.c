/* The only file that knows zlib. */
#include "report/gzip.h"

#include <errno.h>
#include <stdbool.h>
#include <zlib.h>

#define CHUNK_BYTES (64u << 10)
#define GZIP_WINDOW (15 + 16) /* zlib's way to ask for gzip's header */
#define LEVEL 6
#define LEVEL_OF_MUCH 4 /* a tenth larger in half of the time */
#define MUCH_BYTES (2u << 20)
/* zlib's word for how long its blocks are, each with a code of its own: short ones fit short columns. */
#define BLOCKS 5
#define BLOCKS_OF_MUCH 8
#define LINE_BYTES 96u /* of input; a multiple of three */
#define LINE_CHARACTERS (LINE_BYTES / 3 * 4)

/* Runs the stream to its end; what it gives goes to out. */
static int run(z_stream *stream, int (*step)(z_stream *, int), struct buffer *out, size_t limit, struct error *err)
{
	static const int finish = Z_FINISH;
	uint8_t chunk[CHUNK_BYTES];
	int ret;

	do {
		stream->next_out = chunk;
		stream->avail_out = sizeof(chunk);
		ret = step(stream, finish);
		if (ret != Z_OK && ret != Z_STREAM_END && ret != Z_BUF_ERROR)
			return ret == Z_MEM_ERROR ? error_set(err, -ENOMEM, "out of memory")
						  : error_set(err, -EINVAL, "the packed bytes are damaged");
		size_t got = sizeof(chunk) - stream->avail_out;
		if (!got && ret != Z_STREAM_END)
			return error_set(err, -EINVAL, "the packed bytes are cut");
		if (got > limit - out->size_bytes)
			return error_set(err, -EFBIG, "the packed bytes are more than %u MiB", GZIP_UNPACKED_MAX >> 20);
		buffer_add(out, chunk, got);
	} while (ret != Z_STREAM_END && !out->failed);
	return out->failed ? error_set(err, -ENOMEM, "out of memory") : 0;
}

int gzip_pack(struct buffer *out, const void *bytes, size_t size_bytes, struct error *err)
{
	z_stream stream = {.next_in = (z_const Bytef *)bytes, .avail_in = (uInt)size_bytes};

	if (size_bytes > UINT32_MAX)
		return error_set(err, -EFBIG, "too much for one page");
	bool is_much = size_bytes >= MUCH_BYTES;
	if (deflateInit2(&stream, is_much ? LEVEL_OF_MUCH : LEVEL, Z_DEFLATED, GZIP_WINDOW, is_much ? BLOCKS_OF_MUCH : BLOCKS,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return error_set(err, -ENOMEM, "out of memory");
	int ret = run(&stream, deflate, out, SIZE_MAX, err);
	deflateEnd(&stream);
	return ret;
}

int gzip_unpack(struct buffer *out, const void *bytes, size_t size_bytes, struct error *err)
{
	z_stream stream = {.next_in = (z_const Bytef *)bytes, .avail_in = (uInt)size_bytes};

	if (size_bytes > GZIP_UNPACKED_MAX)
		return error_set(err, -EFBIG, "the packed bytes are more than %u MiB", GZIP_UNPACKED_MAX >> 20);
	if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
		return error_set(err, -ENOMEM, "out of memory");
	int ret = run(&stream, inflate, out, GZIP_UNPACKED_MAX, err);
	inflateEnd(&stream);
	return ret;
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* At most three bytes as four characters. */
static char *base64_group(char *text, const uint8_t *bytes, size_t size_bytes)
{
	uint32_t bits = (uint32_t)bytes[0] << 16 | (size_bytes > 1 ? (uint32_t)bytes[1] << 8 : 0) | (size_bytes > 2 ? bytes[2] : 0);

	*text++ = digits[bits >> 18];
	*text++ = digits[bits >> 12 & 63];
	*text++ = size_bytes > 1 ? digits[bits >> 6 & 63] : '=';
	*text++ = size_bytes > 2 ? digits[bits & 63] : '=';
	return text;
}

/* A line of what is left; returns how many of the bytes it has. */
static size_t base64_line(char line[LINE_CHARACTERS + 1], size_t *length, const uint8_t *bytes, size_t left_bytes)
{
	size_t size_bytes = left_bytes < LINE_BYTES ? left_bytes : LINE_BYTES;
	char *text = line;

	for (size_t i = 0; i < size_bytes; i += 3)
		text = base64_group(text, bytes + i, size_bytes - i);
	*text++ = '\n';
	*length = (size_t)(text - line);
	return size_bytes;
}

void base64_write(FILE *out, const uint8_t *bytes, size_t size_bytes)
{
	char line[LINE_CHARACTERS + 1];
	size_t length;

	for (size_t at = 0; at < size_bytes; fwrite(line, 1, length, out))
		at += base64_line(line, &length, bytes + at, size_bytes - at);
}

void base64_add(struct buffer *text, const uint8_t *bytes, size_t size_bytes)
{
	char line[LINE_CHARACTERS + 1];
	size_t length;

	for (size_t at = 0; at < size_bytes; buffer_add(text, line, length))
		at += base64_line(line, &length, bytes + at, size_bytes - at);
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_read(struct buffer *out, const char *text, size_t size_bytes, struct error *err)
{
	uint32_t bits = 0, bit_count = 0;
	bool has_ended = false;

	for (size_t i = 0; i < size_bytes; i++) {
		int value = digit_value(text[i]);

		if (text[i] == '\n' || text[i] == '\r' || text[i] == ' ' || text[i] == '\t')
			continue;
		if (text[i] == '=') {
			has_ended = true;
			continue;
		}
		if (value < 0 || has_ended)
			return error_set(err, -EINVAL, "the data in the page is no base64");
		bits = bits << 6 | (uint32_t)value;
		bit_count += 6;
		if (bit_count >= 8) {
			bit_count -= 8;
			buffer_add_u8(out, (uint8_t)(bits >> bit_count));
		}
	}
	return out->failed ? error_set(err, -ENOMEM, "out of memory") : 0;
}
