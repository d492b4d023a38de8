/* Rings interleaved into the order of time: nothing lost, nothing twice, late records counted. */
#include "tests/cmocka_unit.h"

#include "sampler/sample.h"
#include "sampler/time_order.h"
#include "tests/sampler/perf_record.h"
#include "tests/random.h"

struct taken {
	uint64_t times[64];
	uint64_t ids[64];
	uint32_t rings[64];
	size_t count;
	size_t fail_at; /* this record, from 1, is refused; 0 none */
};

static int take(void *context, const uint8_t *record, size_t size_bytes, uint32_t ring)
{
	struct taken *taken = context;
	size_t size;

	assert_true(size_bytes >= 48);
	memcpy(&taken->ids[taken->count], record + 8, 8);
	taken->times[taken->count] = sample_time(record, size_bytes, &size);
	taken->rings[taken->count++] = ring;
	return taken->fail_at == taken->count ? -ENOMEM : 0;
}

static void append(struct time_order *order, size_t queue, uint64_t time_ns, uint64_t id)
{
	struct perf_record_origin origin = {.id = id, .time_ns = time_ns};
	struct perf_record record;

	/* Records of different sizes. */
	perf_record_sample(&record, &origin, NULL, 0, "raw raw raw raw raw raw raw raw", 4 + id % 3 * 8);
	buffer_add(time_order_input(order, queue), record.bytes, record.size);
}

static void drain(struct time_order *order, const uint64_t *times, size_t count, uint32_t ring)
{
	for (size_t i = 0; i < count; i++)
		append(order, ring, times[i], ring * 100 + i);
	assert_int_equal(time_order_added(order, ring, ring), 0);
}

static void test_rings_interleaved(void **state)
{
	struct time_order order = {0};
	struct taken taken = {.count = 0};

	(void)state;
	assert_int_equal(time_order_run(&order, UINT64_MAX, SIZE_MAX, take, &taken), 0);
	drain(&order, (const uint64_t[]){10, 40, 50}, 3, 1);
	drain(&order, (const uint64_t[]){20, 30, 60}, 3, 2);
	assert_int_equal(time_order_run(&order, 35, SIZE_MAX, take, &taken), 0);
	assert_int_equal(taken.count, 3);
	/* What was held back waits for the others. */
	drain(&order, (const uint64_t[]){36, 45}, 2, 3);
	assert_int_equal(time_order_run(&order, 50, SIZE_MAX, take, &taken), 0);
	assert_int_equal(time_order_run(&order, 50, SIZE_MAX, take, &taken), 0);
	assert_int_equal(time_order_run(&order, UINT64_MAX, SIZE_MAX, take, &taken), 0);
	static const uint64_t wanted[] = {10, 20, 30, 36, 40, 45, 50, 60};
	static const uint32_t rings[] = {1, 2, 2, 3, 1, 3, 1, 2};
	assert_int_equal(taken.count, 8);
	assert_memory_equal(taken.times, wanted, sizeof(wanted));
	assert_memory_equal(taken.rings, rings, sizeof(rings));
	assert_int_equal(order.out_of_order, 0);
	assert_int_equal(order.count, 0);
	time_order_release(&order);
	time_order_release(&order);
}

static void test_equal_times_keep_the_order_of_arrival(void **state)
{
	struct time_order order = {0};
	struct taken taken = {.count = 0};

	(void)state;
	drain(&order, (const uint64_t[]){5, 5, 5}, 3, 2);
	drain(&order, (const uint64_t[]){5, 5}, 2, 1);
	assert_int_equal(time_order_run(&order, 5, SIZE_MAX, take, &taken), 0);
	static const uint64_t wanted[] = {200, 201, 202, 100, 101};
	assert_int_equal(taken.count, 5);
	assert_memory_equal(taken.ids, wanted, sizeof(wanted));
	assert_int_equal(order.out_of_order, 0);
	time_order_release(&order);
}

static void test_late_records_are_counted(void **state)
{
	struct time_order order = {0};
	struct taken taken = {.count = 0};

	(void)state;
	drain(&order, (const uint64_t[]){100, 200}, 2, 1);
	time_order_run(&order, UINT64_MAX, SIZE_MAX, take, &taken);
	drain(&order, (const uint64_t[]){150, 160, 250}, 3, 2);
	time_order_run(&order, UINT64_MAX, SIZE_MAX, take, &taken);
	assert_int_equal(taken.count, 5);
	assert_int_equal(order.out_of_order, 2);
	assert_int_equal(order.last_time_ns, 250);
	time_order_release(&order);
}

