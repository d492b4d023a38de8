/*
 * The report as data: everything that any of the formats says, in the order in which it is said. Renderers read it and
 * nothing else. Strings are C strings as the trace had them: foreign bytes, to be escaped by who writes them.
 */
#ifndef SLABREC_REPORT_MODEL_H
#define SLABREC_REPORT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "report/arena.h"
#include "report/history.h"
#include "report/name.h"
#include "report/recording.h"
#include "report/redaction.h"
#include "report/suspect.h"
#include "report/symbol_object.h"
#include "report/symbolizer.h"
#include "trace/timeline.h"
#include "trace/error.h"
#include "trace/reader.h"

#define MODEL_TASKS_PER_SITE 5u
#define MODEL_CGROUPS_PER_SITE 5u
#define MODEL_CPUS_PER_SITE 8u
#define MODEL_NODES_PER_SITE 8u
#define MODEL_FREE_PATHS_PER_SITE 3u
/* Deeper stacks are shown to here; perf's own limit is 127 kernel and 127 user frames. */
#define MODEL_STACK_DEPTH_MAX 512u

/* One function of a call chain. Kernel addresses are not here and cannot be printed. */
struct model_frame {
	const char *label;	 /* what to call it: never empty, "[unknown]" at worst */
	const char *function;	 /* "" not known */
	const char *module;	 /* kernel: "" for the kernel itself; user: base name of the file, "" not known */
	const char *path;	 /* user: whole path */
	const char *build_id;	 /* user: hexadecimal, "" not known */
	const char *source_file; /* "" not known */
	uint64_t offset_bytes;	 /* in function */
	uint64_t module_offset;	 /* kernel: in the module's text; user: in the file */
	uint32_t line;
	enum name_class class; /* kernel functions; NAME_CODE for the rest */
	bool is_user;
	bool is_inlined;
};

/* Stacks share one tree: node i's parent has a smaller number, 0 is "outside". A stack is its innermost node. */
struct model_node {
	uint32_t parent;
	uint32_t frame; /* index in frames */
};

/* Tasks of one name. */
struct model_task {
	const char *comm;
	uint64_t allocs;
	uint64_t live;
	uint32_t processes; /* 0 not known */
	int32_t pid; /* of the one with most allocations */
};

/* A control group, with those of its tasks that allocate at a site. */
struct model_cgroup {
	const char *path; /* as trace/FORMAT.md has it */
	uint64_t allocs;
	uint64_t live;
};

/* A CPU that allocates at a site, or a NUMA node that was asked for there (cpu is not used then). */
struct model_place {
	uint32_t cpu;
	int32_t node; /* of the CPU, -1 not known; of a node that was asked for its number */
	uint64_t allocs;
};

/* Where objects of a site were freed, by the function that wanted them freed. */
struct model_free_path {
	const char *name;
	uint64_t frees;
	uint32_t node; /* its most frequent stack, 0 none */
};

/* The first bytes of an object that was live at the end. */
struct model_content {
	const uint8_t *bytes; /* hostile */
	uint32_t size_bytes;  /* at most TRACE_CONTENTS_MAX_BYTES */
};

/* There may be a hundred thousand: small members stand together. */
struct model_site {
	const char *name;   /* function that wanted the object; never empty */
	const char *caller; /* the next one out, "" not known */
	const char *via;    /* farther out, what no other site that is shown and has the same of both comes through; "" nothing has to be said */
	uint32_t cache;	    /* index in caches */
	uint32_t node;	    /* 0: no stack was recorded */
	uint64_t allocs, frees, frees_implied, live;
	uint64_t live_at_least;		  /* live but for those whose free may have been lost */
	uint64_t pending_rcu;		  /* of frees: asked for by kfree_rcu(), not seen to be done */
	uint64_t reclaimed;		  /* of live: they went when memory was asked back, after the end */
	uint64_t live_bytes;		  /* slots: what the live objects take */
	uint64_t bytes_req, allocs_sized; /* requested by how many allocations of known size */
	uint64_t live_bytes_req, live_sized;
	uint64_t frees_with_stack; /* the base of freed_by */
	const struct lives *lives; /* the recording's, which has to outlive the model, or of the model's pool */
	struct suspect suspect;
	struct model_task *tasks; /* at most MODEL_TASKS_PER_SITE; most live, then most allocations first */
	struct model_cgroup *cgroups; /* at most MODEL_CGROUPS_PER_SITE; most live, then most allocations first; of known ones */
	struct model_place *cpus; /* at most MODEL_CPUS_PER_SITE; most allocations first; of those that are in events */
	struct model_place *nodes; /* at most MODEL_NODES_PER_SITE; of these CPUs, where they are known */
	struct model_place *nodes_asked; /* at most MODEL_NODES_PER_SITE; by allocations that ask for one; the object's is the CPU's else */
	struct model_free_path *freed_by; /* at most MODEL_FREE_PATHS_PER_SITE; most frequent first */
	struct model_content *contents; /* at most CONTENTS_PER_SITE, oldest first; of a recording with --peek */
	uint32_t task_count, cgroup_count, cpu_count, node_count, nodes_asked_count, freed_by_count, content_count;
	uint32_t task_names;   /* distinct names in all */
	uint32_t cgroup_paths; /* distinct ones in all */
	uint32_t cpu_numbers;  /* distinct ones in all, at most TALLY_KEYS_MAX */
	bool has_more_tasks; /* than TALLY_KEYS_MAX threads: names and processes are lower bounds */
	bool via_skips;	     /* others are between caller and via */
};

