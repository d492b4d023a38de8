/*
 * JUnit's XML for CI servers: a test for the capture, one for each call stack that --fail-on (without it: a suspect) catches, which
 * fails, and one for each cache that has none, which passes.
 */
#include "report/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/escape.h"
#include "report/frame_text.h"
#include "report/gate.h"
#include "report/junit.h"
#include "report/ranking.h"
#include "report/remarks.h"
#include "report/site_sum.h"
#include "report/verdict.h"

#define TEXT_MAX 4096u
#define FRAMES_MAX 128u

/* A test that fails. Of several that have the same names all but the first have a number. */
struct failure {
	const struct model_site *site;
	uint32_t number;
};

struct junit {
	FILE *out;
	const struct model *model;
	struct arena arena;
	struct failure *failures;
	uint32_t failure_count;
	struct gate_result result;
	bool *fails; /* by cache: one of its call stacks does */
	uint32_t caches_clean;
	bool failed; /* without memory */
};

static int by_names(const void *left, const void *right)
{
	const struct failure *a = left, *b = right;
	int order = strcmp(a->site->name, b->site->name);

	if (!order)
		order = strcmp(a->site->caller, b->site->caller);
	if (!order && a->site->cache != b->site->cache)
		order = a->site->cache < b->site->cache ? -1 : 1;
	return order ? order : (a->site > b->site) - (a->site < b->site);
}

static int by_rank(const void *left, const void *right)
{
	const struct failure *a = left, *b = right;

	return (a->site > b->site) - (a->site < b->site);
}

static bool has_same_names(const struct model_site *a, const struct model_site *b)
{
	return a->cache == b->cache && !strcmp(a->name, b->name) && !strcmp(a->caller, b->caller);
}

static int find_failures(struct junit *junit, struct error *err)
{
	const struct model *model = junit->model;

	junit->fails = calloc((size_t)model->cache_count + 1, sizeof(*junit->fails));
	junit->failures = calloc((size_t)junit->result.count + 1, sizeof(*junit->failures));
	if (!junit->failures || !junit->fails)
		return error_set(err, -ENOMEM, "not enough memory for the tests");
	for (uint32_t i = 0; i < model->site_count; i = ranking_next(model, i))
		if (gate_is_met(model->gate, model, i)) {
			junit->failures[junit->failure_count++].site = &model->sites[i];
			junit->fails[model->sites[i].cache] = true;
		}
	qsort(junit->failures, junit->failure_count, sizeof(*junit->failures), by_names);
	for (uint32_t i = 1; i < junit->failure_count; i++)
		if (has_same_names(junit->failures[i - 1].site, junit->failures[i].site))
			junit->failures[i].number = junit->failures[i - 1].number + 1;
	qsort(junit->failures, junit->failure_count, sizeof(*junit->failures), by_rank);
	for (uint32_t i = 0; i < model->cache_count; i++)
		junit->caches_clean += !junit->fails[i];
	return 0;
}

/* Whether it can be told at all. */
static void put_capture(struct junit *junit)
{
	bool is_bad = junit->result.state == GATE_UNRELIABLE || junit->result.state == GATE_UNDETERMINED;

	if (!is_bad) {
		junit_pass(junit->out, "slabrec", "the capture tells");
		return;
	}
	junit_begin_test(junit->out, "slabrec", "the capture tells", "error", gate_state_name(junit->result.state),
			 verdict_leak(&junit->arena, junit->model));
	junit_end_test(junit->out, "error");
}

static void put_stack(struct junit *junit, const struct model_site *site)
{
	const struct model_frame *frames[FRAMES_MAX];
	uint32_t count = model_stack(junit->model, site->node, frames, FRAMES_MAX);

	for (uint32_t i = 0; i < count; i++) {
		fputs("  ", junit->out);
		escape_html(junit->out, frames[i]->label, TEXT_MAX);
		escape_html(junit->out, frame_text_place(&junit->arena, frames[i]), TEXT_MAX);
		fputc('\n', junit->out);
	}
}

static void put_failure(struct junit *junit, const struct failure *failure)
{
	const struct model_site *site = failure->site;
	struct arena *arena = &junit->arena;
	const char *number = failure->number ? arena_format(arena, " (%u)", failure->number + 1) : "";
	struct model_site sum = site_sum(junit->model, (uint32_t)(site - junit->model->sites), NULL);
	const char *live = verdict_live(arena, sum.live, sum.live_at_least), *rate = "";

	if (suspect_is_leak(&site->suspect))
		rate = arena_format(arena, ", %s confidence, at least %s", suspect_confidence_name(site->suspect.confidence),
				    verdict_low_rate(arena, junit->model, site));
	junit_begin_test(junit->out, junit->model->caches[site->cache].name,
			 arena_format(arena, "%.256s%s%.256s%s", site->name, *site->caller ? " <- " : "", site->caller, number), "failure",
			 suspect_class_name(site->suspect.class),
			 arena_format(arena, "%s live objects: %s%s: %s", live, suspect_class_name(site->suspect.class), rate,
				      verdict_why(arena, site)));
	put_stack(junit, site);
	junit_end_test(junit->out, "failure");
	junit->failed |= arena->failed;
	arena_release(arena);
}

static void put_clean_caches(struct junit *junit)
{
	const struct model *model = junit->model;

	for (uint32_t i = 0; i < model->cache_count; i++) {
		if (junit->fails[i])
			continue;
		junit_pass(junit->out, model->caches[i].name, "no call stack fails");
	}
}

/* When the recording began; "" where that is left out. */
static const char *timestamp(struct junit *junit)
{
	const char *told = model_fact(junit->model, "start.realtime_ns");
	time_t start = (time_t)(strtoull(told, NULL, 10) / 1000000000u);
	struct tm utc;
	char text[32];

	if (!*told || !gmtime_r(&start, &utc) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc))
		return "";
	return arena_text(&junit->arena, text);
}

static void put_suite(struct junit *junit)
{
	const struct model *model = junit->model;
	bool is_bad = junit->result.state == GATE_UNRELIABLE || junit->result.state == GATE_UNDETERMINED;
	const char *asked = model->gate && model->gate->text ? model->gate->text : "suspect";
	struct junit_suite suite = {
		.tests = 1 + junit->failure_count + junit->caches_clean,
		.failures = junit->failure_count,
		.errors = is_bad,
		.seconds = (double)model->duration_ns / 1e9,
		.host = model_fact(model, "host.name"),
		.timestamp = timestamp(junit),
	};

	junit_begin(junit->out, &suite);
	junit_property(junit->out, "verdict", verdict_leak(&junit->arena, model));
	junit_property(junit->out, "fail-on", asked);
	junit_property(junit->out, "rules", SUSPECT_RULES);
	junit_property(junit->out, "kernel", model_fact(model, "kernel.release"));
	junit_tests(junit->out);
	put_capture(junit);
	for (uint32_t i = 0; i < junit->failure_count; i++)
		put_failure(junit, &junit->failures[i]);
	put_clean_caches(junit);
	uint32_t count;
	const char **sentences = remarks(&junit->arena, model, &count);
	junit_end(junit->out, sentences, count);
}

int render_junit(const struct model *model, FILE *out, struct error *err)
{
	struct junit junit = {.out = out, .model = model, .result = gate_judge(model->gate, model)};
	int ret = find_failures(&junit, err);

	if (!ret)
		put_suite(&junit);
	if (!ret && (junit.failed || junit.arena.failed))
		ret = error_set(err, -ENOMEM, "not enough memory for the tests");
	arena_release(&junit.arena);
	free(junit.failures);
	free(junit.fails);
	return ret;
}
