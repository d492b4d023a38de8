/*
 * Knows the kernel's naming of caches: kmalloc-1024 became kmalloc-1k, one size has many siblings, and merged caches go by the
 * name of whoever came first (the one of the links in /sys/kernel/slab that slabinfo lists).
 */
#include "sampler/slab_cache.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sampler/text_file.h"
#include "trace/cleanup.h"

#define SYSFS_SLAB "/sys/kernel/slab"
#define NEAR_NAMES 5

/* Bytes of "1024", "1k", "8k", "2M"; 0 where the text is no size. */
static uint32_t parse_size(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || !isdigit((unsigned char)*text))
		return 0;
	if (*end == 'k' || *end == 'M') {
		value *= *end == 'k' ? 1024 : 1024 * 1024;
		end++;
	}
	return *end ? 0 : (uint32_t)value;
}

static void classify(struct slab_cache *cache)
{
	static const struct {
		const char *prefix;
		enum slab_cache_type type;
	} prefixes[] = {
		{"dma-kmalloc-", SLAB_CACHE_DMA},	  {"kmalloc-cg-", SLAB_CACHE_CGROUP},
		{"kmalloc-rcl-", SLAB_CACHE_RECLAIM},	  {"kmalloc-rnd-", SLAB_CACHE_RANDOM},
		{"kmalloc-part-", SLAB_CACHE_RANDOM},	  {"kmalloc-no-objext-", SLAB_CACHE_RANDOM},
		{"kmalloc-", SLAB_CACHE_NORMAL},
	};
	const char *size = strrchr(cache->name, '-');

	cache->type = SLAB_CACHE_NAMED;
	cache->size_class_bytes = 0;
	for (size_t i = 0; size && i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(cache->name, prefixes[i].prefix, strlen(prefixes[i].prefix)))
			continue;
		cache->size_class_bytes = parse_size(size + 1);
		cache->type = cache->size_class_bytes ? prefixes[i].type : SLAB_CACHE_NAMED;
		return;
	}
}

struct slab_cache *slab_cache_list_add(struct slab_cache_list *list, const char *name)
{
	struct slab_cache *caches = realloc(list->caches, (list->count + 1) * sizeof(*caches));

	if (!caches)
		return NULL;
	list->caches = caches;
	struct slab_cache *cache = &caches[list->count++];
	*cache = (struct slab_cache){0};
	snprintf(cache->name, sizeof(cache->name), "%s", name);
	classify(cache);
	return cache;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct slab_cache *)a)->name, ((const struct slab_cache *)b)->name);
}

/*
 * A bucket set has one cache for each kmalloc size: PREFIX-8 ... PREFIX-8k. A prefix that has both PREFIX-16 and PREFIX-4k is
 * taken for one; caches that merely end in a number have not.
 */
static bool is_bucket_prefix(const struct slab_cache_list *list, const char *name, size_t prefix)
{
	static const char *const sizes[] = {"16", "128", "4k"};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char sibling[SLAB_CACHE_NAME_MAX + 8];

		snprintf(sibling, sizeof(sibling), "%.*s-%s", (int)prefix, name, sizes[i]);
		if (!slab_cache_find(list, sibling))
			return false;
	}
	return true;
}

void slab_cache_list_finish(struct slab_cache_list *list)
{
	if (!list->count)
		return;
	qsort(list->caches, list->count, sizeof(*list->caches), by_name);
	for (size_t i = 0; i < list->count; i++) {
		struct slab_cache *cache = &list->caches[i];
		const char *size = strrchr(cache->name, '-');

		if (cache->type != SLAB_CACHE_NAMED || !size || !parse_size(size + 1))
			continue;
		if (!is_bucket_prefix(list, cache->name, (size_t)(size - cache->name)))
			continue;
		cache->type = SLAB_CACHE_BUCKET;
		cache->size_class_bytes = parse_size(size + 1);
	}
}

const struct slab_cache *slab_cache_find(const struct slab_cache_list *list, const char *name)
{
	struct slab_cache key = {0};

	if (!list->count || strlen(name) >= sizeof(key.name))
		return NULL;
	strcpy(key.name, name);
	return bsearch(&key, list->caches, list->count, sizeof(key), by_name);
}

