/*
 * Sends and receives PAIRS messages of BYTES, TURN at a time, through one queue, and prints what a sending and a receiving call cost:
 * "alloc_ns=N free_ns=N", the CPU time of this thread for all of them. A message is one accounted object of 48 + BYTES at
 * load_msg(), allocated by msgsnd() and freed with kfree() by msgrcv(); nothing else is allocated.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <time.h>

#define TURN 16
#define BYTES_MAX 4048

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* A queue takes 16 KiB in all unless its limit is raised. */
static int open_queue(void)
{
	int queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	struct msqid_ds limits;

	if (queue >= 0 && !msgctl(queue, IPC_STAT, &limits)) {
		limits.msg_qbytes = TURN * BYTES_MAX;
		if (!msgctl(queue, IPC_SET, &limits))
			return queue;
	}
	perror("queue");
	return -1;
}

int main(int argc, char **argv)
{
	static struct {
		long type;
		char text[BYTES_MAX];
	} message = {.type = 1};
	uint64_t spent[2] = {0};
	int failed = 0;

	size_t size_bytes = argc == 3 ? (size_t)atoi(argv[1]) : 0;
	if (!size_bytes || size_bytes > BYTES_MAX) {
		fprintf(stderr, "usage: queue BYTES PAIRS\n");
		return 2;
	}
	int queue = open_queue();
	for (long left = atol(argv[2]); left > 0 && queue >= 0 && !failed; left -= TURN) {
		uint64_t begin = cpu_ns();

		for (int i = 0; i < TURN; i++)
			failed |= msgsnd(queue, &message, size_bytes, IPC_NOWAIT);
		uint64_t between = cpu_ns();
		for (int i = 0; i < TURN; i++)
			failed |= msgrcv(queue, &message, size_bytes, 0, IPC_NOWAIT) < 0;
		spent[0] += between - begin;
		spent[1] += cpu_ns() - between;
	}
	if (failed)
		perror("queue");
	if (queue >= 0)
		msgctl(queue, IPC_RMID, NULL);
	printf("alloc_ns=%llu free_ns=%llu\n", (unsigned long long)spent[0], (unsigned long long)spent[1]);
	return failed || queue < 0;
}
