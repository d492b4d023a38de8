/* What people call caches: spellings of sizes, families, aliases, near names. Also kmalloc's choice among siblings. */
#include "tests/cmocka_unit.h"

#include "sampler/kmalloc_cache.h"
#include "sampler/slab_cache.h"
#include "tests/sampler/kernels.h"

/* The selected names, comma separated; the error's code where there is one. */
static const char *selects(const struct slab_cache_list *list, const char *pattern)
{
	static char text[4096];
	struct slab_cache_list selected = {0};
	int ret = slab_cache_select(list, pattern, &selected, NULL);

	*text = '\0';
	if (ret)
		snprintf(text, sizeof(text), "%d", ret);
	for (size_t i = 0; i < selected.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? "," : "",
			 selected.caches[i].name);
	slab_cache_list_release(&selected);
	return text;
}

static void test_types_by_name(void **state)
{
	static const struct {
		const char *name;
		enum slab_cache_type type;
		uint32_t size_class_bytes;
	} wanted[] = {
		{"kmalloc-1k", SLAB_CACHE_NORMAL, 1024},
		{"kmalloc-1024", SLAB_CACHE_NORMAL, 1024},
		{"kmalloc-96", SLAB_CACHE_NORMAL, 96},
		{"kmalloc-8k", SLAB_CACHE_NORMAL, 8192},
		{"kmalloc-2M", SLAB_CACHE_NORMAL, 2 << 20},
		{"kmalloc-cg-1k", SLAB_CACHE_CGROUP, 1024},
		{"kmalloc-rcl-192", SLAB_CACHE_RECLAIM, 192},
		{"dma-kmalloc-512", SLAB_CACHE_DMA, 512},
		{"kmalloc-rnd-07-2k", SLAB_CACHE_RANDOM, 2048},
		{"kmalloc-part-03-64", SLAB_CACHE_RANDOM, 64},
		{"kmalloc-no-objext-64", SLAB_CACHE_RANDOM, 64},
		{"dentry", SLAB_CACHE_NAMED, 0},
		{"biovec-64", SLAB_CACHE_NAMED, 0},
		{"kmalloc-", SLAB_CACHE_NAMED, 0},
		{"kmalloc-k", SLAB_CACHE_NAMED, 0},
		{"kmalloc-1kB", SLAB_CACHE_NAMED, 0},
		{"kmalloc--1", SLAB_CACHE_NORMAL, 1},
		/* Clones of memory cgroups, up to 5.8. */
		{"kmalloc-1k(123:foo)", SLAB_CACHE_NAMED, 0},
		{"kmalloc-1k(123:foo-4k)", SLAB_CACHE_NAMED, 0},
		{":0000400", SLAB_CACHE_NAMED, 0},
	};
	struct slab_cache_list list = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const struct slab_cache *cache = slab_cache_list_add(&list, wanted[i].name);

		assert_string_equal(cache->name, wanted[i].name);
		if (cache->type != wanted[i].type || cache->size_class_bytes != wanted[i].size_class_bytes)
			fail_msg("%s: type %d, class %u", wanted[i].name, cache->type, cache->size_class_bytes);
	}
	slab_cache_list_release(&list);
	slab_cache_list_release(&list);
	slab_cache_list_release(NULL);
}

static void test_bucket_sets(void **state)
{
	struct slab_cache_list list = {0};

	(void)state;
	kernel_caches(&list, &kernels[KERNEL_6_12]);
	/* Three that end in sizes, but are no set. */
	kernel_add_cache(&list, "biovec-16", 256, 256);
	kernel_add_cache(&list, "biovec-128", 2048, 2048);
	kernel_add_cache(&list, "sgpool-128", 4096, 4096);
	slab_cache_list_finish(&list);
	assert_int_equal(slab_cache_find(&list, "msg_msg-1k")->type, SLAB_CACHE_BUCKET);
	assert_int_equal(slab_cache_find(&list, "msg_msg-1k")->size_class_bytes, 1024);
	assert_int_equal(slab_cache_find(&list, "memdup_user-96")->type, SLAB_CACHE_BUCKET);
	assert_int_equal(slab_cache_find(&list, "biovec-16")->type, SLAB_CACHE_NAMED);
	assert_int_equal(slab_cache_find(&list, "biovec-128")->size_class_bytes, 0);
	assert_int_equal(slab_cache_find(&list, "sgpool-128")->type, SLAB_CACHE_NAMED);
	slab_cache_list_release(&list);
}

