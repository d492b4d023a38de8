/*
 * Workloads with a known truth, as many kinds of kernel objects as user space can count: each keeps KEEP objects and makes and frees
 * CHURN more. A child holds the kept ones until the file HOLD is there.
 *
 * usage: objects KIND... KEEP CHURN HOLD       does these kinds, one after the other
 *        objects --truth KIND... KEEP CHURN    prints what there is to be found: KIND FUNCTION CACHES LIVE FREED, where FUNCTION
 *                                              is one of several by kernel, separated by bars, and CACHES by commas
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "hold.h"

/* Of the 1 KiB class with the header that the kernel puts before it, whichever it is. */
#define PAYLOAD_BYTES 900
/* Of a datagram: skb_shared_info comes behind it. */
#define DATAGRAM_BYTES 600
#define MESSAGES_PER_QUEUE 16
/* Requests of io_uring are handed out in batches of 8 or 32. */
#define URING_BATCH 32

static char payload[PAYLOAD_BYTES];
static int *queues;
static int queue_count;

static int fail(const char *what)
{
	fprintf(stderr, "objects: %s: %s\n", what, strerror(errno));
	return -1;
}

/* ---- each keeps KEEP and frees CHURN ---- */

static int do_pipes(int keep, int churn)
{
	for (int i = 0; i < keep + churn; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC))
			return fail("pipe");
		if (i < keep)
			continue;
		close(ends[0]);
		close(ends[1]);
	}
	return 0;
}

static int new_queue(void)
{
	int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);

	if (id >= 0)
		queues[queue_count++] = id;
	return id;
}

static void remove_queues(void)
{
	for (int i = 0; i < queue_count; i++)
		msgctl(queues[i], IPC_RMID, NULL);
}

static int do_messages(int keep, int churn)
{
	struct {
		long type;
		char text[PAYLOAD_BYTES];
	} message = {.type = 1};
	int id = -1;

	queues = calloc((size_t)keep / MESSAGES_PER_QUEUE + 2, sizeof(*queues));
	if (!queues)
		return fail("calloc");
	for (int i = 0; i < keep; i++) {
		if (i % MESSAGES_PER_QUEUE == 0)
			id = new_queue();
		if (id < 0 || msgsnd(id, &message, PAYLOAD_BYTES, IPC_NOWAIT))
			return fail("msgsnd");
	}
	id = new_queue();
	for (int i = 0; i < churn; i++)
		if (msgsnd(id, &message, PAYLOAD_BYTES, IPC_NOWAIT) ||
		    msgrcv(id, &message, PAYLOAD_BYTES, 0, IPC_NOWAIT) != PAYLOAD_BYTES)
			return fail("msgsnd");
	return 0;
}

/* An update replaces the payload; the old one is freed after a grace period. */
static int do_keys(int keep, int churn)
{
	long key = -1;

	for (int i = 0; i < keep; i++) {
		char name[32];

		snprintf(name, sizeof(name), "slabrec-%d-%d", (int)getpid(), i);
		key = syscall(SYS_add_key, "user", name, payload, sizeof(payload), KEY_SPEC_USER_KEYRING);
		if (key < 0)
			return fail("add_key");
	}
	for (int i = 0; i < churn; i++)
		if (syscall(SYS_keyctl, KEYCTL_UPDATE, key, payload, sizeof(payload)))
			return fail("keyctl");
	return 0;
}

static int do_epoll(int keep, int churn)
{
	int poller = epoll_create1(EPOLL_CLOEXEC), file = inotify_init1(IN_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN};
	int fd = file;

	if (poller < 0 || file < 0)
		return fail("epoll_create");
	/* An item is for a descriptor, so one file has as many as descriptors. */
	for (int i = 0; i < keep + churn; i++) {
		if (i <= keep)
			fd = dup(file);
		if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) || (i >= keep && epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL)))
			return fail("epoll_ctl");
	}
	return 0;
}

