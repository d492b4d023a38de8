/* Matches, counts for the same exposure, tests all stacks together, sorts; the same input gives the same diff. */
#include "report/diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/number.h"
#include "report/room.h"
#include "report/site_path.h"
#include "trace/cleanup.h"
#include "trace/u64_map.h"

#define SECOND 1e9
#define PARTS 12u
#define TAU_SHARE 10u /* as in suspect.c: of the recording */
#define TAU_SHARE_MAX 3u
#define LEAST_DURATION_NS 1000000000u /* below there are no rates a second */
#define NEED_STEP_NS 10000000000u
#define ONCE_AS_MANY 1.25
#define LEAST_EXPOSURE 1e-9

/* While it is built. */
struct building {
	struct diff *diff;
	const struct diff_input *input;
	struct u64_map frames; /* of a function's name, module and file: index + 1 */
	struct u64_map nodes;  /* of a parent and a frame: index */
	uint32_t frames_capacity, nodes_capacity;
	bool failed;
};

static void building_release(struct building *building)
{
	u64_map_release(&building->frames);
	u64_map_release(&building->nodes);
}

void diff_release(struct diff *diff)
{
	if (!diff)
		return;
	arena_release(&diff->arena);
	arena_release(&diff->stacks.arena);
	*diff = (struct diff){0};
}

/* Exposure. */

static bool run_has(const struct diff_run *run, enum diff_exposure exposure)
{
	switch (exposure) {
	case DIFF_PER_WORK:
		return run->has_work && run->work;
	case DIFF_PER_SECOND:
		return run->duration_ns >= LEAST_DURATION_NS;
	case DIFF_PER_ALLOCATION:
		return run->allocs;
	default:
		return false;
	}
}

static double exposure_of(const struct diff_run *run, enum diff_exposure exposure)
{
	switch (exposure) {
	case DIFF_PER_WORK:
		return (double)run->work / 1000;
	case DIFF_PER_SECOND:
		return (double)run->duration_ns / SECOND;
	default:
		return (double)run->allocs / 1000;
	}
}

/* Above 0, also of what has none. */
static double positive(double exposure)
{
	return exposure > LEAST_EXPOSURE ? exposure : LEAST_EXPOSURE;
}

/* The first recording that does not have it; NULL all do. */
static const struct diff_run *lacks(const struct diff_input *input, enum diff_exposure exposure, uint32_t *having)
{
	const struct diff_run *first = NULL;

	*having = 0;
	for (int side = 0; side < DIFF_SIDES; side++)
		for (uint32_t i = 0; i < input->run_count[side]; i++) {
			bool has = run_has(&input->runs[side][i], exposure);

			*having += has;
			if (!has && !first)
				first = &input->runs[side][i];
		}
	return first;
}

static int choose_exposure(struct diff *diff, const struct diff_input *input, enum diff_exposure wanted, struct error *err)
{
	const struct diff_run *without;
	uint32_t having;

	diff->exposure_why = "";
	diff->exposure = wanted;
	if (wanted) {
		without = lacks(input, wanted, &having);
		if (without)
			return error_set(err, -ENODATA, "%.100s: has no %s to compare for; record it with slabrec --work or --work-cmd, or leave out --per",
					 without->name, wanted == DIFF_PER_WORK ? "units of work" : diff_exposure_name(wanted));
	}
	for (uint32_t next = DIFF_PER_WORK; !diff->exposure && next < DIFF_PER_ALLOCATION; next++) {
		without = lacks(input, (enum diff_exposure)next, &having);
		if (!without)
			diff->exposure = (enum diff_exposure)next;
		else if (having && !*diff->exposure_why)
			diff->exposure_why = next == DIFF_PER_WORK ? arena_format(&diff->arena, "%.100s does not tell how much work was done", without->name)
								   : arena_format(&diff->arena, "%.100s is shorter than a second", without->name);
	}
	if (!diff->exposure)
		diff->exposure = DIFF_PER_ALLOCATION;
	for (int side = 0; side < DIFF_SIDES; side++)
		for (uint32_t i = 0; i < input->run_count[side]; i++) {
			const struct diff_run *run = &input->runs[side][i];

			diff->exposed[side] += positive(exposure_of(run, diff->exposure));
			if (run->duration_ns > diff->longest_ns[side])
				diff->longest_ns[side] = run->duration_ns;
			if (*run->unreliable && !*diff->unreliable)
				diff->unreliable = arena_format(&diff->arena, "%s, %.100s: %.200s", diff_side_name((enum diff_side)side), run->name,
								run->unreliable);
		}
	return 0;
}

