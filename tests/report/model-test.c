/* From events to numbers, on traces whose truth is known. */
#include "tests/report/scenario.h"

#include "report/frame_text.h"
#include "report/integrity.h"
#include "report/reconcile.h"
#include "report/verdict.h"

static void expect_sentence(const char *got, const char *wanted)
{
	if (!strstr(got, wanted))
		fail_msg("\"%s\" is not in \"%s\"", wanted, got);
}

static void test_pipes(void **state)
{
	struct scenario scenario;
	struct scene scene;

	(void)state;
	scenario_begin(&scenario);
	scenario_pipes(&scenario, 2000, 500);
	scenario_end(&scenario);
	scene_read(&scene, &scenario);
	/* The first site is the one that keeps its pipes. */
	const struct model_site *site = &scene.model.sites[0];
	assert_string_equal(site->name, "alloc_pipe_info");
	assert_string_equal(site->caller, "create_pipe_files");
	assert_string_equal(scene.model.caches[site->cache].name, "kmalloc-cg-1k");
	assert_true(site->allocs == 2000 && site->live == 2000 && site->frees == 0 && site->frees_implied == 0);
	assert_true(site->live_bytes == 2000 * 1024);
	assert_true(site->live_bytes_req == 2000 * 640 && site->allocs_sized == 2000);
	assert_int_equal(site->task_count, 1);
	assert_string_equal(site->tasks[0].comm, "pipes");
	assert_true(site->tasks[0].live == 2000 && site->tasks[0].processes == 1 && site->tasks[0].pid == 4242);
	assert_true(site->lives->live_ages.count == 2000 && site->lives->freed_ages.count == 0);
	assert_true(site->lives->live_ages.min_ns == 7 * MS);
	/* All the rest adds up. */
	uint64_t allocs = 0, frees = 0, live = 0;
	for (uint32_t i = 0; i < scene.model.site_count; i++) {
		allocs += scene.model.sites[i].allocs;
		frees += scene.model.sites[i].frees + scene.model.sites[i].frees_implied;
		live += scene.model.sites[i].live;
		assert_true(scene.model.sites[i].lives->live_ages.count == scene.model.sites[i].live);
	}
	assert_true(allocs == scene.model.allocs && live == scene.model.live);
	assert_true(frees == scene.model.frees + scene.model.frees_implied && allocs - frees == live);
	scene_release(&scene);
	scenario_release(&scenario);
}

static void test_freed_by_and_ages(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64), task = scenario_task(&s, 1, 1, "init");
	uint32_t where = STACK(&s, "do_thing", "kmem_cache_alloc"), put = STACK(&s, "put_thing", "kfree");
	uint32_t put_rcu = STACK(&s, "rcu_do_batch", "kfree"), put_other = STACK(&s, "other", "put_thing", "kfree");
	for (unsigned int i = 0; i < 10; i++) {
		uint64_t object = scenario_alloc(&s, cache, where, task, 0);

		s.now_ns += 4 * MS;
		scenario_free(&s, TRACE_EVENT_FREE, object, i < 5 ? put : i < 7 ? put_other : i < 9 ? put_rcu : 0);
	}
	scenario_end(&s);
	scene_read(&scene, &s);
	const struct model_site *site = scene_site(&scene, "do_thing");
	assert_true(site->live == 0 && site->frees == 10);
	assert_true(site->lives->freed_ages.min_ns == 4 * MS && site->lives->freed_ages.max_ns == 4 * MS);
	/* By function, over stacks; the one free without a stack is not among them. */
	assert_int_equal(site->freed_by_count, 2);
	assert_string_equal(site->freed_by[0].name, "put_thing");
	assert_true(site->freed_by[0].frees == 7 && site->freed_by[1].frees == 2 && site->frees_with_stack == 9);
	assert_true(site->allocs_sized == 0);
	expect_sentence(verdict_headline(&scene.model.arena, &scene.model),
			"All 10 objects allocated during 40.0 ms were freed again.");
	assert_string_equal(verdict_rate(&scene.model.arena, &scene.model), "");
	scene_release(&scene);
	scenario_release(&s);
}

/* What happened at two sites; the objects that were freed as events, or counted as --only-live does. */
static void write_life(struct scenario *s, bool is_only_live)
{
	uint32_t cache = scenario_cache(s, "kmalloc-64", 64), task = scenario_task(s, 7, 8, "init");
	uint32_t where = STACK(s, "do_thing", "kmem_cache_alloc"), put = STACK(s, "put_thing", "kfree");
	struct trace_share comms[] = {{.count = 3, .id = trace_writer_text(s->writer, "init")}, {.count = 1}};
	struct trace_share freed_by[] = {{.count = 2, .id = put}, {.count = 1}};
	struct trace_freed freed = {.cache = cache,
				    .stack = where,
				    .frees = 3,
				    .frees_implied = 1,
				    .frees_rcu = 2,
				    .pending_rcu = 1,
				    .bytes_req = 150,
				    .sized = 3,
				    .timeline = {.shift = TIMELINE_FIRST_SHIFT},
				    .comms = comms,
				    .comm_count = 2,
				    .freed_by = freed_by,
				    .freed_by_count = 2};
	uint64_t objects[4];

	for (unsigned int i = 0; i < 4 && !is_only_live; i++)
		objects[i] = scenario_alloc(s, cache, where, i < 3 ? task : 0, i < 3 ? 50 : 0);
	freed.timeline.allocs[0] = 4;
	scenario_alloc(s, cache, where, task, 40);
	s->now_ns = 20 * MS;
	if (!is_only_live) {
		scenario_free(s, TRACE_EVENT_FREE, objects[0], put);
		scenario_free(s, TRACE_EVENT_FREE_RCU, objects[1], put);
		scenario_free(s, TRACE_EVENT_FREE_RCU, objects[2], 0);
		scenario_free(s, TRACE_EVENT_FREE, objects[2], 0);
		scenario_free(s, TRACE_EVENT_FREE_IMPLIED, objects[3], 0);
		trace_writer_event(s->writer, &(struct trace_event){
						      .kind = TRACE_EVENT_FREE_OLDER, .cache = cache, .time_ns = s->now_ns});
	}
	freed.timeline.frees[20 * MS >> TIMELINE_FIRST_SHIFT] = 4;
	for (unsigned int i = 0; i < 3; i++)
		ages_add(&freed.ages, 20 * MS);
	if (is_only_live) {
		trace_writer_fact(s->writer, "only_live", "yes");
		/* In two parts: they add up. */
		freed.frees_implied = 0;
		trace_writer_freed(s->writer, &freed);
		trace_writer_freed(s->writer, &(struct trace_freed){.cache = cache, .stack = where, .frees_implied = 1});
		trace_writer_freed_older(s->writer, &(struct trace_freed_older){.cache = cache, .frees = 1});
	}
	s->now_ns = 900 * MS;
	scenario_alloc(s, cache, STACK(s, "late", "kmem_cache_alloc"), task, 64);
	scenario_end(s);
}

