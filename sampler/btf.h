/* Types of the running kernel from its BTF, for offsets and the positions of arguments. The only file that includes libbpf. */
#ifndef SLABREC_SAMPLER_BTF_H
#define SLABREC_SAMPLER_BTF_H

#include <stdint.h>

#include "trace/error.h"

struct kernel_btf;

/* Loads /sys/kernel/btf/vmlinux. -ENOENT: the kernel has none. */
int kernel_btf_new(struct kernel_btf **btf, struct error *err);
void kernel_btf_free(struct kernel_btf *btf);

/* Byte offset of struct_name.member. -ENOENT: no such struct or member. */
int kernel_btf_offset(const struct kernel_btf *btf, const char *struct_name, const char *member, uint32_t *offset_bytes);

/* Position, from 1, of the parameter of this name of a kernel function; 0 where there is none. */
unsigned int kernel_btf_parameter(const struct kernel_btf *btf, const char *function, const char *parameter);

#endif
