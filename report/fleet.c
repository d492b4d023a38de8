/* How rates are spread is kept in classes of 1.41 times the one before, so that a row has one size whatever the number of machines. */
#include "report/fleet.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/integrity.h"
#include "report/number.h"
#include "report/room.h"
#include "trace/cleanup.h"

/* The lowest rate that is told apart, an hour: one object in eleven days. */
#define LOWEST_CLASS (-16)
/* An outlier has at least four times the rate of the upper quartile: so many classes. */
#define OUTLIER_CLASSES 4u
#define REMARKS_MAX 10u
#define KERNELS_NAMED 5u
#define FAILURES_NAMED 5u

void fleet_release(struct fleet *fleet)
{
	for (uint32_t i = 0; i < fleet->kernel_count; i++) {
		signature_table_release(&fleet->kernels[i].signatures);
		free(fleet->kernels[i].rows);
	}
	signature_names_release(&fleet->names);
	arena_release(&fleet->arena);
	free(fleet->recordings);
	free(fleet->failures);
	free(fleet->rows);
	*fleet = (struct fleet){0};
}

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "not enough memory for the call stacks of all recordings");
}

/* Names of functions mean the same within one build. */
static uint32_t kernel_of(struct fleet *fleet, const struct model *model)
{
	const char *release = model_fact(model, "kernel.release"), *build_id = model_fact(model, "kernel.build_id");
	uint32_t i = 0;

	while (i < fleet->kernel_count && (strcmp(fleet->kernels[i].release, release) || strcmp(fleet->kernels[i].build_id, build_id)))
		i++;
	if (i < fleet->kernel_count || i == FLEET_KERNELS_MAX)
		return i < FLEET_KERNELS_MAX ? i : FLEET_KERNELS_MAX - 1;
	fleet->kernels[i] = (struct fleet_kernel){.release = arena_text(&fleet->arena, release),
						  .build_id = arena_text(&fleet->arena, build_id),
						  .signatures = {.names = &fleet->names}};
	return fleet->kernel_count++;
}

static uint32_t rate_class(double rate)
{
	double class = floor(2 * log2(rate)) - LOWEST_CLASS;

	if (!(class > 0))
		return 0;
	return class < FLEET_SPREAD ? (uint32_t)class : FLEET_SPREAD - 1;
}

/* The lowest rate of the class. */
static double class_rate(uint32_t class)
{
	return exp2(((double)class + LOWEST_CLASS) / 2);
}

static void add_top(struct fleet_row *row, const struct fleet_host_value *value)
{
	uint32_t at = row->top_count;

	while (at && row->top[at - 1].rate < value->rate)
		at--;
	if (at == FLEET_TOP)
		return;
	uint32_t kept = row->top_count < FLEET_TOP ? row->top_count++ : FLEET_TOP - 1;
	memmove(&row->top[at + 1], &row->top[at], (kept - at) * sizeof(*value));
	row->top[at] = *value;
}

/* What the stacks of one signature are in one recording: they differ in user space, or in what the signature leaves out. */
struct host_sum {
	uint64_t allocs, frees, live, live_bytes;
	double low_rate, low_bytes;
	enum suspect_class class;
	enum suspect_confidence confidence;
	bool is_leak;
};

static void add_site(struct host_sum *sum, const struct model *model, const struct model_site *site)
{
	bool is_leak = !*model->unreliable && suspect_is_leak(&site->suspect);
	bool is_worse = (is_leak && !sum->is_leak) || (is_leak == sum->is_leak && site->suspect.confidence > sum->confidence);

	if (!sum->allocs || is_worse) {
		sum->class = site->suspect.class;
		sum->confidence = *model->unreliable ? SUSPECT_NO_CONFIDENCE : site->suspect.confidence;
		sum->is_leak = is_leak;
	}
	sum->allocs = number_add(sum->allocs, site->allocs);
	sum->frees = number_add(sum->frees, number_add(site->frees, site->frees_implied));
	sum->live = number_add(sum->live, site->live);
	sum->live_bytes = number_add(sum->live_bytes, site->live_bytes);
	if (is_leak && isfinite(site->suspect.low_rate)) {
		sum->low_rate += site->suspect.low_rate;
		sum->low_bytes += (double)site->suspect.low_rate * model->caches[site->cache].slot_bytes;
	}
}

