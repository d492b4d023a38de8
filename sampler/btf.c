/* Asks libbpf's BTF reader; nothing here loads a BPF program. */
#include "sampler/btf.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kernel_btf {
	struct btf *types;
};

int kernel_btf_new(struct kernel_btf **btf_out, struct error *err)
{
	struct kernel_btf *btf = calloc(1, sizeof(*btf));

	if (!btf)
		return error_set(err, -ENOMEM, "BTF: out of memory");
	btf->types = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	/* Tells NULL with errno (libbpf 1.x) and error pointers (0.x) apart. */
	long code = libbpf_get_error(btf->types);
	if (code) {
		free(btf);
		return error_set(err, (int)code, "/sys/kernel/btf/vmlinux: %s", strerror((int)-code));
	}
	*btf_out = btf;
	return 0;
}

void kernel_btf_free(struct kernel_btf *btf)
{
	if (!btf)
		return;
	btf__free(btf->types);
	free(btf);
}

int kernel_btf_offset(const struct kernel_btf *btf, const char *struct_name, const char *member, uint32_t *offset_bytes)
{
	int id = btf__find_by_name_kind(btf->types, struct_name, BTF_KIND_STRUCT);

	if (id < 0)
		return -ENOENT;
	const struct btf_type *type = btf__type_by_id(btf->types, (uint32_t)id);
	const struct btf_member *members = btf_members(type);
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(btf->types, members[i].name_off);

		if (name && !strcmp(name, member)) {
			*offset_bytes = btf_member_bit_offset(type, i) / 8;
			return 0;
		}
	}
	return -ENOENT;
}

unsigned int kernel_btf_parameter(const struct kernel_btf *btf, const char *function, const char *parameter)
{
	int id = btf__find_by_name_kind(btf->types, function, BTF_KIND_FUNC);

	if (id < 0)
		return 0;
	const struct btf_type *type = btf__type_by_id(btf->types, (uint32_t)id);
	type = btf__type_by_id(btf->types, type->type);
	if (!type || btf_kind(type) != BTF_KIND_FUNC_PROTO)
		return 0;
	const struct btf_param *parameters = btf_params(type);
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(btf->types, parameters[i].name_off);

		if (name && !strcmp(name, parameter))
			return i + 1;
	}
	return 0;
}
