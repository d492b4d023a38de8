/* The wording of a comparison. */
#include "report/diff_text.h"

#include <math.h>

#include "report/number.h"
#include "report/suspect.h"
#include "report/verdict.h"

#define PER_SECOND_NS 1000000000000u /* a thousandth of a count in 1000 s */

/* A count of anything that may be out of range. */
static uint64_t whole(double value)
{
	return value > 0 ? (value < 9e18 ? (uint64_t)(value + 0.5) : INT64_MAX) : 0;
}

const char *diff_text_number(struct arena *arena, double value)
{
	if (value <= 0)
		return "0";
	return value < 0.005 ? arena_format(arena, "%.1g", value) : arena_text(arena, number_rate(whole(value * 1000), PER_SECOND_NS).text);
}

const char *diff_text_unit(const struct diff *diff)
{
	static const char *const units[] = {[DIFF_PER_WORK] = "objects per 1,000 units of work", [DIFF_PER_SECOND] = "objects/s",
					    [DIFF_PER_ALLOCATION] = "objects per 1,000 allocations"};

	return units[diff->exposure];
}

static const char *per(const struct diff *diff)
{
	static const char *const words[] = {[DIFF_PER_WORK] = " per 1,000 units", [DIFF_PER_SECOND] = "/s", [DIFF_PER_ALLOCATION] = " per 1,000 allocations"};

	return words[diff->exposure];
}

static const char *rate_of(struct arena *arena, const struct diff *diff, double rate, uint32_t slot_bytes)
{
	const char *number = diff_text_number(arena, rate);

	if (!slot_bytes || rate <= 0)
		return arena_format(arena, "%s%s", number, per(diff));
	return arena_format(arena, "%s%s (%s%s)", number, per(diff), number_bytes(whole(rate * slot_bytes)).text, per(diff));
}

const char *diff_text_rate(struct arena *arena, const struct diff *diff, const struct diff_row *row, enum diff_side side)
{
	if (row->sides[side].is_unrecorded)
		return "not recorded";
	return rate_of(arena, diff, row->change.rate[side], row->sides[side].slot_bytes);
}

const char *diff_text_ratio(struct arena *arena, const struct diff_row *row)
{
	if (row->sides[DIFF_BEFORE].is_unrecorded || row->sides[DIFF_AFTER].is_unrecorded)
		return "-";
	if (row->change.rate[DIFF_BEFORE] <= 0)
		return row->change.rate[DIFF_AFTER] > 0 ? "none before" : "-";
	if (row->change.rate[DIFF_AFTER] <= 0)
		return "none any more";
	return arena_format(arena, "%s times as much", diff_text_number(arena, row->change.ratio));
}

const char *diff_text_place(struct arena *arena, const struct diff_row *row)
{
	struct model_site site = {.name = row->name, .caller = row->caller, .via = row->via, .via_skips = row->via_skips};

	return verdict_path(arena, &site);
}

const char *diff_text_cache(struct arena *arena, const struct diff_row *row)
{
	const struct diff_count *before = &row->sides[DIFF_BEFORE], *after = &row->sides[DIFF_AFTER];

	if (row->rung == SIGNATURE_CACHE || (row->rung == SIGNATURE_SIMILAR && before->cache != after->cache))
		return arena_format(arena, "%.64s before, %.64s after", before->cache, after->cache);
	return arena_format(arena, "%.64s", before->is_there ? before->cache : after->cache);
}

static const char *class_of(const struct diff_count *count)
{
	if (count->is_unrecorded)
		return "not recorded";
	return count->is_there ? suspect_class_name(count->class) : "not there";
}

const char *diff_text_classes(struct arena *arena, const struct diff_row *row)
{
	return arena_format(arena, "%s before, %s after", class_of(&row->sides[DIFF_BEFORE]), class_of(&row->sides[DIFF_AFTER]));
}

static uint32_t changed(const struct diff *diff)
{
	return diff->states[DIFF_REGRESSED] + diff->states[DIFF_NEW] + diff->states[DIFF_FIXED] + diff->states[DIFF_IMPROVED];
}

static const struct diff_row *first_of(const struct diff *diff, enum diff_state state)
{
	for (uint32_t i = 0; i < diff->row_count; i++)
		if (diff->rows[i].state == state)
			return &diff->rows[i];
	return NULL;
}

static const char *more(struct arena *arena, const struct diff *diff, enum diff_state state)
{
	uint32_t count = diff->states[state];

	return count > 1 ? arena_format(arena, " (and %s)", number_of(count - 1, "more call stack").text) : "";
}

