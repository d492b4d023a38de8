/* The command line: every option, and the sentence for each mistake. */
#include "tests/cmocka_unit.h"

#include <getopt.h>
#include <signal.h>
#include <unistd.h>

#include "sampler/options.h"

#define ARGS(...) ((char **)(const char *[]){"slabrec", ##__VA_ARGS__, NULL})

static int parse(struct options *options, char **argv, struct error *err)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	*err = (struct error){0};
	/* glibc: begin anew. */
	optind = 0;
	return options_parse(options, argc, argv, err);
}

static void good(struct options *options, char **argv)
{
	struct error err;

	if (parse(options, argv, &err))
		fail_msg("%s", err.message);
}

static void assert_mistake(char **argv, const char *sentence)
{
	struct options options;
	struct error err;

	assert_int_equal(parse(&options, argv, &err), -EINVAL);
	assert_string_equal(err.message, sentence);
	options_release(&options);
}

static void test_defaults(void **state)
{
	struct options options;
	char **argv = ARGS("-c", "dentry");

	(void)state;
	good(&options, argv);
	assert_int_equal(options.action, ACTION_RECORD);
	assert_int_equal(options.cache_count, 1);
	assert_string_equal(options.caches[0], "dentry");
	assert_string_equal(options.output, "slabrec.slab");
	assert_int_equal(options.duration_ns, 0);
	assert_int_equal(options.pid, 0);
	assert_int_equal(options.cpus.count, 0);
	assert_int_equal(options.source, SOURCE_AUTO);
	assert_int_equal(options.ring_bytes, 0);
	assert_int_equal(options.maxactive, 0);
	assert_int_equal(options.user_stacks, USER_STACKS_DWARF);
	assert_false(options.all_free_stacks || options.no_free_stacks || options.is_quiet || options.is_verbose);
	assert_false(options.without_return_args || options.without_maxactive || options.without_arg_names ||
		     options.without_witness);
	assert_int_equal(options.name_offset, NAME_OFFSET_ANY);
	assert_null(options.command);
	assert_int_equal(options.argc, 3);
	assert_ptr_equal(options.argv, argv);
	options_release(&options);
}

