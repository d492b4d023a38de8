/* Reads lists of CPUs. */
#include "sampler/cpu_list.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/text_file.h"
#include "trace/cleanup.h"

/* More than any kernel is built for. */
#define CPUS_MAX 8192

static int add_range(bool *wanted, long first, long last)
{
	if (first < 0 || last < first || last >= CPUS_MAX)
		return -EINVAL;
	for (long cpu = first; cpu <= last; cpu++)
		wanted[cpu] = true;
	return 0;
}

static int read_ranges(bool *wanted, const char *text)
{
	const char *at = text;
	int ret = 0;

	do {
		char *end;

		if (!isdigit((unsigned char)*at))
			return -EINVAL;
		long first = strtol(at, &end, 10);
		long last = first;
		if (*end == '-') {
			at = end + 1;
			if (!isdigit((unsigned char)*at))
				return -EINVAL;
			last = strtol(at, &end, 10);
		}
		ret = add_range(wanted, first, last);
		at = end;
	} while (!ret && *at++ == ',');
	return ret ? ret : at[-1] ? -EINVAL : 0;
}

int cpu_list_parse(struct cpu_list *list, const char *text)
{
	bool *wanted CLEANUP(cleanup_free) = calloc(CPUS_MAX, sizeof(*wanted));
	int ret = wanted ? read_ranges(wanted, text) : -ENOMEM;

	*list = (struct cpu_list){0};
	if (ret)
		return ret;
	list->cpus = calloc(CPUS_MAX, sizeof(*list->cpus));
	if (!list->cpus)
		return -ENOMEM;
	for (int cpu = 0; cpu < CPUS_MAX; cpu++)
		if (wanted[cpu])
			list->cpus[list->count++] = cpu;
	return 0;
}

void cpu_list_release(struct cpu_list *list)
{
	free(list->cpus);
	*list = (struct cpu_list){0};
}

int cpu_list_online(struct cpu_list *list, struct error *err)
{
	char *text CLEANUP(cleanup_free) = text_file_read("/sys/devices/system/cpu/online", NULL);

	*list = (struct cpu_list){0};
	if (!text)
		return error_set(err, -errno, "/sys/devices/system/cpu/online: %m");
	text[strcspn(text, "\n")] = '\0';
	int ret = cpu_list_parse(list, text);
	return ret ? error_set(err, ret, "/sys/devices/system/cpu/online: %s", strerror(-ret)) : 0;
}

bool cpu_list_has(const struct cpu_list *list, int cpu)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->cpus[i] == cpu)
			return true;
	return false;
}
