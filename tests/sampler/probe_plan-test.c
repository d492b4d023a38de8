/* Plans for four kernels as data: which probes, their definitions and filters, letter by letter. */
#include "tests/cmocka_unit.h"

#include "tests/sampler/kernels.h"

struct planned {
	struct slab_cache_list all;
	struct slab_cache_list selected;
	struct probe_plan_facts facts;
	struct probe_plan plan;
	struct error err;
};

static void choose(struct planned *planned, enum kernel_version version, const char *const *patterns)
{
	*planned = (struct planned){.err = {0}};
	kernel_caches(&planned->all, &kernels[version]);
	for (; *patterns; patterns++)
		assert_int_equal(slab_cache_select(&planned->all, *patterns, &planned->selected, NULL), 0);
	slab_cache_list_finish(&planned->selected);
	planned->facts = kernel_facts(&kernels[version], &planned->all, &planned->selected);
}

static void end(struct planned *planned)
{
	probe_plan_release(&planned->plan);
	slab_cache_list_release(&planned->selected);
	slab_cache_list_release(&planned->all);
}

#define PATTERNS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The plan as "role function, ...", parts of one bulk function once with their number. */
static const char *summary(const struct probe_plan *plan)
{
	static char text[8192];
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < plan->count; i++) {
		const struct probe *probe = &plan->probes[i];
		size_t parts = 1;

		while (i + 1 < plan->count && plan->probes[i + 1].first) {
			assert_int_equal(plan->probes[i + 1].first, parts * PROBE_ARRAY_MAX);
			assert_string_equal(plan->probes[i + 1].function_name, probe->function_name);
			parts++;
			i++;
		}
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s", probe_role_name(probe->role),
					 probe->function_name);
		if (parts > 1)
			used += (size_t)snprintf(text + used, sizeof(text) - used, " x%zu", parts);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "\n");
	}
	return text;
}

static const struct probe *probe_of(const struct planned *planned, enum probe_role role, const char *function)
{
	for (size_t i = 0; i < planned->plan.count; i++)
		if (planned->plan.probes[i].role == role && !strcmp(planned->plan.probes[i].function_name, function))
			return &planned->plan.probes[i];
	fail_msg("no %s on %s", probe_role_name(role), function);
	return NULL;
}

/* Kprobes are left only for what no tracepoint tells, or tells too late. */
static void test_bpf_of_each_kernel(void **state)
{
	static const char *const wanted[KERNEL_COUNT] = {
		[KERNEL_5_10] = "alloc kmalloc\nalloc kmalloc_node\nalloc kmem_cache_alloc\nalloc kmem_cache_alloc_node\nfree kfree\n"
				"alloc unseen kmem_cache_alloc_bulk\nfree kmem_cache_free\nfree bulk kmem_cache_free_bulk x8\n"
				"free rcu kvfree_call_rcu\nfree witness kmem_cache_free\n",
		[KERNEL_6_1] = "alloc kmalloc\nalloc kmem_cache_alloc\nfree kfree\nfree kmem_cache_free\n"
			       "alloc unseen kmem_cache_alloc_bulk\nfree bulk kmem_cache_free_bulk x8\nfree rcu kvfree_call_rcu\n",
		[KERNEL_6_12] = "alloc kmalloc\nalloc kmem_cache_alloc\nfree kfree\nfree kmem_cache_free\n"
				"alloc bulk kmem_cache_alloc_bulk_noprof x8\nfree bulk kmem_cache_free_bulk x8\n"
				"free rcu kvfree_call_rcu\n",
		[KERNEL_7_2] = "alloc kmalloc\nalloc kmem_cache_alloc\nfree kfree\nfree kmem_cache_free\n"
			       "alloc _kmalloc_nolock_noprof\nalloc bulk kmem_cache_alloc_bulk_noprof x8\nfree kfree_nolock\n"
			       "free bulk kmem_cache_free_bulk x8\nfree rcu kvfree_call_rcu\nfree rcu kfree_call_rcu_nolock\n",
	};
	(void)state;

	for (enum kernel_version version = 0; version < KERNEL_COUNT; version++) {
		struct planned planned;

		choose(&planned, version, PATTERNS("kmalloc-1k"));
		assert_int_equal(probe_plan_bpf(&planned.plan, &planned.facts, true, &planned.err), 0);
		assert_string_equal(summary(&planned.plan), wanted[version]);
		for (size_t i = 0; i < planned.plan.count; i++) {
			const struct probe *probe = &planned.plan.probes[i];

			if (!probe->raw)
				continue;
			assert_string_equal(probe->kind, "raw");
			assert_true(probe->fields.object.size_bytes == 8 && probe->fields.cache.size_bytes == 2);
			assert_true(probe->raw->is_free || probe->fields.gfp.size_bytes == 8);
		}
		end(&planned);
	}
}