static void test_every_option(void **state)
{
	struct options options;

	(void)state;
	good(&options, ARGS("-c", "a,b", "--cache", "c", "--cache=d,,e", "-d", "1.5", "-o", "x.slab", "-p", "4194304", "-t", "17", "--cgroup", "a/b",
			    "-C", "0-1,3", "-m", "64", "--source", "kprobe", "--user-stack", "none", "--free-stacks",
			    "all", "-q", "-v", "--without", "return-args,witness", "--max-size", "100M", "--max-memory",
			    "32m", "--start-when", "kmalloc-1k > 20 objects", "--snapshot-on", "SIGUSR2",
			    "--only-live"));
	assert_int_equal(options.cache_count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_true(options.caches[i][0] == (char)('a' + i) && !options.caches[i][1]);
	assert_int_equal(options.duration_ns, 1500000000);
	assert_string_equal(options.output, "x.slab");
	assert_int_equal(options.pid, 4194304);
	assert_int_equal(options.tid, 17);
	assert_string_equal(options.cgroup, "a/b");
	assert_int_equal(options.max_size_bytes, 100u << 20);
	assert_int_equal(options.max_memory_bytes, 32u << 20);
	assert_string_equal(options.start_when.name, "kmalloc-1k");
	assert_int_equal(options.snapshot_signal, SIGUSR2);
	assert_true(options.is_only_live);
	assert_int_equal(options.cpus.count, 3);
	assert_int_equal(options.cpus.cpus[2], 3);
	assert_int_equal(options.ring_bytes, 64 * sysconf(_SC_PAGESIZE));
	assert_int_equal(options.source, SOURCE_KPROBE);
	assert_int_equal(options.user_stacks, USER_STACKS_NONE);
	assert_true(options.all_free_stacks && !options.no_free_stacks);
	assert_true(options.is_quiet && options.is_verbose);
	assert_true(options.without_return_args && options.without_witness);
	assert_false(options.without_maxactive || options.without_arg_names);
	options_release(&options);

	good(&options, ARGS("--cache=x", "--duration=10", "--output=-", "--pid=1", "--cpu=2", "--mmap-pages=1",
			    "--source=tracepoint", "--user-stack=fp", "--free-stacks=none", "--quiet", "--verbose",
			    "--without=maxactive", "--without=arg-names", "--max-size=64k"));
	assert_int_equal(options.max_size_bytes, 65536);
	assert_int_equal(options.max_memory_bytes, 0);
	assert_null(options.start_when.text);
	assert_int_equal(options.snapshot_signal, 0);
	assert_false(options.is_only_live || options.is_reclaim || options.peek_bytes);
	assert_int_equal(options.duration_ns, 10000000000);
	assert_string_equal(options.output, "-");
	assert_int_equal(options.source, SOURCE_TRACEPOINT);
	assert_int_equal(options.user_stacks, USER_STACKS_FP);
	assert_true(options.no_free_stacks && !options.all_free_stacks);
	/* Arguments at return come with their names. */
	assert_true(options.without_maxactive && options.without_arg_names && options.without_return_args);
	options_release(&options);

	good(&options, ARGS("-c", "x", "--reclaim"));
	assert_true(options.is_reclaim);
	options_release(&options);
	good(&options, ARGS("-c", "x", "--work", "1200"));
	assert_int_equal(options.work_units, 1200);
	options_release(&options);
	good(&options, ARGS("-c", "x", "--work-cmd=cat served"));
	assert_string_equal(options.work_command, "cat served");
	options_release(&options);
	assert_mistake(ARGS("-c", "x", "--work", "1", "--work-cmd", "true"),
		       "--work and --work-cmd exclude each other: one number of units");
	assert_mistake(ARGS("-c", "x", "--work=0"), "--work 0: not a number from 1 to 9223372036854775807");
	assert_mistake(ARGS("-c", "x", "--work-cmd="), "--work-cmd: which command?");
	good(&options, ARGS("-c", "x", "--peek", "256", "--reclaim"));
	assert_int_equal(options.peek_bytes, 256);
	options_release(&options);
	assert_mistake(ARGS("-c", "x", "--peek", "64", "--only-live"),
		       "--peek and --only-live exclude each other: contents are of objects that are told one by one");
	assert_mistake(ARGS("-c", "x", "--peek=0"), "--peek 0: not a number from 1 to 256");
	assert_mistake(ARGS("-c", "x", "--peek=257"), "--peek 257: not a number from 1 to 256");
	assert_mistake(ARGS("-c", "x", "--reclaim", "--only-live"),
		       "--reclaim and --only-live exclude each other: objects that are freed have to be told one by one");

	/* The last of a choice counts. */
	good(&options, ARGS("-c", "x", "--source=kprobe", "--source=auto", "--free-stacks=none", "--free-stacks=some",
			    "--user-stack=none", "--user-stack=dwarf", "-C", "0", "-C", "1-2"));
	assert_int_equal(options.source, SOURCE_AUTO);
	assert_false(options.all_free_stacks || options.no_free_stacks);
	assert_int_equal(options.user_stacks, USER_STACKS_DWARF);
	assert_int_equal(options.cpus.count, 2);
	options_release(&options);
}

static void test_without_btf_and_dwarf(void **state)
{
	static const struct {
		const char *text;
		enum name_offset_source source;
	} wanted[] = {{"btf", NAME_OFFSET_DWARF},
		      {"dwarf", NAME_OFFSET_CHECKED},
		      {"btf,dwarf", NAME_OFFSET_CHECKED},
		      {"dwarf,btf", NAME_OFFSET_CHECKED}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct options options;

		good(&options, ARGS("-c", "x", "--without", wanted[i].text));
		assert_int_equal(options.name_offset, wanted[i].source);
		options_release(&options);
	}
}

static void test_snapshot_signals(void **state)
{
	static const struct {
		const char *text;
		int number;
	} good_ones[] = {{"USR1", SIGUSR1},	{"usr2", SIGUSR2}, {"SIGUSR2", SIGUSR2}, {"sigwinch", SIGWINCH},
			 {"12", SIGUSR2}, {"40", 40},	   {"64", 64}};
	static const char *const bad[] = {"",	"SIG", "INT", "SIGTERM", "HUP", "KILL", "CHLD", "2", "9",
					  "17", "0",   "-12", "65",	 "31",	"12x",	"USR",	"USR23"};

	(void)state;
	for (size_t i = 0; i < sizeof(good_ones) / sizeof(good_ones[0]); i++) {
		struct options options;

		good(&options, ARGS("-c", "x", "--snapshot-on", good_ones[i].text));
		assert_int_equal(options.snapshot_signal, good_ones[i].number);
		options_release(&options);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char sentence[256];

		snprintf(sentence, sizeof(sentence),
			 "--snapshot-on %s: not USR1, USR2, ALRM, CONT, WINCH, URG, IO, PWR or the number of a "
			 "real-time signal",
			 bad[i]);
		assert_mistake(ARGS("-c", "x", "--snapshot-on", bad[i]), sentence);
	}
}

static void test_actions(void **state)
{
	struct options options;

	(void)state;
	good(&options, ARGS("--explain", "-c", "dentry"));
	assert_int_equal(options.action, ACTION_EXPLAIN);
	options_release(&options);
	good(&options, ARGS("--list-caches"));
	assert_int_equal(options.action, ACTION_LIST_CACHES);
	options_release(&options);
	good(&options, ARGS("-c", "kmalloc-*", "--list-caches"));
	assert_int_equal(options.action, ACTION_LIST_CACHES);
	assert_int_equal(options.cache_count, 1);
	options_release(&options);
	good(&options, ARGS("-h"));
	assert_int_equal(options.action, ACTION_HELP);
	options_release(&options);
	good(&options, ARGS("--help"));
	assert_int_equal(options.action, ACTION_HELP);
	options_release(&options);
	good(&options, ARGS("--version"));
	assert_int_equal(options.action, ACTION_VERSION);
	options_release(&options);
}

static void test_command(void **state)
{
	struct options options;
	char **argv = ARGS("-c", "x", "ls", "-l", "--quiet", "-d", "5");

	(void)state;
	/* What stands behind the command is its own. */
	good(&options, argv);
	assert_ptr_equal(options.command, argv + 3);
	assert_false(options.is_quiet);
	assert_int_equal(options.duration_ns, 0);
	options_release(&options);
	argv = ARGS("-c", "x", "--", "-odd", "name");
	good(&options, argv);
	assert_ptr_equal(options.command, argv + 4);
	assert_string_equal(options.command[0], "-odd");
	options_release(&options);
	good(&options, ARGS("-c", "x", "--"));
	assert_null(options.command);
	options_release(&options);
}

static void test_mistakes(void **state)
{
	(void)state;
	assert_mistake(ARGS(), "which slab cache? name it with -c, as in: slabrec -c kmalloc-1024 sleep 10 (slabrec "
			       "--list-caches shows all)");
	assert_mistake(ARGS("-c", ""), "which slab cache? name it with -c, as in: slabrec -c kmalloc-1024 sleep 10 "
				       "(slabrec --list-caches shows all)");
	assert_mistake(ARGS("sleep", "1", "-c", "x"), "which slab cache? name it with -c, as in: slabrec -c "
						      "kmalloc-1024 sleep 10 (slabrec --list-caches shows all)");
	assert_mistake(ARGS("-c", "x", "-G", ""), "--cgroup: which one? / is all");
	assert_mistake(ARGS("-c", "x", "-t", "0"), "--tid 0: not a number from 1 to 4194304");
	assert_mistake(ARGS("-c", "a\"b"), "--cache a\"b: no cache has a quote or backslash in its name");
	assert_mistake(ARGS("-c", "x,a\\b"), "--cache a\\b: no cache has a quote or backslash in its name");
	assert_mistake(ARGS("-c"), "option -c needs a value");
	assert_mistake(ARGS("--cache"), "option --cache needs a value");
	assert_mistake(ARGS("-c", "x", "-d"), "option -d needs a value");
	assert_mistake(ARGS("-z"), "unknown option -z (slabrec --help lists them)");
	assert_mistake(ARGS("--zzz"), "unknown option --zzz (slabrec --help lists them)");
	assert_mistake(ARGS("-zq"), "unknown option -z (slabrec --help lists them)");
	assert_mistake(ARGS("-qz"), "unknown option -z (slabrec --help lists them)");
	assert_mistake(ARGS("--c", "x"), "unknown option --c (slabrec --help lists them)");
	assert_mistake(ARGS("--quiet=3"), "unknown option --quiet=3 (slabrec --help lists them)");
	assert_mistake(ARGS("-p", "0"), "--pid 0: not a number from 1 to 4194304");
	assert_mistake(ARGS("-p", "4194305"), "--pid 4194305: not a number from 1 to 4194304");
	assert_mistake(ARGS("-p", "1x"), "--pid 1x: not a number from 1 to 4194304");
	assert_mistake(ARGS("-p", ""), "--pid : not a number from 1 to 4194304");
	assert_mistake(ARGS("-p", "99999999999999999999"),
		       "--pid 99999999999999999999: not a number from 1 to 4194304");
	assert_mistake(ARGS("-C", "3-1"), "--cpu 3-1: not a list of CPUs such as 0-3,7");
	assert_mistake(ARGS("-C", "0", "-C", "x"), "--cpu x: not a list of CPUs such as 0-3,7");
	assert_mistake(ARGS("--max-size", "63k"), "--max-size 63k: not a size from 64k on, as 500M or 2G");
	assert_mistake(ARGS("--max-size", "many"), "--max-size many: not a size from 64k on, as 500M or 2G");
	assert_mistake(ARGS("--max-memory", "1023k"), "--max-memory 1023k: not a size from 1024k on, as 500M or 2G");
	assert_mistake(ARGS("--start-when", "x"),
		       "--start-when x: not as 'kmalloc-1k>100000 objects' or 'SUnreclaim>2G'");
	assert_mistake(ARGS("-m", "3"), "--mmap-pages 3: not a power of two");
	assert_mistake(ARGS("-m", "0"), "--mmap-pages 0: not a number from 1 to 1048576");
	assert_mistake(ARGS("-m", "2097152"), "--mmap-pages 2097152: not a number from 1 to 1048576");
	assert_mistake(ARGS("--source", "ebpf"), "--source ebpf: not one of auto, bpf, kprobe, tracepoint");
	assert_mistake(ARGS("--user-stack", "lbr"), "--user-stack lbr: not one of dwarf, fp, none");
	assert_mistake(ARGS("--free-stacks", ""), "--free-stacks : not one of some, all, none");
	assert_mistake(ARGS("--without", "witness,x"),
		       "--without x: not one of bpf, walk, return-args, maxactive, arg-names, witness, btf, dwarf");
}

static void test_durations(void **state)
{
	static const char *const bad[] = {"0", "-1", "x", "", "1s", "nan", "inf", "1e10", "0.0000000001", " "};
	struct options options;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char sentence[128];

		snprintf(sentence, sizeof(sentence), "--duration %s: not a number of seconds above 0", bad[i]);
		assert_mistake(ARGS("-c", "x", "-d", bad[i]), sentence);
	}
	good(&options, ARGS("-c", "x", "-d", "0.001"));
	assert_int_equal(options.duration_ns, 1000000);
	options_release(&options);
}