/* The record that take refused was handed out; those behind it stay. */
static void test_a_refusal_ends_the_run(void **state)
{
	struct time_order order = {0};
	struct taken taken = {.fail_at = 2};

	(void)state;
	drain(&order, (const uint64_t[]){1, 2, 3, 4}, 4, 1);
	assert_int_equal(time_order_run(&order, UINT64_MAX, SIZE_MAX, take, &taken), -ENOMEM);
	assert_int_equal(taken.count, 2);
	assert_int_equal(time_order_run(&order, UINT64_MAX, SIZE_MAX, take, &taken), 0);
	static const uint64_t wanted[] = {1, 2, 3, 4};
	assert_int_equal(taken.count, 4);
	assert_memory_equal(taken.times, wanted, sizeof(wanted));
	time_order_release(&order);
}

/* An interrupt's record stands before that of what it interrupted, whose time is earlier. */
static void test_a_ring_that_is_not_quite_in_order(void **state)
{
	struct time_order order = {0};
	struct taken taken = {.count = 0};

	(void)state;
	drain(&order, (const uint64_t[]){10, 30, 20, 25, 40}, 5, 1);
	drain(&order, (const uint64_t[]){22, 24, 23}, 3, 0);
	assert_int_equal(time_order_run(&order, 24, SIZE_MAX, take, &taken), 0);
	drain(&order, (const uint64_t[]){41, 39}, 2, 1);
	assert_int_equal(time_order_run(&order, UINT64_MAX, SIZE_MAX, take, &taken), 0);
	static const uint64_t wanted[] = {10, 20, 22, 23, 24, 25, 30, 39, 40, 41};
	assert_int_equal(taken.count, 10);
	assert_memory_equal(taken.times, wanted, sizeof(wanted));
	assert_int_equal(order.out_of_order, 0);
	assert_int_equal(order.held_bytes, 0);
	time_order_release(&order);
}

/* A run that is cut after some records goes on where it was, with what came in between. */
static void test_some_at_a_time(void **state)
{
	struct time_order order = {0};
	struct taken taken = {.count = 0};

	(void)state;
	drain(&order, (const uint64_t[]){1, 3, 5, 7}, 4, 0);
	drain(&order, (const uint64_t[]){2, 4}, 2, 1);
	assert_int_equal(time_order_run(&order, 6, 3, take, &taken), 1);
	assert_int_equal(taken.count, 3);
	assert_int_equal(order.count, 3);
	drain(&order, (const uint64_t[]){6, 8}, 2, 1);
	assert_int_equal(time_order_run(&order, 6, 2, take, &taken), 1);
	assert_int_equal(time_order_run(&order, 6, 1, take, &taken), 0);
	assert_int_equal(time_order_run(&order, 8, SIZE_MAX, take, &taken), 0);
	static const uint64_t wanted[] = {1, 2, 3, 4, 5, 6, 7, 8};
	assert_int_equal(taken.count, 8);
	assert_memory_equal(taken.times, wanted, sizeof(wanted));
	time_order_release(&order);
}

/* A ring's bytes that are no record end what is taken in of them. */
static void test_unreadable_bytes(void **state)
{
	struct time_order order = {0};
	struct taken taken = {.count = 0};

	(void)state;
	append(&order, 1, 7, 1);
	buffer_add(time_order_input(&order, 1), "\0\0\0\0\0\0\0\0garbage", 16);
	assert_int_equal(time_order_added(&order, 1, 1), 0);
	drain(&order, (const uint64_t[]){3}, 1, 2);
	assert_int_equal(time_order_run(&order, UINT64_MAX, SIZE_MAX, take, &taken), 0);
	assert_int_equal(taken.count, 2);
	assert_int_equal(taken.times[0], 3);
	time_order_release(&order);
}

/*
 * Every ring is drained up to some moment before each run, and its horizon is the earliest of these moments: then the
 * order is perfect. Each record carries its number, so that lost and doubled ones show.
 */
#define RINGS 5
#define RECORDS 20000

struct check {
	uint8_t *seen; /* by id */
	uint64_t last_time_ns;
	size_t count;
};