/* Without kprobes the late tracepoint is all there is. */
static void test_bpf_without_kprobes(void **state)
{
	struct planned planned;
	(void)state;

	choose(&planned, KERNEL_5_10, PATTERNS("filp"));
	assert_int_equal(probe_plan_bpf(&planned.plan, &planned.facts, false, &planned.err), 0);
	assert_string_equal(summary(&planned.plan),
			    "alloc kmalloc\nalloc kmalloc_node\nalloc kmem_cache_alloc\nalloc kmem_cache_alloc_node\nfree kfree\n"
			    "free kmem_cache_free\n");
	assert_true(planned.plan.probes[5].is_late && !planned.plan.probes[5].raw);
	end(&planned);
	choose(&planned, KERNEL_6_1, PATTERNS("filp"));
	assert_int_equal(probe_plan_bpf(&planned.plan, &planned.facts, false, &planned.err), 0);
	assert_string_equal(summary(&planned.plan), "alloc kmalloc\nalloc kmem_cache_alloc\nfree kfree\nfree kmem_cache_free\n");
	end(&planned);
}

static const struct raw_tracepoint *no_shape(void *context, const char *event)
{
	(void)context;
	(void)event;
	return NULL;
}

static void test_bpf_of_unknown_shape(void **state)
{
	struct planned planned;
	(void)state;

	choose(&planned, KERNEL_7_2, PATTERNS("filp"));
	planned.facts.raw_shape = no_shape;
	assert_int_equal(probe_plan_bpf(&planned.plan, &planned.facts, true, &planned.err), -ENOTSUP);
	assert_string_equal(planned.err.message, "the arguments of tracepoint kmalloc are not those slabrec knows");
	assert_int_equal(planned.plan.count, 0);
	end(&planned);
}

static void test_kprobes_of_each_kernel(void **state)
{
	static const char *const wanted[KERNEL_COUNT] = {
		[KERNEL_5_10] = "alloc return kmem_cache_alloc\nalloc entry kmem_cache_alloc\n"
				"alloc return kmem_cache_alloc_node\nalloc entry kmem_cache_alloc_node\n"
				"alloc return kmem_cache_alloc_trace\nalloc entry kmem_cache_alloc_trace\n"
				"alloc return kmem_cache_alloc_node_trace\nalloc entry kmem_cache_alloc_node_trace\n"
				"alloc return __kmalloc\nalloc entry __kmalloc\n"
				"alloc return __kmalloc_node\nalloc entry __kmalloc_node\n"
				"alloc return __kmalloc_track_caller\nalloc entry __kmalloc_track_caller\n"
				"alloc return __kmalloc_node_track_caller\nalloc entry __kmalloc_node_track_caller\n"
				"alloc unseen kmem_cache_alloc_bulk\n"
				"free kmem_cache_free\nfree kfree\nfree bulk kmem_cache_free_bulk x8\n"
				"free rcu kvfree_call_rcu\nfree witness kfree\nfree witness kmem_cache_free\n",
		/* Everything comes through __kmem_cache_alloc_node and __kmem_cache_free. */
		[KERNEL_6_1] = "alloc return kmem_cache_alloc\nalloc entry kmem_cache_alloc\n"
			       "alloc return kmem_cache_alloc_node\nalloc entry kmem_cache_alloc_node\n"
			       "alloc return kmem_cache_alloc_lru\nalloc entry kmem_cache_alloc_lru\n"
			       "alloc return __kmem_cache_alloc_node\nalloc entry __kmem_cache_alloc_node\n"
			       "alloc unseen kmem_cache_alloc_bulk\n"
			       "free kmem_cache_free\nfree __kmem_cache_free\nfree bulk kmem_cache_free_bulk x8\n"
			       "free rcu kvfree_call_rcu\nfree witness kfree\nfree witness kmem_cache_free\n",
		[KERNEL_6_12] =
			"alloc kmem_cache_alloc_noprof\nalloc kmem_cache_alloc_node_noprof\n"
			"alloc kmem_cache_alloc_lru_noprof\nalloc __kmalloc_cache_noprof\n"
			"alloc __kmalloc_cache_node_noprof\nalloc __kmalloc_noprof\nalloc __kmalloc_node_noprof\n"
			"alloc __kmalloc_node_track_caller_noprof\nalloc __kvmalloc_node_noprof\n"
			"alloc bulk kmem_cache_alloc_bulk_noprof x8\n"
			"free kmem_cache_free\nfree kfree\nfree bulk kmem_cache_free_bulk x8\n"
			"free rcu kvfree_call_rcu\nfree witness kfree\nfree witness kmem_cache_free\n",
		[KERNEL_7_2] =
			"alloc kmem_cache_alloc_noprof\nalloc kmem_cache_alloc_node_noprof\n"
			"alloc kmem_cache_alloc_lru_noprof\nalloc kmem_cache_alloc_from_sheaf_noprof\n"
			"alloc __kmalloc_cache_noprof\nalloc __kmalloc_cache_node_noprof\nalloc __kmalloc_noprof\n"
			"alloc __kmalloc_node_noprof\nalloc __kmalloc_node_track_caller_noprof\n"
			"alloc __kmalloc_flags_noprof\nalloc __kvmalloc_node_noprof\nalloc _kmalloc_nolock_noprof\n"
			"alloc bulk kmem_cache_alloc_bulk_noprof x8\n"
			"free kmem_cache_free\nfree kfree\nfree kfree_nolock\nfree bulk kmem_cache_free_bulk x8\n"
			"free rcu kvfree_call_rcu\nfree rcu kfree_call_rcu_nolock\n"
			"free witness kfree\nfree witness kmem_cache_free\n",
	};

	(void)state;
	for (enum kernel_version version = 0; version < KERNEL_COUNT; version++) {
		struct planned planned;

		choose(&planned, version, PATTERNS("=kmalloc-1k"));
		assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
		assert_string_equal(summary(&planned.plan), wanted[version]);
		/* kmem_cache_free is told when the object is gone, up to 6.0. */
		for (size_t i = 0; i < planned.plan.count; i++)
			assert_int_equal(planned.plan.probes[i].is_late,
					 version == KERNEL_5_10 &&
						 !strcmp(planned.plan.probes[i].event, "kmem_cache_free"));
		/* Names of events are different, and short enough for the kernel. */
		for (size_t i = 0; i < planned.plan.count; i++)
			for (size_t j = 0; j < i; j++)
				if (planned.plan.probes[i].function && planned.plan.probes[j].function)
					assert_string_not_equal(planned.plan.probes[i].event,
								planned.plan.probes[j].event);
		end(&planned);
	}
}

