/* Knows the files of the cache: a head with the build-id, a table, a checksum over both. */
#include "report/symbol_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/cleanup.h"
#include "trace/crc32c.h"
#include "trace/format.h"

/* Told anew when what is in a table, or how names are found, changes. */
static const char magic[8] = "slabsym1";

#define TABLES_MAX 4096u

/* 0, or -1 where there is no place for it. create: makes the folders. */
static int folder_path(char path[PATH_MAX], bool create)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int length;

	if (base && *base == '/')
		length = snprintf(path, PATH_MAX, "%s/slabrec/symbols", base);
	else if (home && *home == '/')
		length = snprintf(path, PATH_MAX, "%s/.cache/slabrec/symbols", home);
	else
		return -1;
	if (length < 0 || length >= PATH_MAX - 2 * TRACE_BUILD_ID_MAX_BYTES - 32)
		return -1;
	for (char *slash = path + 1; create && (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	return create && mkdir(path, 0700) && errno != EEXIST ? -1 : 0;
}

static int open_folder(bool create)
{
	char path[PATH_MAX];

	return folder_path(path, create) ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void file_name(char name[2 * TRACE_BUILD_ID_MAX_BYTES + 1], const struct symbol_object *object)
{
	*name = '\0';
	for (uint32_t i = 0; i < object->build_id_bytes && i < TRACE_BUILD_ID_MAX_BYTES; i++)
		sprintf(name + 2 * i, "%02x", object->build_id[i]);
}

static void write_head(struct buffer *out, const struct symbol_object *object)
{
	buffer_add(out, magic, sizeof(magic));
	buffer_add_u8(out, (uint8_t)object->kind);
	buffer_add_varint(out, object->build_id_bytes);
	buffer_add(out, object->build_id, object->build_id_bytes);
}

static bool read_file(int fd, struct buffer *bytes)
{
	struct stat status;

	if (fstat(fd, &status) || !S_ISREG(status.st_mode) || status.st_size > SYMBOL_CACHE_FILE_MAX_BYTES)
		return false;
	size_t size_bytes = (size_t)status.st_size;
	bytes->bytes = malloc(size_bytes + 1);
	if (!bytes->bytes)
		return false;
	while (bytes->size_bytes < size_bytes) {
		ssize_t part = read(fd, bytes->bytes + bytes->size_bytes, size_bytes - bytes->size_bytes);

		if (part <= 0)
			return false;
		bytes->size_bytes += (size_t)part;
	}
	return true;
}

int symbol_cache_read(struct symbol_table *table, const struct symbol_object *object)
{
	CLEANUP(buffer_release) struct buffer bytes = {0}, head = {0};
	char name[2 * TRACE_BUILD_ID_MAX_BYTES + 1];
	int folder CLEANUP(cleanup_close) = object->build_id_bytes ? open_folder(false) : -1;

	file_name(name, object);
	int fd CLEANUP(cleanup_close) = folder >= 0 ? openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	if (fd < 0 || !read_file(fd, &bytes))
		return -ENOENT;
	write_head(&head, object);
	if (head.failed || bytes.size_bytes < head.size_bytes + 4 || memcmp(bytes.bytes, head.bytes, head.size_bytes))
		return -ENOENT;
	struct cursor in = cursor_over(bytes.bytes + head.size_bytes, bytes.size_bytes - head.size_bytes - 4);
	struct cursor end = cursor_over(bytes.bytes + bytes.size_bytes - 4, 4);
	if (cursor_u32(&end) != crc32c(0, bytes.bytes, bytes.size_bytes - 4) || symbol_table_read(table, &in))
		return -ENOENT;
	/* The time of the last use is what the bound of the cache goes by. */
	futimens(fd, NULL);
	return 0;
}

struct cached {
	struct timespec used;
	off_t size_bytes;
	char name[2 * TRACE_BUILD_ID_MAX_BYTES + 16];
};

static int by_use(const void *left, const void *right)
{
	const struct cached *a = left, *b = right;

	if (a->used.tv_sec != b->used.tv_sec)
		return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
	if (a->used.tv_nsec != b->used.tv_nsec)
		return a->used.tv_nsec < b->used.tv_nsec ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Takes away the files that were not used for longest. */
static void make_room(int folder, uint64_t needed_bytes)
{
	struct cached *files CLEANUP(cleanup_free) = calloc(TABLES_MAX, sizeof(*files));
	size_t count = 0;
	uint64_t total = needed_bytes;
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 3);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;

	if (!entries) {
		cleanup_close(&copy);
		return;
	}
	for (struct dirent *entry; files && count < TABLES_MAX && (entry = readdir(entries));) {
		struct stat status;

		if (strlen(entry->d_name) >= sizeof(files->name) || fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(status.st_mode))
			continue;
		files[count] = (struct cached){.used = status.st_mtim, .size_bytes = status.st_size};
		strcpy(files[count].name, entry->d_name);
		total += (uint64_t)files[count++].size_bytes;
	}
	closedir(entries);
	if (count)
		qsort(files, count, sizeof(*files), by_use);
	for (size_t i = 0; i < count && total > SYMBOL_CACHE_MAX_BYTES; i++)
		if (!unlinkat(folder, files[i].name, 0))
			total -= (uint64_t)files[i].size_bytes;
}

/* Under a name of its own, then renamed: who reads meanwhile has the older one, who writes meanwhile another name. */
static void write_file(int folder, const char *name, const struct buffer *bytes)
{
	char part[2 * TRACE_BUILD_ID_MAX_BYTES + 16];

	snprintf(part, sizeof(part), ".%.*s.%d", 2 * (int)TRACE_BUILD_ID_MAX_BYTES, name, getpid() % 1000000);
	int fd = openat(folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	bool is_whole = write(fd, bytes->bytes, bytes->size_bytes) == (ssize_t)bytes->size_bytes;
	is_whole &= !close(fd);
	if (!is_whole || renameat(folder, part, folder, name))
		unlinkat(folder, part, 0);
}

void symbol_cache_write(const struct symbol_table *table, const struct symbol_object *object)
{
	CLEANUP(buffer_release) struct buffer bytes = {0};
	char name[2 * TRACE_BUILD_ID_MAX_BYTES + 1];

	if (!object->build_id_bytes)
		return;
	file_name(name, object);
	write_head(&bytes, object);
	symbol_table_write(table, false, &bytes);
	if (!bytes.failed)
		buffer_add_u32(&bytes, crc32c(0, bytes.bytes, bytes.size_bytes));
	int folder CLEANUP(cleanup_close) = bytes.failed || bytes.size_bytes > SYMBOL_CACHE_FILE_MAX_BYTES ? -1 : open_folder(true);
	if (folder < 0)
		return;
	make_room(folder, bytes.size_bytes);
	write_file(folder, name, &bytes);
}
