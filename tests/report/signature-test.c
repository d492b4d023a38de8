/* Which call stacks of two builds are the same, and on which rung of the ladder that is found; what is ambiguous stays apart. */
#include "report/signature.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITES_MOST 16u
#define FRAMES_MOST 256u

/*
 * A model made by hand. A frame is "function", "[module]function", "function@file", "function^" where it is inlined, "user!function".
 */
struct built {
	struct model model;
	struct model_cache caches[SITES_MOST];
	struct model_site sites[SITES_MOST];
	struct model_frame frames[FRAMES_MOST];
	struct model_node nodes[FRAMES_MOST];
};

static void build_frame(struct built *built, struct model_frame *frame, const char *text)
{
	char *copy = strcpy(arena_array(&built->model.arena, strlen(text) + 1, 1), text), *at;

	*frame = (struct model_frame){.module = "", .source_file = "", .path = "", .build_id = ""};
	if ((at = strchr(copy, '!'))) {
		frame->is_user = true;
		copy = at + 1;
	} else if (*copy == '[') {
		at = strchr(copy, ']');
		*at = 0;
		frame->module = copy + 1;
		copy = at + 1;
	}
	if ((at = strchr(copy, '^'))) {
		frame->is_inlined = true;
		memmove(at, at + 1, strlen(at));
	}
	if ((at = strchr(copy, '@'))) {
		*at = 0;
		frame->source_file = at + 1;
	}
	frame->function = frame->label = copy;
	frame->class = frame->is_user ? NAME_CODE : name_class(copy);
}

/* Innermost first. */
static void build_site(struct built *built, const char *cache, const char *const frames[])
{
	struct model *model = &built->model;
	uint32_t count = 0, parent = 0, index = model->site_count++;

	if (!model->node_count)
		*model = (struct model){.caches = built->caches, .sites = built->sites, .frames = built->frames, .nodes = built->nodes,
					.node_count = 1, .site_count = 1};
	while (frames[count])
		count++;
	for (uint32_t i = count; i-- > 0;) {
		build_frame(built, &built->frames[model->frame_count], frames[i]);
		/* Where it is does not count: each frame has another place. */
		built->frames[model->frame_count].offset_bytes = model->frame_count;
		built->frames[model->frame_count].line = 10 * model->frame_count;
		built->nodes[model->node_count] = (struct model_node){.parent = parent, .frame = model->frame_count++};
		parent = model->node_count++;
	}
	built->caches[index] = (struct model_cache){.name = cache};
	built->sites[index] = (struct model_site){.cache = index, .node = parent};
}

#define SITE(built, cache, ...) build_site(&(built), cache, (const char *const[]){__VA_ARGS__, NULL})

static struct signature_match matches[SITES_MOST];

/* Matches two models and releases them; returns how many signatures before has. */
static uint32_t match(struct built *before, struct built *after)
{
	struct signature_names names = {0};
	struct signature_table tables[2] = {{.names = &names}, {.names = &names}};
	uint32_t places[SITES_MOST];

	assert_int_equal(signature_table_add(&tables[0], &before->model, places, NULL), 0);
	assert_int_equal(signature_table_add(&tables[1], &after->model, places, NULL), 0);
	assert_int_equal(signature_match(&tables[0], &tables[1], matches, NULL), 0);
	uint32_t count = tables[0].count;
	signature_table_release(&tables[0]);
	signature_table_release(&tables[1]);
	signature_names_release(&names);
	arena_release(&before->model.arena);
	arena_release(&after->model.arena);
	return count;
}

static void expect(uint32_t index, enum signature_rung rung, uint32_t other)
{
	if (matches[index].rung != rung || (rung && matches[index].other != other))
		fail_msg("signature %u: %s with %u, not %s with %u", index, signature_rung_key(matches[index].rung), matches[index].other,
			 signature_rung_key(rung), other);
}

