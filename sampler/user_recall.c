/* The hash of what was found is worked out in two places, here and by the programs, which have to agree. */
#include "sampler/user_recall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RECIPES 8192u
#define KNOWN_BITS 15
#define KNOWN (1u << KNOWN_BITS)
/* Recipes for one place: where a function is called in two ways, the frames around it need not be alike. */
#define WAYS 2u
#define PLACES_MAX 65536u
/* What is read of a stack at once; words further up are read one by one, which takes longer. A power of two. */
#define WINDOW_BYTES 2048
/* Of one memory: some 20,000 chains. */
#define WORDS_MAX (1u << 19)

/* What is noted of a chain, in front of its addresses. */
enum {
	COUNT_WORD,
	END_WORD,
	CODE_WORD,
	SPACE_WORD,
	FIXED_WORDS
};

/* What a program has to look at. */
struct recipe {
	uint64_t bp_mask; /* all ones: register bp counts */
	uint32_t near_count; /* of the first so many one read brings all */
	uint16_t offsets[USER_UNWIND_TRAIL_MAX]; /* in words from the stack pointer */
	uint16_t count;
	uint16_t window_bytes; /* from the stack pointer: what that read is of */
};

int user_recall_open(struct user_recall *recall, struct error *err)
{
	*recall = (struct user_recall){.recipes = -1, .known = -1, .windows = -1};
	recall->recipes = bpf_program_map(BPF_MAP_TYPE_LRU_HASH, "slabrec_stacks", sizeof(uint64_t), sizeof(struct recipe), RECIPES, 0,
					  err);
	if (recall->recipes < 0)
		return -ENOTSUP;
	recall->known = bpf_program_map(BPF_MAP_TYPE_ARRAY, "slabrec_users", sizeof(uint32_t), sizeof(uint64_t), KNOWN,
					BPF_F_MMAPABLE, err);
	void *keys = recall->known < 0 ? MAP_FAILED :
					 mmap(NULL, KNOWN * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, recall->known, 0);
	if (keys == MAP_FAILED)
		return -ENOTSUP;
	recall->known_keys = keys;
	recall->windows = bpf_program_map(BPF_MAP_TYPE_PERCPU_ARRAY, "slabrec_windows", sizeof(uint32_t), WINDOW_BYTES,
					  USER_RECALL_PROGRAMS, 0, err);
	return recall->windows < 0 ? -ENOTSUP : 0;
}

static void memory_release(struct user_recall_memory *memory)
{
	u64_map_release(&memory->keys);
	free(memory->words);
	*memory = (struct user_recall_memory){0};
}

void user_recall_close(struct user_recall *recall)
{
	if (recall->known_keys)
		munmap((void *)(uintptr_t)recall->known_keys, KNOWN * sizeof(uint64_t));
	if (recall->recipes > 0)
		close(recall->recipes);
	if (recall->known > 0)
		close(recall->known);
	if (recall->windows > 0)
		close(recall->windows);
	u64_map_release(&recall->ways);
	memory_release(&recall->memories[0]);
	memory_release(&recall->memories[1]);
	*recall = (struct user_recall){.recipes = -1, .known = -1, .windows = -1};
}

/* ---- what the programs do ---- */

/* Takes the value in r1 into the hash at key_at. */
static void write_mix(struct bpf_program *program, const struct user_recall_room *room)
{
	bpf_program_load_from(program, BPF_DW, R3, FP, room->key_at);
	bpf_program_mix(program, R3, R1, R1);
	bpf_program_store(program, BPF_DW, FP, room->key_at, R3);
}

/* At place_at and key_at: where the task is. */
static void write_place(struct bpf_program *program, const struct user_recall_room *room)
{
	bpf_program_store_value(program, BPF_DW, FP, room->key_at, 0);
	bpf_program_call(program, BPF_FUNC_get_current_pid_tgid);
	bpf_program_alu(program, BPF_MOV, R1, R0);
	bpf_program_alu_value(program, BPF_RSH, R1, 32);
	write_mix(program, room);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->ip_at);
	write_mix(program, room);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->sp_at);
	write_mix(program, room);
	bpf_program_store(program, BPF_DW, FP, room->place_at, R3);
}

/* r2 becomes where word number r7 of the recipe at r8 is, in bytes from the stack pointer. */
static void write_offset(struct bpf_program *program)
{
	bpf_program_alu(program, BPF_MOV, R2, R7);
	bpf_program_alu_value(program, BPF_LSH, R2, 1);
	bpf_program_alu(program, BPF_ADD, R2, R8);
	bpf_program_load_from(program, BPF_H, R2, R2, offsetof(struct recipe, offsets));
	bpf_program_alu_value(program, BPF_LSH, R2, 3);
}

