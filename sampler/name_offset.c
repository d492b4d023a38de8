/*
 * The offset varies with version and configuration (88, 96 and 104 were seen from 3.10 to 7.3). The checked probe reads the string
 * behind 17 places of struct kmem_cache at every kmem_cache_alloc() for a moment: the name is a name of slabinfo again and again.
 */
#include "sampler/name_offset.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sampler/btf.h"
#include "sampler/cpu_list.h"
#include "sampler/elf_file.h"
#include "sampler/event_format.h"
#include "sampler/perf_ring.h"
#include "sampler/sample.h"
#include "trace/cleanup.h"

#define FIRST_CANDIDATE 24
#define CANDIDATES 17
#define CANDIDATE_STEP 8
/* So many hits decide, where a place was a cache's name in nine of ten: a cache may be made meanwhile. */
#define CHECKED_HITS 32
#define MOST(hits) ((hits) - (hits) / 10)
#define EVENT "name_offset"
#define RING_BYTES (1u << 20)

const char *name_offset_source_name(enum name_offset_source source)
{
	static const char *const names[] = {
		[NAME_OFFSET_ANY] = "any",
		[NAME_OFFSET_BTF] = "btf",
		[NAME_OFFSET_DWARF] = "dwarf",
		[NAME_OFFSET_CHECKED] = "checked",
	};

	return names[source];
}

static int from_btf(uint32_t *offset_bytes)
{
	struct kernel_btf *btf = NULL;
	int ret = kernel_btf_new(&btf, NULL);

	if (!ret)
		ret = kernel_btf_offset(btf, "kmem_cache", "name", offset_bytes);
	kernel_btf_free(btf);
	return ret;
}

/* The kernel's debug file where distributions put it (KERNEL.md, 6). */
static int from_dwarf(uint32_t *offset_bytes)
{
	static const char *const places[] = {
		"/usr/lib/debug/boot/vmlinux-%s",	      "/usr/lib/debug/lib/modules/%s/vmlinux",
		"/usr/lib/debug/usr/lib/modules/%s/vmlinux.debug", "/usr/lib/debug/boot/vmlinux-%s.debug",
		"/lib/modules/%s/build/vmlinux",	      "/boot/vmlinux-%s",
	};
	struct utsname name;

	uname(&name);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[512];

		snprintf(path, sizeof(path), places[i], name.release);
		if (!elf_file_member_offset(path, "kmem_cache", "name", offset_bytes))
			return 0;
	}
	return -ENOENT;
}

struct calibration {
	struct event_field fields[CANDIDATES];
	const struct slab_cache_list *caches;
	unsigned int agreed[CANDIDATES];
	unsigned int hits;
};

static unsigned int no_parts(void *context, uint64_t id)
{
	(void)context;
	(void)id;
	return 0;
}

static void count_records(struct calibration *calibration, const struct buffer *records)
{
	struct sample sample;
	size_t record_bytes;

	for (size_t at = 0; at < records->size_bytes; at += record_bytes) {
		record_bytes = sample_decode(&sample, records->bytes + at, records->size_bytes - at, no_parts, NULL);
		if (!record_bytes)
			return;
		if (sample.type != SAMPLE_PROBE)
			continue;
		calibration->hits++;
		for (int i = 0; i < CANDIDATES; i++) {
			const char *name = event_field_string(calibration->fields[i], sample.raw, sample.raw_bytes);

			calibration->agreed[i] += slab_cache_find(calibration->caches, name) != NULL;
		}
	}
}

/* Does what allocates from named caches: looking at files. */
static void provoke(void)
{
	for (int i = 0; i < 20; i++) {
		struct stat status;
		FILE *file = fopen("/proc/self/stat", "r");

		if (file)
			fclose(file);
		stat("/proc/self/exe", &status);
	}
}