static void test_many_caches(void **state)
{
	char names[2 * (OPTIONS_CACHES_MAX + 1) + 1];
	struct options options;

	(void)state;
	for (size_t i = 0; i <= OPTIONS_CACHES_MAX; i++)
		memcpy(names + 2 * i, "x,", 3);
	assert_mistake(ARGS("-c", names), "--cache: more than 256 names");
	names[2 * OPTIONS_CACHES_MAX] = '\0';
	good(&options, ARGS("-c", names));
	assert_int_equal(options.cache_count, OPTIONS_CACHES_MAX);
	options_release(&options);
}

/* Every option that is taken is in the help text. */
static void test_help_tells_them_all(void **state)
{
	static const char *const all[] = {"-c, --cache",   "--list-caches", "--explain",   "-d, --duration", "-p, --pid", "-t, --tid", "-G, --cgroup",
					  "-C, --cpu",	   "--user-stack",     "--free-stacks",	 "-o, --output",
					  "--source",	   "-m, --mmap-pages", "--without",	 "-q, --quiet",
					  "-v, --verbose", "-h, --help",       "--version",
					  "--max-size",	   "--max-memory",     "--start-when",
					  "--snapshot-on",   "--only-live",     "--reclaim",
					  "--peek",	   "--work ",	       "--work-cmd"};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strstr(options_help, all[i]))
			fail_msg("--help does not tell %s", all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_option),
		cmocka_unit_test(test_without_btf_and_dwarf),
		cmocka_unit_test(test_snapshot_signals),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_many_caches),
		cmocka_unit_test(test_help_tells_them_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
