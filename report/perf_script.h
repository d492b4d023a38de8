/* Runs `perf script`, whose text says what a perf.data holds. Only here a program is started. */
#ifndef SLABREC_REPORT_PERF_SCRIPT_H
#define SLABREC_REPORT_PERF_SCRIPT_H

#include <stdio.h>
#include <sys/types.h>

#include "trace/error.h"

/* All-zero is none. */
struct perf_script {
	FILE *text;	  /* owned: what it prints */
	FILE *complaints; /* owned: what it prints on standard error */
	pid_t pid;	  /* 0: it has been waited for */
};

/* 0; -ENOENT with what to do where there is no perf. path is a file. */
int perf_script_start(struct perf_script *script, const char *path, struct error *err);
/* Waits for its end. 0, or -EIO with its last complaint where it failed. */
int perf_script_end(struct perf_script *script, const char *path, struct error *err);
/* Ends it where it still runs. */
void perf_script_release(struct perf_script *script);

#endif
