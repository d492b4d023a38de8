/* Sites of one name and caller are told apart by what they come through. */
#include "tests/report/scenario.h"

#include "report/site_path.h"

static const struct model_site *site_of(const struct model *model, const char *cache, uint64_t live)
{
	for (uint32_t i = 0; i < model->site_count; i++)
		if (model->sites[i].live == live && !strcmp(model->caches[model->sites[i].cache].name, cache))
			return &model->sites[i];
	fail_msg("no site of %s has %llu live objects", cache, (unsigned long long)live);
	return NULL;
}

static void allocate(struct scenario *scenario, uint32_t cache, uint32_t stack, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		scenario->now_ns += MS;
		scenario_alloc(scenario, cache, stack, 0, 100);
	}
}

static void expect(const struct model *model, const char *cache, uint64_t live, const char *via, bool skips)
{
	const struct model_site *site = site_of(model, cache, live);

	assert_string_equal(site->via, via);
	if (*via)
		assert_true(site->via_skips == skips);
}

static void test_told_apart(void **state)
{
	struct scenario scenario;
	struct scene scene = {0};

	(void)state;
	scenario_begin(&scenario);
	uint32_t files = scenario_cache(&scenario, "filp", 192), others = scenario_cache(&scenario, "others", 192);
	allocate(&scenario, files, STACK(&scenario, "do_syscall_64", "opens", "walks", "path", "leaf", "kmem_cache_alloc"), 1);
	allocate(&scenario, files, STACK(&scenario, "do_syscall_64", "execs", "walks", "path", "leaf", "kmem_cache_alloc"), 2);
	allocate(&scenario, files, STACK(&scenario, "do_syscall_64", "opens", "runs.isra.0", "path", "leaf", "kmem_cache_alloc"), 3);
	/* The caller tells it already, or there is nothing more to tell. */
	allocate(&scenario, files, STACK(&scenario, "do_syscall_64", "opens", "walks", "socket", "leaf", "kmem_cache_alloc"), 4);
	allocate(&scenario, files, STACK(&scenario, "path", "leaf", "kmem_cache_alloc"), 5);
	allocate(&scenario, files, STACK(&scenario, "kmem_cache_alloc"), 6);
	allocate(&scenario, files, 0, 7);
	allocate(&scenario, others, STACK(&scenario, "do_syscall_64", "opens", "walks", "path", "leaf", "kmem_cache_alloc"), 1);
	scenario_end(&scenario);
	scene_read(&scene, &scenario);
	expect(&scene.model, "filp", 1, "opens", true);
	expect(&scene.model, "filp", 2, "execs", true);
	expect(&scene.model, "filp", 3, "runs", false);
	for (uint64_t live = 4; live <= 7; live++)
		expect(&scene.model, "filp", live, "", false);
	expect(&scene.model, "others", 1, "", false);
	scene_release(&scene);
	scenario_release(&scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