/* Where that is not allowed, whoever runs there has to do. */
static void move_to(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static int run_probe(struct calibration *calibration, uint64_t event_id, struct error *err)
{
	struct perf_event_options how = {.tracepoint_id = event_id, .filter = ""};
	struct buffer records = {0};
	struct perf_ring ring;
	struct cpu_list cpus;
	cpu_set_t before;
	uint64_t id;
	int ret = cpu_list_online(&cpus, err);
	bool can_move = !sched_getaffinity(0, sizeof(before), &before);

	/* One CPU after the other; the first will mostly do. */
	for (size_t i = 0; !ret && i < cpus.count && calibration->hits < CHECKED_HITS; i++) {
		ret = perf_ring_open(&ring, cpus.cpus[i], RING_BYTES, false, err);
		if (ret)
			break;
		int fd = perf_event_open_probe(&how, cpus.cpus[i], &ring, &id, err);
		ret = fd < 0 ? fd : 0;
		if (!ret && !(ret = perf_event_enable(fd))) {
			if (can_move && cpus.cpus[i] < CPU_SETSIZE)
				move_to(cpus.cpus[i]);
			for (int turn = 0; turn < 20 && calibration->hits < CHECKED_HITS; turn++) {
				provoke();
				poll(NULL, 0, 5);
				buffer_clear(&records);
				perf_ring_drain(&ring, &records);
				count_records(calibration, &records);
			}
		}
		if (fd >= 0)
			close(fd);
		perf_ring_close(&ring);
	}
	if (can_move)
		sched_setaffinity(0, sizeof(before), &before);
	buffer_release(&records);
	cpu_list_release(&cpus);
	return ret;
}

/* The candidate that most often was a cache's name. kobj.name, farther behind, is it too for caches that are merged with no other. */
static int decide(const struct calibration *calibration, uint32_t *offset_bytes)
{
	int best = 0;

	for (int i = 1; i < CANDIDATES; i++)
		if (calibration->agreed[i] > calibration->agreed[best])
			best = i;
	if (calibration->hits < CHECKED_HITS || calibration->agreed[best] < MOST(calibration->hits))
		return -ENOENT;
	*offset_bytes = FIRST_CANDIDATE + (uint32_t)best * CANDIDATE_STEP;
	return 0;
}

static int from_checked_probe(struct tracefs *tracefs, const struct kallsyms *symbols,
			      const struct slab_cache_list *caches, uint32_t *offset_bytes, struct error *err)
{
	const char *function = kallsyms_has(symbols, "kmem_cache_alloc") ? "kmem_cache_alloc" : "kmem_cache_alloc_noprof";
	struct calibration calibration = {.caches = caches};
	char args[1024];
	size_t used = 0;
	char *format CLEANUP(cleanup_free) = NULL;
	uint64_t event_id;

#if defined(__x86_64__)
	const char *first = "%di";
#else
	const char *first = "%x0";
#endif
	for (int i = 0; i < CANDIDATES; i++)
		used += (size_t)snprintf(args + used, sizeof(args) - used, "%sn%d=+0(+%d(%s)):string", i ? " " : "", i,
					 FIRST_CANDIDATE + i * CANDIDATE_STEP, first);
	int ret = tracefs_define(tracefs, "p", EVENT, function, args, err);
	if (!ret)
		ret = tracefs_event(tracefs, tracefs->group, EVENT, &event_id, &format, err);
	for (int i = 0; !ret && i < CANDIDATES; i++) {
		char field[8];

		snprintf(field, sizeof(field), "n%d", i);
		calibration.fields[i] = event_format_field(format, field);
	}
	if (!ret)
		ret = run_probe(&calibration, event_id, err);
	tracefs_close(tracefs);
	return ret ? ret : decide(&calibration, offset_bytes);
}

int name_offset_find(enum name_offset_source wanted, struct tracefs *tracefs, const struct kallsyms *symbols,
		     const struct slab_cache_list *caches, uint32_t *offset_bytes, enum name_offset_source *source,
		     struct error *err)
{
	if (wanted == NAME_OFFSET_ANY || wanted == NAME_OFFSET_BTF) {
		*source = NAME_OFFSET_BTF;
		if (!from_btf(offset_bytes))
			return 0;
	}
	if (wanted == NAME_OFFSET_ANY || wanted == NAME_OFFSET_DWARF) {
		*source = NAME_OFFSET_DWARF;
		if (!from_dwarf(offset_bytes))
			return 0;
	}
	if (wanted == NAME_OFFSET_ANY || wanted == NAME_OFFSET_CHECKED) {
		*source = NAME_OFFSET_CHECKED;
		if (!from_checked_probe(tracefs, symbols, caches, offset_bytes, err))
			return 0;
	}
	return error_set(err, -ENOENT,
			 "the place of kmem_cache.name is not known: no BTF in /sys/kernel/btf, no debug file of the kernel, and trying gave no answer; install the kernel's debug package, or use --source tracepoint");
}
