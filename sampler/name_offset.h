/* Where kmem_cache.name lies on the running kernel: from its types, its debug file, or by trying. */
#ifndef SLABREC_SAMPLER_NAME_OFFSET_H
#define SLABREC_SAMPLER_NAME_OFFSET_H

#include <stdint.h>

#include "sampler/kallsyms.h"
#include "sampler/slab_cache.h"
#include "sampler/tracefs.h"
#include "trace/error.h"

enum name_offset_source {
	NAME_OFFSET_ANY, /* the first that knows */
	NAME_OFFSET_BTF,
	NAME_OFFSET_DWARF,
	NAME_OFFSET_CHECKED, /* a probe that reads candidates, believed where every hit is a cache's name */
};

const char *name_offset_source_name(enum name_offset_source source);

/* The offset and who told it. -ENOENT: nobody knows. */
int name_offset_find(enum name_offset_source wanted, struct tracefs *tracefs, const struct kallsyms *symbols,
		     const struct slab_cache_list *caches, uint32_t *offset_bytes, enum name_offset_source *source,
		     struct error *err);

#endif
