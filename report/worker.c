/* A thread for each job: they are few, and each takes milliseconds. */
#include "report/worker.h"

#include <stddef.h>

static void *run(void *context)
{
	struct worker *worker = context;

	worker->job(worker->context);
	return NULL;
}

void worker_start(struct worker *worker, worker_job *job, void *context)
{
	worker_wait(worker);
	worker->job = job;
	worker->context = context;
	worker->is_busy = !pthread_create(&worker->thread, NULL, run, worker);
	if (!worker->is_busy)
		job(context);
}

void worker_wait(struct worker *worker)
{
	if (worker->is_busy)
		pthread_join(worker->thread, NULL);
	worker->is_busy = false;
}
