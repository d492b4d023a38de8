/* Knows how to reach a file as a process sees it, and to tell whether it is still the one that was mapped. */
#include "sampler/user_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sampler/elf_file.h"
#include "trace/cleanup.h"

/* Descriptors kept for naming functions at the end; files beyond keep their build-id and no names. */
#define OPEN_FILES_MAX 512

struct user_file {
	uint64_t hash;
	uint64_t inode;
	char *path;
	int fd;
	bool has_no_symbols;
	struct elf_symbols *symbols;
};

void user_file_table_init(struct user_file_table *table, struct trace_writer *writer)
{
	*table = (struct user_file_table){.writer = writer};
}

void user_file_table_release(struct user_file_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->files[i].fd >= 0)
			close(table->files[i].fd);
		elf_symbols_free(table->files[i].symbols);
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

static int open_as_seen_by(int32_t pid, const char *path, uint64_t inode)
{
	char there[PATH_MAX + 64];

	if (*path != '/')
		return -1;
	snprintf(there, sizeof(there), "/proc/%d/root%s", pid, path);
	int fd = open_regular(there, inode);
	return fd >= 0 ? fd : open_regular(path, inode);
}

static uint64_t hash_of(const char *path, uint64_t inode)
{
	uint64_t hash = u64_mix(inode + 1);

	for (; *path; path++)
		hash = (hash ^ (uint8_t)*path) * 0x100000001b3u;
	return u64_mix(hash) | 1;
}

static uint32_t add_file(struct user_file_table *table, int32_t pid, const char *path, uint64_t inode, uint64_t hash)
{
	if (table->count == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : 64;
		struct user_file *files = realloc(table->files, capacity * sizeof(*files));

		if (!files)
			return 0;
		table->files = files;
		table->capacity = capacity;
	}
	struct user_file *file = &table->files[table->count];
	*file = (struct user_file){.hash = hash, .inode = inode, .path = strdup(path), .fd = open_as_seen_by(pid, path, inode)};
	if (!file->path) {
		if (file->fd >= 0)
			close(file->fd);
		return 0;
	}
	table->count++;
	struct trace_file record = {.path = trace_writer_text(table->writer, path)};
	if (file->fd >= 0)
		record.build_id_bytes = (uint8_t)elf_file_build_id(file->fd, record.build_id);
	if (file->fd >= 0 && ++table->open_count > OPEN_FILES_MAX) {
		close(file->fd);
		file->fd = -1;
	}
	return trace_writer_file(table->writer, &record);
}

uint32_t user_file_id(struct user_file_table *table, int32_t pid, const char *path, uint64_t inode)
{
	uint64_t hash = hash_of(path, inode);
	uint64_t *id = u64_map_put(&table->by_key, hash);

	if (!id)
		return 0;
	/* Two files with one hash would be taken for each other: give the second no entry of its own in the map. */
	if (*id && (strcmp(table->files[*id - 1].path, path) || table->files[*id - 1].inode != inode))
		return add_file(table, pid, path, inode, hash);
	if (!*id)
		*id = add_file(table, pid, path, inode, hash);
	return (uint32_t)*id;
}

const char *user_file_symbol(struct user_file_table *table, uint32_t id, uint64_t file_offset, uint64_t *offset_bytes)
{
	struct user_file *file = id && id <= table->count ? &table->files[id - 1] : NULL;

	if (!file || file->fd < 0 || file->has_no_symbols)
		return NULL;
	if (!file->symbols && elf_symbols_new(&file->symbols, file->fd)) {
		file->has_no_symbols = true;
		return NULL;
	}
	return elf_symbols_lookup(file->symbols, file_offset, offset_bytes);
}

void user_file_done(struct user_file_table *table, uint32_t id)
{
	if (!id || id > table->count)
		return;
	elf_symbols_free(table->files[id - 1].symbols);
	table->files[id - 1].symbols = NULL;
}
