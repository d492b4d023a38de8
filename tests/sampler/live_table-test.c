/* Allocations and frees by address: what each event means, and that a model that remembers everything agrees. */
#include "tests/cmocka_unit.h"

#include "sampler/live_table.h"
#include "tests/random.h"

#define MS 1000000ull
#define S (1000 * MS)

static struct live_object object_of(uint64_t address, uint64_t serial, uint64_t time_ns, int32_t tid, uint64_t sp)
{
	return (struct live_object){
		.address = address, .serial = serial, .time_ns = time_ns, .tid = tid, .sp = sp, .cache = 3};
}

static enum live_birth birth(struct live_table *table, struct live_object object, uint64_t *old_serial)
{
	enum live_birth meaning = live_table_check_birth(table, &object, 0, old_serial);

	if (meaning != LIVE_BIRTH_DUPLICATE)
		assert_int_equal(live_table_add(table, &object), 0);
	return meaning;
}

static enum live_death death(struct live_table *table, struct live_free event, uint64_t *serial, uint16_t *cache)
{
	*serial = 0;
	*cache = UINT16_MAX;
	return live_table_free(table, &event, serial, cache);
}

static struct live_free free_of(uint64_t address, uint64_t time_ns, int32_t tid, enum live_witness witness)
{
	return (struct live_free){.address = address, .time_ns = time_ns, .tid = tid, .witness = witness};
}

