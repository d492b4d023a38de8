/* From a recording to what a report says: selects, names, adds up and sorts; the same input gives the same model. */
#include "report/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/analysis.h"
#include "report/cpu_nodes.h"
#include "report/fetch.h"
#include "report/model_names.h"
#include "report/number.h"
#include "report/reconcile.h"
#include "report/redact.h"
#include "report/site_path.h"
#include "report/stacks.h"
#include "trace/cleanup.h"
#include "trace/hash.h"

#define SITES_AHEAD 8u

void model_release(struct model *model)
{
	if (!model)
		return;
	pool_release(&model->lives);
	arena_release(&model->arena);
	*model = (struct model){0};
}

void model_take_histories(struct model *model, struct recording *recording)
{
	model->lives = recording->ledger.sites.lives;
	recording->ledger.sites.lives = (struct pool){0};
	site_table_release(&recording->ledger.sites);
}

const char *model_fact(const struct model *model, const char *key)
{
	for (uint32_t i = 0; i < model->fact_count; i++)
		if (!strcmp(model->facts[i].key, key))
			return model->facts[i].value;
	return "";
}

uint32_t model_stack(const struct model *model, uint32_t node, const struct model_frame **frames, uint32_t max)
{
	uint32_t count = 0;

	for (; node && count < max; node = model->nodes[node].parent)
		frames[count++] = &model->frames[model->nodes[node].frame];
	return count;
}

static const char *text_of(struct model *model, const struct recording *recording, uint32_t string)
{
	const char *text = trace_reader_text(recording->reader, string);

	return redact_text(&model->arena, text, &model->integrity.redacted_addresses);
}

/* Facts, counters, notes, probes: the trace's lists with ids made strings. */

static int by_fact_key(const void *left, const void *right)
{
	const struct model_fact *a = left, *b = right;
	int order = strcmp(a->key, b->key);

	return order ? order : strcmp(a->value, b->value);
}

static int by_counter_key(const void *left, const void *right)
{
	const struct model_counter *a = left, *b = right;
	int order = strcmp(a->key, b->key);

	return order ? order : (a->value > b->value) - (a->value < b->value);
}

static void add_facts(struct model *model, const struct recording *recording)
{
	const struct capture *capture = &recording->capture;

	model->facts = arena_array(&model->arena, capture->fact_count, sizeof(*model->facts));
	for (size_t i = 0; model->facts && i < capture->fact_count; i++) {
		const char *key = text_of(model, recording, capture->facts[i].key);

		if (!redact_is_private_fact(key))
			model->facts[model->fact_count++] = (struct model_fact){
				.key = key, .value = text_of(model, recording, capture->facts[i].value)};
	}
	if (model->facts)
		qsort(model->facts, model->fact_count, sizeof(*model->facts), by_fact_key);
}

static void add_counters(struct model *model, const struct recording *recording)
{
	const struct capture *capture = &recording->capture;

	model->counters = arena_array(&model->arena, capture->counter_count, sizeof(*model->counters));
	for (size_t i = 0; model->counters && i < capture->counter_count; i++)
		model->counters[model->counter_count++] =
			(struct model_counter){.key = text_of(model, recording, capture->counters[i].key),
					       .value = capture->counters[i].value};
	if (model->counters)
		qsort(model->counters, model->counter_count, sizeof(*model->counters), by_counter_key);
}

static void add_notes(struct model *model, const struct recording *recording)
{
	const struct capture *capture = &recording->capture;

	model->notes = arena_array(&model->arena, capture->note_count, sizeof(*model->notes));
	for (size_t i = 0; model->notes && i < capture->note_count; i++)
		model->notes[model->note_count++] = text_of(model, recording, capture->notes[i].text);
}