static void test_named_caches_need_no_sizes(void **state)
{
	struct planned planned;

	(void)state;
	choose(&planned, KERNEL_5_10, PATTERNS("dentry"));
	planned.facts.has_no_witness = true;
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
	assert_null(strstr(summary(&planned.plan), "__kmalloc"));
	assert_null(strstr(summary(&planned.plan), "witness"));
	/* But kfree() takes objects of any cache. */
	assert_non_null(strstr(summary(&planned.plan), "free kfree\n"));
	end(&planned);
}

static void test_definitions_with_return_arguments(void **state)
{
	struct planned planned;
	const struct probe *probe;

	(void)state;
	choose(&planned, KERNEL_6_12, PATTERNS("dentry"));
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
	probe = probe_of(&planned, PROBE_ROLE_ALLOC, "kmem_cache_alloc_lru_noprof");
	assert_string_equal(probe->definition, "p=$retval:u64 n=+0(+96($arg1)):string gfp=$arg3:u32 sp=%sp:u64");
	assert_string_equal(probe->filter, "(n == \"dentry\")");
	assert_string_equal(probe->kind, "r128");
	assert_false(probe_plan_is_witnessed(&planned.plan, probe));
	/* kfree() has a tracepoint that misses nothing, kfree_rcu()'s request has none. */
	assert_true(probe_plan_is_witnessed(&planned.plan, probe_of(&planned, PROBE_ROLE_FREE, "kmem_cache_free")));
	assert_false(probe_plan_is_witnessed(&planned.plan, probe_of(&planned, PROBE_ROLE_FREE_RCU, "kvfree_call_rcu")));
	assert_true(probe->has_callchain);
	assert_true(probe->has_cache);
	probe = probe_of(&planned, PROBE_ROLE_FREE, "kmem_cache_free");
	assert_string_equal(probe->definition, "p=$arg2:u64 n=+0(+96($arg1)):string");
	assert_string_equal(probe->filter, "p > 16 && (n == \"dentry\")");
	assert_string_equal(probe->kind, "p");
	probe = probe_of(&planned, PROBE_ROLE_FREE, "kfree");
	assert_string_equal(probe->definition, "p=$arg1:u64");
	assert_string_equal(probe->filter, "p > 16");
	probe = probe_of(&planned, PROBE_ROLE_FREE_RCU, "kvfree_call_rcu");
	assert_string_equal(probe->definition, "h=$arg1:u64 p=$arg2:u64");
	probe = probe_of(&planned, PROBE_ROLE_ALLOC_BULK, "kmem_cache_alloc_bulk_noprof");
	assert_string_equal(probe->definition,
			    "rv=$retval:s32 s=$arg1:u64 n=+0(+96($arg1)):string cnt=$arg3:u64 p=+0($arg4):x64[64]");
	assert_string_equal(probe->filter, "rv != 0 && cnt > 0 && (n == \"dentry\")");
	assert_string_equal((probe + 1)->filter, "rv != 0 && cnt > 64 && (n == \"dentry\")");
	assert_string_equal((probe + 1)->definition,
			    "rv=$retval:s32 s=$arg1:u64 n=+0(+96($arg1)):string cnt=$arg3:u64 p=+512($arg4):x64[64]");
	probe = probe_of(&planned, PROBE_ROLE_FREE_BULK, "kmem_cache_free_bulk");
	assert_string_equal((probe + 7)->filter, "cnt != 0 && cnt > 448 && (s == 0 || (n == \"dentry\"))");
	end(&planned);
}

