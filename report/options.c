/* The words of the command line; slabreport.1 explains them at length. */
#include "report/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "report/render_fleet.h"

static const char short_options[] = ":f:o:qhV";

/* Options without a letter; above all letters. */
enum { OPTION_DEBUG_DIR = 256, OPTION_NO_DEBUGINFOD, OPTION_FROM, OPTION_REDACT, OPTION_AUDIT, OPTION_TEMPLATE, OPTION_FAIL_ON, OPTION_METRIC, OPTION_DIFF, OPTION_PER, OPTION_WHOLE_PAGE };

static const struct option long_options[] = {
	{"format", required_argument, NULL, 'f'}, {"output", required_argument, NULL, 'o'},
	{"quiet", no_argument, NULL, 'q'},	  {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},	  {"debug-dir", required_argument, NULL, OPTION_DEBUG_DIR},
	{"no-debuginfod", no_argument, NULL, OPTION_NO_DEBUGINFOD}, {"from", required_argument, NULL, OPTION_FROM},
	{"redact", required_argument, NULL, OPTION_REDACT}, {"audit", required_argument, NULL, OPTION_AUDIT}, {"template", required_argument, NULL, OPTION_TEMPLATE},
	{"whole-page", no_argument, NULL, OPTION_WHOLE_PAGE},
	{"fail-on", required_argument, NULL, OPTION_FAIL_ON}, {"metric", required_argument, NULL, OPTION_METRIC}, {"diff", no_argument, NULL, OPTION_DIFF}, {"per", required_argument, NULL, OPTION_PER}, {0},
};

void options_help(FILE *out)
{
	fputs("Usage: slabreport [options] [FILE]\n"
	      "       slabreport [options] --diff BEFORE[,BEFORE...] AFTER[,AFTER...]\n"
	      "       slabreport import [-o TRACE] PERF\n"
	      "       slabreport merge [-f text|json|html] [-o FILE] [--redact LEVEL] TRACE...\n"
	      "Tells from a recording of slabrec which call paths allocated the slab objects that are\n"
	      "still live. FILE is slabrec.slab unless given; - reads standard input.\n\n"
	      "  -f, --format FORMAT  one of:\n",
	      out);
	for (const struct renderer *renderer = renderers; renderer->name; renderer++)
		fprintf(out, "        %-12s   %s%s\n", renderer->name, renderer->what,
			renderer == renderers ? " (default)" : "");
	fputs("  -o, --output FILE    where to write it, - is standard output; without it text, md, json and folded\n"
	      "                       go there, the others to slabrec.html, slabrec.xml, slabrec.pb.gz (pprof) and so on\n"
	      "      --metric METRIC  what folded weighs by: bytes (default) or live, growth, allocs, frees, young, wasted\n"
	      "      --from REPORT    make it from the data in an HTML or XML report instead of from a trace\n"
	      "      --diff           what stays less or more than before, call stack by call stack: traces or reports,\n"
	      "                       HTML or XML, one or several of each; html, xml, text, md, json, junit, folded\n"
	      "      --per work|time|allocations  with --diff, what is the same on both sides; default: the first of them\n"
	      "                       that all recordings have\n"
	      "      --redact LEVEL   what is left out: public (default: host name, ids, folders, process ids, arguments,\n"
	      "                       time, contents of objects), strict (user stacks, task names, cgroups too) or none;\n"
	      "                       kernel addresses always are, but in contents of objects\n"
	      "      --audit FILE     make no report: tell what a finished file still says about the machine\n"
	      "      --fail-on WHAT   for CI: exit status 1 where a call stack is a suspect, one of medium or high\n"
	      "                       confidence, leaks at least 10/s or 4K/s (bytes), or has more than live:100 objects;\n"
	      "                       several by commas\n"
	      "      --template FILE  the page to fill instead of the shipped one (share/slabrec/templates/report.html)\n"
	      "      --whole-page     html: let it hold all details of every call stack, however large it becomes; without it\n"
	      "                       a page of about 1,000 KB, for bug trackers, which tells what it leaves out\n"
	      "      --debug-dir DIR  look there for debug files first, before /usr/lib/debug; may be given again\n"
	      "      --no-debuginfod  ask no server for debug files, even where DEBUGINFOD_URLS names some\n"
	      "  -q, --quiet          say nothing but errors and warnings\n"
	      "  -h, --help           this text\n"
	      "  -V, --version        the version\n\n"
	      "import makes a trace, perf.slab unless --output names another, of a recording of perf: of a perf.data, by\n"
	      "perf script, or of the text that perf script printed (- reads it from standard input).\n"
	      "merge reports the recordings of many machines as one: call stacks by their signature, on how many machines\n"
	      "each leaks, and which stand out; as text unless --format says json or html.\n\n"
	      "Exit status: 0 the report is written (also of a cut or damaged trace: a warning says so), 64 the command line\n"
	      "is wrong, 65 no report could be made. With --fail-on also 1 it fails, 3 nothing can be told: the capture\n"
	      "cannot be relied on or is too short. With --audit 1 something was found. With --diff 2 more stays somewhere,\n"
	      "3 a capture cannot be relied on.\n\n"
	      "  slabreport                           slabrec.slab to slabrec.html\n"
	      "  slabreport -f text leak.slab         to paste into a mail\n"
	      "  slabreport --diff old.slab new.slab  did the patch fix it?\n"
	      "  ssh host slabrec -o - ... | slabreport -\n"
	      "  slabreport import perf.data -o perf.slab; slabreport perf.slab\n",
	      out);
}

