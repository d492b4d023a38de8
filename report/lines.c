/* A line that is too long ends in dots. */
#include "report/lines.h"

#include <stdlib.h>
#include <string.h>

#include "report/escape.h"

void lines_put(struct lines *lines, const char *line)
{
	char *ascii = NULL;
	size_t size_bytes;
	FILE *memory = open_memstream(&ascii, &size_bytes);

	if (!memory) {
		lines->arena->failed = true;
		return;
	}
	lines->count++;
	escape_ascii(memory, line, 4 * LINES_COLUMNS);
	if (fclose(memory))
		lines->arena->failed = true;
	else if (size_bytes <= LINES_COLUMNS)
		fprintf(lines->out, "%s\n", ascii);
	else
		fprintf(lines->out, "%.*s...\n", LINES_COLUMNS - 3, ascii);
	free(ascii);
}

void lines_paragraph(struct lines *lines, int indent, const char *paragraph)
{
	int room = LINES_COLUMNS, start = 0;

	while (*paragraph) {
		int length = (int)strnlen(paragraph, (size_t)room + 1);
		const char *space = NULL;

		if (length > room)
			space = memrchr(paragraph, ' ', (size_t)room + 1);
		if (space && space > paragraph)
			length = (int)(space - paragraph);
		else if (length > room)
			length = room;
		lines_put(lines, arena_format(lines->arena, "%*s%.*s", start, "", length, paragraph));
		paragraph += length;
		paragraph += strspn(paragraph, " ");
		start = indent;
		room = LINES_COLUMNS - indent;
	}
}