static int check_one(void *context, const uint8_t *record, size_t size_bytes, uint32_t ring)
{
	struct check *check = context;
	uint64_t id;
	size_t size;
	uint64_t time_ns = sample_time(record, size_bytes, &size);

	memcpy(&id, record + 8, 8);
	assert_true(id < RECORDS && !check->seen[id]);
	check->seen[id] = 1;
	assert_true(time_ns >= check->last_time_ns);
	assert_int_equal(ring, id % RINGS);
	check->last_time_ns = time_ns;
	check->count++;
	return 0;
}

static void test_random_runs_with_a_horizon(void **state)
{
	uint64_t seed = 99;

	(void)state;
	for (int run = 0; run < 20; run++) {
		struct time_order order = {0};
		struct check check = {.seen = calloc(RECORDS, 1)};
		uint64_t ring_time[RINGS] = {0}, now_ns = 1000;
		uint64_t next[RINGS];

		for (uint64_t ring = 0; ring < RINGS; ring++)
			next[ring] = ring;
		while (check.count < RECORDS) {
			uint64_t horizon_ns = UINT64_MAX;

			now_ns += 1 + random_below(&seed, 500);
			for (uint32_t ring = 0; ring < RINGS; ring++) {
				/* Time stands still at times: equal times within and across rings. */
				while (next[ring] < RECORDS && ring_time[ring] < now_ns) {
					append(&order, ring, ring_time[ring], next[ring]);
					next[ring] += RINGS;
					ring_time[ring] += random_below(&seed, 20);
				}
				assert_int_equal(time_order_added(&order, ring, ring), 0);
				if (next[ring] < RECORDS && ring_time[ring] - 1 < horizon_ns)
					horizon_ns = ring_time[ring] - 1;
			}
			assert_int_equal(time_order_run(&order, horizon_ns, SIZE_MAX, check_one, &check), 0);
		}
		assert_int_equal(check.count, RECORDS);
		assert_int_equal(order.count, 0);
		assert_int_equal(order.out_of_order, 0);
		/* What is held back is all that is kept. */
		assert_int_equal(order.held_bytes, 0);
		for (size_t ring = 0; ring < RINGS; ring++)
			assert_true(order.queues[ring].capacity < RECORDS / RINGS);
		free(check.seen);
		time_order_release(&order);
	}
}

static int ignore(void *context, const uint8_t *record, size_t size_bytes, uint32_t ring)
{
	return context || !record || !size_bytes || ring ? -EINVAL : 0;
}

static void test_a_burst_is_given_back(void **state)
{
	struct time_order order = {0};
	const struct time_order_queue *queue;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++)
		append(&order, 0, i, i);
	assert_int_equal(time_order_added(&order, 0, 0), 0);
	queue = &order.queues[0];
	size_t burst_bytes = queue->bytes.capacity_bytes, burst_count = queue->capacity;
	/* While it is there, and at the first look after that, it is needed. */
	assert_int_equal(time_order_trim(&order, 0), order.held_bytes);
	assert_int_equal(time_order_run(&order, 99989, SIZE_MAX, ignore, NULL), 0);
	assert_true(time_order_trim(&order, 0) > burst_bytes / 4);
	assert_int_equal(queue->bytes.capacity_bytes, burst_bytes);
	assert_true(time_order_trim(&order, 0) < 10 * 100);
	assert_true(queue->bytes.capacity_bytes < burst_bytes / 8);
	assert_true(queue->capacity < burst_count / 8);
	/* What is left is still there. */
	assert_int_equal(order.count, 10);
	assert_int_equal(time_order_run(&order, UINT64_MAX, SIZE_MAX, ignore, NULL), 0);
	assert_int_equal(order.last_time_ns, 99999);
	assert_int_equal(time_order_trim(&order, 7), 0);
	time_order_release(&order);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rings_interleaved),
		cmocka_unit_test(test_equal_times_keep_the_order_of_arrival),
		cmocka_unit_test(test_late_records_are_counted),
		cmocka_unit_test(test_a_refusal_ends_the_run),
		cmocka_unit_test(test_a_ring_that_is_not_quite_in_order),
		cmocka_unit_test(test_some_at_a_time),
		cmocka_unit_test(test_unreadable_bytes),
		cmocka_unit_test(test_random_runs_with_a_horizon),
		cmocka_unit_test(test_a_burst_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
