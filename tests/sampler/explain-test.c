/* What --explain says for four kernels: letter by letter where it is short, else by its lines. */
#include "tests/cmocka_unit.h"

#include "sampler/blind_spots.h"
#include "sampler/explain.h"
#include "tests/sampler/kernels.h"

static const struct explain_source kprobe_sources[] = {{"kprobe", "the kernel has kprobe events"},
						       {"tracepoint", "it tells less"}};
static const struct explain_source tracepoint_sources[] = {{"tracepoint", "no kprobes"}};

struct explained {
	struct slab_cache_list all;
	struct slab_cache_list selected;
	struct probe_plan_facts facts;
	struct probe_plan plan;
	struct explain explain;
	char *text;
};

static void choose(struct explained *explained, enum kernel_version version, const char *pattern)
{
	*explained = (struct explained){.text = NULL};
	kernel_caches(&explained->all, &kernels[version]);
	assert_int_equal(slab_cache_select(&explained->all, pattern, &explained->selected, NULL), 0);
	slab_cache_list_finish(&explained->selected);
	explained->facts = kernel_facts(&kernels[version], &explained->all, &explained->selected);
	explained->explain = (struct explain){.kernel = kernels[version].release,
					      .sources = kprobe_sources,
					      .source_count = 2,
					      .name_offset_from = "its types",
					      .plan = &explained->plan,
					      .facts = &explained->facts,
					      .user_stacks = USER_STACKS_FP};
}

static void write_text(struct explained *explained)
{
	size_t size;
	FILE *out = open_memstream(&explained->text, &size);

	explain_write(&explained->explain, out);
	assert_int_equal(fclose(out), 0);
}

static void explain_kprobes(struct explained *explained)
{
	assert_int_equal(probe_plan_kprobes(&explained->plan, &explained->facts, NULL), 0);
	write_text(explained);
}

static void explain_tracepoints(struct explained *explained)
{
	explained->explain.sources = tracepoint_sources;
	explained->explain.source_count = 1;
	explained->explain.name_offset_from = NULL;
	assert_int_equal(probe_plan_tracepoints(&explained->plan, &explained->facts, NULL), 0);
	write_text(explained);
}

static void end(struct explained *explained)
{
	free(explained->text);
	probe_plan_release(&explained->plan);
	slab_cache_list_release(&explained->selected);
	slab_cache_list_release(&explained->all);
}

/* Words stand in the text, wherever lines break. */
static bool has_words(const char *text, const char *words)
{
	for (; *text; text++) {
		const char *at = text, *word = words;

		for (; *word && *at; word++, at++)
			if (*word == ' ' && (*at == ' ' || *at == '\n'))
				at += strspn(at, " \n") - 1;
			else if (*word != *at)
				break;
		if (!*word)
			return true;
	}
	return false;
}

#define assert_says(explained, words) assert_true(has_words((explained)->text, words))
#define assert_does_not_say(explained, words) assert_false(has_words((explained)->text, words))

static void test_whole_text_of_kprobes(void **state)
{
	struct explained explained;

	(void)state;
	choose(&explained, KERNEL_6_1, "=kmalloc-1k");
	explain_kprobes(&explained);
	assert_string_equal(
		explained.text,
		"kernel      6.1\n"
		"source      kprobe: the kernel has kprobe events\n"
		"            not tracepoint: it tells less\n"
		"cache names at byte 96 of struct kmem_cache, as told by its types\n"
		"cache       kmalloc-1k: objects of 1024 bytes in slots of 1024\n"
		"\n"
		"Probes\n"
		"ROLE         ON                                 KIND     CHAIN FILTER WHY\n"
		"alloc pair   kmem_cache_alloc                   p+r128   all   2,1    of any cache, by its name\n"
		"alloc pair   kmem_cache_alloc_node              p+r128   all   2,1    the same, from a NUMA node\n"
		"alloc pair   kmem_cache_alloc_lru               p+r128   all   2,1    the same, for an LRU list (inodes)\n"
		"alloc pair   __kmem_cache_alloc_node            p+r128   all   2,1    every kmalloc() comes through here\n"
		"alloc unseen kmem_cache_alloc_bulk              p        -     2      an array of objects at once\n"
		"free         kmem_cache_free                    p        1/16  3      of any cache, by its name\n"
		"free         __kmem_cache_free                  p        1/16  3      every kfree() comes through here\n"
		"free bulk    kmem_cache_free_bulk               p x8     -     4      an array at once, kfree_rcu()'s too\n"
		"free rcu     kvfree_call_rcu                    p        all   5      kfree_rcu(): its user lets go\n"
		"free witness kfree                              event    -     6      second witness, also in interrupts\n"
		"free witness kmem_cache_free                    event    -     7      second witness, also in interrupts\n"
		"\n"
		"Filters, in the kernel\n"
		" 1  !(p & 0x3ff)\n"
		" 2  (n == \"kmalloc-1k\")\n"
		" 3  p > 16 && !(p & 0x3ff) && (n == \"kmalloc-1k\")\n"
		" 4  cnt != 0 && cnt > 0 && (s == 0 || (n == \"kmalloc-1k\"))\n"
		" 5  p < 4096 || !(p & 0x3ff)\n"
		" 6  ptr > 16 && !(ptr & 0x3ff)\n"
		" 7  ptr > 16 && !(ptr & 0x3ff) && (name == \"kmalloc-1k\")\n"
		"\n"
		"Not seen\n"
		" -  kmem_cache_alloc_bulk(): this kernel does not tell the addresses of objects that are handed out in bulk:\n"
		"    they are counted, not followed.\n"
		" -  A kprobe is not hit while the handler of another runs on its CPU: what an interrupt allocates then, or\n"
		"    frees by kmem_cache_free_bulk(), kvfree_call_rcu() is missed, and counted for all caches together.\n"
		" -  One free in 16 has its call chain recorded.\n"
		" -  User call chains follow frame pointers: they are short in programs built without them.\n");
	end(&explained);
}