static int do_eventfds(int keep, int churn)
{
	for (int i = 0; i < keep + churn; i++) {
		int fd = eventfd(0, EFD_CLOEXEC);

		if (fd < 0)
			return fail("eventfd");
		if (i >= keep)
			close(fd);
	}
	return 0;
}

/* One file each: a second watch of the same file is the same watch. */
static int do_inotify(int keep, int churn)
{
	int notifier = inotify_init1(IN_CLOEXEC);

	for (int i = 0; i < keep + churn; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/tmp/watched-%d", i < keep ? i : keep);
		int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		int watch = inotify_add_watch(notifier, path, IN_DELETE_SELF);
		if (fd < 0 || watch < 0)
			return fail(path);
		close(fd);
		if (i >= keep && inotify_rm_watch(notifier, watch))
			return fail("inotify_rm_watch");
	}
	return 0;
}

/* Sends what nobody receives: ten datagrams are what a queue takes. */
static int fill_queues(int type, int count)
{
	int ends[2] = {-1, -1};

	for (int i = 0; i < count; i++) {
		if (i % 8 == 0 && socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends))
			return fail("socketpair");
		if (send(ends[0], payload, DATAGRAM_BYTES, MSG_DONTWAIT) != DATAGRAM_BYTES)
			return fail("send");
	}
	return 0;
}

static int do_sockets(int keep, int churn)
{
	int ends[2];

	if (fill_queues(SOCK_DGRAM, keep))
		return -1;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends))
		return fail("socketpair");
	for (int i = 0; i < churn; i++)
		if (send(ends[0], payload, DATAGRAM_BYTES, MSG_DONTWAIT) != DATAGRAM_BYTES ||
		    recv(ends[1], payload, DATAGRAM_BYTES, MSG_DONTWAIT) != DATAGRAM_BYTES)
			return fail("datagram");
	return 0;
}

/* Another task receives, and so frees. */
static int do_handed(int keep, int churn)
{
	int ends[2], status;

	if (fill_queues(SOCK_STREAM, keep))
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return fail("socketpair");
	pid_t receiver = fork();
	if (receiver < 0)
		return fail("fork");
	for (int i = 0; i < churn; i++) {
		if (!receiver && recv(ends[1], payload, DATAGRAM_BYTES, MSG_WAITALL) != DATAGRAM_BYTES)
			_exit(1);
		if (receiver && send(ends[0], payload, DATAGRAM_BYTES, MSG_NOSIGNAL) != DATAGRAM_BYTES)
			return fail("send");
	}
	if (!receiver)
		_exit(0);
	return waitpid(receiver, &status, 0) != receiver || status ? fail("recv") : 0;
}

/* A membership is handed to kfree_rcu() when it ends. */
static int do_memberships(int keep, int churn)
{
	static const char path[] = "/proc/sys/net/ipv4/igmp_max_memberships";
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), limit = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || limit < 0 || write(limit, "1000000", 7) != 7)
		return fail(path);
	close(limit);
	for (int i = 0; i < keep + churn; i++) {
		struct ip_mreqn group = {.imr_ifindex = 1};

		group.imr_multiaddr.s_addr = htonl(0xef000100u + (unsigned int)(i < keep ? i : keep));
		if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) ||
		    (i >= keep && setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group))))
			return fail("setsockopt");
	}
	return 0;
}

static int do_xattrs(int keep, int churn)
{
	char path[] = "/dev/shm/objects-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		return fail(path);
	unlink(path);
	for (int i = 0; i < keep + churn; i++) {
		char name[64];

		snprintf(name, sizeof(name), "trusted.attribute-%d", i < keep ? i : keep);
		if (fsetxattr(fd, name, payload, sizeof(payload), XATTR_CREATE) || (i >= keep && fremovexattr(fd, name)))
			return fail("setxattr");
	}
	return 0;
}

