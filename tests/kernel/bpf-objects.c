/* Prints the BPF programs, maps and links that the kernel has: a line "KIND ID NAME" each. For machines without bpftool. */
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static const char *name_of(int fd, size_t name_at, char *info, size_t size)
{
	union bpf_attr attr = {0};

	memset(info, 0, size);
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = (uint32_t)size;
	attr.info.info = (uint64_t)(uintptr_t)info;
	return name_at && !bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) ? info + name_at : "-";
}

/* 0, or -1 where the kernel does not tell. name_at: where the kind's info has its name; 0: it has none. */
static int list(const char *kind, enum bpf_cmd next, enum bpf_cmd open_id, size_t name_at)
{
	uint32_t id = 0;

	for (;;) {
		union bpf_attr attr = {0};
		char info[512];

		attr.start_id = id;
		if (bpf(next, &attr))
			return errno == ENOENT ? 0 : -1;
		id = attr.next_id;
		memset(&attr, 0, sizeof(attr));
		attr.prog_id = id;
		int fd = bpf(open_id, &attr);

		/* It has gone meanwhile. */
		if (fd < 0)
			continue;
		printf("%s %u %s\n", kind, id, name_of(fd, name_at, info, sizeof(info)));
		close(fd);
	}
}

int main(void)
{
	int ret = list("program", BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, offsetof(struct bpf_prog_info, name));

	if (!ret)
		ret = list("map", BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID, offsetof(struct bpf_map_info, name));
	if (!ret)
		ret = list("link", BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID, 0);
	if (ret)
		perror("bpf");
	return ret ? 1 : 0;
}
