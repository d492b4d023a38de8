/* Which frames of a stack count, and the ladder: each rung asks for less, and takes only what is the sole candidate on both sides. */
#include "report/signature.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/frame_text.h"
#include "report/name.h"
#include "report/room.h"
#include "trace/cleanup.h"
#include "trace/hash.h"

/* Stacks that have the same ends are compared function by function: so many pairs at most, a second's work. */
#define SIMILAR_PAIRS_MAX 1000000u
/* More that look the same to a rung than this are not told apart by it. */
#define EQUALS_MAX 64u
/* Of the longer stack, so many thousandths have to be in the other, in the same order: where both ends are the same; where only the outer is. */
#define SIMILAR_WITHIN_ENDS 500u
#define SIMILAR_TO_END 667u
#define NAME_BYTES_MAX 1024u

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return u64_mix(hash ^ (value + 1) * 0x9e3779b97f4a7c15u);
}

/* Names. */

void signature_names_release(struct signature_names *names)
{
	if (!names)
		return;
	arena_release(&names->arena);
	free(names->texts);
	u64_map_release(&names->index);
	*names = (struct signature_names){0};
}

/* The number of the text's first length bytes; UINT32_MAX without memory. */
static uint32_t number_of(struct signature_names *names, const char *text, size_t length)
{
	if (!length)
		return 0;
	if (length > NAME_BYTES_MAX)
		length = NAME_BYTES_MAX;
	/* Keys of two texts with one hash stand behind each other. */
	uint64_t key = hash_bytes(HASH_START, text, length);
	key += !key;
	for (const uint64_t *known; (known = u64_map_find(&names->index, key)); key += 1 + !(key + 1))
		if (!strncmp(names->texts[*known], text, length) && !names->texts[*known][length])
			return (uint32_t)*known;
	if (!names->count)
		names->count = 1;
	if (!room_for(&names->texts, names->count, &names->capacity, sizeof(*names->texts)))
		return UINT32_MAX;
	char *copy = arena_array(&names->arena, length + 1, 1);
	uint64_t *number = u64_map_put(&names->index, key);
	if (!copy || !number)
		return UINT32_MAX;
	names->texts[0] = "";
	names->texts[names->count] = memcpy(copy, text, length);
	*number = names->count++;
	return names->count - 1;
}

uint32_t signature_number(struct signature_names *names, const char *text)
{
	return number_of(names, text, strlen(text));
}

const char *signature_text(const struct signature_names *names, uint32_t number)
{
	return number < names->count ? names->texts[number] : "";
}

/* Signatures. */

void signature_table_release(struct signature_table *table)
{
	if (!table)
		return;
	arena_release(&table->arena);
	free(table->signatures);
	u64_map_release(&table->index);
	free(table->symbols);
	*table = (struct signature_table){.names = table->names};
}

static bool is_same_function(const struct signature_function *a, const struct signature_function *b)
{
	return a->name == b->name && a->module == b->module && a->file == b->file;
}

static bool is_same(const struct signature *a, const struct signature *b)
{
	bool is = a->cache == b->cache && a->count == b->count;

	for (uint32_t i = 0; is && i < a->count; i++)
		is = is_same_function(&a->functions[i], &b->functions[i]);
	return is;
}

static uint64_t hash_same(const struct signature *signature)
{
	uint64_t hash = mix(0, signature->cache);

	for (uint32_t i = 0; i < signature->count; i++) {
		const struct signature_function *function = &signature->functions[i];

		hash = mix(mix(mix(hash, function->name), function->module), function->file);
	}
	return hash;
}

/* What the frames of one model are in signatures, by frame. */
enum frame_part {
	PART_UNKNOWN = 0, /* not looked at yet */
	PART_SKIPPED,	  /* allocator, probe: not part of it while nothing else came */
	PART_COUNTS,
	PART_ENDS, /* from here on it is how the kernel was entered, or user space */
};

struct frame_place {
	struct signature_function function;
	enum frame_part part;
};

struct adding {
	struct signature_table *table;
	const struct model *model;
	struct frame_place *places; /* by frame of the model */
	bool failed;
};