static void add_probes(struct model *model, const struct recording *recording)
{
	const struct capture *capture = &recording->capture;

	model->probes = arena_array(&model->arena, capture->probe_count, sizeof(*model->probes));
	for (size_t i = 0; model->probes && i < capture->probe_count; i++) {
		const struct trace_probe *probe = &capture->probes[i];

		model->probes[model->probe_count++] = (struct model_probe){
			.event = text_of(model, recording, probe->event),
			.function = text_of(model, recording, probe->function),
			.role = text_of(model, recording, probe->role),
			.definition = text_of(model, recording, probe->definition),
			.filter = text_of(model, recording, probe->filter),
			.hits = probe->hits,
			.misses = probe->misses,
			.lost = probe->lost,
			.has_misses = probe->has_misses,
			.has_lost = probe->has_lost,
			.has_fault_misses = probe->has_fault_misses,
		};
	}
}

static void add_losses(struct model *model, const struct recording *recording)
{
	const struct capture *capture = &recording->capture;

	model->losses = arena_array(&model->arena, capture->loss_count, sizeof(*model->losses));
	for (size_t i = 0; model->losses && i < capture->loss_count; i++)
		if (capture->losses[i].lost)
			model->losses[model->loss_count++] = (struct model_loss){.cpu = capture->losses[i].cpu,
										 .ring = capture->losses[i].ring,
										 .lost = capture->losses[i].lost};
}

static void add_meminfo(struct model *model, const struct recording *recording)
{
	const struct capture *capture = &recording->capture;

	model->meminfo = arena_array(&model->arena, capture->meminfo_count, sizeof(*model->meminfo));
	for (size_t i = 0; model->meminfo && i < capture->meminfo_count; i++)
		model->meminfo[model->meminfo_count++] = (struct model_meminfo){
			.time_ns = capture->meminfo[i].time_ns,
			.phase = capture->meminfo[i].phase,
			.reclaimable_bytes = capture->meminfo[i].reclaimable_bytes,
			.unreclaimable_bytes = capture->meminfo[i].unreclaimable_bytes,
		};
}

/* Caches, sorted; places says where each id of the trace went. */

struct placed_cache {
	struct model_cache cache;
	uint32_t id;
};

static int by_cache_live(const void *left, const void *right)
{
	const struct placed_cache *a = left, *b = right;

	if (a->cache.live_bytes != b->cache.live_bytes)
		return a->cache.live_bytes < b->cache.live_bytes ? 1 : -1;
	if (a->cache.live != b->cache.live)
		return a->cache.live < b->cache.live ? 1 : -1;
	if (a->cache.allocs != b->cache.allocs)
		return a->cache.allocs < b->cache.allocs ? 1 : -1;
	return (a->id > b->id) - (a->id < b->id);
}

static void describe_cache(struct model *model, const struct recording *recording, uint32_t id,
			   struct model_cache *cache)
{
	const struct trace_cache *from = trace_reader_cache(recording->reader, id);

	if (!from) {
		*cache = (struct model_cache){.name = "[unknown]", .requested = "", .aliases = ""};
		return;
	}
	*cache = (struct model_cache){
		.name = text_of(model, recording, from->name),
		.requested = text_of(model, recording, from->requested),
		.aliases = text_of(model, recording, from->aliases),
		.object_size_bytes = from->object_size_bytes,
		.slab_size_bytes = from->slab_size_bytes,
		.objects_per_slab = from->objects_per_slab,
		.order = from->order,
		.align_bytes = from->align_bytes,
		.percpu_objects = from->percpu_objects,
		.slot_bytes = from->slab_size_bytes ? from->slab_size_bytes : from->object_size_bytes,
	};
	if (!*cache->name)
		cache->name = "[unnamed]";
}

static void count_cache(const struct recording *recording, uint32_t id, struct model_cache *cache)
{
	if (id >= recording->ledger.cache_count)
		return;
	const struct ledger_cache *counted = &recording->ledger.caches[id];
	cache->allocs = counted->allocs;
	cache->frees = counted->frees;
	cache->frees_implied = counted->frees_implied;
	cache->frees_older = counted->frees_older;
	cache->live = counted->live;
	cache->pending_rcu = counted->pending_rcu;
	cache->reclaimed = counted->reclaimed;
	cache->reclaimed_older = counted->reclaimed_older;
	cache->live_bytes = number_multiply(counted->live, cache->slot_bytes);
	cache->timeline = counted->allocs ? &counted->timeline : NULL;
}

