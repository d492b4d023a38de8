/* The tables of functions that every stack has and nobody asks about, from 3.10's names to 7.2's. */
#include "report/name.h"

#include <stdbool.h>
#include <string.h>

/* A '*' at the end matches anything. */
static const char *const allocators[] = {
	"kmem_cache_alloc*",
	"kmem_cache_zalloc*",
	"__kmem_cache_alloc*",
	"kmalloc*",
	"__kmalloc*",
	"__do_kmalloc*",
	"kvmalloc*",
	"__kvmalloc*",
	"kzalloc*",
	"kcalloc*",
	"kvzalloc*",
	"kvcalloc*",
	"krealloc*",
	"__krealloc*",
	"__do_krealloc*",
	"kvrealloc*",
	"kmemdup*",
	"kvmemdup*",
	"__kmemdup*",
	"memdup_user*",
	"vmemdup_user*",
	"kstrdup*",
	"kstrndup*",
	"kvasprintf*",
	"kasprintf*",
	"slab_alloc*",
	"__slab_alloc*",
	"___slab_alloc*",
	"slab_post_alloc_hook",
	"slab_pre_alloc_hook",
	"alloc_from_pcs*",
	"memcg_slab_*",
	"alloc_inode_sb",
	"allocate_slab",
	"new_slab",
	"mempool_alloc*",
	"mempool_kmalloc",
	"devm_kmalloc*",
	"devm_kzalloc*",
	"sock_kmalloc",
	"__memcg_slab_post_alloc_hook",
};
static const char *const frees[] = {
	"kfree",
	"kfree_const",
	"kfree_sensitive",
	"kzfree",
	"kvfree",
	"kvfree_sensitive",
	"kfree_bulk",
	"kfree_nolock",
	"kfree_call_rcu*",
	"kvfree_call_rcu*",
	"kmem_cache_free*",
	"__kmem_cache_free*",
	"slab_free*",
	"__slab_free*",
	"do_slab_free",
	"___cache_free",
	"cache_free*",
	"mempool_free*",
	"mempool_kfree",
	"memcg_slab_free_hook",
	"__kfree_rcu_sheaf",
	"__cache_free",
};
static const char *const probes[] = {
	"kretprobe_trampoline*",
	"__kretprobe_trampoline*",
	"arch_rethook_trampoline*",
	"rethook_trampoline*",
	"kretprobe_*",
	"kprobe_*",
	"aggr_pre_handler",
	"opt_pre_handler",
	"optimized_callback",
	"__traceiter_*",
	"trace_kmem_*",
	"trace_kmalloc*",
	"trace_kfree*",
	"__do_trace_*",
	"__trace_kmem_*",
	"trace_event_raw_event_*",
	"perf_trace_*",
	"bpf_trace_run*",
	"ftrace_trampoline*",
	"ftrace_caller*",
	"ftrace_regs_caller*",
	"return_to_handler",
	"do_int3",
	"exc_int3",
	"asm_exc_int3",
	"perf_callchain*",
	"get_perf_callchain",
};
static const char *const entries[] = {
	"entry_SYSCALL*",	"entry_INT80*", "do_syscall_64", "do_syscall_x64", "do_syscall_x32", "do_fast_syscall_32", "__do_fast_syscall_32",
	"do_int80_*",		"x64_sys_call", "ia32_sys_call", "ret_from_fork*",     "asm_sysvec_*",
	"asm_common_interrupt", "el0*",		"el1h_64*",	 "do_el0_svc*",	       "invoke_syscall*",
};

static bool is_in(const char *const *table, size_t count, const char *name, size_t length)
{
	for (size_t i = 0; i < count; i++) {
		size_t pattern = strlen(table[i]);

		if (table[i][pattern - 1] == '*') {
			if (length >= pattern - 1 && !memcmp(table[i], name, pattern - 1))
				return true;
		} else if (length == pattern && !memcmp(table[i], name, length)) {
			return true;
		}
	}
	return false;
}

#define IS_IN(table, name, length) is_in(table, sizeof(table) / sizeof((table)[0]), name, length)

size_t name_plain_length(const char *function)
{
	static const char *const suffixes[] = {".isra.", ".constprop.", ".part.", ".cold", ".llvm.", ".lto_priv."};
	size_t length = strlen(function);

	if (!memchr(function, '.', length))
		return length;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const char *at = strstr(function, suffixes[i]);

		if (at && at != function && (size_t)(at - function) < length)
			length = (size_t)(at - function);
	}
	return length;
}

enum name_class name_class(const char *function)
{
	size_t length = name_plain_length(function);

	if (IS_IN(allocators, function, length))
		return NAME_ALLOCATOR;
	if (IS_IN(frees, function, length))
		return NAME_FREE;
	if (IS_IN(probes, function, length))
		return NAME_PROBE;
	if (IS_IN(entries, function, length))
		return NAME_ENTRY;
	return NAME_CODE;
}
