/* Knows how a shell reports commands: 126 cannot be executed, 127 not found, 128 + n killed by signal n. */
#include "sampler/workload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs in the child: waits for the gate, then becomes the command. */
static void run_command(char *const argv[], int gate, bool stdout_to_stderr, const struct rlimit *file_limit)
{
	char go;
	sigset_t none;

	sigemptyset(&none);
	/* The gate closes without a byte when the recorder gives up. */
	if (read(gate, &go, 1) != 1)
		_exit(125);
	if (stdout_to_stderr)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Ignored by the recorder; ignored signals stay so through exec. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (file_limit->rlim_max)
		setrlimit(RLIMIT_NOFILE, file_limit);
	execvp(argv[0], argv);
	int status = errno == ENOENT || errno == ENOTDIR ? 127 : 126;
	dprintf(STDERR_FILENO, "slabrec: %s: %s\n", argv[0], strerror(errno));
	_exit(status);
}

int workload_start(struct workload *workload, char *const argv[], bool stdout_to_stderr, const struct rlimit *file_limit,
		   struct error *err)
{
	int gate[2];

	*workload = (struct workload){.gate = -1, .pidfd = -1};
	if (pipe2(gate, O_CLOEXEC))
		return error_set(err, -errno, "%s: %m", argv[0]);
	pid_t pid = fork();
	if (pid == 0) {
		close(gate[1]);
		run_command(argv, gate[0], stdout_to_stderr, file_limit);
	}
	close(gate[0]);
	if (pid < 0) {
		close(gate[1]);
		return error_set(err, -errno, "%s: cannot be started: %m", argv[0]);
	}
	workload->pid = pid;
	workload->gate = gate[1];
	workload->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (workload->pidfd >= 0)
		fcntl(workload->pidfd, F_SETFD, FD_CLOEXEC);
	return 0;
}

void workload_release(struct workload *workload)
{
	if (workload->gate < 0)
		return;
	while (write(workload->gate, "g", 1) < 0 && errno == EINTR)
		;
	close(workload->gate);
	workload->gate = -1;
}

static void take_status(struct workload *workload, int status)
{
	workload->has_ended = true;
	workload->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	workload->pid = 0;
	if (workload->pidfd >= 0)
		close(workload->pidfd);
	workload->pidfd = -1;
}

bool workload_has_ended(struct workload *workload)
{
	int status;

	if (workload->pid && waitpid(workload->pid, &status, WNOHANG) == workload->pid)
		take_status(workload, status);
	return workload->has_ended;
}

void workload_stop(struct workload *workload)
{
	if (!workload->pid)
		return;
	if (workload->gate >= 0)
		close(workload->gate);
	workload->gate = -1;
	kill(workload->pid, SIGTERM);
	for (int i = 0; i < 100 && !workload_has_ended(workload); i++)
		usleep(10000);
	/* One that ignores SIGTERM goes on without us, as under any other program that ran it. */
	if (workload->pidfd >= 0)
		close(workload->pidfd);
	workload->pidfd = -1;
}