static void add_host(struct fleet_row *row, const struct host_sum *sum, const struct model *model, uint32_t recording)
{
	struct fleet_host_value value = {.recording = recording, .live = sum->live, .class = sum->class, .confidence = sum->confidence};

	row->hosts++;
	row->live_hosts += sum->live > 0;
	row->leak_hosts += sum->is_leak;
	row->high_hosts += sum->is_leak && sum->confidence == SUSPECT_HIGH;
	row->allocs = number_add(row->allocs, sum->allocs);
	row->frees = number_add(row->frees, sum->frees);
	row->live = number_add(row->live, sum->live);
	row->live_bytes = number_add(row->live_bytes, sum->live_bytes);
	row->low_rate += sum->low_rate;
	row->low_bytes += sum->low_bytes;
	if (!sum->live || !model->duration_ns)
		return;
	value.rate = (double)sum->live * 3600e9 / (double)model->duration_ns;
	row->spread[rate_class(value.rate)]++;
	row->many[rate_class(value.rate)] += sum->live >= FLEET_OUTLIER_LIVE;
	add_top(row, &value);
}

static int add_sites(struct fleet *fleet, const struct model *model, uint32_t kernel, struct error *err)
{
	struct fleet_kernel *build = &fleet->kernels[kernel];
	CLEANUP(cleanup_free) uint32_t *places = calloc((size_t)model->site_count + 1, sizeof(*places));

	if (!places)
		return no_memory(err);
	int ret = signature_table_add(&build->signatures, model, places, err);
	if (ret)
		return ret;
	if (build->signatures.count && !room_for(&build->rows, build->signatures.count - 1, &build->capacity, sizeof(*build->rows)))
		return no_memory(err);
	CLEANUP(cleanup_free) struct host_sum *sums = calloc((size_t)build->signatures.count + 1, sizeof(*sums));
	if (!sums)
		return no_memory(err);
	for (uint32_t i = 0; i < model->site_count; i++)
		add_site(&sums[places[i]], model, &model->sites[i]);
	for (uint32_t i = 0; i < build->signatures.count; i++)
		if (sums[i].allocs)
			add_host(&build->rows[i], &sums[i], model, fleet->recording_count);
	return 0;
}

int fleet_add(struct fleet *fleet, const struct model *model, const char *host, uint32_t ordinal, struct error *err)
{
	uint32_t kernel = kernel_of(fleet, model);
	int ret = fleet->arena.failed ? no_memory(err) : add_sites(fleet, model, kernel, err);

	if (ret)
		return ret;
	if (!room_for(&fleet->recordings, fleet->recording_count, &fleet->recording_capacity, sizeof(*fleet->recordings)))
		return no_memory(err);
	fleet->recordings[fleet->recording_count++] =
		(struct fleet_recording){.name = arena_text(&fleet->arena, host), .ordinal = ordinal, .kernel = kernel};
	fleet->kernels[kernel].recordings++;
	fleet->unreliable += *model->unreliable != '\0';
	fleet->lossy += !*model->unreliable && !integrity_is_whole(model);
	fleet->short_count += model->duration_ns < SUSPECT_LENGTH_NS;
	fleet->duration_ns = number_add(fleet->duration_ns, model->duration_ns);
	fleet->allocs = number_add(fleet->allocs, model->allocs);
	fleet->frees = number_add(fleet->frees, number_add(model->frees, model->frees_implied));
	fleet->live = number_add(fleet->live, model->live);
	fleet->live_bytes = number_add(fleet->live_bytes, model->live_bytes);
	return fleet->arena.failed ? no_memory(err) : 0;
}

