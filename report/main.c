/* slabreport: options, then trace -> recording -> model -> format. Only this file prints or ends the program. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/audit.h"
#include "report/diff_text.h"
#include "report/escape.h"
#include "report/fleet_input.h"
#include "report/import_file.h"
#include "report/input.h"
#include "report/model.h"
#include "report/number.h"
#include "report/options.h"
#include "report/output.h"
#include "report/render.h"
#include "report/render_fleet.h"
#include "report/site_sum.h"
#include "report/symbolize_files.h"
#include "report/template.h"
#include "report/verdict.h"
#include "trace/cleanup.h"

#define EXIT_USAGE 64
#define EXIT_NO_REPORT 65

static int say(const char *message, int status)
{
	fputs("slabreport: ", stderr);
	escape_ascii(stderr, message, ESCAPE_ALL);
	fputc('\n', stderr);
	return status;
}

static int write_output(const struct options *options, struct model *model, struct error *err)
{
	CLEANUP(template_release) struct template_file page = {0};
	CLEANUP(output_release) struct output output = {0};
	int ret = options->template ? template_read(&page, options->template, err) : 0;

	model->page = page.bytes ? &page : NULL;
	model->gate = &options->gate;
	model->is_whole_page = options->is_whole_page;
	model->metric = options->metric;
	if (!ret)
		ret = output_open(&output, options->output, err);
	if (!ret)
		ret = options->renderer->render(model, output.stream, err);
	return ret ? ret : output_commit(&output, err);
}

/* Why --fail-on fails, or cannot say; the exit status. */
static int say_gate(const struct options *options, const struct model *model)
{
	CLEANUP(arena_release) struct arena arena = {0};
	struct gate_result result = gate_judge(&options->gate, model);
	const char *why = verdict_leak(&arena, model);

	if (!result.exit_status || options->is_quiet)
		return (int)result.exit_status;
	if (result.state == GATE_SUSPECTS) {
		struct model_site first = site_sum(model, result.first, NULL);

		why = arena_format(&arena, "%u call stack%s; the first, %.128s, has %s live objects. %s", result.count, result.count == 1 ? "" : "s",
				   first.name, number_count(first.live).text, why);
	}
	return say(arena_format(&arena, "--fail-on %.128s: %s", options->gate.text, why), (int)result.exit_status);
}

/* ending: what is wrong with the end of the trace, "" for nothing. The exit status. */
static int say_result(const struct options *options, const char *ending, const struct model *model)
{
	CLEANUP(arena_release) struct arena arena = {0};

	if (*ending)
		say(arena_format(&arena, "warning: %s", ending), 0);
	if (!options->is_quiet && strcmp(options->output, "-"))
		say(arena_format(&arena, "%s: %s", options->output, verdict_headline(&arena, model)), 0);
	return say_gate(options, model);
}

/* EXIT_SUCCESS where nothing was found, EXIT_FAILURE where something was. */
static int audit(const struct options *options)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct error err = {0};
	uint64_t found = 0;
	int ret = input_open(options->input, &fd, &err);

	if (!ret)
		ret = audit_file(stdout, input_name(options->input), fd, &found, &err);
	if (ret)
		return say(err.message, EXIT_NO_REPORT);
	if (!found && !options->is_quiet)
		printf("%s: nothing found\n", input_name(options->input));
	if (fflush(stdout))
		return say("standard output could not be written", EXIT_NO_REPORT);
	return found ? EXIT_FAILURE : EXIT_SUCCESS;
}

static struct debug_search search_of(const struct options *options)
{
	return (struct debug_search){.directories = options->debug_directories,
				     .directory_count = options->debug_directory_count,
				     .no_debuginfod = options->no_debuginfod};
}

/* The exit status where the report was made, else a negative errno; so is report_diff(). */
static int report_one(const struct options *options, struct error *err)
{
	CLEANUP(input_release) struct input input = {0};
	struct debug_search search = search_of(options);
	int ret = input_read(&input, options->input, options->is_from_page ? INPUT_PAGE : INPUT_TRACE, &search, err);

	if (!ret)
		ret = redact_model(&input.model, options->redaction, err);
	if (!ret)
		ret = write_output(options, &input.model, err);
	return ret ? ret : say_result(options, input.ending, &input.model);
}

static int add_recording(const struct options *options, struct diff_input *diff, enum diff_side side, const char *path, struct error *err)
{
	CLEANUP(input_release) struct input input = {0};
	CLEANUP(arena_release) struct arena arena = {0};
	struct debug_search search = search_of(options);
	int ret = input_read(&input, path, INPUT_EITHER, &search, err);

	if (!ret && *input.ending)
		say(arena_format(&arena, "warning: %s", input.ending), 0);
	if (!ret)
		ret = redact_model(&input.model, options->redaction, err);
	return ret ? ret : diff_input_add(diff, side, path, &input.model, err);
}