/* The allocator's names all changed between 6.1 and 6.12, and so did the entry's; user space is another process. */
static void test_allocator_and_entry_do_not_count(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "kmalloc-cg-1k", "kmem_cache_alloc_trace", "alloc_pipe_info", "create_pipe_files", "do_pipe2", "__x64_sys_pipe2",
	     "do_syscall_64", "entry_SYSCALL_64_after_hwframe", "a!main");
	SITE(after, "kmalloc-cg-1k", "__kmalloc_cache_noprof", "alloc_pipe_info", "create_pipe_files", "do_pipe2", "__do_sys_pipe2^",
	     "__se_sys_pipe2^", "__x64_sys_pipe2", "x64_sys_call", "do_syscall_64", "entry_SYSCALL_64_after_hwframe", "b!other", "b!main");
	match(&before, &after);
	expect(0, SIGNATURE_SAME, 0);
}

/* Nor does what 6.10 appended to functions that allocate for their caller. */
static void test_noprof(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "kmalloc-1k", "kmalloc", "bucket_table_alloc@lib/rhashtable.c", "rhashtable_init@lib/rhashtable.c", "start@a.c");
	SITE(after, "kmalloc-1k", "kmalloc", "bucket_table_alloc@lib/rhashtable.c", "rhashtable_init_noprof@lib/rhashtable.c", "start@a.c");
	match(&before, &after);
	expect(0, SIGNATURE_SAME, 0);
}

/* Another function at the inner end: enough of the rest in the same cache will do. */
static void test_another_inner_end(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "filp", "kmalloc", "__alloc_file", "alloc_empty_file", "path_openat", "do_filp_open", "__x64_sys_openat");
	SITE(after, "filp", "kmalloc", "alloc_empty_file", "path_openat", "do_filp_open", "__x64_sys_openat");
	match(&before, &after);
	expect(0, SIGNATURE_SIMILAR, 0);
	struct built here = {0}, there = {0};
	SITE(here, "filp", "kmalloc", "__alloc_file", "alloc_empty_file", "path_openat", "do_filp_open", "__x64_sys_openat");
	SITE(there, "kmalloc-64", "kmalloc", "alloc_empty_file", "path_openat", "do_filp_open", "__x64_sys_openat");
	match(&here, &there);
	expect(0, SIGNATURE_UNMATCHED, 0);
}

/* An interrupt came upon other code each time. */
static void test_interrupted_code_does_not_count(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "skbuff_head_cache", "kmem_cache_alloc", "__alloc_skb", "net_rx_action", "asm_common_interrupt", "vfs_read", "do_syscall_64");
	SITE(before, "skbuff_head_cache", "kmem_cache_alloc", "__alloc_skb", "net_rx_action", "asm_common_interrupt", "default_idle");
	SITE(after, "skbuff_head_cache", "kmem_cache_alloc_noprof", "__alloc_skb", "net_rx_action", "asm_common_interrupt", "mprotect_fixup");
	assert_int_equal(match(&before, &after), 1);
	expect(0, SIGNATURE_SAME, 0);
}

static void test_recursion_counts_once(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "dentry", "d_alloc", "walk@fs/walk.c", "walk@fs/walk.c", "walk@fs/walk.c", "open@fs/open.c");
	SITE(after, "dentry", "d_alloc", "walk@fs/walk.c", "open@fs/open.c");
	match(&before, &after);
	expect(0, SIGNATURE_SAME, 0);
}

/* Static functions of one name are told apart by where they were declared. */
static void test_files_tell_namesakes_apart(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "kmalloc-64", "kmalloc", "init@fs/a.c", "start@init/main.c");
	SITE(before, "kmalloc-64", "kmalloc", "init@fs/b.c", "start@init/main.c");
	SITE(after, "kmalloc-64", "kmalloc", "init@fs/b.c", "start@init/main.c");
	SITE(after, "kmalloc-64", "kmalloc", "init@fs/a.c", "start@init/main.c");
	match(&before, &after);
	expect(0, SIGNATURE_SAME, 1);
	expect(1, SIGNATURE_SAME, 0);
	/* Where one side does not know the file, either would fit: neither is taken. */
	struct built known = {0}, unknown = {0};
	SITE(known, "kmalloc-64", "kmalloc", "init@fs/a.c", "start@init/main.c");
	SITE(known, "kmalloc-64", "kmalloc", "init@fs/b.c", "start@init/main.c");
	SITE(unknown, "kmalloc-64", "kmalloc", "init", "start");
	match(&known, &unknown);
	expect(0, SIGNATURE_UNMATCHED, 0);
	expect(1, SIGNATURE_UNMATCHED, 0);
}

