/* What each kind of loss does to the answer: lost frees make false survivors, lost allocations hide true ones. */
#include "report/integrity.h"

#include "report/number.h"
#include "report/reconcile.h"

struct checklist {
	struct arena *arena;
	const struct model *model;
	struct integrity_check *checks;
	uint32_t count;
};

static void add_check(struct checklist *list, bool is_good, const char *what, const char *value, const char *meaning)
{
	list->checks[list->count++] =
		(struct integrity_check){.what = what, .value = value, .meaning = meaning, .is_good = is_good};
}

/* Where programs' own callers are missing: classes, rates and ranks go by the kernel's part of a stack. */
static void add_minor(struct checklist *list, const char *what, const char *value, const char *meaning)
{
	add_check(list, false, what, value, meaning);
	list->checks[list->count - 1].is_minor = true;
}

static const char *count_text(struct checklist *list, uint64_t count)
{
	return arena_text(list->arena, number_count(count).text);
}

static void check_trace(struct checklist *list)
{
	const struct model_integrity *integrity = &list->model->integrity;

	if (integrity->ending == TRACE_ENDING_COMPLETE)
		add_check(list, true, "Trace", "complete", "it was read to its end and its totals agree");
	else if (integrity->ending == TRACE_ENDING_CUT)
		add_check(list, false, "Trace", "cut",
			  arena_format(list->arena,
				       "it ends at byte %s without its last record; frees after the cut are not known",
				       number_count(integrity->good_bytes).text));
	else
		add_check(list, false, "Trace", "damaged",
			  arena_format(list->arena,
				       "a checksum or record is wrong at byte %s; only what comes before is used",
				       number_count(integrity->good_bytes).text));
}

/*
 * What was lost is told at the end of a trace. One that has no end may have lost more than it tells, and where it tells
 * of nothing, nothing is known.
 */
static void check_loss(struct checklist *list, const char *what, uint64_t lost, const char *meaning)
{
	if (list->model->integrity.ending == TRACE_ENDING_COMPLETE)
		add_check(list, !lost, what, count_text(list, lost),
			  lost ? meaning : "no ring overflowed");
	else if (lost)
		add_check(list, false, what, arena_format(list->arena, "at least %s", number_count(lost).text),
			  meaning);
	else
		add_check(list, false, what, "not known", "the trace ends before it tells");
}

/* "up to 60 of the live objects may have been freed"; "" for none. */
static const char *freed_at_most(struct checklist *list)
{
	uint64_t count = list->model->integrity.freed_at_most;

	if (!count)
		return "none of the live objects is older than that";
	return arena_format(list->arena, "up to %s of the live objects may have been freed", number_count(count).text);
}

static void check_losses(struct checklist *list)
{
	const struct model_integrity *integrity = &list->model->integrity;

	check_loss(list, "Allocations lost", integrity->lost_allocs,
		   "sites have at least the allocations shown, some have more");
	check_loss(list, "Frees lost", integrity->lost_frees, freed_at_most(list));
	uint64_t missed = number_add(integrity->missed_allocs, integrity->missed_frees);
	if (missed)
		add_check(list, true, "Perhaps missed", arena_format(list->arena, "0 to %s", number_count(missed).text),
			  "hits of all caches that the kernel could not hand to a probe, and no second witness told");
	if (integrity->cpus_unseen)
		add_check(list, false, "CPUs not recorded", count_text(list, integrity->cpus_unseen),
			  arena_format(list->arena,
				       "times that a CPU came or went while it ran, for %s at most: what it freed then "
				       "looks live",
				       number_duration(integrity->cpus_unseen_ns).text));
	if (integrity->unaccounted)
		add_check(list, false, "Hits unaccounted", count_text(list, integrity->unaccounted),
			  "by which the kernel's count of its events differs from what came and what was lost");
	if (integrity->half_seen)
		add_check(list, false, "Allocations half seen", count_text(list, integrity->half_seen),
			  "they were seen to begin and not to return, so their address is not known: in no site");
	if (integrity->bulk_allocs_unseen)
		add_check(list, false, "Bulk allocations unseen", count_text(list, integrity->bulk_allocs_unseen),
			  "objects that were handed out in bulk and whose addresses this kernel does not tell: in no "
			  "site");
	if (integrity->lost_tasks)
		add_check(list, false, "Task records lost", count_text(list, integrity->lost_tasks),
			  "names of tasks and user frames may be missing");
}