static void test_only_live_tells_the_same(void **state)
{
	struct scenario scenarios[2];
	struct scene scenes[2];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		scenario_begin(&scenarios[i]);
		write_life(&scenarios[i], i == 1);
		scene_read(&scenes[i], &scenarios[i]);
	}
	const struct model *full = &scenes[0].model, *kept = &scenes[1].model;
	assert_true(!full->is_only_live && kept->is_only_live);
	assert_true(full->events == 12 && kept->events == 12);
	assert_true(full->allocs == kept->allocs && full->frees == kept->frees && full->live == kept->live);
	assert_true(full->frees_implied == 1 && kept->frees_implied == 1);
	assert_true(full->integrity.frees_older == 1 && kept->integrity.frees_older == 1);
	assert_memory_equal(full->caches[0].timeline, kept->caches[0].timeline, sizeof(struct timeline));
	assert_true(full->caches[0].pending_rcu == 1 && kept->caches[0].pending_rcu == 1);
	const struct model_site *sites[] = {scene_site(&scenes[0], "do_thing"), scene_site(&scenes[1], "do_thing")};
	assert_true(sites[0]->allocs == 5 && sites[1]->allocs == 5);
	assert_true(sites[0]->frees == 3 && sites[1]->frees == 3);
	assert_true(sites[0]->frees_implied == 1 && sites[1]->frees_implied == 1);
	assert_true(sites[0]->pending_rcu == 1 && sites[1]->pending_rcu == 1);
	assert_true(sites[0]->live == 1 && sites[1]->live == 1);
	assert_true(sites[0]->bytes_req == 190 && sites[1]->bytes_req == 190);
	assert_true(sites[0]->allocs_sized == 4 && sites[1]->allocs_sized == 4);
	struct ages freed_ages[] = {history_ages(&sites[0]->lives->freed_ages), history_ages(&sites[1]->lives->freed_ages)};
	struct ages live_ages[] = {history_ages(&sites[0]->lives->live_ages), history_ages(&sites[1]->lives->live_ages)};
	struct timeline timelines[] = {history_timeline(&sites[0]->lives->history), history_timeline(&sites[1]->lives->history)};
	assert_memory_equal(&freed_ages[0], &freed_ages[1], sizeof(struct ages));
	assert_memory_equal(&live_ages[0], &live_ages[1], sizeof(struct ages));
	assert_memory_equal(&timelines[0], &timelines[1], sizeof(struct timeline));
	assert_true(sites[0]->frees_with_stack == 2 && sites[1]->frees_with_stack == 2);
	assert_string_equal(sites[1]->freed_by[0].name, "put_thing");
	/* By name the same; of how many processes is not known any more. */
	assert_true(sites[0]->task_count == 2 && sites[1]->task_count == 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_string_equal(sites[i]->tasks[0].comm, "init");
		assert_true(sites[i]->tasks[0].allocs == 4 && sites[i]->tasks[0].live == 1);
		assert_string_equal(sites[i]->tasks[1].comm, "[unknown]");
		assert_true(sites[i]->tasks[1].allocs == 1 && sites[i]->tasks[1].live == 0);
		assert_int_equal(sites[i]->tasks[0].processes, i ? 0 : 1);
		scene_release(&scenes[i]);
		scenario_release(&scenarios[i]);
	}
}

static void test_implied_older_and_contradicting_frees(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64);
	uint32_t where = STACK(&s, "do_thing", "kmalloc_trace");
	uint64_t first = scenario_alloc(&s, cache, where, 0, 0), second = scenario_alloc(&s, cache, where, 0, 0);
	scenario_free(&s, TRACE_EVENT_FREE_IMPLIED, first, 0);
	scenario_free(&s, TRACE_EVENT_FREE, second, 0);
	scenario_free(&s, TRACE_EVENT_FREE, second, 0);
	trace_writer_event(s.writer, &(struct trace_event){.kind = TRACE_EVENT_FREE_OLDER, .cache = cache});
	s.now_ns = S;
	scenario_end(&s);
	scene_read(&scene, &s);
	const struct model_site *site = scene_site(&scene, "do_thing");
	assert_true(site->frees == 1 && site->frees_implied == 1 && site->live == 0);
	/* An implied free happened at an unknown time: it has no age. */
	assert_true(site->lives->freed_ages.count == 1);
	assert_true(scene.model.integrity.frees_unmatched == 1 && scene.model.integrity.frees_older == 1);
	assert_true(scene.model.caches[0].reconciliation.grown_events == -1);
	assert_false(integrity_is_whole(&scene.model));
	/* The task was not recorded, which is not the same as nobody. */
	assert_string_equal(site->tasks[0].comm, "[unknown]");
	assert_int_equal(site->tasks[0].processes, 0);
	scene_release(&scene);
	scenario_release(&s);
}