/* One side: files with commas between them; a file that has a comma in its name is one, alone. */
static int add_side(const struct options *options, struct diff_input *diff, enum diff_side side, const char *paths, struct error *err)
{
	CLEANUP(cleanup_free) char *copy = strdup(paths);
	char *rest = copy;
	int ret = copy ? 0 : error_set(err, -ENOMEM, "out of memory");

	if (!ret && !access(paths, F_OK))
		return add_recording(options, diff, side, paths, err);
	for (char *path; !ret && (path = strsep(&rest, ","));)
		ret = *path ? add_recording(options, diff, side, path, err)
			    : error_set(err, -ENOENT, "--diff %.100s: a recording without a name", paths);
	return ret;
}

static int write_diff(const struct options *options, const struct diff *diff, struct error *err)
{
	CLEANUP(output_release) struct output output = {0};
	int ret = output_open(&output, options->output, err);

	if (!ret)
		ret = options->renderer->diff(diff, output.stream, err);
	return ret ? ret : output_commit(&output, err);
}

static int report_diff(const struct options *options, struct error *err)
{
	CLEANUP(diff_input_release) struct diff_input input;
	CLEANUP(diff_release) struct diff diff = {0};
	CLEANUP(arena_release) struct arena arena = {0};

	diff_input_init(&input);
	int ret = add_side(options, &input, DIFF_BEFORE, options->input, err);
	if (!ret)
		ret = add_side(options, &input, DIFF_AFTER, options->after, err);
	if (!ret)
		ret = diff_build(&diff, &input, options->exposure, err);
	diff.stacks.metric = options->metric;
	if (!ret)
		ret = write_diff(options, &diff, err);
	if (!ret && !options->is_quiet && strcmp(options->output, "-"))
		say(arena_format(&arena, "%s: %s", options->output, diff_text_headline(&arena, &diff)), 0);
	return ret ? ret : diff_exit_status(&diff);
}

static int import(const struct options *options)
{
	CLEANUP(arena_release) struct arena arena = {0};
	struct import_totals totals;
	struct error err = {0};

	if (import_file(options->input, options->output, &totals, &err))
		return say(err.message, EXIT_NO_REPORT);
	if (totals.lines_unknown)
		say(arena_format(&arena, "warning: %s lines were not understood", number_count(totals.lines_unknown).text), 0);
	if (!options->is_quiet && strcmp(options->output, "-"))
		say(arena_format(&arena, "%s: %s allocations, %s frees, %s live, %s lost", options->output, number_count(totals.allocs).text,
				 number_count(totals.frees).text, number_count(totals.live).text, number_count(totals.lost).text), 0);
	return EXIT_SUCCESS;
}

static int write_fleet(const struct options *options, const struct fleet *fleet, struct error *err)
{
	CLEANUP(output_release) struct output output = {0};
	int ret = output_open(&output, options->output, err);

	if (!ret)
		ret = fleet_renderer_find(options->renderer->name)(fleet, output.stream, err);
	return ret ? ret : output_commit(&output, err);
}

/* A recording that cannot be read does not keep the others from being told. */
static int merge(const struct options *options)
{
	CLEANUP(arena_release) struct arena arena = {0};
	CLEANUP(fleet_release) struct fleet fleet = {0};
	struct error err = {0};
	int ret = 0;

	for (int i = 0; i < options->input_count && ret != -ENOMEM; i++) {
		ret = fleet_read(&fleet, options->inputs[i], (uint32_t)i + 1, options->redaction, &err);
		if (ret && ret != -ENOMEM)
			say(arena_format(&arena, "warning: %s: left out: %s", options->inputs[i], err.message), 0);
	}
	if (ret != -ENOMEM)
		ret = fleet.recording_count ? 0 : error_set(&err, -ENODATA, "no recording could be read");
	if (!ret)
		ret = fleet_close(&fleet, &err);
	if (!ret)
		ret = write_fleet(options, &fleet, &err);
	if (ret)
		return say(err.message, EXIT_NO_REPORT);
	if (!options->is_quiet && strcmp(options->output, "-"))
		say(arena_format(&arena, "%s: %s", options->output, fleet_verdict(&arena, &fleet)), 0);
	return EXIT_SUCCESS;
}

static int report(const struct options *options)
{
	struct error err = {0};
	int ret = options->wants_diff ? report_diff(options, &err) : report_one(options, &err);

	return ret < 0 ? say(err.message, EXIT_NO_REPORT) : ret;
}

int main(int argc, char **argv)
{
	struct options options;
	struct error err = {0};

	if (options_parse(&options, argc, argv, &err)) {
		say(err.message, 0);
		return say("try 'slabreport --help'", EXIT_USAGE);
	}
	if (options.wants_help)
		options_help(stdout);
	else if (options.wants_version)
		puts("slabreport " SLABREC_VERSION);
	else if (options.action == ACTION_IMPORT)
		return import(&options);
	else if (options.action == ACTION_MERGE)
		return merge(&options);
	else if (options.wants_audit)
		return audit(&options);
	else
		return report(&options);
	return EXIT_SUCCESS;
}
