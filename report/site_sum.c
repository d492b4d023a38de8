/* Adds up lists of few entries: by name or number, tasks and cgroups by what is live, most first, cut to what a model keeps of one site. */
#include "report/site_sum.h"

#include <stdlib.h>
#include <string.h>

#include "report/number.h"
#include "report/ranking.h"

/* Different ones that are added up at most: a hostile trace may have a million. What does not fit is missing from the sum. */
#define KINDS_MAX 256u

struct lists {
	struct model_task tasks[KINDS_MAX];
	struct model_cgroup cgroups[KINDS_MAX];
	struct model_place cpus[KINDS_MAX], nodes[KINDS_MAX], nodes_asked[KINDS_MAX];
	struct model_free_path freed_by[KINDS_MAX];
	uint32_t task_count, cgroup_count, cpu_count, node_count, nodes_asked_count, freed_by_count;
	bool has_cut_tasks, has_cut_cgroups;
};

static void add_task(struct lists *lists, const struct model_task *task)
{
	struct model_task *sum = lists->tasks;

	while (sum < lists->tasks + lists->task_count && strcmp(sum->comm, task->comm))
		sum++;
	if (sum == lists->tasks + KINDS_MAX) {
		lists->has_cut_tasks = true;
	} else if (sum == lists->tasks + lists->task_count) {
		lists->tasks[lists->task_count++] = *task;
	} else {
		bool is_one = sum->processes == 1 && task->processes == 1 && sum->pid == task->pid;
		uint32_t least = sum->pid != task->pid && sum->processes && task->processes ? 2 : 0;

		/* Which processes they are is known of one each. */
		lists->has_cut_tasks |= !is_one && sum->processes + task->processes != 0;
		if (!is_one && sum->processes < task->processes)
			sum->processes = task->processes;
		if (sum->processes < least)
			sum->processes = least;
		if (task->allocs > sum->allocs)
			sum->pid = task->pid;
		sum->allocs = number_add(sum->allocs, task->allocs);
		sum->live = number_add(sum->live, task->live);
	}
}

static void add_cgroup(struct lists *lists, const struct model_cgroup *cgroup)
{
	struct model_cgroup *sum = lists->cgroups;

	while (sum < lists->cgroups + lists->cgroup_count && strcmp(sum->path, cgroup->path))
		sum++;
	if (sum == lists->cgroups + KINDS_MAX) {
		lists->has_cut_cgroups = true;
	} else if (sum == lists->cgroups + lists->cgroup_count) {
		lists->cgroups[lists->cgroup_count++] = *cgroup;
	} else {
		sum->allocs = number_add(sum->allocs, cgroup->allocs);
		sum->live = number_add(sum->live, cgroup->live);
	}
}

static void add_place(struct model_place *places, uint32_t *count, const struct model_place *place)
{
	struct model_place *sum = places;

	while (sum < places + *count && (sum->cpu != place->cpu || sum->node != place->node))
		sum++;
	if (sum < places + *count)
		sum->allocs = number_add(sum->allocs, place->allocs);
	else if (*count < KINDS_MAX)
		places[(*count)++] = *place;
}

static void add_freed_by(struct lists *lists, const struct model_free_path *path)
{
	struct model_free_path *sum = lists->freed_by;

	while (sum < lists->freed_by + lists->freed_by_count && strcmp(sum->name, path->name))
		sum++;
	if (sum < lists->freed_by + lists->freed_by_count) {
		if (path->frees > sum->frees)
			sum->node = path->node;
		sum->frees = number_add(sum->frees, path->frees);
	} else if (lists->freed_by_count < KINDS_MAX) {
		lists->freed_by[lists->freed_by_count++] = *path;
	}
}

static void add_lists(struct lists *lists, const struct model_site *site)
{
	lists->has_cut_tasks |= site->has_more_tasks || site->task_names > site->task_count;
	lists->has_cut_cgroups |= site->cgroup_paths > site->cgroup_count;
	for (uint32_t i = 0; i < site->task_count; i++)
		add_task(lists, &site->tasks[i]);
	for (uint32_t i = 0; i < site->cgroup_count; i++)
		add_cgroup(lists, &site->cgroups[i]);
	for (uint32_t i = 0; i < site->cpu_count; i++)
		add_place(lists->cpus, &lists->cpu_count, &site->cpus[i]);
	for (uint32_t i = 0; i < site->node_count; i++)
		add_place(lists->nodes, &lists->node_count, &site->nodes[i]);
	for (uint32_t i = 0; i < site->nodes_asked_count; i++)
		add_place(lists->nodes_asked, &lists->nodes_asked_count, &site->nodes_asked[i]);
	for (uint32_t i = 0; i < site->freed_by_count; i++)
		add_freed_by(lists, &site->freed_by[i]);
}

