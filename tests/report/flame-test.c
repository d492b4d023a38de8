/* The geometry of the flame graph: nothing overlaps, nothing is lost, what is left out is counted. */
#include "tests/report/scenario.h"

#include <stdio.h>

#include "report/flame.h"

static const struct flame_rect *rect_named(const struct flame *flame, const struct model *model, const char *name)
{
	for (uint32_t i = 0; i < flame->rect_count; i++)
		if (flame->rects[i].frame < model->frame_count &&
		    !strcmp(model->frames[flame->rects[i].frame].label, name))
			return &flame->rects[i];
	fail_msg("%s is not drawn", name);
	return NULL;
}

/* Every rectangle lies within one of the row above and beside the one before it. */
static void check_geometry(const struct flame *flame)
{
	for (uint32_t i = 1; i < flame->rect_count; i++) {
		const struct flame_rect *rect = &flame->rects[i], *before = &flame->rects[i - 1];
		bool is_held = false;

		if (rect->depth == before->depth)
			assert_true(rect->start >= before->start + before->weight);
		for (uint32_t j = 0; j < i; j++) {
			const struct flame_rect *above = &flame->rects[j];

			if (above->depth + 1 == rect->depth && above->start <= rect->start &&
			    rect->start + rect->weight <= above->start + above->weight)
				is_held = true;
		}
		assert_true(is_held);
	}
}

static void test_layout(void **state)
{
	struct scenario s;
	struct scene scene;
	struct flame flame;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64);
	uint32_t a = STACK(&s, "main", "left", "leaf"), b = STACK(&s, "main", "right", "leaf"),
		 b2 = STACK(&s, "main", "right");
	uint32_t gone = STACK(&s, "main", "gone");
	for (unsigned int i = 0; i < 6; i++)
		scenario_alloc(&s, cache, i < 3 ? b : i < 5 ? a : b2, 0, 0);
	scenario_free(&s, TRACE_EVENT_FREE, scenario_alloc(&s, cache, gone, 0, 0), 0);
	scenario_alloc(&s, cache, 0, 0, 0);
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_int_equal(flame_build(&flame, &scene.model, 100, 100, NULL), 0);
	check_geometry(&flame);
	/* Root, main, [no stack], right, left, two leaves: the functions of different stacks are one, what is freed is
	 * not there. */
	assert_int_equal(flame.rect_count, 7);
	assert_int_equal(flame.depth, 4);
	assert_true(flame.total == 7 * 64 && !flame.is_objects);
	assert_true(rect_named(&flame, &scene.model, "main")->weight == 6 * 64);
	const struct flame_rect *right = rect_named(&flame, &scene.model, "right");
	assert_true(right->weight == 4 * 64 && right->objects == 4 && right->start == 0);
	assert_true(rect_named(&flame, &scene.model, "left")->start == 4 * 64);
	assert_int_equal(flame.folded_frames, 0);
	flame_release(&flame);
	scene_release(&scene);
	scenario_release(&s);
}

static void test_programs_are_told_apart(void **state)
{
	struct scenario s;
	struct scene scene;
	struct flame flame;

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64);
	scenario_alloc(&s, cache, STACK(&s, "/bin/a!main", "sys"), 0, 0);
	scenario_alloc(&s, cache, STACK(&s, "/bin/b!main", "sys"), 0, 0);
	/* The same function at another address is the same. */
	scenario_alloc(&s, cache, STACK(&s, "/bin/b!main", "sys"), 0, 0);
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_int_equal(flame_build(&flame, &scene.model, 100, 100, NULL), 0);
	check_geometry(&flame);
	assert_int_equal(flame.rect_count, 5);
	assert_true(flame.rects[1].weight == 128 && flame.rects[2].weight == 64);
	flame_release(&flame);
	scene_release(&scene);
	scenario_release(&s);
}