/* Stacks: the functions of signatures, as frames of a model. */

static bool is_frame(const struct building *building, uint32_t at, const struct signature_function *function)
{
	const struct model_frame *frame = &building->diff->stacks.frames[at];
	const struct signature_names *names = &building->input->names;

	return frame->function == signature_text(names, function->name) && frame->module == signature_text(names, function->module) &&
	       frame->source_file == signature_text(names, function->file);
}

static uint32_t frame_of(struct building *building, const struct signature_function *function)
{
	struct model *stacks = &building->diff->stacks;
	const struct signature_names *names = &building->input->names;
	uint64_t key = u64_mix(function->name | (uint64_t)function->module << 32) ^ u64_mix(~(uint64_t)function->file);

	/* Texts have one place each. */
	for (const uint64_t *known; key && (known = u64_map_find(&building->frames, key)); key++)
		if (is_frame(building, (uint32_t)*known, function))
			return (uint32_t)*known;
	key += !key;
	uint64_t *place = u64_map_put(&building->frames, key);
	if (!place || !room_in_arena(&stacks->arena, &stacks->frames, stacks->frame_count, 1, &building->frames_capacity, sizeof(*stacks->frames))) {
		building->failed = true;
		return 0;
	}
	const char *name = signature_text(names, function->name);
	stacks->frames[stacks->frame_count] = (struct model_frame){
		.label = name,
		.function = name,
		.module = signature_text(names, function->module),
		.path = "",
		.build_id = "",
		.source_file = signature_text(names, function->file),
	};
	*place = stacks->frame_count++;
	return stacks->frame_count - 1;
}

static uint32_t node_of(struct building *building, uint32_t parent, uint32_t frame)
{
	struct model *stacks = &building->diff->stacks;
	uint64_t *place = u64_map_put(&building->nodes, ((uint64_t)parent << 32 | frame) + 1);

	if (place && *place)
		return (uint32_t)*place;
	if (!place || !room_in_arena(&stacks->arena, &stacks->nodes, stacks->node_count, 1, &building->nodes_capacity, sizeof(*stacks->nodes))) {
		building->failed = true;
		return 0;
	}
	stacks->nodes[stacks->node_count] = (struct model_node){.parent = parent, .frame = frame};
	*place = stacks->node_count++;
	return stacks->node_count - 1;
}

static void place_row(struct building *building, struct diff_row *row, const struct signature *signature)
{
	const struct signature_names *names = &building->input->names;

	for (uint32_t i = signature->count; i-- > 0 && !building->failed;)
		row->node = node_of(building, row->node, frame_of(building, &signature->functions[i]));
	row->name = signature->count ? signature_text(names, signature->functions[0].name) : "[no stack]";
	row->caller = signature->count > 1 ? signature_text(names, signature->functions[1].name) : "";
}

/* Counting. */

/* A signature on each side, where it has one. */
struct pair {
	uint32_t signature[DIFF_SIDES]; /* UINT32_MAX none */
	uint32_t cache[DIFF_SIDES]; /* that its objects are looked for in */
};

static bool is_counted(const struct diff_run *run, uint32_t signature, uint32_t cache)
{
	return diff_input_site(run, signature) || diff_input_has_cache(run, cache);
}

/* The age from which an object stays: the same for all recordings. */
static uint64_t tau_of(const struct diff_input *input, const struct pair *pair)
{
	uint64_t shortest = UINT64_MAX, p99 = 0;

	for (int side = 0; side < DIFF_SIDES; side++)
		for (uint32_t i = 0; i < input->run_count[side]; i++) {
			const struct diff_run *run = &input->runs[side][i];
			const struct diff_site *site = diff_input_site(run, pair->signature[side]);

			if (run->duration_ns < shortest)
				shortest = run->duration_ns;
			if (site && site->p99_ns > p99)
				p99 = site->p99_ns;
		}
	if (p99 < shortest / TAU_SHARE)
		p99 = shortest / TAU_SHARE;
	return p99 < shortest / TAU_SHARE_MAX ? p99 : shortest / TAU_SHARE_MAX;
}