/* Of a system call, the part of its name behind what its wrappers put in front; NULL of other functions. */
static const char *system_call(const char *name)
{
	static const char *const wrappers[] = {"__x64_sys_", "__se_sys_", "__do_sys_", "__ia32_sys_", "__arm64_sys_", "__s390x_sys_", "__riscv_sys_"};

	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
		if (!strncmp(name, wrappers[i], strlen(wrappers[i])))
			return name + strlen(wrappers[i]);
	return NULL;
}

/* Notes that the plain name stands for the symbol; for more than one it says nothing of which. */
static bool note_symbol(struct signature_table *table, const struct signature_function *function)
{
	while (function->plain >= table->symbol_capacity) {
		uint32_t old = table->symbol_capacity;

		if (!room_for(&table->symbols, old, &table->symbol_capacity, sizeof(*table->symbols)))
			return false;
		memset(table->symbols + old, 0, (table->symbol_capacity - old) * sizeof(*table->symbols));
	}
	uint32_t *symbol = &table->symbols[function->plain];
	if (*symbol && *symbol != function->name)
		*symbol = SIGNATURE_SEVERAL;
	else
		*symbol = function->name;
	return true;
}

/* Length of the name without the marks of a part of a function that was laid elsewhere, which is that function still. */
static size_t whole_length(const char *name, size_t plain)
{
	const char *part = strstr(name + plain, ".part."), *cold = strstr(name + plain, ".cold");

	if (cold && (!part || cold < part))
		part = cold;
	return part ? (size_t)(part - name) : strlen(name);
}

/* Since 6.10 functions that allocate have this behind their name, and a macro has the name. */
static size_t without_noprof(const char *name, size_t length)
{
	static const char mark[] = "_noprof";
	size_t mark_length = sizeof(mark) - 1;

	return length > mark_length && !memcmp(name + length - mark_length, mark, mark_length) ? length - mark_length : length;
}

static void name_function(struct adding *adding, const struct model_frame *frame, struct signature_function *function)
{
	struct signature_names *names = adding->table->names;
	const char *name = *frame->function ? frame->function : "[unknown]", *call = system_call(name);
	size_t plain = name_plain_length(name);
	char text[256];

	if (call && plain - (size_t)(call - name) < sizeof(text) - 5) {
		snprintf(text, sizeof(text), "sys_%.*s", (int)(plain - (size_t)(call - name)), call);
		function->name = function->plain = signature_number(names, text);
	} else {
		function->name = number_of(names, name, without_noprof(name, whole_length(name, plain)));
		function->plain = number_of(names, name, without_noprof(name, plain));
	}
	const char *file = frame_text_source(frame);
	function->module = signature_number(names, frame->module);
	function->file = signature_number(names, file);
	adding->failed |= function->name == UINT32_MAX || function->plain == UINT32_MAX || function->module == UINT32_MAX ||
			  function->file == UINT32_MAX;
	if (!adding->failed && !function->file)
		adding->failed = !note_symbol(adding->table, function);
}

static const struct frame_place *place_of(struct adding *adding, uint32_t index)
{
	const struct model_frame *frame = &adding->model->frames[index];
	struct frame_place *place = &adding->places[index];

	if (place->part)
		return place;
	if (frame->is_user || frame->class == NAME_ENTRY) {
		place->part = PART_ENDS;
		return place;
	}
	place->part = frame->class == NAME_CODE ? PART_COUNTS : PART_SKIPPED;
	name_function(adding, frame, &place->function);
	return place;
}

static void add_function(struct signature_function *functions, uint32_t *count, const struct signature_function *function)
{
	if (!*count || !is_same_function(&functions[*count - 1], function))
		functions[(*count)++] = *function;
}

/* The stack without what every stack has. Returns false without memory. */
static bool make_signature(struct adding *adding, const struct model_site *site, struct signature *signature,
			   struct signature_function functions[SIGNATURE_DEPTH_MAX],
			   struct signature_function outline[SIGNATURE_DEPTH_MAX])
{
	const struct model *model = adding->model;
	uint32_t seen = 0;

	*signature = (struct signature){.functions = functions, .outline = outline};
	signature->cache = signature_number(adding->table->names, model->caches[site->cache].name);
	if (signature->cache == UINT32_MAX)
		return false;
	for (uint32_t node = site->node; node && signature->count < SIGNATURE_DEPTH_MAX && seen < MODEL_STACK_DEPTH_MAX;
	     node = model->nodes[node].parent, seen++) {
		const struct frame_place *place = place_of(adding, model->nodes[node].frame);

		if (place->part == PART_ENDS)
			break;
		if (place->part == PART_SKIPPED && !signature->count)
			continue;
		add_function(functions, &signature->count, &place->function);
		if (!model->frames[model->nodes[node].frame].is_inlined)
			add_function(outline, &signature->outline_count, &place->function);
	}
	return !adding->failed;
}