static uint32_t sysfs_number(const char *name, const char *attribute)
{
	char path[PATH_MAX];
	uint64_t value = 0;

	snprintf(path, sizeof(path), SYSFS_SLAB "/%s/%s", name, attribute);
	return text_file_number(path, &value) ? 0 : (uint32_t)value;
}

/* A CPU has the main one, a spare and one that gathers kfree_rcu()s, and its share of its node's barn, which keeps up to ten full ones. */
static uint32_t percpu_sheaves(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t nodes = 0;

	for (char path[64]; nodes < 1024; nodes++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", nodes);
		if (access(path, F_OK))
			break;
	}
	return 3 + (cpus > 0 ? (uint32_t)((10 * (nodes ? nodes : 1) + (uint32_t)cpus - 1) / (uint32_t)cpus) : 10);
}

/*
 * cpu_partial is a number of free objects, and since 5.16 the kernel turns it into one of slabs that are taken to be half free. They may be
 * all free, and before that objects were counted only when their slab came in: twice as many in either case.
 */
static uint32_t partial_objects(const struct slab_cache *cache)
{
	uint64_t per_slab = cache->objects_per_slab ? cache->objects_per_slab : 1;
	uint64_t slabs = (2ull * sysfs_number(cache->name, "cpu_partial") + per_slab - 1) / per_slab;

	return (uint32_t)(slabs * per_slab);
}

/* slabinfo has one size, between these two. */
static void read_sizes(struct slab_cache *cache)
{
	uint32_t object_size = sysfs_number(cache->name, "object_size");

	if (!object_size)
		return;
	cache->object_size_bytes = object_size;
	cache->slab_size_bytes = sysfs_number(cache->name, "slab_size");
}

/* Caches as slabinfo lists them: each kmem_cache once, under its own name. */
static int read_slabinfo(struct slab_cache_list *list, struct error *err)
{
	char *rest = NULL;
	char *text CLEANUP(cleanup_free) = text_file_read("/proc/slabinfo", NULL);

	if (!text)
		return error_set(err, -errno, "/proc/slabinfo: %m%s",
				 errno == EACCES ? ": run slabrec as root (sudo slabrec ...)" : "");
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char name[128];
		unsigned int size, per_slab, pages;

		if (sscanf(line, "%127s %*u %*u %u %u %u", name, &size, &per_slab, &pages) != 4 ||
		    strlen(name) >= SLAB_CACHE_NAME_MAX)
			continue;
		struct slab_cache *cache = slab_cache_list_add(list, name);
		if (!cache)
			return error_set(err, -ENOMEM, "/proc/slabinfo: out of memory");
		cache->object_size_bytes = cache->slab_size_bytes = size;
		cache->objects_per_slab = per_slab;
		while (pages > 1u << cache->order)
			cache->order++;
		read_sizes(cache);
	}
	return 0;
}

static int add_alias(struct slab_cache *cache, const char *alias)
{
	size_t before = cache->aliases ? strlen(cache->aliases) : 0;
	char *aliases = realloc(cache->aliases, before + strlen(alias) + 2);

	if (!aliases)
		return -ENOMEM;
	sprintf(aliases + before, "%s%s", before ? "," : "", alias);
	cache->aliases = aliases;
	return 0;
}

struct slab_link {
	char name[SLAB_CACHE_NAME_MAX];
	char target[SLAB_CACHE_NAME_MAX];
};

static int by_link_name(const void *a, const void *b)
{
	return strcmp(((const struct slab_link *)a)->name, ((const struct slab_link *)b)->name);
}

/* The links of /sys/kernel/slab, NAME -> :0000400, sorted by name; the caller frees them. Without sysfs there are none. */
static struct slab_link *read_links(size_t *count)
{
	struct slab_link *links = NULL;
	DIR *dir = opendir(SYSFS_SLAB);

	*count = 0;
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		char path[PATH_MAX], target[PATH_MAX];

