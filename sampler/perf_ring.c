/* Knows the perf_event_open() attributes that the recorder needs and the protocol of its ring buffer. */
#include "sampler/perf_ring.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef PERF_FORMAT_LOST
#define PERF_FORMAT_LOST (1U << 4) /* since 6.0; older headers do not have it */
#endif
/* x86: ax bx cx dx si di bp sp ip, r8 to r15. */
#define USER_REGS 0xff01ffull
#define SAMPLE_TYPE_CGROUP (1ull << 21) /* PERF_SAMPLE_CGROUP, since 5.7 */

/* cgroup_fd: of the tasks of this cgroup alone, -1 of all. */
static int open_event_in(struct perf_event_attr *attr, int cgroup_fd, int cpu)
{
	unsigned long flags = PERF_FLAG_FD_CLOEXEC | (cgroup_fd >= 0 ? PERF_FLAG_PID_CGROUP : 0);
	int fd = (int)syscall(SYS_perf_event_open, attr, cgroup_fd, cpu, -1, flags);

	return fd < 0 ? -errno : fd;
}

static int open_event(struct perf_event_attr *attr, int cpu)
{
	return open_event_in(attr, -1, cpu);
}

/* Common to all events: one clock, the same trailer on every record. */
static struct perf_event_attr common_attr(void)
{
	return (struct perf_event_attr){
		.size = sizeof(struct perf_event_attr),
		.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
		.disabled = 1,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
	};
}

static struct perf_event_attr dummy_attr(void)
{
	struct perf_event_attr attr = common_attr();

	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_DUMMY;
	return attr;
}

