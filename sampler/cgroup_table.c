/*
 * Knows the two versions of cgroups: perf events and the ids of samples are of the hierarchy that has the perf_event controller,
 * which is version 2 unless somebody mounted it as version 1. Where that one tells nothing (all are in its root), /proc may.
 */
#include "sampler/cgroup_table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/cleanup.h"
#include "trace/hash.h"

#define DEPTH_MAX 64

/* True where one of the comma separated words is this one. */
static bool has_word(const char *words, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = strstr(words, word); at; at = strstr(at + 1, word))
		if ((at == words || at[-1] == ',') && (!at[size] || at[size] == ','))
			return true;
	return false;
}

void cgroup_table_init(struct cgroup_table *table, struct trace_writer *writer, const char *mounts)
{
	*table = (struct cgroup_table){.writer = writer};
	for (const char *line = mounts; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		char mount[1024], type[32], options[1024];

		if (sscanf(line, "%*s %1023s %31s %1023s", mount, type, options) != 3)
			continue;
		if (!strcmp(type, "cgroup") && has_word(options, "perf_event")) {
			strcpy(table->mount, mount);
			strcpy(table->label, "perf_event:");
			return;
		}
		if (!strcmp(type, "cgroup2") && !*table->mount)
			strcpy(table->mount, mount);
	}
}

static void cgroup_free(struct cgroup *cgroup)
{
	if (!cgroup)
		return;
	free(cgroup->path);
	free(cgroup);
}

void cgroup_table_release(struct cgroup_table *table)
{
	for (size_t i = 0; i < table->paths.capacity; i++)
		if (table->paths.slots[i].key)
			cgroup_free((struct cgroup *)(uintptr_t)table->paths.slots[i].value);
	u64_map_release(&table->paths);
	u64_map_release(&table->ids);
	free(table->filter);
	*table = (struct cgroup_table){.writer = NULL};
}

static bool is_below(const char *path, const char *above)
{
	size_t size = strlen(above);

	if (size && above[size - 1] == '/')
		size--;
	return !strncmp(path, above, size) && (!path[size] || path[size] == '/');
}

static struct cgroup *cgroup_new(const struct cgroup_table *table, const char *path)
{
	struct cgroup *cgroup = calloc(1, sizeof(*cgroup));

	if (cgroup)
		cgroup->path = strdup(path);
	if (!cgroup || !cgroup->path) {
		cgroup_free(cgroup);
		return NULL;
	}
	cgroup->is_selected = table->filter && is_below(path, table->filter);
	cgroup->is_of_perf = *table->label ? !strncmp(path, table->label, strlen(table->label)) : *path == '/';
	cgroup->is_root = !strcmp(path + strcspn(path, "/"), "/");
	return cgroup;
}

/* The cgroup of a path with its label; NULL without memory. */
static struct cgroup *need_cgroup(struct cgroup_table *table, const char *path)
{
	uint64_t key = hash_text(HASH_START, path);

	/* Keys are not 0; two paths of one hash are neighbours. */
	for (key |= 1;; key += 2) {
		uint64_t *value = u64_map_put(&table->paths, key);

		if (!value)
			return NULL;
		if (!*value) {
			struct cgroup *cgroup = cgroup_new(table, path);

			if (!cgroup)
				u64_map_remove(&table->paths, key);
			else
				*value = (uintptr_t)cgroup;
			return cgroup;
		}
		if (!strcmp(((struct cgroup *)(uintptr_t)*value)->path, path))
			return (struct cgroup *)(uintptr_t)*value;
	}
}

int cgroup_table_add(struct cgroup_table *table, uint64_t id, const char *path)
{
	char text[PATH_MAX + sizeof(table->label)];

	if (!id)
		return 0;
	snprintf(text, sizeof(text), "%s%s", table->label, path);
	struct cgroup *cgroup = need_cgroup(table, text);
	uint64_t *value = cgroup ? u64_map_put(&table->ids, id) : NULL;
	if (!value)
		return -ENOMEM;
	*value = (uintptr_t)cgroup;
	cgroup->is_kept = true;
	return 0;
}

/* A folder's inode is its cgroup's id. */
static int scan_folder(struct cgroup_table *table, char path[PATH_MAX], size_t mount_size, int depth)
{
	size_t size = strlen(path);
	DIR *dir = depth < DEPTH_MAX ? opendir(path) : NULL;
	int ret = 0;

	for (struct dirent *entry; dir && !ret && (entry = readdir(dir));) {
		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (snprintf(path + size, PATH_MAX - size, "/%s", entry->d_name) < (int)(PATH_MAX - size)) {
			ret = cgroup_table_add(table, entry->d_ino, path + mount_size);
			if (!ret)
				ret = scan_folder(table, path, mount_size, depth + 1);
		}
		path[size] = '\0';
	}
	if (dir)
		closedir(dir);
	return ret;
}

