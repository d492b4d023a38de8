/*
 * The report for a mail to a kernel list: at most 72 columns and 100 lines, ASCII, the answer first, then stacks
 * in the idiom of kmemleak and alloc_traces.
 */
#include "report/render.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/content_text.h"
#include "report/frame_text.h"
#include "report/integrity.h"
#include "report/lines.h"
#include "report/number.h"
#include "report/ranking.h"
#include "report/site_sum.h"
#include "report/reconcile.h"
#include "report/symbol_advice.h"
#include "report/verdict.h"

#define TABLE_SITES 10u
#define STACK_SITES 3u
#define FRAMES_MAX 14u
#define FRAMES_LEAST 4u
#define COPIED_FRAMES_MAX 40u
#define LINES_MAX 100u
#define CACHES_MAX 5u
#define NOTES_MAX 5u
#define PROBLEMS_MAX 3u
#define ROWS_OF_CONTENT 6u

struct text {
	struct lines lines;
	const struct model *model;
	struct arena arena;
};

static void text_paragraph(struct text *text, int indent, const char *paragraph)
{
	lines_paragraph(&text->lines, indent, paragraph);
}

#define TEXT_LINE(text, ...) lines_put(&(text)->lines, arena_format(&(text)->arena, __VA_ARGS__))

static void write_head(struct text *text)
{
	const struct model *model = text->model;
	struct arena *arena = &text->arena;

	text_paragraph(text, 0, verdict_leak(arena, model));
	text_paragraph(text, 0, verdict_headline(arena, model));
	text_paragraph(text, 0, verdict_rate(arena, model));
	text_paragraph(text, 0, integrity_sentence(arena, model));
	text_paragraph(text, 0, verdict_caveat(arena, model));
}

static void write_caches(struct text *text)
{
	const struct model *model = text->model;

	for (uint32_t i = 0; i < model->cache_count && i < CACHES_MAX; i++) {
		const struct model_cache *cache = &model->caches[i];

		text_paragraph(text, 2,
			       arena_format(&text->arena, "Against /proc/slabinfo, %.64s: %s.", cache->name,
					    reconcile_sentence(&text->arena, model, cache)));
	}
	if (model->cache_count > CACHES_MAX)
		TEXT_LINE(text, "(and %s)", number_of(model->cache_count - CACHES_MAX, "more cache").text);
}

/* The names, and for the first of those without lines how to have them. */
static void write_origins(struct text *text)
{
	const struct model *model = text->model;
	uint32_t problems = 0, advised = 0;

	text_paragraph(text, 2, symbol_sentence(&text->arena, model));
	for (uint32_t i = 0; i < model->object_count; i++) {
		const struct model_object *object = &model->objects[i];
		const char *advice = symbol_advice(&text->arena, model, object);

		if (*object->problem && problems++ < PROBLEMS_MAX)
			text_paragraph(text, 2, arena_format(&text->arena, "%.60s: %.200s", symbol_object_label(object), object->problem));
		if (*advice && !advised++)
			text_paragraph(text, 2, arena_format(&text->arena, "For inlined functions and lines of %.60s: %.300s",
							     symbol_object_label(object), advice));
	}
	if (problems > PROBLEMS_MAX)
		TEXT_LINE(text, "(and %u more that are not used)", problems - PROBLEMS_MAX);
}

static void write_machine(struct text *text)
{
	const struct model *model = text->model;
	const char *release = model_fact(model, "kernel.release");
	const char *machine = model_fact(model, "kernel.machine"), *source = model_fact(model, "source");
	const char *reason = model_fact(model, "stop.reason");

	text_paragraph(text, 2,
		       arena_format(&text->arena, "Recorded for %s%s%.40s%s%.90s%s%.20s, %u CPU%s, %s events%s%.90s.",
				    number_duration(model->duration_ns).text, *source ? " by " : "", source,
				    *release ? " on Linux " : "", release, *machine ? " " : "", machine,
				    model->cpus, model->cpus == 1 ? "" : "s",
				    number_count(model->events).text, *reason ? "; ended by: " : "", reason));
	TEXT_LINE(text, "Classes by the rules %s; rates of leaks are 95 %% lower bounds.", SUSPECT_RULES);
}