static void check_frees(struct checklist *list)
{
	const struct model_integrity *integrity = &list->model->integrity;

	if (integrity->frees_implied)
		add_check(list, false, "Frees repaired", count_text(list, integrity->frees_implied),
			  "not seen, but the address was handed out again: others may be missing that were not reused");
	if (integrity->frees_unmatched)
		add_check(list, false, "Frees without object", count_text(list, integrity->frees_unmatched),
			  "of objects that had been freed already: the trace contradicts itself");
	uint64_t older = number_add(integrity->frees_older, integrity->frees_unknown);
	add_check(list, true, "Frees of older objects", count_text(list, older),
		  integrity->frees_unknown ? arena_format(list->arena,
							  "allocated before the recording; %s of them of a cache that "
							  "is not known, likely another",
							  number_count(integrity->frees_unknown).text)
					   : "allocated before the recording, so not part of the sites below");
}

static void check_order(struct checklist *list)
{
	const struct model_integrity *integrity = &list->model->integrity;
	uint64_t disorder = number_add(integrity->out_of_order, integrity->times_before);

	if (disorder)
		add_check(
			list, false, "Out of order", count_text(list, disorder),
			"events that came too late to be sorted or whose clock stepped back: single ages may be wrong");
	if (integrity->stacks_unsure)
		add_check(list, false, "Stacks unsure", count_text(list, integrity->stacks_unsure),
			  "keys of call chains that were unknown or stood for two: kernel callers of these may be missing or others");
	if (integrity->stacks_hidden)
		add_check(list, false, "Stacks hidden", count_text(list, integrity->stacks_hidden),
			  "different ones, by a return probe of another tracer on the same function: their kernel "
			  "callers are missing");
	if (integrity->user_stacks_degraded)
		add_minor(list, "User stacks degraded", count_text(list, integrity->user_stacks_degraded),
			  "allocations that came too fast to unwind their user stacks: the user callers of these are by frame pointers and may be missing; the verdict does not go by them");
	if (integrity->user_stacks_partial)
		add_minor(list, "User stacks not whole", count_text(list, integrity->user_stacks_partial),
			  "allocations whose user stack was longer than the recorder takes, or leads through code that nothing describes or that changed: outermost user callers are missing");
	if (integrity->stacks_cut)
		add_minor(list, "Stacks cut", count_text(list, integrity->stacks_cut),
			  "deeper than the kernel records: their outermost callers are missing");
}

/* Of several caches, the one that fits worst. */
static const struct model_cache *worst_cache(const struct model *model)
{
	static const int rank[] = {
		[MODEL_RECONCILE_FILTERED] = 0,	 [MODEL_RECONCILED] = 1,  [MODEL_RECONCILED_OLDER] = 2,
		[MODEL_RECONCILE_NO_CENSUS] = 3, [MODEL_UNEXPLAINED] = 4,
	};
	const struct model_cache *worst = NULL;

	for (uint32_t i = 0; i < model->cache_count; i++) {
		const struct model_cache *cache = &model->caches[i];

		if (!worst || rank[cache->reconciliation.state] > rank[worst->reconciliation.state])
			worst = cache;
	}
	return worst;
}