int cgroup_table_scan(struct cgroup_table *table)
{
	char path[PATH_MAX];
	struct stat status;

	/* Mounted or not, this is the root's number. */
	if (!*table->mount || stat(table->mount, &status))
		return cgroup_table_add(table, 1, "/");
	strcpy(path, table->mount);
	int ret = cgroup_table_add(table, status.st_ino, "/");
	return ret ? ret : scan_folder(table, path, strlen(path), 0);
}

struct cgroup *cgroup_table_find(struct cgroup_table *table, uint64_t id)
{
	uint64_t *value = id ? u64_map_find(&table->ids, id) : NULL;

	if (!id)
		return NULL;
	if (!value) {
		/* Looked for once, then known to be nowhere. */
		cgroup_table_scan(table);
		value = u64_map_put(&table->ids, id);
	}
	return value ? (struct cgroup *)(uintptr_t)*value : NULL;
}

bool cgroup_table_begin_forgetting(struct cgroup_table *table)
{
	if (table->paths.count <= CGROUP_TABLE_MANY)
		return false;
	for (size_t i = 0; i < table->paths.capacity; i++)
		if (table->paths.slots[i].key)
			((struct cgroup *)(uintptr_t)table->paths.slots[i].value)->is_kept = false;
	return true;
}

int cgroup_table_forget(struct cgroup_table *table)
{
	u64_map_clear(&table->ids);
	int ret = cgroup_table_scan(table);
	for (size_t i = 0; i < table->paths.capacity && !ret;) {
		struct cgroup *cgroup = (struct cgroup *)(uintptr_t)table->paths.slots[i].value;

		/* A removal may move another entry here: look at the place again. */
		if (table->paths.slots[i].key && !cgroup->is_kept) {
			u64_map_remove(&table->paths, table->paths.slots[i].key);
			cgroup_free(cgroup);
		} else {
			i++;
		}
	}
	return ret;
}

/* One line of /proc/PID/cgroup, "number:controllers:path". */
struct membership {
	char controllers[128];
	char path[PATH_MAX];
};

static const char *read_line(const char *line, struct membership *membership)
{
	size_t size = strcspn(line, "\n");

	*membership->controllers = *membership->path = '\0';
	if (sscanf(line, "%*d:%127[^:\n]:%4095[^\n]", membership->controllers, membership->path) != 2 &&
	    sscanf(line, "%*d::%4095[^\n]", membership->path) != 1)
		*membership->path = '\0';
	return line + size + (line[size] == '\n');
}

struct cgroup *cgroup_table_of_text(struct cgroup_table *table, const char *text)
{
	char best[PATH_MAX + 160] = "", path[PATH_MAX + 160];
	struct membership membership;
	int best_rank = 0;

	/* Rather one that is not the root; among those of perf events' hierarchy, then of version 2, then the first. */
	for (const char *line = text; line && *line;) {
		line = read_line(line, &membership);
		bool is_v2 = !*membership.controllers;
		bool is_perf = *table->label ? has_word(membership.controllers, "perf_event") : is_v2;
		int rank = (strcmp(membership.path, "/") ? 4 : 0) + (is_perf ? 3 : is_v2 ? 2 : 1);

		if (*membership.path != '/' || rank <= best_rank)
			continue;
		snprintf(path, sizeof(path), "%s%s%s", is_perf ? table->label : membership.controllers,
			 is_v2 || is_perf ? "" : ":", membership.path);
		strcpy(best, path);
		best_rank = rank;
	}
	return *best ? need_cgroup(table, best) : NULL;
}

bool cgroup_table_is_selected(const struct cgroup_table *table, const struct cgroup *cgroup)
{
	return !table->filter || (cgroup ? cgroup->is_selected : table->is_kernels_choice);
}

uint32_t cgroup_table_string(struct cgroup_table *table, struct cgroup *cgroup)
{
	if (cgroup && !cgroup->string)
		cgroup->string = trace_writer_text(table->writer, cgroup->path);
	return cgroup ? cgroup->string : 0;
}

/* The folder of a name: a path in the file system, else one below the mount. */
static int open_folder(const struct cgroup_table *table, const char *name, char folder[PATH_MAX])
{
	char path[2 * PATH_MAX];

	if (*name == '/' && realpath(name, folder) && is_below(folder, table->mount))
		return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/%s", table->mount, name);
	if (!realpath(path, folder) || !is_below(folder, table->mount))
		return -1;
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int cgroup_table_select(struct cgroup_table *table, const char *name, struct error *err)
{
	char folder[PATH_MAX], path[PATH_MAX + sizeof(table->label)];

	if (!*table->mount)
		return error_set(err, -ENOENT, "--cgroup %s: no cgroup file system is mounted that perf events know (mount -t cgroup2 none /sys/fs/cgroup)",
				 name);
	int fd = open_folder(table, name, folder);
	if (fd < 0)
		return error_set(err, -ENOENT, "--cgroup %s: there is no such cgroup under %s", name, table->mount);
	const char *below = folder + strlen(table->mount);
	snprintf(path, sizeof(path), "%s%s", table->label, *below ? below : "/");
	free(table->filter);
	table->filter = strdup(path);
	if (table->filter)
		return fd;
	close(fd);
	return error_set(err, -ENOMEM, "--cgroup: out of memory");
}
