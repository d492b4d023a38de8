/* Knows how to ask libdebuginfod, and how to show that it takes its time. */
#include "report/debuginfod.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The line on the terminal, if there is one. */
struct progress {
	const char *name;
	bool is_shown;
};

bool debuginfod_is_set(void)
{
	const char *urls = getenv(DEBUGINFOD_URLS_ENV_VAR);

	return urls && *urls;
}

struct library {
	void *handle;
	__typeof__(debuginfod_begin) *begin;
	__typeof__(debuginfod_end) *end;
	__typeof__(debuginfod_find_debuginfo) *find;
	__typeof__(debuginfod_set_progressfn) *set_progress;
	__typeof__(debuginfod_set_user_data) *set_data;
	__typeof__(debuginfod_get_user_data) *get_data;
};

static struct library library;

static bool load(void)
{
	if (!library.handle)
		library.handle = dlopen(DEBUGINFOD_SONAME, RTLD_LAZY);
	if (!library.handle)
		return false;
	library.begin = dlsym(library.handle, "debuginfod_begin");
	library.end = dlsym(library.handle, "debuginfod_end");
	library.find = dlsym(library.handle, "debuginfod_find_debuginfo");
	library.set_progress = dlsym(library.handle, "debuginfod_set_progressfn");
	library.set_data = dlsym(library.handle, "debuginfod_set_user_data");
	library.get_data = dlsym(library.handle, "debuginfod_get_user_data");
	return library.begin && library.end && library.find && library.set_progress && library.set_data && library.get_data;
}

/* b is 0 while the size is not known. */
static int show_progress(debuginfod_client *client, long a, long b)
{
	struct progress *progress = library.get_data(client);

	if (b > 0)
		fprintf(stderr, "\rslabreport: debug file of %.60s: %ld of %ld MiB ", progress->name, a >> 20, b >> 20);
	else
		fprintf(stderr, "\rslabreport: debug file of %.60s: asking ", progress->name);
	progress->is_shown = true;
	return 0;
}

int debuginfod_find(const uint8_t *build_id, uint32_t build_id_bytes, const char *name, struct error *err)
{
	struct progress progress = {.name = name};

	if (!load())
		return error_set(err, -ENOPKG, "DEBUGINFOD_URLS is set, but there is no %s here", DEBUGINFOD_SONAME);
	debuginfod_client *client = library.begin();
	if (!client)
		return error_set(err, -ENOMEM, "debuginfod: out of memory");
	library.set_data(client, &progress);
	if (isatty(STDERR_FILENO))
		library.set_progress(client, show_progress);
	int fd = library.find(client, build_id, (int)build_id_bytes, NULL);
	library.end(client);
	if (progress.is_shown)
		fprintf(stderr, "\r%*s\r", 110, "");
	if (fd >= 0)
		return fd;
	if (fd == -ENOENT)
		return error_set(err, fd, "no debuginfod server has it");
	errno = -fd;
	return error_set(err, fd, "debuginfod: %m");
}
