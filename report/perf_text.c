/* Knows how perf prints: where a task's name of any bytes ends, and what its header and frames look like. */
#include "report/perf_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A name has at most 15 bytes; perf pads it to 16, or not at all. Behind it stands a blank. */
#define NAME_END_MAX 16u
#define SECONDS_MAX UINT64_C(10000000000)

static bool take(char **at, char wanted)
{
	if (**at != wanted)
		return false;
	(*at)++;
	return true;
}

static bool take_decimal(char **at, uint64_t highest, uint64_t *value)
{
	if (!isdigit((unsigned char)**at))
		return false;
	*value = 0;
	for (; isdigit((unsigned char)**at); (*at)++) {
		*value = *value * 10 + (uint64_t)(**at - '0');
		if (*value > highest)
			return false;
	}
	return true;
}

/* A task that is gone is -1. */
static bool take_task(char **at, int32_t *task)
{
	bool is_gone = take(at, '-');
	uint64_t value;

	if (!take_decimal(at, INT32_MAX, &value))
		return false;
	*task = is_gone ? -1 : (int32_t)value;
	return true;
}

static void skip_blanks(char **at)
{
	while (**at == ' ')
		(*at)++;
}

/* "47257.414681253": micro- or nanoseconds. */
static bool take_time(char **at, uint64_t *time_ns)
{
	uint64_t seconds, part;
	char *begin;

	if (!take_decimal(at, SECONDS_MAX, &seconds) || !take(at, '.'))
		return false;
	begin = *at;
	if (!take_decimal(at, UINT64_C(999999999), &part))
		return false;
	for (ptrdiff_t digits = *at - begin; digits < 9; digits++)
		part *= 10;
	*time_ns = seconds * UINT64_C(1000000000) + part;
	return *at - begin <= 9;
}

/* What stands behind the name: "  28983/28983 [001] 47257.414681253: ". Gives the place behind it, or NULL. */
static char *read_place(struct perf_line *line, char *at)
{
	uint64_t cpu = 0;

	skip_blanks(&at);
	if (!take_task(&at, &line->pid))
		return NULL;
	line->tid = line->pid;
	if (take(&at, '/') && !take_task(&at, &line->tid))
		return NULL;
	if (!take(&at, ' '))
		return NULL;
	skip_blanks(&at);
	if (!take(&at, '[') || !take_decimal(&at, UINT32_MAX, &cpu) || !take(&at, ']') || !take(&at, ' '))
		return NULL;
	line->cpu = (uint32_t)cpu;
	skip_blanks(&at);
	if (!take_time(&at, &line->time_ns) || !take(&at, ':') || !take(&at, ' '))
		return NULL;
	skip_blanks(&at);
	return at;
}

/* "PERF_RECORD_LOST lost 5" */
static void read_lost(struct perf_line *line, char *at)
{
	bool is_samples = !strncmp(at, "PERF_RECORD_LOST_SAMPLES", 24);

	at = strstr(at, " lost ");
	if (!at)
		return;
	at += 6;
	if (take_decimal(&at, UINT32_MAX, &line->lost))
		line->kind = is_samples ? PERF_LINE_LOST_SAMPLES : PERF_LINE_LOST;
}

/* An event's name ends at the colon that a blank or the end follows. */
static void read_event(struct perf_line *line, char *at)
{
	char *end = at;

	while (*end && !isspace((unsigned char)*end))
		end++;
	if (end - at < 2 || end[-1] != ':')
		return;
	line->fields = *end ? end + 1 : end;
	end[-1] = '\0';
	line->event = at;
	line->kind = PERF_LINE_SAMPLE;
}

/*
 * A task can choose a name that looks like what stands behind a name. The real one is then the later of the two, and it begins no later
 * than a name can be long.
 */
static void read_sample(struct perf_line *line, char *text)
{
	size_t length = strnlen(text, NAME_END_MAX + 1);
	struct perf_line found;
	size_t name_end = 0;
	char *rest = NULL;

	for (size_t at = 1; at < length; at++) {
		struct perf_line trial = {0};
		char *behind = text[at] == ' ' ? read_place(&trial, text + at) : NULL;

		if (behind) {
			found = trial;
			name_end = at;
			rest = behind;
		}
	}
	if (!rest)
		return;
	*line = found;
	while (name_end && text[name_end - 1] == ' ')
		name_end--;
	text[name_end] = '\0';
	skip_blanks(&text);
	line->comm = text;
	if (!strncmp(rest, "PERF_RECORD_LOST", 16))
		read_lost(line, rest);
	else
		read_event(line, rest);
}