static void test_definitions_of_pairs(void **state)
{
	struct planned planned;
	const struct probe *probe;

	(void)state;
	choose(&planned, KERNEL_5_10, PATTERNS("=kmalloc-1k", "dentry"));
	planned.facts.nr_cpus = 64;
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
	probe = probe_of(&planned, PROBE_ROLE_ALLOC_ENTRY, "kmem_cache_alloc_node_trace");
	assert_string_equal(probe->definition,
			    " n=+0(+96($arg1)):string req=$arg4:u64 gfp=$arg2:u32 node=$arg3:s32 sp=%sp:u64");
	assert_string_equal(probe->filter, "(n == \"dentry\" || n == \"kmalloc-1k\")");
	assert_true(probe->has_callchain);
	probe = probe_of(&planned, PROBE_ROLE_ALLOC_RETURN, "kmem_cache_alloc_node_trace");
	assert_string_equal(probe->definition, "p=$retval:u64 sp=%sp:u64");
	/* dentries may lie anywhere. */
	assert_string_equal(probe->filter, "");
	assert_string_equal(probe->kind, "r512");
	assert_false(probe->has_callchain);
	probe = probe_of(&planned, PROBE_ROLE_ALLOC_ENTRY, "__kmalloc");
	assert_string_equal(probe->definition, " req=$arg1:u64 gfp=$arg2:u32 sp=%sp:u64");
	assert_string_equal(probe->filter, "req > 512 && req <= 1024");
	assert_int_equal(probe->size_class_bytes, 1024);
	end(&planned);

	choose(&planned, KERNEL_5_10, PATTERNS("=kmalloc-1k"));
	planned.facts.has_maxactive = false;
	planned.facts.nr_cpus = 100000;
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
	probe = probe_of(&planned, PROBE_ROLE_ALLOC_RETURN, "__kmalloc");
	assert_string_equal(probe->kind, "r");
	assert_string_equal(probe->filter, "!(p & 0x3ff)");
	probe = probe_of(&planned, PROBE_ROLE_FREE, "kfree");
	assert_string_equal(probe->filter, "p > 16 && !(p & 0x3ff)");
	probe = probe_of(&planned, PROBE_ROLE_FREE_WITNESS, "kfree");
	assert_string_equal(probe->filter, "ptr > 16 && !(ptr & 0x3ff)");
	assert_string_equal(probe->subsystem, "kmem");
	assert_null(probe->function);
	probe = probe_of(&planned, PROBE_ROLE_FREE_RCU, "kvfree_call_rcu");
	assert_string_equal(probe->filter, "p < 4096 || !(p & 0x3ff)");
	end(&planned);

	choose(&planned, KERNEL_6_1, PATTERNS("=kmalloc-1k"));
	planned.facts.nr_cpus = 100000;
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
	assert_string_equal(probe_of(&planned, PROBE_ROLE_ALLOC_RETURN, "__kmem_cache_alloc_node")->kind, "r4096");
	end(&planned);
}

