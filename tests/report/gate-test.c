/* What --fail-on asks for and what it says of recordings with a known truth. */
#include "report/gate.h"

#include "tests/report/scenario.h"

#include <errno.h>
#include <math.h>

static void test_words(void **state)
{
	static const char *const wrong[] = {"",	     "suspects", "suspect,", ",high", "0/s",   "-1/s", "1/m",	"1",	 "nan/s", "inf/s",
					    "1e400/s", "live",	 "live:",    "live:-1", "live:1x", "live:99999999999999999999", "live: 1", "KiB/s", "1.2.3/s",
					    "suspectsuspectsuspectsuspectsuspectsuspectsuspectsuspectsuspectsuspect"};
	struct gate gate = {0};
	struct error err;

	(void)state;
	assert_int_equal(gate_parse(&gate, "medium", NULL), 0);
	assert_int_equal(gate.confidence, SUSPECT_MEDIUM);
	assert_false(gate.has_live);
	gate = (struct gate){0};
	assert_int_equal(gate_parse(&gate, "high,0.5/s,1.5KiB/s,live:0", NULL), 0);
	assert_int_equal(gate.confidence, SUSPECT_HIGH);
	assert_true(fabs(gate.objects_per_second - .5) < 1e-9);
	assert_true(fabs(gate.bytes_per_second - 1536) < 1e-9);
	assert_true(gate.has_live && gate.live == 0);
	assert_string_equal(gate.text, "high,0.5/s,1.5KiB/s,live:0");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		gate = (struct gate){0};
		if (gate_parse(&gate, wrong[i], &err) != -EINVAL)
			fail_msg("\"%s\" is understood", wrong[i]);
	}
}

/* seconds of: each 10 ms an object that stays, and one that does not. */
static void scene_of(struct scene *scene, struct scenario *scenario, unsigned int seconds, bool is_leaking)
{
	scenario_begin(scenario);
	uint32_t cache = scenario_cache(scenario, "kmalloc-1k", 1024), leak = STACK(scenario, "outer", "leaks", "kmalloc_trace"),
		 fine = STACK(scenario, "outer", "frees", "kmalloc_trace");

	for (unsigned int i = 0; i < 100 * seconds; i++) {
		scenario->now_ns += 10 * MS;
		if (is_leaking)
			scenario_alloc(scenario, cache, leak, 0, 1000);
		uint64_t object = scenario_alloc(scenario, cache, fine, 0, 1000);
		scenario->now_ns += MS;
		scenario_free(scenario, TRACE_EVENT_FREE, object, fine);
	}
	scenario_end(scenario);
	scene_read(scene, scenario);
}

static void expect(const struct model *model, const char *text, uint32_t exit_status, enum gate_state state)
{
	struct gate gate = {0};

	assert_int_equal(gate_parse(&gate, text, NULL), 0);
	struct gate_result result = gate_judge(&gate, model);
	if (result.exit_status != exit_status || result.state != state)
		fail_msg("--fail-on %s: exit status %u, %s", text, result.exit_status, gate_state_name(result.state));
	assert_true((result.state != GATE_SUSPECTS) == !result.count || state == GATE_UNRELIABLE);
}

static void test_a_leak(void **state)
{
	struct scenario scenario;
	struct scene scene = {0};

	(void)state;
	scene_of(&scene, &scenario, 60, true);
	assert_int_equal(scene.model.suspect_count, 1);
	assert_int_equal(gate_judge(NULL, &scene.model).state, GATE_SUSPECTS);
	assert_int_equal(gate_judge(NULL, &scene.model).exit_status, 0);
	expect(&scene.model, "suspect", 1, GATE_SUSPECTS);
	/* About 91 objects and 91 KiB a second. */
	expect(&scene.model, "50/s", 1, GATE_SUSPECTS);
	expect(&scene.model, "200/s", 0, GATE_FINE);
	expect(&scene.model, "50K/s", 1, GATE_SUSPECTS);
	expect(&scene.model, "200KiB/s", 0, GATE_FINE);
	expect(&scene.model, "200/s,live:5999", 1, GATE_SUSPECTS);
	expect(&scene.model, "live:6000", 0, GATE_FINE);
	scene_release(&scene);
	scenario_release(&scenario);
}

