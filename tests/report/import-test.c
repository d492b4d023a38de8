/* Texts of perf script with a known truth, imported and read back as a recording. */
#include "report/import.h"

#include "report/model.h"
#include "report/recording.h"
#include "tests/cmocka_unit.h"
#include "tests/report/scenario.h"

#define HEADER                                                                                                                           \
	"# ========\n# hostname : secret\n# os release : 6.1.0\n# perf version : 6.1.187\n# arch : x86_64\n# nrcpus online : 2\n"         \
	"# cmdline : /usr/bin/perf record -a -g -e kmem:kmalloc sh -c --filter\n# ========\n#\n"
#define CHAIN                                                                                                                            \
	"\tffffffff81000010 __kmalloc+0x10 ([kernel.kallsyms])\n\tffffffff81000110 alloc_pipe_info+0x10 ([kernel.kallsyms])\n"           \
	"\tffffffffc0000110 opener+0x1 ([pipes])\n\t            1234 main+0x4 (/home/me/pipes)\n\n"

/* What scene_read() does, of a text; ret is what importing it gave. */
struct imported {
	struct scenario scenario;
	struct scene scene;
	struct import_totals totals;
	int ret;
};

static void import(struct imported *imported, const char *text)
{
	struct error err = {0};
	FILE *file = fmemopen((char *)text, strlen(text), "r");

	*imported = (struct imported){0};
	scenario_begin(&imported->scenario);
	imported->ret = import_perf_text(imported->scenario.writer, file, "test", &imported->totals, &err);
	fclose(file);
	assert_true(!imported->ret == !*err.message);
	if (!imported->ret)
		scene_read(&imported->scene, &imported->scenario);
}

static void release(struct imported *imported)
{
	if (!imported->ret)
		scene_release(&imported->scene);
	scenario_release(&imported->scenario);
}

static uint64_t counter(const struct imported *imported, const char *key)
{
	return recording_counter(&imported->scene.recording, key, NULL);
}

static bool has_note(const struct imported *imported, const char *words)
{
	for (uint32_t i = 0; i < imported->scene.model.note_count; i++)
		if (strstr(imported->scene.model.notes[i], words))
			return true;
	return false;
}

static void test_tracepoints(void **state)
{
	struct imported imported;

	(void)state;
	import(&imported,
	       HEADER "pipes 7/7 [001] 10.000000000: kmem:kmalloc: call_site=alloc_pipe_info+0x10 ptr=0xffff888100000400 bytes_req=640 bytes_alloc=1024 gfp_flags=GFP_KERNEL node=-1 accounted=false\n" CHAIN
		      "pipes 7/7 [001] 10.000001000: kmem:kmalloc: call_site=alloc_pipe_info+0x10 ptr=0xffff888100000800 bytes_req=640 bytes_alloc=1024 gfp_flags=GFP_KERNEL node=1 accounted=false\n" CHAIN
		      "pipes 7/7 [000] 10.000002000: kmem:kmem_cache_alloc: call_site=f+0x1 ptr=0xffff888100000040 name=filp bytes_req=184 bytes_alloc=192 gfp_flags=GFP_KERNEL node=-1 accounted=true\n" CHAIN
		      "pipes 7/7 [000] 10.000003000: kmem:kmalloc: call_site=f+0x1 ptr=(nil) bytes_req=640 bytes_alloc=1024 gfp_flags=GFP_KERNEL node=-1 accounted=false\n" CHAIN
		      "rcu 9/9 [000] 10.000004000: kmem:kfree: call_site=g+0x1 ptr=0xffff888100000400\n" CHAIN
		      "rcu 9/9 [000] 10.000005000: kmem:kfree: call_site=g+0x1 ptr=0xffff888100000c00\n" CHAIN
		      "rcu 9/9 [000] 10.000006000: kmem:kmem_cache_free: call_site=g+0x1 ptr=0xffff888100000080 name=dentry\n" CHAIN);
	assert_int_equal(imported.ret, 0);
	assert_int_equal(imported.totals.allocs, 3);
	assert_int_equal(imported.totals.frees, 1);
	assert_int_equal(imported.totals.live, 2);
	assert_int_equal(imported.totals.lines_unknown, 0);
	assert_int_equal(counter(&imported, "failed_allocs"), 1);
	assert_int_equal(counter(&imported, "frees_unknown"), 1);
	assert_int_equal(counter(&imported, "frees_older"), 1);
	const struct model_site *site = scene_site(&imported.scene, "alloc_pipe_info");
	assert_int_equal(imported.scene.model.site_count, 2);
	for (uint32_t i = 0; i < 2; i++)
		if (!strcmp(imported.scene.model.caches[imported.scene.model.sites[i].cache].name, "kmalloc-1k"))
			site = &imported.scene.model.sites[i];
	assert_int_equal(site->allocs, 2);
	assert_int_equal(site->live, 1);
	assert_int_equal(site->bytes_req, 1280);
	assert_int_equal(site->live_bytes, 1024);
	assert_string_equal(site->caller, "[pipes]opener" + (strchr(site->caller, '[') ? 0 : 7));
	assert_string_equal(site->tasks[0].comm, "pipes");
	assert_int_equal(imported.scene.model.duration_ns, 6000);
	assert_string_equal(model_fact(&imported.scene.model, "kernel.release"), "6.1.0");
	assert_string_equal(model_fact(&imported.scene.model, "cpus"), "0-1");
	assert_string_equal(model_fact(&imported.scene.model, "source"), "perf");
	assert_true(has_note(&imported, "kmalloc's events name no cache"));
	/* "--filter" is an argument of the command that was recorded, but nothing tells so: better one word too many. */
	assert_false(has_note(&imported, "all of the machine"));
	assert_false(has_note(&imported, "No event of kfree"));
	release(&imported);
}