static const char *site_bytes(struct text *text, const struct model_site *site)
{
	if (!text->model->caches[site->cache].slot_bytes)
		return "-";
	return arena_text(&text->arena, number_bytes(site->live_bytes).text);
}

/* What the recorder says about its own limits. */
static void write_notes(struct text *text)
{
	for (uint32_t i = 0; i < text->model->note_count && i < NOTES_MAX; i++)
		text_paragraph(text, 2, arena_format(&text->arena, "%.400s", text->model->notes[i]));
	if (text->model->note_count > NOTES_MAX)
		TEXT_LINE(text, "(and %u more notes)", text->model->note_count - NOTES_MAX);
}

/* What does not fit behind the name stands below; what the row above has as well is dots. */
static void write_row(struct text *text, const struct model_site *site, const struct model_site *above)
{
	const char *start = arena_format(&text->arena, "%9s %9s %9s  %-12s  ", number_count(site->live).text, site_bytes(text, site),
					 number_count(site->allocs).text, suspect_class_name(site->suspect.class));
	const char *path = verdict_path(&text->arena, site);
	const char *parts[] = {site->name, site->caller, site->via};
	uint32_t first = 0, count = *site->via ? 3 : *site->caller ? 2 : 1;

	if (strlen(start) + strlen(path) <= LINES_COLUMNS) {
		TEXT_LINE(text, "%s%s", start, path);
		return;
	}
	if (above && first + 1 < count && !strcmp(site->name, above->name))
		first++;
	if (first && first + 1 < count && !strcmp(site->caller, above->caller))
		first++;
	for (uint32_t i = first; i < count; i++) {
		bool skips = (i == first && i) || (i == 2 && site->via_skips);

		TEXT_LINE(text, "%*s%s%s%.60s", i == first ? 0 : (int)strlen(start), i == first ? start : "", skips ? "... " : "", i ? "<- " : "", parts[i]);
	}
}

static void write_table(struct text *text)
{
	const struct model *model = text->model;

	if (!model->site_count)
		return;
	TEXT_LINE(text, "%s", "");
	TEXT_LINE(text, "%9s %9s %9s  %-12s  %s", "live", "bytes", "of", "class", "allocated at");
	struct model_site above;
	uint32_t next = 0;
	for (uint32_t row = 0; next < model->site_count && row < TABLE_SITES; row++, next = ranking_next(model, next)) {
		struct model_site site = site_sum(model, next, NULL);

		write_row(text, &site, row ? &above : NULL);
		above = site;
	}
	if (next < model->site_count)
		TEXT_LINE(text, "%9s and %s", "", number_of(model->site_count - next, "more call stack").text);
}

static void write_ages(struct text *text, const char *what, const struct history_ages *ages)
{
	if (ages->count)
		TEXT_LINE(text, "  age of the %s: %s / %s / %s (min / avg / max)", what,
			  number_duration(ages->min_ns).text, number_duration(history_ages_mean_ns(ages)).text,
			  number_duration(ages->max_ns).text);
}

static void write_task(struct text *text, const struct model_task *task)
{
	const char *who = arena_format(&text->arena, "comm \"%.40s\"", task->comm);

	if (task->processes == 1)
		who = arena_format(&text->arena, text->model->redaction.level ? "%s, process no. %" PRId32 " (PIDs redacted)" : "%s, pid %" PRId32, who, task->pid);
	else if (task->processes)
		who = arena_format(&text->arena, "%s, %u processes", who, task->processes);
	TEXT_LINE(text, "  %s: %s live of %s", who, number_count(task->live).text, number_count(task->allocs).text);
}

static void write_tasks(struct text *text, const struct model_site *site)
{
	for (uint32_t i = 0; i < site->task_count && i < 2; i++)
		write_task(text, &site->tasks[i]);
	if (site->task_names > 2)
		TEXT_LINE(text, "  and %s", number_of(site->task_names - 2, "more task name").text);
}

