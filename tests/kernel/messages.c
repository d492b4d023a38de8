/*
 * A workload with a known truth: sends KEEP messages and leaves them in their queues, then sends and receives CHURN more. A child
 * removes the queues when the file HOLD is there (or after a minute), so the kept ones are live when the program, and with it the
 * recording, ends. Each message is one accounted object of the 1 KiB class at load_msg(): 900 bytes behind a header of 48. Kernels
 * with CONFIG_SLAB_BUCKETS (6.11) take it from msg_msg-1k, others from kmalloc-cg-1k. The kept ones begin with KEPT_TEXT, for --peek.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#define MESSAGE_BYTES 900
#define KEPT_TEXT "</pre><script>kept \x01\xff"
/* A queue takes 16 KiB without CAP_SYS_RESOURCE. */
#define MESSAGES_PER_QUEUE 16

struct message {
	long type;
	char text[MESSAGE_BYTES];
};

struct queues {
	int *ids;
	int count;
};

static int send_kept(struct queues *queues, int count)
{
	struct message message = {.type = 1, .text = KEPT_TEXT};

	for (int i = 0; i < count; i++) {
		if (i % MESSAGES_PER_QUEUE == 0) {
			int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);

			if (id < 0)
				return -1;
			queues->ids[queues->count++] = id;
		}
		if (msgsnd(queues->ids[queues->count - 1], &message, MESSAGE_BYTES, IPC_NOWAIT))
			return -1;
	}
	return 0;
}

static int send_received(struct queues *queues, int count)
{
	struct message message = {.type = 1};
	int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);

	if (id < 0)
		return -1;
	queues->ids[queues->count++] = id;
	for (int i = 0; i < count; i++)
		if (msgsnd(id, &message, MESSAGE_BYTES, IPC_NOWAIT) ||
		    msgrcv(id, &message, MESSAGE_BYTES, 0, IPC_NOWAIT) != MESSAGE_BYTES)
			return -1;
	return 0;
}

static void remove_queues(const struct queues *queues)
{
	for (int i = 0; i < queues->count; i++)
		msgctl(queues->ids[i], IPC_RMID, NULL);
}

static void hold(const struct queues *queues, const char *until)
{
	setsid();
	for (int fd = 0; fd < 3; fd++) {
		close(fd);
		open("/dev/null", O_RDWR);
	}
	for (int i = 0; i < 600 && access(until, F_OK); i++)
		usleep(100000);
	remove_queues(queues);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct queues queues = {0};

	if (argc != 4) {
		fprintf(stderr, "usage: messages KEEP CHURN HOLD\n");
		return 2;
	}
	int keep = atoi(argv[1]);
	queues.ids = calloc((size_t)keep / MESSAGES_PER_QUEUE + 2, sizeof(*queues.ids));
	if (!queues.ids || send_kept(&queues, keep) || send_received(&queues, atoi(argv[2]))) {
		perror("messages");
		remove_queues(&queues);
		return 1;
	}
	if (fork() == 0)
		hold(&queues, argv[3]);
	return 0;
}
