/* Knows how to reach a file as a process sees it, and to tell whether it is still the one that was mapped. */
#include "sampler/user_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sampler/elf_file.h"
#include "trace/cleanup.h"
#include "trace/hash.h"

/* Descriptors kept for naming functions at the end; files beyond keep their build-id and no names. */
#define OPEN_FILES_MAX 4096
#define CROWDED_LEAST 1024u

struct user_file {
	uint64_t inode;
	uint64_t serial;
	char *path; /* NULL: the entry is free, and id tells the next one */
	int fd;
	bool is_kept;
	bool is_closed; /* because too many were open */
	uint32_t id; /* in the trace; 0 not written */
	uint8_t build_id_bytes;
	uint8_t build_id[TRACE_BUILD_ID_MAX_BYTES]; /* read already where fd is not kept */
};

void user_file_table_init(struct user_file_table *table, struct trace_writer *writer)
{
	*table = (struct user_file_table){.writer = writer, .crowded_count = CROWDED_LEAST};
}

void user_file_table_release(struct user_file_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->files[i].fd >= 0)
			close(table->files[i].fd);
		free(table->files[i].path);
	}
	free(table->files);
	u64_map_release(&table->by_key);
	*table = (struct user_file_table){0};
}

/* Opens a regular file without waking devices or waiting for FIFOs; inode must be its own where it is known. */
static int open_regular(const char *path, uint64_t inode)
{
	char self[64];
	struct stat status;
	int handle CLEANUP(cleanup_close) = open(path, O_PATH | O_CLOEXEC);

	if (handle < 0 || fstat(handle, &status) || !S_ISREG(status.st_mode) || (inode && status.st_ino != inode))
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", handle);
	return open(self, O_RDONLY | O_CLOEXEC);
}

static int open_below_root_of(int32_t pid, const char *path, uint64_t inode)
{
	char there[PATH_MAX + 64];

	if (pid <= 0)
		return -1;
	snprintf(there, sizeof(there), "/proc/%d/root%s", pid, path);
	return open_regular(there, inode);
}

/* What is mapped there, also where it has been deleted or replaced. Some file systems tell another inode of a mapped file. */
static int open_mapped(const struct user_file_view *view, const char *path, uint64_t inode)
{
	char link[96], target[PATH_MAX + 16];
	size_t path_bytes = strlen(path);

	if (!view->end)
		return -1;
	snprintf(link, sizeof(link), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, view->pid, view->begin, view->end);
	ssize_t size = readlink(link, target, sizeof(target) - 1);
	if (size < 0)
		return -1;
	target[size] = '\0';
	bool is_same = !strncmp(target, path, path_bytes) && (!target[path_bytes] || !strcmp(target + path_bytes, " (deleted)"));
	return open_regular(link, is_same ? 0 : inode);
}

static int open_as_seen_by(const struct user_file_view *view, const char *path, uint64_t inode)
{
	if (*path != '/')
		return -1;
	int fd = open_below_root_of(view->pid, path, inode);
	if (fd < 0)
		fd = open_mapped(view, path, inode);
	if (fd < 0)
		fd = open_below_root_of(view->parent_pid, path, inode);
	return fd >= 0 ? fd : open_regular(path, inode);
}

static uint64_t hash_of(const char *path, uint64_t inode)
{
	return u64_mix(hash_text(u64_mix(inode + 1), path)) | 1;
}

/* Number of a free entry; 0 without memory. */
static uint32_t free_entry(struct user_file_table *table)
{
	uint32_t number = table->unused;

	if (number) {
		table->unused = table->files[number - 1].id;
		return number;
	}
	if (table->count == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : 64;
		struct user_file *files = realloc(table->files, capacity * sizeof(*files));

		if (!files)
			return 0;
		table->files = files;
		table->capacity = capacity;
	}
	return (uint32_t)++table->count;
}

static void forget_entry(struct user_file_table *table, uint32_t number)
{
	struct user_file *file = &table->files[number - 1];

	if (file->fd >= 0) {
		close(file->fd);
		table->open_count--;
	}
	free(file->path);
	*file = (struct user_file){.fd = -1, .id = table->unused};
	table->unused = number;
}

