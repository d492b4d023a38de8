/* Sites of known nature, alone and all at once: what they are called, how sure that is, and what speaks against it. */
#include "tests/report/scenario.h"

#include <math.h>

#include "report/orphans.h"
#include "report/pack.h"
#include "report/ranking.h"
#include "report/render.h"
#include "report/site_sum.h"
#include "report/survival.h"
#include "report/theil_sen.h"
#include "report/verdict.h"
#include "trace/cleanup.h"

/* Lives of objects made by chance; times in seconds, from before the recording on. */
struct life {
	double birth, death; /* INFINITY: never */
	uint32_t site;
};

struct event {
	double time;
	uint32_t life;
	bool is_free;
};

#define LIVES_MAX 400000u

struct world {
	struct life *lives;
	uint32_t count;
	uint64_t seed;
	double seconds;
	bool has_no_free_stacks;
	uint32_t user_stacks; /* each site is reached by so many, by chance; 0: none is known */
	bool leaks_by_second; /* what is never freed is by the second, all else by the first */
	double whole_from;    /* or, where it is not 0: by the first before that time and by the second from then on */
};

#define USER_STACKS_MAX 40u

static double chance(struct world *world)
{
	world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
	return ((double)(world->seed >> 11) + 0.5) / 9007199254740992.0;
}

static double exponential(struct world *world, double mean)
{
	return -mean * log(chance(world));
}

static void live_on(struct world *world, uint32_t site, double birth, double death)
{
	assert_true(world->count < LIVES_MAX);
	if (death >= 0)
		world->lives[world->count++] = (struct life){.birth = birth, .death = death, .site = site};
}

/* The archetypes. begin is before the recording where the site was there already. */

static void steady(struct world *world, uint32_t site, double rate, double mean_life, double leaks)
{
	for (double t = -5 * mean_life - 1; t < world->seconds; t += exponential(world, 1 / rate))
		if (chance(world) < leaks)
			live_on(world, site, t, t < 0 ? -1 : INFINITY);
		else
			live_on(world, site, t, t + exponential(world, mean_life));
}

static void leak(struct world *world, uint32_t site, double rate)
{
	for (double t = exponential(world, 1 / rate); t < world->seconds; t += exponential(world, 1 / rate))
		live_on(world, site, t, INFINITY);
}

static void bursts(struct world *world, uint32_t site, double each, double count)
{
	for (double t = exponential(world, each); t < world->seconds; t += each / 2 + exponential(world, each / 2))
		for (uint32_t i = 0; i < count * (0.5 + chance(world)); i++)
			live_on(world, site, t + i * 0.001, chance(world) < 0.5 ? INFINITY : t + i * 0.001 + 0.01);
}

static void filling(struct world *world, uint32_t site, double rate, double fills_in)
{
	for (double t = exponential(world, 1 / rate); t < world->seconds; t += exponential(world, 1 / rate))
		if (chance(world) < exp(-t / fills_in))
			live_on(world, site, t, INFINITY);
}

static void one_shot(struct world *world, uint32_t site, double at, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		live_on(world, site, at + i * 0.002, INFINITY);
}

static void batch(struct world *world, uint32_t site, double rate, double every)
{
	double phase = chance(world) * every;

	for (double t = -2 * every; t < world->seconds; t += exponential(world, 1 / rate))
		live_on(world, site, t, phase + every * ceil((t - phase) / every));
}

static void ramp(struct world *world, uint32_t site, double rate, double mean_life)
{
	for (double t = 0.01; t < world->seconds; t += exponential(world, 1 / (rate * (0.05 + t / world->seconds))))
		live_on(world, site, t, t + exponential(world, mean_life));
}

/* Sites of the world as a trace. */

static int by_time(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	return (a->time > b->time) - (a->time < b->time);
}

static const char *const names[] = {"site_0", "site_1", "site_2", "site_3", "site_4", "site_5", "site_6", "site_7", "site_8"};
static const char *const freers[] = {"put_0", "put_1", "put_2", "put_3", "put_4", "put_5", "put_6", "put_7", "put_8"};

/* The same place in the kernel, reached from so many in user space. */
static void make_stacks(struct scenario *s, const char *name, uint32_t count, uint32_t *stacks)
{
	static const char *const places[] = {"caller", "", "kmem_cache_alloc"};
	static uint64_t address = 0xffffffff91000000u;
	struct trace_file file = {.path = trace_writer_text(s->writer, "/usr/bin/reader")};
	uint32_t frames[3], id = trace_writer_file(s->writer, &file);

	for (uint32_t i = 0; i < 3; i++)
		frames[i] = trace_writer_frame(s->writer, &(struct trace_frame){.kind = TRACE_FRAME_KERNEL,
										.address = address += 512,
										.symbol = trace_writer_text(s->writer, *places[i] ? places[i] : name)});
	for (uint32_t i = 0; i < count; i++) {
		uint32_t user = trace_writer_frame(s->writer, &(struct trace_frame){.kind = TRACE_FRAME_USER, .file = id, .address = address + i});

		stacks[i] = trace_writer_node(s->writer, &(struct trace_node){.frame = user});
		for (uint32_t depth = 0; depth < 3; depth++)
			stacks[i] = trace_writer_node(s->writer, &(struct trace_node){.parent = stacks[i], .frame = frames[depth]});
	}
}

static uint32_t stack_of(struct world *world, const struct life *life, uint32_t stacks[][USER_STACKS_MAX])
{
	uint32_t at = 0;

	if (world->leaks_by_second)
		at = isinf(life->death);
	else if (world->whole_from > 0)
		at = life->birth >= world->whole_from;
	else if (world->user_stacks)
		at = (uint32_t)(chance(world) * world->user_stacks);
	return stacks[life->site][at];
}

