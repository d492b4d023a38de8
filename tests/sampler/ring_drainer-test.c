/* Rings as the kernel fills them, but filled by the test: a page of control, data behind it, a descriptor that can be read from. */
#include "tests/cmocka_unit.h"

#include <linux/perf_event.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "sampler/ring_drainer.h"

#define DATA_BYTES 4096u

static struct perf_ring make_ring(int fd)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	void *pages = mmap(NULL, page_bytes + DATA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	return (struct perf_ring){.fd = fd, .pages = pages, .data_bytes = DATA_BYTES, .mask = DATA_BYTES - 1};
}

static void fill(struct perf_ring *ring, uint8_t value, size_t count)
{
	struct perf_event_mmap_page *control = ring->pages;
	uint8_t *data = (uint8_t *)ring->pages + sysconf(_SC_PAGESIZE);
	uint64_t head = control->data_head;

	for (size_t i = 0; i < count; i++)
		data[head++ & ring->mask] = value;
	__atomic_store_n(&control->data_head, head, __ATOMIC_RELEASE);
}

static bool is_empty(const struct perf_ring *ring)
{
	const struct perf_event_mmap_page *control = ring->pages;

	return __atomic_load_n(&control->data_tail, __ATOMIC_ACQUIRE) == control->data_head;
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};

	return poll(&polled, 1, timeout_ms) == 1;
}

/* Tells that the ring has something, as the kernel does: once. */
static void wake(const struct perf_ring *ring)
{
	eventfd_t nothing;

	eventfd_write(ring->fd, 1);
	for (int i = 0; i < 30000 && !is_empty(ring); i++)
		usleep(1000);
	assert_true(is_empty(ring));
	assert_int_equal(eventfd_read(ring->fd, &nothing), 0);
}

/* The other thread empties a ring that nobody takes from, more often than it would hold; nothing is lost, all stays in order. */
static void test_rings_are_emptied_while_nobody_takes(void **state)
{
	struct perf_ring rings[2] = {make_ring(eventfd(0, 0)), make_ring(eventfd(0, 0))};
	struct ring_drainer *drainer;
	struct buffer out[2] = {{0}, {0}};

	(void)state;
	assert_int_equal(ring_drainer_new(&drainer, rings, 2, NULL), 0);
	assert_false(is_readable(ring_drainer_fd(drainer), 0));
	for (uint8_t turn = 1; turn <= 5; turn++) {
		fill(&rings[1], turn, 3000);
		wake(&rings[1]);
	}
	assert_true(is_readable(ring_drainer_fd(drainer), 30000));
	/* What nobody woke the thread for is taken from the ring itself. */
	fill(&rings[0], 9, 100);
	ring_drainer_take(drainer, 0, &out[0]);
	ring_drainer_take(drainer, 1, &out[1]);
	assert_int_equal(out[0].size_bytes, 100);
	assert_int_equal(out[1].size_bytes, 15000);
	for (size_t i = 0; i < 15000; i++)
		assert_int_equal(out[1].bytes[i], 1 + i / 3000);
	assert_false(is_readable(ring_drainer_fd(drainer), 50));
	/* More goes behind what the caller still has. */
	fill(&rings[1], 7, 10);
	wake(&rings[1]);
	ring_drainer_take(drainer, 1, &out[1]);
	assert_int_equal(out[1].size_bytes, 15010);
	assert_int_equal(out[1].bytes[15009], 7);
	/* What waits survives the thread. */
	fill(&rings[1], 8, 10);
	wake(&rings[1]);
	ring_drainer_stop(drainer);
	ring_drainer_take(drainer, 1, &out[1]);
	assert_int_equal(out[1].size_bytes, 15020);
	ring_drainer_free(drainer);
	buffer_release(&out[0]);
	buffer_release(&out[1]);
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* A ring whose CPU went away reports that for ever: the thread must not run for ever, and the other rings go on. */
static void test_a_ring_that_has_ended(void **state)
{
	int ends[2];
	struct ring_drainer *drainer;
	struct buffer out = {0};

	(void)state;
	assert_int_equal(pipe(ends), 0);
	struct perf_ring rings[2] = {make_ring(ends[0]), make_ring(eventfd(0, 0))};
	assert_int_equal(ring_drainer_new(&drainer, rings, 2, NULL), 0);
	close(ends[1]);
	fill(&rings[0], 1, 10);
	uint64_t before_ns = cpu_ns();
	usleep(500000);
	assert_true(cpu_ns() - before_ns < 250000000);
	fill(&rings[1], 2, 20);
	wake(&rings[1]);
	ring_drainer_take(drainer, 0, &out);
	ring_drainer_take(drainer, 1, &out);
	assert_int_equal(out.size_bytes, 30);
	ring_drainer_free(drainer);
	ring_drainer_free(NULL);
	buffer_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rings_are_emptied_while_nobody_takes),
		cmocka_unit_test(test_a_ring_that_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
