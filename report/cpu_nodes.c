/* The facts are foreign text: numbers are checked before they are indices. */
#include "report/cpu_nodes.h"

#include <stdlib.h>
#include <string.h>

#include "report/capture.h"

#define NODES_MAX 1024 /* Linux has no more */

static bool read_cpu(const char **at, unsigned long *cpu)
{
	char *end;

	*cpu = strtoul(*at, &end, 10);
	if (end == *at || *cpu >= CAPTURE_CPUS_MAX)
		return false;
	*at = end;
	return true;
}

/* "0-3,6". */
static void read_list(struct cpu_nodes *nodes, const char *list, int32_t node)
{
	bool has_any = false;

	for (bool has_more = true; has_more; list++) {
		unsigned long first, last;

		if (!read_cpu(&list, &first))
			break;
		last = first;
		if (*list == '-') {
			list++;
			if (!read_cpu(&list, &last))
				break;
		}
		for (; first <= last; first++)
			nodes->nodes[first] = node;
		has_any = true;
		has_more = *list == ',';
	}
	nodes->nr_nodes += has_any;
}

void cpu_nodes_read(struct cpu_nodes *nodes, const struct recording *recording)
{
	const struct capture *capture = &recording->capture;

	*nodes = (struct cpu_nodes){.nodes = malloc(CAPTURE_CPUS_MAX * sizeof(*nodes->nodes)), .nr_cpus = CAPTURE_CPUS_MAX};
	if (!nodes->nodes) {
		nodes->nr_cpus = 0;
		return;
	}
	memset(nodes->nodes, 0xff, CAPTURE_CPUS_MAX * sizeof(*nodes->nodes));
	for (size_t i = 0; i < capture->fact_count; i++) {
		const char *key = trace_reader_text(recording->reader, capture->facts[i].key);
		char *end;

		if (strncmp(key, "numa_node.", 10))
			continue;
		unsigned long node = strtoul(key + 10, &end, 10);
		if (end != key + 10 && node < NODES_MAX && !strcmp(end, ".cpus"))
			read_list(nodes, trace_reader_text(recording->reader, capture->facts[i].value), (int32_t)node);
	}
}

void cpu_nodes_release(struct cpu_nodes *nodes)
{
	free(nodes->nodes);
	*nodes = (struct cpu_nodes){0};
}

int32_t cpu_nodes_of(const struct cpu_nodes *nodes, uint32_t cpu)
{
	return cpu < nodes->nr_cpus ? nodes->nodes[cpu] : -1;
}