/* Through the ledger itself: kfree_rcu() frees for the user, the memory follows or does not. */
static void test_free_rcu(void **state)
{
	struct ledger ledger = {0};
	struct trace_event event = {.kind = TRACE_EVENT_ALLOC, .cache = 1, .stack = 7, .task = 1};

	(void)state;
	for (event.object = 1; event.object <= 4; event.object++)
		assert_int_equal(ledger_enter(&ledger, &event, NULL), 0);
	/* 1 is done, 2 waits, 3's memory was handed out again, 4 lives; each asks twice, which is once too often. */
	event = (struct trace_event){.kind = TRACE_EVENT_FREE_RCU, .stack = 9, .time_ns = 5 * MS};
	for (event.object = 1; event.object <= 3; event.object++)
		for (int i = 0; i < 2; i++)
			assert_int_equal(ledger_enter(&ledger, &event, NULL), 0);
	event = (struct trace_event){.kind = TRACE_EVENT_FREE, .object = 1, .time_ns = 90 * MS};
	assert_int_equal(ledger_enter(&ledger, &event, NULL), 0);
	event = (struct trace_event){.kind = TRACE_EVENT_FREE_IMPLIED, .object = 3, .time_ns = 90 * MS};
	assert_int_equal(ledger_enter(&ledger, &event, NULL), 0);
	assert_int_equal(ledger_close(&ledger, 100 * MS, &(struct doubt){.limit = 0}, NULL), 0);
	struct site *site = site_at(&ledger.sites, 0);
	assert_true(site->frees == 3 && site->frees_implied == 0 && site->live == 1 && site->pending_rcu == 1);
	assert_true(ledger.caches[1].frees == 3 && ledger.caches[1].live == 1 && ledger.caches[1].pending_rcu == 1);
	assert_true(site->lives->freed_ages.count == 3 && site->lives->freed_ages.max_ns == 5 * MS);
	assert_true(site->lives->live_ages.count == 1);
	assert_true(tally_entry(&site->freed_by, 9, &ledger.sites.tallies)->count == 3);
	assert_true(ledger.frees_unmatched == 3);
	ledger_release(&ledger);
}

static void test_sites_are_sorted_and_named(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t small = scenario_cache(&s, "kmalloc-64", 64), big = scenario_cache(&s, "kmalloc-4k", 4096);
	uint32_t inlined = STACK(&s, "do_b.isra.0", "__kretprobe_trampoline", "kmem_cache_alloc_noprof");
	uint32_t user = STACK(&s, "/bin/x!main", "/bin/x!"), unknown = STACK(&s, "?", "?");
	uint32_t module = STACK(&s, "outer", "[nf_tables]", "kmalloc_trace");
	for (unsigned int i = 0; i < 3; i++) {
		scenario_alloc(&s, small, inlined, 0, 0);
		scenario_alloc(&s, small, 0, 0, 0);
	}
	scenario_alloc(&s, big, user, 0, 0);
	scenario_alloc(&s, small, unknown, 0, 0);
	scenario_alloc(&s, small, module, 0, 0);
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_int_equal(scene.model.site_count, 5);
	/* 4096 bytes, then 192 twice (by name), then 64 twice. */
	assert_int_equal(strncmp(scene.model.sites[0].name, "x+0x", 4), 0);
	assert_string_equal(scene.model.sites[1].name, "[no stack]");
	assert_string_equal(scene.model.sites[2].name, "do_b");
	assert_string_equal(scene.model.sites[3].name, "[nf_tables]+0x123");
	assert_string_equal(scene.model.sites[3].caller, "outer");
	assert_string_equal(scene.model.sites[4].name, "[unknown]");
	scene_release(&scene);
	scenario_release(&s);
}

/* Events grow a cache by allocs; the kernel's count by census. */
static enum model_reconciliation_state reconcile(unsigned int allocs, uint64_t start, uint64_t end,
						 uint64_t frees_unknown, const char *filter, const char *sentence)
{
	struct scenario s;
	struct scene scene;

	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64), where = STACK(&s, "f");
	trace_writer_fact(s.writer, "cpus", "0-2,7");
	if (filter)
		trace_writer_fact(s.writer, filter, "1");
	scenario_census(&s, cache, TRACE_CENSUS_START, start);
	for (unsigned int i = 0; i < allocs; i++)
		scenario_alloc(&s, cache, where, 0, 0);
	if (end != UINT64_MAX)
		scenario_census(&s, cache, TRACE_CENSUS_END, end);
	trace_writer_counter(s.writer, "frees_unknown", frees_unknown);
	scenario_end(&s);
	scene_read(&scene, &s);
	enum model_reconciliation_state got = scene.model.caches[0].reconciliation.state;
	expect_sentence(reconcile_sentence(&scene.model.arena, &scene.model, &scene.model.caches[0]), sentence);
	/* 16 objects per slab and 4 CPUs. */
	assert_true(scene.model.caches[0].reconciliation.tolerance == 64);
	scene_release(&scene);
	scenario_release(&s);
	return got;
}

static void test_reconciliation(void **state)
{
	(void)state;
	assert_int_equal(reconcile(200, 1000, 1213, 0, NULL, "events explain 200 of the 213 objects"),
			 MODEL_RECONCILED);
	assert_int_equal(reconcile(200, 1000, 1190, 0, NULL,
				   "by events it changed by +200 objects, by the kernel's own count by +190"),
			 MODEL_RECONCILED);
	assert_int_equal(reconcile(200, 1000, 1264, 0, NULL, "within the tolerance of 64"), MODEL_RECONCILED);
	assert_int_equal(reconcile(200, 1000, 1265, 0, NULL, "events are missing"), MODEL_UNEXPLAINED);
}

static void test_spare_objects_of_cpus_are_tolerated(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	struct trace_cache sheaves = {.name = trace_writer_text(s.writer, "kmalloc-64"),
				      .slab_size_bytes = 64,
				      .objects_per_slab = 16,
				      .percpu_objects = 76};
	uint32_t cache = trace_writer_cache(s.writer, &sheaves);
	trace_writer_fact(s.writer, "cpus", "0-1");
	scenario_census(&s, cache, TRACE_CENSUS_START, 100);
	scenario_census(&s, cache, TRACE_CENSUS_END, 252);
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_int_equal(scene.model.caches[0].reconciliation.state, MODEL_RECONCILED);
	expect_sentence(reconcile_sentence(&scene.model.arena, &scene.model, &scene.model.caches[0]),
			"tolerance of 152: each CPU may hold 76 free ones");
	scene_release(&scene);
	scenario_release(&s);
}

