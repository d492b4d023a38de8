/*
 * Knows perf's call chains: innermost frame first, markers between kernel and user, and that the same chain of another process
 * has other addresses.
 */
#include "sampler/stack_table.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/elf_file.h"
#include "trace/cleanup.h"

/* kernel.perf_event_max_stack as it comes, of both parts together: longer chains are cut by the kernel. */
#define CHAIN_MAX 127
/* Raw chains are a cache in front of the tree: forget them rather than grow with every process that ever ran. */
#define CHAINS_MAX (1u << 16)
#define TRACER_FRAMES_MAX 8
/* A user frame's key: file and offset in one number. */
#define OFFSET_BITS 44

void stack_table_init(struct stack_table *table, struct trace_writer *writer, struct kernel_image *kernel,
		      struct process_table *processes, struct user_file_table *files)
{
	*table = (struct stack_table){.writer = writer, .kernel = kernel, .processes = processes, .files = files};
}

void stack_table_release(struct stack_table *table)
{
	u64_map_release(&table->chains);
	u64_map_release(&table->kernel_parts);
	u64_map_release(&table->places);
	u64_map_release(&table->nodes);
	u64_map_release(&table->user_frames);
	free(table->paths);
}

void stack_table_forget_chains(struct stack_table *table)
{
	u64_map_clear(&table->chains);
	u64_map_clear(&table->kernel_parts);
	u64_map_clear(&table->places);
}

/* The two parts of a chain, without markers. */
struct chain_parts {
	const uint64_t *kernel;
	size_t kernel_count;
	const uint64_t *user;
	size_t user_count;
};

static bool is_marker(uint64_t address)
{
	return address >= (uint64_t)PERF_CONTEXT_MAX;
}

static struct chain_parts split(const struct sample *sample)
{
	struct chain_parts parts = {0};
	uint64_t context = PERF_CONTEXT_KERNEL;

	for (size_t i = 0; i < sample->chain_count; i++) {
		uint64_t address = sample->chain[i];

		if (is_marker(address)) {
			context = address;
		} else if (context == (uint64_t)PERF_CONTEXT_USER) {
			if (!parts.user_count++)
				parts.user = &sample->chain[i];
		} else if (context == (uint64_t)PERF_CONTEXT_KERNEL) {
			if (!parts.kernel_count++)
				parts.kernel = &sample->chain[i];
		}
	}
	return parts;
}

/* Without memory the path of the node is simply not known. */
static void remember_path(struct stack_table *table, uint32_t node, struct stack_path path)
{
	if (node > table->path_capacity) {
		size_t capacity = node * 2u;
		struct stack_path *paths = realloc(table->paths, capacity * sizeof(*paths));

		if (!paths)
			return;
		table->paths = paths;
		table->path_capacity = capacity;
	}
	if (node)
		table->paths[node - 1] = path;
}

struct stack_path stack_table_path(const struct stack_table *table, uint32_t stack)
{
	return stack && stack <= table->path_capacity ? table->paths[stack - 1] : (struct stack_path){0};
}

static uint32_t child_node(struct stack_table *table, uint32_t parent, uint32_t frame, bool is_kernel)
{
	uint64_t *node = frame ? u64_map_put(&table->nodes, (uint64_t)parent << 32 | frame) : NULL;

	if (!node)
		return parent;
	if (!*node) {
		uint32_t caller = stack_table_path(table, parent).kernel;

		*node = trace_writer_node(table->writer, &(struct trace_node){.parent = parent, .frame = frame});
		/* 31 bits of a hash, never 0. */
		remember_path(table, (uint32_t)*node,
			      (struct stack_path){.kernel = is_kernel ? (uint32_t)u64_mix((uint64_t)caller << 32 | frame) | 1 : 0,
						  .caller = caller});
	}
	return (uint32_t)*node;
}

static uint32_t user_frame(struct stack_table *table, struct user_place place)
{
	uint64_t key = (uint64_t)place.file << OFFSET_BITS | (place.offset_bytes & ((1ull << OFFSET_BITS) - 1));
	uint64_t *frame = u64_map_put(&table->user_frames, key + 1);

	if (!frame)
		return 0;
	if (!*frame) {
		struct trace_frame record = {
			.kind = TRACE_FRAME_USER,
			.file = user_file_id(table->files, place.file),
			.address = place.offset_bytes,
		};

		*frame = trace_writer_frame(table->writer, &record);
	}
	return (uint32_t)*frame;
}