static void write_event(struct scenario *s, struct world *world, const struct event *event, uint32_t cache, uint32_t stacks[][USER_STACKS_MAX],
			const uint32_t *free_stacks, uint64_t *objects)
{
	const struct life *life = &world->lives[event->life];
	uint32_t stack = !world->has_no_free_stacks && chance(world) < 1 / 16.0 ? free_stacks[life->site] : 0;

	s->now_ns = (uint64_t)(event->time * 1e9);
	if (!event->is_free)
		objects[event->life] = scenario_alloc(s, cache, stack_of(world, life, stacks), 0, 100);
	else if (life->birth >= 0)
		scenario_free(s, TRACE_EVENT_FREE, objects[event->life], stack);
	else
		trace_writer_event(s->writer, &(struct trace_event){.kind = TRACE_EVENT_FREE_OLDER, .time_ns = s->now_ns,
								    .cache = cache, .stack = stack});
}

/* grown: by the kernel's count; what the world made where it is NAN. */
static void write_world(struct scenario *s, struct world *world, double grown)
{
	struct event *events = calloc(2 * (size_t)world->count, sizeof(*events));
	uint64_t *objects = calloc(world->count, sizeof(*objects));
	uint32_t count = 0, stacks[9][USER_STACKS_MAX], free_stacks[9];
	double balance = 0;

	scenario_begin(s);
	trace_writer_fact(s->writer, "cpus", "0-1");
	uint32_t cache = scenario_cache(s, "kmalloc-128", 128);
	for (uint32_t i = 0; i < 9; i++) {
		if (world->user_stacks)
			make_stacks(s, names[i], world->user_stacks, stacks[i]);
		else
			stacks[i][0] = STACK(s, "caller", names[i], "kmem_cache_alloc");
		free_stacks[i] = STACK(s, "caller", freers[i], "kfree");
	}
	for (uint32_t i = 0; i < world->count; i++) {
		const struct life *life = &world->lives[i];

		if (life->birth >= 0)
			events[count++] = (struct event){.time = life->birth, .life = i};
		if (life->death >= 0 && life->death < world->seconds)
			events[count++] = (struct event){.time = life->death, .life = i, .is_free = true};
	}
	qsort(events, count, sizeof(*events), by_time);
	scenario_census(s, cache, TRACE_CENSUS_START, 100000);
	for (uint32_t i = 0; i < count; i++) {
		write_event(s, world, &events[i], cache, stacks, free_stacks, objects);
		balance += events[i].is_free ? -1 : 1;
	}
	s->now_ns = (uint64_t)(world->seconds * 1e9);
	scenario_census(s, cache, TRACE_CENSUS_END, (uint64_t)(100000 + (isnan(grown) ? balance : grown)));
	scenario_end(s);
	free(events);
	free(objects);
}

static struct world new_world(double seconds, uint64_t seed)
{
	return (struct world){.lives = calloc(LIVES_MAX, sizeof(struct life)), .seconds = seconds, .seed = seed * 77777 + 1};
}

struct view {
	struct scenario scenario;
	struct scene scene;
	struct world world;
};

static void look(struct view *view, double grown)
{
	write_world(&view->scenario, &view->world, grown);
	scene_read(&view->scene, &view->scenario);
}

static void look_away(struct view *view)
{
	scene_release(&view->scene);
	scenario_release(&view->scenario);
	free(view->world.lives);
}

static const struct suspect *suspect_of(const struct view *view, uint32_t site)
{
	return &scene_site(&view->scene, names[site])->suspect;
}

static void expect_class(const struct view *view, uint32_t site, enum suspect_class wanted)
{
	const struct model_site *found = scene_site(&view->scene, names[site]);
	struct arena arena = {0};

	if (found->suspect.class != wanted)
		fail_msg("seed %llu: %s is %s and not %s: %s", (unsigned long long)view->world.seed, names[site],
			 suspect_class_name(found->suspect.class), suspect_class_name(wanted), verdict_why(&arena, found));
	arena_release(&arena);
}

/* Each leak among all confusers, many times: the leak comes first, and no confuser is called one with high confidence. */
static void confusers(struct world *world)
{
	steady(world, 1, 200, 0.05, 0);
	filling(world, 2, 40, world->seconds / 5);
	one_shot(world, 3, world->seconds * 0.3 * chance(world), 400);
	batch(world, 4, 60, world->seconds / 12);
	ramp(world, 5, 100, 0.2);
	steady(world, 6, 5, 12, 0);
	steady(world, 7, 50, 1.5, 0);
	one_shot(world, 8, 0.01, 600);
}

static void make_leak(struct world *world, uint32_t kind)
{
	switch (kind) {
	case 0:
		leak(world, 0, 20);
		break;
	case 1:
		steady(world, 0, 50, 0.02, 0.1);
		break;
	case 2:
		steady(world, 0, 300, 0.1, 0.01);
		break;
	case 3:
		bursts(world, 0, 5, 40);
		break;
	case 4:
		leak(world, 0, 0.4);
		break;
	}
}