static int add_caches(struct model *model, const struct recording *recording, uint32_t *places, struct error *err)
{
	uint32_t count = trace_reader_cache_count(recording->reader) + 1;
	CLEANUP(cleanup_free)
	struct placed_cache *placed = calloc(count, sizeof(*placed));
	uint32_t used = 0;

	model->caches = arena_array(&model->arena, count, sizeof(*model->caches));
	if (!placed || !model->caches)
		return error_set(err, -ENOMEM, "not enough memory for %u caches", count);
	for (uint32_t id = 0; id < count; id++) {
		struct placed_cache *cache = &placed[used];

		describe_cache(model, recording, id, &cache->cache);
		count_cache(recording, id, &cache->cache);
		cache->id = id;
		/* Index 0 stands for events without a cache: usually there are none. */
		used += id || cache->cache.allocs || cache->cache.frees_older;
	}
	qsort(placed, used, sizeof(*placed), by_cache_live);
	for (uint32_t i = 0; i < used; i++) {
		model->caches[i] = placed[i].cache;
		places[placed[i].id] = i;
	}
	model->cache_count = used;
	return 0;
}

static void add_census(struct model *model, const struct recording *recording, const uint32_t *places)
{
	const struct capture *capture = &recording->capture;

	model->census = arena_array(&model->arena, capture->census_count, sizeof(*model->census));
	for (size_t i = 0; model->census && i < capture->census_count; i++) {
		const struct trace_census *census = &capture->census[i];

		if (!census->cache || census->cache > trace_reader_cache_count(recording->reader))
			continue;
		model->census[model->census_count++] = (struct model_census){
			.time_ns = census->time_ns,
			.active_objects = census->active_objects,
			.total_objects = census->total_objects,
			.slabs = census->slabs,
			.cache = places[census->cache],
			.phase = census->phase,
		};
	}
}

/* Sites: what belongs to the stack is named once the stacks are. */

/* Most sites have one of each. */
static void sort(void *elements, uint32_t count, size_t element_bytes, int (*compare)(const void *, const void *))
{
	if (count > 1)
		qsort(elements, count, element_bytes, compare);
}

/* A copy of the elements in the model; count becomes 0 without memory. */
static void *keep(struct model *model, const void *elements, uint32_t *count, size_t element_bytes)
{
	void *kept = *count ? arena_array(&model->arena, *count, element_bytes) : NULL;

	if (!kept)
		*count = 0;
	else
		memcpy(kept, elements, *count * element_bytes);
	return kept;
}

int model_task_by_live(const void *left, const void *right)
{
	const struct model_task *a = left, *b = right;

	if (a->live != b->live)
		return a->live < b->live ? 1 : -1;
	if (a->allocs != b->allocs)
		return a->allocs < b->allocs ? 1 : -1;
	int order = strcmp(a->comm, b->comm);
	return order ? order : (a->pid > b->pid) - (a->pid < b->pid);
}

/* Threads of one process come as separate tasks: pids tells those that were counted already. */
static void add_task(struct model_task *names, uint32_t *count, int32_t pids[], uint32_t *pid_count, const char *comm,
		     int32_t pid, const struct tally_entry *entry)
{
	struct model_task *task = NULL;
	bool is_new_process = true;

	for (uint32_t i = 0; i < *count && !task; i++)
		if (!strcmp(names[i].comm, comm))
			task = &names[i];
	for (uint32_t i = 0; i < *pid_count && is_new_process; i++)
		is_new_process = pids[i] != pid;
	if (!task) {
		task = &names[(*count)++];
		*task = (struct model_task){.comm = comm, .pid = pid};
	}
	if (is_new_process)
		pids[(*pid_count)++] = pid;
	/* A process that changed its name counts under the first; no name is without one. */
	task->processes += is_new_process || !task->processes;
	task->allocs += entry->count;
	task->live += entry->live;
}

/* Allocations that the trace tells by name alone: of how many processes is not known. */
static void add_comms(struct model *model, const struct recording *recording, const struct site *from,
		      struct model_task *names, uint32_t *count)
{
	struct tally_entry top[TALLY_KEYS_MAX];
	uint32_t comm_count = tally_top(&from->comms, top, TALLY_KEYS_MAX);

