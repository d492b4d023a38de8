/* Knows how compressed files begin, and which program unpacks them. */
#include "report/unpack.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct packer {
	char magic[8];
	size_t magic_bytes;
	const char *program;
} packers[] = {
	{"\x1f\x8b", 2, "gzip"},
	{"\xfd"
	 "7zXZ",
	 6, "xz"},
	{"\x28\xb5\x2f\xfd", 4, "zstd"},
};

static const struct packer *packer_of(int fd)
{
	char start[8] = "";

	if (pread(fd, start, sizeof(start), 0) != sizeof(start))
		return NULL;
	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++)
		if (!memcmp(start, packers[i].magic, packers[i].magic_bytes))
			return &packers[i];
	return NULL;
}

static void run(const char *program, int in, int out)
{
	dup2(in, STDIN_FILENO);
	lseek(STDIN_FILENO, 0, SEEK_SET);
	dup2(out, STDOUT_FILENO);
	close(STDERR_FILENO);
	execlp(program, program, "-d", "-c", (char *)NULL);
	_exit(127);
}

int unpack(int fd, struct error *err)
{
	const struct packer *packer = packer_of(fd);
	int status = 0;

	if (!packer)
		return fd;
	int out = memfd_create("slabreport", MFD_CLOEXEC);
	if (out < 0)
		return error_set(err, -errno, "cannot be unpacked: %m");
	pid_t pid = fork();
	if (!pid)
		run(packer->program, fd, out);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && !status)
		return out;
	close(out);
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return error_set(err, -ENOPKG, "is not used: there is no %s here to unpack it", packer->program);
	return error_set(err, -EBADMSG, "is not used: %s cannot unpack it", packer->program);
}
