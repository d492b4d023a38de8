/*
 * A workload with a known truth: opens KEEP pipes and keeps them, then opens and closes CHURN more. A child holds the kept ones, so
 * that they are live when the program, and with it the recording, ends; it lives until the file HOLD is there (at most a minute).
 * Each pipe is one array of the 1 KiB class at alloc_pipe_info().
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static int open_pipes(int count, int keep)
{
	for (int i = 0; i < count; i++) {
		int ends[2];

		if (pipe(ends)) {
			perror("pipe");
			return 1;
		}
		if (!keep) {
			close(ends[0]);
			close(ends[1]);
		}
	}
	return 0;
}

static void hold(const char *until)
{
	setsid();
	for (int fd = 0; fd < 3; fd++) {
		close(fd);
		open("/dev/null", O_RDWR);
	}
	for (int i = 0; i < 600 && access(until, F_OK); i++)
		usleep(100000);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct rlimit limit = {65536, 65536};

	if (argc != 4) {
		fprintf(stderr, "usage: pipes KEEP CHURN HOLD\n");
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &limit);
	if (open_pipes(atoi(argv[1]), 1) || open_pipes(atoi(argv[2]), 0))
		return 1;
	if (fork() == 0)
		hold(argv[3]);
	return 0;
}