bool perf_event_tells_cgroups(void)
{
	struct perf_event_attr attr = dummy_attr();

	attr.sample_type |= SAMPLE_TYPE_CGROUP;
	int fd = open_event(&attr, 0);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int perf_event_takes_cgroup(int cgroup_fd)
{
	struct perf_event_attr attr = dummy_attr();
	int fd = open_event_in(&attr, cgroup_fd, 0);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static int open_error(int code, int cpu, const char *what, struct error *err)
{
	switch (code) {
	case -EPERM:
	case -EACCES:
		return error_set(err, code, "perf_event_open: not allowed: run slabrec as root (sudo slabrec ...), or sysctl kernel.perf_event_paranoid=-1");
	case -ENODEV:
		return error_set(err, code, "CPU %d is offline", cpu);
	case -ENOSYS:
		return error_set(err, code, "this kernel has no perf events (CONFIG_PERF_EVENTS)");
	default:
		return error_set(err, code, "perf_event_open on CPU %d (%s): %s", cpu, what, strerror(-code));
	}
}

int perf_ring_open(struct perf_ring *ring, int cpu, size_t data_bytes, bool with_tasks, struct error *err)
{
	struct perf_event_attr attr = dummy_attr();
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

	*ring = (struct perf_ring){.fd = -1};
	attr.wakeup_watermark = (uint32_t)(data_bytes / 4);
	if (with_tasks)
		attr.mmap = attr.mmap2 = attr.comm = attr.comm_exec = attr.task = 1;
	attr.cgroup = with_tasks;
	int fd = open_event(&attr, cpu);
	if (fd == -EINVAL) {
		attr.cgroup = 0;
		fd = open_event(&attr, cpu);
	}
	if (fd < 0)
		return open_error(fd, cpu, "ring", err);
	void *pages = mmap(NULL, page_bytes + data_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pages == MAP_FAILED) {
		int code = -errno;

		close(fd);
		return error_set(err, code, "ring of %zu KiB on CPU %d: %s%s", data_bytes >> 10, cpu, strerror(-code),
				 code == -EPERM ? ": over kernel.perf_event_mlock_kb, use a smaller --mmap-pages" : "");
	}
	ring->fd = fd;
	ring->pages = pages;
	ring->data_bytes = data_bytes;
	ring->mask = data_bytes - 1;
	return 0;
}

void perf_ring_close(struct perf_ring *ring)
{
	if (ring->fd < 0)
		return;
	munmap(ring->pages, (size_t)sysconf(_SC_PAGESIZE) + ring->data_bytes);
	close(ring->fd);
	ring->fd = -1;
}

void perf_ring_drain(struct perf_ring *ring, struct buffer *out)
{
	struct perf_event_mmap_page *control = ring->pages;
	const uint8_t *data = (const uint8_t *)ring->pages + sysconf(_SC_PAGESIZE);
	uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = control->data_tail;
	size_t begin = tail & ring->mask;
	size_t size_bytes = head - tail;
	size_t first = ring->data_bytes - begin;

	if (!size_bytes)
		return;
	if (size_bytes <= first) {
		buffer_add(out, data + begin, size_bytes);
	} else {
		buffer_add(out, data + begin, first);
		buffer_add(out, data, size_bytes - first);
	}
	__atomic_store_n(&control->data_tail, head, __ATOMIC_RELEASE);
}

int perf_event_open_probe(const struct perf_event_options *options, int cpu, const struct perf_ring *ring,
			       uint64_t *id, struct error *err)
{
	struct perf_event_attr attr = common_attr();

	attr.type = options->tracepoint_id ? PERF_TYPE_TRACEPOINT : PERF_TYPE_SOFTWARE;
	attr.config = options->tracepoint_id ? options->tracepoint_id : PERF_COUNT_SW_BPF_OUTPUT;
	attr.sample_period = options->period ? options->period : 1;
	attr.sample_type |= PERF_SAMPLE_RAW;
	attr.wakeup_watermark = (uint32_t)(ring->data_bytes / 4);
	attr.read_format = PERF_FORMAT_LOST;
	if (options->has_callchain)
		attr.sample_type |= PERF_SAMPLE_CALLCHAIN;
	if (options->user_stack_bytes) {
		attr.sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
		attr.sample_regs_user = USER_REGS;
		attr.sample_stack_user = options->user_stack_bytes;
	}
	attr.exclude_callchain_user = !options->has_user_callchain;
	if (options->has_cgroup)
		attr.sample_type |= SAMPLE_TYPE_CGROUP;
	int cgroup_fd = options->is_in_cgroup ? options->cgroup_fd : -1;
	int fd = open_event_in(&attr, cgroup_fd, cpu);
	if (fd == -EINVAL) {
		attr.read_format = 0;
		fd = open_event_in(&attr, cgroup_fd, cpu);
	}
	if (fd < 0)
		return open_error(fd, cpu, "probe", err);
	if (ioctl(fd, PERF_EVENT_IOC_ID, id) ||
	    (*options->filter && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, options->filter)) ||
	    ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd)) {
		int code = -errno;

		close(fd);
		return error_set(err, code, "the kernel does not take the filter \"%.120s\": %s", options->filter,
				 strerror(-code));
	}
	return fd;
}

int perf_event_run_program(uint64_t tracepoint_id, int program_fd, struct error *err)
{
	struct perf_event_attr attr = common_attr();

	attr.type = PERF_TYPE_TRACEPOINT;
	attr.config = tracepoint_id;
	int fd = open_event(&attr, 0);
	if (fd < 0)
		return open_error(fd, 0, "tracepoint", err);
	if (!ioctl(fd, PERF_EVENT_IOC_SET_BPF, program_fd) && !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return fd;
	int code = -errno;
	close(fd);
	return error_set(err, code, "the kernel does not run a BPF program at a tracepoint: %s", strerror(-code));
}

int perf_event_enable(int fd)
{
	return ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) ? -errno : 0;
}

int perf_event_disable(int fd)
{
	return ioctl(fd, PERF_EVENT_IOC_DISABLE, 0) ? -errno : 0;
}

int perf_event_enable_for(int fd, int samples)
{
	return ioctl(fd, PERF_EVENT_IOC_REFRESH, samples) ? -errno : 0;
}

int perf_event_read(int fd, struct perf_event_counts *counts)
{
	uint64_t values[2] = {0};
	ssize_t got = read(fd, values, sizeof(values));

	if (got < (ssize_t)sizeof(values[0]))
		return got < 0 ? -errno : -EIO;
	*counts = (struct perf_event_counts){
		.passed = values[0], .lost = values[1], .has_lost = got == sizeof(values)};
	return 0;
}
