/* No logic in templates: what is in a slot is decided by the code that fills it. */
#include "report/template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/cleanup.h"

const struct template_file *template_find(const char *name)
{
	for (const struct template_file *file = template_files; file->name; file++)
		if (!strcmp(file->name, name))
			return file;
	return NULL;
}

int template_read(struct template_file *template, const char *path, struct error *err)
{
	CLEANUP(cleanup_fclose) FILE *file = fopen(path, "re");
	CLEANUP(cleanup_free) char *bytes = NULL;
	size_t capacity = 0;

	if (!file)
		return error_set(err, -errno, "%s: %m; --template names a page to fill", path);
	ssize_t size_bytes = getdelim(&bytes, &capacity, 0, file);
	if (ferror(file))
		return error_set(err, -errno, "%s: %m; --template names a page to fill", path);
	if (size_bytes > 0 && !bytes[size_bytes - 1])
		return error_set(err, -EINVAL, "%s: is no text; --template names a page to fill", path);
	if (size_bytes <= 0)
		return error_set(err, -ENODATA, "%s: is empty; --template names a page to fill", path);
	*template = (struct template_file){.name = path, .size_bytes = (size_t)size_bytes};
	template->bytes = TAKE(bytes);
	return 0;
}

void template_release(struct template_file *template)
{
	free((void *)template->bytes);
	*template = (struct template_file){0};
}

static const struct template_slot *slot_find(const struct template_slot *slots, const char *name, size_t length)
{
	for (; slots->name; slots++)
		if (strlen(slots->name) == length && !memcmp(slots->name, name, length))
			return slots;
	return NULL;
}

int template_write(const struct template_file *template, const struct template_slot *slots, void *context, FILE *out,
		   struct error *err)
{
	const char *at = template->bytes;
	const char *open;

	while ((open = strstr(at, "{{"))) {
		const char *close = strstr(open, "}}");
		size_t length = close ? (size_t)(close - open - 2) : 0;
		const struct template_slot *slot = slot_find(slots, open + 2, length);

		if (!slot)
			return error_set(err, -EINVAL, "template %s: there is no slot named \"%.*s\"", template->name,
					 length < 40 ? (int)length : 40, open + 2);
		fwrite(at, 1, (size_t)(open - at), out);
		slot->write(out, context);
		at = close + 2;
	}
	fputs(at, out);
	return 0;
}