static void test_leaks_among_confusers(void **state)
{
	uint32_t right = 0, tries = 0;

	(void)state;
	for (uint32_t kind = 0; kind <= 5; kind++) {
		for (uint64_t seed = 1; seed <= 6; seed++) {
			struct view view = {.world = new_world(60, seed * 10 + kind)};

			confusers(&view.world);
			make_leak(&view.world, kind);
			look(&view, NAN);
			const struct model *model = &view.scene.model;
			if (kind < 5) {
				bool found = !strcmp(model->sites[0].name, "site_0") && suspect_is_leak(&model->sites[0].suspect);

				tries++;
				right += found;
				if (!found) {
					const struct model_site *site = scene_site(&view.scene, "site_0");

					print_message("kind %u seed %u: site_0 is %s: %s\n  first %s: %s\n", kind, (uint32_t)seed,
						      suspect_class_name(site->suspect.class), verdict_why(&view.scene.model.arena, site),
						      model->sites[0].name, verdict_why(&view.scene.model.arena, &model->sites[0]));
				}
			}
			for (uint32_t i = 0; i < model->site_count; i++)
				if (strcmp(model->sites[i].name, "site_0") && model->sites[i].suspect.confidence == SUSPECT_HIGH)
					fail_msg("%s is a leak with high confidence: %s", model->sites[i].name,
						 verdict_why(&view.scene.model.arena, &model->sites[i]));
			look_away(&view);
		}
	}
	print_message("first suspect right: %u of %u\n", right, tries);
	assert_true(right >= tries * 9 / 10);
}

static void test_classes(void **state)
{
	struct view view = {.world = new_world(60, 3)};

	(void)state;
	leak(&view.world, 0, 30);
	steady(&view.world, 1, 200, 0.05, 0);
	filling(&view.world, 2, 60, 10);
	one_shot(&view.world, 3, 12, 300);
	batch(&view.world, 4, 60, 5);
	steady(&view.world, 5, 100, 0.02, 0.1);
	steady(&view.world, 6, 20, 30, 0);
	leak(&view.world, 7, 0.02);
	steady(&view.world, 8, 200, 0.5, 0);
	look(&view, NAN);
	expect_class(&view, 0, SUSPECT_LEAK);
	expect_class(&view, 1, SUSPECT_CHURN);
	expect_class(&view, 2, SUSPECT_SATURATING);
	expect_class(&view, 3, SUSPECT_ONE_SHOT);
	expect_class(&view, 4, SUSPECT_CHURN);
	expect_class(&view, 5, SUSPECT_PARTIAL_LEAK);
	/* As many older ones are freed. */
	expect_class(&view, 6, SUSPECT_CHURN);
	assert_true(suspect_of(&view, 6)->old_orphans > 100);
	expect_class(&view, 7, SUSPECT_QUIET);
	expect_class(&view, 8, SUSPECT_CHURN);
	/* Ranked: both leaks first. */
	assert_int_equal(view.scene.model.suspect_count, 2);
	assert_true(suspect_is_leak(&view.scene.model.sites[0].suspect) && suspect_is_leak(&view.scene.model.sites[1].suspect));
	assert_true(view.scene.model.sites[0].suspect.score >= view.scene.model.sites[1].suspect.score);
	/* 30 a second, and at least nearly as many. */
	assert_true(suspect_of(&view, 0)->low_rate > 25 && suspect_of(&view, 0)->low_rate < 31);
	assert_true(fabs(suspect_of(&view, 0)->rate - 30) < 3);
	assert_true(suspect_of(&view, 5)->slope.low > 0 && suspect_of(&view, 5)->confidence == SUSPECT_HIGH);
	/* Nothing was ever freed at site 0: after a minute it may still be a cache that fills. */
	assert_int_equal(suspect_of(&view, 0)->confidence, SUSPECT_MEDIUM);
	look_away(&view);
}

static void expect_same_variants_in_page(const struct model *model)
{
	CLEANUP(buffer_release) struct buffer bytes = {0};
	CLEANUP(model_release) struct model page = {0};

	assert_int_equal(pack_model(model, SIZE_MAX, &bytes, &(uint32_t){0}, NULL), 0);
	assert_int_equal(unpack_model(&page, bytes.bytes, bytes.size_bytes, NULL), 0);
	for (uint32_t i = 0; i < model->site_count; i++) {
		assert_int_equal(page.sites[i].suspect.others, model->sites[i].suspect.others);
		assert_int_equal(page.sites[i].suspect.is_variant, model->sites[i].suspect.is_variant);
	}
}

/* Who allocates, where and who frees: of forty together what is found where they are one. */
static void expect_same_lists(const struct model_site *sum, const struct model_site *one)
{
	assert_true(one->task_count && one->cpu_count && one->freed_by_count);
	assert_int_equal(sum->task_count, one->task_count);
	assert_int_equal(sum->task_names, one->task_names);
	for (uint32_t i = 0; i < one->task_count; i++) {
		assert_string_equal(sum->tasks[i].comm, one->tasks[i].comm);
		assert_int_equal(sum->tasks[i].allocs, one->tasks[i].allocs);
		assert_int_equal(sum->tasks[i].live, one->tasks[i].live);
	}
	assert_int_equal(sum->cpu_count, one->cpu_count);
	for (uint32_t i = 0; i < one->cpu_count; i++) {
		assert_int_equal(sum->cpus[i].cpu, one->cpus[i].cpu);
		assert_int_equal(sum->cpus[i].allocs, one->cpus[i].allocs);
	}
	/* Stacks of frees are sampled, and not the same ones. */
	assert_true(sum->frees_with_stack * 10 >= one->frees_with_stack * 7);
	assert_string_equal(sum->freed_by[0].name, one->freed_by[0].name);
	assert_true(sum->freed_by[0].frees * 10 >= sum->frees_with_stack * 9);
}

