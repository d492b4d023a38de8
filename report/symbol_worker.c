/* Knows the bounds of the looking up, and how the answer comes back: through a pipe, read with no trust. */
#include "report/symbol_worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/symbolize_dwarf.h"
#include "trace/cleanup.h"

/* Of CPU time: a server may take its time. The kernel's 10,000 addresses need about one. */
#define CPU_SECONDS 30u
#define MEMORY_BYTES (16ull << 30)
#define FILE_BYTES (8ull << 30) /* what a compressed file may unpack to */

void symbol_answer_release(struct symbol_answer *answer)
{
	if (!answer)
		return;
	symbol_table_release(&answer->table);
	*answer = (struct symbol_answer){0};
}

/* A limit that is lower already stays. */
static void limit(int what, rlim_t most)
{
	struct rlimit limits;

	if (getrlimit(what, &limits))
		return;
	if (limits.rlim_max > most)
		limits.rlim_max = most;
	if (limits.rlim_cur > limits.rlim_max)
		limits.rlim_cur = limits.rlim_max;
	setrlimit(what, &limits);
}

static void set_limits(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	limit(RLIMIT_CPU, CPU_SECONDS);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, FILE_BYTES);
#ifndef __SANITIZE_ADDRESS__
	limit(RLIMIT_AS, MEMORY_BYTES);
#endif
}

static void look_up(struct buffer *out, const struct debug_search *search, const struct symbol_object *object)
{
	struct symbol_table table = {0};
	enum symbol_source source = SYMBOL_SOURCE_NONE;
	struct debug_files files;
	struct error err = {0};

	debug_files_find(&files, search, object);
	if (files.debug.path)
		symbolize_dwarf(&table, &source, &files, search, object, &err);
	symbol_table_sort(&table);
	const char *problem = *err.message ? err.message : files.problem;
	buffer_add_u8(out, (uint8_t)source);
	buffer_add_varint(out, strlen(problem));
	buffer_add(out, problem, strlen(problem));
	symbol_table_write(&table, true, out);
	symbol_table_release(&table);
	debug_files_release(&files);
}

/* In the worker's process; 0 when all was written. */
static int work(int out, const struct debug_search *search, const struct symbol_object *object)
{
	struct buffer answer = {0};

	set_limits();
	look_up(&answer, search, object);
	if (answer.failed)
		return 1;
	for (size_t done = 0; done < answer.size_bytes;) {
		ssize_t written = write(out, answer.bytes + done, answer.size_bytes - done);

		if (written < 0 && errno != EINTR)
			return 1;
		done += written > 0 ? (size_t)written : 0;
	}
	return 0;
}

static void read_all(int in, struct buffer *bytes)
{
	uint8_t part[1 << 16];

	while (bytes->size_bytes < SYMBOL_TABLE_MAX_BYTES && !bytes->failed) {
		ssize_t size_bytes = read(in, part, sizeof(part));

		if (size_bytes < 0 && errno == EINTR)
			continue;
		if (size_bytes <= 0)
			break;
		buffer_add(bytes, part, (size_t)size_bytes);
	}
}

static int understand(struct symbol_answer *answer, const struct buffer *bytes)
{
	struct cursor in = cursor_over(bytes->bytes, bytes->size_bytes);
	uint8_t source = cursor_u8(&in);
	uint64_t length = cursor_varint(&in);
	const uint8_t *problem = cursor_bytes(&in, length);

	if (!problem || source > SYMBOL_SOURCE_DWARF || length >= sizeof(answer->problem))
		return -EBADMSG;
	answer->source = source;
	memcpy(answer->problem, problem, length);
	answer->problem[length] = '\0';
	return symbol_table_read(&answer->table, &in);
}

static const char *why_it_ended(int status)
{
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
		return "its debug file is not used: reading it took too long";
	if (WIFSIGNALED(status))
		return "its debug file is not used: it is damaged";
	return "its debug file is not used: reading it took too much memory";
}

int symbol_worker_ask(struct symbol_answer *answer, const struct debug_search *search, const struct symbol_object *object,
		      struct error *err)
{
	CLEANUP(buffer_release) struct buffer bytes = {0};
	int ends[2], status = 0;

	*answer = (struct symbol_answer){0};
	if (pipe(ends))
		return error_set(err, -errno, "no pipe for the names of functions: %m");
	pid_t pid = fork();
	if (!pid) {
		close(ends[0]);
		_exit(work(ends[1], search, object));
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return error_set(err, -errno, "no process for the names of functions: %m");
	}
	read_all(ends[0], &bytes);
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	int ret = bytes.failed ? -ENOMEM : status ? -EBADMSG : understand(answer, &bytes);
	if (ret == -ENOMEM)
		return error_set(err, ret, "not enough memory for the names of functions");
	if (ret) {
		symbol_answer_release(answer);
		strcpy(answer->problem, why_it_ended(status));
	}
	return 0;
}