static void test_another_file_or_module(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "dentry", "kmem_cache_alloc", "[unix]unix_create@net/unix/af_unix.c", "sock_create@net/socket.c");
	SITE(after, "dentry", "kmem_cache_alloc", "unix_create@net/unix/new_name.c", "sock_create@net/socket.c");
	match(&before, &after);
	expect(0, SIGNATURE_NAMES, 0);
}

static void test_compilers_suffix(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "filp", "kmem_cache_alloc", "__alloc_file", "alloc_empty_file.part.0", "alloc_empty_file", "path_openat");
	SITE(after, "filp", "kmem_cache_alloc_noprof", "__alloc_file.isra.0", "alloc_empty_file", "path_openat.llvm.123");
	match(&before, &after);
	expect(0, SIGNATURE_NAMES, 0);
}

/* Of two symbols that lose their suffix, none is taken for the other build's only one. */
static void test_suffixes_that_are_ambiguous(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "kmalloc-64", "kmalloc", "probe.isra.0", "start");
	SITE(before, "kmalloc-64", "kmalloc", "probe.constprop.0", "start");
	SITE(after, "kmalloc-64", "kmalloc", "probe", "start");
	match(&before, &after);
	expect(0, SIGNATURE_UNMATCHED, 0);
	expect(1, SIGNATURE_UNMATCHED, 0);
	/* Also where the other symbol is in another stack. */
	struct built apart = {0}, single = {0};
	SITE(apart, "kmalloc-64", "kmalloc", "probe.isra.0", "start");
	SITE(apart, "kmalloc-64", "kmalloc", "probe", "other");
	SITE(single, "kmalloc-64", "kmalloc", "probe", "start");
	match(&apart, &single);
	expect(0, SIGNATURE_UNMATCHED, 0);
}

/* One side has no debug file, so its inlined functions are not told. */
static void test_inlined_functions(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "filp", "kmem_cache_alloc", "inner@fs/a.c^", "alloc_file@fs/a.c", "helper@fs/a.c^", "path_openat@fs/a.c");
	SITE(after, "filp", "kmem_cache_alloc", "alloc_file.isra.0", "path_openat");
	match(&before, &after);
	expect(0, SIGNATURE_OUTLINE, 0);
}

/* An object grew beyond its size class. */
static void test_another_cache(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "kmalloc-512", "kmalloc", "alloc_thing@a.c", "make@a.c");
	SITE(after, "kmalloc-1k", "kmalloc", "alloc_thing@a.c", "make@a.c");
	match(&before, &after);
	expect(0, SIGNATURE_CACHE, 0);
	/* One of the two is the same cache; the other has no partner left. */
	struct built two = {0}, one = {0};
	SITE(two, "kmalloc-512", "kmalloc", "alloc_thing@a.c", "make@a.c");
	SITE(two, "kmalloc-1k", "kmalloc", "alloc_thing@a.c", "make@a.c");
	SITE(one, "kmalloc-1k", "kmalloc", "alloc_thing@a.c", "make@a.c");
	match(&two, &one);
	expect(0, SIGNATURE_UNMATCHED, 0);
	expect(1, SIGNATURE_SAME, 0);
}

/* A function came between. */
static void test_similar(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "skb", "kmalloc", "__alloc_skb", "sk_stream_alloc", "tcp_sendmsg", "sock_sendmsg", "__sys_sendto", "__x64_sys_sendto");
	SITE(after, "skb", "kmalloc", "__alloc_skb", "tcp_stream_alloc", "tcp_sendmsg", "sock_sendmsg", "__sock_sendmsg", "__sys_sendto",
	     "__x64_sys_sendto");
	match(&before, &after);
	expect(0, SIGNATURE_SIMILAR, 0);
	/* Two are as much alike: neither is taken. */
	struct built one = {0}, two = {0};
	SITE(one, "skb", "kmalloc", "__alloc_skb", "a", "b", "c", "x", "__x64_sys_sendto");
	SITE(two, "skb", "kmalloc", "__alloc_skb", "a", "b", "c", "y", "__x64_sys_sendto");
	SITE(two, "skb", "kmalloc", "__alloc_skb", "a", "b", "c", "z", "__x64_sys_sendto");
	match(&one, &two);
	expect(0, SIGNATURE_UNMATCHED, 0);
	/* Other ends: not tried. */
	struct built read = {0}, write = {0};
	SITE(read, "skb", "kmalloc", "__alloc_skb", "a", "b", "c", "__x64_sys_read");
	SITE(write, "skb", "kmalloc", "__alloc_skb", "a", "b", "c", "__x64_sys_write");
	match(&read, &write);
	expect(0, SIGNATURE_UNMATCHED, 0);
}