static void test_match(void **state)
{
	struct live_table table = {0};
	uint64_t serial = 0;
	uint16_t cache;

	(void)state;
	assert_int_equal(birth(&table, object_of(0x1000, 1, 5, 7, 0x100), &serial), LIVE_BIRTH_NEW);
	assert_int_equal(birth(&table, object_of(0x1400, 2, 6, 7, 0x100), &serial), LIVE_BIRTH_NEW);
	assert_int_equal(table.live_count, 2);
	assert_int_equal(death(&table, free_of(0x1400, 9, 8, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_MATCHED);
	assert_int_equal(serial, 2);
	assert_int_equal(cache, 3);
	assert_int_equal(table.live_count, 1);
	/* Freed and born again: nothing was missed. */
	assert_int_equal(birth(&table, object_of(0x1400, 3, 10, 7, 0), &serial), LIVE_BIRTH_NEW);
	assert_int_equal(table.live_count, 2);
	live_table_release(&table);
	assert_int_equal(table.live_count, 0);
	live_table_release(&table);
}

static void test_reuse_ends_the_old_object(void **state)
{
	struct live_table table = {0};
	uint64_t serial = 0;
	uint16_t cache;

	(void)state;
	birth(&table, object_of(0x1000, 1, 5, 7, 0x100), &serial);
	assert_int_equal(birth(&table, object_of(0x1000, 2, 6, 8, 0x100), &serial), LIVE_BIRTH_REUSED);
	assert_int_equal(serial, 1);
	assert_int_equal(table.live_count, 1);
	assert_int_equal(death(&table, free_of(0x1000, 9, 8, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_MATCHED);
	assert_int_equal(serial, 2);
	assert_int_equal(table.live_count, 0);
	live_table_release(&table);
}

/* The same task, right after, from a frame further out: the caller returns the pointer that its callee returned. */
static void test_duplicate_of_an_outer_function(void **state)
{
	const struct live_object inner = object_of(0x1000, 1, S, 7, 0x8000);
	struct live_table table = {0};
	uint64_t serial = 0;

	(void)state;
	birth(&table, inner, &serial);
	assert_int_equal(birth(&table, object_of(0x1000, 2, S + 1000, 7, 0x8040), &serial), LIVE_BIRTH_DUPLICATE);
	assert_int_equal(table.live_count, 1);
	/* Everything that is not so is a reuse. */
	assert_int_equal(live_table_check_birth(
				 &table,
				 &(struct live_object){.address = 0x1000, .time_ns = S + 1000, .tid = 8, .sp = 0x8040},
				 0, &serial),
			 LIVE_BIRTH_REUSED);
	assert_int_equal(live_table_check_birth(
				 &table,
				 &(struct live_object){.address = 0x1000, .time_ns = S + 1000, .tid = 7, .sp = 0x8000},
				 0, &serial),
			 LIVE_BIRTH_REUSED);
	assert_int_equal(live_table_check_birth(
				 &table,
				 &(struct live_object){.address = 0x1000, .time_ns = S + 1000, .tid = 7, .sp = 0x7fc0},
				 0, &serial),
			 LIVE_BIRTH_REUSED);
	assert_int_equal(live_table_check_birth(&table,
						&(struct live_object){.address = 0x1000, .time_ns = S + 1000, .tid = 7},
						0, &serial),
			 LIVE_BIRTH_REUSED);
	assert_int_equal(live_table_check_birth(
				 &table,
				 &(struct live_object){.address = 0x1000, .time_ns = 20 * S, .tid = 7, .sp = 0x8040}, 0,
				 &serial),
			 LIVE_BIRTH_REUSED);
	/* A hypervisor may have other things to do between the two. */
	assert_int_equal(live_table_check_birth(
				 &table,
				 &(struct live_object){.address = 0x1000, .time_ns = 3 * S, .tid = 7, .sp = 0x8040}, 0,
				 &serial),
			 LIVE_BIRTH_DUPLICATE);
	live_table_release(&table);
}

/* An outer function that ended in a jump to the inner one returns at the same place: only its name is another. */
static void test_duplicate_of_a_jump(void **state)
{
	struct live_object inner = object_of(0x1000, 1, S, 7, 0x8000), outer = object_of(0x1000, 2, S + 1000, 7, 0x8000);
	struct live_table table = {0};
	uint64_t serial = 0;

	(void)state;
	inner.function = 3;
	outer.function = 4;
	inner.caller_path = outer.caller_path = 20;
	birth(&table, inner, &serial);
	assert_int_equal(live_table_check_birth(&table, &outer, 21, &serial), LIVE_BIRTH_DUPLICATE);
	/* The same function once more has handed the object out once more, and so has one with another caller. */
	outer.function = 3;
	assert_int_equal(live_table_check_birth(&table, &outer, 21, &serial), LIVE_BIRTH_REUSED);
	outer.function = 4;
	outer.caller_path = 19;
	assert_int_equal(live_table_check_birth(&table, &outer, 21, &serial), LIVE_BIRTH_REUSED);
	live_table_release(&table);
}

static void confirmed_in_order(enum live_witness first, enum live_witness second)
{
	struct live_table table = {0};
	uint64_t serial;
	uint16_t cache;

	birth(&table, object_of(0x1000, 1, S, 7, 0), &serial);
	assert_int_equal(death(&table, free_of(0x1000, S + MS, 9, first), &serial, &cache), LIVE_DEATH_MATCHED);
	assert_int_equal(death(&table, free_of(0x1000, S + MS + 500, 9, second), &serial, &cache),
			 LIVE_DEATH_CONFIRMED);
	assert_int_equal(table.live_count, 0);
	/* Either of them once more is its sample with or without the call chain. */
	assert_int_equal(death(&table, free_of(0x1000, S + MS + 900, 9, first), &serial, &cache), LIVE_DEATH_REPEATED);
	assert_int_equal(death(&table, free_of(0x1000, S + MS + 950, 9, second), &serial, &cache), LIVE_DEATH_REPEATED);
	/* Much later it is another free of an object that nobody saw allocated. */
	assert_int_equal(death(&table, free_of(0x1000, 2 * S, 9, first), &serial, &cache), LIVE_DEATH_OLDER);
	assert_int_equal(cache, 3);
	assert_int_equal(death(&table, free_of(0x1000, 2 * S + 50, 9, second), &serial, &cache), LIVE_DEATH_CONFIRMED);
	live_table_release(&table);
}

static void test_second_witness_confirms(void **state)
{
	(void)state;
	confirmed_in_order(LIVE_WITNESS_KPROBE, LIVE_WITNESS_TRACEPOINT);
	confirmed_in_order(LIVE_WITNESS_TRACEPOINT, LIVE_WITNESS_KPROBE);
}

static void test_no_confirmation(void **state)
{
	struct live_table table = {0};
	uint64_t serial;
	uint16_t cache;

	(void)state;
	birth(&table, object_of(0x1000, 1, S, 7, 0), &serial);
	death(&table, free_of(0x1000, S + MS, 9, LIVE_WITNESS_KPROBE), &serial, &cache);
	/* Of another task, or much later: another free, whose allocation was not seen. */
	assert_int_equal(death(&table, free_of(0x1000, S + 2 * MS, 10, LIVE_WITNESS_TRACEPOINT), &serial, &cache),
			 LIVE_DEATH_OLDER);
	assert_int_equal(death(&table, free_of(0x1000, S + 500 * MS, 10, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_OLDER);
	live_table_release(&table);
}

/* A ring that was drained late hands out records from before those that were taken: their time steps back. */
static void test_confirmation_by_a_late_record(void **state)
{
	struct live_table table = {0};
	uint64_t serial;
	uint16_t cache;

	(void)state;
	birth(&table, object_of(0x1000, 1, 20 * S, 7, 0), &serial);
	birth(&table, object_of(0x2000, 2, 20 * S, 7, 0), &serial);
	death(&table, free_of(0x2000, 21 * S, 9, LIVE_WITNESS_KPROBE), &serial, &cache);
	death(&table, free_of(0x1000, 21 * S + 500, 9, LIVE_WITNESS_KPROBE), &serial, &cache);
	assert_int_equal(death(&table, free_of(0x2000, 21 * S - 500, 9, LIVE_WITNESS_TRACEPOINT), &serial, &cache),
			 LIVE_DEATH_CONFIRMED);
	assert_int_equal(death(&table, free_of(0x1000, 21 * S + 100, 9, LIVE_WITNESS_TRACEPOINT), &serial, &cache),
			 LIVE_DEATH_CONFIRMED);
	live_table_release(&table);
}

static void test_older_objects(void **state)
{
	struct live_table table = {0};
	uint64_t serial;
	uint16_t cache;
	struct live_free named = free_of(0xa000, S, 9, LIVE_WITNESS_KPROBE);

	(void)state;
	named.has_cache = true;
	named.cache = 5;
	assert_int_equal(death(&table, free_of(0xb000, S, 9, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_UNKNOWN);
	/* By name, and with it the page is known. */
	assert_int_equal(death(&table, named, &serial, &cache), LIVE_DEATH_OLDER);
	assert_int_equal(cache, 5);
	assert_int_equal(death(&table, free_of(0xa000, S + 10, 9, LIVE_WITNESS_TRACEPOINT), &serial, &cache),
			 LIVE_DEATH_CONFIRMED);
	assert_int_equal(death(&table, free_of(0xa400, S, 9, LIVE_WITNESS_KPROBE), &serial, &cache), LIVE_DEATH_OLDER);
	assert_int_equal(cache, 5);
	assert_int_equal(death(&table, free_of(0xb000, S, 9, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_UNKNOWN);
	/* A page that went to another cache; the name beats the page. */
	struct live_object other = object_of(0xa800, 1, S, 7, 0);
	birth(&table, other, &serial);
	assert_int_equal(death(&table, free_of(0xac00, S, 9, LIVE_WITNESS_KPROBE), &serial, &cache), LIVE_DEATH_OLDER);
	assert_int_equal(cache, 3);
	named.address = 0xa200;
	assert_int_equal(death(&table, named, &serial, &cache), LIVE_DEATH_OLDER);
	assert_int_equal(cache, 5);
	assert_int_equal(table.live_count, 1);
	live_table_release(&table);
}

static struct live_free request_of(uint64_t address, uint64_t time_ns, int32_t tid)
{
	struct live_free event = free_of(address, time_ns, tid, LIVE_WITNESS_KPROBE);

	event.is_request = true;
	return event;
}

static void note_serial(void *context, uint64_t serial)
{
	*(uint64_t *)context = serial;
}

/* Freed by a way that nobody tells: at last it is given up, and its page may be anybody's. */
static void test_pending_for_ever(void **state)
{
	uint64_t given_up = 0, serial = 0;
	struct live_table table = {.give_up = note_serial, .give_up_context = &given_up};
	uint16_t cache;

	(void)state;
	birth(&table, object_of(0x1000, 4, S, 7, 0), &serial);
	death(&table, request_of(0x1000, 50 * S, 7), &serial, &cache);
	/* An older one too: its request is told once, however long it takes. */
	struct live_free older = request_of(0x1400, 50 * S, 7);
	assert_int_equal(death(&table, older, &serial, &cache), LIVE_DEATH_OLDER);
	assert_int_equal(death(&table, free_of(0x1400, 300 * S, 8, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_OLDER_COMPLETED);
	assert_int_equal(table.pending_count, 1);
	assert_int_equal(death(&table, free_of(0x9000, 640 * S, 8, LIVE_WITNESS_KPROBE), &serial, &cache), LIVE_DEATH_UNKNOWN);
	assert_int_equal(given_up, 0);
	assert_int_equal(death(&table, free_of(0x9000, 660 * S, 8, LIVE_WITNESS_KPROBE), &serial, &cache), LIVE_DEATH_UNKNOWN);
	assert_int_equal(given_up, 4);
	assert_int_equal(table.pending_count, 0);
	assert_int_equal(table.pending_given_up, 1);
	assert_int_equal(table.by_address_count, 0);
	assert_int_equal(death(&table, free_of(0x1800, 670 * S, 8, LIVE_WITNESS_KPROBE), &serial, &cache), LIVE_DEATH_UNKNOWN);
	assert_int_equal(table.pages.count, 0);
	live_table_release(&table);
}

/* A page is known to be its cache's while it has an object of it, and a short time longer. */
static void test_a_page_goes_to_another_cache(void **state)
{
	struct live_table table = {0};
	uint64_t serial;
	uint16_t cache;

	(void)state;
	birth(&table, object_of(0x1000, 1, S, 7, 0), &serial);
	birth(&table, object_of(0x1100, 2, S, 7, 0), &serial);
	birth(&table, object_of(0x1100, 3, 2 * S, 7, 0), &serial); /* an implied free */
	death(&table, free_of(0x1000, 3 * S, 7, LIVE_WITNESS_KPROBE), &serial, &cache);
	assert_int_equal(death(&table, free_of(0x1200, 500 * S, 7, LIVE_WITNESS_KPROBE), &serial, &cache), LIVE_DEATH_OLDER);
	/* Its last object is handed to kfree_rcu(): until it is freed it is there. */
	assert_int_equal(death(&table, request_of(0x1100, 600 * S, 7), &serial, &cache), LIVE_DEATH_MATCHED);
	assert_int_equal(death(&table, free_of(0x1300, 700 * S, 7, LIVE_WITNESS_KPROBE), &serial, &cache), LIVE_DEATH_OLDER);
	assert_int_equal(death(&table, free_of(0x1100, 800 * S, 7, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_COMPLETED);
	assert_int_equal(death(&table, free_of(0x1400, 809 * S, 7, LIVE_WITNESS_KPROBE), &serial, &cache), LIVE_DEATH_OLDER);
	/* What is only thought to be its object's free proves nothing. */
	assert_int_equal(death(&table, free_of(0x1500, 812 * S, 7, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_UNKNOWN);
	assert_int_equal(table.pages.count, 1);
	assert_int_equal(death(&table, free_of(0x9000, 820 * S, 7, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_UNKNOWN);
	assert_int_equal(table.pages.count, 0);
	live_table_release(&table);
}

struct seen {
	uint64_t serials[64];
	uint64_t addresses[64];
	size_t count;
};

static void note(void *context, const struct live_object *object)
{
	struct seen *seen = context;

	seen->serials[seen->count] = object->serial;
	seen->addresses[seen->count++] = object->address;
}

/* kfree_rcu() ends an object for its user; a worker frees it seconds later. */
static void test_request_then_free(void **state)
{
	struct live_table table = {0};
	uint64_t serial;
	uint16_t cache;

	(void)state;
	birth(&table, object_of(0x1000, 1, S, 7, 0), &serial);
	assert_int_equal(death(&table, request_of(0x1000, 2 * S, 7), &serial, &cache), LIVE_DEATH_MATCHED);
	assert_int_equal(serial, 1);
	assert_int_equal(table.live_count, 0);
	assert_int_equal(table.pending_count, 1);
	assert_int_equal(death(&table, request_of(0x1000, 2 * S + 5, 7), &serial, &cache), LIVE_DEATH_CONFIRMED);
	assert_int_equal(death(&table, free_of(0x1000, 9 * S, 50, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_COMPLETED);
	assert_int_equal(serial, 1);
	assert_int_equal(table.pending_count, 0);
	assert_int_equal(death(&table, free_of(0x1000, 9 * S + 5, 50, LIVE_WITNESS_TRACEPOINT), &serial, &cache),
			 LIVE_DEATH_CONFIRMED);
	assert_int_equal(table.live_count, 0);
	live_table_release(&table);
}

/* Sheaves free without a probe: the next allocation there is new, and nothing was missed. */
static void test_request_then_reuse(void **state)
{
	struct live_table table = {0};
	struct seen seen = {.count = 0};
	uint64_t serial = 0;
	uint16_t cache;

	(void)state;
	birth(&table, object_of(0x1000, 1, S, 7, 0), &serial);
	death(&table, request_of(0x1000, 2 * S, 7), &serial, &cache);
	assert_int_equal(live_table_each(&table, note, &seen), 0);
	assert_int_equal(seen.count, 0);
	assert_int_equal(birth(&table, object_of(0x1000, 2, 9 * S, 8, 0), &serial), LIVE_BIRTH_NEW);
	assert_int_equal(table.live_count, 1);
	assert_int_equal(table.pending_count, 0);
	assert_int_equal(live_table_each(&table, note, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.serials[0], 2);
	assert_int_equal(death(&table, free_of(0x1000, 10 * S, 50, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_MATCHED);
	assert_int_equal(table.live_count, 0);
	live_table_release(&table);
}

static void test_request_for_an_older_object(void **state)
{
	struct live_table table = {0};
	uint64_t serial;
	uint16_t cache;

	(void)state;
	assert_int_equal(death(&table, request_of(0x1400, S, 7), &serial, &cache), LIVE_DEATH_UNKNOWN);
	birth(&table, object_of(0x1000, 1, S, 7, 0), &serial);
	assert_int_equal(death(&table, request_of(0x1400, 2 * S, 7), &serial, &cache), LIVE_DEATH_OLDER);
	assert_int_equal(cache, 3);
	/* It is told once, by whatever task it is freed. */
	assert_int_equal(death(&table, request_of(0x1400, 2 * S + 5, 7), &serial, &cache), LIVE_DEATH_CONFIRMED);
	assert_int_equal(death(&table, free_of(0x1400, 3 * S, 50, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_OLDER_COMPLETED);
	assert_int_equal(death(&table, free_of(0x1400, 3 * S + 5, 50, LIVE_WITNESS_TRACEPOINT), &serial, &cache),
			 LIVE_DEATH_CONFIRMED);
	assert_int_equal(table.live_count, 1);
	assert_int_equal(table.pending_count, 0);
	live_table_release(&table);
}

static void test_sweeping_keeps_memory_bounded(void **state)
{
	struct live_table table = {0};
	uint64_t serial, now_ns = 10 * S;
	uint16_t cache;

	(void)state;
	birth(&table, object_of(0x7000, 1, now_ns, 7, 0), &serial);
	for (uint64_t i = 0; i < 200000; i++, now_ns += MS) {
		uint64_t address = 0x100000 + i * 64;

		birth(&table, object_of(address, i + 2, now_ns, 7, 0), &serial);
		assert_int_equal(death(&table, free_of(address, now_ns, 7, LIVE_WITNESS_KPROBE), &serial, &cache),
				 LIVE_DEATH_MATCHED);
	}
	/* Swept every five seconds, kept a second: some 6,000 ended ones at most. */
	assert_in_range(table.object_count, 1, 7000);
	assert_in_range(table.by_address_count, 1, 7000);
	/* 64 objects a page; those of the last fifteen seconds at most, and that of the one that lives. */
	assert_in_range(table.pages.count, 2, 15000 / 64 + 2);
	assert_int_equal(table.live_count, 1);
	/* The one that lives is not swept. */
	assert_int_equal(death(&table, free_of(0x7000, now_ns, 7, LIVE_WITNESS_KPROBE), &serial, &cache),
			 LIVE_DEATH_MATCHED);
	assert_int_equal(serial, 1);
	live_table_release(&table);
}

static void test_each_in_order_of_serials(void **state)
{
	struct live_table table = {0};
	struct seen seen = {.count = 0};
	uint64_t serial;
	uint16_t cache;

	(void)state;
	assert_int_equal(live_table_each(&table, note, &seen), 0);
	assert_int_equal(seen.count, 0);
	for (uint64_t i = 0; i < 50; i++)
		birth(&table, object_of(0x100000 - i * 0x400, 1 + (i * 7) % 50, S, 7, 0), &serial);
	death(&table, free_of(0x100000, S, 7, LIVE_WITNESS_KPROBE), &serial, &cache);
	assert_int_equal(serial, 1);
	assert_int_equal(live_table_each(&table, note, &seen), 0);
	assert_int_equal(seen.count, 49);
	for (size_t i = 0; i < 49; i++)
		assert_int_equal(seen.serials[i], i + 2);
	assert_int_equal(seen.addresses[1 + 7 - 2 - 0], 0x100000 - 0x400);
	live_table_release(&table);
}

/* A model with one place for each of a few addresses, that never forgets. */
#define PLACES 512

struct model {
	uint64_t serial[PLACES];
	uint16_t cache[PLACES];
	uint64_t page_seen_ns[PLACES / 4]; /* 0: never */
	uint16_t page_cache[PLACES / 4];
	size_t live;
};

static bool has_live_page(const struct model *model, size_t page)
{
	return model->serial[4 * page] || model->serial[4 * page + 1] || model->serial[4 * page + 2] ||
	       model->serial[4 * page + 3];
}

/* A free where nothing is live: by what its page was when. */
static void assert_older_or_not(const struct model *model, size_t page, uint64_t now_ns, enum live_death meaning,
				uint16_t cache)
{
	uint64_t seen_ns = model->page_seen_ns[page];

	if (has_live_page(model, page) || (seen_ns && now_ns < seen_ns + 10 * S))
		assert_int_equal(meaning, LIVE_DEATH_OLDER);
	else if (!seen_ns || now_ns > seen_ns + 12 * S)
		assert_int_equal(meaning, LIVE_DEATH_UNKNOWN);
	if (meaning == LIVE_DEATH_OLDER)
		assert_int_equal(cache, model->page_cache[page]);
}

static void test_random_against_a_model(void **state)
{
	struct live_table table = {0};
	struct model model = {.live = 0};
	uint64_t seed = 42, serial, now_ns = S, next_serial = 0;
	uint16_t cache;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		size_t place = random_below(&seed, PLACES);
		uint64_t address = 0x100000 + place * 1024;

		/* Now and then a quiet time, after which a page without an object may be anybody's. */
		now_ns += random_below(&seed, 200) ? random_below(&seed, 400) * MS : 15 * S;
		if (random_below(&seed, 2)) {
			struct live_object object =
				object_of(address, ++next_serial, now_ns, (int32_t)random_below(&seed, 3), 0);

			object.cache = (uint16_t)random_below(&seed, 4);
			assert_int_equal(birth(&table, object, &serial),
					 model.serial[place] ? LIVE_BIRTH_REUSED : LIVE_BIRTH_NEW);
			if (model.serial[place])
				assert_int_equal(serial, model.serial[place]);
			model.live += !model.serial[place];
			model.serial[place] = object.serial;
			model.cache[place] = object.cache;
			model.page_seen_ns[place / 4] = now_ns;
			model.page_cache[place / 4] = object.cache;
		} else {
			/* One witness only and never the same task twice, so that there is nothing to confirm or to
			 * repeat. */
			enum live_death meaning =
				death(&table, free_of(address, now_ns, 1 + i, LIVE_WITNESS_KPROBE), &serial, &cache);

			if (model.serial[place]) {
				assert_int_equal(meaning, LIVE_DEATH_MATCHED);
				assert_int_equal(serial, model.serial[place]);
				assert_int_equal(cache, model.cache[place]);
				model.live--;
				model.serial[place] = 0;
				model.page_seen_ns[place / 4] = now_ns;
				model.page_cache[place / 4] = cache;
			} else {
				assert_older_or_not(&model, place / 4, now_ns, meaning, cache);
			}
		}
		assert_int_equal(table.live_count, model.live);
	}
	assert_true(table.object_count <= PLACES);
	live_table_release(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_reuse_ends_the_old_object),
		cmocka_unit_test(test_duplicate_of_an_outer_function),
		cmocka_unit_test(test_duplicate_of_a_jump),
		cmocka_unit_test(test_second_witness_confirms),
		cmocka_unit_test(test_no_confirmation),
		cmocka_unit_test(test_confirmation_by_a_late_record),
		cmocka_unit_test(test_older_objects),
		cmocka_unit_test(test_request_then_free),
		cmocka_unit_test(test_request_then_reuse),
		cmocka_unit_test(test_request_for_an_older_object),
		cmocka_unit_test(test_pending_for_ever),
		cmocka_unit_test(test_a_page_goes_to_another_cache),
		cmocka_unit_test(test_sweeping_keeps_memory_bounded),
		cmocka_unit_test(test_each_in_order_of_serials),
		cmocka_unit_test(test_random_against_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
