/* Slots that know only which file they show. */
#include "report/html_files.h"

#include <errno.h>
#include <stdbool.h>

#include "report/sha256.h"

static bool find(const struct template_file **file, const char *name)
{
	*file = name ? template_find(name) : NULL;
	return !name || *file;
}

int html_files_find(struct html_files *files, const char *page, const char *style, const char *more_style, const char *script, struct error *err)
{
	if (find(&files->page, page) && find(&files->style, style) && find(&files->more_style, more_style) && find(&files->script, script))
		return 0;
	return error_set(err, -ENOENT, "this slabreport was built without its HTML templates");
}

static void write_file(FILE *out, const struct template_file *file)
{
	fwrite(file->bytes, 1, file->size_bytes, out);
}

static void write_hash(FILE *out, const struct template_file *file)
{
	char hash[SHA256_BASE64_BYTES];

	sha256_base64(file->bytes, file->size_bytes, hash);
	fprintf(out, "sha256-%s", hash);
}

void html_slot_style(FILE *out, void *context)
{
	write_file(out, ((struct html_files *)context)->style);
}

void html_slot_style_hash(FILE *out, void *context)
{
	write_hash(out, ((struct html_files *)context)->style);
}

void html_slot_more_style(FILE *out, void *context)
{
	write_file(out, ((struct html_files *)context)->more_style);
}

void html_slot_more_style_hash(FILE *out, void *context)
{
	write_hash(out, ((struct html_files *)context)->more_style);
}

void html_slot_script(FILE *out, void *context)
{
	write_file(out, ((struct html_files *)context)->script);
}

void html_slot_script_hash(FILE *out, void *context)
{
	write_hash(out, ((struct html_files *)context)->script);
}

void html_slot_generator(FILE *out, void *context)
{
	(void)context;
	fputs("slabreport " SLABREC_VERSION, out);
}