int fleet_fail(struct fleet *fleet, const char *message, struct error *err)
{
	if (!room_for(&fleet->failures, fleet->failure_count, &fleet->failure_capacity, sizeof(*fleet->failures)))
		return no_memory(err);
	fleet->failures[fleet->failure_count++] =
		(struct fleet_failure){.message = arena_text(&fleet->arena, message)};
	return fleet->arena.failed ? no_memory(err) : 0;
}

/* Kernels. */

/* Adds a row of another build of the kernel. */
static void add_row(struct fleet_row *row, const struct fleet_row *other, enum signature_rung rung)
{
	row->kernels += other->kernels;
	if (rung > row->rung)
		row->rung = rung;
	row->hosts += other->hosts;
	row->live_hosts += other->live_hosts;
	row->leak_hosts += other->leak_hosts;
	row->high_hosts += other->high_hosts;
	row->allocs = number_add(row->allocs, other->allocs);
	row->frees = number_add(row->frees, other->frees);
	row->live = number_add(row->live, other->live);
	row->live_bytes = number_add(row->live_bytes, other->live_bytes);
	row->low_rate += other->low_rate;
	row->low_bytes += other->low_bytes;
	for (uint32_t i = 0; i < FLEET_SPREAD; i++) {
		row->spread[i] += other->spread[i];
		row->many[i] += other->many[i];
	}
	for (uint32_t i = 0; i < other->top_count; i++)
		add_top(row, &other->top[i]);
}

/* Which row each signature of a kernel belongs to, while kernels are brought together; owned. */
struct joining {
	struct fleet_row **rows[FLEET_KERNELS_MAX];
};

static void joining_release(struct joining *joining)
{
	for (uint32_t i = 0; i < FLEET_KERNELS_MAX; i++)
		free(joining->rows[i]);
}

/* Takes what the kernels before have: only what is the same but for the build, not what is merely alike. */
static int join_kernel(struct fleet *fleet, struct joining *joining, uint32_t kernel, struct error *err)
{
	struct fleet_kernel *build = &fleet->kernels[kernel];
	CLEANUP(cleanup_free) struct signature_match *matches = calloc((size_t)build->signatures.count + 1, sizeof(*matches));
	struct fleet_row **rows = joining->rows[kernel] = calloc((size_t)build->signatures.count + 1, sizeof(*rows));
	uint32_t left = build->signatures.count;

	if (!matches || !rows)
		return no_memory(err);
	for (uint32_t other = 0; other < kernel && left; other++) {
		int ret = signature_match(&build->signatures, &fleet->kernels[other].signatures, matches, err);

		if (ret)
			return ret;
		for (uint32_t i = 0; i < build->signatures.count; i++) {
			if (rows[i] || !matches[i].rung || matches[i].rung > SIGNATURE_OUTLINE)
				continue;
			rows[i] = joining->rows[other][matches[i].other];
			add_row(rows[i], &build->rows[i], matches[i].rung);
			left--;
		}
	}
	for (uint32_t i = 0; i < build->signatures.count; i++) {
		if (rows[i])
			continue;
		rows[i] = &build->rows[i];
		fleet->rows[fleet->row_count++] = rows[i];
	}
	return 0;
}

static void name_rows(struct fleet_kernel *kernel)
{
	for (uint32_t i = 0; i < kernel->signatures.count; i++) {
		kernel->rows[i].signature = &kernel->signatures.signatures[i];
		kernel->rows[i].kernels = 1;
	}
}

/* Outliers. */

/* The lowest rate of the class in which the recording stands that so many are below, those where nothing is live being the first; 0 for those. */
static uint32_t quantile_class(const struct fleet_row *row, uint32_t below, uint32_t all, bool *is_zero)
{
	uint32_t seen = all;

	for (uint32_t i = 0; i < FLEET_SPREAD; i++)
		seen -= row->spread[i];
	*is_zero = below < seen;
	if (*is_zero)
		return 0;
	for (uint32_t i = 0; i < FLEET_SPREAD; i++) {
		seen += row->spread[i];
		if (below < seen)
			return i;
	}
	return FLEET_SPREAD - 1;
}

