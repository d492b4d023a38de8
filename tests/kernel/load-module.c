/* Loads a kernel module: MODULE, or takes one out: -r NAME. For machines without insmod. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : (int)syscall(SYS_finit_module, fd, "", 0);
}

int main(int argc, char **argv)
{
	int ret = -1;

	if (argc == 2)
		ret = load(argv[1]);
	else if (argc == 3 && !strcmp(argv[1], "-r"))
		ret = (int)syscall(SYS_delete_module, argv[2], O_NONBLOCK);
	if (ret)
		perror(argc > 1 ? argv[argc - 1] : "usage: load-module MODULE | -r NAME");
	return ret ? 1 : 0;
}