/* In the place of the frames that are not known. */
static uint32_t cut_node(struct stack_table *table)
{
	return child_node(table, 0, user_frame(table, (struct user_place){.file = user_file_find(table->files, 0, "[cut]", 0)}), false);
}

/* Without frame pointers the outer part of a chain is noise: addresses outside any code become one unknown frame. */
static uint32_t add_user(struct stack_table *table, const struct chain_parts *parts, const struct sample *sample)
{
	uint32_t node = sample->is_user_cut ? cut_node(table) : 0;
	bool was_unknown = false;

	for (size_t i = parts->user_count; i > 0; i--) {
		struct user_place place = process_table_place(table->processes, sample->pid, parts->user[i - 1]);

		if (!place.file) {
			table->frames_unknown++;
			if (was_unknown)
				continue;
		}
		was_unknown = !place.file;
		node = child_node(table, node, user_frame(table, place), false);
	}
	return node;
}

/* What a return address is in, where it is not just a function that called another. */
enum place {
	PLACE_FUNCTION = 1,
	PLACE_TRACER,	 /* what runs a BPF program on a raw tracepoint */
	PLACE_INTERRUPT, /* the code that interrupts and exceptions enter by: it was not called by what is around it */
};

static enum place find_place(const struct stack_table *table, uint64_t address)
{
	static const struct {
		const char *start;
		enum place place;
	} names[] = {
		{"bpf_trace_run", PLACE_TRACER},	{"__bpf_trace_", PLACE_TRACER},
		{"__traceiter_", PLACE_TRACER},		{"asm_sysvec_", PLACE_INTERRUPT},
		{"asm_exc_", PLACE_INTERRUPT},		{"asm_common_interrupt", PLACE_INTERRUPT},
		{"asm_spurious_interrupt", PLACE_INTERRUPT}, {"el1h_64_", PLACE_INTERRUPT},
	};
	const char *name = kallsyms_lookup(table->kernel->symbols, address - 1).name;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(name, names[i].start, strlen(names[i].start)))
			return names[i].place;
	return PLACE_FUNCTION;
}

/* Remembered, because looking for a symbol is dear and the same addresses come again and again. */
static bool is_place(struct stack_table *table, uint64_t address, enum place place)
{
	uint64_t *known = u64_map_put(&table->places, address);

	if (!known)
		return find_place(table, address) == place;
	if (!*known)
		*known = find_place(table, address);
	return *known == place;
}

/* How many of the innermost frames are those of a BPF program on a raw tracepoint: up to the tracepoint's own. */
static size_t tracer_frames(struct stack_table *table, const struct chain_parts *parts)
{
	size_t frames = 0;

	for (size_t i = 0; i < parts->kernel_count && i < TRACER_FRAMES_MAX; i++)
		if (parts->kernel[i] && is_place(table, parts->kernel[i], PLACE_TRACER))
			frames = i + 1;
	return frames;
}

const uint64_t *stack_table_kernel_part(struct stack_table *table, const struct sample *sample, size_t *count)
{
	struct chain_parts parts = split(sample);
	size_t left_out = tracer_frames(table, &parts);

	*count = parts.kernel_count - left_out;
	return parts.kernel + left_out;
}

static uint32_t add_kernel(struct stack_table *table, uint32_t node, const struct chain_parts *parts, const struct sample *sample,
			   enum stack_top top)
{
	size_t left_out = top == STACK_TOP_TRACER ? tracer_frames(table, parts) : 0;

	for (size_t i = parts->kernel_count; i > left_out; i--) {
		bool is_call = i > 1 ? !parts->kernel[i - 2] || !is_place(table, parts->kernel[i - 2], PLACE_INTERRUPT) :
				       top != STACK_TOP_ENTRY;

		node = child_node(table, node,
				  kernel_image_frame(table->kernel, parts->kernel[i - 1], is_call, sample->time_ns), true);
	}
	return node;
}

/* 95 bits of hash stand for the addresses of a chain, or of a part of one. */
struct chain_hash {
	uint64_t key;
	uint64_t check;
};

static struct chain_hash hash_addresses(struct chain_hash hash, const uint64_t *addresses, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		hash.key = u64_mix(hash.key ^ addresses[i]);
		hash.check = (hash.check ^ addresses[i]) * 0x9e3779b97f4a7c15u;
	}
	return hash;
}