/* A ring with so many requests that wait for a file on which nothing ever happens. */
static int wait_in_ring(unsigned int count)
{
	struct io_uring_params params = {.sq_entries = 0};
	unsigned int entries = 1;
	int idle = epoll_create1(EPOLL_CLOEXEC);

	while (entries < count)
		entries *= 2;
	int ring = (int)syscall(SYS_io_uring_setup, entries, &params);
	if (ring < 0 || idle < 0)
		return fail("io_uring_setup");
	size_t size = params.sq_off.array + params.sq_entries * sizeof(unsigned int);
	char *queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *requests = mmap(NULL, params.sq_entries * sizeof(*requests), PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (queue == MAP_FAILED || requests == MAP_FAILED)
		return fail("mmap");
	for (unsigned int i = 0; i < count; i++) {
		memset(&requests[i], 0, sizeof(requests[i]));
		requests[i].opcode = IORING_OP_POLL_ADD;
		requests[i].fd = idle;
		requests[i].poll_events = POLLIN;
		((unsigned int *)(void *)(queue + params.sq_off.array))[i] = i;
	}
	__atomic_store_n((unsigned int *)(void *)(queue + params.sq_off.tail), count, __ATOMIC_RELEASE);
	long sent = syscall(SYS_io_uring_enter, ring, count, 0, 0, NULL, 0);
	munmap(queue, size);
	munmap(requests, params.sq_entries * sizeof(*requests));
	return sent == (long)count ? ring : fail("io_uring_enter");
}

static int do_uring(int keep, int churn)
{
	int kept = wait_in_ring((unsigned int)keep / URING_BATCH * URING_BATCH);
	int gone = wait_in_ring((unsigned int)churn / URING_BATCH * URING_BATCH);

	if (kept < 0 || gone < 0)
		return -1;
	close(gone);
	return 0;
}

/* Makes a namespace of our own as soon as no more than others more are there: 0, or -1 where that does not come about. */
static int make_netns(int limit, int others, int tries)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", others + 1);
	if (pwrite(limit, text, strlen(text), 0) < 0)
		return -1;
	while (unshare(CLONE_NEWNET)) {
		if (errno != ENOSPC || !tries--)
			return -1;
		usleep(100000);
	}
	return 0;
}

/*
 * CHURN / 200 + 1 namespaces are left, and a worker cleans them up: it has when another can be made where only one of them may be left.
 * Kernels of 2025 and later free one when the next is cleaned up, so the last is awaited separately: it may still be there. Two more are kept.
 */
static int do_netns(int keep, int churn)
{
	static const char path[] = "/proc/sys/user/max_net_namespaces";
	char before[32] = "";
	int others = 0, limit = open(path, O_RDWR | O_CLOEXEC);
	int ret;

	(void)keep;
	if (limit < 0 || read(limit, before, sizeof(before) - 1) <= 0)
		return fail(path);
	while ((ret = make_netns(limit, others, 0)) && errno == ENOSPC)
		others++;
	if (ret || pwrite(limit, before, strlen(before), 0) < 0)
		return fail(path);
	for (int i = 0; i < churn / 200; i++)
		if (unshare(CLONE_NEWNET))
			return fail("unshare");
	if (make_netns(limit, others + 1, 300) || open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) < 0 ||
	    make_netns(limit, others + 1, 300) || pwrite(limit, before, strlen(before), 0) < 0)
		return fail("unshare");
	close(limit);
	return 0;
}

