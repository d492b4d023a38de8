/* The recorded command: held until it is let go, and its end told as a shell tells it. */
#include "tests/cmocka_unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sampler/workload.h"

static char folder[] = "/tmp/workload-test-XXXXXX";
static const struct rlimit own_limit; /* all-zero: the command has ours */
static int real_stderr;

/* The tests' commands complain on standard error; nobody wants to see it. */
static int enter_folder(void **state)
{
	(void)state;
	real_stderr = dup(STDERR_FILENO);
	int null = open("/dev/null", O_WRONLY);
	dup2(null, STDERR_FILENO);
	close(null);
	return !mkdtemp(folder) || chdir(folder);
}

static int remove_folder(void **state)
{
	char command[256];

	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	snprintf(command, sizeof(command), "cd / && rm -r %s", folder);
	return system(command);
}

static bool wait_for_end(struct workload *workload)
{
	for (int i = 0; i < 1000 && !workload_has_ended(workload); i++)
		usleep(10000);
	return workload_has_ended(workload);
}

static int status_of(char *const argv[])
{
	struct workload workload;

	assert_int_equal(workload_start(&workload, argv, false, &own_limit, NULL), 0);
	assert_true(workload.pid > 0);
	workload_release(&workload);
	assert_true(wait_for_end(&workload));
	assert_int_equal(workload.pid, 0);
	assert_int_equal(workload.pidfd, -1);
	workload_stop(&workload);
	return workload.status;
}

#define COMMAND(...) ((char *const *)(const char *const[]){__VA_ARGS__, NULL})

static void test_status(void **state)
{
	(void)state;
	assert_int_equal(status_of(COMMAND("true")), 0);
	assert_int_equal(status_of(COMMAND("sh", "-c", "exit 3")), 3);
	assert_int_equal(status_of(COMMAND("/nowhere/at-all")), 127);
	assert_int_equal(status_of(COMMAND("no-command-of-this-name")), 127);
	assert_int_equal(status_of(COMMAND("/")), 126);
	int fd = open("not-executable", O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(status_of(COMMAND("./not-executable")), 126);
	assert_int_equal(status_of(COMMAND("sh", "-c", "kill -9 $$")), 128 + SIGKILL);
	assert_int_equal(status_of(COMMAND("sh", "-c", "kill -15 $$")), 128 + SIGTERM);
}

static void test_held_until_released(void **state)
{
	struct workload workload;

	(void)state;
	assert_int_equal(workload_start(&workload, COMMAND("touch", "ran"), false, &own_limit, NULL), 0);
	usleep(100000);
	assert_int_not_equal(access("ran", F_OK), 0);
	assert_false(workload_has_ended(&workload));
	workload_release(&workload);
	workload_release(&workload);
	assert_true(wait_for_end(&workload));
	assert_int_equal(workload.status, 0);
	assert_int_equal(access("ran", F_OK), 0);
}

/* The recorder gave up before it let the command go: it never runs. */
static void test_never_released(void **state)
{
	struct workload workload;

	(void)state;
	assert_int_equal(workload_start(&workload, COMMAND("touch", "never"), false, &own_limit, NULL), 0);
	workload_stop(&workload);
	assert_true(workload_has_ended(&workload));
	assert_int_not_equal(access("never", F_OK), 0);
	assert_true(workload.status == 125 || workload.status == 128 + SIGTERM);
}

static void test_stop(void **state)
{
	struct workload workload;

	(void)state;
	assert_int_equal(workload_start(&workload, COMMAND("sleep", "100"), false, &own_limit, NULL), 0);
	workload_release(&workload);
	usleep(50000);
	workload_stop(&workload);
	assert_true(workload.has_ended);
	assert_int_equal(workload.status, 128 + SIGTERM);
	workload_stop(&workload);
	/* One that does not end is left alone after a second. */
	assert_int_equal(workload_start(&workload, COMMAND("sh", "-c", "trap '' TERM; touch trapped; sleep 100"), false,
					&own_limit, NULL),
			 0);
	workload_release(&workload);
	for (int i = 0; i < 500 && access("trapped", F_OK); i++)
		usleep(10000);
	pid_t pid = workload.pid;
	workload_stop(&workload);
	assert_false(workload.has_ended);
	assert_int_equal(kill(pid, SIGKILL), 0);
	waitpid(pid, NULL, 0);
}

static void test_descriptor_tells_of_the_end(void **state)
{
	struct workload workload;

	(void)state;
	assert_int_equal(workload_start(&workload, COMMAND("true"), false, &own_limit, NULL), 0);
	if (workload.pidfd < 0) {
		workload_stop(&workload);
		skip();
	}
	struct pollfd poll_fd = {.fd = workload.pidfd, .events = POLLIN};
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	workload_release(&workload);
	assert_int_equal(poll(&poll_fd, 1, 10000), 1);
	assert_true(workload_has_ended(&workload));
}

static void test_standard_output_goes_to_standard_error(void **state)
{
	struct workload workload;
	char bytes[16] = "";
	int before = dup(STDERR_FILENO);
	int file = open("stderr", O_CREAT | O_RDWR, 0600);

	(void)state;
	dup2(file, STDERR_FILENO);
	assert_int_equal(workload_start(&workload, COMMAND("echo", "hello"), true, &own_limit, NULL), 0);
	workload_release(&workload);
	assert_true(wait_for_end(&workload));
	dup2(before, STDERR_FILENO);
	close(before);
	assert_int_equal(pread(file, bytes, sizeof(bytes), 0), 6);
	assert_string_equal(bytes, "hello\n");
	close(file);
}

/* The recorder may have raised its own number of files; the command is to have what the user gave it. */
static void test_limit_of_files(void **state)
{
	const struct rlimit limit = {.rlim_cur = 77, .rlim_max = 99};
	struct workload workload;

	(void)state;
	assert_int_equal(workload_start(&workload,
					COMMAND("sh", "-c", "test $(ulimit -Sn) = 77 && test $(ulimit -Hn) = 99"),
					false, &limit, NULL),
			 0);
	workload_release(&workload);
	assert_true(wait_for_end(&workload));
	assert_int_equal(workload.status, 0);
}

/* Signals that the recorder blocks or ignores are the command's own again. */
static void test_signals_are_as_they_were(void **state)
{
	sigset_t blocked, before;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(status_of(COMMAND("sh", "-c", "kill -15 $$; exit 0")), 128 + SIGTERM);
	assert_int_equal(status_of(COMMAND("sh", "-c", "kill -13 $$; exit 0")), 128 + SIGPIPE);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_held_until_released),
		cmocka_unit_test(test_never_released),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_descriptor_tells_of_the_end),
		cmocka_unit_test(test_standard_output_goes_to_standard_error),
		cmocka_unit_test(test_limit_of_files),
		cmocka_unit_test(test_signals_are_as_they_were),
	};

	return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