static int set_format(struct options *options, const char *name, struct error *err)
{
	options->renderer = renderer_find(name);
	options->has_format = true;
	if (options->renderer)
		return 0;
	return error_set(err, -EINVAL,
			 "--format %.40s: no such format; use html, xml, text, md, json, junit, folded, pprof, speedscope, firefox, dhat or valgrind-xml",
			 name);
}

static int add_debug_directory(struct options *options, const char *directory, struct error *err)
{
	struct stat status;

	if (stat(directory, &status) || !S_ISDIR(status.st_mode))
		return error_set(err, -EINVAL, "--debug-dir %.100s: no such folder", directory);
	if (options->debug_directory_count == OPTIONS_DEBUG_DIRECTORIES_MAX)
		return error_set(err, -EINVAL, "--debug-dir: more than %u", OPTIONS_DEBUG_DIRECTORIES_MAX);
	options->debug_directories[options->debug_directory_count++] = directory;
	return 0;
}

static int set_option(struct options *options, int option, struct error *err)
{
	switch (option) {
	case 'f':
		return set_format(options, optarg, err);
	case 'o':
		options->output = optarg;
		return *optarg ? 0 : error_set(err, -EINVAL, "--output needs the name of a file, or -");
	case 'q':
		options->is_quiet = true;
		return 0;
	case OPTION_DEBUG_DIR:
		return add_debug_directory(options, optarg, err);
	case OPTION_FROM:
		options->input = optarg;
		options->is_from_page = true;
		return 0;
	case OPTION_REDACT:
		if (redaction_level_find(optarg, &options->redaction))
			return 0;
		return error_set(err, -EINVAL, "--redact %.40s: no such level; use public, strict or none", optarg);
	case OPTION_TEMPLATE:
		options->template = optarg;
		return 0;
	case OPTION_WHOLE_PAGE:
		options->is_whole_page = true;
		return 0;
	case OPTION_FAIL_ON:
		return gate_parse(&options->gate, optarg, err);
	case OPTION_METRIC:
		options->has_metric = true;
		if (metric_find(optarg, &options->metric))
			return 0;
		return error_set(err, -EINVAL, "--metric %.40s: use bytes, live, growth, allocs, frees, young or wasted", optarg);
	case OPTION_AUDIT:
		options->input = optarg;
		options->wants_audit = true;
		return 0;
	case OPTION_DIFF:
		options->wants_diff = true;
		return 0;
	case OPTION_PER:
		if (diff_exposure_find(optarg, &options->exposure))
			return 0;
		return error_set(err, -EINVAL, "--per %.40s: use work, time or allocations", optarg);
	case OPTION_NO_DEBUGINFOD:
		options->no_debuginfod = true;
		return 0;
	case 'h':
		options->wants_help = true;
		return 0;
	case 'V':
		options->wants_version = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static int set_sides(struct options *options, int count, char **sides, struct error *err)
{
	if (options->is_from_page || options->wants_audit || options->gate.text)
		return error_set(err, -EINVAL, "--diff goes without --from, --audit and --fail-on: it takes pages as they are and has its own exit status");
	if (count != 2)
		return error_set(err, -EINVAL, "--diff compares two sides, before and after, not %d; several recordings of one side stand in one word, with commas", count);
	if (!options->renderer->diff)
		return error_set(err, -EINVAL, "--diff: there is no %s of a comparison; use html, xml, text, md, json, junit or folded", options->renderer->name);
	if (!metric_is_of_diff(options->metric))
		return error_set(err, -EINVAL, "--diff --metric %s: use bytes, live, allocs or frees", metric_name(options->metric));
	options->input = sides[0];
	options->after = sides[1];
	if (!options->output)
		options->output = options->renderer->file;
	return 0;
}

/* Of letters run together ("-xq") optind tells the argument only after the last of them. */
static int unknown_option(char **argv, struct error *err)
{
	char letter[3] = {'-', (char)optopt};
	bool is_letter = optopt > 0 && optopt < 256 && !strchr(short_options, optopt);

	return error_set(err, -EINVAL, "unknown option %.60s", is_letter ? letter : argv[optind - 1]);
}

/* Whether the option means something to that action. */
static bool is_meant(enum options_action action, int option)
{
	bool is_letter = option < 256;

	if (action == ACTION_IMPORT)
		return is_letter && strchr("oqhV", option);
	return action != ACTION_MERGE || is_letter || option == OPTION_REDACT;
}

static int check_merge(struct options *options, int argc, char **argv, struct error *err)
{
	if (options->wants_help || options->wants_version)
		return 0;
	if (optind >= argc)
		return error_set(err, -EINVAL, "merge: name the recordings, of one machine each");
	options->inputs = argv + optind;
	options->input_count = argc - optind;
	if (!options->has_format)
		options->renderer = renderer_find("text");
	if (!fleet_renderer_find(options->renderer->name))
		return error_set(err, -EINVAL, "merge: there is no %s of many machines; use text, json or html", options->renderer->name);
	if (!options->output)
		options->output = !strcmp(options->renderer->name, "html") ? "fleet.html" : "-";
	return 0;
}

static int check_import(struct options *options, int argc, char **argv, struct error *err)
{
	if (options->wants_help || options->wants_version)
		return 0;
	if (argc - optind != 1)
		return error_set(err, -EINVAL, "import: name one perf.data, or the text of perf script, or - for that on standard input");
	options->input = argv[optind];
	if (!options->output)
		options->output = "perf.slab";
	return 0;
}

int options_parse(struct options *options, int argc, char **argv, struct error *err)
{
	int option, ret;

	*options = (struct options){.input = "slabrec.slab", .renderer = renderers, .redaction = REDACTION_PUBLIC};
	if (argc > 1 && (!strcmp(argv[1], "import") || !strcmp(argv[1], "merge"))) {
		options->action = *argv[1] == 'i' ? ACTION_IMPORT : ACTION_MERGE;
		argc--;
		argv++;
	}
	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (option == '?')
			return unknown_option(argv, err);
		if (option == ':')
			return error_set(err, -EINVAL, "%.60s needs a value", argv[optind - 1]);
		if (!is_meant(options->action, option))
			return error_set(err, -EINVAL, "%s has no %.60s", options->action == ACTION_IMPORT ? "import makes a trace and no report: it" : "merge",
					 argv[optind - 1]);
		ret = set_option(options, option, err);
		if (ret)
			return ret;
	}
	if (options->action == ACTION_IMPORT)
		return check_import(options, argc, argv, err);
	if (options->action == ACTION_MERGE)
		return check_merge(options, argc, argv, err);
	if (options->has_metric && strcmp(options->renderer->name, "folded"))
		return error_set(err, -EINVAL, "--metric is for --format folded: %s has all it can hold", options->renderer->name);
	if (options->wants_diff)
		return set_sides(options, argc - optind, argv + optind, err);
	if (options->exposure)
		return error_set(err, -EINVAL, "--per is for --diff");
	if (argc - optind > 1)
		return error_set(err, -EINVAL, "one trace at a time, not %d", argc - optind);
	if (options->wants_audit && options->gate.text)
		return error_set(err, -EINVAL, "--audit makes no report that could fail: --fail-on is for reports");
	if (optind < argc && options->wants_audit)
		return error_set(err, -EINVAL, "--audit looks at one file and makes no report");
	if (optind < argc && options->is_from_page)
		return error_set(err, -EINVAL, "either --from a report or a trace, not both");
	if (optind < argc)
		options->input = argv[optind];
	if (!options->output)
		options->output = options->renderer->file;
	return 0;
}