static const char *worse(struct arena *arena, const struct diff *diff, enum diff_state state)
{
	const struct diff_row *row = first_of(diff, state);

	if (!row)
		return "";
	if (state == DIFF_NEW)
		return arena_format(arena, "New after: %s stay through %s in %s%s, which was not there before. ", rate_of(arena, diff, row->change.rate[DIFF_AFTER], row->sides[DIFF_AFTER].slot_bytes),
				    diff_text_place(arena, row), diff_text_cache(arena, row), more(arena, diff, state));
	return arena_format(arena, "Worse after: %s stay through %s in %s%s, %s before. ",
			    rate_of(arena, diff, row->change.rate[DIFF_AFTER], row->sides[DIFF_AFTER].slot_bytes), diff_text_place(arena, row),
			    diff_text_cache(arena, row), more(arena, diff, state), rate_of(arena, diff, row->change.rate[DIFF_BEFORE], 0));
}

static const char *better(struct arena *arena, const struct diff *diff, enum diff_state state)
{
	const struct diff_row *row = first_of(diff, state);

	if (!row)
		return "";
	return arena_format(arena, "%s after: %s in %s%s, %s before, %s after. ", state == DIFF_FIXED ? "Fixed" : "Improved", diff_text_place(arena, row),
			    diff_text_cache(arena, row), more(arena, diff, state),
			    rate_of(arena, diff, row->change.rate[DIFF_BEFORE], row->sides[DIFF_BEFORE].slot_bytes),
			    rate_of(arena, diff, row->change.rate[DIFF_AFTER], 0));
}

/* The last word has a blank behind it. */
static const char *without_blank(struct arena *arena, const char *text)
{
	size_t length = __builtin_strlen(text);

	return arena_format(arena, "%.*s", (int)(length ? length - 1 : 0), text);
}

static const char *nothing_changed(struct arena *arena, const struct diff *diff)
{
	uint32_t open = diff->states[DIFF_INCONCLUSIVE];
	uint64_t need_ns = 0;

	if (!diff->row_count)
		return "Nothing was recorded on either side.";
	if (!open)
		return "No change: of no call stack does more or less stay after than before, beyond noise.";
	for (uint32_t i = 0; i < diff->row_count; i++)
		if (diff->rows[i].state == DIFF_INCONCLUSIVE && diff->rows[i].need_ns && (!need_ns || diff->rows[i].need_ns < need_ns))
			need_ns = diff->rows[i].need_ns;
	return arena_format(arena, "No change beyond noise between before and after; %s cannot be decided%s%s.", number_of(open, "call stack").text,
			    need_ns ? ", the first with recordings of " : "", need_ns ? number_duration(need_ns).text : "");
}

const char *diff_text_headline(struct arena *arena, const struct diff *diff)
{
	if (*diff->unreliable)
		return arena_format(arena, "No verdict, because a capture cannot be relied on: %s.", diff->unreliable);
	if (!changed(diff))
		return nothing_changed(arena, diff);
	return without_blank(arena, arena_format(arena, "%s%s%s%s", worse(arena, diff, DIFF_REGRESSED), worse(arena, diff, DIFF_NEW),
						 better(arena, diff, DIFF_FIXED), better(arena, diff, DIFF_IMPROVED)));
}

const char *diff_text_counts(struct arena *arena, const struct diff *diff)
{
	const char *list = "";

	for (uint32_t i = 0; i < DIFF_STATES; i++)
		if (diff->states[i])
			list = arena_format(arena, "%s%s%s %s", list, *list ? ", " : "", number_count(diff->states[i]).text, diff_state_name((enum diff_state)i));
	if (!*list)
		return "";
	return arena_format(arena, "Of %s %s.", number_of(diff->row_count, "call stack").text, list);
}

static const char *exposed(struct arena *arena, const struct diff *diff, enum diff_side side)
{
	double amount = diff->exposed[side];
	uint32_t runs = diff->input->run_count[side];
	const char *number = diff->exposure == DIFF_PER_SECOND ? arena_text(arena, number_duration(whole(amount * 1e9)).text)
							       : arena_text(arena, number_count(whole(amount * 1000)).text);

	return arena_format(arena, "%s %s%s in %u recording%s", diff_side_name(side), number,
			    diff->exposure == DIFF_PER_WORK ? " units" : diff->exposure == DIFF_PER_ALLOCATION ? " allocations" : "", runs, runs == 1 ? "" : "s");
}

const char *diff_text_exposure(struct arena *arena, const struct diff *diff)
{
	static const char *const same[] = {[DIFF_PER_WORK] = "work", [DIFF_PER_SECOND] = "time", [DIFF_PER_ALLOCATION] = "number of allocations"};
	const char *why = *diff->exposure_why ? arena_format(arena, " Not for surer exposure, as %s.", diff->exposure_why) : "";
	const char *hides = diff->exposure == DIFF_PER_ALLOCATION ? " Where all is allocated and kept twice as often, this does not tell." : "";

	return arena_format(arena, "Rates are for the same %s: %s, %s, %s times as much.%s%s", same[diff->exposure],
			    exposed(arena, diff, DIFF_BEFORE), exposed(arena, diff, DIFF_AFTER),
			    diff_text_number(arena, diff->exposed[DIFF_AFTER] / diff->exposed[DIFF_BEFORE]), why, hides);
}

