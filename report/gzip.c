/* The only file that knows libdeflate, which wants all bytes at once and takes a third of zlib's time for that. */
#include "report/gzip.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdbool.h>

#define LEVEL 10
#define LEVEL_OF_MUCH 1 /* a few hundredths larger in a third of the time */
#define MUCH_BYTES (2u << 20)
#define TRAILER_BYTES 4u /* gzip's last: how many bytes were packed, modulo 2^32 */
#define RATIO_MAX 1032u	 /* what deflate can make of a byte */
#define LINE_BYTES 96u	 /* of input; a multiple of three */
#define LINE_CHARACTERS (LINE_BYTES / 3 * 4)

int gzip_pack(struct buffer *out, const void *bytes, size_t size_bytes, struct error *err)
{
	if (size_bytes > UINT32_MAX)
		return error_set(err, -EFBIG, "too much for one page");
	struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(size_bytes >= MUCH_BYTES ? LEVEL_OF_MUCH : LEVEL);
	size_t bound_bytes = libdeflate_gzip_compress_bound(compressor, size_bytes);
	bool has_memory = compressor && buffer_reserve(out, bound_bytes);
	if (has_memory)
		out->size_bytes += libdeflate_gzip_compress(compressor, bytes, size_bytes, out->bytes + out->size_bytes, bound_bytes);
	libdeflate_free_compressor(compressor);
	return has_memory ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/* What the trailer says, which may be a lie. */
static size_t told_size(const uint8_t *bytes, size_t size_bytes)
{
	struct cursor trailer = cursor_over(bytes + size_bytes - TRAILER_BYTES, TRAILER_BYTES);

	return cursor_u32(&trailer);
}

int gzip_unpack(struct buffer *out, const void *bytes, size_t size_bytes, struct error *err)
{
	size_t told_bytes = size_bytes > TRAILER_BYTES ? told_size(bytes, size_bytes) : 0;

	if (told_bytes / RATIO_MAX > size_bytes)
		return error_set(err, -EINVAL, "the packed bytes are damaged or cut");
	if (size_bytes > GZIP_UNPACKED_MAX || told_bytes > GZIP_UNPACKED_MAX - out->size_bytes)
		return error_set(err, -EFBIG, "the packed bytes are more than %u MiB", GZIP_UNPACKED_MAX >> 20);
	struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
	bool has_memory = decompressor && buffer_reserve(out, told_bytes + 1);
	/* One byte more than was told of is as wrong as one less. */
	uint8_t *end = has_memory ? out->bytes + out->size_bytes : NULL;
	bool is_whole = has_memory && libdeflate_gzip_decompress(decompressor, bytes, size_bytes, end, told_bytes, NULL) == LIBDEFLATE_SUCCESS;
	libdeflate_free_decompressor(decompressor);
	if (!has_memory)
		return error_set(err, -ENOMEM, "out of memory");
	out->size_bytes += is_whole ? told_bytes : 0;
	return is_whole ? 0 : error_set(err, -EINVAL, "the packed bytes are damaged or cut");
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
