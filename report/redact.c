/* Finds kernel addresses in free text: probe definitions, filters, notes. */
#include "report/redact.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define ADDRESS_DIGITS 16u
#define ADDRESS_MARK "[kernel-address]" /* as long as the digits */

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Length of the word when it is an address, with its 0x; else 0. */
static size_t address_length(const char *word, size_t length)
{
	size_t prefix = length > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X') ? 2 : 0;

	if (length - prefix != ADDRESS_DIGITS || strncasecmp(word + prefix, "ffff", 4))
		return 0;
	return strspn(word + prefix, "0123456789abcdefABCDEF") >= ADDRESS_DIGITS ? length : 0;
}

/* The next address at or after text, NULL where there is none. */
static const char *next_address(const char *text, size_t *length)
{
	while (*text) {
		*length = 0;
		while (is_word(text[*length]))
			++*length;
		if (address_length(text, *length))
			return text;
		text += *length ? *length : 1;
	}
	return NULL;
}

const char *redact_text(struct arena *arena, const char *text, uint32_t *addresses)
{
	size_t length;
	const char *at = next_address(text, &length);

	if (!at)
		return text;
	/* The mark is no longer than what it replaces, so a copy has room for it. */
	char *copy = arena_array(arena, strlen(text) + 1, 1);
	if (!copy)
		return "";
	char *end = copy;
	for (; at; at = next_address(text, &length)) {
		end = mempcpy(end, text, (size_t)(at - text));
		end = stpcpy(end, ADDRESS_MARK);
		text = at + length;
		*addresses += 1;
	}
	strcpy(end, text);
	return copy;
}

bool redact_is_private_fact(const char *key)
{
	return !strcmp(key, "kernel.stext");
}