/* Takes r7 to the next word, if there may be one. */
static void write_next(struct bpf_program *program, const struct user_recall_room *room, enum bpf_program_reg offset, bpf_program_label again)
{
	bpf_program_alu(program, BPF_ADD, R3, offset);
	bpf_program_store(program, BPF_DW, FP, room->key_at, R3);
	bpf_program_alu_value(program, BPF_ADD, R7, 1);
	bpf_program_jump_value(program, BPF_JLT, R7, USER_UNWIND_TRAIL_MAX, again);
}

/*
 * Of the recipe at r8: takes the words into the hash that one read brings, and r7 behind them. Where they cannot be read so they may still
 * be one by one.
 */
static void write_near(struct bpf_program *program, const struct user_recall_room *room, bpf_program_label out)
{
	bpf_program_label again = bpf_program_new_label(program);
	bpf_program_label done = bpf_program_new_label(program);

	bpf_program_alu_value(program, BPF_MOV, R7, 0);
	bpf_program_load_from(program, BPF_H, R2, R8, offsetof(struct recipe, window_bytes));
	bpf_program_jump_value(program, BPF_JGT, R2, WINDOW_BYTES, out);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->window_at);
	bpf_program_load_from(program, BPF_DW, R3, FP, room->sp_at);
	bpf_program_call(program, BPF_FUNC_probe_read_user);
	bpf_program_jump_value(program, BPF_JNE, R0, 0, done);
	bpf_program_place(program, again);
	bpf_program_load_from(program, BPF_W, R1, R8, offsetof(struct recipe, near_count));
	bpf_program_jump(program, BPF_JGE, R7, R1, done);
	write_offset(program);
	bpf_program_alu_value(program, BPF_AND, R2, WINDOW_BYTES - 8);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->window_at);
	bpf_program_alu(program, BPF_ADD, R1, R2);
	bpf_program_load_from(program, BPF_DW, R1, R1, 0);
	write_mix(program, room);
	write_next(program, room, R2, again);
	bpf_program_place(program, done);
}

/* The other words of the recipe at r8, from r7 on; to out where one cannot be read. */
static void write_far(struct bpf_program *program, const struct user_recall_room *room, bpf_program_label out)
{
	bpf_program_label again = bpf_program_new_label(program);
	bpf_program_label done = bpf_program_new_label(program);

	bpf_program_place(program, again);
	bpf_program_load_from(program, BPF_H, R1, R8, offsetof(struct recipe, count));
	bpf_program_jump(program, BPF_JGE, R7, R1, done);
	write_offset(program);
	bpf_program_store(program, BPF_DW, FP, room->offset_at, R2);
	bpf_program_load_from(program, BPF_DW, R3, FP, room->sp_at);
	bpf_program_alu(program, BPF_ADD, R3, R2);
	bpf_program_read(program, BPF_FUNC_probe_read_user, room->word_at, 8, out);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->word_at);
	write_mix(program, room);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->offset_at);
	write_next(program, room, R1, again);
	bpf_program_place(program, done);
}

/* The recipe of the place of that way: to recognised where it leads to a chain that is known, else on. */
static void write_way(const struct user_recall *recall, struct bpf_program *program, const struct user_recall_room *room, uint32_t way,
		      bpf_program_label recognised)
{
	bpf_program_label out = bpf_program_new_label(program);

	bpf_program_load_from(program, BPF_DW, R1, FP, room->place_at);
	bpf_program_alu_value(program, BPF_XOR, R1, (int32_t)way);
	bpf_program_store(program, BPF_DW, FP, room->key_at, R1);
	bpf_program_look_up(program, recall->recipes, room->key_at, out);
	bpf_program_alu(program, BPF_MOV, R8, R0);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->bp_at);
	bpf_program_load_from(program, BPF_DW, R2, R8, offsetof(struct recipe, bp_mask));
	bpf_program_alu(program, BPF_AND, R1, R2);
	write_mix(program, room);
	write_near(program, room, out);
	write_far(program, room, out);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->key_at);
	bpf_program_alu_value(program, BPF_RSH, R1, 64 - KNOWN_BITS);
	bpf_program_store(program, BPF_DW, FP, room->word_at, R1);
	bpf_program_look_up(program, recall->known, room->word_at, out);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->key_at);
	bpf_program_load_from(program, BPF_DW, R2, R0, 0);
	bpf_program_jump(program, BPF_JEQ, R1, R2, recognised);
	bpf_program_place(program, out);
}

