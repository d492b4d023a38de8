/* The table of formats. */
#include "report/render.h"

#include <string.h>

const struct renderer renderers[] = {
	{"html", "one self-contained page, for people and bug trackers", render_html},
	{"xml", "everything, by the schema slabrec.rng / slabrec.xsd", render_xml},
	{"text", "at most 72 columns, to paste into a mail", render_text},
	{"md", "at most 65,536 characters, for a comment on GitHub or GitLab", render_md},
	{"json", "totals and the first sites, for scripts", render_json},
	{0},
};

const struct renderer *renderer_find(const char *name)
{
	for (const struct renderer *renderer = renderers; renderer->name; renderer++)
		if (!strcmp(renderer->name, name))
			return renderer;
	return NULL;
}