static void test_no_leak(void **state)
{
	struct scenario scenario;
	struct scene scene = {0};

	(void)state;
	scene_of(&scene, &scenario, 60, false);
	expect(&scene.model, "suspect,1/s,live:0", 0, GATE_FINE);
	scene_release(&scene);
	scenario_release(&scenario);
	/* Nothing at all. */
	scenario_begin(&scenario);
	scenario_end(&scenario);
	scene_read(&scene, &scenario);
	expect(&scene.model, "suspect", 0, GATE_FINE);
	scene_release(&scene);
	scenario_release(&scenario);
}

/* That it cannot be told is not fine; how many are live can. */
static void test_too_short(void **state)
{
	struct scenario scenario;
	struct scene scene = {0};

	(void)state;
	scene_of(&scene, &scenario, 2, true);
	expect(&scene.model, "suspect", 3, GATE_UNDETERMINED);
	expect(&scene.model, "high,100/s", 3, GATE_UNDETERMINED);
	expect(&scene.model, "live:100", 1, GATE_SUSPECTS);
	expect(&scene.model, "live:200", 0, GATE_FINE);
	scene_release(&scene);
	scenario_release(&scenario);
	scene_of(&scene, &scenario, 2, false);
	expect(&scene.model, "suspect", 0, GATE_FINE);
	scene_release(&scene);
	scenario_release(&scenario);
}

static void test_unreliable(void **state)
{
	struct scenario scenario;
	struct scene scene = {0};

	(void)state;
	scenario_begin(&scenario);
	uint32_t cache = scenario_cache(&scenario, "kmalloc-1k", 1024), stack = STACK(&scenario, "leaks", "kmalloc_trace");

	for (unsigned int i = 0; i < 100; i++)
		scenario_alloc(&scenario, cache, stack, 0, 1000);
	trace_writer_loss(scenario.writer, &(struct trace_loss){.ring = TRACE_RING_ALLOC, .lost = 1000});
	scenario_end(&scenario);
	scene_read(&scene, &scenario);
	assert_string_not_equal(scene.model.unreliable, "");
	expect(&scene.model, "suspect", 3, GATE_UNRELIABLE);
	expect(&scene.model, "live:10", 3, GATE_UNRELIABLE);
	assert_int_equal(gate_judge(NULL, &scene.model).exit_status, 0);
	scene_release(&scene);
	scenario_release(&scenario);
}

/* Of forty user stacks each has five live objects; their place in the kernel has two hundred, and is told of once. */
static void test_many_user_stacks(void **state)
{
	struct scenario scenario;
	struct scene scene = {0};
	struct gate gate = {0};

	(void)state;
	scenario_begin(&scenario);
	struct trace_writer *writer = scenario.writer;
	uint32_t cache = scenario_cache(&scenario, "kmalloc-1k", 1024);
	struct trace_file file = {.path = trace_writer_text(writer, "/usr/bin/reader")};
	struct trace_frame place = {.kind = TRACE_FRAME_KERNEL, .address = 0xffffffff81000000u, .symbol = trace_writer_text(writer, "leaks")};
	struct trace_frame caller = {.kind = TRACE_FRAME_USER, .file = trace_writer_file(writer, &file)};
	uint32_t frame = trace_writer_frame(writer, &place);

	for (uint32_t user = 0; user < 40; user++) {
		caller.address = 0x1000 + 16 * user;
		struct trace_node outer = {.frame = trace_writer_frame(writer, &caller)};
		struct trace_node inner = {.parent = trace_writer_node(writer, &outer), .frame = frame};
		uint32_t stack = trace_writer_node(writer, &inner);

		for (unsigned int i = 0; i < 5; i++) {
			scenario.now_ns += MS;
			scenario_alloc(&scenario, cache, stack, 0, 1000);
		}
	}
	scenario_end(&scenario);
	scene_read(&scene, &scenario);
	assert_int_equal(scene.model.site_count, 40);
	expect(&scene.model, "live:5", 1, GATE_SUSPECTS);
	expect(&scene.model, "live:199", 1, GATE_SUSPECTS);
	expect(&scene.model, "live:200", 0, GATE_FINE);
	assert_int_equal(gate_parse(&gate, "live:0", NULL), 0);
	assert_int_equal(gate_judge(&gate, &scene.model).count, 1);
	scene_release(&scene);
	scenario_release(&scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),	  cmocka_unit_test(test_a_leak),     cmocka_unit_test(test_no_leak),
		cmocka_unit_test(test_too_short), cmocka_unit_test(test_unreliable),
		cmocka_unit_test(test_many_user_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