static void test_registers_where_arguments_have_no_numbers(void **state)
{
	struct planned planned;

	(void)state;
	choose(&planned, KERNEL_5_10, PATTERNS("=kmalloc-1k"));
	planned.facts.has_arg_names = false;
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
#if defined(__x86_64__)
	assert_string_equal(probe_of(&planned, PROBE_ROLE_ALLOC_ENTRY, "kmem_cache_alloc_node_trace")->definition,
			    " n=+0(+96(%di)):string req=%cx:u64 gfp=%si:u32 node=%dx:s32 sp=%sp:u64");
	assert_string_equal(probe_of(&planned, PROBE_ROLE_FREE, "kmem_cache_free")->definition,
			    "p=%si:u64 n=+0(+96(%di)):string");
#endif
	for (size_t i = 0; i < planned.plan.count; i++) {
		assert_null(strstr(planned.plan.probes[i].definition, "$arg"));
		/* Arrays came with the numbers. */
		assert_null(strchr(planned.plan.probes[i].definition, '['));
		assert_true(strlen(planned.plan.probes[i].definition) < 3000);
	}
#if defined(__x86_64__)
	const struct probe *bulk = probe_of(&planned, PROBE_ROLE_FREE_BULK, "kmem_cache_free_bulk");
	assert_non_null(strstr(bulk->definition, " p=+0(%dx):u64 p1=+8(%dx):u64 "));
	assert_non_null(strstr(bulk->definition, " p63=+504(%dx):u64"));
#endif
	end(&planned);
}

/* Elements that are fields of their own are read as the array that they stand for, where they lie like one. */
static void test_fields_instead_of_an_array(void **state)
{
	static const struct probe_function function;
	struct probe probe = {.role = PROBE_ROLE_FREE_BULK, .function = &function};

	(void)state;
	probe_read_format(&probe, "\tfield:u64 p;\toffset:32;\tsize:8;\tsigned:0;\n"
				  "\tfield:u64 p63;\toffset:536;\tsize:8;\tsigned:0;\n");
	assert_int_equal(probe.fields.object.offset_bytes, 32);
	assert_int_equal(probe.fields.object.size_bytes, 512);
	probe_read_format(&probe, "\tfield:u64 p;\toffset:32;\tsize:8;\tsigned:0;\n"
				  "\tfield:u64 p63;\toffset:540;\tsize:8;\tsigned:0;\n");
	assert_int_equal(probe.fields.object.size_bytes, 8);
	probe_read_format(&probe, "\tfield:u64 p[64];\toffset:32;\tsize:512;\tsigned:0;\n");
	assert_int_equal(probe.fields.object.size_bytes, 512);
}

/*
 * Of several probes on one function the one defined last runs first, and on 5.10 a call chain taken behind a return probe's own entry
 * ends at its trampoline: one return, defined before all entries, is enough for all size classes.
 */
static void test_one_return_for_all_size_classes(void **state)
{
	struct planned planned;
	size_t returns = 0, entries = 0;

	(void)state;
	choose(&planned, KERNEL_5_10, PATTERNS("=kmalloc-1k", "=kmalloc-64"));
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
	for (size_t i = 0; i < planned.plan.count; i++) {
		const struct probe *probe = &planned.plan.probes[i];

		if (strcmp(probe->function_name, "__kmalloc"))
			continue;
		returns += probe->role == PROBE_ROLE_ALLOC_RETURN;
		entries += probe->role == PROBE_ROLE_ALLOC_ENTRY;
		assert_true(entries == 0 || probe->role == PROBE_ROLE_ALLOC_ENTRY);
	}
	assert_int_equal(returns, 1);
	assert_int_equal(entries, 2);
	end(&planned);
}

/* kmem_buckets is an array of caches, 96 and 192 at 1 and 2, others at their power of two. */
static void test_bucket_arguments(void **state)
{
	static const struct {
		const char *pattern;
		unsigned int offset, above, size;
	} classes[] = {{"kmalloc-96", 8, 64, 96},    {"kmalloc-192", 16, 128, 192}, {"kmalloc-8", 24, 0, 8},
		       {"kmalloc-128", 56, 96, 128}, {"kmalloc-1k", 80, 512, 1024}, {"kmalloc-8k", 104, 4096, 8192}};

	(void)state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct planned planned;
		char wanted[256];

		choose(&planned, KERNEL_6_12, PATTERNS(classes[i].pattern));
		assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
		const struct probe *probe = probe_of(&planned, PROBE_ROLE_ALLOC, "__kmalloc_node_noprof");
		snprintf(wanted, sizeof(wanted),
			 "p=$retval:u64 n=+0(+96(+%u($arg2))):string req=$arg1:u64 gfp=$arg3:u32 node=$arg4:s32 "
			 "sp=%%sp:u64",
			 classes[i].offset);
		assert_string_equal(probe->definition, wanted);
		snprintf(wanted, sizeof(wanted), "req > %u && req <= %u", classes[i].above, classes[i].size);
		assert_string_equal(probe->filter, wanted);
		/* A function that takes none. */
		assert_string_equal(probe_of(&planned, PROBE_ROLE_ALLOC, "__kmalloc_noprof")->definition,
				    "p=$retval:u64 req=$arg1:u64 gfp=$arg2:u32 sp=%sp:u64");
		end(&planned);
	}
}