/* Those allocated so early that they are older than tau at the end, in parts of whole buckets. */
static struct rate_run count_run(const struct diff *diff, const struct diff_run *run, const struct diff_site *site, uint64_t tau_ns)
{
	uint64_t width_ns = 1ull << run->shift;
	uint32_t buckets = (uint32_t)((run->duration_ns - tau_ns) / width_ns);
	struct rate_run counted = {.exposure = positive(exposure_of(run, diff->exposure))};

	if (buckets > TIMELINE_BUCKETS)
		buckets = TIMELINE_BUCKETS;
	/* Shorter than its buckets are wide, or too much for its page: no rate can be taken from it. */
	if (!buckets || (site && site->is_coarse)) {
		counted.count = counted.doubt = site ? (double)site->live : 0;
		return counted;
	}
	uint32_t step = (buckets + PARTS - 1) / PARTS;
	counted.parts = buckets / step;
	counted.exposure *= (double)(counted.parts * step) * (double)width_ns / (double)run->duration_ns;
	for (uint32_t i = 0; site && site->survivors && i < counted.parts * step; i++) {
		counted.counts[i / step] += (double)site->survivors[i];
		counted.count += (double)site->survivors[i];
	}
	if (site)
		counted.doubt = fmin(counted.count, (double)site->doubt);
	return counted;
}

/* Live objects over the side's time, averaged over its recordings; one that is shorter is not counted in where it had ended. */
static const uint64_t *average_curve(struct building *building, const struct pair *pair, enum diff_side side)
{
	const struct diff_input *input = building->input;
	uint64_t *curve = arena_array(&building->diff->arena, DIFF_CURVE_POINTS, sizeof(*curve));
	uint64_t longest = building->diff->longest_ns[side];
	bool is_known = false;

	for (uint32_t point = 0; curve && longest && point < DIFF_CURVE_POINTS; point++) {
		double time = (double)longest * (point + 1) / DIFF_CURVE_POINTS, sum = 0;
		uint32_t runs = 0;

		for (uint32_t i = 0; i < input->run_count[side]; i++) {
			const struct diff_run *run = &input->runs[side][i];
			const struct diff_site *site = diff_input_site(run, pair->signature[side]);
			/* The bucket that ends last before that moment. */
			double at = time / (double)(1ull << run->shift);

			if ((double)run->duration_ns < time - 1)
				continue;
			runs++;
			if (!site || !site->curve)
				continue;
			is_known = true;
			if (point + 1 == DIFF_CURVE_POINTS || at >= TIMELINE_BUCKETS)
				sum += (double)site->live;
			else if (at >= 1)
				sum += (double)site->curve[(uint32_t)at - 1];
		}
		curve[point] = runs ? (uint64_t)(sum / runs + 0.5) : 0;
	}
	return is_known ? curve : NULL;
}

static void add_counts(struct diff_count *to, const struct diff_site *site)
{
	if (!to->is_there || site->confidence > to->confidence ||
	    (site->confidence == to->confidence && site->class < to->class)) {
		to->class = site->class;
		to->confidence = site->confidence;
	}
	to->is_there = true;
	to->allocs = number_add(to->allocs, site->allocs);
	to->frees = number_add(to->frees, site->frees);
	to->live = number_add(to->live, site->live);
	to->slot_bytes = site->slot_bytes;
}