/* Without a stack there is only the cache. */
static void test_no_stack(void **state)
{
	struct built before = {0}, after = {0};

	(void)state;
	SITE(before, "filp", NULL);
	SITE(before, "dentry", "kmalloc", "entry_SYSCALL_64_after_hwframe");
	SITE(after, "dentry", NULL);
	SITE(after, "inode", NULL);
	match(&before, &after);
	expect(0, SIGNATURE_UNMATCHED, 0);
	expect(1, SIGNATURE_SAME, 0);
}

/* Several recordings of one side make one table. */
static void test_a_table_of_several_recordings(void **state)
{
	struct signature_names names = {0};
	struct signature_table table = {.names = &names};
	struct built first = {0}, second = {0};
	uint32_t places[SITES_MOST];

	(void)state;
	SITE(first, "filp", "kmalloc", "a", "b");
	SITE(first, "filp", "kmalloc", "c", "b");
	SITE(second, "filp", "__kmalloc_noprof", "c", "b");
	SITE(second, "filp", "kmalloc", "d", "b");
	assert_int_equal(signature_table_add(&table, &first.model, places, NULL), 0);
	assert_true(places[0] == 0 && places[1] == 1);
	arena_release(&first.model.arena);
	assert_int_equal(signature_table_add(&table, &second.model, places, NULL), 0);
	assert_true(places[0] == 1 && places[1] == 2);
	assert_int_equal(table.count, 3);
	/* The models are gone, the names are not. */
	arena_release(&second.model.arena);
	assert_string_equal(signature_text(&names, table.signatures[2].functions[0].name), "d");
	assert_string_equal(signature_text(&names, table.signatures[2].cache), "filp");
	signature_table_release(&table);
	signature_names_release(&names);
}

/* More than a first table holds. */
static void test_many(void **state)
{
	struct signature_names names = {0};
	struct signature_table tables[2] = {{.names = &names}, {.names = &names}};
	struct signature_match *found = calloc(2000, sizeof(*found));

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		struct built built = {0};
		char name[32], outer[32];
		uint32_t place;

		snprintf(name, sizeof(name), "function_%u", i);
		snprintf(outer, sizeof(outer), "caller_%u", i / 7);
		SITE(built, "filp", "kmalloc", name, outer);
		for (int side = 0; side < 2; side++) {
			assert_int_equal(signature_table_add(&tables[side], &built.model, &place, NULL), 0);
			assert_int_equal(place, i);
		}
		arena_release(&built.model.arena);
	}
	assert_int_equal(signature_match(&tables[0], &tables[1], found, NULL), 0);
	for (uint32_t i = 0; i < 2000; i++)
		assert_true(found[i].rung == SIGNATURE_SAME && found[i].other == i);
	free(found);
	signature_table_release(&tables[0]);
	signature_table_release(&tables[1]);
	signature_names_release(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocator_and_entry_do_not_count),
		cmocka_unit_test(test_noprof),
		cmocka_unit_test(test_another_inner_end),
		cmocka_unit_test(test_interrupted_code_does_not_count),
		cmocka_unit_test(test_recursion_counts_once),
		cmocka_unit_test(test_files_tell_namesakes_apart),
		cmocka_unit_test(test_another_file_or_module),
		cmocka_unit_test(test_compilers_suffix),
		cmocka_unit_test(test_suffixes_that_are_ambiguous),
		cmocka_unit_test(test_inlined_functions),
		cmocka_unit_test(test_another_cache),
		cmocka_unit_test(test_similar),
		cmocka_unit_test(test_no_stack),
		cmocka_unit_test(test_a_table_of_several_recordings),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