static void test_reconciliation_with_frees_of_unknown_caches(void **state)
{
	(void)state;
	assert_int_equal(reconcile(200, 1000, 1000, 136, NULL, "at least 136 of the 136 frees"),
			 MODEL_RECONCILED_OLDER);
	assert_int_equal(reconcile(200, 1000, 1000, 135, NULL, "events are missing"), MODEL_UNEXPLAINED);
	/* They can only lower what the events say. */
	assert_int_equal(reconcile(0, 1000, 1200, 5000, NULL, "events are missing"), MODEL_UNEXPLAINED);
}

static void test_reconciliation_that_does_not_apply(void **state)
{
	(void)state;
	assert_int_equal(reconcile(200, 1000, 5000, 0, "filter.pid", "only some processes"), MODEL_RECONCILE_FILTERED);
	assert_int_equal(reconcile(200, 1000, 5000, 0, "filter.cpus", "only some processes"), MODEL_RECONCILE_FILTERED);
	assert_int_equal(reconcile(200, 1000, UINT64_MAX, 0, NULL, "lacks it"), MODEL_RECONCILE_NO_CENSUS);
	/* Counts that no machine has. */
	assert_int_equal(reconcile(1, 0, UINT64_MAX - 1, 0, NULL, "9,223,372,036,854,775,807"), MODEL_UNEXPLAINED);
}

static void test_losses(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64);
	for (unsigned int i = 0; i < 100; i++)
		scenario_alloc(&s, cache, STACK(&s, "f"), 0, 0);
	/* The same loss told three ways counts once, as the event tells it: the ring's also has samples that repeat others. A missed hit
	 * may be of another cache, so it is a bound of its own. */
	trace_writer_loss(s.writer, &(struct trace_loss){.cpu = 1, .ring = TRACE_RING_FREE, .lost = 10});
	trace_writer_loss(s.writer, &(struct trace_loss){.cpu = 1, .ring = TRACE_RING_FREE, .lost = 7});
	trace_writer_loss(s.writer, &(struct trace_loss){.cpu = 0, .ring = TRACE_RING_ALLOC, .lost = 3});
	trace_writer_counter(s.writer, "lost_free", 17);
	trace_writer_probe(s.writer, &(struct trace_probe){.role = trace_writer_text(s.writer, "free"),
							   .lost = 15,
							   .has_lost = true,
							   .misses = 4,
							   .has_misses = true});
	/* What the kernel did not tell is not a number. */
	trace_writer_probe(s.writer,
			   &(struct trace_probe){.role = trace_writer_text(s.writer, "alloc"), .misses = 1000});
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_true(scene.model.integrity.lost_frees == 15);
	assert_true(scene.model.integrity.missed_frees == 4 && scene.model.integrity.missed_allocs == 0);
	assert_true(scene.model.integrity.freed_at_most == 19);
	assert_true(scene.model.integrity.lost_allocs == 3);
	assert_int_equal(scene.model.loss_count, 2);
	assert_int_equal(scene.model.losses[1].cpu, 1);
	assert_true(scene.model.losses[1].lost == 17);
	expect_sentence(integrity_sentence(&scene.model.arena, &scene.model),
			"Lost: 3 allocations and 15 frees: up to 19 of the live objects may have been freed.");
	assert_false(integrity_is_whole(&scene.model));
	scene_release(&scene);
	scenario_release(&s);
}

static void test_a_witness_makes_up_for_missed_hits(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	trace_writer_probe(
		s.writer,
		&(struct trace_probe){.role = trace_writer_text(s.writer, "free"),
				      .misses = 40,
				      .has_misses = true,
				      .lost = 5,
				      .has_lost = true,
				      .is_witnessed = true});
	trace_writer_probe(s.writer, &(struct trace_probe){.role = trace_writer_text(s.writer, "free witness"),
							   .hits = 9,
							   .lost = 7,
							   .has_lost = true});
	/* Nobody sees what this one misses. */
	trace_writer_probe(s.writer, &(struct trace_probe){.role = trace_writer_text(s.writer, "free rcu"),
							   .misses = 2,
							   .has_misses = true,
							   .has_lost = true});
	/* The ring dropped both witnesses' records, and some that only repeat: what both lost may be the same frees. */
	trace_writer_loss(s.writer, &(struct trace_loss){.ring = TRACE_RING_FREE, .lost = 14});
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_true(scene.model.integrity.lost_frees == 7);
	assert_true(scene.model.integrity.missed_frees == 2);
	scene_release(&scene);
	scenario_release(&s);
}

static void test_misses_that_may_be_page_faults(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	trace_writer_probe(s.writer, &(struct trace_probe){.role = trace_writer_text(s.writer, "alloc"),
							   .hits = 100,
							   .misses = 30,
							   .has_misses = true,
							   .has_fault_misses = true});
	trace_writer_probe(s.writer, &(struct trace_probe){.role = trace_writer_text(s.writer, "free"),
							   .hits = 10,
							   .misses = 12,
							   .has_misses = true,
							   .has_fault_misses = true});
	scenario_end(&s);
	scene_read(&scene, &s);
	/* At most one a hit is a page fault: what is above that may have been missed, and is no certain loss. */
	assert_true(scene.model.integrity.lost_allocs == 0 && scene.model.integrity.lost_frees == 0);
	assert_true(scene.model.integrity.missed_allocs == 0 && scene.model.integrity.missed_frees == 2);
	scene_release(&scene);
	scenario_release(&s);
}

/*
 * Two sites and losses in between: objects that are older than a loss and were not freed later are in doubt, each site's no more than
 * were lost since its oldest, all together no more than were lost.
 */