static void test_whole_text_of_tracepoints(void **state)
{
	struct explained explained;

	(void)state;
	choose(&explained, KERNEL_7_2, "dentry");
	explained.facts.no_free_stacks = true;
	explained.explain.user_stacks = USER_STACKS_NONE;
	explained.explain.filters = (const char *const[]){"of process 7", "on CPU 1", NULL};
	explain_tracepoints(&explained);
	assert_string_equal(
		explained.text,
		"kernel      7.2\n"
		"source      tracepoint: no kprobes\n"
		"only        of process 7\n"
		"            on CPU 1\n"
		"cache       dentry: objects of 192 bytes in slots of 192\n"
		"\n"
		"Probes\n"
		"ROLE         ON                                 KIND     CHAIN FILTER WHY\n"
		"alloc        kmem_cache_alloc                   event    all   1      the kernel's own event\n"
		"free         kfree                              event    -     2      the kernel's own event\n"
		"free         kmem_cache_free                    event    -     3      the kernel's own event\n"
		"\n"
		"Filters, in the kernel\n"
		" 1  (name == \"dentry\")\n"
		" 2  ptr > 16\n"
		" 3  ptr > 16 && (name == \"dentry\")\n"
		"\n"
		"Not seen\n"
		" -  Frees by kfree_nolock(), kmem_cache_free_bulk(), kfree_rcu() are not seen: objects freed only that way\n"
		"    look live.\n"
		" -  Allocations by kmem_cache_alloc_bulk_noprof() are not seen.\n"
		" -  Frees have no call chains.\n"
		" -  User call chains are not recorded.\n");
	end(&explained);
}

static void test_what_each_kernel_does_not_tell(void **state)
{
	struct explained explained;

	(void)state;
	for (enum kernel_version version = 0; version < KERNEL_COUNT; version++) {
		choose(&explained, version, "kmalloc-1024");
		explain_kprobes(&explained);
		assert_int_equal(has_words(explained.text, "does not tell the addresses of objects that are handed out in bulk"),
				 version < KERNEL_6_12);
		assert_int_equal(has_words(explained.text, "the free after it may go through a sheaf"), version == KERNEL_7_2);
		assert_int_equal(has_words(explained.text, "alloc pair __kmalloc "), version == KERNEL_5_10);
		assert_says(&explained, "A kprobe is not hit while");
		assert_does_not_say(&explained, "are not seen:");
		assert_does_not_say(&explained, "random copies");
		end(&explained);

		choose(&explained, version, "kmalloc-1024");
		explain_tracepoints(&explained);
		assert_says(&explained, version == KERNEL_7_2 ? "Frees by kfree_nolock(), kmem_cache_free_bulk(), kfree_rcu() are" :
								"Frees by kmem_cache_free_bulk(), kfree_rcu() are");
		assert_int_equal(has_words(explained.text, "Allocations by _kmalloc_nolock_noprof(),"), version == KERNEL_7_2);
		assert_does_not_say(&explained, "kprobe is not hit");
		assert_does_not_say(&explained, "sheaf");
		end(&explained);
	}
}

/* Without the second witnesses, and where arrays cannot be fetched at once. */
static void test_what_features_that_are_off_cost(void **state)
{
	struct explained explained;

	(void)state;
	choose(&explained, KERNEL_6_12, "dentry");
	explained.facts.has_no_witness = true;
	explained.facts.has_arg_names = false;
	explained.facts.has_return_args = false;
	explained.facts.all_free_stacks = true;
	explain_kprobes(&explained);
	assert_says(&explained, "frees by kmem_cache_free(), kfree(), kmem_cache_free_bulk(), kvfree_call_rcu() is missed");
	assert_does_not_say(&explained, "Frees by kmem_cache_free_bulk() are not seen");
	assert_says(&explained, "kmem_cache_alloc_bulk_noprof(): this kernel does not tell");
	assert_does_not_say(&explained, "call chain recorded");
	/* kmalloc() has no dentries to hand out. */
	assert_does_not_say(&explained, "__kmalloc_noprof");
	end(&explained);
}

