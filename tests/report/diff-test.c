/* Before and after on recordings with a known truth: states, exposure, several recordings, and what each format makes of it. */
#include "tests/report/scenario.h"

#include <errno.h>
#include <stdio.h>

#include "report/diff.h"
#include "report/diff_text.h"
#include "report/render.h"

#define LENGTH_S 60u

/* A minute: so many objects stay at each site, evenly; many more come and go at another. */
struct minute {
	unsigned int leaks, other_leaks, new_leaks;
	const char *suffix; /* of the functions' names */
	const char *cache;
	uint64_t work;	 /* 0: not told */
	unsigned int seconds; /* 0: LENGTH_S */
	bool has_second_cache;
	bool is_lossy;
};

static uint32_t stack_of(struct scenario *s, const char *site, const char *suffix)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", site, suffix);
	return STACK(s, "/bin/x!main", "entry_SYSCALL_64_after_hwframe", "do_syscall_64", "__x64_sys_ioctl", "thing_ioctl", name, "kmalloc_trace");
}

static void make(struct scene *scene, struct scenario *s, const struct minute *minute)
{
	unsigned int seconds = minute->seconds ? minute->seconds : LENGTH_S, ticks = seconds * 100;

	scenario_begin(s);
	scenario_facts(s);
	uint32_t cache = scenario_cache(s, minute->cache ? minute->cache : "kmalloc-64", 64), task = scenario_task(s, 7, 7, "x");
	uint32_t second = minute->has_second_cache ? scenario_cache(s, "dentry", 192) : 0;
	const char *suffix = minute->suffix ? minute->suffix : "";
	uint32_t leaky = stack_of(s, "leaky_alloc", suffix), other = stack_of(s, "other_alloc", suffix), fresh = stack_of(s, "fresh_alloc", suffix);
	uint32_t busy = stack_of(s, "busy_alloc", suffix), put = STACK(s, "thing_put", "kfree"), entry = stack_of(s, "entry_alloc", suffix);

	for (unsigned int tick = 0; tick < ticks; tick++) {
		s->now_ns = tick * 10 * MS + 1;
		for (unsigned int i = tick * minute->leaks / ticks; i < (tick + 1) * minute->leaks / ticks; i++)
			scenario_alloc(s, cache, leaky, task, 60);
		for (unsigned int i = tick * minute->other_leaks / ticks; i < (tick + 1) * minute->other_leaks / ticks; i++)
			scenario_alloc(s, cache, other, task, 60);
		for (unsigned int i = tick * minute->new_leaks / ticks; i < (tick + 1) * minute->new_leaks / ticks; i++)
			scenario_alloc(s, cache, fresh, task, 60);
		if (second && tick % 10 == 0)
			scenario_alloc(s, second, entry, task, 0);
		uint64_t object = scenario_alloc(s, cache, busy, task, 60);
		s->now_ns += MS;
		scenario_free(s, TRACE_EVENT_FREE, object, put);
	}
	/* So that a site without leaks was there all the same. */
	if (!minute->leaks)
		scenario_free(s, TRACE_EVENT_FREE, scenario_alloc(s, cache, leaky, task, 60), put);
	if (minute->work)
		trace_writer_counter(s->writer, "work", minute->work);
	if (minute->is_lossy)
		trace_writer_loss(s->writer, &(struct trace_loss){.ring = TRACE_RING_FREE, .lost = 1000000, .time_ns = s->now_ns});
	s->now_ns = seconds * S;
	scenario_end(s);
	scene_read(scene, s);
}

/* Compares so many recordings of each side. */
struct comparison {
	struct diff_input input;
	struct diff diff;
};

static void compare_per(struct comparison *c, const struct minute *before, size_t before_count, const struct minute *after, size_t after_count,
			enum diff_exposure exposure)
{
	struct error err = {0};

	diff_input_init(&c->input);
	for (size_t i = 0; i < before_count + after_count; i++) {
		struct scenario s;
		struct scene scene;
		bool is_after = i >= before_count;

		make(&scene, &s, is_after ? &after[i - before_count] : &before[i]);
		if (diff_input_add(&c->input, is_after ? DIFF_AFTER : DIFF_BEFORE, is_after ? "/home/me/new.slab" : "/home/me/old.slab", &scene.model, &err))
			fail_msg("%s", err.message);
		/* Nothing of it is needed any more. */
		scene_release(&scene);
		scenario_release(&s);
	}
	if (diff_build(&c->diff, &c->input, exposure, &err))
		fail_msg("%s", err.message);
}

