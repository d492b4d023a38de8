/*
 * Opens and closes pipes at a steady rate: RATE a second for SECONDS, in turns of a millisecond, where up to WORKING_SET of them are open
 * at a time and the one to be replaced is chosen at random. Prints "pipes=N", how many it opened. Each pipe is one array of the 1 KiB class
 * at alloc_pipe_info(): two events.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define WORKING_SET 4000

static int replace(int ends[2])
{
	if (ends[0]) {
		close(ends[0]);
		close(ends[1]);
	}
	return pipe(ends);
}

int main(int argc, char **argv)
{
	static int pipes[WORKING_SET][2];
	struct rlimit limit = {65536, 65536};
	unsigned int seed = 1;
	struct timespec now, start;
	long opened = 0, due;

	if (argc != 3) {
		fprintf(stderr, "usage: steady RATE SECONDS\n");
		return 2;
	}
	double rate = atof(argv[1]), seconds = atof(argv[2]), past = 0;
	setrlimit(RLIMIT_NOFILE, &limit);
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (past < seconds) {
		due = (long)(past * rate);
		for (; opened < due; opened++) {
			if (replace(pipes[rand_r(&seed) % WORKING_SET])) {
				perror("pipe");
				return 1;
			}
		}
		nanosleep(&(struct timespec){0, 1000000}, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
		past = (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
	}
	printf("pipes=%ld\n", opened);
	return 0;
}