/* By the flags, on kernels that tell of accounting; as kmalloc_type() has it. */
static void test_kmalloc_caches(void **state)
{
	static const struct {
		const char *flags, *cache;
	} cases[] = {{"gfp_flags=GFP_KERNEL_ACCOUNT node=-1 accounted=true", "kmalloc-cg-64"},
		     {"gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 accounted=false", "kmalloc-64"},
		     {"gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_RECLAIMABLE node=-1 accounted=true", "kmalloc-rcl-64"},
		     {"gfp_flags=GFP_KERNEL|GFP_DMA node=-1 accounted=false", "dma-kmalloc-64"},
		     {"gfp_flags=GFP_KERNEL|GFP_DMA32 node=-1 accounted=false", "kmalloc-64"},
		     {"gfp_flags=GFP_KERNEL_ACCOUNT node=-1", "kmalloc-64"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imported imported;
		char text[300];

		snprintf(text, sizeof(text), "a 1/1 [000] 1.0: kmem:kmalloc: call_site=f+0x1 ptr=0xffff888100000400 bytes_req=50 bytes_alloc=64 %s\n", cases[i].flags);
		import(&imported, text);
		assert_int_equal(imported.ret, 0);
		assert_string_equal(imported.scene.model.caches[imported.scene.model.sites[0].cache].name, cases[i].cache);
		release(&imported);
	}
}

/* perf probe 'kmem_cache_alloc name=s->name:string', '...%return $retval', 'kmem_cache_free x' */
static void test_probes(void **state)
{
	struct imported imported;

	(void)state;
	import(&imported, "a 1/1 [000] 1.000000001: probe:kmem_cache_alloc: (ffffffff81000010) name=\"filp\" gfpflags=0xcc0\n" CHAIN
			  "b 2/2 [001] 1.000000002: probe:kmem_cache_alloc: (ffffffff81000010) name=\"dentry\" gfpflags=0xcc0\n" CHAIN
			  "a 1/1 [000] 1.000000003: probe:kmem_cache_alloc__return: (ffffffff81000100 <- ffffffff81000010) arg1=0xffff888100000400\n\n"
			  "b 2/2 [001] 1.000000004: probe:kmem_cache_alloc__return: (ffffffff81000100 <- ffffffff81000010) arg1=0xffff888100000800\n\n"
			  /* Nobody has seen it begin: the entry's filter kept it out. */
			  "c 3/3 [001] 1.000000005: probe:kmem_cache_alloc__return: (ffffffff81000100 <- ffffffff81000010) arg1=0xffff888100000c00\n\n"
			  "b 2/2 [001] 1.000000006: probe:kmem_cache_free: (ffffffff81000010) arg1=0xffff888100200000 arg2=0xffff888100000800\n\n"
			  "c 3/3 [001] 1.000000007: probe:kfree_skb: (ffffffff81000010) arg1=0xffff888100000400\n\n");
	assert_int_equal(imported.ret, 0);
	assert_int_equal(imported.totals.allocs, 2);
	assert_int_equal(imported.totals.live, 1);
	assert_int_equal(counter(&imported, "returns_without_entry"), 1);
	const struct model_site *site = &imported.scene.model.sites[0];
	assert_string_equal(imported.scene.model.caches[site->cache].name, "filp");
	assert_int_equal(site->live, 1);
	/* The entry's call chain, which begins in the function. */
	assert_string_equal(site->name, "alloc_pipe_info");
	release(&imported);
}

/* A function that calls another one: both return the same object. Without the free being seen, its next life is another one. */
static void test_told_twice(void **state)
{
	struct imported imported;

	(void)state;
	import(&imported, "a 1/1 [000] 1.000000001: probe:kmalloc_trace__return: (ffffffff81000100 <- ffffffff81000010) ptr=0xffff888100000400\n\n"
			  "a 1/1 [000] 1.000000002: probe:__kmalloc__return: (ffffffff81000100 <- ffffffff81000010) ptr=0xffff888100000400\n\n"
			  "b 2/2 [000] 1.000000003: kmem:kfree: call_site=f+0x1 ptr=0xffff888100000400\n\n"
			  "b 2/2 [000] 1.000000004: probe:kfree: (ffffffff81000010) ptr=0xffff888100000400\n\n"
			  /* Freed by another task in between: an object of its own. */
			  "a 1/1 [000] 1.000000005: probe:__kmalloc__return: (ffffffff81000100 <- ffffffff81000010) ptr=0xffff888100000400\n\n"
			  "c 3/3 [000] 1.000000006: kmem:kmalloc: call_site=f+0x1 ptr=0xffff888100000400 bytes_req=1 bytes_alloc=8\n\n");
	assert_int_equal(imported.totals.allocs, 3);
	assert_int_equal(imported.totals.frees, 1);
	assert_int_equal(imported.totals.live, 1);
	assert_int_equal(counter(&imported, "told_twice"), 2);
	assert_int_equal(counter(&imported, "frees_implied"), 1);
	release(&imported);
}

static void test_lost(void **state)
{
	struct imported imported;

	(void)state;
	import(&imported, "a 1/1 [000] 1.000000001: kmem:kmalloc: call_site=f+0x1 ptr=0xffff888100000400 bytes_req=1 bytes_alloc=8\n"
			  "a 1/1 [000] 1.000000002: PERF_RECORD_LOST lost 7\n"
			  "a 1/1 [000] 1.000000003: kmem:kfree: call_site=f+0x1 ptr=0xffff888100000800\n"
			  "a 1/1 [000] 1.000000004: PERF_RECORD_LOST_SAMPLES lost 9\n");
	assert_int_equal(imported.totals.lost, 9);
	assert_int_equal(imported.scene.model.integrity.lost_allocs, 9);
	assert_int_equal(imported.scene.model.integrity.lost_frees, 9);
	assert_true(has_note(&imported, "perf lost 9 records"));
	assert_true(has_note(&imported, "No call chains"));
	assert_true(has_note(&imported, "No event of kmem_cache_free"));
	/* The caller stands for the call chain. */
	assert_string_equal(imported.scene.model.sites[0].name, "f");
	release(&imported);
}

/* Neither an object of the allocator's nor half of one is made of what cannot be followed. */
static void test_refused(void **state)
{
	static const char *const texts[] = {
		"", "\n\n", "this is no text of perf script\n", "a 1/1 [000] 1.5: cycles: 1 ffffffff81000010 f+0x1 ([kernel.kallsyms])\n",
		"a 1/1 [000] 1.5: kmem:kmem_cache_free_bulk: s=1\n",
		"# event : name = kmem:kmalloc, , id = { 1 }, type = 2, { sample_period, sample_freq } = 100, sample_type = IP\n"
		"a 1/1 [000] 1.0: kmem:kmalloc: call_site=f+0x1 ptr=0xffff888100000400 bytes_req=1 bytes_alloc=8\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct imported imported;
		struct error err = {0};
		FILE *file = *texts[i] ? fmemopen((char *)texts[i], strlen(texts[i]), "r") : fopen("/dev/null", "r");

		imported = (struct imported){0};
		scenario_begin(&imported.scenario);
		assert_int_equal(import_perf_text(imported.scenario.writer, file, "test", &imported.totals, &err), -ENODATA);
		assert_non_null(strstr(err.message, i == 5 ? "one event in 100" : "no event of an allocator"));
		fclose(file);
		scenario_release(&imported.scenario);
	}
}

/* A line without an end, a cut one, and one that no line of perf is as long as. */
static void test_long_lines(void **state)
{
	char *text = malloc(300000);
	struct imported imported;

	(void)state;
	assert_non_null(text);
	int length = sprintf(text, "a 1/1 [000] 1.0: kmem:kmalloc: call_site=f+0x1 ptr=0xffff888100000400 bytes_req=1 bytes_alloc=8\n\nxyz ");
	memset(text + length, 'x', 200000);
	sprintf(text + length + 200000, "\na 1/1 [000] 1.1: kmem:kfree: call_site=f+0x1 ptr=0xffff888100000400");
	import(&imported, text);
	assert_int_equal(imported.totals.allocs, 1);
	assert_int_equal(imported.totals.frees, 1);
	assert_int_equal(imported.totals.lines_unknown, 1);
	assert_true(has_note(&imported, "1 were too long"));
	release(&imported);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tracepoints), cmocka_unit_test(test_kmalloc_caches), cmocka_unit_test(test_probes), cmocka_unit_test(test_told_twice),
		cmocka_unit_test(test_lost),	    cmocka_unit_test(test_refused), cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
