/* slabrec: the only place that prints errors and exits. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>

#include "sampler/options.h"
#include "sampler/recording.h"

/* As env(1), timeout(1) and nohup(1): the program itself failed, not the command. */
#define EXIT_SLABREC_FAILED 125

#define LARGE_BYTES (256 << 10)

int main(int argc, char **argv)
{
	struct options options;
	struct error err = {0};
	int status = 0;
	/* What is large goes back to the kernel when it is freed, for glibc would keep what it once freed. */
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	int ret = options_parse(&options, argc, argv, &err);

	if (!ret) {
		switch (options.action) {
		case ACTION_HELP:
			fputs(options_help, stdout);
			break;
		case ACTION_VERSION:
			puts("slabrec " SLABREC_VERSION);
			break;
		case ACTION_LIST_CACHES:
			ret = recording_list_caches(&options, &err);
			break;
		case ACTION_EXPLAIN:
			ret = recording_explain(&options, &err);
			break;
		case ACTION_RECORD:
			ret = recording_run(&options, &status, &err);
			break;
		}
	}
	if (ret)
		fprintf(stderr, "slabrec: %s%s\n", err.message, ret == -EMFILE ? ": raise the limit (ulimit -n)" : "");
	options_release(&options);
	return ret ? EXIT_SLABREC_FAILED : status;
}
