/* slabreport: options, then trace -> recording -> model -> format. Only this file prints or ends the program. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "report/audit.h"
#include "report/escape.h"
#include "report/fleet_input.h"
#include "report/import_file.h"
#include "report/model.h"
#include "report/number.h"
#include "report/options.h"
#include "report/output.h"
#include "report/page.h"
#include "report/recording.h"
#include "report/render.h"
#include "report/render_fleet.h"
#include "report/symbolize_files.h"
#include "report/template.h"
#include "report/verdict.h"
#include "trace/cleanup.h"
#include "trace/reader.h"

#define EXIT_USAGE 64
#define EXIT_NO_REPORT 65

static int say(const char *message, int status)
{
	fputs("slabreport: ", stderr);
	escape_ascii(stderr, message, ESCAPE_ALL);
	fputc('\n', stderr);
	return status;
}

static int open_input(const char *path, int *fd, struct error *err)
{
	struct stat status;

	*fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (*fd < 0 && errno == ENOENT)
		return error_set(err, -ENOENT, "%s: no such file; record one with slabrec, or name the trace", path);
	if (*fd < 0)
		return error_set(err, -errno, "%s: %m; name a trace that you may read", path);
	if (!fstat(*fd, &status) && S_ISDIR(status.st_mode))
		return error_set(err, -EISDIR, "%s: is a directory; name the trace in it", path);
	return 0;
}

static const char *input_name(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

static int read_input(const char *path, struct recording *recording, struct error *err)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct trace_reader *reader = NULL;
	int ret = open_input(path, &fd, err);

	if (!ret)
		ret = trace_reader_open_fd(&reader, input_name(path), fd, err);
	return ret ? ret : recording_read(recording, reader, err);
}

static int write_output(const struct options *options, struct model *model, struct error *err)
{
	CLEANUP(template_release) struct template_file page = {0};
	CLEANUP(output_release) struct output output = {0};
	int ret = options->template ? template_read(&page, options->template, err) : 0;

	model->page = page.bytes ? &page : NULL;
	model->gate = &options->gate;
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
	const struct model_site *first = &model->sites[result.first];
	const char *why = verdict_leak(&arena, model);

	if (!result.exit_status || options->is_quiet)
		return (int)result.exit_status;
	if (result.state == GATE_SUSPECTS)
		why = arena_format(&arena, "%u call stack%s; the first, %.128s, has %s live objects. %s", result.count, result.count == 1 ? "" : "s",
				   first->name, number_count(first->live).text, why);
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

static void free_names(struct symbolize_files **names)
{
	symbolize_files_free(*names);
}

/* The exit status where the report was made, else a negative errno; so is report_trace(). */
static int report_page(const struct options *options, struct error *err)
{
	CLEANUP(cleanup_close) int fd = -1;
	CLEANUP(model_release) struct model model = {0};
	int ret = open_input(options->input, &fd, err);

	if (!ret)
		ret = page_read(&model, input_name(options->input), fd, err);
	if (!ret)
		ret = redact_model(&model, options->redaction, err);
	if (!ret)
		ret = write_output(options, &model, err);
	return ret ? ret : say_result(options, "", &model);
}

/* EXIT_SUCCESS where nothing was found, EXIT_FAILURE where something was. */
static int audit(const struct options *options)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct error err = {0};
	uint64_t found = 0;
	int ret = open_input(options->input, &fd, &err);

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

static int report_trace(const struct options *options, struct error *err)
{
	const char *ending;
	CLEANUP(recording_release) struct recording recording = {0};
	CLEANUP(model_release) struct model model = {0};
	int ret = read_input(options->input, &recording, err);

	if (ret)
		return ret;
	struct debug_search search = {.directories = options->debug_directories,
				      .directory_count = options->debug_directory_count,
				      .no_debuginfod = options->no_debuginfod};
	CLEANUP(free_names) struct symbolize_files *names = NULL;
	ret = symbolize_files_new(&names, &recording, &search, err);
	if (ret)
		return ret;
	struct symbolizer symbolizer = symbolize_files(names);
	ret = model_build(&model, &recording, &symbolizer, err);
	if (!ret)
		ret = model_take_histories(&model, &recording, err);
	if (!ret)
		ret = redact_model(&model, options->redaction, err);
	if (!ret)
		ret = write_output(options, &model, err);
	trace_reader_ending(recording.reader, &ending);
	return ret ? ret : say_result(options, ending, &model);
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
	int ret = options->is_from_page ? report_page(options, &err) : report_trace(options, &err);

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
