/*
 * Reads the kernel's memory by its addresses, from /proc/kcore: an ELF core file whose segments are what is mapped. 64-bit little-endian
 * machines only.
 */
#ifndef SLABREC_SAMPLER_KCORE_H
#define SLABREC_SAMPLER_KCORE_H

#include <stddef.h>
#include <stdint.h>

#include "trace/error.h"

#define KCORE_PATH "/proc/kcore"

struct kcore_segment {
	uint64_t address;
	uint64_t size_bytes;
	uint64_t offset; /* in the file */
};

/* All-zero but for fd, which is -1, is one that is not open. */
struct kcore {
	int fd;
	struct kcore_segment *segments; /* owned */
	size_t segment_count;
};

/*
 * Opens the file and reads its segments. -errno of the file, -EINVAL where it is no such core file; the sentence says which and, where
 * the kernel forbids it, why.
 */
int kcore_open(struct kcore *kcore, const char *path, struct error *err);
void kcore_close(struct kcore *kcore);

/* Where in the file so many bytes from this address are. -EFAULT: not all of them in one segment. */
int kcore_offset(const struct kcore *kcore, uint64_t address, size_t size_bytes, uint64_t *offset);

/* All bytes, or -EFAULT, -errno of the file, -EIO where it is shorter than it says. */
int kcore_read(const struct kcore *kcore, uint64_t address, void *bytes, size_t size_bytes);

#endif
