/*
 * A second pair of hands: one job at a time runs beside its caller. Which runs where changes nothing but the time: where there is no thread
 * to be had, the caller's does it.
 */
#ifndef SLABREC_REPORT_WORKER_H
#define SLABREC_REPORT_WORKER_H

#include <pthread.h>
#include <stdbool.h>

typedef void worker_job(void *context);

/* All-zero is one that has had no job yet. It may not be moved while it has one. */
struct worker {
	pthread_t thread;
	worker_job *job;
	void *context;
	bool is_busy; /* thread is to be joined */
};

/*
 * Begins the job. Until worker_wait() caller and job leave each other's data alone; it has to be called before the worker goes. Waits for
 * the job before.
 */
void worker_start(struct worker *worker, worker_job *job, void *context);
/* Until the job is done; at once where there is none. */
void worker_wait(struct worker *worker);

#endif