static void count_row(struct building *building, const struct pair *pair, struct diff_row *row)
{
	struct diff *diff = building->diff;
	const struct diff_input *input = building->input;
	struct rate_run runs[DIFF_SIDES][DIFF_RUNS_MAX];
	uint32_t counts[DIFF_SIDES] = {0, 0};
	uint64_t tau_ns = tau_of(input, pair);

	for (int side = 0; side < DIFF_SIDES; side++) {
		struct diff_count *count = &row->sides[side];

		count->cache = "";
		count->class = SUSPECT_QUIET;
		for (uint32_t i = 0; i < input->run_count[side]; i++) {
			const struct diff_run *run = &input->runs[side][i];
			const struct diff_site *site = diff_input_site(run, pair->signature[side]);

			if (!is_counted(run, pair->signature[side], pair->cache[side]))
				continue;
			if (site)
				add_counts(count, site);
			runs[side][counts[side]++] = count_run(diff, run, site, tau_ns);
		}
		if (count->is_there)
			count->cache = signature_text(&input->names, pair->cache[side]);
		count->curve = average_curve(building, pair, (enum diff_side)side);
		count->is_unrecorded = !counts[side];
		/* Its exposure is that of all, so that it has a rate: none. */
		if (!counts[side])
			runs[side][counts[side]++] = (struct rate_run){.exposure = diff->exposed[side]};
	}
	row->change = rate_change_measure(runs[0], counts[0], runs[1], counts[1]);
	for (int side = 0; side < DIFF_SIDES; side++)
		row->sides[side].stayed = row->change.rate[side] * diff->exposed[DIFF_BEFORE] / input->run_count[DIFF_BEFORE];
}

/* Rows. */

static bool make_rows(struct building *building, const struct signature_match *matches)
{
	struct diff *diff = building->diff;
	const struct diff_input *input = building->input;
	const struct signature_table *before = &input->tables[DIFF_BEFORE], *after = &input->tables[DIFF_AFTER];
	CLEANUP(cleanup_free) bool *is_matched = calloc((size_t)after->count + 1, sizeof(*is_matched));

	diff->rows = arena_array(&diff->arena, (size_t)before->count + after->count, sizeof(*diff->rows));
	if (!is_matched || !diff->rows)
		return false;
	for (uint32_t i = 0; i < before->count; i++) {
		struct diff_row *row = &diff->rows[diff->row_count++];
		uint32_t other = matches[i].rung ? matches[i].other : UINT32_MAX;
		struct pair pair = {.signature = {i, other}, .cache = {before->signatures[i].cache, before->signatures[i].cache}};

		if (matches[i].rung) {
			is_matched[other] = true;
			pair.cache[DIFF_AFTER] = after->signatures[other].cache;
		}
		diff->rungs[matches[i].rung] += matches[i].rung != SIGNATURE_UNMATCHED;
		diff->gone += !matches[i].rung;
		row->rung = matches[i].rung;
		place_row(building, row, &before->signatures[i]);
		count_row(building, &pair, row);
	}
	for (uint32_t i = 0; i < after->count; i++) {
		uint32_t cache = after->signatures[i].cache;

		if (is_matched[i])
			continue;
		struct diff_row *row = &diff->rows[diff->row_count++];
		diff->fresh++;
		place_row(building, row, &after->signatures[i]);
		count_row(building, &(struct pair){.signature = {UINT32_MAX, i}, .cache = {cache, cache}}, row);
	}
	diff->rungs[SIGNATURE_UNMATCHED] = diff->gone + diff->fresh;
	return !building->failed;
}

static bool is_quiet(const struct rate_change *change)
{
	return change->count[0] < RATE_QUIET * change->runs[0] && change->count[1] < RATE_QUIET * change->runs[1];
}

/* Allocated at one time on either side, and as many: of how often that happens nothing can be said, but that is no change. */
static bool is_once(const struct diff_row *row)
{
	double ratio = row->change.ratio;

	return row->sides[DIFF_BEFORE].class == SUSPECT_ONE_SHOT && row->sides[DIFF_AFTER].class == SUSPECT_ONE_SHOT && ratio >= 1 / ONCE_AS_MANY &&
	       ratio <= ONCE_AS_MANY;
}

static enum diff_state state_of(const struct diff *diff, const struct diff_row *row)
{
	bool is_unrecorded = row->sides[DIFF_BEFORE].is_unrecorded || row->sides[DIFF_AFTER].is_unrecorded;