	for (uint32_t i = 0; i < comm_count; i++) {
		const char *comm = text_of(model, recording, top[i].key);
		uint32_t at = 0;

		while (at < *count && strcmp(names[at].comm, comm))
			at++;
		if (at == *count)
			names[(*count)++] = (struct model_task){.comm = comm};
		names[at].allocs += top[i].count;
		names[at].processes = 0;
	}
}

static void add_tasks(struct model *model, const struct recording *recording, const struct site *from,
		      struct model_site *site)
{
	struct tally_entry top[TALLY_KEYS_MAX];
	struct model_task names[2 * TALLY_KEYS_MAX + 1];
	int32_t pids[TALLY_KEYS_MAX];
	uint32_t name_count = 0, pid_count = 0;
	uint32_t count = tally_top(&from->tasks, top, TALLY_KEYS_MAX);

	for (uint32_t i = 0; i < count; i++) {
		const struct trace_task *task = trace_reader_task(recording->reader, top[i].key);

		if (task)
			add_task(names, &name_count, pids, &pid_count, text_of(model, recording, task->comm), task->pid,
				 &top[i]);
	}
	add_comms(model, recording, from, names, &name_count);
	struct tally_entry unknown = tally_unknown(&from->tasks), unknown_comms = tally_unknown(&from->comms);
	if (unknown.count || unknown_comms.count)
		names[name_count++] =
			(struct model_task){.comm = "[unknown]",
					    .allocs = number_add(unknown.count, unknown_comms.count),
					    .live = unknown.live};
	sort(names, name_count, sizeof(names[0]), model_task_by_live);
	site->task_names = name_count;
	site->has_more_tasks = tally_others(&from->tasks).count || tally_others(&from->comms).count;
	site->task_count = name_count < MODEL_TASKS_PER_SITE ? name_count : MODEL_TASKS_PER_SITE;
	site->tasks = keep(model, names, &site->task_count, sizeof(names[0]));
}

static int by_cgroup_live(const void *left, const void *right)
{
	const struct model_cgroup *a = left, *b = right;

	if (a->live != b->live)
		return a->live < b->live ? 1 : -1;
	if (a->allocs != b->allocs)
		return a->allocs < b->allocs ? 1 : -1;
	return strcmp(a->path, b->path);
}

static void add_cgroups(struct model *model, const struct recording *recording, const struct site *from,
			struct model_site *site)
{
	struct tally_entry top[TALLY_KEYS_MAX];
	struct model_cgroup cgroups[TALLY_KEYS_MAX];
	uint32_t ids[TALLY_KEYS_MAX], cgroup_count = 0;
	uint32_t count = tally_top(&from->tasks, top, TALLY_KEYS_MAX);

	for (uint32_t i = 0; i < count; i++) {
		const struct trace_task *task = trace_reader_task(recording->reader, top[i].key);
		uint32_t at = 0;

		if (!task || !task->cgroup)
			continue;
		while (at < cgroup_count && ids[at] != task->cgroup)
			at++;
		if (at == cgroup_count) {
			ids[cgroup_count] = task->cgroup;
			cgroups[cgroup_count++] = (struct model_cgroup){.path = text_of(model, recording, task->cgroup)};
		}
		cgroups[at].allocs += top[i].count;
		cgroups[at].live += top[i].live;
	}
	sort(cgroups, cgroup_count, sizeof(cgroups[0]), by_cgroup_live);
	site->cgroup_paths = cgroup_count;
	site->cgroup_count = cgroup_count < MODEL_CGROUPS_PER_SITE ? cgroup_count : MODEL_CGROUPS_PER_SITE;
	site->cgroups = keep(model, cgroups, &site->cgroup_count, sizeof(cgroups[0]));
}

static int by_place_allocs(const void *left, const void *right)
{
	const struct model_place *a = left, *b = right;

	if (a->allocs != b->allocs)
		return a->allocs < b->allocs ? 1 : -1;
	return (a->node > b->node) - (a->node < b->node);
}