#define COMPARE(c, before, after)                                                                                 \
	compare_per(c, before, sizeof(before) / sizeof((before)[0]), after, sizeof(after) / sizeof((after)[0]), \
		    DIFF_EXPOSURE_BEST)

static void comparison_release(struct comparison *c)
{
	diff_release(&c->diff);
	diff_input_release(&c->input);
}

static const struct diff_row *row_of(const struct comparison *c, const char *name)
{
	for (uint32_t i = 0; i < c->diff.row_count; i++)
		if (!strcmp(c->diff.rows[i].name, name))
			return &c->diff.rows[i];
	fail_msg("no row is named %s", name);
	return NULL;
}

static void expect_state(const struct comparison *c, const char *name, enum diff_state state)
{
	const struct diff_row *row = row_of(c, name);

	if (row->state != state) {
		struct arena arena = {0};

		fail_msg("%s is %s, not %s: %s", name, diff_state_name(row->state), diff_state_name(state), diff_text_why(&arena, &c->diff, row));
	}
}

static void expect_text(const char *got, const char *wanted)
{
	if (!strstr(got, wanted))
		fail_msg("\"%s\" is not in \"%s\"", wanted, got);
}

static void test_nothing_changed(void **state)
{
	struct minute before[] = {{.leaks = 300, .other_leaks = 40}}, after[] = {{.leaks = 310, .other_leaks = 44}};
	struct comparison c;

	(void)state;
	COMPARE(&c, before, after);
	expect_state(&c, "leaky_alloc", DIFF_SAME);
	expect_state(&c, "other_alloc", DIFF_SAME);
	expect_state(&c, "busy_alloc", DIFF_SAME);
	assert_true(c.diff.rungs[SIGNATURE_SAME] == 3 && !c.diff.gone && !c.diff.fresh);
	assert_int_equal(c.diff.exposure, DIFF_PER_SECOND);
	assert_int_equal(diff_exit_status(&c.diff), 0);
	expect_text(diff_text_headline(&c.diff.arena, &c.diff), "No change");
	/* Names, not folders. */
	assert_string_equal(c.input.runs[DIFF_BEFORE][0].name, "old.slab");
	comparison_release(&c);
}

static void test_fixed_and_improved(void **state)
{
	struct minute before[] = {{.leaks = 300, .other_leaks = 400}}, after[] = {{.leaks = 0, .other_leaks = 40}};
	struct comparison c;

	(void)state;
	COMPARE(&c, before, after);
	expect_state(&c, "leaky_alloc", DIFF_FIXED);
	expect_state(&c, "other_alloc", DIFF_IMPROVED);
	/* Of 300 in a minute those that are older than 6 s: 5 a second. */
	const struct diff_row *row = row_of(&c, "leaky_alloc");
	assert_true(row->change.rate[DIFF_BEFORE] > 4.9 && row->change.rate[DIFF_BEFORE] < 5.1 && row->change.rate[DIFF_AFTER] <= 0);
	assert_true(row->sides[DIFF_BEFORE].live == 300 && row->sides[DIFF_AFTER].live == 0);
	/* 300 of 64 bytes stay in the time of before. */
	assert_true(row->sides[DIFF_BEFORE].stayed > 290 && row->sides[DIFF_BEFORE].stayed < 310);
	assert_int_equal(row->sides[DIFF_BEFORE].curve[DIFF_CURVE_POINTS - 1], 300);
	assert_true(row->sides[DIFF_BEFORE].curve[31] > 140 && row->sides[DIFF_BEFORE].curve[31] < 160);
	assert_null(row->sides[DIFF_AFTER].curve);
	expect_text(diff_text_headline(&c.diff.arena, &c.diff), "Fixed after: leaky_alloc <- thing_ioctl in kmalloc-64, ");
	assert_int_equal(diff_exit_status(&c.diff), 0);
	comparison_release(&c);
}

static void test_regressed_and_new(void **state)
{
	struct minute before[] = {{.leaks = 40}}, after[] = {{.leaks = 400, .new_leaks = 200}};
	struct comparison c;

	(void)state;
	COMPARE(&c, before, after);
	expect_state(&c, "leaky_alloc", DIFF_REGRESSED);
	expect_state(&c, "fresh_alloc", DIFF_NEW);
	assert_int_equal(c.diff.fresh, 1);
	assert_int_equal(diff_exit_status(&c.diff), 2);
	/* What is worse comes first. */
	assert_string_equal(c.diff.rows[0].name, "leaky_alloc");
	expect_text(diff_text_headline(&c.diff.arena, &c.diff), "Worse after: ");
	expect_text(diff_text_headline(&c.diff.arena, &c.diff), "New after: ");
	comparison_release(&c);
}