enum model_reconciliation_state {
	MODEL_RECONCILED = 0,	  /* events explain the growth within the tolerance */
	MODEL_UNEXPLAINED,	  /* they do not */
	MODEL_RECONCILED_OLDER,	  /* they do, if enough of the frees that no cache could be told for were of this one */
	MODEL_RECONCILE_FILTERED, /* only some processes or CPUs were recorded: not comparable */
	MODEL_RECONCILE_NO_CENSUS, /* the kernel's count at the start or at the end is missing */
};

/* The events against the kernel's own count of one cache. */
struct model_reconciliation {
	enum model_reconciliation_state state;
	int64_t grown_events; /* allocations less all frees that are done, also of older objects */
	int64_t grown_census; /* active objects at the end less at the start */
	uint64_t tolerance;   /* free objects that CPUs may hold: the kernel counts them as active */
};

/* What the kernel's own count says, by which no leak can be larger. */
enum model_growth {
	MODEL_GROWTH_UNKNOWN = 0, /* it is missing or not comparable */
	MODEL_GROWTH_NONE,	  /* not beyond what CPUs may hold */
	MODEL_GROWS,
};

struct model_cache {
	const char *name; /* "[unknown]" for events without a cache */
	const char *requested;
	const char *aliases;
	uint32_t object_size_bytes, slab_size_bytes, objects_per_slab, order, align_bytes;
	uint32_t percpu_objects; /* free ones that a CPU may hold, counted as active: its slabs, its sheaves */
	uint32_t slot_bytes;	 /* what one object takes; 0 not known */
	uint64_t allocs, frees, frees_implied, frees_older, live;
	uint64_t pending_rcu; /* of frees: the memory is the kernel's until a grace period is over */
	uint64_t live_bytes;
	uint64_t reclaimed, reclaimed_older; /* live ones and ones from before the recording that went when memory was asked back */
	const struct timeline *timeline; /* NULL: no events */
	struct model_reconciliation reconciliation;
	enum model_growth growth;
	double charged; /* frees_older that were charged to sites, while they are judged */
	double leaked; /* objects: what the lower bounds of its leaks add up to over the recording, before they were held against that */
};

struct model_fact {
	const char *key, *value;
};

struct model_counter {
	const char *key;
	uint64_t value;
};

struct model_probe {
	const char *event, *function, *role, *definition, *filter;
	uint64_t hits, misses, lost;
	bool has_misses, has_lost;
	bool has_fault_misses; /* misses also counts page faults, at most one a hit */
};

struct model_loss {
	uint64_t lost;
	uint32_t cpu;
	enum trace_ring ring;
};

struct model_census {
	uint64_t time_ns, active_objects, total_objects, slabs;
	uint32_t cache; /* index in caches */
	enum trace_census_phase phase;
};

struct model_meminfo {
	uint64_t time_ns, reclaimable_bytes, unreclaimable_bytes;
	enum trace_census_phase phase;
};

/* Something that frames lie in, and what their names come from. */
struct model_object {
	const char *name;     /* of a module; path of a file; "" the kernel */
	const char *build_id; /* hexadecimal, "" not known */
	const char *problem;  /* why there is no better source, "" nothing to say */
	uint32_t frames;
	enum symbol_object_kind kind;
	enum symbol_source source;
};

