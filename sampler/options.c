/* The command line, as users of perf and trace-cmd expect it. */
#include "sampler/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "sampler/size.h"
#include "trace/cleanup.h"
#include "trace/format.h"

/* What the shortest trace takes. A recorder needs more than a megabyte, but that is for who asks to find out. */
#define MAX_SIZE_LEAST_BYTES (64u << 10)
#define MAX_MEMORY_LEAST_BYTES (1u << 20)

const char options_help[] =
	"Usage: slabrec [options] [--] [command [args]]\n"
	"Records who allocates from a slab cache and who frees, system-wide, while the command runs\n"
	"(without one until Ctrl-C). slabreport makes a report of it.\n"
	"\n"
	"What to record:\n"
	"  -c, --cache NAME[,NAME...]  slab cache: a name, a glob, kmalloc-1024 for the whole family of that\n"
	"                              size, =NAME for exactly one; may be given again\n"
	"      --list-caches           list the caches of this machine and exit (with -c: what it selects)\n"
	"      --explain               with -c: print the probes that a recording would set, why, and what they\n"
	"                              do not see on this kernel; nothing is recorded\n"
	"  -d, --duration SECONDS      end after this time\n"
	"      --start-when CONDITION  begin when it holds: 'NAME>N objects', 'SUnreclaim>SIZE'\n"
	"  -p, --pid PID               only allocations of this process and its children\n"
	"  -t, --tid TID               only allocations of this thread\n"
	"  -G, --cgroup CGROUP         only allocations in this cgroup and those below, as /sys/fs/cgroup/a/b or a/b\n"
	"  -C, --cpu LIST              only allocations on these CPUs, as 0-3,7\n"
	"      --user-stack dwarf|fp|none  user call chains: whole ones where there is time (default), by frame\n"
	"                              pointers, none\n"
	"      --free-stacks all|some|none  call chains of frees: of one in 16 (default), all, none\n"
	"\n"
	"How:\n"
	"  -o, --output FILE           default slabrec.slab; an existing one is kept as FILE.old; - for a pipe\n"
	"      --source bpf|kprobe|tracepoint|auto  default auto: the first of them that works here\n"
	"      --only-live             keep live objects and, per call stack, counts of the freed: for days\n"
	"      --reclaim               at the end drop the page cache, dentries and inodes and shrink the recorded\n"
	"                              caches, to tell what they held from leaks. This changes the machine\n"
	"      --peek BYTES            at the end copy this many first bytes (1 to 256) of a few live objects per\n"
	"                              call stack: the trace then holds contents of kernel memory\n"
	"      --work N                the workload does N units of work (requests, files, ...): slabreport --diff then\n"
	"                              compares for the same work\n"
	"      --work-cmd COMMAND      or COMMAND, run by sh before and after, prints how many it has done so far\n"
	"      --snapshot-on SIGNAL    on this signal (USR2) write a trace so far, FILE.1, FILE.2, ..., and go on\n"
	"      --max-size SIZE         end when the trace is this large (k, M, G)\n"
	"      --max-memory SIZE       end when slabrec itself takes this much; default a quarter of the machine's\n"
	"  -m, --mmap-pages N          ring of each CPU in pages, a power of two\n"
	"      --maxactive N           calls that a return probe follows at once; default 8 for each CPU, 128 to 4096\n"
	"      --without FEATURE[,...] do not use: bpf, walk, return-args, maxactive, arg-names, witness, btf, dwarf\n"
	"  -q, --quiet                 no progress and no summary\n"
	"  -v, --verbose               tell which probes are set and why\n"
	"  -h, --help   --version\n"
	"\n"
	"Exit status: the command's (126, 127 and 128+n as a shell tells them), else 0; 125 when slabrec fails.\n"
	"\n"
	"  slabrec -c kmalloc-1024 sleep 60; slabreport\n";

enum long_only {
	OPTION_SOURCE = 256,
	OPTION_LIST_CACHES,
	OPTION_EXPLAIN,
	OPTION_VERSION,
	OPTION_USER_STACK,
	OPTION_FREE_STACKS,
	OPTION_WITHOUT,
	OPTION_MAX_SIZE,
	OPTION_MAX_MEMORY,
	OPTION_START_WHEN,
	OPTION_SNAPSHOT_ON,
	OPTION_ONLY_LIVE,
	OPTION_RECLAIM,
	OPTION_PEEK,
	OPTION_MAXACTIVE,
	OPTION_WORK,
	OPTION_WORK_CMD,
};