static void check_census(struct checklist *list)
{
	static const char *const values[] = {
		[MODEL_RECONCILED] = "agrees",
		[MODEL_UNEXPLAINED] = "differs",
		[MODEL_RECONCILED_OLDER] = "can agree",
		[MODEL_RECONCILE_FILTERED] = "not comparable",
		[MODEL_RECONCILE_NO_CENSUS] = "not there",
	};
	const struct model_cache *cache = worst_cache(list->model);

	if (!cache)
		return;
	enum model_reconciliation_state state = cache->reconciliation.state;
	const char *sentence = reconcile_sentence(list->arena, list->model, cache);
	if (list->model->cache_count > 1)
		sentence = arena_format(list->arena, "%.100s: %s", cache->name, sentence);
	const char *value = values[state];
	/* "agrees" alone would be read as a confirmation of the leak, which may be far smaller than that. */
	if (state == MODEL_RECONCILED && cache->reconciliation.tolerance)
		value = arena_format(list->arena, "agrees within %s", number_count(cache->reconciliation.tolerance).text);
	add_check(list, state != MODEL_UNEXPLAINED && state != MODEL_RECONCILE_NO_CENSUS, "Kernel's own count",
		  value, sentence);
}

uint32_t integrity_checks(struct arena *arena, const struct model *model, struct integrity_check *checks)
{
	struct checklist list = {.arena = arena, .model = model, .checks = checks};

	check_trace(&list);
	check_losses(&list);
	check_census(&list);
	check_frees(&list);
	check_order(&list);
	return list.count;
}

bool integrity_is_whole(const struct model *model)
{
	struct integrity_check checks[INTEGRITY_CHECKS_MAX];
	struct arena arena = {0};
	uint32_t count = integrity_checks(&arena, model, checks);
	bool is_whole = true;

	for (uint32_t i = 0; i < count; i++)
		is_whole = is_whole && checks[i].is_good;
	arena_release(&arena);
	return is_whole;
}

/* "3 allocations and 12 frees"; "" for none. */
static const char *lost_events(struct arena *arena, const struct model_integrity *integrity)
{
	const char *allocs = "", *frees = "";

	if (integrity->lost_allocs)
		allocs = arena_text(arena, number_of(integrity->lost_allocs, "allocation").text);
	if (integrity->lost_frees)
		frees = arena_text(arena, number_of(integrity->lost_frees, "free").text);
	return arena_format(arena, "%s%s%s", allocs, *allocs && *frees ? " and " : "", frees);
}

/* What rings and probes lost, without the full stop. */
static const char *what_was_lost(struct arena *arena, const struct model_integrity *integrity)
{
	bool is_complete = integrity->ending == TRACE_ENDING_COMPLETE;
	const char *lost = lost_events(arena, integrity);
	uint64_t missed = number_add(integrity->missed_allocs, integrity->missed_frees);

	if (*lost)
		return arena_format(arena, "Lost: %s%s", is_complete ? "" : "at least ", lost);
	if (!is_complete)
		return "What was lost is not known";
	if (missed)
		return arena_format(arena, "No ring lost an event; probes missed at most %s, of all caches",
				    number_count(missed).text);
	return "No ring or probe lost an event";
}

const char *integrity_sentence(struct arena *arena, const struct model *model)
{
	const struct model_integrity *integrity = &model->integrity;
	const char *ending = "", *repaired = "", *doubt = "", *unseen = "";

	if (integrity->ending != TRACE_ENDING_COMPLETE)
		ending = arena_format(arena, "The trace is %s at byte %s. ",
				      integrity->ending == TRACE_ENDING_CUT ? "cut" : "damaged",
				      number_count(integrity->good_bytes).text);
	if (integrity->cpus_unseen)
		unseen = arena_format(arena, "; %s a CPU was not recorded, for %s in all", number_of(integrity->cpus_unseen, "time").text,
				      number_duration(integrity->cpus_unseen_ns).text);
	if (integrity->freed_at_most)
		doubt = arena_format(arena, ": up to %s of the live objects may have been freed",
				     number_count(integrity->freed_at_most).text);
	if (integrity->frees_implied)
		repaired = arena_format(arena, " %s free%s not seen but inferred.",
					number_count(integrity->frees_implied).text,
					integrity->frees_implied == 1 ? " was" : "s were");
	return arena_format(arena, "%s%s%s%s.%s", ending, what_was_lost(arena, integrity), unseen, doubt, repaired);
}