static void test_objects_older_than_a_loss_are_in_doubt(void **state)
{
	struct scenario s;
	struct scene scene;
	uint64_t freed_later;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64);
	uint32_t early = STACK(&s, "early"), late = STACK(&s, "late"), after = STACK(&s, "after");
	freed_later = scenario_alloc(&s, cache, early, 0, 0);
	for (unsigned int i = 0; i < 100; i++)
		scenario_alloc(&s, cache, early, 0, 0);
	uint64_t reused = scenario_alloc(&s, cache, early, 0, 0);
	s.now_ns = 5 * MS;
	trace_writer_loss(s.writer, &(struct trace_loss){.time_ns = 5 * MS, .ring = TRACE_RING_FREE, .lost = 30});
	/* Not of frees: no object is in doubt for these. */
	trace_writer_loss(s.writer, &(struct trace_loss){.time_ns = 90 * MS, .ring = TRACE_RING_ALLOC, .lost = 1000});
	trace_writer_loss(s.writer, &(struct trace_loss){.time_ns = 90 * MS, .ring = TRACE_RING_TASK, .lost = 1000});
	s.now_ns = 6 * MS;
	for (unsigned int i = 0; i < 8; i++)
		scenario_alloc(&s, cache, late, 0, 0);
	s.now_ns = 8 * MS;
	trace_writer_unseen(s.writer, &(struct trace_unseen){.from_ns = 5 * MS, .time_ns = 8 * MS, .at_most = 20});
	s.now_ns = 9 * MS;
	for (unsigned int i = 0; i < 3; i++)
		scenario_alloc(&s, cache, after, 0, 0);
	/* Certain again. */
	scenario_free(&s, TRACE_EVENT_FREE, freed_later, 0);
	scenario_free(&s, TRACE_EVENT_FREE_IMPLIED, reused, 0);
	trace_writer_probe(s.writer, &(struct trace_probe){.role = trace_writer_text(s.writer, "free"),
							   .lost = 30,
							   .has_lost = true,
							   .misses = 20,
							   .has_misses = true});
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_true(scene_site(&scene, "early")->live == 100 && scene_site(&scene, "early")->live_at_least == 50);
	assert_true(scene_site(&scene, "late")->live == 8 && scene_site(&scene, "late")->live_at_least == 0);
	assert_true(scene_site(&scene, "after")->live == 3 && scene_site(&scene, "after")->live_at_least == 3);
	assert_true(scene.model.live == 111 && scene.model.live_at_least == 111 - 50);
	expect_sentence(verdict_headline(&scene.model.arena, &scene.model), "111 (at least 61) kmalloc-64 objects ");
	expect_sentence(integrity_sentence(&scene.model.arena, &scene.model),
			"Lost: 1,000 allocations and 30 frees: up to 50 of the live objects may have been freed. 1 free was not seen");
	scene_release(&scene);
	scenario_release(&s);
}

/* A site's objects between two losses may have been freed at the later one only, however much the earlier one lost. */
static void test_a_later_loss_is_not_the_earlier_one(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64);
	uint32_t stack = STACK(&s, "both"), other = STACK(&s, "other");
	for (unsigned int i = 0; i < 50; i++)
		scenario_alloc(&s, cache, stack, 0, 0);
	s.now_ns = 5 * MS;
	trace_writer_loss(s.writer, &(struct trace_loss){.time_ns = 5 * MS, .ring = TRACE_RING_FREE, .lost = 1000});
	s.now_ns = 6 * MS;
	for (unsigned int i = 0; i < 30; i++) {
		scenario_alloc(&s, cache, stack, 0, 0);
		scenario_alloc(&s, cache, other, 0, 0);
	}
	s.now_ns = 8 * MS;
	trace_writer_unseen(s.writer, &(struct trace_unseen){.from_ns = 7 * MS, .time_ns = 8 * MS, .at_most = 3});
	trace_writer_probe(s.writer, &(struct trace_probe){.role = trace_writer_text(s.writer, "free"),
							   .lost = 1000,
							   .has_lost = true,
							   .misses = 3,
							   .has_misses = true});
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_int_equal(scene_site(&scene, "both")->live, 80);
	assert_int_equal(scene_site(&scene, "both")->live_at_least, 27);
	assert_int_equal(scene_site(&scene, "other")->live_at_least, 27);
	assert_int_equal(scene.model.live_at_least, 110 - 53);
	scene_release(&scene);
	scenario_release(&s);
}

/* While a CPU was not recorded nobody counted: every object that was live then is in doubt, and no other. */
static void test_a_cpu_that_was_not_recorded(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64);
	for (unsigned int i = 0; i < 100; i++) {
		s.now_ns = i * MS;
		scenario_alloc(&s, cache, STACK(&s, "f"), 0, 0);
	}
	trace_writer_unseen(
		s.writer,
		&(struct trace_unseen){.from_ns = 20 * MS, .time_ns = 39 * MS, .cause = TRACE_UNSEEN_CPU, .cpu = 1});
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_true(scene.model.live == 100 && scene.model.live_at_least == 60);
	assert_true(scene.model.integrity.lost_frees == 0);
	assert_true(scene.model.integrity.cpus_unseen == 1 && scene.model.integrity.cpus_unseen_ns == 19 * MS);
	assert_false(integrity_is_whole(&scene.model));
	expect_sentence(integrity_sentence(&scene.model.arena, &scene.model),
			"No ring or probe lost an event; 1 time a CPU was not recorded, for 19.0 ms in all: up to 40 of the live "
			"objects may have been freed.");
	scene_release(&scene);
	scenario_release(&s);
}