/* Of forty user stacks each has too few objects to be accused; together they are one leak, told once. */
static void test_a_leak_from_many_user_stacks_is_one(void **state)
{
	struct view alone = {.world = new_world(60, 21)}, split = {.world = new_world(60, 21)};
	uint32_t variants = 0;

	(void)state;
	split.world.user_stacks = USER_STACKS_MAX;
	for (struct view *view = &alone;; view = &split) {
		confusers(&view->world);
		steady(&view->world, 0, 12, 0.05, 0.1);
		look(view, NAN);
		if (view == &split)
			break;
	}
	const struct model *model = &split.scene.model;
	const struct suspect *first = &model->sites[0].suspect, *wanted = suspect_of(&alone, 0);

	assert_int_equal(alone.scene.model.suspect_count, 1);
	assert_int_equal(model->suspect_count, 1);
	assert_string_equal(model->sites[0].name, "site_0");
	assert_int_equal(first->class, SUSPECT_PARTIAL_LEAK);
	assert_int_equal(first->confidence, wanted->confidence);
	assert_true(fabsf(first->low_rate - wanted->low_rate) < 0.01f * wanted->low_rate);
	assert_int_equal(first->old_live, wanted->old_live);
	assert_int_equal(first->others, USER_STACKS_MAX - 1);
	assert_false(first->is_variant);
	assert_non_null(strstr(verdict_why(&split.scene.model.arena, model->sites), "40 call stacks that differ in user space only, together: "));
	for (uint32_t i = 1; i < model->site_count; i++) {
		const struct suspect *suspect = &model->sites[i].suspect;

		if (!suspect_is_leak(suspect)) {
			assert_int_equal(suspect->confidence, SUSPECT_NO_CONFIDENCE);
			continue;
		}
		assert_int_equal(suspect->confidence, wanted->confidence);
		assert_true(suspect->low_rate <= 0 && suspect->score <= 0);
		/* They stand behind the first. */
		assert_true(suspect->is_variant);
		assert_int_equal(i, ++variants);
		assert_string_equal(model->sites[i].name, "site_0");
	}
	assert_int_equal(variants, USER_STACKS_MAX - 1);
	struct model_site sum = site_sum(model, 0, &split.scene.model.arena);
	const struct model_site *one = scene_site(&alone.scene, "site_0");
	assert_int_equal(sum.live, one->live);
	assert_int_equal(sum.allocs, one->allocs);
	assert_int_equal(sum.frees, one->frees);
	assert_int_equal(sum.live_bytes, one->live_bytes);
	assert_int_equal(sum.bytes_req, one->bytes_req);
	expect_same_lists(&sum, one);
	/* As the first has only a part of them. */
	assert_true(model->sites[0].tasks[0].allocs < one->tasks[0].allocs);
	sum = site_sum(model, 0, NULL);
	assert_int_equal(sum.live, one->live);
	assert_ptr_equal(sum.tasks, model->sites[0].tasks);
	assert_int_equal(ranking_next(model, 0), USER_STACKS_MAX);
	assert_int_equal(ranking_count(model), alone.scene.model.site_count);
	expect_same_variants_in_page(model);
	look_away(&alone);
	look_away(&split);
}

/* A part that leaks beyond doubt is told, though the whole is steady; with less confidence. */
static void test_a_part_that_surely_leaks_is_told(void **state)
{
	struct view view = {.world = new_world(130, 4)};

	(void)state;
	view.world.user_stacks = 2;
	view.world.leaks_by_second = true;
	steady(&view.world, 0, 20, 30, 0);
	leak(&view.world, 0, 0.7);
	look(&view, NAN);
	const struct model *model = &view.scene.model;

	assert_int_equal(model->site_count, 2);
	assert_int_equal(model->suspect_count, 1);
	assert_int_equal(model->sites[0].suspect.class, SUSPECT_LEAK);
	assert_int_equal(model->sites[0].suspect.confidence, SUSPECT_MEDIUM);
	assert_non_null(strstr(model->sites[0].suspect.limit, "does not leak as a whole"));
	assert_int_equal(model->sites[1].suspect.class, SUSPECT_CHURN);
	assert_int_equal(model->sites[0].suspect.others + model->sites[1].suspect.others, 0);
	look_away(&view);
}

/* User stacks are whole only from a moment on: what began early and what began late are one cache that fills. */
static void test_stacks_that_become_whole_make_no_leak(void **state)
{
	struct view view = {.world = new_world(60, 9)};

	(void)state;
	view.world.user_stacks = 2;
	view.world.whole_from = 4;
	filling(&view.world, 2, 60, 15);
	steady(&view.world, 1, 100, 0.02, 0.1);
	look(&view, NAN);
	const struct model *model = &view.scene.model;

	assert_int_equal(model->suspect_count, 1);
	assert_string_equal(model->sites[0].name, "site_1");
	/* Which the part that began late does not say of itself: it is judged with the other. */
	assert_int_equal(model->sites[0].suspect.others, 1);
	look_away(&view);
}

static void test_short_recordings_are_undetermined(void **state)
{
	struct view view = {.world = new_world(10, 5)};

	(void)state;
	leak(&view.world, 0, 30);
	steady(&view.world, 1, 50, 0.05, 0);
	look(&view, NAN);
	expect_class(&view, 0, SUSPECT_UNDETERMINED);
	expect_class(&view, 1, SUSPECT_CHURN);
	assert_true(suspect_of(&view, 0)->need_ns >= 30 * S);
	assert_int_equal(view.scene.model.suspect_count, 0);
	assert_non_null(strstr(verdict_leak(&view.scene.model.arena, &view.scene.model), "record at least 30.0 s"));
	look_away(&view);
}

static void expect_verdict(struct model *model, const char *begin)
{
	const char *verdict = verdict_leak(&model->arena, model);

	if (strncmp(verdict, begin, strlen(begin)) != 0)
		fail_msg("%s", verdict);
}