/* A copy in the table, whose place becomes *index. */
static bool keep_signature(struct signature_table *table, const struct signature *signature, uint32_t *index)
{
	uint64_t key = hash_same(signature);

	key += !key;
	for (const uint64_t *known; (known = u64_map_find(&table->index, key)); key += 1 + !(key + 1)) {
		*index = (uint32_t)*known - 1;
		if (is_same(&table->signatures[*index], signature))
			return true;
	}
	struct signature_function *functions = arena_array(&table->arena, signature->count, sizeof(*functions));
	struct signature_function *outline = arena_array(&table->arena, signature->outline_count, sizeof(*outline));
	if (!functions || !outline || !room_for(&table->signatures, table->count, &table->capacity, sizeof(*table->signatures)))
		return false;
	*index = table->count;
	table->signatures[table->count] = *signature;
	table->signatures[table->count].functions = memcpy(functions, signature->functions, signature->count * sizeof(*functions));
	table->signatures[table->count].outline = memcpy(outline, signature->outline, signature->outline_count * sizeof(*outline));
	uint64_t *place = u64_map_put(&table->index, key);
	if (place)
		*place = ++table->count;
	return place;
}

int signature_table_add(struct signature_table *table, const struct model *model, uint32_t *places, struct error *err)
{
	CLEANUP(cleanup_free) struct frame_place *frames = calloc((size_t)model->frame_count + 1, sizeof(*frames));
	struct adding adding = {.table = table, .model = model, .places = frames};
	struct signature_function functions[SIGNATURE_DEPTH_MAX], outline[SIGNATURE_DEPTH_MAX];

	for (uint32_t i = 0; frames && i < model->site_count; i++) {
		struct signature signature;

		if (!make_signature(&adding, &model->sites[i], &signature, functions, outline) ||
		    !keep_signature(table, &signature, &places[i]))
			return error_set(err, -ENOMEM, "not enough memory to compare %u call stacks", model->site_count);
	}
	return frames ? 0 : error_set(err, -ENOMEM, "not enough memory to compare %u call stacks", model->site_count);
}

/* The ladder. */

struct matching {
	const struct signature_table *sides[2];
	struct signature_match *matches; /* by signature of before */
	bool *is_taken;			 /* by signature of after */
	enum signature_rung rung;
	uint32_t pairs_left; /* that may be compared function by function */
};

static bool is_several(const struct signature_table *table, uint32_t plain)
{
	return plain < table->symbol_capacity && table->symbols[plain] == SIGNATURE_SEVERAL;
}

/* What the function is called where the compiler's suffix does not count: where that is not clear, it does. */
static uint32_t called(const struct matching *matching, const struct signature_function *function)
{
	if (is_several(matching->sides[0], function->plain) || is_several(matching->sides[1], function->plain))
		return function->name;
	return function->plain;
}

static uint32_t element(const struct matching *matching, const struct signature *signature, uint32_t index)
{
	return called(matching, matching->rung == SIGNATURE_OUTLINE ? &signature->outline[index] : &signature->functions[index]);
}

static uint32_t length_of(const struct matching *matching, const struct signature *signature)
{
	return matching->rung == SIGNATURE_OUTLINE ? signature->outline_count : signature->count;
}

/* What says nothing of where it is fits no other. */
static bool is_empty(const struct matching *matching, const struct signature *signature)
{
	return matching->rung != SIGNATURE_SAME && !length_of(matching, signature);
}

static uint64_t rung_hash(const struct matching *matching, const struct signature *signature)
{
	if (matching->rung == SIGNATURE_SAME)
		return hash_same(signature);
	uint64_t hash = matching->rung == SIGNATURE_CACHE ? 0 : signature->cache;
	uint32_t last = 0;

	for (uint32_t i = 0; i < length_of(matching, signature); i++) {
		uint32_t next = element(matching, signature, i);

		if (next != last)
			hash = mix(hash, next);
		last = next;
	}
	return hash;
}