static void test_bucket_arguments_by_types_and_without(void **state)
{
	static const char with_align[] =
		"p=$retval:u64 n=+0(+88(+80($arg2))):string req=$arg1:u64 gfp=$arg4:u32 node=$arg5:s32 sp=%sp:u64";
	struct planned planned;

	(void)state;
	choose(&planned, KERNEL_7_2, PATTERNS("=kmalloc-1k"));
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
	assert_string_equal(probe_of(&planned, PROBE_ROLE_ALLOC, "__kvmalloc_node_noprof")->definition, with_align);
	end(&planned);
	/* Without types the bucket caches tell. */
	choose(&planned, KERNEL_6_12, PATTERNS("=kmalloc-1k"));
	planned.facts.parameter = kernel_no_parameter;
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
	assert_string_equal(
		probe_of(&planned, PROBE_ROLE_ALLOC, "__kmalloc_node_noprof")->definition,
		"p=$retval:u64 n=+0(+96(+80($arg2))):string req=$arg1:u64 gfp=$arg3:u32 node=$arg4:s32 sp=%sp:u64");
	end(&planned);
	choose(&planned, KERNEL_6_12, PATTERNS("=kmalloc-1k"));
	slab_cache_list_release(&planned.all);
	kernel_caches(&planned.all, &kernels[KERNEL_6_1]);
	planned.facts.parameter = kernel_no_parameter;
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
	assert_string_equal(probe_of(&planned, PROBE_ROLE_ALLOC, "__kmalloc_node_noprof")->definition,
			    "p=$retval:u64 req=$arg1:u64 gfp=$arg2:u32 node=$arg3:s32 sp=%sp:u64");
	end(&planned);
}

/* A size-only function once for each size, not for each sibling. */
static void test_sizes_are_planned_once(void **state)
{
	struct planned planned;
	size_t count = 0;

	(void)state;
	choose(&planned, KERNEL_6_12, PATTERNS("kmalloc-1024", "kmalloc-64"));
	assert_int_equal(planned.selected.count, 12);
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
	for (size_t i = 0; i < planned.plan.count; i++)
		count += !strcmp(planned.plan.probes[i].function_name, "__kmalloc_noprof");
	assert_int_equal(count, 2);
	end(&planned);
}

static void test_tracepoints_of_each_kernel(void **state)
{
	static const char *const wanted[KERNEL_COUNT] = {
		[KERNEL_5_10] = "alloc kmalloc\nalloc kmalloc_node\nfree kfree\nfree kmem_cache_free\n",
		[KERNEL_6_1] = "alloc kmalloc\nfree kfree\nfree kmem_cache_free\n",
		[KERNEL_6_12] = "alloc kmalloc\nfree kfree\nfree kmem_cache_free\n",
		/* With the name in it kmem_cache_alloc is asked too. */
		[KERNEL_7_2] = "alloc kmalloc\nalloc kmem_cache_alloc\nfree kfree\nfree kmem_cache_free\n",
	};

	(void)state;
	for (enum kernel_version version = 0; version < KERNEL_COUNT; version++) {
		struct planned planned;

		choose(&planned, version, PATTERNS("=kmalloc-1k"));
		assert_int_equal(probe_plan_tracepoints(&planned.plan, &planned.facts, &planned.err), 0);
		assert_string_equal(summary(&planned.plan), wanted[version]);
		assert_string_equal(probe_of(&planned, PROBE_ROLE_ALLOC, "kmalloc")->filter, "(bytes_alloc == 1024)");
		assert_string_equal(probe_of(&planned, PROBE_ROLE_FREE, "kfree")->filter, "ptr > 16 && !(ptr & 0x3ff)");
		assert_string_equal(probe_of(&planned, PROBE_ROLE_FREE, "kmem_cache_free")->filter,
				    version == KERNEL_5_10 ? "ptr > 16 && !(ptr & 0x3ff)"
							   : "ptr > 16 && !(ptr & 0x3ff) && (name == \"kmalloc-1k\")");
		end(&planned);
	}
}