/* Opens it, unless too many are open: then its build-id has to do. */
static void open_file(struct user_file_table *table, struct user_file *file, const struct user_file_view *view)
{
	file->fd = open_as_seen_by(view, file->path, file->inode);
	file->serial = ++table->last_serial;
	if (file->fd < 0 || ++table->open_count <= OPEN_FILES_MAX)
		return;
	file->build_id_bytes = (uint8_t)elf_file_build_id(file->fd, file->build_id);
	close(file->fd);
	file->fd = -1;
	file->is_closed = true;
	table->open_count--;
}

static uint32_t add_file(struct user_file_table *table, const struct user_file_view *view, const char *path, uint64_t inode)
{
	char *copy = strdup(path);
	uint32_t number = copy ? free_entry(table) : 0;

	if (!number) {
		free(copy);
		return 0;
	}
	struct user_file *file = &table->files[number - 1];
	*file = (struct user_file){.inode = inode, .path = copy};
	open_file(table, file, view);
	table->used_count++;
	return number;
}

bool user_file_is_crowded(const struct user_file_table *table)
{
	return table->used_count >= table->crowded_count;
}

void user_file_keep(struct user_file_table *table, uint32_t number)
{
	if (number && number <= table->count)
		table->files[number - 1].is_kept = true;
}

void user_file_forget_others(struct user_file_table *table)
{
	for (uint32_t number = 1; number <= table->count; number++) {
		struct user_file *file = &table->files[number - 1];
		bool is_needed = file->is_kept || file->id;

		file->is_kept = false;
		if (!file->path || is_needed)
			continue;
		uint64_t key = hash_of(file->path, file->inode);
		const uint64_t *known = u64_map_find(&table->by_key, key);
		if (known && *known == number)
			u64_map_remove(&table->by_key, key);
		forget_entry(table, number);
		table->used_count--;
	}
	table->crowded_count = 2 * table->used_count > CROWDED_LEAST ? 2 * table->used_count : CROWDED_LEAST;
}

uint32_t user_file_find_mapped(struct user_file_table *table, const struct user_file_view *view, const char *path, uint64_t inode)
{
	uint64_t *number = u64_map_put(&table->by_key, hash_of(path, inode));
	struct user_file *file;

	if (!number)
		return 0;
	/* Two files with one hash would be taken for each other: give the second no entry of its own in the map. */
	if (*number && (strcmp(table->files[*number - 1].path, path) || table->files[*number - 1].inode != inode))
		return add_file(table, view, path, inode);
	if (!*number) {
		*number = add_file(table, view, path, inode);
		return (uint32_t)*number;
	}
	/* Whoever mapped it first may have been gone too soon. */
	file = &table->files[*number - 1];
	if (file->fd < 0 && !file->is_closed && *path == '/')
		open_file(table, file, view);
	return (uint32_t)*number;
}

uint32_t user_file_find(struct user_file_table *table, int32_t pid, const char *path, uint64_t inode)
{
	return user_file_find_mapped(table, &(struct user_file_view){.pid = pid}, path, inode);
}

uint32_t user_file_id(struct user_file_table *table, uint32_t number)
{
	struct user_file *file = number && number <= table->count ? &table->files[number - 1] : NULL;

	if (!file || !file->path)
		return 0;
	if (file->id)
		return file->id;
	struct trace_file record = {.path = trace_writer_text(table->writer, file->path),
				    .build_id_bytes = file->build_id_bytes};
	memcpy(record.build_id, file->build_id, file->build_id_bytes);
	if (file->fd >= 0)
		record.build_id_bytes = (uint8_t)elf_file_build_id(file->fd, record.build_id);
	file->id = trace_writer_file(table->writer, &record);
	return file->id;
}

static const struct user_file *find_file(const struct user_file_table *table, uint32_t number)
{
	return number && number <= table->count && table->files[number - 1].path ? &table->files[number - 1] : NULL;
}

int user_file_fd(const struct user_file_table *table, uint32_t number)
{
	const struct user_file *file = find_file(table, number);

	return file ? file->fd : -1;
}

uint64_t user_file_serial(const struct user_file_table *table, uint32_t number)
{
	const struct user_file *file = find_file(table, number);

	return file ? file->serial : 0;
}

bool user_file_is_vdso(const struct user_file_table *table, uint32_t number)
{
	const struct user_file *file = find_file(table, number);

	return file && !strcmp(file->path, "[vdso]");
}