/* "40 at 0, 20 at 1"; "" for none. */
static const char *shares(struct text *text, const struct model_place *places, uint32_t count, bool by_cpu)
{
	const char *list = "";

	for (uint32_t i = 0; i < count && i < 4; i++)
		list = arena_format(&text->arena, "%s%s%s on %" PRId64, list, i ? ", " : "", number_count(places[i].allocs).text,
				    by_cpu ? (int64_t)places[i].cpu : (int64_t)places[i].node);
	return list;
}

/* A machine with one NUMA node has nothing to tell of it. */
static void write_places(struct text *text, const struct model_site *site)
{
	for (uint32_t i = 0; i < site->cgroup_count && i < 2; i++)
		text_paragraph(text, 4, arena_format(&text->arena, "  cgroup %.200s: %s live of %s", site->cgroups[i].path,
						     number_count(site->cgroups[i].live).text,
						     number_count(site->cgroups[i].allocs).text));
	if (site->cgroup_paths > 2)
		TEXT_LINE(text, "  and %u more cgroup%s", site->cgroup_paths - 2, site->cgroup_paths == 3 ? "" : "s");
	if (site->cpu_count)
		TEXT_LINE(text, "  by CPU: %s%s", shares(text, site->cpus, site->cpu_count, true),
			  site->cpu_numbers > 4 ? arena_format(&text->arena, ", and %u more CPU%s", site->cpu_numbers - 4, site->cpu_numbers == 5 ? "" : "s") : "");
	if (site->node_count && text->model->nr_nodes > 1)
		TEXT_LINE(text, "  by NUMA node of the CPU: %s", shares(text, site->nodes, site->node_count, false));
	if (site->nodes_asked_count && text->model->nr_nodes > 1)
		TEXT_LINE(text, "  by NUMA node asked for: %s", shares(text, site->nodes_asked, site->nodes_asked_count, false));
}

static void write_stack(struct text *text, const struct model_site *site, uint32_t frames_max)
{
	const struct model_frame *frames[MODEL_STACK_DEPTH_MAX];
	uint32_t count = model_stack(text->model, site->node, frames, MODEL_STACK_DEPTH_MAX);
	/* One line too many is no reason for a line that says so. */
	uint32_t shown = count > frames_max + 1 ? frames_max : count;

	TEXT_LINE(text, count ? "  backtrace:" : "  backtrace: not recorded");
	for (uint32_t i = 0; i < shown; i++)
		TEXT_LINE(text, "    %.200s%s", frames[i]->label, frame_text_place(&text->arena, frames[i]));
	if (count > shown)
		TEXT_LINE(text, "    ... %u more frames", count - shown);
}

/* Of the oldest object. Behind the last byte that is the same in all stands a bar. */
static void write_contents(struct text *text, const struct model_site *site)
{
	uint32_t common = content_common_bytes(site);

	if (!site->content_count)
		return;
	text_paragraph(text, 4, arena_format(&text->arena, "  %s%s", content_head(&text->arena, site), common ? " (to the |)" : ""));
	const struct model_content *content = &site->contents[0];
	for (uint32_t at = 0; at < content->size_bytes && at < ROWS_OF_CONTENT * CONTENT_ROW_BYTES; at += CONTENT_ROW_BYTES)
		TEXT_LINE(text, "  %s", content_row(&text->arena, content, at, common));
}

static void write_suspect(struct text *text, const struct model_site *site)
{
	const struct suspect *suspect = &site->suspect;
	const char *rate = "";

	if (suspect->confidence)
		rate = arena_format(&text->arena, ", %s confidence%s%s; at least %s", suspect_confidence_name(suspect->confidence),
				    *suspect->limit ? ", because " : "", suspect->limit, verdict_low_rate(&text->arena, text->model, site));
	text_paragraph(text, 4, arena_format(&text->arena, "  %s%s: %s", suspect_class_name(suspect->class), rate,
					     verdict_why(&text->arena, site)));
}

