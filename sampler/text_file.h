/* Small files of /proc, /sys and tracefs, whole. */
#ifndef SLABREC_SAMPLER_TEXT_FILE_H
#define SLABREC_SAMPLER_TEXT_FILE_H

#include <stddef.h>
#include <stdint.h>

/* The file's bytes with a NUL behind, the caller's to free; NULL with errno set. size_bytes may be NULL. */
char *text_file_read(const char *path, size_t *size_bytes);

/* The first number in the file; -errno, -EINVAL where it does not begin with one. */
int text_file_number(const char *path, uint64_t *value);

/* The first line, without its end, cut to size. -errno. */
int text_file_line(const char *path, char *line, size_t size);

#endif