/* "+": what follows the command is the command's. */
static const char short_options[] = "+:c:d:o:p:t:G:C:m:qvh";

static const struct option long_options[] = {
	{"cache", required_argument, NULL, 'c'},
	{"list-caches", no_argument, NULL, OPTION_LIST_CACHES},
	{"explain", no_argument, NULL, OPTION_EXPLAIN},
	{"duration", required_argument, NULL, 'd'},
	{"start-when", required_argument, NULL, OPTION_START_WHEN},
	{"pid", required_argument, NULL, 'p'},
	{"tid", required_argument, NULL, 't'},
	{"cgroup", required_argument, NULL, 'G'},
	{"cpu", required_argument, NULL, 'C'},
	{"user-stack", required_argument, NULL, OPTION_USER_STACK},
	{"free-stacks", required_argument, NULL, OPTION_FREE_STACKS},
	{"output", required_argument, NULL, 'o'},
	{"source", required_argument, NULL, OPTION_SOURCE},
	{"only-live", no_argument, NULL, OPTION_ONLY_LIVE},
	{"reclaim", no_argument, NULL, OPTION_RECLAIM},
	{"peek", required_argument, NULL, OPTION_PEEK},
	{"work", required_argument, NULL, OPTION_WORK},
	{"work-cmd", required_argument, NULL, OPTION_WORK_CMD},
	{"snapshot-on", required_argument, NULL, OPTION_SNAPSHOT_ON},
	{"max-size", required_argument, NULL, OPTION_MAX_SIZE},
	{"max-memory", required_argument, NULL, OPTION_MAX_MEMORY},
	{"mmap-pages", required_argument, NULL, 'm'},
	{"maxactive", required_argument, NULL, OPTION_MAXACTIVE},
	{"without", required_argument, NULL, OPTION_WITHOUT},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static const char *const sources[SOURCE_COUNT + 1] = {
	[SOURCE_AUTO] = "auto", [SOURCE_BPF] = "bpf", [SOURCE_KPROBE] = "kprobe", [SOURCE_TRACEPOINT] = "tracepoint"};

const char *source_name(enum source source)
{
	return sources[source];
}

static int parse_caches(struct options *options, const char *text, struct error *err)
{
	char *copy CLEANUP(cleanup_free) = strdup(text);
	char *rest = NULL;

	for (char *name = copy ? strtok_r(copy, ",", &rest) : NULL; name; name = strtok_r(NULL, ",", &rest)) {
		if (strpbrk(name, "\"\\"))
			return error_set(err, -EINVAL, "--cache %s: no cache has a quote or backslash in its name", name);
		if (options->cache_count == OPTIONS_CACHES_MAX)
			return error_set(err, -EINVAL, "--cache: more than %d names", OPTIONS_CACHES_MAX);
		options->caches[options->cache_count++] = strdup(name);
	}
	return 0;
}

/* 0 and the seconds as nanoseconds; decimals are allowed. */
static int parse_duration(struct options *options, const char *text, struct error *err)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds * 1e9 >= 1) || seconds > 1e9)
		return error_set(err, -EINVAL, "--duration %s: not a number of seconds above 0", text);
	options->duration_ns = (uint64_t)(seconds * 1e9);
	return 0;
}

static int parse_number(const char *name, const char *text, long lowest, long highest, long *value, struct error *err)
{
	char *end;

	*value = strtol(text, &end, 10);
	if (end == text || *end || *value < lowest || *value > highest)
		return error_set(err, -EINVAL, "--%s %s: not a number from %ld to %ld", name, text, lowest, highest);
	return 0;
}

static int parse_pages(struct options *options, const char *text, struct error *err)
{
	long pages;
	int ret = parse_number("mmap-pages", text, 1, 1 << 20, &pages, err);

	if (!ret && pages & (pages - 1))
		return error_set(err, -EINVAL, "--mmap-pages %s: not a power of two", text);
	options->ring_bytes = ret ? 0 : (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
	return ret;
}

/* Signals that mean nothing else here: not those that end a recording or are the kernel's complaints. */
static int parse_signal(struct options *options, const char *text, struct error *err)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {{"USR1", SIGUSR1},   {"USR2", SIGUSR2}, {"ALRM", SIGALRM}, {"CONT", SIGCONT},
		       {"WINCH", SIGWINCH}, {"URG", SIGURG},   {"IO", SIGIO},	  {"PWR", SIGPWR}};
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	char *end;
	long number = strtol(text, &end, 10);
	bool is_number = end != text && !*end;

	options->snapshot_signal = is_number && number >= SIGRTMIN && number <= SIGRTMAX ? (int)number : 0;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (is_number ? number == signals[i].number : !strcasecmp(name, signals[i].name))
			options->snapshot_signal = signals[i].number;
	if (!options->snapshot_signal)
		return error_set(err, -EINVAL, "--snapshot-on %s: not USR1, USR2, ALRM, CONT, WINCH, URG, IO, PWR or the number of a real-time signal",
				 text);
	return 0;
}