/* A record of a bulk free that is lost may be of many objects; hits that neither came nor were lost are told. */
static void test_lost_bulk_frees(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64);
	for (unsigned int i = 0; i < 1000; i++)
		scenario_alloc(&s, cache, STACK(&s, "f"), 0, 0);
	trace_writer_loss(s.writer, &(struct trace_loss){.ring = TRACE_RING_FREE, .lost = 5});
	trace_writer_probe(s.writer, &(struct trace_probe){.role = trace_writer_text(s.writer, "free"),
							   .hits = 10,
							   .lost = 3,
							   .has_lost = true,
							   .passed = 13,
							   .has_passed = true});
	trace_writer_probe(s.writer, &(struct trace_probe){.role = trace_writer_text(s.writer, "free bulk"),
							   .hits = 2,
							   .lost = 2,
							   .has_lost = true,
							   .passed = 11,
							   .has_passed = true});
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_true(scene.model.integrity.lost_frees == 5);
	assert_true(scene.model.live_at_least == 1000 - 3 - 2 * 64);
	assert_true(scene.model.integrity.unaccounted == 7);
	scene_release(&scene);
	scenario_release(&s);
}

/* How many CPUs the fact tells of; without one it is the event's CPU 0. */
static void expect_cpus(const char *list, uint32_t wanted)
{
	struct scenario s;
	struct scene scene;

	scenario_begin(&s);
	trace_writer_fact(s.writer, "cpus", list);
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_int_equal(scene.model.cpus, wanted);
	scene_release(&scene);
	scenario_release(&s);
}

static void test_cpu_lists(void **state)
{
	(void)state;
	expect_cpus("0", 1);
	expect_cpus("0-3", 4);
	expect_cpus("0-3,6,8-9", 7);
	expect_cpus("", 1);
	expect_cpus("4-1", 1);
	expect_cpus("0-", 1);
	expect_cpus("0-3,", 1);
	expect_cpus("0-99999999999999999999", 1);
	expect_cpus("-1", 1);
}

static void test_nothing(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_string_equal(verdict_headline(&scene.model.arena, &scene.model), "No allocation was recorded.");
	assert_string_equal(verdict_subject(&scene.model.arena, &scene.model), "no cache");
	assert_int_equal(scene.model.site_count, 0);
	scene_release(&scene);
	scenario_release(&s);
}

static void test_all_lost(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	scenario_cache(&s, "kmalloc-64", 64);
	trace_writer_loss(s.writer, &(struct trace_loss){.cpu = 7, .ring = TRACE_RING_ALLOC, .lost = UINT64_MAX});
	trace_writer_loss(s.writer, &(struct trace_loss){.cpu = 7, .ring = TRACE_RING_FREE, .lost = UINT64_MAX});
	trace_writer_loss(s.writer,
			  &(struct trace_loss){.cpu = UINT32_MAX, .ring = TRACE_RING_FREE, .lost = 1ull << 63});
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_true(scene.model.integrity.lost_frees == UINT64_MAX);
	expect_sentence(integrity_sentence(&scene.model.arena, &scene.model), "Lost: ");
	scene_release(&scene);
	scenario_release(&s);
}

static void test_cut(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64);
	scenario_alloc(&s, cache, STACK(&s, "f"), 0, 0);
	s.now_ns = 3 * S;
	scenario_alloc(&s, cache, STACK(&s, "g"), 0, 0);
	scenario_cut(&s);
	scene_read(&scene, &s);
	assert_int_equal(scene.model.integrity.ending, TRACE_ENDING_CUT);
	/* The last event is as far as the recording is known. */
	assert_true(scene.model.duration_ns == 3 * S);
	assert_true(scene.model.live == 2);
	const char *sentence = integrity_sentence(&scene.model.arena, &scene.model);
	expect_sentence(sentence, "The trace is cut at byte ");
	/* The recorder tells at the end: no news are not good news here. */
	expect_sentence(sentence, "What was lost is not known.");
	struct integrity_check checks[INTEGRITY_CHECKS_MAX];
	uint32_t count = integrity_checks(&scene.model.arena, &scene.model, checks);
	for (uint32_t i = 0; i < count; i++)
		if (!strcmp(checks[i].what, "Frees lost"))
			assert_string_equal(checks[i].value, "not known");
	scene_release(&scene);
	scenario_release(&s);
}

static void test_clock_that_steps_back(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64), where = STACK(&s, "f");
	s.now_ns = 5 * S;
	uint64_t object = scenario_alloc(&s, cache, where, 0, 0);
	s.now_ns = 2 * S;
	scenario_free(&s, TRACE_EVENT_FREE, object, 0);
	s.now_ns = (uint64_t)-7;
	scenario_alloc(&s, cache, where, 0, 0);
	s.now_ns = INT64_MAX;
	scenario_alloc(&s, cache, where, 0, 0);
	s.now_ns = 6 * S;
	scenario_end(&s);
	scene_read(&scene, &s);
	const struct model_site *site = scene_site(&scene, "f");
	assert_true(site->lives->freed_ages.max_ns == 0);
	assert_true(scene.model.integrity.times_before == 2);
	assert_true(scene.model.duration_ns == 6 * S);
	assert_true(site->lives->live_ages.max_ns == 6 * S && site->lives->live_ages.min_ns == 0);
	scene_release(&scene);
	scenario_release(&s);
}

static void test_size_that_is_not_known(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "weird", 0);
	scenario_alloc(&s, cache, STACK(&s, "f"), 0, UINT64_MAX);
	scenario_alloc(&s, 0, STACK(&s, "f"), 0, 0);
	s.now_ns = S;
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_false(scene.model.has_slot_bytes);
	const char *headline = verdict_headline(&scene.model.arena, &scene.model);
	expect_sentence(headline, "2 objects of 2 caches allocated during 1.0 s are still live");
	assert_null(strstr(headline, "B)"));
	scene_release(&scene);
	scenario_release(&s);
}

static void test_one_object(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	scenario_alloc(&s, scenario_cache(&s, "kmalloc-64", 64), STACK(&s, "f"), 0, 0);
	s.now_ns = S;
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_string_equal(verdict_headline(&scene.model.arena, &scene.model),
			    "1 kmalloc-64 object (64 B) allocated during 1.0 s is still live at the end; it is at f.");
	assert_true(integrity_checks(&scene.model.arena, &scene.model,
				     (struct integrity_check[INTEGRITY_CHECKS_MAX]){{0}}) <= INTEGRITY_CHECKS_MAX);
	scene_release(&scene);
	scenario_release(&s);
}