const char *diff_text_matching(struct arena *arena, const struct diff *diff)
{
	const char *list = "";

	for (uint32_t i = SIGNATURE_SAME; i < SIGNATURE_RUNGS; i++)
		if (diff->rungs[i])
			list = arena_format(arena, "%s%s%s by the %s", list, *list ? ", " : "", number_count(diff->rungs[i]).text,
					    signature_rung_name((enum signature_rung)i));
	return arena_format(arena, "Call stacks on both sides: %s; %s before only, %s after only. Matched by the names of the kernel's functions, never by address or line.",
			    *list ? list : "none", number_count(diff->gone).text, number_count(diff->fresh).text);
}

static const char *other_caches(struct arena *arena, const struct diff *diff)
{
	for (uint32_t i = 0; i < diff->row_count; i++)
		for (int side = 0; side < DIFF_SIDES; side++)
			if (diff->rows[i].sides[side].is_unrecorded)
				return arena_format(arena, "%.64s was recorded %s only: of its call stacks nothing can be said. ",
						    diff->rows[i].sides[!side].cache, diff_side_name((enum diff_side)!side));
	return "";
}

const char *diff_text_caveat(struct arena *arena, const struct diff *diff)
{
	const struct diff_input *input = diff->input;
	uint64_t shortest = UINT64_MAX;
	bool is_single = input->run_count[0] == 1 && input->run_count[1] == 1;

	for (int side = 0; side < DIFF_SIDES; side++)
		for (uint32_t i = 0; i < input->run_count[side]; i++)
			if (input->runs[side][i].duration_ns < shortest)
				shortest = input->runs[side][i].duration_ns;
	return without_blank(arena, arena_format(arena, "%s%s%s", other_caches(arena, diff),
						 shortest < SUSPECT_LENGTH_NS ? "Recordings below 20 s do not tell what leaks from a cache that fills. " : "",
						 is_single ? "There is one recording of each side: two of the same are taken to differ by 10 %; several of each side would tell by how much they do. " : ""));
}

const char *diff_text_run(struct arena *arena, const struct diff *diff, enum diff_side side, uint32_t run)
{
	static const char *const names[] = {
		[SYMBOL_SOURCE_NONE] = "", [SYMBOL_SOURCE_KALLSYMS] = ", names by kallsyms", [SYMBOL_SOURCE_SYMTAB] = ", names by the symbol table", [SYMBOL_SOURCE_DWARF] = ", names by DWARF"};
	const struct diff_run *from = &diff->input->runs[side][run];
	const char *work = from->has_work ? arena_format(arena, ", %s units of work", number_count(from->work).text) : "";

	return arena_format(arena, "%s: %.100s%s%.60s, %s%s, %s call stacks%s. %s", diff_side_name(side), from->name, *from->release ? ", Linux " : "",
			    from->release, number_duration(from->duration_ns).text, work, number_count(from->site_count).text, names[from->names], from->trust);
}

static const char *counted(struct arena *arena, const struct diff *diff, const struct diff_row *row, enum diff_side side)
{
	if (row->sides[side].is_unrecorded)
		return arena_format(arena, "not recorded %s", diff_side_name(side));
	if (!row->sides[side].is_there)
		return arena_format(arena, "not there %s", diff_side_name(side));
	return arena_format(arena, "%s %s %s (%s of %s allocated stayed)", diff_side_name(side), diff_text_number(arena, row->change.rate[side]),
			    diff_text_unit(diff), number_count(whole(row->change.count[side])).text, number_count(row->sides[side].allocs).text);
}

static const char *bounds(struct arena *arena, const struct diff_row *row)
{
	const struct rate_change *change = &row->change;

	if (change->count[0] + change->count[1] <= 0 || row->sides[0].is_unrecorded || row->sides[1].is_unrecorded)
		return "";
	return arena_format(arena, "; %s (%s to %s, 95 %%)", diff_text_ratio(arena, row), diff_text_number(arena, change->ratio_low),
			    diff_text_number(arena, change->ratio_high));
}

static const char *outcome(struct arena *arena, const struct diff_row *row)
{
	if (row->state == DIFF_INCONCLUSIVE && row->need_ns)
		return arena_format(arena, "; would need %s", number_duration(row->need_ns).text);
	if (row->state == DIFF_INCONCLUSIVE || row->state == DIFF_SAME)
		return "";
	return row->change.q < 0.0001 ? "; surely (q < 0.0001)" : arena_format(arena, "; surely (q %.2g)", row->change.q);
}

const char *diff_text_why(struct arena *arena, const struct diff *diff, const struct diff_row *row)
{
	return arena_format(arena, "%s, %s%s%s", counted(arena, diff, row, DIFF_BEFORE), counted(arena, diff, row, DIFF_AFTER), bounds(arena, row),
			    outcome(arena, row));
}