static void test_namespaces(void **state)
{
	struct explained explained;

	(void)state;
	for (int is_namespaced = 0; is_namespaced < 2; is_namespaced++) {
		choose(&explained, KERNEL_6_12, "dentry");
		explained.facts.is_namespaced = is_namespaced;
		explain_kprobes(&explained);
		assert_int_equal(has_words(explained.text, "have no number and no name here"), is_namespaced);
		end(&explained);
	}
}

static void test_random_copies(void **state)
{
	struct explained explained;

	(void)state;
	for (int is_named = 0; is_named < 2; is_named++) {
		choose(&explained, KERNEL_6_12, is_named ? "dentry" : "=kmalloc-1k");
		kernel_add_cache(&explained.all, "kmalloc-rnd-03-1k", 1024, 1024);
		slab_cache_list_finish(&explained.all);
		explain_kprobes(&explained);
		assert_int_equal(has_words(explained.text, "random copies of a cache"), !is_named);
		end(&explained);
	}
}

/* BPF looks at the object's page, so it passes no failure on. */
static void test_failed_allocations(void **state)
{
	struct explained explained;

	(void)state;
	for (int is_kprobe = 0; is_kprobe < 2; is_kprobe++) {
		choose(&explained, KERNEL_6_12, "kmalloc-1k");
		if (is_kprobe)
			assert_int_equal(probe_plan_kprobes(&explained.plan, &explained.facts, NULL), 0);
		else
			assert_int_equal(probe_plan_bpf(&explained.plan, &explained.facts, true, NULL), 0);
		write_text(&explained);
		assert_int_equal(has_words(explained.text, "Allocations that fail are not counted"), !is_kprobe);
		end(&explained);
	}
}

/* Tracepoints tell of msg_msg's buckets by the caller; of other sets nothing. */
static void test_buckets_of_unknown_users(void **state)
{
	struct explained explained;

	(void)state;
	for (int is_kprobe = 0; is_kprobe < 2; is_kprobe++) {
		choose(&explained, KERNEL_6_12, "kmalloc-1k");
		struct slab_cache *cache = kernel_add_cache(&explained.selected, "mine-1k", 1024, 1024);
		cache->type = SLAB_CACHE_BUCKET;
		cache->size_class_bytes = 1024;
		if (is_kprobe)
			explain_kprobes(&explained);
		else
			explain_tracepoints(&explained);
		assert_int_equal(has_words(explained.text, "Objects of mine-1k count for the plain cache"), !is_kprobe);
		end(&explained);
	}
}

static void test_lines_fit(void **state)
{
	static const char *const patterns[] = {"=kmalloc-1k", "kmalloc-1024", "*", "dentry"};
	struct explained explained;

	(void)state;
	for (enum kernel_version version = 0; version < KERNEL_COUNT; version++)
		for (size_t i = 0; i < 4; i++)
			for (int by_tracepoints = 0; by_tracepoints < 2; by_tracepoints++) {
				choose(&explained, version, patterns[i]);
				if (by_tracepoints)
					explain_tracepoints(&explained);
				else
					explain_kprobes(&explained);
				for (const char *line = explained.text; *line; line += strcspn(line, "\n") + 1) {
					assert_in_range(strcspn(line, "\n"), 0, EXPLAIN_COLUMNS);
					assert_true(line[strcspn(line, "\n")] == '\n');
				}
				end(&explained);
			}
}

/* One screen: what README promises for one cache. */
static void test_one_cache_is_one_screen(void **state)
{
	struct explained explained;

	(void)state;
	for (enum kernel_version version = 0; version < KERNEL_COUNT; version++) {
		size_t lines = 0;

		choose(&explained, version, "=kmalloc-1k");
		explain_kprobes(&explained);
		for (const char *at = explained.text; *at; at++)
			lines += *at == '\n';
		assert_in_range(lines, 25, 50);
		end(&explained);
	}
}

static void test_every_function_says_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < probe_function_count; i++) {
		assert_non_null(probe_functions[i].why);
		assert_in_range(strlen(probe_functions[i].why), 10, 38);
		assert_in_range(strlen(probe_functions[i].symbol), 5, 34);
	}
}

static void test_merged_caches_name_their_others(void **state)
{
	struct explained explained;

	(void)state;
	choose(&explained, KERNEL_6_12, "twin_*");
	explained.selected.caches[0].aliases = strdup("first_sibling,second_sibling");
	explain_kprobes(&explained);
	assert_says(&explained, "caches twin_a: objects of 400 bytes in slots of 448; one cache with first_sibling,second_sibling");
	assert_says(&explained, "twin_b: objects of 400 bytes in slots of 448");
	end(&explained);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_text_of_kprobes),
		cmocka_unit_test(test_whole_text_of_tracepoints),
		cmocka_unit_test(test_what_each_kernel_does_not_tell),
		cmocka_unit_test(test_what_features_that_are_off_cost),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_random_copies),
		cmocka_unit_test(test_buckets_of_unknown_users),
		cmocka_unit_test(test_failed_allocations),
		cmocka_unit_test(test_lines_fit),
		cmocka_unit_test(test_one_cache_is_one_screen),
		cmocka_unit_test(test_every_function_says_why),
		cmocka_unit_test(test_merged_caches_name_their_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
