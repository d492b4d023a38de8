/* For formats that have a place for comments and no better one. */
#include "report/remarks.h"

#include <string.h>

#include "report/integrity.h"
#include "report/verdict.h"
#include "trace/cleanup.h"
#include "trace/cursor.h"

const char **remarks(struct arena *arena, const struct model *model, uint32_t *count)
{
	const char *const first[] = {
		verdict_leak(arena, model),
		verdict_headline(arena, model),
		integrity_sentence(arena, model),
		arena_format(arena, "Redaction: %s.", redaction_level_name(model->redaction.level)),
	};
	size_t first_count = sizeof(first) / sizeof(first[0]);
	const char **list = arena_array(arena, first_count + model->note_count, sizeof(*list));

	*count = 0;
	for (size_t i = 0; list && i < first_count + model->note_count; i++) {
		const char *text = i < first_count ? first[i] : model->notes[i - first_count];

		if (*text)
			list[(*count)++] = text;
	}
	return list;
}

const char *remarks_line(struct arena *arena, const struct model *model)
{
	CLEANUP(buffer_release) struct buffer line = {0};
	uint32_t count;
	const char **list = remarks(arena, model, &count);

	for (uint32_t i = 0; list && i < count; i++) {
		if (i)
			buffer_add_u8(&line, ' ');
		buffer_add(&line, list[i], strlen(list[i]));
	}
	buffer_add_u8(&line, '\0');
	return line.failed ? "" : arena_text(arena, (const char *)line.bytes);
}