	if (*diff->unreliable)
		return DIFF_INCONCLUSIVE;
	if (is_unrecorded)
		return is_quiet(&row->change) ? DIFF_SAME : DIFF_INCONCLUSIVE;
	switch (row->change.state) {
	case RATE_REGRESSED:
		return row->sides[DIFF_BEFORE].is_there ? DIFF_REGRESSED : DIFF_NEW;
	case RATE_FIXED:
		return DIFF_FIXED;
	case RATE_IMPROVED:
		return DIFF_IMPROVED;
	case RATE_INCONCLUSIVE:
		return is_once(row) ? DIFF_SAME : DIFF_INCONCLUSIVE;
	default:
		return DIFF_SAME;
	}
}

static int judge_rows(struct diff *diff, struct error *err)
{
	CLEANUP(cleanup_free) struct rate_change **changes = calloc((size_t)diff->row_count + 1, sizeof(struct rate_change *));
	uint64_t longest = diff->longest_ns[0] > diff->longest_ns[1] ? diff->longest_ns[0] : diff->longest_ns[1];
	uint32_t count = 0;

	/* What was not recorded on one side cannot have changed: chance has no share in it. */
	for (uint32_t i = 0; changes && i < diff->row_count; i++)
		if (!diff->rows[i].sides[DIFF_BEFORE].is_unrecorded && !diff->rows[i].sides[DIFF_AFTER].is_unrecorded)
			changes[count++] = &diff->rows[i].change;
	if (!changes || rate_change_decide(changes, count))
		return error_set(err, -ENOMEM, "not enough memory to compare %u call stacks", diff->row_count);
	for (uint32_t i = 0; i < diff->row_count; i++) {
		struct diff_row *row = &diff->rows[i];
		double need = row->change.longer * (double)longest;

		row->state = state_of(diff, row);
		diff->states[row->state]++;
		if (row->state == DIFF_INCONCLUSIVE && need > 0 && need < 9e18)
			row->need_ns = ((uint64_t)need / NEED_STEP_NS + 1) * NEED_STEP_NS;
	}
	return 0;
}

static double weight_of(const struct diff_row *row, bool is_in_bytes, enum diff_side side)
{
	return row->sides[side].stayed * (is_in_bytes ? row->sides[side].slot_bytes : 1);
}

static double change_of(const struct diff_row *row)
{
	return fabs(weight_of(row, true, DIFF_AFTER) - weight_of(row, true, DIFF_BEFORE));
}

static double sum_of(const struct diff_row *row)
{
	return row->sides[DIFF_BEFORE].stayed + row->sides[DIFF_AFTER].stayed;
}

static int compare(double a, double b)
{
	return (a < b) - (a > b);
}

static int by_state(const void *left, const void *right)
{
	const struct diff_row *a = left, *b = right;
	int order = (a->state > b->state) - (a->state < b->state);

	if (!order)
		order = compare(change_of(a), change_of(b));
	if (!order)
		order = compare(sum_of(a), sum_of(b));
	if (!order)
		order = compare((double)a->sides[0].allocs + (double)a->sides[1].allocs, (double)b->sides[0].allocs + (double)b->sides[1].allocs);
	if (!order)
		order = strcmp(a->name, b->name);
	/* Nodes were made in the order of the input. */
	return order ? order : (a->node > b->node) - (a->node < b->node);
}

static uint64_t width_of(const struct diff *diff, const struct diff_row *row, enum diff_side side)
{
	return (uint64_t)fmin(1e15, weight_of(row, diff->is_in_bytes, side) + 0.5);
}

/* What the pictures are made of. */
static void weigh_rows(struct diff *diff)
{
	diff->widths_before = arena_array(&diff->arena, diff->row_count, sizeof(*diff->widths_before));
	diff->stacks.sites = arena_array(&diff->stacks.arena, diff->row_count, sizeof(*diff->stacks.sites));
	diff->is_in_bytes = true;
	for (uint32_t i = 0; i < diff->row_count; i++)
		for (int side = 0; side < DIFF_SIDES; side++)
			if (diff->rows[i].sides[side].stayed > 0 && !diff->rows[i].sides[side].slot_bytes)
				diff->is_in_bytes = false;
	diff->stacks.has_slot_bytes = true;
	for (uint32_t i = 0; diff->widths_before && diff->stacks.sites && i < diff->row_count; i++) {
		struct model_site *site = &diff->stacks.sites[i];
		uint64_t before = width_of(diff, &diff->rows[i], DIFF_BEFORE), after = width_of(diff, &diff->rows[i], DIFF_AFTER);

		*site = (struct model_site){.name = diff->rows[i].name, .caller = diff->rows[i].caller, .node = diff->rows[i].node};
		diff->widths_before[i] = before;
		site->live_bytes = before + after;
		site->live = site->live_bytes;
		diff->stacks.live += site->live;
	}
	diff->stacks.site_count = diff->stacks.sites ? diff->row_count : 0;
}