static void test_tracepoints_of_named_caches(void **state)
{
	struct planned planned;

	(void)state;
	choose(&planned, KERNEL_6_1, PATTERNS("filp", "dentry", "=kmalloc-1k"));
	assert_int_equal(probe_plan_tracepoints(&planned.plan, &planned.facts, &planned.err), 0);
	assert_string_equal(probe_of(&planned, PROBE_ROLE_ALLOC, "kmem_cache_alloc")->filter,
			    "(bytes_alloc == 192 && bytes_req == 192 || bytes_alloc == 256 && bytes_req == 232)");
	assert_string_equal(probe_of(&planned, PROBE_ROLE_ALLOC, "kmalloc")->filter, "(bytes_alloc == 1024)");
	assert_string_equal(probe_of(&planned, PROBE_ROLE_FREE, "kfree")->filter, "ptr > 16");
	end(&planned);
	choose(&planned, KERNEL_7_2, PATTERNS("twin_a"));
	assert_int_equal(probe_plan_tracepoints(&planned.plan, &planned.facts, &planned.err), 0);
	assert_string_equal(summary(&planned.plan), "alloc kmem_cache_alloc\nfree kfree\nfree kmem_cache_free\n");
	assert_string_equal(probe_of(&planned, PROBE_ROLE_ALLOC, "kmem_cache_alloc")->filter, "(name == \"twin_a\")");
	end(&planned);
}

static void test_twins_cannot_be_told_apart(void **state)
{
	struct planned planned;

	(void)state;
	choose(&planned, KERNEL_6_1, PATTERNS("twin_b"));
	assert_int_equal(probe_plan_tracepoints(&planned.plan, &planned.facts, &planned.err), -ENOTSUP);
	assert_non_null(strstr(planned.err.message, "twin_a has objects of the same size as twin_b"));
	assert_int_equal(planned.plan.count, 0);
	end(&planned);
	choose(&planned, KERNEL_6_1, PATTERNS("twin_b", "twin_a"));
	assert_int_equal(probe_plan_tracepoints(&planned.plan, &planned.facts, &planned.err), 0);
	assert_string_equal(probe_of(&planned, PROBE_ROLE_ALLOC, "kmem_cache_alloc")->filter,
			    "(bytes_alloc == 448 && bytes_req == 400)");
	end(&planned);
	/* With kprobes they can. */
	choose(&planned, KERNEL_6_1, PATTERNS("twin_b"));
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
	end(&planned);
}

static void test_too_many_names(void **state)
{
	struct planned planned;

	(void)state;
	choose(&planned, KERNEL_7_2, PATTERNS("dentry"));
	for (int i = 0; i < 200; i++) {
		char name[64];

		snprintf(name, sizeof(name), "a_cache_with_a_long_name_number_%03d", i);
		kernel_add_cache(&planned.selected, name, 100, 104);
	}
	slab_cache_list_finish(&planned.selected);
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), -E2BIG);
	assert_string_equal(planned.err.message, "too many caches for one kernel filter: name fewer with -c");
	assert_int_equal(planned.plan.count, 0);
	assert_int_equal(probe_plan_tracepoints(&planned.plan, &planned.facts, &planned.err), -E2BIG);
	end(&planned);
}

static bool has_none(void *context, const char *symbol)
{
	(void)context;
	(void)symbol;
	return false;
}

static const char *no_format(void *context, const char *event)
{
	(void)context;
	(void)event;
	return NULL;
}

static void test_kernel_without_any(void **state)
{
	struct planned planned;

	(void)state;
	choose(&planned, KERNEL_7_2, PATTERNS("dentry"));
	planned.facts.has_function = has_none;
	planned.facts.tracepoint_format = no_format;
	assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), -ENOENT);
	assert_int_equal(probe_plan_tracepoints(&planned.plan, &planned.facts, &planned.err), -ENOENT);
	end(&planned);
}

static void test_alignment_mask(void **state)
{
	struct slab_cache_list selected = {0};

	(void)state;
	assert_int_equal(probe_plan_alignment_mask(&selected), 0);
	kernel_add_cache(&selected, "kmalloc-1k", 1024, 1024);
	assert_int_equal(probe_plan_alignment_mask(&selected), 0x3ff);
	kernel_add_cache(&selected, "kmalloc-cg-64", 64, 64);
	assert_int_equal(probe_plan_alignment_mask(&selected), 0x3f);
	/* slub_debug: slots hold redzones and tracks beside the object. */
	selected.caches[0].slab_size_bytes = 1152;
	assert_int_equal(probe_plan_alignment_mask(&selected), 0);
	selected.caches[0].slab_size_bytes = 1024;
	kernel_add_cache(&selected, "kmalloc-192", 192, 192);
	assert_int_equal(probe_plan_alignment_mask(&selected), 0);
	slab_cache_list_release(&selected);
	kernel_add_cache(&selected, "dentry", 256, 256);
	assert_int_equal(probe_plan_alignment_mask(&selected), 0);
	slab_cache_list_release(&selected);
}