void user_recall_write(const struct user_recall *recall, struct bpf_program *program, const struct user_recall_room *room,
		       uint32_t number, bpf_program_label recognised)
{
	bpf_program_label out = bpf_program_new_label(program);

	write_place(program, room);
	bpf_program_store_value(program, BPF_W, FP, room->word_at, (int32_t)number);
	bpf_program_look_up(program, recall->windows, room->word_at, out);
	bpf_program_store(program, BPF_DW, FP, room->window_at, R0);
	for (uint32_t way = 0; way < WAYS; way++)
		write_way(recall, program, room, way, recognised);
	bpf_program_place(program, out);
	bpf_program_load_from(program, BPF_DW, R1, FP, room->place_at);
	bpf_program_store(program, BPF_DW, FP, room->key_at, R1);
}

/* ---- what is learned ---- */

/* One read brings it, with all that is below it. */
static bool is_near(uint16_t offset)
{
	return (offset + 1u) * sizeof(uint64_t) <= WINDOW_BYTES;
}

/* The trail as programs go along it: what is near first. */
static struct user_unwind_trail program_order(const struct user_unwind_trail *trail)
{
	struct user_unwind_trail order = *trail;
	size_t count = 0;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < trail->count; i++)
			if (is_near(trail->offsets[i]) == !pass) {
				order.offsets[count] = trail->offsets[i];
				order.words[count++] = trail->words[i];
			}
	return order;
}

/* What a program finds by the recipe of that place and way. */
static uint64_t key_of(uint64_t place, const struct user_unwind_trail *trail)
{
	uint64_t key = bpf_program_mixed(place, trail->has_bp ? trail->bp : 0);

	for (size_t i = 0; i < trail->count; i++)
		key = bpf_program_mixed(key, trail->words[i]) + trail->offsets[i] * sizeof(uint64_t);
	return key;
}

static uint64_t *find(struct user_recall *recall, uint64_t key)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct user_recall_memory *memory = &recall->memories[recall->present ^ i];
		const uint64_t *place = u64_map_find(&memory->keys, key);

		if (place && *place)
			return &memory->words[*place - 1];
	}
	return NULL;
}

static volatile uint64_t *known_slot(const struct user_recall *recall, uint64_t key)
{
	return &recall->known_keys[key >> (64 - KNOWN_BITS)];
}

static void forget_key(struct user_recall *recall, uint64_t key)
{
	if (*known_slot(recall, key) == key)
		*known_slot(recall, key) = 0;
}

/* Programs must not find what nobody remembers. */
static void forget_all(struct user_recall *recall, struct user_recall_memory *memory)
{
	for (size_t i = 0; i < memory->keys.capacity; i++)
		if (memory->keys.slots[i].key)
			forget_key(recall, memory->keys.slots[i].key);
	u64_map_clear(&memory->keys);
	memory->word_count = 0;
}

/* Room in the present memory; when it is full what was not used since the last time is forgotten. NULL without memory. */
static uint64_t *make_room(struct user_recall *recall, size_t count, size_t *place)
{
	struct user_recall_memory *memory = &recall->memories[recall->present];

	if (memory->word_count + count > WORDS_MAX) {
		recall->present ^= 1;
		memory = &recall->memories[recall->present];
		forget_all(recall, memory);
	}
	if (memory->word_count + count > memory->word_capacity) {
		size_t capacity = memory->word_capacity ? 2 * memory->word_capacity : 8192;
		uint64_t *words = realloc(memory->words, capacity * sizeof(*words));

		if (!words)
			return NULL;
		memory->words = words;
		memory->word_capacity = capacity;
	}
	*place = memory->word_count;
	memory->word_count += count;
	return &memory->words[*place];
}

/* -ENOMEM. */
static int remember(struct user_recall *recall, uint64_t key, const uint64_t *words, const uint64_t *addresses)
{
	size_t at;
	uint64_t *to = make_room(recall, FIXED_WORDS + words[COUNT_WORD], &at);
	uint64_t *slot = to ? u64_map_put(&recall->memories[recall->present].keys, key) : NULL;

	if (!slot)
		return -ENOMEM;
	*slot = at + 1;
	memcpy(to, words, FIXED_WORDS * sizeof(*to));
	memcpy(to + FIXED_WORDS, addresses, words[COUNT_WORD] * sizeof(*to));
	return 0;
}

