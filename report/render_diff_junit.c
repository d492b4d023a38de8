/* A comparison for CI servers: a test for the captures, one for each call stack of which more stays, which fails, and one for all others. */
#include "report/render.h"

#include <errno.h>

#include "report/diff_text.h"
#include "report/escape.h"
#include "report/junit.h"
#include "report/number.h"

#define TEXT_MAX 4096u

static bool is_failure(const struct diff_row *row)
{
	return row->state == DIFF_REGRESSED || row->state == DIFF_NEW;
}

static void put_failure(FILE *out, const struct diff *diff, uint32_t index)
{
	const struct diff_row *row = &diff->rows[index];
	const struct model_frame *frames[SIGNATURE_DEPTH_MAX];
	uint32_t count = model_stack(&diff->stacks, row->node, frames, SIGNATURE_DEPTH_MAX);
	struct arena arena = {0};

	/* Two may have the same names: the place in the report tells them apart. */
	junit_begin_test(out, row->sides[DIFF_AFTER].cache,
			 arena_format(&arena, "%.256s%s%.256s (%u)", row->name, *row->caller ? " <- " : "", row->caller, index + 1), "failure",
			 diff_state_name(row->state), diff_text_why(&arena, diff, row));
	for (uint32_t i = 0; i < count; i++) {
		fputs("  ", out);
		escape_html(out, frames[i]->label, TEXT_MAX);
		fputc('\n', out);
	}
	junit_end_test(out, "failure");
	arena_release(&arena);
}

static void put_rest(FILE *out, const struct diff *diff, uint32_t failures, struct arena *arena)
{
	junit_pass(out, "slabrec",
		   arena_format(arena, "%s other call stacks: no more stays than before, beyond noise", number_count(diff->row_count - failures).text));
}

int render_diff_junit(const struct diff *diff, FILE *out, struct error *err)
{
	uint32_t failures = diff->states[DIFF_REGRESSED] + diff->states[DIFF_NEW];
	struct arena arena = {0};
	bool is_bad = *diff->unreliable;
	struct junit_suite suite = {.tests = 1 + (is_bad ? 0 : failures + 1),
				    .failures = is_bad ? 0 : failures,
				    .errors = is_bad,
				    .seconds = (double)diff->longest_ns[DIFF_AFTER] / 1e9,
				    .host = "",
				    .timestamp = ""};
	const char *const lines[] = {diff_text_headline(&arena, diff), diff_text_counts(&arena, diff), diff_text_exposure(&arena, diff),
				     diff_text_matching(&arena, diff), diff_text_caveat(&arena, diff)};

	junit_begin(out, &suite);
	junit_property(out, "verdict", lines[0]);
	junit_property(out, "per", diff_exposure_name(diff->exposure));
	junit_tests(out);
	if (is_bad) {
		junit_begin_test(out, "slabrec", "the captures tell", "error", "unreliable", diff->unreliable);
		junit_end_test(out, "error");
	} else {
		junit_pass(out, "slabrec", "the captures tell");
		for (uint32_t i = 0; i < diff->row_count; i++)
			if (is_failure(&diff->rows[i]))
				put_failure(out, diff, i);
		put_rest(out, diff, failures, &arena);
	}
	junit_end(out, lines, sizeof(lines) / sizeof(lines[0]));
	bool failed = arena.failed;
	arena_release(&arena);
	return failed ? error_set(err, -ENOMEM, "not enough memory for the tests") : 0;
}
