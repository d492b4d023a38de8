/* Loads a kernel module: MODULE. For machines without insmod. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0 && !syscall(SYS_finit_module, fd, "", 0))
		return 0;
	perror(argc == 2 ? argv[1] : "usage: load-module MODULE");
	return 1;
}