/* Too few to tell, and how long it would take. */
static void test_inconclusive(void **state)
{
	struct minute before[] = {{.leaks = 6}}, after[] = {{.leaks = 11}};
	struct comparison c;

	(void)state;
	COMPARE(&c, before, after);
	expect_state(&c, "leaky_alloc", DIFF_INCONCLUSIVE);
	const struct diff_row *row = row_of(&c, "leaky_alloc");
	assert_true(row->need_ns > 60 * S && row->need_ns < 86400 * S);
	expect_text(diff_text_why(&c.diff.arena, &c.diff, row), "would need ");
	assert_int_equal(diff_exit_status(&c.diff), 0);
	comparison_release(&c);
}

/* Twice the time is twice the leak; twice the work as well, whatever the time. */
static void test_exposure(void **state)
{
	struct minute before[] = {{.leaks = 300}}, longer[] = {{.leaks = 600, .seconds = 120}};
	struct minute some[] = {{.leaks = 300, .work = 1000}}, more[] = {{.leaks = 600, .work = 2000}}, none[] = {{.leaks = 600}};
	struct comparison c;

	(void)state;
	COMPARE(&c, before, longer);
	expect_state(&c, "leaky_alloc", DIFF_SAME);
	expect_text(diff_text_exposure(&c.diff.arena, &c.diff), "before 60.0 s in 1 recording, after 2.0 min in 1 recording, 2.00 times as much");
	comparison_release(&c);
	COMPARE(&c, some, more);
	assert_int_equal(c.diff.exposure, DIFF_PER_WORK);
	expect_state(&c, "leaky_alloc", DIFF_SAME);
	expect_text(diff_text_exposure(&c.diff.arena, &c.diff), "before 1,000 units in 1 recording, after 2,000 units in 1 recording, 2.00 times as much");
	comparison_release(&c);
	/* Where one does not tell, the time counts, and it is said why. */
	COMPARE(&c, some, none);
	assert_int_equal(c.diff.exposure, DIFF_PER_SECOND);
	expect_state(&c, "leaky_alloc", DIFF_REGRESSED);
	expect_text(diff_text_exposure(&c.diff.arena, &c.diff), "new.slab does not tell how much work was done");
	comparison_release(&c);
	/* Asked for. */
	compare_per(&c, some, 1, more, 1, DIFF_PER_SECOND);
	assert_int_equal(c.diff.exposure, DIFF_PER_SECOND);
	expect_state(&c, "leaky_alloc", DIFF_REGRESSED);
	comparison_release(&c);
	compare_per(&c, before, 1, longer, 1, DIFF_PER_ALLOCATION);
	expect_state(&c, "leaky_alloc", DIFF_SAME);
	comparison_release(&c);
}

static void test_exposure_that_is_not_there(void **state)
{
	struct minute before = {.leaks = 3}, after = {.leaks = 3, .work = 10};
	struct comparison c;
	struct error err = {0};

	(void)state;
	compare_per(&c, &before, 1, &after, 1, DIFF_EXPOSURE_BEST);
	diff_release(&c.diff);
	assert_int_equal(diff_build(&c.diff, &c.input, DIFF_PER_WORK, &err), -ENODATA);
	expect_text(err.message, "old.slab: has no units of work");
	diff_input_release(&c.input);
}

/* The variance between recordings decides. */
static void test_several_recordings(void **state)
{
	struct minute agree[] = {{.leaks = 300}, {.leaks = 306}, {.leaks = 296}}, more[] = {{.leaks = 460}, {.leaks = 455}, {.leaks = 466}};
	struct minute differ[] = {{.leaks = 100}, {.leaks = 500}, {.leaks = 310}}, differ_more[] = {{.leaks = 700}, {.leaks = 200}, {.leaks = 400}};
	struct comparison c;

	(void)state;
	COMPARE(&c, agree, more);
	expect_state(&c, "leaky_alloc", DIFF_REGRESSED);
	assert_int_equal(row_of(&c, "leaky_alloc")->sides[DIFF_BEFORE].live, 902);
	comparison_release(&c);
	COMPARE(&c, differ, differ_more);
	expect_state(&c, "leaky_alloc", DIFF_INCONCLUSIVE);
	comparison_release(&c);
	/* Once each it would not have been known: a tenth more or less is taken for granted only. */
	compare_per(&c, agree, 1, more, 1, DIFF_EXPOSURE_BEST);
	assert_true(diff_text_caveat(&c.diff.arena, &c.diff)[0]);
	comparison_release(&c);
}