/* The same leak, and a kernel that says the cache did not grow: no more than what CPUs may hold can leak. */
static void test_census_bounds_leaks(void **state)
{
	struct view view = {.world = new_world(60, 7)};

	(void)state;
	steady(&view.world, 0, 100, 0.02, 0.1);
	leak(&view.world, 1, 5);
	look(&view, 2);
	assert_int_equal(view.scene.model.caches[0].growth, MODEL_GROWTH_NONE);
	assert_true((suspect_of(&view, 0)->low_rate + suspect_of(&view, 1)->low_rate) * 60 <= 2 + 2 * 16 + 0.001);
	assert_int_equal(suspect_of(&view, 0)->confidence, SUSPECT_LOW);
	expect_verdict(&view.scene.model, "Partial leak, low confidence, because the cache did not grow as much. The kernel's own count of kmalloc-128 did not grow "
					  "beyond doubt (+2 objects, give or take 32 that CPUs may hold). At least ");
	look_away(&view);
	view = (struct view){.world = new_world(60, 7)};
	leak(&view.world, 1, 5);
	look(&view, -2);
	expect_verdict(&view.scene.model, "Leak, low confidence, because the cache did not grow as much. The kernel's own count of kmalloc-128 did not grow "
					  "(-2 objects, give or take 32 that CPUs may hold). At least ");
	look_away(&view);
	view = (struct view){.world = new_world(60, 7)};
	steady(&view.world, 1, 50, 0.05, 0);
	look(&view, NAN);
	assert_non_null(strstr(verdict_leak(&view.scene.model.arena, &view.scene.model), "No growth in this cache"));
	look_away(&view);
}

static char *rendered(const struct model *model, const char *format)
{
	char *text = NULL;
	size_t size_bytes;
	FILE *out = open_memstream(&text, &size_bytes);

	assert_int_equal(renderer_find(format)->render(model, out, NULL), 0);
	fclose(out);
	return text;
}

/* What the kernel counts of the suspect's cache is told whatever other caches do. */
static void test_census_of_the_suspects_cache_is_told(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "filp", 256), other = scenario_cache(&s, "dentry", 192);
	uint32_t stack = STACK(&s, "caller", "site_0", "kmem_cache_alloc"), table = STACK(&s, "init", "make_table", "kmem_cache_alloc");
	scenario_census(&s, cache, TRACE_CENSUS_START, 1000);
	scenario_census(&s, other, TRACE_CENSUS_START, 1000);
	for (uint32_t i = 0; i < 2000; i++)
		scenario_alloc(&s, other, table, 0, 192);
	for (uint32_t i = 0; i < 600; i++) {
		s.now_ns += 100 * MS;
		scenario_alloc(&s, cache, stack, 0, 256);
	}
	scenario_census(&s, cache, TRACE_CENSUS_END, 1000);
	scenario_census(&s, other, TRACE_CENSUS_END, 3000);
	scenario_end(&s);
	scene_read(&scene, &s);
	expect_verdict(&scene.model, "Leak, low confidence, because the cache did not grow as much. The kernel's own count of filp did not grow "
				     "(0 objects, give or take ");
	for (size_t i = 0; i < 3; i++) {
		CLEANUP(cleanup_free) char *text = rendered(&scene.model, (const char *const[]){"html", "text", "md"}[i]);

		/* A line of text ends there. */
		if (!strstr(text, "own count of filp did") || !strstr(text, "not grow (0 objects"))
			fail_msg("%.2000s", text);
	}
	scene_release(&scene);
	scenario_release(&s);
}

/* The same thrice: nothing is asked back; most goes then; a leak beside a cache. What comes after is in no other number. */
static void test_reclaimable(void **state)
{
	static const struct {
		uint32_t each; /* one in so many goes when memory is asked back; 0 none */
		enum suspect_class class;
	} cases[] = {{0, SUSPECT_LEAK}, {1, SUSPECT_RECLAIMABLE}, {2, SUSPECT_PARTIAL_LEAK}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scenario s;
		struct scene scene;
		uint64_t objects[1200], gone = 0;

		scenario_begin(&s);
		uint32_t cache = scenario_cache(&s, "dentry", 192), stack = STACK(&s, "caller", "site_0", "kmem_cache_alloc");
		for (uint32_t j = 0; j < 1200; j++) {
			s.now_ns += 50 * MS;
			objects[j] = scenario_alloc(&s, cache, stack, 0, 100);
		}
		trace_writer_reclaim(s.writer, &(struct trace_reclaim){.time_ns = s.now_ns + 1});
		s.now_ns += 500 * MS;
		uint64_t late = scenario_alloc(&s, cache, stack, 0, 100);
		for (uint32_t j = 0; j < 1200 && cases[i].each; j += cases[i].each, gone++) {
			/* A request and its end are one. */
			scenario_free(&s, TRACE_EVENT_FREE_RCU, objects[j], 0);
			scenario_free(&s, TRACE_EVENT_FREE, objects[j], 0);
		}
		scenario_free(&s, TRACE_EVENT_FREE, late, 0);
		trace_writer_event(s.writer, &(struct trace_event){.kind = TRACE_EVENT_FREE_OLDER, .time_ns = s.now_ns, .cache = cache});
		s.now_ns += S;
		scenario_end(&s);
		scene_read(&scene, &s);
		const struct model_site *site = scene_site(&scene, "site_0");
		assert_true(scene.model.has_reclaim && scene.model.duration_ns == 60 * S + 1);
		assert_true(site->allocs == 1200 && site->live == 1200 && site->frees == 0 && site->reclaimed == gone);
		assert_true(scene.model.caches[0].reclaimed == gone && scene.model.caches[0].reclaimed_older == 1);
		assert_true(scene.model.caches[0].frees_older == 0 && scene.model.integrity.frees_unmatched == 0);
		assert_int_equal(site->suspect.class, cases[i].class);
		const char *why = verdict_why(&scene.model.arena, site);
		assert_non_null(strstr(verdict_leak(&scene.model.arena, &scene.model),
				       gone ? "freed when memory was asked back: held by a cache" : " None of the 1,200 live objects was freed when"));
		if (cases[i].class == SUSPECT_RECLAIMABLE)
			assert_non_null(strstr(why, "1,200 of 1,200 live objects were freed when memory was asked back"));
		scene_release(&scene);
		scenario_release(&s);
	}
}