static void test_family_of_a_size(void **state)
{
	static const char *const patterns[] = {"kmalloc-1024", "kmalloc-1k"};
	struct slab_cache_list list = {0}, old = {0};

	(void)state;
	kernel_caches(&list, &kernels[KERNEL_6_12]);
	kernel_add_cache(&list, "kmalloc-rnd-01-1k", 1024, 1024);
	kernel_add_cache(&list, "kmalloc-rnd-15-1k", 1024, 1024);
	slab_cache_list_finish(&list);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(selects(&list, patterns[i]),
				    "dma-kmalloc-1k,kmalloc-1k,kmalloc-cg-1k,kmalloc-rcl-1k,kmalloc-rnd-01-1k,kmalloc-"
				    "rnd-15-1k,memdup_user-1k,msg_msg-1k");
	assert_string_equal(selects(&list, "kmalloc-64"),
			    "dma-kmalloc-64,kmalloc-64,kmalloc-cg-64,kmalloc-rcl-64,memdup_user-64,msg_msg-64");
	slab_cache_list_release(&list);
	/* A kernel with the old names. */
	kernel_add_cache(&old, "kmalloc-1024", 1024, 1024);
	kernel_add_cache(&old, "dma-kmalloc-1024", 1024, 1024);
	kernel_add_cache(&old, "kmalloc-1024(123:foo)", 1024, 1024);
	slab_cache_list_finish(&old);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(selects(&old, patterns[i]), "dma-kmalloc-1024,kmalloc-1024");
	assert_string_equal(selects(&old, "=kmalloc-1k"), "kmalloc-1024");
	assert_string_equal(selects(&old, "dma-kmalloc-1k"), "dma-kmalloc-1024");
	assert_string_equal(selects(&old, "kmalloc-1024(*"), "kmalloc-1024(123:foo)");
	slab_cache_list_release(&old);
}

static void test_exactly_one_and_globs(void **state)
{
	struct slab_cache_list list = {0};

	(void)state;
	kernel_caches(&list, &kernels[KERNEL_6_12]);
	assert_string_equal(selects(&list, "=kmalloc-1k"), "kmalloc-1k");
	assert_string_equal(selects(&list, "=kmalloc-1024"), "kmalloc-1k");
	assert_string_equal(selects(&list, "kmalloc-cg-1024"), "kmalloc-cg-1k");
	assert_string_equal(selects(&list, "msg_msg-1024"), "msg_msg-1k");
	assert_string_equal(selects(&list, "dentry"), "dentry");
	assert_string_equal(selects(&list, "=dentry"), "dentry");
	assert_string_equal(selects(&list, "twin_?"), "twin_a,twin_b");
	assert_string_equal(selects(&list, "kmalloc-[12]k"), "kmalloc-1k,kmalloc-2k");
	assert_string_equal(selects(&list, "kmalloc-*-1k"), "kmalloc-cg-1k,kmalloc-rcl-1k");
	/* With = nothing is a glob. */
	assert_string_equal(selects(&list, "=twin_?"), "-2");
	assert_string_equal(selects(&list, "kmalloc-1000"), "-2");
	assert_string_equal(selects(&list, ""), "-2");
	slab_cache_list_release(&list);
}

static void test_each_is_selected_once_and_remembers_the_word(void **state)
{
	struct slab_cache_list list = {0}, selected = {0};

	(void)state;
	kernel_caches(&list, &kernels[KERNEL_6_12]);
	assert_int_equal(slab_cache_select(&list, "kmalloc-1024", &selected, NULL), 0);
	assert_int_equal(slab_cache_select(&list, "kmalloc-cg-*", &selected, NULL), 0);
	assert_int_equal(selected.count, 6 + 12);
	slab_cache_list_finish(&selected);
	assert_string_equal(slab_cache_find(&selected, "kmalloc-cg-1k")->requested, "kmalloc-1024");
	assert_string_equal(slab_cache_find(&selected, "kmalloc-cg-64")->requested, "kmalloc-cg-*");
	assert_int_equal(slab_cache_find(&selected, "msg_msg-1k")->type, SLAB_CACHE_BUCKET);
	assert_int_equal(slab_cache_find(&selected, "msg_msg-1k")->slab_size_bytes, 1024);
	slab_cache_list_release(&selected);
	slab_cache_list_release(&list);
}