static void test_call_chains_of_frees(void **state)
{
	struct planned planned;

	(void)state;
	for (int mode = 0; mode < 3; mode++) {
		choose(&planned, KERNEL_6_12, PATTERNS("dentry"));
		planned.facts.all_free_stacks = mode == 1;
		planned.facts.no_free_stacks = mode == 2;
		assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
		const struct probe *probe = probe_of(&planned, PROBE_ROLE_FREE, "kfree");
		assert_int_equal(probe->has_callchain, mode != 2);
		if (mode == 0)
			assert_true(probe->stack_period > 1);
		if (mode == 1)
			assert_int_equal(probe->stack_period, 1);
		/* A request is the last the user sees of the object: never a share only. */
		probe = probe_of(&planned, PROBE_ROLE_FREE_RCU, "kvfree_call_rcu");
		assert_int_equal(probe->has_callchain, mode != 2);
		assert_int_equal(probe->stack_period, 1);
		assert_false(probe_of(&planned, PROBE_ROLE_FREE_WITNESS, "kfree")->has_callchain);
		end(&planned);
	}
}

static void test_roles(void **state)
{
	static const char *const names[] = {"alloc", "alloc entry", "alloc return", "alloc bulk",  "alloc unseen",
					    "free",  "free bulk",   "free rcu",	    "free witness"};

	(void)state;
	for (enum probe_role role = PROBE_ROLE_ALLOC; role <= PROBE_ROLE_FREE_WITNESS; role++) {
		assert_string_equal(probe_role_name(role), names[role]);
		assert_int_equal(probe_role_is_free(role), !strncmp(names[role], "free", 4));
	}
}

/* The kernel lets only a thread's allocations through, in all the ways in which they come, and everybody's frees. */
static void test_task_filter(void **state)
{
	(void)state;
	for (enum kernel_version version = 0; version < KERNEL_COUNT; version++)
		for (int by_tracepoints = 0; by_tracepoints < 2; by_tracepoints++) {
			struct planned planned;

			choose(&planned, version, PATTERNS("dentry"));
			planned.facts.task_filter = "common_pid == 7";
			if (by_tracepoints)
				assert_int_equal(probe_plan_tracepoints(&planned.plan, &planned.facts, &planned.err), 0);
			else
				assert_int_equal(probe_plan_kprobes(&planned.plan, &planned.facts, &planned.err), 0);
			for (size_t i = 0; i < planned.plan.count; i++) {
				const struct probe *probe = &planned.plan.probes[i];
				const char *filter = probe->filter;

				if (probe_role_is_free(probe->role))
					assert_null(strstr(filter, "common_pid"));
				else if (strcmp(filter, "common_pid == 7"))
					assert_memory_equal(filter, "common_pid == 7 && ", 19);
				else
					assert_int_equal(probe->role, PROBE_ROLE_ALLOC_RETURN);
			}
			end(&planned);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bpf_of_each_kernel),
		cmocka_unit_test(test_bpf_without_kprobes),
		cmocka_unit_test(test_bpf_of_unknown_shape),
		cmocka_unit_test(test_kprobes_of_each_kernel),
		cmocka_unit_test(test_named_caches_need_no_sizes),
		cmocka_unit_test(test_definitions_with_return_arguments),
		cmocka_unit_test(test_definitions_of_pairs),
		cmocka_unit_test(test_registers_where_arguments_have_no_numbers),
		cmocka_unit_test(test_fields_instead_of_an_array),
		cmocka_unit_test(test_one_return_for_all_size_classes),
		cmocka_unit_test(test_bucket_arguments),
		cmocka_unit_test(test_bucket_arguments_by_types_and_without),
		cmocka_unit_test(test_sizes_are_planned_once),
		cmocka_unit_test(test_tracepoints_of_each_kernel),
		cmocka_unit_test(test_tracepoints_of_named_caches),
		cmocka_unit_test(test_twins_cannot_be_told_apart),
		cmocka_unit_test(test_too_many_names),
		cmocka_unit_test(test_kernel_without_any),
		cmocka_unit_test(test_alignment_mask),
		cmocka_unit_test(test_call_chains_of_frees),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_task_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
