/* Counts with a known truth: how often a change is seen where there is none, and how often where there is one. */
#include "tests/cmocka_unit.h"

#include <math.h>

#include "report/rate_change.h"

#define PARTS 12u
#define STACKS 300u

static uint64_t random_state = 1;

static double chance(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return ((double)(random_state >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2 * log(chance())) * cos(6.283185307179586 * chance());
}

static double poisson(double mean)
{
	double count = 0, product = exp(-mean);

	if (mean > 200)
		return fmax(0, floor(mean + sqrt(mean) * normal() + 0.5));
	for (double at = chance(); at > product; at *= chance())
		count++;
	return count;
}

/* A run of 60 s: so many a second, in clusters of that mean size (1: none), and run by run by that share more or less. */
static struct rate_run make_run(double rate, double cluster, double varies)
{
	struct rate_run run = {.parts = PARTS, .exposure = 54};
	double here = rate * exp(varies * normal());

	for (uint32_t i = 0; i < PARTS; i++) {
		double clusters = poisson(here * run.exposure / PARTS / cluster);

		run.counts[i] = cluster > 1 ? poisson(clusters * cluster) : clusters;
		run.count += run.counts[i];
	}
	return run;
}

/* A kernel's stacks: most quiet, some slow, few fast; some in clusters. */
static double rate_of_stack(uint32_t stack)
{
	return stack % 3 ? 0.02 : 0.1 * pow(10, 3.0 * (double)(stack % 29) / 28);
}

static double cluster_of_stack(uint32_t stack)
{
	return stack % 4 == 0 ? 20 : 1;
}

struct outcome {
	double flags, fixed, found, same, inconclusive; /* a comparison */
};

/* Compares so many pairs of sides; every 30th stack is a leak that is that many times less afterwards. */
static struct outcome compare(uint32_t comparisons, uint32_t runs, double less, double varies)
{
	struct outcome outcome = {0};
	double leaks = 0;

	for (uint32_t turn = 0; turn < comparisons; turn++) {
		struct rate_change changes[STACKS], *pointers[STACKS];

		for (uint32_t i = 0; i < STACKS; i++) {
			bool is_leak = less > 1 && i % 30 == 7;
			struct rate_run sides[2][8];
			double rate = is_leak ? 1.5 : rate_of_stack(i);

			for (uint32_t run = 0; run < runs; run++) {
				sides[0][run] = make_run(rate, is_leak ? 1 : cluster_of_stack(i), varies);
				sides[1][run] = make_run(is_leak ? rate / less : rate, is_leak ? 1 : cluster_of_stack(i), varies);
			}
			changes[i] = rate_change_measure(sides[0], runs, sides[1], runs);
			pointers[i] = &changes[i];
		}
		assert_int_equal(rate_change_decide(pointers, STACKS), 0);
		for (uint32_t i = 0; i < STACKS; i++) {
			bool is_flag = changes[i].state >= RATE_FIXED, is_leak = less > 1 && i % 30 == 7;

			outcome.flags += is_flag && !is_leak;
			outcome.found += is_leak && (changes[i].state == RATE_FIXED || changes[i].state == RATE_IMPROVED);
			outcome.fixed += is_leak && changes[i].state == RATE_FIXED;
			leaks += is_leak;
			outcome.same += changes[i].state == RATE_SAME;
			outcome.inconclusive += changes[i].state == RATE_INCONCLUSIVE;
		}
	}
	outcome.flags /= comparisons;
	outcome.found = leaks > 0 ? outcome.found / leaks : 0;
	outcome.fixed = leaks > 0 ? outcome.fixed / leaks : 0;
	outcome.same /= comparisons;
	outcome.inconclusive /= comparisons;
	return outcome;
}

static void report(const char *what, const struct outcome *outcome)
{
	printf("# %s: %.2f false flags in %u stacks, %.0f %% found (%.0f %% fixed), %.0f same, %.0f inconclusive\n", what, outcome->flags, STACKS,
	       100 * outcome->found, 100 * outcome->fixed, outcome->same, outcome->inconclusive);
}

static void test_nothing_changed(void **state)
{
	static const struct {
		const char *what;
		uint32_t runs;
		double varies;
	} cases[] = {{"A/A, 1 run", 1, 0}, {"A/A, 1 run, runs differ by 10 %", 1, .1}, {"A/A, 3 runs", 3, 0},
		     {"A/A, 3 runs, they differ by 10 %", 3, .1}, {"A/A, 3 runs, they differ by 30 %", 3, .3}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome = compare(40, cases[i].runs, 1, cases[i].varies);

		report(cases[i].what, &outcome);
		if (outcome.flags > 1)
			fail_msg("%s: %.2f false flags", cases[i].what, outcome.flags);
		/* Not by calling nothing: most stacks are proven to be the same. */
		assert_true(outcome.same > STACKS / 2.0);
	}
}

static void test_a_fix(void **state)
{
	static const struct {
		const char *what;
		uint32_t runs;
		double less, least;
	} cases[] = {{"fixed, 1 run", 1, 1e9, .95}, {"10 times less, 1 run", 1, 10, .8}, {"3 times less, 3 runs", 3, 3, .8}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome = compare(20, cases[i].runs, cases[i].less, .05);

		report(cases[i].what, &outcome);
		if (outcome.found < cases[i].least || outcome.flags > 1)
			fail_msg("%s: %.0f %% found, %.2f false flags", cases[i].what, 100 * outcome.found, outcome.flags);
		if (cases[i].less > 1e6 && outcome.fixed < .95)
			fail_msg("%s: %.0f %% are called fixed", cases[i].what, 100 * outcome.fixed);
	}
}

static struct rate_run even_run(double count, double exposure)
{
	struct rate_run run = {.parts = PARTS, .count = count, .exposure = exposure};

	for (uint32_t i = 0; i < PARTS; i++)
		run.counts[i] = count / PARTS;
	return run;
}

static struct rate_change judge(const struct rate_run *before, const struct rate_run *after)
{
	struct rate_change change = rate_change_measure(before, 1, after, 1), *pointer = &change;

	assert_int_equal(rate_change_decide(&pointer, 1), 0);
	return change;
}

static void test_states(void **state)
{
	struct rate_run none = even_run(0, 60), few = even_run(2, 60), some = even_run(12, 60), many = even_run(600, 60);
	struct rate_run tenth = even_run(60, 60), longer = even_run(1200, 120), doubled = even_run(1200, 60);

	(void)state;
	assert_int_equal(judge(&none, &none).state, RATE_SAME);
	assert_int_equal(judge(&few, &none).state, RATE_SAME);
	assert_int_equal(judge(&many, &none).state, RATE_FIXED);
	assert_int_equal(judge(&many, &few).state, RATE_FIXED);
	assert_int_equal(judge(&many, &tenth).state, RATE_IMPROVED);
	assert_int_equal(judge(&none, &many).state, RATE_REGRESSED);
	assert_int_equal(judge(&tenth, &many).state, RATE_REGRESSED);
	/* Twice as many in twice the time. */
	assert_int_equal(judge(&many, &longer).state, RATE_SAME);
	/* A uniform doubling is not hidden. */
	assert_int_equal(judge(&many, &doubled).state, RATE_REGRESSED);
	struct rate_change change = judge(&some, &few);
	assert_int_equal(change.state, RATE_FIXED);
	struct rate_run four = even_run(4, 60), nine = even_run(9, 60);
	change = judge(&four, &nine);
	assert_int_equal(change.state, RATE_INCONCLUSIVE);
	assert_true(change.longer > 1.5 && change.longer < 100);
	/* It is right about that: so much longer, the same rates decide it. */
	struct rate_run long_four = even_run(4 * change.longer, 60 * change.longer), long_nine = even_run(9 * change.longer, 60 * change.longer);
	assert_int_not_equal(judge(&long_four, &long_nine).state, RATE_INCONCLUSIVE);
}

static void test_numbers(void **state)
{
	struct rate_run before = even_run(600, 60), after = even_run(60, 60);
	struct rate_change change = judge(&before, &after);

	(void)state;
	assert_true(change.rate[0] > 9.99 && change.rate[0] < 10.01 && change.rate[1] > .99 && change.rate[1] < 1.01);
	assert_true(change.ratio > .099 && change.ratio < .101);
	assert_true(change.ratio_low < .1 && change.ratio_high > .1 && change.ratio_high < .3);
	assert_true(change.low[0] < 10 && change.low[0] > 6 && change.high[0] > 10 && change.high[0] < 15);
	struct rate_run none = even_run(0, 60);
	assert_true(isinf(judge(&none, &before).ratio));
	assert_true(judge(&none, &none).ratio >= 1 && judge(&none, &none).p >= 1);
}

/* What came in one cluster is one event, not as many as there are in it. */
static void test_one_shot(void **state)
{
	struct rate_run before = {.parts = PARTS, .count = 500, .exposure = 54, .counts = {[4] = 500}}, after = even_run(0, 54);

	(void)state;
	assert_int_equal(judge(&before, &after).state, RATE_INCONCLUSIVE);
}

/* What comes at the same times on both sides, as in a cache that fills, is the same. */
static void test_profile(void **state)
{
	struct rate_run before = {.parts = PARTS, .exposure = 54}, after = before;

	(void)state;
	for (uint32_t i = 0; i < PARTS; i++) {
		before.count += before.counts[i] = 400 / (i + 1.0) + i % 2;
		after.count += after.counts[i] = 400 / (i + 1.0) + i % 3;
	}
	assert_int_equal(judge(&before, &after).state, RATE_SAME);
	/* At other times it is noise, and nothing is proven. */
	after.count = 0;
	for (uint32_t i = 0; i < PARTS; i++)
		after.count += after.counts[i] = before.counts[PARTS - 1 - i];
	assert_int_equal(judge(&before, &after).state, RATE_INCONCLUSIVE);
}

/* Objects that may have been freed prove nothing. */
static void test_doubt(void **state)
{
	struct rate_run before = even_run(10, 60), after = even_run(100, 60), lower = even_run(0, 60);

	(void)state;
	assert_int_equal(judge(&before, &after).state, RATE_REGRESSED);
	after.doubt = 95;
	assert_int_not_equal(judge(&before, &after).state, RATE_REGRESSED);
	/* Nor those of the side that had more, where it got better. */
	before = even_run(100, 60);
	assert_int_equal(judge(&before, &lower).state, RATE_FIXED);
	before.doubt = 100;
	assert_int_not_equal(judge(&before, &lower).state, RATE_FIXED);
}

/* Runs that differ among themselves prove less than runs that agree. */
static void test_runs_that_differ(void **state)
{
	struct rate_run agree[2][3] = {{even_run(100, 60), even_run(101, 60), even_run(99, 60)},
				       {even_run(160, 60), even_run(158, 60), even_run(162, 60)}};
	struct rate_run differ[2][3] = {{even_run(20, 60), even_run(220, 60), even_run(60, 60)},
					{even_run(300, 60), even_run(60, 60), even_run(120, 60)}};

	(void)state;
	struct rate_change change = rate_change_measure(agree[0], 3, agree[1], 3), *pointer = &change;
	rate_change_decide(&pointer, 1);
	assert_int_equal(change.state, RATE_REGRESSED);
	change = rate_change_measure(differ[0], 3, differ[1], 3);
	rate_change_decide(&pointer, 1);
	assert_int_equal(change.state, RATE_INCONCLUSIVE);
	assert_true(change.dispersion > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_one_shot),
		cmocka_unit_test(test_profile),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(test_runs_that_differ),
		cmocka_unit_test(test_nothing_changed),
		cmocka_unit_test(test_a_fix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