		snprintf(path, sizeof(path), SYSFS_SLAB "/%s", entry->d_name);
		ssize_t size = entry->d_type == DT_LNK ? readlink(path, target, sizeof(target) - 1) : -1;
		if (size <= 0 || size >= SLAB_CACHE_NAME_MAX || strlen(entry->d_name) >= SLAB_CACHE_NAME_MAX)
			continue;
		target[size] = '\0';
		struct slab_link *more = realloc(links, (*count + 1) * sizeof(*links));
		if (!more)
			break;
		links = more;
		strcpy(links[*count].name, entry->d_name);
		strcpy(links[(*count)++].target, target);
	}
	if (dir)
		closedir(dir);
	if (links)
		qsort(links, *count, sizeof(*links), by_link_name);
	return links;
}

/* Tells each merged cache the names that share it. */
static int read_aliases(struct slab_cache_list *list)
{
	size_t count;
	struct slab_link *links CLEANUP(cleanup_free) = read_links(&count);
	int ret = 0;

	for (size_t i = 0; i < list->count && !ret; i++) {
		struct slab_cache *cache = &list->caches[i];
		struct slab_link key = {0};

		strcpy(key.name, cache->name);
		const struct slab_link *own = links ? bsearch(&key, links, count, sizeof(key), by_link_name) : NULL;
		for (size_t j = 0; own && j < count && !ret; j++)
			if (&links[j] != own && !strcmp(links[j].target, own->target))
				ret = add_alias(cache, links[j].name);
	}
	return ret;
}

int slab_cache_list_read(struct slab_cache_list *list, struct error *err)
{
	*list = (struct slab_cache_list){0};
	int ret = read_slabinfo(list, err);
	if (!ret) {
		slab_cache_list_finish(list);
		if (read_aliases(list))
			ret = error_set(err, -ENOMEM, SYSFS_SLAB ": out of memory");
	}
	if (!ret && !list->count)
		ret = error_set(err, -ENOENT, "/proc/slabinfo lists no caches");
	if (ret)
		slab_cache_list_release(list);
	return ret;
}

void slab_cache_list_detail(struct slab_cache_list *list)
{
	uint32_t sheaves = percpu_sheaves();

	for (size_t i = 0; i < list->count; i++) {
		struct slab_cache *cache = &list->caches[i];

		cache->align_bytes = sysfs_number(cache->name, "align");
		cache->percpu_objects =
			cache->objects_per_slab + partial_objects(cache) + sheaves * sysfs_number(cache->name, "sheaf_capacity");
	}
}

void slab_cache_list_release(struct slab_cache_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->caches[i].aliases);
	free(list->caches);
	*list = (struct slab_cache_list){0};
}

static int select_one(const struct slab_cache *cache, const char *pattern, struct slab_cache_list *selected)
{
	for (size_t i = 0; i < selected->count; i++)
		if (!strcmp(selected->caches[i].name, cache->name))
			return 0;
	struct slab_cache *copy = slab_cache_list_add(selected, cache->name);
	if (!copy)
		return -ENOMEM;
	*copy = *cache;
	copy->aliases = cache->aliases ? strdup(cache->aliases) : NULL;
	snprintf(copy->requested, sizeof(copy->requested), "%s", pattern);
	return cache->aliases && !copy->aliases ? -ENOMEM : 0;
}

/* True where one of the cache's names matches; sizes in the pattern are compared as numbers. */
static bool names_match(const struct slab_cache *cache, const char *pattern)
{
	const char *rest = cache->aliases;

	if (!fnmatch(pattern, cache->name, 0))
		return true;
	while (rest && *rest) {
		char alias[SLAB_CACHE_NAME_MAX];
		size_t size = strcspn(rest, ",");

		snprintf(alias, sizeof(alias), "%.*s", (int)size, rest);
		if (!fnmatch(pattern, alias, 0))
			return true;
		rest += size + (rest[size] == ',');
	}
	return false;
}

/* "kmalloc-cg-1024" is "kmalloc-cg-1k" on newer kernels and the other way round. */
static bool same_but_for_spelling(const struct slab_cache *cache, const char *name)
{
	const char *size = strrchr(name, '-');
	const char *own = strrchr(cache->name, '-');

	return cache->size_class_bytes && size && own && size - name == own - cache->name &&
	       !strncmp(name, cache->name, (size_t)(size - name)) && parse_size(size + 1) == cache->size_class_bytes;
}