/* Without a backtrace only what and who. */
static void write_site(struct text *text, const struct model_site *site, uint32_t rank, uint32_t frames_max)
{
	const struct model_cache *cache = &text->model->caches[site->cache];

	text_paragraph(text, 2,
		       arena_format(&text->arena, "%u. %.64s: %s live (%s) of %s allocated at %s", rank, cache->name,
				    verdict_live(&text->arena, site->live, site->live_at_least),
				    site_bytes(text, site), number_count(site->allocs).text, verdict_path(&text->arena, site)));
	write_suspect(text, site);
	write_tasks(text, site);
	if (frames_max)
		write_places(text, site);
	if (site->freed_by_count)
		TEXT_LINE(text, "  normally freed by %.60s (%s of %s)", site->freed_by[0].name,
			  number_percent(site->freed_by[0].frees, site->frees_with_stack).text,
			  number_count(site->frees_with_stack).text);
	if (!frames_max)
		return;
	if (site->allocs_sized && cache->slot_bytes)
		TEXT_LINE(text, "  asked for %s on average, takes %s",
			  number_bytes(site->bytes_req / site->allocs_sized).text,
			  number_bytes(cache->slot_bytes).text);
	if (site->suspect.others)
		text_paragraph(text, 4, arena_format(&text->arena, "  of the one of them with the most old objects:"));
	write_ages(text, "live", &site->lives->live_ages);
	write_ages(text, "freed", &site->lives->freed_ages);
	write_contents(text, site);
	write_stack(text, site, frames_max);
}

/* Writes it where it fits, with one line to spare for what does not; else returns how many lines are too many. */
static uint32_t try_site(struct text *text, const struct model_site *site, uint32_t rank, uint32_t frames_max)
{
	struct lines before = text->lines;
	char *card = NULL;
	size_t size_bytes;

	text->lines.out = open_memstream(&card, &size_bytes);
	if (!text->lines.out) {
		text->arena.failed = true;
		text->lines = before;
		return 0;
	}
	TEXT_LINE(text, "%s", "");
	write_site(text, site, rank, frames_max);
	text->arena.failed |= fclose(text->lines.out) != 0;
	text->lines.out = before.out;
	uint32_t over = text->lines.count > LINES_MAX - 1 ? text->lines.count - (LINES_MAX - 1) : 0;
	if (over)
		text->lines = before;
	else if (!text->arena.failed)
		fwrite(card, 1, size_bytes, before.out);
	free(card);
	return over;
}

/* With fewer frames, or none, where there is no room for more. */
static bool write_site_if_it_fits(struct text *text, const struct model_site *site, uint32_t rank)
{
	uint32_t frames = FRAMES_MAX, over;

	while ((over = try_site(text, site, rank, frames)) && frames >= FRAMES_LEAST + over)
		frames -= over;
	return !over || !try_site(text, site, rank, 0);
}

static void write_sites(struct text *text)
{
	const struct model *model = text->model;

	for (uint32_t i = 0, rank = 1; i < model->site_count && rank <= STACK_SITES; i = ranking_next(model, i), rank++) {
		struct model_site site = site_sum(model, i, &text->arena);

		if (!site.live && model->live)
			continue;
		if (write_site_if_it_fits(text, &site, rank))
			continue;
		TEXT_LINE(text, "(more call chains are in -f md, html and xml)");
		return;
	}
}

/* Without the empty line that is between two. */
int render_text_site(const struct model *model, const struct model_site *site, uint32_t rank, FILE *out, struct error *err)
{
	struct text text = {.model = model};

	text.lines = (struct lines){.out = out, .arena = &text.arena};
	write_site(&text, site, rank, COPIED_FRAMES_MAX);
	bool failed = text.arena.failed;
	arena_release(&text.arena);
	return failed ? error_set(err, -ENOMEM, "not enough memory for the text") : 0;
}

int render_text(const struct model *model, FILE *out, struct error *err)
{
	struct text text = {.model = model};

	text.lines = (struct lines){.out = out, .arena = &text.arena};
	write_head(&text);
	TEXT_LINE(&text, "%s", "");
	write_caches(&text);
	write_notes(&text);
	write_machine(&text);
	write_origins(&text);
	write_table(&text);
	write_sites(&text);
	bool failed = text.arena.failed;
	arena_release(&text.arena);
	return failed ? error_set(err, -ENOMEM, "not enough memory for the text") : 0;
}