/* Sums of the CPUs by their node. */
static void add_node(struct model_place nodes[MODEL_NODES_PER_SITE], uint32_t *count, int32_t node, uint64_t allocs)
{
	uint32_t at = 0;

	while (at < *count && nodes[at].node != node)
		at++;
	if (node < 0 || at == MODEL_NODES_PER_SITE)
		return;
	if (at == *count)
		nodes[(*count)++] = (struct model_place){.node = node};
	nodes[at].allocs += allocs;
}

static void add_places(struct model *model, const struct cpu_nodes *nodes, const struct site *from, struct model_site *site)
{
	struct model_place cpus[MODEL_CPUS_PER_SITE], sums[MODEL_NODES_PER_SITE], asked[MODEL_NODES_PER_SITE];
	struct tally_entry top[TALLY_KEYS_MAX];

	site->cpu_numbers = tally_top(&from->cpus, top, TALLY_KEYS_MAX);
	for (uint32_t i = 0; i < site->cpu_numbers; i++) {
		int32_t node = cpu_nodes_of(nodes, top[i].key - 1);

		add_node(sums, &site->node_count, node, top[i].count);
		if (i < MODEL_CPUS_PER_SITE)
			cpus[site->cpu_count++] =
				(struct model_place){.cpu = top[i].key - 1, .node = node, .allocs = top[i].count};
	}
	sort(sums, site->node_count, sizeof(sums[0]), by_place_allocs);
	site->cpus = keep(model, cpus, &site->cpu_count, sizeof(cpus[0]));
	site->nodes = keep(model, sums, &site->node_count, sizeof(sums[0]));
	uint32_t count = tally_top(&from->nodes_asked, top, MODEL_NODES_PER_SITE);
	for (uint32_t i = 0; i < count; i++)
		asked[site->nodes_asked_count++] = (struct model_place){.node = (int32_t)(top[i].key - 1), .allocs = top[i].count};
	site->nodes_asked = keep(model, asked, &site->nodes_asked_count, sizeof(asked[0]));
}

static int by_frees(const void *left, const void *right)
{
	const struct model_free_path *a = left, *b = right;

	if (a->frees != b->frees)
		return a->frees < b->frees ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void add_free_paths(struct model *model, const struct stacks *stacks, const struct site *from,
			   struct model_site *site)
{
	struct tally_entry top[TALLY_KEYS_MAX];
	struct model_free_path paths[TALLY_KEYS_MAX];
	uint32_t path_count = 0;
	uint32_t count = tally_top(&from->freed_by, top, TALLY_KEYS_MAX);

	site->frees_with_stack = tally_others(&from->freed_by).count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t node = stacks_node(stacks, top[i].key);
		const char *name = model_stack_name(model, node);
		uint32_t at = 0;

		while (at < path_count && strcmp(paths[at].name, name))
			at++;
		if (at == path_count)
			paths[path_count++] = (struct model_free_path){.name = name, .node = node};
		paths[at].frees += top[i].count;
		site->frees_with_stack += top[i].count;
	}
	sort(paths, path_count, sizeof(paths[0]), by_frees);
	site->freed_by_count = path_count < MODEL_FREE_PATHS_PER_SITE ? path_count : MODEL_FREE_PATHS_PER_SITE;
	site->freed_by = keep(model, paths, &site->freed_by_count, sizeof(paths[0]));
}

static void add_contents(struct model *model, const struct contents *contents, uint32_t index, struct model_site *site)
{
	const struct content *from = contents_of(contents, index, &site->content_count);

	site->contents = arena_array(&model->arena, site->content_count, sizeof(*site->contents));
	if (!site->contents)
		site->content_count = 0;
	for (uint32_t i = 0; i < site->content_count; i++) {
		uint8_t *bytes = arena_array(&model->arena, from[i].size_bytes, 1);

		if (bytes)
			memcpy(bytes, from[i].bytes, from[i].size_bytes);
		site->contents[i] = (struct model_content){.bytes = bytes, .size_bytes = bytes ? from[i].size_bytes : 0};
	}
}