static bool pattern_matches(const struct slab_cache *cache, const char *pattern)
{
	if (*pattern == '=')
		return !strcmp(cache->name, pattern + 1) || same_but_for_spelling(cache, pattern + 1);
	/* kmalloc-1024 is the family of that size: one gfp flag moves an allocation from one sibling to another. */
	if (!strncmp(pattern, "kmalloc-", 8) && parse_size(pattern + 8))
		return cache->size_class_bytes == parse_size(pattern + 8);
	return names_match(cache, pattern) || same_but_for_spelling(cache, pattern);
}

static size_t edit_distance(const char *a, const char *b)
{
	size_t row[SLAB_CACHE_NAME_MAX + 1];
	size_t size = strnlen(b, SLAB_CACHE_NAME_MAX);

	for (size_t j = 0; j <= size; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= size; j++) {
			size_t replace = diagonal + (a[i - 1] != b[j - 1]);
			size_t insert = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = replace < insert ? replace : insert;
		}
	}
	return row[size];
}

struct near_name {
	const char *name;
	size_t distance;
};

/* Names that hold the word come first, then those with the fewest letters changed. */
static void near_names(const struct slab_cache_list *list, const char *pattern, char *text, size_t size)
{
	struct near_name best[NEAR_NAMES] = {{0}};
	const char *word = pattern + (*pattern == '=');
	size_t used = 0;

	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->caches[i].name;
		struct near_name candidate = {name, strcasestr(name, word) ? 0 : edit_distance(word, name)};

		if (candidate.distance > strlen(word) / 2 + 1)
			continue;
		for (size_t j = 0; j < NEAR_NAMES; j++)
			if (!best[j].name || candidate.distance < best[j].distance) {
				struct near_name displaced = best[j];

				best[j] = candidate;
				candidate = displaced;
				if (!candidate.name)
					break;
			}
	}
	*text = '\0';
	for (size_t j = 0; j < NEAR_NAMES && best[j].name && used < size; j++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", j ? ", " : "; near names: ", best[j].name);
}

int slab_cache_select(const struct slab_cache_list *list, const char *pattern, struct slab_cache_list *selected,
		      struct error *err)
{
	size_t matches = 0;
	char near[160];

	for (size_t i = 0; i < list->count; i++) {
		if (!pattern_matches(&list->caches[i], pattern))
			continue;
		matches++;
		if (select_one(&list->caches[i], pattern, selected))
			return error_set(err, -ENOMEM, "selecting caches: out of memory");
	}
	if (matches)
		return 0;
	near_names(list, pattern, near, sizeof(near));
	return error_set(err, -ENOENT, "no slab cache matches \"%.40s\"%s (slabrec --list-caches shows all)", pattern, near);
}

static int count_from_slabinfo(const struct slab_cache *cache, struct slab_cache_census *census)
{
	char *rest = NULL;
	char *text CLEANUP(cleanup_free) = text_file_read("/proc/slabinfo", NULL);

	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
		char name[128];
		unsigned long long active, total, slabs = 0;

		if (sscanf(line, "%127s %llu %llu", name, &active, &total) != 3 || strcmp(name, cache->name))
			continue;
		const char *data = strstr(line, ": slabdata");
		if (data)
			sscanf(data, ": slabdata %*u %llu", &slabs);
		*census = (struct slab_cache_census){active, total, slabs};
		return 0;
	}
	return -ENOENT;
}

int slab_cache_count(const struct slab_cache *cache, struct slab_cache_census *census)
{
	static const char *const attributes[] = {"objects", "total_objects", "slabs"};
	uint64_t *const values[] = {&census->active_objects, &census->total_objects, &census->slabs};

	for (size_t i = 0; i < 3; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), SYSFS_SLAB "/%s/%s", cache->name, attributes[i]);
		if (text_file_number(path, values[i]))
			return count_from_slabinfo(cache, census);
	}
	return 0;
}