/* Whether they are the same by this rung; a function that follows itself counts once. */
static bool is_rung_equal(const struct matching *matching, const struct signature *a, const struct signature *b)
{
	uint32_t i = 0, j = 0, left = length_of(matching, a), right = length_of(matching, b);

	if (matching->rung == SIGNATURE_SAME)
		return is_same(a, b);
	if (matching->rung != SIGNATURE_CACHE && a->cache != b->cache)
		return false;
	while (i < left && j < right) {
		uint32_t here = element(matching, a, i);

		if (element(matching, b, j) != here)
			return false;
		while (i < left && element(matching, a, i) == here)
			i++;
		while (j < right && element(matching, b, j) == here)
			j++;
	}
	return i == left && j == right;
}

/* A signature that is not matched yet, by what this rung sees of it. */
struct candidate {
	uint64_t hash;
	uint32_t side; /* 0 before, 1 after */
	uint32_t index;
};

static int by_hash(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->side != b->side)
		return a->side < b->side ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

static bool is_open(const struct matching *matching, uint32_t side, uint32_t index)
{
	return side ? !matching->is_taken[index] : !matching->matches[index].rung;
}

static void pair(struct matching *matching, uint32_t before, uint32_t after)
{
	matching->matches[before] = (struct signature_match){.other = after, .rung = matching->rung};
	matching->is_taken[after] = true;
}

static const struct signature *signature_of(const struct matching *matching, const struct candidate *candidate)
{
	return &matching->sides[candidate->side]->signatures[candidate->index];
}

/* Candidates of one hash: a pair that is equal, and equal to no other of them, is one. */
static void pair_equal(struct matching *matching, const struct candidate *candidates, uint32_t count)
{
	for (uint32_t i = 0; i < count && count <= EQUALS_MAX && !candidates[i].side; i++) {
		uint32_t equals[2] = {0, 0}, other = 0;

		for (uint32_t j = 0; j < count; j++) {
			if (!is_rung_equal(matching, signature_of(matching, &candidates[i]), signature_of(matching, &candidates[j])))
				continue;
			equals[candidates[j].side]++;
			if (candidates[j].side)
				other = candidates[j].index;
		}
		if (equals[0] == 1 && equals[1] == 1)
			pair(matching, candidates[i].index, other);
	}
}

static uint32_t collect(const struct matching *matching, struct candidate *candidates,
			uint64_t (*hash)(const struct matching *matching, const struct signature *signature))
{
	uint32_t count = 0;

	for (uint32_t side = 0; side < 2; side++)
		for (uint32_t i = 0; i < matching->sides[side]->count; i++) {
			const struct signature *signature = &matching->sides[side]->signatures[i];

			if (is_open(matching, side, i) && !is_empty(matching, signature))
				candidates[count++] = (struct candidate){.hash = hash(matching, signature), .side = side, .index = i};
		}
	qsort(candidates, count, sizeof(*candidates), by_hash);
	return count;
}

/* Runs of equal hash, one after the other. */
static void for_each_run(struct matching *matching, const struct candidate *candidates, uint32_t count,
			 void (*visit)(struct matching *matching, const struct candidate *candidates, uint32_t count))
{
	for (uint32_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count && candidates[to].hash == candidates[from].hash; to++)
			;
		visit(matching, candidates + from, to - from);
	}
}

/* Functions that both have in the same order, most of them: the longest common subsequence. */
static uint32_t common_functions(const struct matching *matching, const struct signature *a, const struct signature *b)
{
	uint32_t best[SIGNATURE_DEPTH_MAX + 1] = {0};

	for (uint32_t i = 0; i < a->count; i++) {
		uint32_t here = called(matching, &a->functions[i]), diagonal = 0;

		for (uint32_t j = 0; j < b->count; j++) {
			uint32_t above = best[j + 1];

			if (called(matching, &b->functions[j]) == here)
				best[j + 1] = diagonal + 1;
			else if (best[j] > above)
				best[j + 1] = best[j];
			diagonal = above;
		}
	}
	return best[b->count];
}

/* How alike, 0 too little: what is common, in thousandths of the longer, and one more where the cache is the same. */
static uint32_t likeness(const struct matching *matching, const struct signature *a, const struct signature *b)
{
	uint32_t longer = a->count > b->count ? a->count : b->count, alike = 1000 * common_functions(matching, a, b) / longer;
	bool has_inner = called(matching, &a->functions[0]) == called(matching, &b->functions[0]);

	if (alike < (has_inner ? SIMILAR_WITHIN_ENDS : SIMILAR_TO_END) || (!has_inner && a->cache != b->cache))
		return 0;
	return 2 * alike + (a->cache == b->cache);
}