/* Another build: other suffixes, another size class. */
static void test_other_builds(void **state)
{
	struct minute before[] = {{.leaks = 300, .suffix = ".isra.0"}}, after[] = {{.leaks = 0, .suffix = ".constprop.0", .cache = "kmalloc-96"}};
	struct comparison c;

	(void)state;
	COMPARE(&c, before, after);
	/* The cache of before was not recorded after; the same functions in another were. */
	assert_int_equal(c.diff.rungs[SIGNATURE_CACHE], 2);
	expect_state(&c, "leaky_alloc.isra.0", DIFF_FIXED);
	expect_text(diff_text_cache(&c.diff.arena, row_of(&c, "leaky_alloc.isra.0")), "kmalloc-64 before, kmalloc-96 after");
	comparison_release(&c);
}

/* A cache that was not recorded on one side is not fixed. */
static void test_cache_that_was_not_recorded(void **state)
{
	struct minute before[] = {{.leaks = 300, .has_second_cache = true}}, after[] = {{.leaks = 300}};
	struct comparison c;

	(void)state;
	COMPARE(&c, before, after);
	expect_state(&c, "entry_alloc", DIFF_INCONCLUSIVE);
	assert_true(row_of(&c, "entry_alloc")->sides[DIFF_AFTER].is_unrecorded);
	expect_text(diff_text_why(&c.diff.arena, &c.diff, row_of(&c, "entry_alloc")), "not recorded after");
	expect_text(diff_text_caveat(&c.diff.arena, &c.diff), "dentry was recorded before only");
	comparison_release(&c);
}

static void test_unreliable(void **state)
{
	struct minute before[] = {{.leaks = 30}}, after[] = {{.leaks = 500, .is_lossy = true}};
	struct comparison c;

	(void)state;
	COMPARE(&c, before, after);
	assert_int_equal(diff_exit_status(&c.diff), 3);
	expect_state(&c, "leaky_alloc", DIFF_INCONCLUSIVE);
	expect_text(diff_text_headline(&c.diff.arena, &c.diff), "cannot be relied on: after, new.slab: ");
	comparison_release(&c);
}

/* Nothing happened on a side, or in no time: no number is beyond all. */
static void test_nothing_at_all(void **state)
{
	struct minute before[] = {{.leaks = 300}};
	struct comparison c;
	struct scenario s;
	struct scene scene;
	struct error err = {0};

	(void)state;
	for (unsigned int seconds = 0; seconds <= 60; seconds += 60) {
		diff_input_init(&c.input);
		make(&scene, &s, &before[0]);
		assert_int_equal(diff_input_add(&c.input, DIFF_BEFORE, "old", &scene.model, &err), 0);
		scene_release(&scene);
		scenario_release(&s);
		scenario_begin(&s);
		scenario_cache(&s, "kmalloc-64", 64);
		s.now_ns = seconds * S;
		scenario_end(&s);
		scene_read(&scene, &s);
		assert_int_equal(diff_input_add(&c.input, DIFF_AFTER, "new", &scene.model, &err), 0);
		scene_release(&scene);
		scenario_release(&s);
		assert_int_equal(diff_build(&c.diff, &c.input, DIFF_EXPOSURE_BEST, &err), 0);
		/* A minute without any proves it. */
		expect_state(&c, "leaky_alloc", seconds ? DIFF_FIXED : DIFF_INCONCLUSIVE);
		comparison_release(&c);
	}
}

static char *rendered(const struct diff *diff, const char *format)
{
	char *text = NULL;
	size_t size_bytes;
	FILE *out = open_memstream(&text, &size_bytes);
	struct error err = {0};

	assert_non_null(out);
	if (renderer_find(format)->diff(diff, out, &err))
		fail_msg("%s: %s", format, err.message);
	assert_int_equal(fclose(out), 0);
	for (size_t i = 0; i < size_bytes; i++)
		if ((unsigned char)text[i] > 126 || (text[i] < ' ' && text[i] != '\n' && text[i] != '\t'))
			fail_msg("%s: byte %02x", format, (unsigned char)text[i]);
	return text;
}