static void test_aliases(void **state)
{
	struct slab_cache_list list = {0}, selected = {0};

	(void)state;
	kernel_add_cache(&list, "PING", 1000, 1024)->aliases = strdup("UNIX,UNIX-STREAM");
	kernel_add_cache(&list, "filp", 232, 256);
	slab_cache_list_finish(&list);
	assert_string_equal(selects(&list, "UNIX"), "PING");
	assert_string_equal(selects(&list, "UNIX-STREAM"), "PING");
	assert_string_equal(selects(&list, "UNIX*"), "PING");
	assert_string_equal(selects(&list, "NIX"), "-2");
	assert_string_equal(selects(&list, "UNIX,UNIX-STREAM"), "-2");
	/* The kernel's own name is wanted. */
	assert_string_equal(selects(&list, "=UNIX"), "-2");
	assert_int_equal(slab_cache_select(&list, "UNIX", &selected, NULL), 0);
	assert_string_equal(selected.caches[0].aliases, "UNIX,UNIX-STREAM");
	assert_string_equal(selected.caches[0].requested, "UNIX");
	slab_cache_list_release(&selected);
	slab_cache_list_release(&list);
}

static void test_near_names(void **state)
{
	struct slab_cache_list list = {0}, selected = {0};
	struct error err;
	char name[200];

	(void)state;
	kernel_caches(&list, &kernels[KERNEL_6_12]);
	assert_int_equal(slab_cache_select(&list, "dentyr", &selected, &err), -ENOENT);
	assert_string_equal(err.message,
			    "no slab cache matches \"dentyr\"; near names: dentry (slabrec --list-caches shows all)");
	assert_int_equal(slab_cache_select(&list, "twin", &selected, &err), -ENOENT);
	assert_non_null(strstr(err.message, "; near names: twin_a, twin_b"));
	assert_int_equal(slab_cache_select(&list, "zzzzzzzzzzzz", &selected, &err), -ENOENT);
	assert_string_equal(err.message, "no slab cache matches \"zzzzzzzzzzzz\" (slabrec --list-caches shows all)");
	memset(name, 'k', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(slab_cache_select(&list, name, &selected, &err), -ENOENT);
	assert_int_equal(selected.count, 0);
	slab_cache_list_release(&list);
	assert_int_equal(slab_cache_select(&list, "dentry", &selected, &err), -ENOENT);
}

static void test_find(void **state)
{
	struct slab_cache_list list = {0};
	char longer[100];

	(void)state;
	assert_null(slab_cache_find(&list, "dentry"));
	kernel_caches(&list, &kernels[KERNEL_5_10]);
	for (size_t i = 0; i < list.count; i++)
		assert_ptr_equal(slab_cache_find(&list, list.caches[i].name), &list.caches[i]);
	assert_null(slab_cache_find(&list, "kmalloc-1024"));
	assert_null(slab_cache_find(&list, ""));
	memset(longer, 'x', sizeof(longer));
	longer[99] = '\0';
	assert_null(slab_cache_find(&list, longer));
	slab_cache_list_release(&list);
}

#define DMA 0x1u
#define RECLAIMABLE 0x10u
#define ACCOUNT 0x400000u

static const char *kmalloc_choice(const struct slab_cache_list *all, uint32_t size, uint64_t gfp, const char *bucket)
{
	const struct kmalloc_flags flags = kmalloc_flags_read(KERNEL_FLAGS);
	const struct slab_cache *cache = kmalloc_cache_find(all, &flags, size, gfp, bucket);

	return cache ? cache->name : "none";
}

static void test_kmalloc_type_by_flags(void **state)
{
	const struct kmalloc_flags flags = kmalloc_flags_read(KERNEL_FLAGS);
	struct slab_cache_list all = {0};

	(void)state;
	assert_int_equal(flags.dma, DMA);
	assert_int_equal(flags.reclaimable, RECLAIMABLE);
	assert_int_equal(flags.account, ACCOUNT);
	kernel_caches(&all, &kernels[KERNEL_6_12]);
	assert_string_equal(kmalloc_choice(&all, 1024, 0xcc0, ""), "kmalloc-1k");
	assert_string_equal(kmalloc_choice(&all, 1024, 0xcc0 | ACCOUNT, ""), "kmalloc-cg-1k");
	/* DMA before reclaimable before accounted. */
	assert_string_equal(kmalloc_choice(&all, 64, RECLAIMABLE | ACCOUNT, ""), "kmalloc-rcl-64");
	assert_string_equal(kmalloc_choice(&all, 64, DMA | RECLAIMABLE | ACCOUNT, ""), "dma-kmalloc-64");
	assert_string_equal(kmalloc_choice(&all, 1024, ACCOUNT, "msg_msg"), "msg_msg-1k");
	assert_string_equal(kmalloc_choice(&all, 1024, 0, "memdup_user"), "memdup_user-1k");
	assert_string_equal(kmalloc_choice(&all, 1024, 0, "msg"), "kmalloc-1k");
	assert_string_equal(kmalloc_choice(&all, 1000, 0, ""), "none");
	assert_string_equal(kmalloc_choice(&all, 0, 0, ""), "none");
	assert_true(kmalloc_cache_needs_call_site(&all, 1024));
	slab_cache_list_release(&all);
	/* No siblings for the flag: the normal ones serve it. */
	kernel_caches(&all, &kernels[KERNEL_5_10]);
	assert_string_equal(kmalloc_choice(&all, 1024, ACCOUNT, ""), "kmalloc-1k");
	assert_string_equal(kmalloc_choice(&all, 1024, 0, "msg_msg"), "kmalloc-1k");
	assert_false(kmalloc_cache_needs_call_site(&all, 1024));
	slab_cache_list_release(&all);
	kernel_add_cache(&all, "kmalloc-1k", 1024, 1024);
	slab_cache_list_finish(&all);
	assert_string_equal(kmalloc_choice(&all, 1024, DMA | RECLAIMABLE, ""), "kmalloc-1k");
	slab_cache_list_release(&all);
}

/* Some kernels tell the flags by names of bits. */
static void test_flags_by_name_of_their_bit(void **state)
{
	const struct kmalloc_flags flags = kmalloc_flags_read(
		"{( unsigned long)(( gfp_t)((((1UL))) << (___GFP_DMA_BIT))), \"__GFP_DMA\"}, "
		"{( unsigned long)(( gfp_t)((((1UL))) << (___GFP_ACCOUNT_BIT))), \"__GFP_ACCOUNT\"}");
	const struct kmalloc_flags none = kmalloc_flags_read("");

	(void)state;
	assert_int_equal(flags.dma, DMA);
	assert_int_equal(flags.reclaimable, RECLAIMABLE);
	assert_int_equal(flags.account, ACCOUNT);
	assert_int_equal(none.dma | none.reclaimable | none.account, 0);
}

static void test_bucket_by_caller(void **state)
{
	(void)state;
	assert_string_equal(kmalloc_cache_bucket("alloc_msg"), "msg_msg");
	assert_string_equal(kmalloc_cache_bucket("memdup_user"), "memdup_user");
	assert_string_equal(kmalloc_cache_bucket("memdup_user_nul"), "memdup_user");
	assert_string_equal(kmalloc_cache_bucket("memdup"), "");
	assert_string_equal(kmalloc_cache_bucket(""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_by_name),
		cmocka_unit_test(test_bucket_sets),
		cmocka_unit_test(test_family_of_a_size),
		cmocka_unit_test(test_exactly_one_and_globs),
		cmocka_unit_test(test_each_is_selected_once_and_remembers_the_word),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_near_names),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_kmalloc_type_by_flags),
		cmocka_unit_test(test_flags_by_name_of_their_bit),
		cmocka_unit_test(test_bucket_by_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