static void find_outliers(const struct fleet *fleet, struct fleet_row *row)
{
	uint32_t all = fleet->recording_count, from;
	bool is_zero, is_upper_zero, is_lower_zero;
	uint32_t median = quantile_class(row, all / 2, all, &is_zero);
	uint32_t upper = quantile_class(row, all - 1 - all / 4, all, &is_upper_zero);
	uint32_t lower = quantile_class(row, all / 4, all, &is_lower_zero);

	row->median = is_zero ? 0 : class_rate(median);
	row->upper = is_upper_zero ? 0 : class_rate(upper);
	if (all < FLEET_OUTLIER_HOSTS)
		return;
	from = upper + OUTLIER_CLASSES;
	/* Where machines differ anyway, it takes more. */
	if (!is_lower_zero && upper - lower > OUTLIER_CLASSES)
		from = upper + (upper - lower);
	if (is_upper_zero)
		from = 0;
	if (from >= FLEET_SPREAD)
		return;
	row->outlier_rate = class_rate(from);
	for (uint32_t i = from; i < FLEET_SPREAD; i++)
		row->outliers += row->many[i];
}

bool fleet_is_outlier(const struct fleet_row *row, const struct fleet_host_value *host)
{
	return row->outlier_rate > 0 && rate_class(host->rate) >= rate_class(row->outlier_rate * 1.1) && host->live >= FLEET_OUTLIER_LIVE;
}

static int compare(double a, double b)
{
	return (a < b) - (a > b);
}

/* Leaks on most machines first, then the fastest, then what has most live bytes. */
static int by_suspicion(const void *left, const void *right)
{
	const struct fleet_row *a = *(struct fleet_row *const *)left, *b = *(struct fleet_row *const *)right;
	int order = (!a->leak_hosts) - (!b->leak_hosts);

	if (!order)
		order = compare(a->low_bytes, b->low_bytes);
	if (!order)
		order = compare(a->low_rate, b->low_rate);
	if (!order)
		order = compare((double)a->live_bytes, (double)b->live_bytes);
	if (!order)
		order = compare((double)a->live, (double)b->live);
	if (!order)
		order = compare((double)a->allocs, (double)b->allocs);
	/* The order in which they came. */
	return order ? order : (a > b) - (a < b);
}

int fleet_close(struct fleet *fleet, struct error *err)
{
	CLEANUP(joining_release) struct joining joining = {0};
	size_t most = 1;

	for (uint32_t i = 0; i < fleet->kernel_count; i++) {
		name_rows(&fleet->kernels[i]);
		most += fleet->kernels[i].signatures.count;
	}
	fleet->rows = calloc(most, sizeof(struct fleet_row *));
	if (!fleet->rows)
		return no_memory(err);
	for (uint32_t i = 0; i < fleet->kernel_count; i++) {
		int ret = join_kernel(fleet, &joining, i, err);

		if (ret)
			return ret;
	}
	for (uint32_t i = 0; i < fleet->row_count; i++)
		find_outliers(fleet, fleet->rows[i]);
	qsort(fleet->rows, fleet->row_count, sizeof(struct fleet_row *), by_suspicion);
	return 0;
}

/* Words. */

const char *fleet_recording_name(struct arena *arena, const struct fleet *fleet, uint32_t recording)
{
	const char *name = fleet->recordings[recording].name;

	return *name ? name : arena_format(arena, "recording %u", fleet->recordings[recording].ordinal);
}

static const char *function(const struct fleet *fleet, const struct fleet_row *row, uint32_t index)
{
	return index < row->signature->count ? signature_text(&fleet->names, row->signature->functions[index].name) : "";
}

const char *fleet_row_name(const struct fleet *fleet, const struct fleet_row *row)
{
	const char *name = function(fleet, row, 0);

	return *name ? name : "[unknown]";
}