static void add_site(struct model *model, const struct recording *recording, const struct stacks *stacks,
		     const struct cpu_nodes *nodes, const uint32_t *places, const struct site *from)
{
	struct model_site *site = &model->sites[model->site_count++];

	*site = (struct model_site){
		.cache = places[from->cache],
		.node = stacks_node(stacks, from->stack),
		.allocs = from->allocs,
		.frees = from->frees,
		.frees_implied = from->frees_implied,
		.live = from->live,
		.live_at_least = from->live - from->freed_at_most,
		.pending_rcu = from->pending_rcu,
		.reclaimed = from->reclaimed,
		.live_bytes = number_multiply(from->live, model->caches[places[from->cache]].slot_bytes),
		.bytes_req = from->bytes_req,
		.allocs_sized = from->allocs_sized,
		.live_bytes_req = from->live_bytes_req,
		.live_sized = from->live_sized,
		.lives = from->lives,
	};
	model_name_site(model, site);
	add_tasks(model, recording, from, site);
	add_cgroups(model, recording, from, site);
	add_places(model, nodes, from, site);
	add_free_paths(model, stacks, from, site);
}

int model_by_live(const void *left, const void *right)
{
	const struct model_site *a = left, *b = right;

	if (a->live_bytes != b->live_bytes)
		return a->live_bytes < b->live_bytes ? 1 : -1;
	if (a->live != b->live)
		return a->live < b->live ? 1 : -1;
	if (a->allocs != b->allocs)
		return a->allocs < b->allocs ? 1 : -1;
	int order = strcmp(a->name, b->name);
	if (!order)
		order = (a->cache > b->cache) - (a->cache < b->cache);
	return order ? order : (a->node > b->node) - (a->node < b->node);
}

static void want_stacks(struct stacks *stacks, const struct recording *recording)
{
	for (uint32_t i = 0; i < recording->ledger.sites.count; i++) {
		const struct site *site = site_at(&recording->ledger.sites, i);

		stacks_want(stacks, site->stack);
		for (uint32_t slot = 0; slot < site->freed_by.capacity; slot++)
			if (site->freed_by.slots[slot].key != UINT32_MAX)
				stacks_want(stacks, site->freed_by.slots[slot].key);
	}
	for (uint32_t i = 0; i < recording->ledger.orphans.count; i++)
		stacks_want(stacks, recording->ledger.orphans.stacks[i].stack);
}

/* Who frees objects of older date, by the same names. */

/* A number for the function that wanted an object freed and its caller. */
static uint64_t path_number(const struct model *model, uint32_t node)
{
	const struct model_frame *frames[2];
	uint32_t count = model_telling_frames(model, node, frames, 2);
	uint64_t hash = HASH_START;

	for (uint32_t i = 0; i < count; i++)
		hash = hash_byte(hash_bytes(hash, frames[i]->label,
					    frames[i]->is_user ? strlen(frames[i]->label) : name_plain_length(frames[i]->label)),
				 0xff);
	return hash;
}

static bool is_known(const struct tally_entry *entry)
{
	return entry->is_used && entry->key && entry->key != UINT32_MAX;
}

/* Stacks of frees are sampled: each of a site's stands for as many as the site had. */
static uint32_t site_paths(const struct model *model, const struct stacks *stacks, const struct site *site, uint32_t owner,
			   struct orphan_path *paths)
{
	double with_stack = 0;
	uint32_t count = 0;

	for (uint32_t i = 0; i < site->freed_by.capacity; i++)
		with_stack += is_known(&site->freed_by.slots[i]) ? (double)site->freed_by.slots[i].count : 0;
	for (uint32_t i = 0; i < site->freed_by.capacity; i++) {
		const struct tally_entry *entry = &site->freed_by.slots[i];

		if (is_known(entry) && entry->count)
			paths[count++] = (struct orphan_path){
				.path = path_number(model, stacks_node(stacks, entry->key)),
				.cache = site->cache,
				.owner = owner,
				.frees = (double)entry->count * (double)site->frees / with_stack,
			};
	}
	return count;
}

static int charge_orphans(const struct model *model, const struct recording *recording, const struct stacks *stacks,
			  struct orphan_charges *charges, struct error *err)
{
	const struct site_table *table = &recording->ledger.sites;
	const struct orphans *orphans = &recording->ledger.orphans;
	size_t wanted = 0;
	uint32_t path_count = 0, older_count = 0;