/* Of so many live objects the first were freed when memory was asked back. */
static void test_one_reclaimed_object_is_singular(void **state)
{
	static const struct {
		uint32_t live, gone;
		const char *told;
	} cases[] = {{1, 1, " The one live object was freed when memory was asked back: held by a cache, not leaked."},
		     {2, 1, " 1 of the 2 live objects was freed when memory was asked back: held by a cache, not leaked."},
		     {2, 2, " 2 of the 2 live objects were freed when memory was asked back: held by a cache, not leaked."},
		     {2, 0, " None of the 2 live objects was freed when memory was asked back."},
		     {1, 0, " The one live object was not freed when memory was asked back."}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scenario s;
		struct scene scene;
		uint64_t objects[2];

		scenario_begin(&s);
		uint32_t cache = scenario_cache(&s, "dentry", 192), stack = STACK(&s, "caller", "site_0", "kmem_cache_alloc");
		scenario_free(&s, TRACE_EVENT_FREE, scenario_alloc(&s, cache, stack, 0, 192), 0);
		for (uint32_t j = 0; j < cases[i].live; j++)
			objects[j] = scenario_alloc(&s, cache, stack, 0, 192);
		s.now_ns = 60 * S;
		trace_writer_reclaim(s.writer, &(struct trace_reclaim){.time_ns = s.now_ns});
		for (uint32_t j = 0; j < cases[i].gone; j++)
			scenario_free(&s, TRACE_EVENT_FREE, objects[j], 0);
		scenario_end(&s);
		scene_read(&scene, &s);
		const char *verdict = verdict_leak(&scene.model.arena, &scene.model), *rate = verdict_rate(&scene.model.arena, &scene.model);
		if (!strstr(verdict, cases[i].told) || !strstr(rate, " allocations was freed again."))
			fail_msg("%s %s", verdict, rate);
		scene_release(&scene);
		scenario_release(&s);
	}
}

/* One in 50 objects lives for 40 s. Who frees them tells that it is a steady state; where that is not known, nobody can be sure. */
static void test_unknown_orphans(void **state)
{
	(void)state;
	for (int has_none = 0; has_none < 2; has_none++) {
		struct view view = {.world = new_world(60, 11)};

		view.world.has_no_free_stacks = has_none;
		steady(&view.world, 0, 100, 0.02, 0);
		steady(&view.world, 0, 4, 40, 0);
		/* Whatever the kernel counts: without this the census tells, too. */
		look(&view, 1000);
		expect_class(&view, 0, has_none ? SUSPECT_PARTIAL_LEAK : SUSPECT_CHURN);
		if (has_none) {
			assert_int_equal(suspect_of(&view, 0)->confidence, SUSPECT_MEDIUM);
			assert_string_equal(suspect_of(&view, 0)->limit, "nothing tells whose older objects were freed meanwhile");
		}
		look_away(&view);
	}
}

static void lose(struct scenario *s, uint64_t frees)
{
	trace_writer_loss(s->writer, &(struct trace_loss){.time_ns = s->now_ns, .ring = TRACE_RING_FREE, .lost = frees});
	trace_writer_counter(s->writer, "lost_free", frees);
}

/* lost frees, and others that a probe may have missed, at the end of a trace with a leak of 10 a second. */
static void look_at_loss(struct scene *scene, struct scenario *s, uint64_t lost, uint64_t missed, const char *comm)
{
	scenario_begin(s);
	uint32_t task = scenario_task(s, 9, 9, comm);
	uint32_t cache = scenario_cache(s, "kmalloc-128", 128), stack = STACK(s, "caller", "site_0", "kmem_cache_alloc");
	uint32_t put = STACK(s, "put_0", "kfree");

	scenario_census(s, cache, TRACE_CENSUS_START, 100);
	for (uint32_t i = 0; i < 1200; i++) {
		s->now_ns += 50 * MS;
		uint64_t object = scenario_alloc(s, cache, stack, task, 100);

		if (i % 2)
			scenario_free(s, TRACE_EVENT_FREE, object, put);
	}
	if (lost)
		lose(s, lost);
	trace_writer_probe(s->writer, &(struct trace_probe){.event = trace_writer_text(s->writer, "slabrec_1/free"),
							    .role = trace_writer_text(s->writer, "free"),
							    .hits = 600,
							    .misses = missed,
							    .has_misses = true});
	scenario_census(s, cache, TRACE_CENSUS_END, 700);
	scenario_end(s);
	scene_read(scene, s);
}

