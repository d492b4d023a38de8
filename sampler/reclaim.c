/* Two files of the kernel: /proc/sys/vm/drop_caches, which takes dentries and inodes with it, and a cache's shrink. */
#include "sampler/reclaim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DROP_CACHES "/proc/sys/vm/drop_caches"
#define ROUNDS 2 /* what the first leaves unused, the second can take */

static void write_file(struct reclaim *reclaim, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if ((fd < 0 || write(fd, text, strlen(text)) < 0) && !*reclaim->problem)
		snprintf(reclaim->problem, sizeof(reclaim->problem), "%.120s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void *reclaim_run(void *context)
{
	struct reclaim *reclaim = context;
	char path[sizeof("/sys/kernel/slab//shrink") + SLAB_CACHE_NAME_MAX];

	for (int round = 0; round < ROUNDS; round++) {
		write_file(reclaim, DROP_CACHES, "3\n");
		for (size_t i = 0; i < reclaim->caches->count; i++) {
			snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", reclaim->caches->caches[i].name);
			write_file(reclaim, path, "1\n");
		}
	}
	atomic_store(&reclaim->is_done, true);
	return NULL;
}

int reclaim_start(struct reclaim *reclaim, const struct slab_cache_list *caches, struct error *err)
{
	sigset_t all, before;

	reclaim->caches = caches;
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int ret = pthread_create(&reclaim->thread, NULL, reclaim_run, reclaim);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return error_set(err, -ret, "--reclaim: no thread: %s", strerror(ret));
	reclaim->is_running = true;
	return 0;
}

bool reclaim_is_done(const struct reclaim *reclaim)
{
	return atomic_load(&reclaim->is_done);
}

void reclaim_wait(struct reclaim *reclaim)
{
	if (reclaim->is_running)
		pthread_join(reclaim->thread, NULL);
	reclaim->is_running = false;
}