static struct recipe recipe_of(const struct user_unwind_trail *trail)
{
	struct recipe recipe = {.count = (uint16_t)trail->count, .bp_mask = trail->has_bp ? UINT64_MAX : 0};

	memcpy(recipe.offsets, trail->offsets, trail->count * sizeof(*trail->offsets));
	for (size_t i = 0; i < trail->count && is_near(trail->offsets[i]); i++) {
		uint16_t end = (uint16_t)((trail->offsets[i] + 1u) * sizeof(uint64_t));

		recipe.near_count++;
		recipe.window_bytes = end > recipe.window_bytes ? end : recipe.window_bytes;
	}
	return recipe;
}

/* Number of the way by which programs at the place look at this trail's words; they are told to where they do not yet. */
static uint32_t find_way(struct user_recall *recall, uint64_t place, const struct user_unwind_trail *trail)
{
	struct recipe recipe = recipe_of(trail);
	uint64_t hash = bpf_program_mixed(1, trail->has_bp);

	for (size_t i = 0; i < trail->count; i++)
		hash = bpf_program_mixed(hash, trail->offsets[i]);
	uint32_t wanted = (uint32_t)(hash >> 32) | 1;
	if (recall->ways.count >= PLACES_MAX)
		u64_map_clear(&recall->ways);
	uint64_t *ways = u64_map_put(&recall->ways, place);
	uint32_t first = ways ? (uint32_t)*ways : 0, second = ways ? (uint32_t)(*ways >> 32) : 0;
	uint32_t way = first == wanted ? 0 : second == wanted ? 1 : !first ? 0 : !second ? 1 : hash & 1;
	uint64_t key = place ^ way;

	/* The kernel forgets those that are not used, if there are many. */
	if (bpf_program_map_has(recall->recipes, &key) && (way ? second : first) == wanted)
		return way;
	/* Where there is no room in the kernel the stack comes again. */
	bpf_program_map_set(recall->recipes, &key, &recipe);
	if (ways)
		*ways = way ? (uint64_t)wanted << 32 | first : (uint64_t)second << 32 | wanted;
	return way;
}

int user_recall_learn(struct user_recall *recall, uint64_t place, const struct user_unwind_trail *trail,
		      const struct user_recall_chain *chain)
{
	uint64_t words[FIXED_WORDS] = {
		[COUNT_WORD] = chain->count, [END_WORD] = chain->end, [CODE_WORD] = chain->code, [SPACE_WORD] = chain->space};

	if (!trail->is_whole || place <= WAYS || !recall->known_keys)
		return 0;
	struct user_unwind_trail order = program_order(trail);
	uint64_t key = key_of(place ^ find_way(recall, place, &order), &order);
	if (!key)
		return 0;
	if (remember(recall, key, words, chain->addresses))
		return -ENOMEM;
	*known_slot(recall, key) = key;
	return 0;
}

static struct user_recall_chain chain_of(const uint64_t *words)
{
	return (struct user_recall_chain){.addresses = words + FIXED_WORDS,
					  .count = words[COUNT_WORD],
					  .end = (enum user_unwind_end)words[END_WORD],
					  .code = words[CODE_WORD],
					  .space = words[SPACE_WORD]};
}

bool user_recall_find(struct user_recall *recall, uint64_t key, struct user_recall_chain *chain)
{
	const struct user_recall_memory *older = &recall->memories[recall->present ^ 1];
	const uint64_t *words = find(recall, key);
	uint64_t copy[FIXED_WORDS + USER_UNWIND_FRAMES_MAX];

	if (!words)
		return false;
	if (words >= older->words && words < older->words + older->word_count) {
		/* What is used is not to be forgotten. */
		memcpy(copy, words, (FIXED_WORDS + words[COUNT_WORD]) * sizeof(*copy));
		if (!remember(recall, key, copy, copy + FIXED_WORDS))
			words = find(recall, key);
	}
	*chain = chain_of(words);
	return true;
}

void user_recall_confirm(struct user_recall *recall, uint64_t key, uint64_t space)
{
	uint64_t *words = find(recall, key);

	if (words)
		words[SPACE_WORD] = space;
}

void user_recall_forget(struct user_recall *recall, uint64_t key)
{
	if (recall->known_keys)
		forget_key(recall, key);
	u64_map_remove(&recall->memories[0].keys, key);
	u64_map_remove(&recall->memories[1].keys, key);
}
