/* The table of formats. */
#include "report/render.h"

#include <string.h>

const struct renderer renderers[] = {
	{"html", "one self-contained page, for people and bug trackers", "slabrec.html", render_html, false},
	{"xml", "everything, by the schema slabrec.rng / slabrec.xsd", "slabrec.xml", render_xml, false},
	{"text", "at most 72 columns, to paste into a mail", "-", render_text, false},
	{"md", "at most 65,536 characters, for a comment on GitHub or GitLab", "-", render_md, false},
	{"json", "totals and the first sites, for scripts", "-", render_json, false},
	{"junit", "tests that --fail-on fails, for CI servers", "slabrec.junit.xml", render_junit, false},
	{"folded", "stacks on lines, by one --metric, for flamegraph.pl and others", "-", render_folded, false},
	{"pprof", "for go tool pprof, Pyroscope, Parca", "slabrec.pb.gz", render_pprof, true},
	{"speedscope", "for speedscope", "slabrec.speedscope.json", render_speedscope, false},
	{"firefox", "for the Firefox Profiler", "slabrec.firefox.json", render_firefox, false},
	{"dhat", "for valgrind's dh_view.html", "slabrec.dhat.json", render_dhat, false},
	{"valgrind-xml", "leak records as memcheck's, for CI plug-ins", "slabrec.valgrind.xml", render_valgrind, false},
	{0},
};

const struct renderer *renderer_find(const char *name)
{
	for (const struct renderer *renderer = renderers; renderer->name; renderer++)
		if (!strcmp(renderer->name, name))
			return renderer;
	return NULL;
}