/* Of the outer end, below which others are looked for. */
static uint64_t outer_hash(const struct matching *matching, const struct signature *signature)
{
	return mix(0, called(matching, &signature->functions[signature->count - 1]));
}

/* Of both ends: those that have them are tried first, they are surer. */
static uint64_t ends_hash(const struct matching *matching, const struct signature *signature)
{
	return mix(outer_hash(matching, signature), called(matching, &signature->functions[0]));
}

/* The best of the other side for one of them; UINT32_MAX where none is like it, or two are as much. */
static uint32_t most_alike(const struct matching *matching, const struct candidate *candidates, uint32_t count, uint32_t of)
{
	uint32_t best = 0, at = UINT32_MAX;

	for (uint32_t i = 0; i < count; i++) {
		if (candidates[i].side == candidates[of].side)
			continue;
		uint32_t alike = likeness(matching, signature_of(matching, &candidates[of]), signature_of(matching, &candidates[i]));
		if (alike > best)
			at = i;
		else if (alike == best)
			at = UINT32_MAX;
		if (alike > best)
			best = alike;
	}
	return at;
}

/* Pairs that are each other's best. */
static void pair_similar(struct matching *matching, const struct candidate *candidates, uint32_t count)
{
	uint32_t lefts = 0;

	while (lefts < count && !candidates[lefts].side)
		lefts++;
	if ((uint64_t)lefts * (count - lefts) > matching->pairs_left)
		return;
	matching->pairs_left -= lefts * (count - lefts);
	for (uint32_t i = 0; i < lefts; i++) {
		uint32_t other = most_alike(matching, candidates, count, i);

		if (other != UINT32_MAX && most_alike(matching, candidates, count, other) == i)
			pair(matching, candidates[i].index, candidates[other].index);
	}
}

int signature_match(const struct signature_table *before, const struct signature_table *after, struct signature_match *matches,
		    struct error *err)
{
	size_t all = (size_t)before->count + after->count;
	CLEANUP(cleanup_free) struct candidate *candidates = calloc(all + 1, sizeof(*candidates));
	CLEANUP(cleanup_free) bool *is_taken = calloc((size_t)after->count + 1, sizeof(*is_taken));
	struct matching matching = {
		.sides = {before, after}, .matches = matches, .is_taken = is_taken, .pairs_left = SIMILAR_PAIRS_MAX};

	if (!candidates || !is_taken)
		return error_set(err, -ENOMEM, "not enough memory to compare %zu call stacks", all);
	for (uint32_t i = 0; i < before->count; i++)
		matches[i] = (struct signature_match){0};
	for (matching.rung = SIGNATURE_SAME; matching.rung < SIGNATURE_SIMILAR; matching.rung++)
		for_each_run(&matching, candidates, collect(&matching, candidates, rung_hash), pair_equal);
	for_each_run(&matching, candidates, collect(&matching, candidates, ends_hash), pair_similar);
	for_each_run(&matching, candidates, collect(&matching, candidates, outer_hash), pair_similar);
	return 0;
}

const char *signature_rung_name(enum signature_rung rung)
{
	static const char *const names[] = {
		[SIGNATURE_UNMATCHED] = "no other like it",
		[SIGNATURE_SAME] = "same functions and files",
		[SIGNATURE_NAMES] = "same functions by name",
		[SIGNATURE_OUTLINE] = "same functions but for inlined ones",
		[SIGNATURE_CACHE] = "same functions, another cache",
		[SIGNATURE_SIMILAR] = "same ends and most functions",
	};

	return rung < SIGNATURE_RUNGS ? names[rung] : "";
}

const char *signature_rung_key(enum signature_rung rung)
{
	static const char *const keys[] = {
		[SIGNATURE_UNMATCHED] = "none", [SIGNATURE_SAME] = "same",   [SIGNATURE_NAMES] = "names",
		[SIGNATURE_OUTLINE] = "outline", [SIGNATURE_CACHE] = "cache", [SIGNATURE_SIMILAR] = "similar",
	};

	return rung < SIGNATURE_RUNGS ? keys[rung] : "";
}