/* Of the closing one; files may have pairs of them in their names, and "(deleted)" behind. NULL where there is none. */
static char *opening_parenthesis(char *begin, char *closing)
{
	int depth = 1;

	for (char *at = closing; at > begin; at--) {
		depth += (at[-1] == ')') - (at[-1] == '(');
		if (!depth)
			return at - 1;
	}
	return NULL;
}

/* "ffffffff816c7264 getname_flags.part.0+0x24 ([kernel.kallsyms])"; names of functions may have blanks and parentheses. */
static void read_frame(struct perf_line *line, char *at)
{
	char *begin = at, *end = at + strlen(at), *rest;

	/* An address is 16 wide, so that no name of a task that begins with a tab can be taken for one. */
	skip_blanks(&at);
	if (!isxdigit((unsigned char)*at))
		return;
	line->frame.ip = strtoull(at, &rest, 16);
	if (rest - begin != 16 || (*rest && *rest != ' '))
		return;
	while (end > rest && isspace((unsigned char)end[-1]))
		*--end = '\0';
	line->kind = PERF_LINE_FRAME;
	line->frame.file = "";
	skip_blanks(&rest);
	char *file = end > rest && end[-1] == ')' ? opening_parenthesis(rest, end - 1) : NULL;
	if (file) {
		end[-1] = '\0';
		*file++ = '\0';
		/* A function that was inlined into the next one has this instead. */
		line->frame.file = strcmp(file, "inlined") ? file : "";
	}
	char *last = rest + strlen(rest);
	while (last > rest && last[-1] == ' ')
		*--last = '\0';
	if (!*rest || !strcmp(rest, "[unknown]"))
		return;
	line->frame.symbol = rest;
	char *plus = strrchr(rest, '+');
	if (plus && !strncmp(plus, "+0x", 3) && isxdigit((unsigned char)plus[3])) {
		uint64_t offset = strtoull(plus + 3, &at, 16);

		if (!*at && plus > rest) {
			line->frame.offset = offset;
			*plus = '\0';
		}
	}
}

/* "# os release : 6.18.44" */
static void read_header(struct perf_line *line, char *at)
{
	char *colon = strchr(at, ':'), *end = colon;

	if (!colon)
		return;
	at += strspn(at, "# ");
	while (end > at && end[-1] == ' ')
		end--;
	if (end <= at)
		return;
	*end = '\0';
	colon++;
	skip_blanks(&colon);
	*line = (struct perf_line){.kind = PERF_LINE_HEADER, .key = at, .value = colon};
}

void perf_line_read(struct perf_line *line, char *text, bool is_header)
{
	*line = (struct perf_line){0};
	if (!text[strspn(text, " \t\r")])
		line->kind = PERF_LINE_BLANK;
	else if (*text == '#' && is_header)
		read_header(line, text);
	else if (*text == '\t')
		read_frame(line, text + 1);
	if (line->kind == PERF_LINE_OTHER)
		read_sample(line, text);
}

bool perf_field(const char *fields, const char *name, char *value, size_t size_bytes)
{
	size_t length = strlen(name);

	for (const char *at = fields; at; at = strchr(at, ' ')) {
		at += strspn(at, " ");
		if (strncmp(at, name, length) || at[length] != '=')
			continue;
		at += length + 1;
		bool is_quoted = *at == '"';
		at += is_quoted;
		size_t end = strcspn(at, is_quoted ? "\"" : " ");
		if (end >= size_bytes)
			return false;
		memcpy(value, at, end);
		value[end] = '\0';
		return true;
	}
	return false;
}

bool perf_field_number(const char *fields, const char *name, uint64_t *value)
{
	char text[32], *end;

	if (!perf_field(fields, name, text, sizeof(text)))
		return false;
	if (!strcmp(text, "(nil)")) {
		*value = 0;
		return true;
	}
	bool is_hexadecimal = !strncmp(text, "0x", 2);
	if (!isxdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &end, is_hexadecimal ? 16 : 10);
	return !*end && end != text && !errno;
}