static void test_loss_lowers_confidence(void **state)
{
	static const struct {
		uint64_t lost, missed;
		enum suspect_confidence confidence;
		const char *why, *comm;
	} cases[] = {{0, 0, SUSPECT_HIGH, "high confidence.", "server"},
		     {0, 0, SUSPECT_HIGH, "high confidence.", "slabrec2"},
		     {0, 0, SUSPECT_LOW, "low confidence, because slabrec itself allocated them.", "slabrec"},
		     {5, 0, SUSPECT_MEDIUM, "medium confidence, because events were lost.", "server"},
		     {0, 1000, SUSPECT_MEDIUM, "probes may have missed frees", "server"},
		     {1000, 0, SUSPECT_NO_CONFIDENCE, "events were lost", "server"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scenario s;
		struct scene scene;

		look_at_loss(&scene, &s, cases[i].lost, cases[i].missed, cases[i].comm);
		if (cases[i].confidence)
			assert_int_equal(scene.model.sites[0].suspect.class, SUSPECT_PARTIAL_LEAK);
		assert_int_equal(scene.model.sites[0].suspect.confidence, cases[i].confidence);
		assert_int_equal(scene.model.suspect_count, cases[i].confidence != SUSPECT_NO_CONFIDENCE);
		const char *verdict = verdict_leak(&scene.model.arena, &scene.model);
		assert_true(!strncmp(verdict, "No verdict", 10) == (cases[i].confidence == SUSPECT_NO_CONFIDENCE));
		assert_non_null(strstr(verdict, cases[i].why));
		scene_release(&scene);
		scenario_release(&s);
	}
}

/* A leak of 10 a second that two user stacks reach; so many of a hundred live objects are slabrec's. */
static void look_at_two_tasks(struct scene *scene, struct scenario *s, uint32_t own)
{
	uint32_t stacks[2];

	scenario_begin(s);
	uint32_t cache = scenario_cache(s, "filp", 256), recorder = scenario_task(s, 9, 9, "slabrec"), server = scenario_task(s, 8, 8, "server");
	make_stacks(s, "site_0", 2, stacks);
	scenario_census(s, cache, TRACE_CENSUS_START, 100);
	for (uint32_t i = 0; i < 1200; i++) {
		/* The second has all that is live of the last 20 s. */
		uint32_t stack = stacks[i >= 800], task = i / 2 % 100 < own ? recorder : server;

		s->now_ns += 50 * MS;
		uint64_t object = scenario_alloc(s, cache, stack, task, 200);
		if (i % 2)
			scenario_free(s, TRACE_EVENT_FREE, object, 0);
	}
	scenario_census(s, cache, TRACE_CENSUS_END, 700);
	scenario_end(s);
	scene_read(scene, s);
}

/* Whichever user stacks lead there, what counts is what slabrec holds of all; of the live, not of the allocations. */
static void test_what_slabrec_holds_is_doubted(void **state)
{
	static const struct {
		uint32_t own;
		enum suspect_confidence confidence;
	} cases[] = {{100, SUSPECT_LOW}, {90, SUSPECT_LOW}, {89, SUSPECT_HIGH}, {0, SUSPECT_HIGH}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scenario s;
		struct scene scene;

		look_at_two_tasks(&scene, &s, cases[i].own);
		const struct suspect *suspect = &scene.model.sites[0].suspect;
		assert_int_equal(scene.model.site_count, 2);
		assert_int_equal(suspect->others, 1);
		assert_int_equal(suspect->confidence, cases[i].confidence);
		assert_int_equal(scene.model.sites[1].suspect.confidence, cases[i].confidence);
		assert_string_equal(suspect->limit, cases[i].confidence == SUSPECT_LOW ? "slabrec itself allocated them" : "");
		scene_release(&scene);
		scenario_release(&s);
	}
}

/* The table's row is of all user stacks, so is its mean age: of 600 over the minute, though the first has those of 40 s only. */
static void test_mean_age_is_of_all_user_stacks(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	look_at_two_tasks(&scene, &s, 0);
	CLEANUP(cleanup_free) char *html = rendered(&scene.model, "html");
	assert_int_equal(scene.model.sites[0].live, 400);
	assert_non_null(strstr(html, "<td class=\"n\">30.0 s</td><td class=\"pic\">"));
	scene_release(&scene);
	scenario_release(&s);
}

/* Counts at the ends of their type, and an end long before the last event. */
static void test_hostile_counts(void **state)
{
	struct scenario s;
	struct scene scene;

	(void)state;
	for (uint64_t seconds = 0; seconds <= 9000000000; seconds += 3000000000) {
		scenario_begin(&s);
		uint32_t cache = scenario_cache(&s, "kmalloc-128", UINT32_MAX), stack = STACK(&s, "caller", "site_0", "kmem_cache_alloc");
		struct trace_freed freed = {.cache = cache, .stack = stack, .frees = UINT64_MAX, .timeline = {.shift = 55}};

		for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++)
			freed.timeline.allocs[i] = freed.timeline.frees[i] = UINT64_MAX;
		freed.ages = (struct ages){.count = UINT64_MAX, .max_ns = UINT64_MAX, .sum_ns = UINT64_MAX};
		freed.ages.buckets[AGES_BUCKETS - 1] = UINT64_MAX;
		trace_writer_freed(s.writer, &freed);
		for (uint32_t i = 0; i < 100; i++) {
			s.now_ns = i * (UINT64_MAX / 200);
			scenario_alloc(&s, cache, stack, 0, 100);
		}
		trace_writer_reclaim(s.writer, &(struct trace_reclaim){.time_ns = seconds * S});
		s.now_ns = INT64_MAX;
		scenario_end(&s);
		scene_read(&scene, &s);
		const struct suspect *suspect = &scene_site(&scene, "site_0")->suspect;
		assert_true(isfinite(suspect->score) && isfinite(suspect->low_rate) && isfinite(suspect->slope.high));
		assert_true(*verdict_why(&scene.model.arena, scene_site(&scene, "site_0")));
		scene_release(&scene);
		scenario_release(&s);
	}
}