static int parse_limit(const char *name, const char *text, uint64_t least_bytes, uint64_t *size_bytes, struct error *err)
{
	if (!size_parse(text, size_bytes) && *size_bytes >= least_bytes)
		return 0;
	return error_set(err, -EINVAL, "--%s %s: not a size from %" PRIu64 "k on, as 500M or 2G", name, text, least_bytes >> 10);
}

/* Place of the word in a NULL-ended list; -EINVAL with a sentence that lists them. */
static int parse_choice(const char *name, const char *text, const char *const *choices, struct error *err)
{
	char list[128] = "";

	for (int i = 0; choices[i]; i++) {
		if (!strcmp(choices[i], text))
			return i;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "", choices[i]);
	}
	return error_set(err, -EINVAL, "--%s %s: not one of %s", name, text, list);
}

static int parse_without(struct options *options, const char *text, struct error *err)
{
	char *copy CLEANUP(cleanup_free) = strdup(text);
	char *rest = NULL;

	for (char *name = copy ? strtok_r(copy, ",", &rest) : NULL; name; name = strtok_r(NULL, ",", &rest)) {
		if (!strcmp(name, "return-args"))
			options->without_return_args = true;
		else if (!strcmp(name, "maxactive"))
			options->without_maxactive = true;
		else if (!strcmp(name, "arg-names"))
			options->without_arg_names = options->without_return_args = true;
		else if (!strcmp(name, "witness"))
			options->without_witness = true;
		else if (!strcmp(name, "bpf"))
			options->without_bpf = true;
		else if (!strcmp(name, "walk"))
			options->without_walk = true;
		else if (!strcmp(name, "btf"))
			/* Without either only the check is left, in whatever order they are named. */
			options->name_offset = options->name_offset == NAME_OFFSET_CHECKED ? NAME_OFFSET_CHECKED : NAME_OFFSET_DWARF;
		else if (!strcmp(name, "dwarf"))
			options->name_offset = NAME_OFFSET_CHECKED;
		else
			return error_set(err, -EINVAL, "--without %s: not one of bpf, walk, return-args, maxactive, arg-names, witness, btf, dwarf",
					 name);
	}
	return 0;
}

