/* Lines of perf script, real ones and those that a task with a name of its choice may cause. */
#include "report/perf_text.h"

#include "tests/cmocka_unit.h"

static char buffer[512];

static struct perf_line read_line(const char *text)
{
	struct perf_line line;

	snprintf(buffer, sizeof(buffer), "%s", text);
	perf_line_read(&line, buffer, false);
	return line;
}

static void test_sample(void **state)
{
	struct perf_line line = read_line("perf 28983/28984 [001] 47257.414681253: kmem:kmem_cache_alloc: call_site=getname_flags.part.0+0x24 "
					  "ptr=0xffff88822d701000 name=names_cache bytes_req=4096 node=-1");
	char value[32];
	uint64_t number;

	(void)state;
	assert_int_equal(line.kind, PERF_LINE_SAMPLE);
	assert_string_equal(line.comm, "perf");
	assert_int_equal(line.pid, 28983);
	assert_int_equal(line.tid, 28984);
	assert_int_equal(line.cpu, 1);
	assert_int_equal(line.time_ns, 47257414681253u);
	assert_string_equal(line.event, "kmem:kmem_cache_alloc");
	assert_true(perf_field_number(line.fields, "ptr", &number));
	assert_true(number == 0xffff88822d701000u);
	assert_true(perf_field_number(line.fields, "bytes_req", &number));
	assert_int_equal(number, 4096);
	assert_true(perf_field(line.fields, "name", value, sizeof(value)));
	assert_string_equal(value, "names_cache");
	assert_false(perf_field(line.fields, "ame", value, sizeof(value)));
	assert_false(perf_field(line.fields, "gfp_flags", value, sizeof(value)));
	assert_false(perf_field(line.fields, "name", value, 8));
	assert_false(perf_field_number(line.fields, "node", &number));
}

/* As perf script prints without being asked for fields, and where the names of tasks are padded. */
static void test_other_columns(void **state)
{
	struct perf_line line = read_line("     kworker/0:1  2165 [000] 47446.295975:                kmem:kfree: call_site=a+0x1 ptr=(nil)");
	uint64_t number = 1;

	(void)state;
	assert_int_equal(line.kind, PERF_LINE_SAMPLE);
	assert_string_equal(line.comm, "kworker/0:1");
	assert_int_equal(line.tid, 2165);
	assert_int_equal(line.pid, 2165);
	assert_int_equal(line.time_ns, 47446295975000u);
	assert_true(perf_field_number(line.fields, "ptr", &number));
	assert_int_equal(number, 0);
	line = read_line("ls   -1/-1   [7] 1.000000001: probe:kfree: (ffffffff81635137) arg1=0xffff888100000040 name=\"a b\"");
	assert_int_equal(line.kind, PERF_LINE_SAMPLE);
	assert_int_equal(line.pid, -1);
	assert_int_equal(line.time_ns, 1000000001u);
	assert_true(perf_field(line.fields, "name", buffer + 400, 8));
	assert_string_equal(buffer + 400, "a b");
}

/* A name is 15 bytes of anybody's choice. */
static void test_names(void **state)
{
	static const char *const names[] = {"a b c",	       "1/1 [0] 1.0: k:", "5 6",	   "x [000] 1.2: y", "(unnamed)", "PERF_RECORD_LOS",
					    "# os release :", "\ta 1/1",	  "\tffffffffffff", "-1/-1 [1] 1.0: "};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "%s 77/78 [003] 5.000000000: kmem:kfree: call_site=f+0x1 ptr=0x10", names[i]);
		struct perf_line line = read_line(text);
		assert_int_equal(line.kind, PERF_LINE_SAMPLE);
		assert_int_equal(line.tid, 78);
		assert_int_equal(line.cpu, 3);
		assert_string_equal(line.event, "kmem:kfree");
	}
	/* It can say nothing in the name of another line. */
	assert_int_equal(read_line("# os release : x.y 1/1 [0] 1.0: kmem:kfree: ptr=0x1").kind, PERF_LINE_OTHER);
}

