/*
 * Memcheck's XML, protocol 4, for CI plug-ins that read it: a leak record a call stack with live objects. A suspect of high confidence is
 * "definitely lost", another suspect "possibly lost", everything else that is live "still reachable".
 */
#include "report/render.h"

#include <inttypes.h>
#include <string.h>

#include "report/escape.h"
#include "report/number.h"
#include "report/remarks.h"
#include "report/verdict.h"
#include "trace/cleanup.h"

#define TEXT_MAX 4096u

static void put_text(FILE *out, const char *element, const char *text)
{
	fprintf(out, "<%s>", element);
	escape_html(out, text, TEXT_MAX);
	fprintf(out, "</%s>\n", element);
}

static void put_known(FILE *out, const char *element, const char *text)
{
	if (*text)
		put_text(out, element, text);
}

static void put_count(FILE *out, const char *element, uint64_t count)
{
	fprintf(out, "<%s>%" PRIu64 "</%s>\n", element, count, element);
}

static void put_source(FILE *out, const struct model_frame *frame, struct arena *arena)
{
	const char *slash = strrchr(frame->source_file, '/');

	if (!*frame->source_file)
		return;
	if (slash)
		put_known(out, "dir", arena_format(arena, "%.*s", (int)(slash - frame->source_file), frame->source_file));
	put_text(out, "file", slash ? slash + 1 : frame->source_file);
	if (frame->line)
		put_count(out, "line", frame->line);
}

/* ip has to be there: the number of the frame, since no report tells addresses. */
static void put_frame(FILE *out, const struct model *model, const struct model_frame *frame, struct arena *arena)
{
	const char *object = frame->is_user ? frame->path : *frame->module ? frame->module : "[kernel]";

	fputs("<frame>\n", out);
	fprintf(out, "<ip>0x%zX</ip>\n", (size_t)(frame - model->frames) + 1);
	put_known(out, "obj", object);
	put_text(out, "fn", frame->label);
	put_source(out, frame, arena);
	fputs("</frame>\n", out);
}

static void put_stack(FILE *out, const struct model *model, const struct model_site *site, struct arena *arena)
{
	const struct model_frame *frames[MODEL_STACK_DEPTH_MAX];
	uint32_t count = model_stack(model, site->node, frames, MODEL_STACK_DEPTH_MAX);

	fputs("<stack>\n", out);
	for (uint32_t i = 0; i < count; i++)
		put_frame(out, model, frames[i], arena);
	if (!count)
		fputs("<frame>\n<ip>0x0</ip>\n<fn>[no stack]</fn>\n</frame>\n", out);
	fputs("</stack>\n", out);
}

static bool is_suspect(const struct model *model, const struct model_site *site)
{
	return !*model->unreliable && suspect_is_leak(&site->suspect);
}

static const char *kind(const struct model *model, const struct model_site *site)
{
	if (!is_suspect(model, site))
		return "Leak_StillReachable";
	return site->suspect.confidence == SUSPECT_HIGH ? "Leak_DefinitelyLost" : "Leak_PossiblyLost";
}

static void put_error(FILE *out, const struct model *model, uint32_t index)
{
	CLEANUP(arena_release) struct arena arena = {0};
	const struct model_site *site = &model->sites[index];
	const char *confidence = "";

	if (is_suspect(model, site))
		confidence = arena_format(&arena, ", %s confidence", suspect_confidence_name(site->suspect.confidence));
	fputs("<error>\n", out);
	fprintf(out, "<unique>0x%" PRIX32 "</unique>\n<tid>1</tid>\n<kind>%s</kind>\n<xwhat>\n", index, kind(model, site));
	put_text(out, "text",
		 arena_format(&arena, "%s bytes in %s %.128s objects are live (%s%s): %s", number_count(site->live_bytes).text,
			      arena_text(&arena, number_count(site->live).text), model->caches[site->cache].name,
			      suspect_class_name(site->suspect.class), confidence, verdict_why(&arena, site)));
	put_count(out, "leakedbytes", site->live_bytes);
	put_count(out, "leakedblocks", site->live);
	fputs("</xwhat>\n", out);
	put_stack(out, model, site, &arena);
	fputs("</error>\n", out);
}

static void put_head(FILE *out, const struct model *model)
{
	CLEANUP(arena_release) struct arena arena = {0};
	const char *workload = model_fact(model, "workload.command"), *recorder = model_fact(model, "recorder.command");
	uint32_t count;
	const char **sentences = remarks(&arena, model, &count);

	fputs("<?xml version=\"1.0\"?>\n<valgrindoutput>\n<protocolversion>4</protocolversion>\n<protocoltool>memcheck</protocoltool>\n<preamble>\n",
	      out);
	put_text(out, "line", "slabreport " SLABREC_VERSION ": slab objects of the kernel, not blocks of a process");
	for (uint32_t i = 0; sentences && i < count; i++)
		put_text(out, "line", sentences[i]);
	fputs("</preamble>\n<pid>0</pid>\n<ppid>0</ppid>\n<tool>memcheck</tool>\n<args>\n<vargv>\n", out);
	put_text(out, "exe", *recorder ? recorder : "slabrec");
	fputs("</vargv>\n<argv>\n", out);
	put_text(out, "exe", *workload ? workload : "[kernel]");
	fputs("</argv>\n</args>\n", out);
}

static void put_status(FILE *out, const char *state, uint64_t time_ns)
{
	uint64_t ms = time_ns / 1000000;

	fputs("<status>\n", out);
	put_text(out, "state", state);
	fprintf(out, "<time>%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64 "</time>\n</status>\n", ms / 86400000,
		ms / 3600000 % 24, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

int render_valgrind(const struct model *model, FILE *out, struct error *err)
{
	(void)err;
	put_head(out, model);
	put_status(out, "RUNNING", 0);
	put_status(out, "FINISHED", model->duration_ns);
	for (uint32_t i = 0; i < model->site_count; i++)
		if (model->sites[i].live)
			put_error(out, model, i);
	fputs("<errorcounts>\n</errorcounts>\n<suppcounts>\n</suppcounts>\n</valgrindoutput>\n", out);
	return 0;
}