	*charges = (struct orphan_charges){0};
	for (uint32_t i = 0; i < table->count && orphans->count; i++)
		wanted += site_at(table, i)->freed_by.used;
	if (!wanted)
		return 0;
	CLEANUP(cleanup_free) struct orphan_path *paths = calloc(wanted, sizeof(*paths));
	CLEANUP(cleanup_free) struct orphan_path *older = calloc(orphans->count, sizeof(*older));
	if (!paths || !older)
		return error_set(err, -ENOMEM, "not enough memory for frees of older objects");
	for (uint32_t i = 0; i < table->count; i++)
		path_count += site_paths(model, stacks, site_at(table, i), i, paths + path_count);
	for (uint32_t i = 0; i < orphans->count; i++)
		if (orphans->stacks[i].stack)
			older[older_count++] = (struct orphan_path){
				.path = path_number(model, stacks_node(stacks, orphans->stacks[i].stack)),
				.cache = orphans->stacks[i].cache,
				.owner = i,
			};
	return orphans_charge(orphans, paths, path_count, older, older_count, charges, err);
}

/* Has memory begin to fetch what add_site() takes of a site that is soon its turn. */
static void expect_site(const struct site *site)
{
	fetch(site->tasks.slots);
	fetch(site->cpus.slots);
	fetch(site->freed_by.slots);
}

/* In the order of the ledger. */
static int add_sites(struct model *model, const struct recording *recording, const struct symbolizer *symbolizer,
		     const uint32_t *places, struct orphan_charges *charges, struct error *err)
{
	CLEANUP(stacks_release) struct stacks stacks = {0};
	CLEANUP(cpu_nodes_release) struct cpu_nodes nodes = {0};
	const struct site_table *table = &recording->ledger.sites;
	int ret = stacks_init(&stacks, recording->reader, err);

	if (ret)
		return ret;
	want_stacks(&stacks, recording);
	ret = stacks_name(&stacks, model, symbolizer, err);
	if (ret)
		return ret;
	stacks_objects(&stacks, model, symbolizer);
	model->sites = arena_array(&model->arena, table->count, sizeof(*model->sites));
	if (!model->sites)
		return error_set(err, -ENOMEM, "not enough memory for %u sites", table->count);
	cpu_nodes_read(&nodes, recording);
	model->nr_nodes = nodes.nr_nodes;
	for (uint32_t i = 0; i < table->count; i++) {
		if (i + SITES_AHEAD < table->count)
			expect_site(site_at(table, i + SITES_AHEAD));
		add_site(model, recording, &stacks, &nodes, places, site_at(table, i));
		if (site_at(table, i)->contents)
			add_contents(model, &recording->ledger.contents, i, &model->sites[i]);
	}
	model->sites_detailed = model->site_count;
	return charge_orphans(model, recording, &stacks, charges, err);
}

/* Totals and trust. */

static void add_totals(struct model *model, const struct recording *recording)
{
	model->duration_ns = recording->duration_ns;
	model->events = recording->ledger.events;
	model->is_only_live = !strcmp(recording_fact(recording, "only_live"), "yes");
	model->has_reclaim = recording->ledger.reclaim_ns;
	model->has_slot_bytes = true;
	for (uint32_t i = 0; i < model->cache_count; i++) {
		const struct model_cache *cache = &model->caches[i];

		model->allocs += cache->allocs;
		model->frees += cache->frees;
		model->frees_implied += cache->frees_implied;
		model->integrity.frees_older += cache->frees_older;
		model->live += cache->live;
		model->live_bytes = number_add(model->live_bytes, cache->live_bytes);
		if (cache->live && !cache->slot_bytes)
			model->has_slot_bytes = false;
	}
	model->live_at_least = model->live - recording->ledger.freed_at_most;
}

