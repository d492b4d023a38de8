/* What kprobe_profile says, and what of it is told. */
#include "tests/cmocka_unit.h"

#include <string.h>

#include "sampler/miss_watch.h"
#include "sampler/tracefs.h"
#include "tests/sampler/written_trace.h"

static const char profile[] = "  others                                                      12              3\n"
			      "  f31_0_77_kfree                                             900             40\n"
			      "  f34_0_77_kvfree_call_rcu                                   100              5\n"
			      "  f34_0_77_kvfree_call_rcu_more                              100             99\n";

static void test_profile(void **state)
{
	uint64_t misses = 0;

	(void)state;
	assert_int_equal(tracefs_profile_misses(profile, "f34_0_77_kvfree_call_rcu", &misses), 0);
	assert_int_equal(misses, 5);
	assert_int_equal(tracefs_profile_misses(profile, "others", &misses), 0);
	assert_int_equal(misses, 3);
	assert_true(tracefs_profile_misses(profile, "f34_0_77", &misses) < 0);
	assert_true(tracefs_profile_misses("", "x", &misses) < 0);
	assert_true(tracefs_profile_misses(NULL, "x", &misses) < 0);
	assert_true(tracefs_profile_misses("  x nothing\n", "x", &misses) < 0);
}

/* One probe has a witness, one is of allocations, and one is alone. */
static void test_look(void **state)
{
	static const struct probe_function kfree_row = {.symbol = "kfree", .tracepoint = "kfree"}, rcu_row = {.symbol = "x"};
	struct probe probes[] = {
		{.role = PROBE_ROLE_FREE, .function = &kfree_row, .subsystem = "slabrec_77", .event = "f31_0_77_kfree"},
		{.role = PROBE_ROLE_FREE_RCU, .function = &rcu_row, .subsystem = "slabrec_77", .event = "f34_0_77_kvfree_call_rcu"},
		{.role = PROBE_ROLE_ALLOC, .function = &rcu_row, .subsystem = "slabrec_77", .event = "others"},
		{.role = PROBE_ROLE_FREE_WITNESS, .subsystem = "kmem", .event = "kfree"},
	};
	struct probe_plan plan = {.probes = probes, .count = 4};
	struct miss_watch watch = {0};
	struct written_trace *trace = written_trace_new();

	(void)state;
	assert_int_equal(miss_watch_look(&watch, &plan, profile, 1000, trace->writer), 0);
	assert_int_equal(miss_watch_look(&watch, &plan, profile, 2000, trace->writer), 0);
	assert_int_equal(miss_watch_look(&watch, &plan, NULL, 2500, trace->writer), 0);
	assert_int_equal(miss_watch_look(&watch, &plan, "  f34_0_77_kvfree_call_rcu 200 12\n", 3000, trace->writer), 0);
	assert_int_equal(written_trace_read(trace), 0);
	assert_int_equal(trace->unseen_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(trace->unseen[i].cause, TRACE_UNSEEN_MISSED);
		assert_string_equal(trace_reader_text(trace->reader, trace->unseen[i].event),
				    "slabrec_77:f34_0_77_kvfree_call_rcu");
	}
	assert_true(trace->unseen[0].from_ns == 0 && trace->unseen[0].time_ns == 1000 && trace->unseen[0].at_most == 5);
	assert_true(trace->unseen[1].from_ns == 2500 && trace->unseen[1].time_ns == 3000 && trace->unseen[1].at_most == 7);
	miss_watch_release(&watch);
	written_trace_free(trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profile),
		cmocka_unit_test(test_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