/* Of the hash: *known where the map has its node. Otherwise what is returned is to be given the node; NULL without memory. */
static uint64_t *find_node(struct u64_map *map, struct chain_hash hash, uint32_t *known)
{
	if (map->count >= CHAINS_MAX)
		u64_map_clear(map);
	uint64_t *slot = u64_map_put(map, hash.key | 1);

	/* The upper half of the slot is the second hash. */
	if (slot && *slot && *slot >> 32 == hash.check >> 32)
		*known = (uint32_t)*slot;
	else if (slot)
		*slot = hash.check >> 32 << 32;
	return slot;
}

/* Every process has its own addresses, so new chains are many; what is new in them is mostly the user part alone. */
static uint32_t resolve(struct stack_table *table, const struct chain_parts *parts, const struct sample *sample,
			enum stack_top top, struct chain_hash kernel_hash)
{
	uint32_t user = add_user(table, parts, sample);
	uint32_t node = 0;

	if (!sample->is_unwound && parts->kernel_count + parts->user_count >= CHAIN_MAX)
		table->chains_cut++;
	if (parts->kernel_count && kernel_image_is_trampoline(table->kernel, parts->kernel[parts->kernel_count - 1]))
		table->chains_hidden++;
	kernel_hash.key ^= (uint64_t)user * 0x9e3779b97f4a7c15u;
	uint64_t *slot = find_node(&table->kernel_parts, kernel_hash, &node);
	if (node)
		return node;
	node = add_kernel(table, user, parts, sample, top);
	if (slot)
		*slot |= node;
	return node;
}

uint32_t stack_table_id(struct stack_table *table, const struct sample *sample, enum stack_top top)
{
	struct chain_parts parts = split(sample);
	struct chain_hash hash = {.key = u64_mix(top + 1u)}, kernel_hash;
	uint32_t node = 0;

	if (!parts.kernel_count && !parts.user_count)
		return 0;
	kernel_hash = hash = hash_addresses(hash, parts.kernel, parts.kernel_count);
	if (parts.user_count) {
		hash.key ^= u64_mix(process_table_space(table->processes, sample->pid) * 2 + 1 + sample->is_user_cut);
		hash = hash_addresses(hash, parts.user, parts.user_count);
	}
	uint64_t *slot = find_node(&table->chains, hash, &node);
	if (slot && !node) {
		node = resolve(table, &parts, sample, top, kernel_hash);
		*slot |= node;
	}
	return node;
}

static int by_key(const void *a, const void *b)
{
	const struct u64_slot *left = a, *right = b;

	return left->key < right->key ? -1 : left->key > right->key;
}

/* The names of the places of one file: frames[i] is that of places[i]. */
static void name_file(struct stack_table *table, uint32_t file, struct elf_place *places, const uint32_t *frames, size_t count)
{
	elf_file_name_places(user_file_fd(table->files, file), places, count);
	for (size_t i = 0; i < count; i++) {
		if (places[i].name)
			trace_writer_user_symbol(table->writer, frames[i], trace_writer_text(table->writer, places[i].name),
						 places[i].offset_bytes + 1);
		free(places[i].name);
	}
}

void stack_table_write_user_symbols(struct stack_table *table)
{
	size_t count = 0, begin = 0;
	struct u64_slot *slots CLEANUP(cleanup_free) = calloc(table->user_frames.count + 1, sizeof(*slots));
	struct elf_place *places CLEANUP(cleanup_free) = calloc(table->user_frames.count + 1, sizeof(*places));
	uint32_t *frames CLEANUP(cleanup_free) = calloc(table->user_frames.count + 1, sizeof(*frames));

	if (!slots || !places || !frames)
		return;
	for (size_t i = 0; i < table->user_frames.capacity; i++)
		if (table->user_frames.slots[i].key)
			slots[count++] = table->user_frames.slots[i];
	/* By file: each is read once. */
	qsort(slots, count, sizeof(*slots), by_key);
	for (size_t i = 0; i < count; i++) {
		uint64_t key = slots[i].key - 1;
		uint32_t file = (uint32_t)(key >> OFFSET_BITS);

		/* A return address belongs to the call before it; of place 0 there is none. */
		places[i].file_offset = (key & ((1ull << OFFSET_BITS) - 1)) - 1;
		frames[i] = (uint32_t)slots[i].value;
		if (i + 1 < count && (slots[i + 1].key - 1) >> OFFSET_BITS == file)
			continue;
		name_file(table, file, places + begin, frames + begin, i + 1 - begin);
		begin = i + 1;
	}
}