static void test_no_rate_of_a_moment(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	scenario_alloc(&s, scenario_cache(&s, "kmalloc-64", 64), STACK(&s, "f"), 0, 0);
	s.now_ns = 30 * MS;
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_string_equal(verdict_rate(&scene.model.arena, &scene.model), "0 of 1 allocations were freed again.");
	scene.model.duration_ns = 2 * S;
	assert_string_equal(verdict_rate(&scene.model.arena, &scene.model),
			    "On average 0.50 objects (32 B) more each second, all call stacks together; 0 of 1 allocations were freed again.");
	/* The rate of a suspect is the only one. */
	scene.model.suspect_count = 1;
	assert_string_equal(verdict_rate(&scene.model.arena, &scene.model), "0 of 1 allocations were freed again.");
	scene_release(&scene);
	scenario_release(&s);
}

static void test_tasks_of_one_name_are_one(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64), where = STACK(&s, "f");
	/* Two threads of one process, one thread of another, one with another name. */
	const uint32_t tasks[] = {scenario_task(&s, 10, 10, "web"), scenario_task(&s, 10, 11, "web"),
				  scenario_task(&s, 20, 20, "web"), scenario_task(&s, 30, 30, "cron")};
	for (size_t i = 0; i < 4; i++)
		for (size_t n = 0; n <= i; n++)
			scenario_alloc(&s, cache, where, tasks[i], 0);
	scenario_end(&s);
	scene_read(&scene, &s);
	const struct model_site *site = scene_site(&scene, "f");
	assert_int_equal(site->task_names, 2);
	assert_string_equal(site->tasks[0].comm, "web");
	assert_true(site->tasks[0].allocs == 6 && site->tasks[0].processes == 2);
	assert_true(site->tasks[1].allocs == 4 && site->tasks[1].processes == 1 && site->tasks[1].pid == 30);
	scene_release(&scene);
	scenario_release(&s);
}

/* Who holds what is live is told first, though others allocate far more. */
static void test_tasks_that_hold_come_first(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64), where = STACK(&s, "f");
	for (int32_t i = 0; i < 7; i++) {
		uint32_t task = scenario_task(&s, 10 + i, 10 + i, (const char *const[]){"a", "b", "c", "d", "e", "f", "holder"}[i]);

		for (int32_t n = 0; n < 20 - i; n++) {
			uint64_t object = scenario_alloc(&s, cache, where, task, 0);

			if (i < 6 || n)
				scenario_free(&s, TRACE_EVENT_FREE, object, 0);
		}
	}
	scenario_end(&s);
	scene_read(&scene, &s);
	const struct model_site *site = scene_site(&scene, "f");
	assert_int_equal(site->task_count, MODEL_TASKS_PER_SITE);
	assert_string_equal(site->tasks[0].comm, "holder");
	assert_true(site->tasks[0].live == 1 && site->tasks[0].pid == 16);
	assert_string_equal(site->tasks[1].comm, "a");
	scene_release(&scene);
	scenario_release(&s);
}

static uint32_t task_in(struct scenario *s, int32_t tid, const char *cgroup)
{
	struct trace_task task = {.pid = tid, .tid = tid, .comm = trace_writer_text(s->writer, "web")};

	task.cgroup = trace_writer_text(s->writer, cgroup);
	return trace_writer_task(s->writer, &task);
}

static void alloc_at(struct scenario *s, uint32_t cache, uint32_t stack, uint32_t task, uint32_t cpu, int32_t node)
{
	trace_writer_event(s->writer, &(struct trace_event){.kind = TRACE_EVENT_ALLOC,
							    .time_ns = s->now_ns,
							    .cache = cache,
							    .stack = stack,
							    .task = task,
							    .cpu = cpu,
							    .node = node});
}

static void test_places(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64), where = STACK(&s, "f");
	const uint32_t tasks[] = {task_in(&s, 10, "/a"), task_in(&s, 11, "/b/c"), task_in(&s, 12, "/a"), task_in(&s, 13, "")};
	trace_writer_fact(s.writer, "numa_node.0.cpus", "0-1,6");
	trace_writer_fact(s.writer, "numa_node.1.cpus", "2-3,4294967295");
	trace_writer_fact(s.writer, "numa_node.7.cpus", "");
	trace_writer_fact(s.writer, "numa_node.x.cpus", "9");
	/* Tasks 0 to 3 on CPUs 0 to 3, one more each, then CPUs that no node has. */
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t n = 0; n <= i; n++)
			alloc_at(&s, cache, where, tasks[i], i, i == 3 && n ? 1 : -1);
	alloc_at(&s, cache, where, tasks[1], 9, -1);
	alloc_at(&s, cache, where, tasks[1], UINT32_MAX, 0);
	alloc_at(&s, cache, where, tasks[1], 6, INT32_MAX);
	scenario_end(&s);
	scene_read(&scene, &s);
	const struct model_site *site = scene_site(&scene, "f");
	assert_int_equal(site->cgroup_paths, 2);
	assert_string_equal(site->cgroups[0].path, "/b/c");
	assert_true(site->cgroups[0].allocs == 5 && site->cgroups[0].live == 5);
	assert_string_equal(site->cgroups[1].path, "/a");
	assert_true(site->cgroups[1].allocs == 4 && site->cgroups[1].live == 4);
	assert_int_equal(site->cpu_numbers, 6);
	assert_int_equal(site->cpu_count, 6);
	assert_true(site->cpus[0].cpu == 3 && site->cpus[0].node == 1 && site->cpus[0].allocs == 4);
	assert_true(site->cpus[2].cpu == 1 && site->cpus[2].node == 0 && site->cpus[2].allocs == 2);
	assert_true(site->cpus[5].cpu == 9 && site->cpus[5].node == -1 && site->cpus[5].allocs == 1);
	assert_int_equal(scene.model.nr_nodes, 2);
	assert_int_equal(site->node_count, 2);
	assert_true(site->nodes[0].node == 1 && site->nodes[0].allocs == 7);
	assert_true(site->nodes[1].node == 0 && site->nodes[1].allocs == 4);
	assert_int_equal(site->nodes_asked_count, 3);
	assert_true(site->nodes_asked[0].node == 1 && site->nodes_asked[0].allocs == 3);
	assert_true(site->nodes_asked[1].node == 0 && site->nodes_asked[1].allocs == 1);
	assert_true(site->nodes_asked[2].node == INT32_MAX && site->nodes_asked[2].allocs == 1);
	scene_release(&scene);
	scenario_release(&s);
}

