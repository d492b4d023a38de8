/* Knows where the kernel tells about itself. */
#include "sampler/facts.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "sampler/elf_file.h"
#include "sampler/text_file.h"
#include "trace/cleanup.h"
#include "trace/cursor.h"

static void write_kernel(struct trace_writer *writer)
{
	uint8_t build_id[TRACE_BUILD_ID_MAX_BYTES];
	char hex[2 * TRACE_BUILD_ID_MAX_BYTES + 1] = "";
	struct utsname name;
	size_t notes_bytes;

	uname(&name);
	trace_writer_fact(writer, "kernel.release", name.release);
	trace_writer_fact(writer, "kernel.version", name.version);
	trace_writer_fact(writer, "kernel.machine", name.machine);
	trace_writer_fact(writer, "host.name", name.nodename);
	char *notes CLEANUP(cleanup_free) = text_file_read("/sys/kernel/notes", &notes_bytes);
	size_t size_bytes = notes ? elf_file_notes_build_id(notes, notes_bytes, build_id) : 0;
	for (size_t i = 0; i < size_bytes; i++)
		sprintf(hex + 2 * i, "%02x", build_id[i]);
	if (size_bytes)
		trace_writer_fact(writer, "kernel.build_id", hex);
}

static void write_file_fact(struct trace_writer *writer, const char *key, const char *path)
{
	char line[512];

	if (!text_file_line(path, line, sizeof(line)))
		trace_writer_fact(writer, key, line);
}

/* Arguments separated by blanks, quoted where they have some. */
static void write_arguments(struct trace_writer *writer, const char *key, char *const *argv)
{
	struct buffer text = {0};

	for (; *argv; argv++) {
		bool is_quoted = !**argv || strpbrk(*argv, " \t\n'\"\\$*?;&|<>()");

		if (text.size_bytes)
			buffer_add_u8(&text, ' ');
		if (is_quoted)
			buffer_add_u8(&text, '\'');
		for (const char *at = *argv; *at; at++)
			buffer_add(&text, *at == '\'' ? "'\\''" : at, *at == '\'' ? 4 : 1);
		if (is_quoted)
			buffer_add_u8(&text, '\'');
	}
	buffer_add_u8(&text, '\0');
	if (!text.failed)
		trace_writer_fact(writer, key, (const char *)text.bytes);
	buffer_release(&text);
}

/* The boot parameters that change what slab caches do; the rest of the line is nobody's business. */
static void write_boot_parameters(struct trace_writer *writer)
{
	static const char *const prefixes[] = {"slub_", "slab_", "cgroup.memory=", "kasan", "kfence.", "page_owner"};
	char line[4096], kept[1024] = "";
	char *rest = NULL;

	if (text_file_line("/proc/cmdline", line, sizeof(line)))
		return;
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
			if (!strncmp(word, prefixes[i], strlen(prefixes[i])) && strlen(kept) + strlen(word) + 2 < sizeof(kept))
				strcat(strcat(kept, *kept ? " " : ""), word);
	if (*kept)
		trace_writer_fact(writer, "kernel.boot_parameters", kept);
}

/* Which distribution this is, so that a report can name its packages. */
static void write_distribution(struct trace_writer *writer)
{
	static const char *const keys[][2] = {{"ID=", "os.id"}, {"ID_LIKE=", "os.id_like"}, {"VERSION_ID=", "os.version_id"}};
	char *text CLEANUP(cleanup_free) = text_file_read("/etc/os-release", NULL);
	char *rest = NULL;

	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			size_t length = strlen(keys[i][0]);

			if (strncmp(line, keys[i][0], length))
				continue;
			char *value = line + length + strspn(line + length, "\"'");
			value[strcspn(value, "\"'")] = '\0';
			trace_writer_fact(writer, keys[i][1], value);
		}
}

static void write_start_time(struct trace_writer *writer)
{
	struct timespec now;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(text, sizeof(text), "%lld", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
	trace_writer_fact(writer, "start.realtime_ns", text);
	trace_writer_fact(writer, "clock", "CLOCK_MONOTONIC");
}

/* Which CPUs each NUMA node has: objects come from the node of the CPU unless another was asked for. */
static void write_node_cpus(struct trace_writer *writer)
{
	glob_t nodes;

	if (!glob("/sys/devices/system/node/node[0-9]*/cpulist", 0, NULL, &nodes))
		for (size_t i = 0; i < nodes.gl_pathc; i++) {
			char key[64];

			snprintf(key, sizeof(key), "numa_node.%d.cpus",
				 atoi(nodes.gl_pathv[i] + strlen("/sys/devices/system/node/node")));
			write_file_fact(writer, key, nodes.gl_pathv[i]);
		}
	globfree(&nodes);
}

void facts_write_machine(struct trace_writer *writer, const struct options *options)
{
	trace_writer_fact(writer, "recorder.version", SLABREC_VERSION);
	write_kernel(writer);
	write_file_fact(writer, "kernel.taint", "/proc/sys/kernel/tainted");
	write_boot_parameters(writer);
	write_distribution(writer);
	write_file_fact(writer, "cpus", "/sys/devices/system/cpu/online");
	write_file_fact(writer, "numa_nodes", "/sys/devices/system/node/online");
	write_node_cpus(writer);
	write_start_time(writer);
	write_arguments(writer, "recorder.command", options->argv);
	if (options->command)
		write_arguments(writer, "workload.command", options->command);
}

static uint64_t meminfo_bytes(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

int facts_meminfo(struct trace_meminfo *meminfo)
{
	char *text CLEANUP(cleanup_free) = text_file_read("/proc/meminfo", NULL);

	if (!text)
		return -errno;
	meminfo->reclaimable_bytes = meminfo_bytes(text, "\nSReclaimable:");
	meminfo->unreclaimable_bytes = meminfo_bytes(text, "\nSUnreclaim:");
	return 0;
}
