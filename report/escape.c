/* Which characters are shown as they are, and how each output writes them. */
#include "report/escape.h"

#include <stdbool.h>
#include <string.h>

/* Characters that are not there to be seen: they reorder, join or hide the text around them, or are for private use. */
static bool is_invisible(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x0000, 0x001f},      {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x034f, 0x034f},   {0x061c, 0x061c},
		{0x115f, 0x1160},      {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e},
		{0x2060, 0x206f},      {0x3164, 0x3164}, {0xd800, 0xf8ff}, {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},
		{0xfeff, 0xfeff},      {0xffa0, 0xffa0}, {0xfff0, 0xffff}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
		{0xe0000, UINT32_MAX},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	/* The last two of every plane are no characters. */
	return (c & 0xfffe) == 0xfffe;
}

static size_t utf8_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

size_t escape_character(const char *bytes, size_t size_bytes, uint32_t *code_point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *at = (const uint8_t *)bytes;
	size_t length = size_bytes ? utf8_length(at[0]) : 0;

	if (!length || length > size_bytes)
		return 0;
	uint32_t c = length == 1 ? at[0] : at[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (at[i] & 0x3f);
	}
	if (c < least[length] || c == '\\' || is_invisible(c))
		return 0;
	*code_point = c;
	return length;
}

typedef void write_character(FILE *out, uint32_t code_point);

static void write_html(FILE *out, uint32_t c)
{
	if (c >= 0x80 || c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
		fprintf(out, "&#%u;", c);
	else
		fputc((int)c, out);
}

static void write_ascii(FILE *out, uint32_t c)
{
	if (c < 0x80)
		fputc((int)c, out);
	else
		fprintf(out, "\\u{%x}", c);
}

static void write_json(FILE *out, uint32_t c)
{
	if (c >= 0x10000)
		fprintf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
	else if (c >= 0x80 || c == '"' || c == '<')
		fprintf(out, "\\u%04x", c);
	else
		fputc((int)c, out);
}

static void write_escaped(FILE *out, const char *text, size_t limit, write_character *write, const char *backslash)
{
	size_t left = strlen(text);

	for (; left && limit; limit--) {
		uint32_t c;
		size_t length = escape_character(text, left, &c);

		if (length)
			write(out, c);
		else
			fprintf(out, "%sx%02x", backslash, (uint8_t)*text);
		text += length ? length : 1;
		left -= length ? length : 1;
	}
	if (left)
		fputs("...", out);
}

void escape_html(FILE *out, const char *text, size_t limit)
{
	write_escaped(out, text, limit, write_html, "\\");
}

void escape_ascii(FILE *out, const char *text, size_t limit)
{
	write_escaped(out, text, limit, write_ascii, "\\");
}

void escape_json(FILE *out, const char *text)
{
	write_escaped(out, text, ESCAPE_ALL, write_json, "\\\\");
}

void escape_xml(struct buffer *out, const char *text, size_t limit)
{
	size_t left = strlen(text);

	for (size_t room = limit; left && room; room--) {
		uint32_t c;
		size_t length = escape_character(text, left, &c);
		char hex[8];

		if (length)
			buffer_add(out, text, length);
		else
			buffer_add(out, hex, (size_t)snprintf(hex, sizeof(hex), "\\x%02x", (uint8_t)*text));
		text += length ? length : 1;
		left -= length ? length : 1;
	}
	if (left)
		buffer_add(out, "...", 3);
	buffer_add_u8(out, 0);
}