/* More of each than a report shows. */
static void test_many_places(void **state)
{
	struct scenario s;
	struct scene scene;
	char path[32];

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64), where = STACK(&s, "f");
	for (uint32_t i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/many/%u", i);
		alloc_at(&s, cache, where, task_in(&s, (int32_t)i + 1, path), i, (int32_t)i);
	}
	scenario_end(&s);
	scene_read(&scene, &s);
	const struct model_site *site = scene_site(&scene, "f");
	assert_int_equal(site->cgroup_paths, TALLY_KEYS_MAX);
	assert_int_equal(site->cgroup_count, MODEL_CGROUPS_PER_SITE);
	assert_int_equal(site->cpu_numbers, TALLY_KEYS_MAX);
	assert_int_equal(site->cpu_count, MODEL_CPUS_PER_SITE);
	assert_int_equal(site->node_count, 0);
	assert_int_equal(scene.model.nr_nodes, 0);
	assert_int_equal(site->nodes_asked_count, MODEL_NODES_PER_SITE);
	scene_release(&scene);
	scenario_release(&s);
}

static void test_no_secret_reaches_the_model(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	scenario_pipes(&s, 3, 3);
	trace_writer_note(s.writer, "learnt cache at 0xffff888100042600");
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_int_equal(redact_model(&scene.model, REDACTION_PUBLIC, NULL), 0);
	assert_string_equal(model_fact(&scene.model, "host.name"), "");
	assert_string_equal(model_fact(&scene.model, "kernel.stext"), "");
	assert_string_equal(model_fact(&scene.model, "cpus"), "0-3");
	assert_string_equal(scene.model.notes[0], "learnt cache at [kernel-address]");
	assert_string_equal(scene.model.probes[0].filter, "s == [kernel-address] || name == \"kmalloc-cg-1k\"");
	assert_int_equal(scene.model.integrity.redacted_addresses, 2);
	scene_release(&scene);
	scenario_release(&s);
}

static uint32_t two_inlined(void *context, const struct trace_frame *frame, struct symbol *symbols, uint32_t max)
{
	(void)context;
	(void)frame;
	assert_true(max >= 2);
	symbols[0] = (struct symbol){.function = "inner", .source_file = "a.h", .line = 7};
	symbols[1] = (struct symbol){.function = "outer", .offset_bytes = 16, .source_file = "a.c", .line = 99};
	return 2;
}

static void test_inlined_functions_are_frames(void **state)
{
	const struct symbolizer symbolizer = {.frame = two_inlined};
	const struct model_frame *frames[8];
	struct scenario s;
	struct scene scene;
	struct model model;

	(void)state;
	scenario_begin(&s);
	scenario_alloc(&s, scenario_cache(&s, "kmalloc-64", 64), STACK(&s, "x", "y"), 0, 0);
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_int_equal(model_build(&model, &scene.recording, &symbolizer, NULL), 0);
	assert_int_equal(model_stack(&model, model.sites[0].node, frames, 8), 4);
	assert_string_equal(frames[0]->function, "inner");
	assert_true(frames[0]->is_inlined && frames[0]->line == 7);
	assert_string_equal(frames[1]->function, "outer");
	assert_true(!frames[1]->is_inlined && frames[1]->offset_bytes == 16);
	struct arena arena = {0};
	assert_string_equal(frame_text_place(&arena, frames[0]), " (inlined) a.h:7");
	assert_string_equal(frame_text_place(&arena, frames[1]), "+0x10 a.c:99");
	arena_release(&arena);
	assert_string_equal(model.sites[0].name, "inner");
	assert_string_equal(model.sites[0].caller, "outer");
	model_release(&model);
	scene_release(&scene);
	scenario_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipes),
		cmocka_unit_test(test_freed_by_and_ages),
		cmocka_unit_test(test_only_live_tells_the_same),
		cmocka_unit_test(test_implied_older_and_contradicting_frees),
		cmocka_unit_test(test_free_rcu),
		cmocka_unit_test(test_sites_are_sorted_and_named),
		cmocka_unit_test(test_reconciliation),
		cmocka_unit_test(test_spare_objects_of_cpus_are_tolerated),
		cmocka_unit_test(test_reconciliation_with_frees_of_unknown_caches),
		cmocka_unit_test(test_reconciliation_that_does_not_apply),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_a_witness_makes_up_for_missed_hits),
		cmocka_unit_test(test_objects_older_than_a_loss_are_in_doubt),
		cmocka_unit_test(test_a_later_loss_is_not_the_earlier_one),
		cmocka_unit_test(test_a_cpu_that_was_not_recorded),
		cmocka_unit_test(test_lost_bulk_frees),
		cmocka_unit_test(test_misses_that_may_be_page_faults),
		cmocka_unit_test(test_cpu_lists),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_all_lost),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_clock_that_steps_back),
		cmocka_unit_test(test_size_that_is_not_known),
		cmocka_unit_test(test_one_object),
		cmocka_unit_test(test_no_rate_of_a_moment),
		cmocka_unit_test(test_tasks_of_one_name_are_one),
		cmocka_unit_test(test_tasks_that_hold_come_first),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_many_places),
		cmocka_unit_test(test_no_secret_reaches_the_model),
		cmocka_unit_test(test_inlined_functions_are_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