/* How far the numbers can be trusted, each counted where it happened. */
struct model_integrity {
	enum trace_ending ending;
	uint64_t good_bytes;	  /* of the trace, up to the cut or damage */
	uint64_t lost_allocs;	  /* records of full rings: sites may be understated */
	uint64_t lost_frees;	  /* the same for frees that no witness told */
	uint64_t lost_tasks;	  /* task and mapping records: names may be missing */
	uint64_t missed_allocs;	  /* hits that probes missed, of all caches: a bound, in none of the above */
	uint64_t missed_frees;	  /* the same for frees that no witness told */
	uint64_t cpus_unseen;	  /* times that a CPU ran and was not recorded */
	uint64_t cpus_unseen_ns;  /* for so long together, at most */
	uint64_t unaccounted;	  /* hits by which the kernel's count of an event and what was received differ */
	uint64_t freed_at_most;	  /* live objects that may have been freed for all of this */
	uint64_t frees_implied;
	uint64_t frees_older;
	uint64_t frees_unknown;
	uint64_t frees_unmatched;
	uint64_t out_of_order;
	uint64_t times_before;
	uint64_t stacks_cut;
	uint64_t stacks_unsure; /* allocations whose kernel callers are missing or another's, because a key was */
	uint64_t stacks_hidden; /* distinct ones, by another tracer's return probe */
	uint64_t user_stacks_degraded; /* allocations whose user callers are by frame pointers although more was asked for */
	uint64_t user_stacks_partial;  /* allocations whose user stack was unwound, but not to its end */
	uint64_t half_seen;	/* allocations that were seen to begin and not to return: in no site */
	uint64_t bulk_allocs_unseen; /* objects handed out in bulk, whose addresses the kernel did not tell */
	uint32_t redacted_addresses; /* kernel addresses taken out of texts */
};

struct template_file;
struct gate;

struct model {
	struct arena arena;
	const struct template_file *page; /* borrowed: the page that html fills; NULL the shipped one */
	bool is_whole_page; /* html carries details of all sites, however large that is */
	uint32_t metric; /* enum metric: what folded weighs by */
	const struct gate *gate; /* borrowed: what --fail-on asks for, which json and junit tell; NULL nothing */
	struct pool lives; /* histories of the sites that are the model's own; others are borrowed from a recording */
	uint64_t duration_ns;
	uint32_t nr_nodes; /* NUMA nodes that have CPUs; 0 not told */
	uint32_t cpus; /* of the machine; what was seen where it does not say */
	uint64_t events, allocs, frees, frees_implied, live;
	uint64_t live_at_least; /* live but for those whose free may have been lost */
	uint64_t live_bytes;
	bool has_reclaim;    /* memory was asked back after the end */
	bool is_only_live;   /* objects that were freed are counted by site, not told one by one */
	bool has_slot_bytes; /* of every cache with live objects: else live_bytes says too little */
	struct model_integrity integrity;
	struct redaction redaction;
	struct model_fact *facts; /* sorted by key; without where the kernel lay */
	uint32_t fact_count;
	struct model_counter *counters; /* sorted by key */
	uint32_t counter_count;
	const char **notes;
	uint32_t note_count;
	struct model_probe *probes;
	uint32_t probe_count;
	struct model_loss *losses; /* those above 0, by CPU, then ring */
	uint32_t loss_count;
	struct model_census *census;
	uint32_t census_count;
	struct model_meminfo *meminfo;
	uint32_t meminfo_count;
	struct model_cache *caches; /* most live bytes first */
	uint32_t cache_count;
	struct model_frame *frames;
	uint32_t frame_count;
	struct model_node *nodes; /* index 0 is not used */
	uint32_t node_count;	  /* with index 0 */
	struct model_object *objects; /* the kernel, modules, files; those with frames */
	uint32_t object_count;
	/* Leaks by their score, then what is undetermined by its; of others most live bytes first, then live objects, then allocations. */
	struct model_site *sites;
	uint32_t site_count;
	uint32_t suspect_count;	/* leaks, with which sites begins; 0 where the capture is unreliable */
	const char *unreliable; /* why it accuses nobody, "" where it may */
	uint32_t sites_detailed; /* the first of them; the others have no history, ages, tasks, places and freed_by: a page was too small */
};

/*
 * Builds the model of the recording, which is borrowed and has to outlive it, as does what symbolizer refers to. 0 or
 * -ENOMEM.
 */
int model_build(struct model *model, const struct recording *recording, const struct symbolizer *symbolizer,
		struct error *err);
void model_release(struct model *model);
/*
 * Moves the histories of the sites from the recording that the model was built of into the model and frees the recording's sites:
 * half of its memory.
 */
void model_take_histories(struct model *model, struct recording *recording);

/* Orders two sites: most live bytes first, then live objects, then allocations. */
int model_by_live(const void *left, const void *right);
/* Orders two tasks: who holds most of what is live first, then most allocations. */
int model_task_by_live(const void *left, const void *right);
/* Value of a fact, "" where there is none. */
const char *model_fact(const struct model *model, const char *key);
/* Frames of the stack, innermost first; at most max. Returns how many were written. */
uint32_t model_stack(const struct model *model, uint32_t node, const struct model_frame **frames, uint32_t max);

#endif