/* What is behind it. */

static void test_theil_sen(void **state)
{
	double line[16], noisy[16];

	(void)state;
	for (uint32_t i = 0; i < 16; i++) {
		line[i] = 3.0 * i + 7;
		noisy[i] = line[i] + 8 * sin(i * i);
	}
	struct theil_sen exact = theil_sen(line, 16);
	assert_true(fabs(exact.slope - 3) < 1e-9 && fabs(exact.low - 3) < 1e-9 && fabs(exact.high - 3) < 1e-9);
	noisy[5] = 1e9; /* one point cannot move it */
	struct theil_sen rough = theil_sen(noisy, 16);
	assert_true(rough.slope > 2 && rough.slope < 4 && rough.low < rough.slope && rough.high > rough.slope && rough.low > 0);
	assert_true(theil_sen(line, 1).slope == 0 && theil_sen(line, 17).slope == 0);
}

static void test_survival(void **state)
{
	struct ages freed = {0}, live = {0}, none = {0};

	(void)state;
	/* 1,000 live exponentially for 1 s on average; what is older than 2 s was not seen to end. */
	for (uint32_t i = 0; i < 1000; i++) {
		double age = -log((i + 0.5) / 1000);

		if (age < 2)
			ages_add(&freed, (uint64_t)(age * 1e9));
		else
			ages_add(&live, 2 * S);
	}
	struct survival lives = survival(&freed, &live);
	uint32_t second = ages_bucket(1 * S);
	double from_s = (double)ages_bucket_from_ns(second) / 1e9;
	assert_true(lives.alive[0] == 1 && fabs(lives.alive[second] - exp(-from_s)) < 0.02);
	assert_true(fabs((double)survival_quantile(&freed, 0.5) / 1e9 - 0.57) < 0.05);
	assert_true(fabs(survival_above(&freed, 1 * S) - 1000 * (exp(-1) - exp(-2))) < 15);
	assert_true(fabs(survival_hazard(&freed, &live, S / 2) - 1) < 0.15);
	assert_true(survival_quantile(&none, 0.5) == 0 && survival_above(&none, 0) <= 0 && survival_hazard(&none, &none, 0) <= 0);
	assert_true(survival_above(&freed, 2 * S) <= 0);
}

/* Path 1 frees a's objects three times as often as b's; path 2 only b's; nobody is known to free by path 3. */
static void test_orphans_are_shared_by_path(void **state)
{
	struct orphans orphans = {0};
	struct orphan_charges charges;
	struct orphan_path paths[] = {{.path = 2, .cache = 1, .owner = 1, .frees = 7},
				      {.path = 1, .cache = 1, .owner = 0, .frees = 30},
				      {.path = 1, .cache = 1, .owner = 1, .frees = 10},
				      {.path = 1, .cache = 2, .owner = 2, .frees = 10}};
	struct orphan_path older[3] = {0};

	(void)state;
	for (uint32_t stack = 1; stack <= 3; stack++)
		for (uint32_t i = 0; i < 4; i++)
			assert_int_equal(orphans_add(&orphans, 1, stack, i << TIMELINE_FIRST_SHIFT, TIMELINE_FIRST_SHIFT, NULL), 0);
	/* As many again have no stack. */
	for (uint32_t i = 0; i < 12; i++)
		assert_int_equal(orphans_add(&orphans, 1, 0, 0, TIMELINE_FIRST_SHIFT, NULL), 0);
	assert_int_equal(orphans.count, 4);
	for (uint32_t i = 0; i < 3; i++)
		older[i] = (struct orphan_path){.path = i + 1, .cache = 1, .owner = i};
	assert_int_equal(orphans_charge(&orphans, paths, 4, older, 3, &charges, NULL), 0);
	assert_int_equal(charges.charge_count, 3);
	double sums[3] = {0};
	for (uint32_t i = 0; i < charges.charge_count; i++)
		for (uint32_t bucket = 0; bucket < TIMELINE_BUCKETS; bucket++)
			sums[charges.charges[i].site] += charges.charges[i].share * charges.flows[charges.charges[i].flow].frees[bucket];
	assert_true(fabs(sums[0] - 6) < 1e-9 && fabs(sums[1] - 10) < 1e-9 && sums[2] <= 0);
	assert_true(fabs(charges.flows[0].scale - 2) < 1e-9);
	orphan_charges_release(&charges);
	orphans_release(&orphans);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_leaks_among_confusers),
		cmocka_unit_test(test_a_leak_from_many_user_stacks_is_one),
		cmocka_unit_test(test_a_part_that_surely_leaks_is_told),
		cmocka_unit_test(test_stacks_that_become_whole_make_no_leak),
		cmocka_unit_test(test_short_recordings_are_undetermined),
		cmocka_unit_test(test_census_bounds_leaks),
		cmocka_unit_test(test_census_of_the_suspects_cache_is_told),
		cmocka_unit_test(test_loss_lowers_confidence),
		cmocka_unit_test(test_what_slabrec_holds_is_doubted),
		cmocka_unit_test(test_mean_age_is_of_all_user_stacks),
		cmocka_unit_test(test_reclaimable),
		cmocka_unit_test(test_one_reclaimed_object_is_singular),
		cmocka_unit_test(test_unknown_orphans),
		cmocka_unit_test(test_hostile_counts),
		cmocka_unit_test(test_theil_sen),
		cmocka_unit_test(test_survival),
		cmocka_unit_test(test_orphans_are_shared_by_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
