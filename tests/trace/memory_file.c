/* Keeps the bytes in one growing buffer; reading does not consume them. */
#include "tests/trace/memory_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "trace/cleanup.h"

void memory_file_release(struct memory_file *file)
{
	if (file)
		buffer_release(&file->content);
}

int memory_file_sink(void *context, const void *bytes, size_t size_bytes, struct error *err)
{
	struct memory_file *file = context;

	file->writes++;
	if (file->fail_write && file->writes >= file->fail_write)
		return error_set(err, -ENOSPC, "memory: %s", strerror(ENOSPC));
	buffer_add(&file->content, bytes, size_bytes);
	return file->content.failed ? error_set(err, -ENOMEM, "memory: out of memory") : 0;
}

long memory_file_source(void *context, void *bytes, size_t size_bytes, struct error *err)
{
	struct memory_file *file = context;
	size_t left = file->content.size_bytes - file->read_at_bytes;
	size_t got = size_bytes < left ? size_bytes : left;

	(void)err;
	if (file->read_step_bytes && got > file->read_step_bytes)
		got = file->read_step_bytes;
	if (got)
		memcpy(bytes, file->content.bytes + file->read_at_bytes, got);
	file->read_at_bytes += got;
	return (long)got;
}

int memory_file_load(struct memory_file *file, const char *path)
{
	CLEANUP(cleanup_fclose) FILE *in = fopen(path, "rbe");
	char bytes[4096];
	size_t got;

	if (!in)
		return -errno;
	while ((got = fread(bytes, 1, sizeof(bytes), in)) > 0)
		buffer_add(&file->content, bytes, got);
	return ferror(in) ? -EIO : file->content.failed ? -ENOMEM : 0;
}