static void test_frames(void **state)
{
	struct perf_line line = read_line("\tffffffff816c7264 getname_flags.part.0+0x24 ([kernel.kallsyms])");

	(void)state;
	assert_int_equal(line.kind, PERF_LINE_FRAME);
	assert_true(line.frame.ip == 0xffffffff816c7264u);
	assert_string_equal(line.frame.symbol, "getname_flags.part.0");
	assert_int_equal(line.frame.offset, 0x24);
	assert_string_equal(line.frame.file, "[kernel.kallsyms]");
	line = read_line("\t          147bca [unknown] (/usr/bin/perf (deleted))");
	assert_int_equal(line.kind, PERF_LINE_FRAME);
	assert_null(line.frame.symbol);
	assert_int_equal(line.frame.ip, 0x147bca);
	line = read_line("\t          147bca std::map<int, f(int) >::at(int) const+0x1f0 (/usr/lib/x.so)");
	assert_string_equal(line.frame.symbol, "std::map<int, f(int) >::at(int) const");
	assert_int_equal(line.frame.offset, 0x1f0);
	assert_string_equal(line.frame.file, "/usr/lib/x.so");
	line = read_line("\t    7f0000147bca inner (inlined)");
	assert_string_equal(line.frame.symbol, "inner");
	assert_string_equal(line.frame.file, "");
	assert_int_equal(read_line("\t               0").kind, PERF_LINE_FRAME);
	assert_int_equal(read_line("\tffffffff816c72640 f+0x1 (x)").kind, PERF_LINE_OTHER);
	assert_int_equal(read_line("\tdeadbeef f+0x1 (x)").kind, PERF_LINE_OTHER);
}

static void test_lost(void **state)
{
	struct perf_line line = read_line("sh  2159/2159  [001] 47438.538730577: PERF_RECORD_LOST lost 12");

	(void)state;
	assert_int_equal(line.kind, PERF_LINE_LOST);
	assert_int_equal(line.lost, 12);
	assert_int_equal(line.cpu, 1);
	assert_int_equal(read_line("sh 1/1 [001] 4.5: PERF_RECORD_LOST_SAMPLES lost 3").kind, PERF_LINE_LOST_SAMPLES);
	assert_int_equal(read_line("sh 1/1 [001] 4.5: PERF_RECORD_LOST").kind, PERF_LINE_OTHER);
	assert_int_equal(read_line("sh 1/1 [001] 4.5: PERF_RECORD_COMM: sh:1/1").kind, PERF_LINE_SAMPLE);
	assert_int_equal(read_line("sh 1/1 [001] 4.5: PERF_RECORD_LOST lost 99999999999999999999").kind, PERF_LINE_OTHER);
}

static void test_header(void **state)
{
	struct perf_line line;

	(void)state;
	snprintf(buffer, sizeof(buffer), "# os release : 6.18.44-fc-v445");
	perf_line_read(&line, buffer, true);
	assert_int_equal(line.kind, PERF_LINE_HEADER);
	assert_string_equal(line.key, "os release");
	assert_string_equal(line.value, "6.18.44-fc-v445");
	snprintf(buffer, sizeof(buffer), "# os release : 6.18");
	perf_line_read(&line, buffer, false);
	assert_int_equal(line.kind, PERF_LINE_OTHER);
	assert_int_equal(read_line("").kind, PERF_LINE_BLANK);
	assert_int_equal(read_line("  \t").kind, PERF_LINE_BLANK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample), cmocka_unit_test(test_other_columns), cmocka_unit_test(test_names),
		cmocka_unit_test(test_frames), cmocka_unit_test(test_lost),	     cmocka_unit_test(test_header),
	};

	return cmocka_run_group_tests_name("perf_text", tests, NULL, NULL);
}