static void test_formats(void **state)
{
	static const char *const formats[] = {"html", "xml", "text", "md", "json"};
	struct minute before[] = {{.leaks = 300, .other_leaks = 20}}, after[] = {{.leaks = 20, .other_leaks = 200, .new_leaks = 100}};
	struct minute evil[] = {{.leaks = 300, .suffix = "</script><b>'&]]>\x01\xff\xe2\x80\xae`|"}};
	struct comparison c;

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		COMPARE(&c, before, after);
		char *text = rendered(&c.diff, formats[i]);
		expect_text(text, "leaky_alloc");
		expect_text(text, "improved");
		expect_text(text, "before");
		expect_text(text, "after");
		comparison_release(&c);
		/* The same input, the same bytes. */
		COMPARE(&c, before, after);
		char *again = rendered(&c.diff, formats[i]);
		assert_string_equal(text, again);
		comparison_release(&c);
		free(text);
		free(again);
		COMPARE(&c, evil, after);
		text = rendered(&c.diff, formats[i]);
		if (i < 2 && strstr(text, "<b>'"))
			fail_msg("%s: markup of an attacker", formats[i]);
		comparison_release(&c);
		free(text);
	}
}

static void test_text_fits_into_a_mail(void **state)
{
	struct minute before[] = {{.leaks = 300, .other_leaks = 20, .suffix = "_with_a_name_that_is_long_enough_for_two_lines"}},
		      after[] = {{.leaks = 20, .other_leaks = 200, .new_leaks = 100}};
	struct comparison c;
	unsigned int lines = 0;

	(void)state;
	COMPARE(&c, before, after);
	char *text = rendered(&c.diff, "text");
	for (const char *line = text; *line; lines++) {
		size_t length = strcspn(line, "\n");

		if (length > 72)
			fail_msg("%.*s", (int)length, line);
		line += length + (line[length] == '\n');
	}
	assert_true(lines <= 100);
	free(text);
	comparison_release(&c);
}

/* Two ways to one function and its caller. */
static void test_rows_are_told_apart(void **state)
{
	struct diff_input input;
	struct diff diff;
	struct error err = {0};
	bool reads = false, writes = false;

	(void)state;
	diff_input_init(&input);
	for (int side = 0; side < DIFF_SIDES; side++) {
		struct scenario s;
		struct scene scene;

		scenario_begin(&s);
		scenario_facts(&s);
		uint32_t cache = scenario_cache(&s, "filp", 192), reading = STACK(&s, "do_syscall_64", "reads", "gets", "opens", "leaf", "kmalloc_trace"),
			 writing = STACK(&s, "do_syscall_64", "writes", "gets", "opens", "leaf", "kmalloc_trace");
		for (unsigned int i = 0; i < 100; i++) {
			s.now_ns = (i + 1) * 100 * MS;
			scenario_alloc(&s, cache, i % 2 ? reading : writing, 0, 100);
		}
		scenario_end(&s);
		scene_read(&scene, &s);
		assert_int_equal(diff_input_add(&input, (enum diff_side)side, "x.slab", &scene.model, &err), 0);
		scene_release(&scene);
		scenario_release(&s);
	}
	assert_int_equal(diff_build(&diff, &input, DIFF_EXPOSURE_BEST, &err), 0);
	assert_int_equal(diff.row_count, 2);
	for (uint32_t i = 0; i < diff.row_count; i++) {
		assert_string_equal(diff.rows[i].name, "leaf");
		assert_string_equal(diff.rows[i].caller, "opens");
		assert_true(diff.rows[i].via_skips);
		reads |= !strcmp(diff_text_place(&diff.arena, &diff.rows[i]), "leaf <- opens <- ... reads");
		writes |= !strcmp(diff_text_place(&diff.arena, &diff.rows[i]), "leaf <- opens <- ... writes");
	}
	assert_true(reads && writes);
	diff_release(&diff);
	diff_input_release(&input);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_changed),
		cmocka_unit_test(test_rows_are_told_apart),
		cmocka_unit_test(test_fixed_and_improved),
		cmocka_unit_test(test_regressed_and_new),
		cmocka_unit_test(test_inconclusive),
		cmocka_unit_test(test_exposure),
		cmocka_unit_test(test_exposure_that_is_not_there),
		cmocka_unit_test(test_several_recordings),
		cmocka_unit_test(test_other_builds),
		cmocka_unit_test(test_cache_that_was_not_recorded),
		cmocka_unit_test(test_unreliable),
		cmocka_unit_test(test_nothing_at_all),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_text_fits_into_a_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
