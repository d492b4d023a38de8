/* The table of formats. */
#include "report/render.h"

#include <string.h>

const struct renderer renderers[] = {
	{"html", "one self-contained page, for people and bug trackers", "slabrec.html", render_html, false, render_diff_html},
	{"xml", "everything, by the schema slabrec.rng / slabrec.xsd", "slabrec.xml", render_xml, false, render_diff_xml},
	{"text", "at most 72 columns, to paste into a mail", "-", render_text, false, render_diff_text},
	{"md", "at most 65,536 characters, for a comment on GitHub or GitLab", "-", render_md, false, render_diff_md},
	{"json", "totals and the first sites, for scripts", "-", render_json, false, render_diff_json},
	{"junit", "tests that --fail-on fails, for CI servers", "slabrec.junit.xml", render_junit, false, render_diff_junit},
	{"folded", "stacks on lines, by one --metric, for flamegraph.pl and others", "-", render_folded, false, render_diff_folded},
	{"pprof", "for go tool pprof, Pyroscope, Parca", "slabrec.pb.gz", render_pprof, true, NULL},
	{"speedscope", "for speedscope", "slabrec.speedscope.json", render_speedscope, false, NULL},
	{"firefox", "for the Firefox Profiler", "slabrec.firefox.json", render_firefox, false, NULL},
	{"dhat", "for valgrind's dh_view.html", "slabrec.dhat.json", render_dhat, false, NULL},
	{"valgrind-xml", "leak records as memcheck's, for CI plug-ins", "slabrec.valgrind.xml", render_valgrind, false, NULL},
	{0},
};

const struct renderer *renderer_find(const char *name)
{
	for (const struct renderer *renderer = renderers; renderer->name; renderer++)
		if (!strcmp(renderer->name, name))
			return renderer;
	return NULL;
}