const char *fleet_row_caller(const struct fleet *fleet, const struct fleet_row *row)
{
	return function(fleet, row, 1);
}

const char *fleet_verdict(struct arena *arena, const struct fleet *fleet)
{
	const struct fleet_row *row = fleet->row_count ? fleet->rows[0] : NULL;
	uint32_t suspects = 0;

	for (uint32_t i = 0; i < fleet->row_count; i++)
		suspects += fleet->rows[i]->leak_hosts > 0;
	if (!suspects)
		return arena_format(arena, "No leak was found in any of %s recordings%s.", number_count(fleet->recording_count).text,
				    fleet->short_count == fleet->recording_count ? "; all are too short to tell" : "");
	return arena_format(arena, "%s %s, in %s, leaks in %s of %s recordings, at least %.3g objects/s (%s/s) together%s.", fleet_row_name(fleet, row),
			    *fleet_row_caller(fleet, row) ? arena_format(arena, "<- %s", fleet_row_caller(fleet, row)) : "",
			    signature_text(&fleet->names, row->signature->cache), number_count(row->leak_hosts).text,
			    number_count(fleet->recording_count).text, row->low_rate, number_bytes((uint64_t)row->low_bytes).text,
			    suspects > 1 ? arena_format(arena, "; %s %s somewhere", number_of(suspects - 1, "more call stack").text,
							suspects == 2 ? "leaks" : "leak")
					 : "");
}

static const char *kernels_text(struct arena *arena, const struct fleet *fleet)
{
	const char *text = "";

	for (uint32_t i = 0; i < fleet->kernel_count && i < KERNELS_NAMED; i++)
		text = arena_format(arena, "%s%s%s (%u)", text, i ? ", " : "",
				    *fleet->kernels[i].release ? fleet->kernels[i].release : "not known", fleet->kernels[i].recordings);
	if (fleet->kernel_count > KERNELS_NAMED)
		text = arena_format(arena, "%s and %u more", text, fleet->kernel_count - KERNELS_NAMED);
	return text;
}

const char *const *fleet_remarks(struct arena *arena, const struct fleet *fleet)
{
	const char **remarks = arena_array(arena, REMARKS_MAX + FAILURES_NAMED + 1, sizeof(*remarks));
	uint32_t count = 0;

	if (!remarks)
		return NULL;
	remarks[count++] = arena_format(arena, "%s recordings, %s in all, by kernel: %s.", number_count(fleet->recording_count).text,
					number_duration(fleet->duration_ns).text, kernels_text(arena, fleet));
	remarks[count++] = arena_format(arena, "%s of %s allocated objects (%s) are live at their ends, of %s different call stacks.",
					number_count(fleet->live).text, number_count(fleet->allocs).text, number_bytes(fleet->live_bytes).text,
					number_count(fleet->row_count).text);
	if (fleet->unreliable)
		remarks[count++] = arena_format(arena, "%u cannot be relied on: in those nothing is called a leak.", fleet->unreliable);
	if (fleet->lossy)
		remarks[count++] = arena_format(arena, "In %u something was lost, cut or left unexplained.", fleet->lossy);
	if (fleet->short_count)
		remarks[count++] = arena_format(arena, "%u are shorter than %s: too short to tell a leak.", fleet->short_count,
						number_duration(SUSPECT_LENGTH_NS).text);
	if (fleet->kernel_count == FLEET_KERNELS_MAX)
		remarks[count++] = "There are more builds of the kernel than are told apart: the last are taken for one.";
	if (fleet->level != REDACTION_NONE)
		remarks[count++] = "Hosts are numbered in the order in which their recordings were given; --redact none names them.";
	if (fleet->failure_count)
		remarks[count++] = arena_format(arena, "%u could not be read%s", fleet->failure_count,
						fleet->failure_count > FAILURES_NAMED ? "; the first:" : ":");
	for (uint32_t i = 0; i < fleet->failure_count && i < FAILURES_NAMED; i++)
		remarks[count++] = fleet->failures[i].message;
	return remarks;
}