static void add_integrity(struct model *model, const struct recording *recording)
{
	struct model_integrity *integrity = &model->integrity;
	const struct losses *losses = &recording->losses;
	const char *sentence;

	integrity->ending = trace_reader_ending(recording->reader, &sentence);
	integrity->good_bytes = trace_reader_good_bytes(recording->reader);
	integrity->lost_allocs = losses->allocs;
	integrity->lost_frees = losses->frees;
	integrity->missed_allocs = losses->missed_allocs;
	integrity->missed_frees = losses->missed_frees;
	integrity->lost_tasks = losses->tasks;
	integrity->unaccounted = losses->unaccounted;
	integrity->cpus_unseen = recording->capture.cpus_unseen;
	integrity->cpus_unseen_ns = recording->capture.cpus_unseen_ns;
	integrity->freed_at_most = recording->ledger.freed_at_most;
	integrity->frees_implied = model->frees_implied;
	integrity->frees_unknown = recording_counter(recording, "frees_unknown", NULL);
	integrity->frees_unmatched = recording->ledger.frees_unmatched;
	integrity->out_of_order = recording_counter(recording, "out_of_order", NULL);
	integrity->times_before = recording->ledger.times_before;
	integrity->bulk_allocs_unseen = recording_counter(recording, "bulk_allocs_unseen", NULL);
	integrity->stacks_cut = recording_counter(recording, "stacks_cut", NULL);
	integrity->stacks_hidden = recording_counter(recording, "stacks_hidden", NULL);
	integrity->stacks_unsure =
		recording_counter(recording, "chains_unknown", NULL) + recording_counter(recording, "chains_mistaken", NULL);
	integrity->user_stacks_degraded = recording_counter(recording, "user_stacks_degraded", NULL);
	integrity->user_stacks_partial =
		recording_counter(recording, "user_stacks_cut", NULL) + recording_counter(recording, "user_stacks_lost", NULL) +
		recording_counter(recording, "user_stacks_forgotten", NULL);
	integrity->half_seen = recording_counter(recording, "entries_without_return", NULL);
}

/* How many numbers a kernel's list has: "0-3,6" is five, 0 for what is no such list. */
static uint32_t list_length(const char *list)
{
	uint32_t count = 0;

	for (;;) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list || first >= CAPTURE_CPUS_MAX)
			return 0;
		if (*end == '-') {
			list = end + 1;
			last = strtoul(list, &end, 10);
		}
		if (end == list || last < first || last >= CAPTURE_CPUS_MAX)
			return 0;
		count += (uint32_t)(last - first) + 1;
		if (*end != ',')
			return *end ? 0 : count;
		list = end + 1;
	}
}

/* CPUs online as the trace tells; where it does not, as far as the events show. */
static uint32_t cpus_of(const struct model *model, const struct recording *recording)
{
	uint32_t told = list_length(model_fact(model, "cpus"));

	if (told && told <= CAPTURE_CPUS_MAX)
		return told;
	return recording->ledger.max_cpu < CAPTURE_CPUS_MAX ? recording->ledger.max_cpu + 1 : CAPTURE_CPUS_MAX;
}

int model_build(struct model *model, const struct recording *recording, const struct symbolizer *symbolizer,
		struct error *err)
{
	CLEANUP(cleanup_free)
	uint32_t *places = calloc((size_t)trace_reader_cache_count(recording->reader) + 1, sizeof(*places));
	CLEANUP(orphan_charges_release) struct orphan_charges charges = {0};

	*model = (struct model){0};
	if (!places)
		return error_set(err, -ENOMEM, "not enough memory for the report");
	add_facts(model, recording);
	add_counters(model, recording);
	add_notes(model, recording);
	add_probes(model, recording);
	add_losses(model, recording);
	add_meminfo(model, recording);
	int ret = add_caches(model, recording, places, err);
	if (!ret)
		ret = add_sites(model, recording, symbolizer, places, &charges, err);
	if (!ret) {
		add_census(model, recording, places);
		add_totals(model, recording);
		add_integrity(model, recording);
		model->cpus = cpus_of(model, recording);
		reconcile_caches(model);
		ret = analysis_judge(model, &charges, err);
	}
	if (!ret)
		ret = site_path_tell_apart(model, err);
	if (!ret && model->arena.failed)
		ret = error_set(err, -ENOMEM, "not enough memory for the report");
	if (ret)
		model_release(model);
	return ret;
}
