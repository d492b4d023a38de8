/* Knows how the kernel describes its records, and reads fields out of them within their bounds. */
#include "sampler/event_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A declaration such as "__data_loc char[] name" or "unsigned long args[6]" names this field. */
static bool declares(const char *declaration, size_t size, const char *name)
{
	size_t name_size = strlen(name);

	while (size && declaration[size - 1] != ']' && declaration[size - 1] == ' ')
		size--;
	if (size && declaration[size - 1] == ']') {
		while (size && declaration[size - 1] != '[')
			size--;
		size -= size > 0;
	}
	return size > name_size && !memcmp(declaration + size - name_size, name, name_size) &&
	       (declaration[size - name_size - 1] == ' ' || declaration[size - name_size - 1] == '*');
}

struct event_field event_format_field(const char *format, const char *name)
{
	struct event_field field = {0};

	for (const char *at = strstr(format, "field:"); at; at = strstr(at + 1, "field:")) {
		const char *declaration = at + 6;
		size_t size = strcspn(declaration, ";");
		unsigned int offset_bytes, size_bytes;

		if (!declares(declaration, size, name))
			continue;
		if (sscanf(declaration + size, "; offset:%u; size:%u;", &offset_bytes, &size_bytes) != 2)
			continue;
		field.offset_bytes = (uint16_t)offset_bytes;
		field.size_bytes = (uint16_t)size_bytes;
		field.is_data_loc = !strncmp(declaration, "__data_loc", 10);
		return field;
	}
	return field;
}

uint64_t event_format_flag(const char *format, const char *flag)
{
	char quoted[64];
	const char *last = NULL;

	snprintf(quoted, sizeof(quoted), "\"%s\"}", flag);
	const char *end = strstr(format, quoted);
	if (!end)
		return 0;
	const char *begin = end;
	while (begin > format && *begin != '{')
		begin--;
	for (const char *at = begin; (at = strstr(at, "<<")) && at < end; at += 2)
		last = at;
	if (last) {
		const char *bit = last + 2 + strspn(last + 2, " (");

		return *bit >= '0' && *bit <= '9' ? 1ull << (strtoul(bit, NULL, 10) & 63) : 0;
	}
	for (const char *at = begin; (at = strstr(at, "0x")) && at < end; at += 2)
		last = at;
	return last ? strtoull(last, NULL, 16) : 0;
}

uint64_t event_field_u64(struct event_field field, const uint8_t *raw, size_t raw_bytes)
{
	uint64_t value = 0;

	if (!field.size_bytes || field.size_bytes > 8 || (size_t)field.offset_bytes + field.size_bytes > raw_bytes)
		return 0;
	memcpy(&value, raw + field.offset_bytes, field.size_bytes);
	return value;
}

const char *event_field_string(struct event_field field, const uint8_t *raw, size_t raw_bytes)
{
	uint64_t location = event_field_u64(field, raw, raw_bytes);
	size_t offset_bytes = location & 0xffff;
	size_t size_bytes = location >> 16 & 0xffff;

	if (!field.is_data_loc || !size_bytes || offset_bytes + size_bytes > raw_bytes)
		return "";
	const char *string = (const char *)raw + offset_bytes;
	return memchr(string, '\0', size_bytes) ? string : "";
}