/* The pictures' sites have the rows' stacks. */
static int tell_rows_apart(struct diff *diff, struct error *err)
{
	int ret = site_path_tell_apart(&diff->stacks, err);

	for (uint32_t i = 0; !ret && i < diff->stacks.site_count; i++) {
		diff->rows[i].via = diff->stacks.sites[i].via;
		diff->rows[i].via_skips = diff->stacks.sites[i].via_skips;
	}
	return ret;
}

int diff_build(struct diff *diff, const struct diff_input *input, enum diff_exposure exposure, struct error *err)
{
	CLEANUP(building_release) struct building building = {.diff = diff, .input = input};
	uint32_t count = input->tables[DIFF_BEFORE].count;
	CLEANUP(cleanup_free) struct signature_match *matches = calloc((size_t)count + 1, sizeof(*matches));

	*diff = (struct diff){.input = input, .unreliable = ""};
	diff->stacks.node_count = 1;
	int ret = choose_exposure(diff, input, exposure, err);
	if (!ret && !room_in_arena(&diff->stacks.arena, &diff->stacks.nodes, 0, 1, &building.nodes_capacity, sizeof(*diff->stacks.nodes)))
		ret = error_set(err, -ENOMEM, "not enough memory to compare %u call stacks", count);
	if (!ret && matches)
		ret = signature_match(&input->tables[DIFF_BEFORE], &input->tables[DIFF_AFTER], matches, err);
	if (!ret && (!matches || !make_rows(&building, matches)))
		ret = error_set(err, -ENOMEM, "not enough memory to compare %u call stacks", count);
	if (!ret)
		ret = judge_rows(diff, err);
	if (!ret) {
		if (diff->row_count)
			qsort(diff->rows, diff->row_count, sizeof(*diff->rows), by_state);
		weigh_rows(diff);
		ret = tell_rows_apart(diff, err);
	}
	if (!ret && (diff->arena.failed || diff->stacks.arena.failed))
		ret = error_set(err, -ENOMEM, "not enough memory for the comparison");
	if (ret)
		diff_release(diff);
	return ret;
}

int diff_exit_status(const struct diff *diff)
{
	if (*diff->unreliable)
		return 3;
	return diff->states[DIFF_REGRESSED] || diff->states[DIFF_NEW] ? 2 : 0;
}

const char *diff_state_name(enum diff_state state)
{
	static const char *const names[] = {
		[DIFF_REGRESSED] = "regressed", [DIFF_NEW] = "new", [DIFF_FIXED] = "fixed", [DIFF_IMPROVED] = "improved",
		[DIFF_INCONCLUSIVE] = "inconclusive", [DIFF_SAME] = "same"};

	return state < DIFF_STATES ? names[state] : "";
}

const char *diff_side_name(enum diff_side side)
{
	return side == DIFF_BEFORE ? "before" : "after";
}

static const char *const exposures[] = {[DIFF_PER_WORK] = "work", [DIFF_PER_SECOND] = "time", [DIFF_PER_ALLOCATION] = "allocations"};

const char *diff_exposure_name(enum diff_exposure exposure)
{
	return exposure && exposure < DIFF_EXPOSURES ? exposures[exposure] : "";
}

bool diff_exposure_find(const char *name, enum diff_exposure *exposure)
{
	for (uint32_t i = DIFF_PER_WORK; i < DIFF_EXPOSURES; i++)
		if (!strcmp(name, exposures[i])) {
			*exposure = (enum diff_exposure)i;
			return true;
		}
	return false;
}