static int by_number(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

static int by_cgroup(const void *left, const void *right)
{
	const struct model_cgroup *a = left, *b = right;
	int order = by_number(a->live, b->live);

	order = order ? order : by_number(a->allocs, b->allocs);
	return order ? order : strcmp(a->path, b->path);
}

static int by_place(const void *left, const void *right)
{
	const struct model_place *a = left, *b = right;
	int order = by_number(a->allocs, b->allocs);

	order = order ? order : (a->node > b->node) - (a->node < b->node);
	return order ? order : (a->cpu > b->cpu) - (a->cpu < b->cpu);
}

static int by_frees(const void *left, const void *right)
{
	const struct model_free_path *a = left, *b = right;
	int order = by_number(a->frees, b->frees);

	return order ? order : strcmp(a->name, b->name);
}

/* The first of them, in order, as a list of their own. */
static void *keep(struct arena *arena, void *items, uint32_t *count, uint32_t most, size_t size,
		  int (*compare)(const void *, const void *))
{
	qsort(items, *count, size, compare);
	if (*count > most)
		*count = most;
	void *kept = arena_array(arena, *count, size);
	if (kept)
		memcpy(kept, items, *count * size);
	else
		*count = 0;
	return kept;
}

static uint32_t at_least(uint32_t count, uint32_t other)
{
	return count > other ? count : other;
}

static void put_lists(struct model_site *sum, struct lists *lists, struct arena *arena)
{
	sum->has_more_tasks |= lists->has_cut_tasks;
	sum->task_names = at_least(lists->task_count, sum->task_names);
	sum->cgroup_paths = at_least(lists->cgroup_count, sum->cgroup_paths);
	sum->cpu_numbers = at_least(lists->cpu_count, sum->cpu_numbers);
	sum->task_count = lists->task_count;
	sum->tasks = keep(arena, lists->tasks, &sum->task_count, MODEL_TASKS_PER_SITE, sizeof(*sum->tasks), model_task_by_live);
	sum->cgroup_count = lists->cgroup_count;
	sum->cgroups = keep(arena, lists->cgroups, &sum->cgroup_count, MODEL_CGROUPS_PER_SITE, sizeof(*sum->cgroups), by_cgroup);
	sum->cpu_count = lists->cpu_count;
	sum->cpus = keep(arena, lists->cpus, &sum->cpu_count, MODEL_CPUS_PER_SITE, sizeof(*sum->cpus), by_place);
	sum->node_count = lists->node_count;
	sum->nodes = keep(arena, lists->nodes, &sum->node_count, MODEL_NODES_PER_SITE, sizeof(*sum->nodes), by_place);
	sum->nodes_asked_count = lists->nodes_asked_count;
	sum->nodes_asked =
		keep(arena, lists->nodes_asked, &sum->nodes_asked_count, MODEL_NODES_PER_SITE, sizeof(*sum->nodes_asked), by_place);
	sum->freed_by_count = lists->freed_by_count;
	sum->freed_by =
		keep(arena, lists->freed_by, &sum->freed_by_count, MODEL_FREE_PATHS_PER_SITE, sizeof(*sum->freed_by), by_frees);
}

static void add_counts(struct model_site *sum, const struct model_site *site)
{
	sum->allocs = number_add(sum->allocs, site->allocs);
	sum->frees = number_add(sum->frees, site->frees);
	sum->frees_implied = number_add(sum->frees_implied, site->frees_implied);
	sum->live = number_add(sum->live, site->live);
	sum->live_at_least = number_add(sum->live_at_least, site->live_at_least);
	sum->live_bytes = number_add(sum->live_bytes, site->live_bytes);
	sum->pending_rcu = number_add(sum->pending_rcu, site->pending_rcu);
	sum->reclaimed = number_add(sum->reclaimed, site->reclaimed);
	sum->bytes_req = number_add(sum->bytes_req, site->bytes_req);
	sum->allocs_sized = number_add(sum->allocs_sized, site->allocs_sized);
	sum->live_bytes_req = number_add(sum->live_bytes_req, site->live_bytes_req);
	sum->live_sized = number_add(sum->live_sized, site->live_sized);
}

/* No more of a few sites' objects were freed unseen than of all sites'. */
static void bound(struct model_site *sum, const struct model *model)
{
	uint64_t freed = model->live > model->live_at_least ? model->live - model->live_at_least : 0;

	if (sum->live > freed && sum->live - freed > sum->live_at_least)
		sum->live_at_least = sum->live - freed;
}

struct model_site site_sum(const struct model *model, uint32_t first, struct arena *arena)
{
	struct model_site sum = model->sites[first];
	uint32_t end = ranking_next(model, first);
	struct lists *lists = arena && end > first + 1 ? arena_array(arena, 1, sizeof(*lists)) : NULL;

	for (uint32_t i = first + 1; i < end; i++)
		add_counts(&sum, &model->sites[i]);
	if (end > first + 1)
		bound(&sum, model);
	if (!lists)
		return sum;
	sum.frees_with_stack = 0;
	for (uint32_t i = first; i < end; i++) {
		sum.frees_with_stack = number_add(sum.frees_with_stack, model->sites[i].frees_with_stack);
		add_lists(lists, &model->sites[i]);
	}
	put_lists(&sum, lists, arena);
	return sum;
}
