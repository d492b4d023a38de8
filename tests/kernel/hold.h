/* The end of a workload: what it keeps has to be live when the program, and with it the recording, ends. */
#ifndef SLABREC_TESTS_KERNEL_HOLD_H
#define SLABREC_TESTS_KERNEL_HOLD_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Leaves a child that holds open what the caller has until the file is there, at most five minutes, and then calls release (NULL none). */
static inline void hold_until(const char *path, void (*release)(void))
{
	if (fork())
		return;
	setsid();
	for (int fd = 0; fd < 3; fd++) {
		close(fd);
		open("/dev/null", O_RDWR | O_CLOEXEC);
	}
	for (int i = 0; i < 3000 && access(path, F_OK); i++)
		usleep(100000);
	if (release)
		release();
	_exit(0);
}

#endif
