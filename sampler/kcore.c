/* Nothing in the file is believed: numbers may be too large, and sums may wrap. */
#include "sampler/kcore.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sampler/lockdown.h"
#include "trace/cleanup.h"

/* A kernel has a few dozen at most; with PN_XNUM the number would stand elsewhere. */
#define SEGMENTS_MAX (PN_XNUM - 1u)

static int read_all(int fd, void *bytes, size_t size_bytes, uint64_t offset)
{
	for (size_t done = 0; done < size_bytes;) {
		ssize_t got = pread(fd, (char *)bytes + done, size_bytes - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		done += (size_t)got;
	}
	return 0;
}

/* 0 or -EINVAL. */
static int check_header(const Elf64_Ehdr *header, const char *path, struct error *err)
{
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_type != ET_CORE)
		return error_set(err, -EINVAL, "%s is no ELF core file", path);
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
		return error_set(err, -EINVAL, "%s is of no 64-bit little-endian machine", path);
	if (header->e_phentsize != sizeof(Elf64_Phdr) || !header->e_phnum || header->e_phnum > SEGMENTS_MAX ||
	    header->e_phoff > INT64_MAX - (uint64_t)header->e_phnum * sizeof(Elf64_Phdr))
		return error_set(err, -EINVAL, "%s has no table of segments", path);
	return 0;
}

static int read_segments(struct kcore *kcore, const char *path, struct error *err)
{
	Elf64_Ehdr header;
	int ret = read_all(kcore->fd, &header, sizeof(header), 0);

	if (ret)
		return error_set(err, ret, "%s: %s", path, strerror(-ret));
	ret = check_header(&header, path, err);
	if (ret)
		return ret;
	CLEANUP(cleanup_free) Elf64_Phdr *table = calloc(header.e_phnum, sizeof(*table));
	kcore->segments = calloc(header.e_phnum, sizeof(*kcore->segments));
	if (!table || !kcore->segments)
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	ret = read_all(kcore->fd, table, header.e_phnum * sizeof(*table), header.e_phoff);
	if (ret)
		return error_set(err, ret, "%s: the table of segments: %s", path, strerror(-ret));
	for (size_t i = 0; i < header.e_phnum; i++) {
		const Elf64_Phdr *from = &table[i];

		if (from->p_type != PT_LOAD || !from->p_filesz || from->p_vaddr + (from->p_filesz - 1) < from->p_vaddr ||
		    from->p_offset > INT64_MAX || from->p_filesz > INT64_MAX - from->p_offset)
			continue;
		kcore->segments[kcore->segment_count++] =
			(struct kcore_segment){.address = from->p_vaddr, .size_bytes = from->p_filesz, .offset = from->p_offset};
	}
	return kcore->segment_count ? 0 : error_set(err, -EINVAL, "%s has no segment of memory", path);
}

int kcore_open(struct kcore *kcore, const char *path, struct error *err)
{
	*kcore = (struct kcore){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	if (kcore->fd < 0) {
		int ret = -errno;

		return error_set(err, ret, "%s: %s%s", path, strerror(-ret),
				 ret == -ENOENT ? " (a kernel without CONFIG_PROC_KCORE, or a container)" : lockdown_words().text);
	}
	int ret = read_segments(kcore, path, err);
	if (ret)
		kcore_close(kcore);
	return ret;
}

void kcore_close(struct kcore *kcore)
{
	if (kcore->fd >= 0)
		close(kcore->fd);
	free(kcore->segments);
	*kcore = (struct kcore){.fd = -1};
}

int kcore_offset(const struct kcore *kcore, uint64_t address, size_t size_bytes, uint64_t *offset)
{
	for (size_t i = 0; i < kcore->segment_count; i++) {
		const struct kcore_segment *segment = &kcore->segments[i];

		if (address < segment->address || address - segment->address >= segment->size_bytes ||
		    size_bytes > segment->size_bytes - (address - segment->address))
			continue;
		*offset = segment->offset + (address - segment->address);
		return 0;
	}
	return -EFAULT;
}

int kcore_read(const struct kcore *kcore, uint64_t address, void *bytes, size_t size_bytes)
{
	uint64_t offset;
	int ret = kcore_offset(kcore, address, size_bytes, &offset);

	return ret ? ret : read_all(kcore->fd, bytes, size_bytes, offset);
}
