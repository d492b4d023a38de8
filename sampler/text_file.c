/* Reads files whose size the kernel does not tell. */
#include "sampler/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/cleanup.h"

char *text_file_read(const char *path, size_t *size_bytes)
{
	int fd CLEANUP(cleanup_close) = open(path, O_RDONLY | O_CLOEXEC);
	char *text CLEANUP(cleanup_free) = NULL;
	size_t size = 0;
	size_t capacity = 4096;

	if (fd < 0)
		return NULL;
	text = malloc(capacity);
	while (text) {
		ssize_t got = read(fd, text + size, capacity - size - 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return NULL;
		if (!got)
			break;
		size += (size_t)got;
		if (capacity - size < 2048) {
			char *larger = realloc(text, capacity *= 2);

			if (!larger)
				return NULL;
			text = larger;
		}
	}
	if (!text)
		return NULL;
	text[size] = '\0';
	if (size_bytes)
		*size_bytes = size;
	return TAKE(text);
}

int text_file_line(const char *path, char *line, size_t size)
{
	char *text CLEANUP(cleanup_free) = text_file_read(path, NULL);

	if (!text)
		return -errno;
	text[strcspn(text, "\n")] = '\0';
	strncpy(line, text, size - 1);
	line[size - 1] = '\0';
	return 0;
}

int text_file_number(const char *path, uint64_t *value)
{
	char line[64];
	char *end;
	int ret = text_file_line(path, line, sizeof(line));

	if (ret)
		return ret;
	*value = strtoull(line, &end, 10);
	return end == line ? -EINVAL : 0;
}
