/*
 * A workload of tasks that are gone at once: COUNT children that open PIPES pipes and end, then COUNT more that first become the
 * program OTHER (this one under another name). With CGROUP, a folder, each child moves there before. Each pipe is one array of
 * the 1 KiB class at alloc_pipe_info(), freed when its child ends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int move_to(const char *cgroup)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	int fd = open(path, O_WRONLY);
	int failed = fd < 0 || write(fd, "0", 1) != 1;

	if (failed)
		perror(path);
	close(fd);
	return failed;
}

static int open_pipes(const char *count)
{
	int ends[2];

	for (int i = 0; i < atoi(count); i++)
		if (pipe(ends))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return open_pipes(argv[1]);
	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: brief COUNT PIPES OTHER [CGROUP]\n");
		return 2;
	}
	for (int i = 0; i < 2 * atoi(argv[1]); i++) {
		int status;

		if (fork() == 0) {
			if (argv[4] && move_to(argv[4]))
				_exit(1);
			if (i < atoi(argv[1]))
				_exit(open_pipes(argv[2]));
			execl(argv[3], argv[3], argv[2], (char *)NULL);
			_exit(127);
		}
		if (wait(&status) < 0 || status)
			return 1;
	}
	return 0;
}