/* One function at two addresses is one cell, also where its second node has a child before its first has that. */
static void test_children_of_merged_functions(void **state)
{
	struct model_frame frames[] = {{.label = "f", .module = "", .offset_bytes = 1}, {.label = "f", .module = "", .offset_bytes = 2},
				       {.label = "g", .module = ""}, {.label = "h", .module = ""}};
	struct model_node nodes[] = {{0}, {.frame = 0}, {.frame = 1}, {.parent = 2, .frame = 2},
				     {.parent = 1, .frame = 3}, {.parent = 1, .frame = 2}};
	struct model_site sites[] = {{.node = 3, .live = 2}, {.node = 4, .live = 5}, {.node = 5, .live = 3}, {.live = 1}};
	struct model model = {.frames = frames, .frame_count = 4, .nodes = nodes, .node_count = 6, .sites = sites, .site_count = 4};
	struct flame flame;

	(void)state;
	assert_int_equal(flame_build(&flame, &model, 100, 100, NULL), 0);
	check_geometry(&flame);
	assert_true(flame.rect_count == 5 && flame.total == 11 && flame.folded_frames == 0);
	assert_true(flame.rects[1].frame == 0 && flame.rects[1].weight == 10 && flame.rects[2].frame == FLAME_NO_STACK);
	/* Of equal ones the one that the trace told of first. */
	assert_true(flame.rects[3].frame == 2 && flame.rects[3].objects == 5 && flame.rects[4].frame == 3 && flame.rects[4].objects == 5);
	flame_release(&flame);
}

static void test_folding_is_told(void **state)
{
	struct scenario s;
	struct scene scene;
	struct flame flame;
	char name[16];

	(void)state;
	scenario_begin(&s);
	uint32_t cache = scenario_cache(&s, "kmalloc-64", 64);
	for (unsigned int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		uint32_t where = STACK(&s, "main", name);

		for (unsigned int n = 0; n <= i; n++)
			scenario_alloc(&s, cache, where, 0, 0);
	}
	scenario_end(&s);
	scene_read(&scene, &s);
	/* Room for the root, main and the ten heaviest. */
	assert_int_equal(flame_build(&flame, &scene.model, 12, 100, NULL), 0);
	check_geometry(&flame);
	assert_int_equal(flame.rect_count, 12);
	assert_int_equal(flame.folded_frames, 40);
	assert_true(flame.folded_weight == 64 * 40 * 41 / 2);
	rect_named(&flame, &scene.model, "f49");
	rect_named(&flame, &scene.model, "f40");
	flame_release(&flame);
	/* Two rows: all functions are too deep. */
	assert_int_equal(flame_build(&flame, &scene.model, 1000, 2, NULL), 0);
	assert_int_equal(flame.rect_count, 2);
	assert_int_equal(flame.folded_frames, 50);
	assert_true(flame.folded_weight == flame.total);
	flame_release(&flame);
	scene_release(&scene);
	scenario_release(&s);
}

static void test_nothing_is_live(void **state)
{
	struct scenario s;
	struct scene scene;
	struct flame flame;

	(void)state;
	scenario_begin(&s);
	scenario_pipes(&s, 0, 0);
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_int_equal(flame_build(&flame, &scene.model, 100, 100, NULL), 0);
	assert_true(flame.total == 0 && flame.rect_count == 0);
	flame_release(&flame);
	scene_release(&scene);
	scenario_release(&s);
}

static void test_objects_where_sizes_are_not_known(void **state)
{
	struct scenario s;
	struct scene scene;
	struct flame flame;

	(void)state;
	scenario_begin(&s);
	scenario_alloc(&s, scenario_cache(&s, "big", 4096), STACK(&s, "f"), 0, 0);
	scenario_alloc(&s, scenario_cache(&s, "odd", 0), STACK(&s, "g"), 0, 0);
	scenario_end(&s);
	scene_read(&scene, &s);
	assert_int_equal(flame_build(&flame, &scene.model, 100, 100, NULL), 0);
	assert_true(flame.is_objects && flame.total == 2);
	assert_true(rect_named(&flame, &scene.model, "g")->weight == 1);
	flame_release(&flame);
	scene_release(&scene);
	scenario_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_programs_are_told_apart),
		cmocka_unit_test(test_children_of_merged_functions),
		cmocka_unit_test(test_folding_is_told),
		cmocka_unit_test(test_nothing_is_live),
		cmocka_unit_test(test_objects_where_sizes_are_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
