/* Which functions name a site, from the allocators of four kernels' stacks. */
#include "report/name.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static void expect_all(enum name_class class, const char *const names[])
{
	for (; *names; names++)
		if (name_class(*names) != class)
			fail_msg("%s is of class %d", *names, name_class(*names));
}

#define EXPECT_ALL(class, ...) expect_all(class, (const char *const[]){__VA_ARGS__, NULL})

static void test_allocators(void **state)
{
	(void)state;
	EXPECT_ALL(NAME_ALLOCATOR, "kmem_cache_alloc", "kmem_cache_alloc_trace", "kmem_cache_alloc_noprof",
		   "kmem_cache_alloc_lru", "__kmalloc", "__kmalloc_node_track_caller_noprof", "__kmalloc_cache_noprof",
		   "kmalloc_trace", "__kmem_cache_alloc_node", "kvmalloc_node", "__kvmalloc_node_noprof", "krealloc",
		   "kmemdup", "kmemdup_noprof", "kstrdup", "kmalloc_reserve", "___slab_alloc",
		   "kmem_cache_alloc_bulk_noprof", "kmem_cache_zalloc", "alloc_inode_sb");
}

static void test_frees(void **state)
{
	(void)state;
	EXPECT_ALL(NAME_FREE, "kfree", "kmem_cache_free", "__kmem_cache_free", "kvfree", "kfree_sensitive",
		   "kvfree_call_rcu", "kmem_cache_free_bulk", "kfree_nolock");
}

static void test_probes(void **state)
{
	(void)state;
	EXPECT_ALL(NAME_PROBE, "trace_kmem_cache_alloc", "trace_kfree", "kretprobe_trampoline", "__kretprobe_trampoline", "arch_rethook_trampoline",
		   "rethook_trampoline_handler", "__traceiter_kfree");
}

static void test_entries(void **state)
{
	(void)state;
	EXPECT_ALL(NAME_ENTRY, "do_syscall_x64", "entry_SYSCALL_64_after_hwframe", "do_syscall_64", "ret_from_fork_asm", "el0t_64_sync");
}

static void test_what_says_something(void **state)
{
	(void)state;
	/* Near the tables: these free or allocate something that is worth its name. */
	EXPECT_ALL(NAME_CODE, "alloc_pipe_info", "kfree_skb", "kfree_skbmem", "__alloc_skb", "free_pipe_info", "kmem",
		   "k", "", "__x64_sys_pipe2", "kprobe", "rcu_do_batch", "kthread");
}

static void test_what_compilers_append(void **state)
{
	(void)state;
	assert_int_equal(name_plain_length("alloc_pipe_info"), 15);
	assert_int_equal(name_plain_length("alloc_pipe_info.isra.0"), 15);
	assert_int_equal(name_plain_length("alloc_pipe_info.constprop.0.cold"), 15);
	assert_int_equal(name_plain_length("alloc_pipe_info.part.3"), 15);
	assert_int_equal(name_plain_length("alloc_pipe_info.llvm.1234567"), 15);
	/* A dot alone appends nothing, and nothing is left of no name. */
	assert_int_equal(name_plain_length("a.b"), 3);
	assert_int_equal(name_plain_length(".cold"), 5);
	assert_int_equal(name_class("kmalloc_trace.constprop.0"), NAME_ALLOCATOR);
	assert_int_equal(name_class("kfree.part.0"), NAME_FREE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocators),
		cmocka_unit_test(test_frees),
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_what_says_something),
		cmocka_unit_test(test_what_compilers_append),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
