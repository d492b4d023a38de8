/* Looks at the beginning of each word: digits that are part of a longer name are nobody's address. */
#include "report/private_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define ADDRESS_DIGITS 16u

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static size_t hex_digits(const char *bytes, size_t size_bytes)
{
	size_t count = 0;

	while (count < size_bytes && isxdigit((unsigned char)bytes[count]))
		count++;
	return count;
}

/* A pattern of 'x' for a hexadecimal digit and other characters for themselves; nothing of a word may follow. */
static size_t match(const char *bytes, size_t size_bytes, const char *pattern)
{
	size_t length = strlen(pattern);

	if (size_bytes < length || (size_bytes > length && is_word(bytes[length])))
		return 0;
	for (size_t i = 0; i < length; i++)
		if (pattern[i] == 'x' ? !isxdigit((unsigned char)bytes[i]) : bytes[i] != pattern[i])
			return 0;
	return length;
}

static size_t match_address(const char *bytes, size_t size_bytes)
{
	size_t prefix = size_bytes > 2 && bytes[0] == '0' && (bytes[1] == 'x' || bytes[1] == 'X') ? 2 : 0;
	size_t end = prefix + ADDRESS_DIGITS;

	if (size_bytes < end || strncasecmp(bytes + prefix, "ffff", 4) || hex_digits(bytes + prefix, size_bytes - prefix) != ADDRESS_DIGITS)
		return 0;
	return size_bytes > end && is_word(bytes[end]) ? 0 : end;
}

static size_t match_id(const char *bytes, size_t size_bytes)
{
	size_t digits = hex_digits(bytes, size_bytes);

	if ((digits != 32 && digits != 64) || (size_bytes > digits && is_word(bytes[digits])))
		return 0;
	return digits;
}

static bool is_path_end(char c)
{
	return (unsigned char)c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == ',' || c == ';' || c == ')' || c == ':' || c == '&' ||
	       c == '=' || (unsigned char)c >= 0x7f;
}

/* A folder of the machine's owner or of what runs there. */
static size_t match_path(const char *bytes, size_t size_bytes)
{
	static const char *const roots[] = {"/home/", "/root/", "/Users/", "/tmp/", "/var/",  "/mnt/",   "/media/", "/srv/",
					    "/data/", "/work/", "/opt/",   "/run/", "/build/", "/builds/", "/export/", "/scratch/"};
	size_t length = 0;

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (size_bytes > strlen(roots[i]) && !memcmp(bytes, roots[i], strlen(roots[i])))
			while (length < size_bytes && !is_path_end(bytes[length]))
				length++;
	return length;
}

static size_t match_kind(const char *bytes, size_t size_bytes, enum private_kind kind)
{
	switch (kind) {
	case PRIVATE_ADDRESS:
		return match_address(bytes, size_bytes);
	case PRIVATE_MAC:
		return match(bytes, size_bytes, "xx:xx:xx:xx:xx:xx");
	case PRIVATE_UUID:
		return match(bytes, size_bytes, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
	case PRIVATE_ID:
		return match_id(bytes, size_bytes);
	case PRIVATE_PATH:
		return match_path(bytes, size_bytes);
	case PRIVATE_KINDS:
		break;
	}
	return 0;
}

bool private_text_next(const char *bytes, size_t size_bytes, size_t begin, struct private_text *found)
{
	for (size_t at = begin; at < size_bytes; at++) {
		if (at && is_word(bytes[at - 1]))
			continue;
		if (!isxdigit((unsigned char)bytes[at]) && bytes[at] != '/')
			continue;
		for (enum private_kind kind = 0; kind < PRIVATE_KINDS; kind++) {
			size_t length = match_kind(bytes + at, size_bytes - at, kind);

			if (!length)
				continue;
			*found = (struct private_text){.begin = at, .size_bytes = length, .kind = kind};
			return true;
		}
	}
	return false;
}

const char *private_kind_name(enum private_kind kind)
{
	static const char *const names[] = {
		[PRIVATE_ADDRESS] = "kernel address", [PRIVATE_MAC] = "hardware address", [PRIVATE_UUID] = "UUID",
		[PRIVATE_ID] = "machine or container id", [PRIVATE_PATH] = "path"};

	return kind < PRIVATE_KINDS ? names[kind] : "";
}