/* Opens COUNT sockets of a protocol that comes as a module, and closes them again where they are not to be kept. */
static int open_sockets(int count, bool is_kept)
{
	for (int i = 0; i < count; i++) {
		int fd = socket(AF_QIPCRTR, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			return fail("socket");
		if (!is_kept)
			close(fd);
	}
	return 0;
}

/* The module, and with it its cache, goes and comes back in between. */
static int do_cache_again(int keep, int churn)
{
	const char *path = getenv("SLABREC_SPARE_MODULE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return fail("SLABREC_SPARE_MODULE");
	if (open_sockets(churn / 2, false))
		return -1;
	if (syscall(SYS_delete_module, "qrtr", 0))
		return fail("delete_module");
	if (syscall(SYS_finit_module, fd, "", 0))
		return fail(path);
	close(fd);
	return open_sockets(churn - churn / 2, false) || open_sockets(keep, true) ? -1 : 0;
}

/* ---- the table ---- */

enum scale {
	EACH,
	BATCHED, /* whole batches of io_uring's */
	FEW,	 /* two are kept, a two-hundredth and one more are freed: each is dear */
};

static const struct {
	const char *name;
	const char *function; /* in its stack */
	const char *caches;
	int (*run)(int keep, int churn); /* NULL: another kind does it too */
	enum scale scale;
} kinds[] = {
	{"pipes", "alloc_pipe_info", "kmalloc-cg-1k,kmalloc-1k", do_pipes, EACH},
	{"messages", "do_msgsnd", "msg_msg-1k,kmalloc-cg-1k,kmalloc-1k", do_messages, EACH},
	{"keys", "user_preparse", "kmalloc-1k", do_keys, EACH},
	{"epoll", "do_epoll_ctl", "eventpoll_epi", do_epoll, EACH},
	{"pollqueues", "ep_ptable_queue_proc", "eventpoll_pwq", NULL, EACH},
	{"eventfds", "do_eventfd", "kmalloc-64,kmalloc-96,kmalloc-128", do_eventfds, EACH},
	{"inotify", "__x64_sys_inotify_add_watch", "inotify_inode_mark", do_inotify, EACH},
	{"sockets", "unix_dgram_sendmsg", "kmalloc-1k,kmalloc-cg-1k", do_sockets, EACH},
	{"handed", "unix_stream_sendmsg", "kmalloc-1k,kmalloc-cg-1k", do_handed, EACH},
	{"xattrs", "simple_xattr_alloc", "kmalloc-1k,kmalloc-cg-1k", do_xattrs, EACH},
	{"memberships", "__ip_mc_join_group", "kmalloc-64", do_memberships, EACH},
	{"uring", "io_submit_sqes|__do_sys_io_uring_enter|__x64_sys_io_uring_enter", "io_kiocb", do_uring, BATCHED},
	{"netns", "copy_net_ns", "net_namespace", do_netns, FEW},
	{"cache_again", "__x64_sys_socket", "QIPCRTR", do_cache_again, EACH},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static void print_truth(size_t kind, int keep, int churn)
{
	int live = keep, freed = churn;

	if (kinds[kind].scale == BATCHED) {
		live = keep / URING_BATCH * URING_BATCH;
		freed = churn / URING_BATCH * URING_BATCH;
	} else if (kinds[kind].scale == FEW) {
		live = 2;
		freed = churn / 200 + 1;
	}
	printf("%s %s %s %d %d\n", kinds[kind].name, kinds[kind].function, kinds[kind].caches, live, freed);
}

static int find_kind(const char *name, size_t *kind)
{
	for (*kind = 0; *kind < KIND_COUNT; ++*kind)
		if (!strcmp(kinds[*kind].name, name))
			return 0;
	errno = ENOENT;
	return fail(name);
}

int main(int argc, char **argv)
{
	bool is_truth = argc > 1 && !strcmp(argv[1], "--truth");
	int first = is_truth ? 2 : 1, numbers = argc - (is_truth ? 2 : 3);
	struct rlimit limit = {65536, 65536};

	if (numbers <= first) {
		fprintf(stderr, "usage: objects KIND... KEEP CHURN HOLD, or objects --truth KIND... KEEP CHURN\n");
		return 2;
	}
	int keep = atoi(argv[numbers]), churn = atoi(argv[numbers + 1]);
	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = first; i < numbers; i++) {
		size_t kind;

		if (find_kind(argv[i], &kind))
			return 1;
		if (is_truth)
			print_truth(kind, keep, churn);
		else if (kinds[kind].run && kinds[kind].run(keep, churn))
			return 1;
	}
	if (!is_truth)
		hold_until(argv[argc - 1], remove_queues);
	return 0;
}