static int parse_option(struct options *options, int option, const char *text, struct error *err)
{
	static const char *const user_stacks[] = {
		[USER_STACKS_DWARF] = "dwarf", [USER_STACKS_FP] = "fp", [USER_STACKS_NONE] = "none", NULL};
	static const char *const free_stacks[] = {"some", "all", "none", NULL};
	long value;
	int ret;

	switch (option) {
	case 'c':
		return parse_caches(options, text, err);
	case 'd':
		return parse_duration(options, text, err);
	case 'o':
		options->output = text;
		return 0;
	case 'p':
		ret = parse_number("pid", text, 1, 1 << 22, &value, err);
		options->pid = ret ? 0 : (pid_t)value;
		return ret;
	case 't':
		ret = parse_number("tid", text, 1, 1 << 22, &value, err);
		options->tid = ret ? 0 : (pid_t)value;
		return ret;
	case 'G':
		options->cgroup = text;
		return *text ? 0 : error_set(err, -EINVAL, "--cgroup: which one? / is all");
	case 'C':
		cpu_list_release(&options->cpus);
		ret = cpu_list_parse(&options->cpus, text);
		return ret ? error_set(err, ret, "--cpu %s: not a list of CPUs such as 0-3,7", text) : 0;
	case OPTION_ONLY_LIVE:
		options->is_only_live = true;
		return 0;
	case OPTION_RECLAIM:
		options->is_reclaim = true;
		return 0;
	case OPTION_PEEK:
		ret = parse_number("peek", text, 1, TRACE_CONTENTS_MAX_BYTES, &value, err);
		options->peek_bytes = ret ? 0 : (uint32_t)value;
		return ret;
	case OPTION_WORK:
		ret = parse_number("work", text, 1, LONG_MAX, &value, err);
		options->work_units = ret ? 0 : (uint64_t)value;
		return ret;
	case OPTION_WORK_CMD:
		options->work_command = text;
		return *text ? 0 : error_set(err, -EINVAL, "--work-cmd: which command?");
	case OPTION_SNAPSHOT_ON:
		return parse_signal(options, text, err);
	case OPTION_MAX_SIZE:
		return parse_limit("max-size", text, MAX_SIZE_LEAST_BYTES, &options->max_size_bytes, err);
	case OPTION_MAX_MEMORY:
		return parse_limit("max-memory", text, MAX_MEMORY_LEAST_BYTES, &options->max_memory_bytes, err);
	case OPTION_START_WHEN:
		return start_condition_parse(&options->start_when, text, err);
	case 'm':
		return parse_pages(options, text, err);
	case OPTION_MAXACTIVE:
		ret = parse_number("maxactive", text, 1, 4096, &value, err);
		options->maxactive = ret ? 0 : (unsigned int)value;
		return ret;
	case OPTION_SOURCE:
		ret = parse_choice("source", text, sources, err);
		options->source = ret < 0 ? SOURCE_AUTO : (enum source)ret;
		return ret < 0 ? ret : 0;
	case OPTION_USER_STACK:
		ret = parse_choice("user-stack", text, user_stacks, err);
		options->user_stacks = ret < 0 ? USER_STACKS_DWARF : (enum user_stacks)ret;
		return ret < 0 ? ret : 0;
	case OPTION_FREE_STACKS:
		ret = parse_choice("free-stacks", text, free_stacks, err);
		options->all_free_stacks = ret == 1;
		options->no_free_stacks = ret == 2;
		return ret < 0 ? ret : 0;
	case OPTION_WITHOUT:
		return parse_without(options, text, err);
	case 'q':
		options->is_quiet = true;
		return 0;
	case 'v':
		options->is_verbose = true;
		return 0;
	case OPTION_LIST_CACHES:
		options->action = ACTION_LIST_CACHES;
		return 0;
	case OPTION_EXPLAIN:
		options->action = ACTION_EXPLAIN;
		return 0;
	case 'h':
		options->action = ACTION_HELP;
		return 0;
	case OPTION_VERSION:
		options->action = ACTION_VERSION;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Of letters run together ("-xq") optind tells the argument only after the last of them. */
static int unknown_option(char **argv, struct error *err)
{
	char letter[3] = {'-', (char)optopt};
	bool is_letter = optopt > 0 && optopt < 256 && !strchr(short_options, optopt);

	return error_set(err, -EINVAL, "unknown option %s (slabrec --help lists them)", is_letter ? letter : argv[optind - 1]);
}

int options_parse(struct options *options, int argc, char **argv, struct error *err)
{
	int ret = 0;
	int option;

	*options = (struct options){.output = "slabrec.slab", .argc = argc, .argv = argv};
	opterr = 0;
	while (!ret && (option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (option == '?')
			ret = unknown_option(argv, err);
		else if (option == ':')
			ret = error_set(err, -EINVAL, "option %s needs a value", argv[optind - 1]);
		else
			ret = parse_option(options, option, optarg, err);
	}
	if (ret)
		return ret;
	if (optind < argc)
		options->command = argv + optind;
	if (options->action == ACTION_EXPLAIN && !options->cache_count)
		return error_set(err, -EINVAL, "--explain: which slab cache? name it with -c, as in: slabrec --explain -c kmalloc-1024");
	if (options->action == ACTION_RECORD && !options->cache_count)
		return error_set(err, -EINVAL, "which slab cache? name it with -c, as in: slabrec -c kmalloc-1024 sleep 10 (slabrec --list-caches shows all)");
	if (options->work_units && options->work_command)
		return error_set(err, -EINVAL, "--work and --work-cmd exclude each other: one number of units");
	if (options->peek_bytes && options->is_only_live)
		return error_set(err, -EINVAL, "--peek and --only-live exclude each other: contents are of objects that are told one by one");
	if (options->is_reclaim && options->is_only_live)
		return error_set(err, -EINVAL, "--reclaim and --only-live exclude each other: objects that are freed have to be told one by one");
	return 0;
}

void options_release(struct options *options)
{
	for (size_t i = 0; i < options->cache_count; i++)
		free(options->caches[i]);
	cpu_list_release(&options->cpus);
}
