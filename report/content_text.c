#include "report/content_text.h"

#include <stdio.h>

uint32_t content_common_bytes(const struct model_site *site)
{
	uint32_t common = 0;

	if (site->content_count < 2)
		return 0;
	for (;; common++)
		for (uint32_t i = 0; i < site->content_count; i++)
			if (common == site->contents[i].size_bytes || site->contents[i].bytes[common] != site->contents[0].bytes[common])
				return common;
}

const char *content_head(struct arena *arena, const struct model_site *site)
{
	uint32_t common = content_common_bytes(site);

	if (site->content_count < 2)
		return "first bytes of a live object";
	if (!common)
		return arena_format(arena, "first bytes of %u live objects; none is the same in all", site->content_count);
	if (common == 1)
		return arena_format(arena, "first bytes of %u live objects; the first is the same in all", site->content_count);
	return arena_format(arena, "first bytes of %u live objects; the first %u are the same in all", site->content_count, common);
}

const char *content_hex(struct arena *arena, const struct model_content *content)
{
	static const char digits[] = "0123456789abcdef";
	char *text = arena_array(arena, 2 * content->size_bytes + 1, 1);

	for (uint32_t i = 0; text && i < content->size_bytes; i++) {
		text[2 * i] = digits[content->bytes[i] >> 4];
		text[2 * i + 1] = digits[content->bytes[i] & 15];
	}
	return text ? text : "";
}

char content_character(uint8_t byte)
{
	return byte >= ' ' && byte <= '~' && byte != '\\' ? (char)byte : '.';
}

const char *content_characters(struct arena *arena, const uint8_t *bytes, uint32_t size_bytes)
{
	char *text = arena_array(arena, size_bytes + 1, 1);

	for (uint32_t i = 0; text && i < size_bytes; i++)
		text[i] = content_character(bytes[i]);
	return text ? text : "";
}

const char *content_row(struct arena *arena, const struct model_content *content, uint32_t at, uint32_t common)
{
	uint32_t count = content->size_bytes - at < CONTENT_ROW_BYTES ? content->size_bytes - at : CONTENT_ROW_BYTES;
	char hex[3 * CONTENT_ROW_BYTES + 1] = "";

	for (uint32_t i = 0; i < count; i++)
		snprintf(hex + 3 * i, 4, "%02x%c", content->bytes[at + i], at + i + 1 == common ? '|' : ' ');
	return arena_format(arena, "%03x %-48s %s", at, hex, content_characters(arena, content->bytes + at, count));
}
