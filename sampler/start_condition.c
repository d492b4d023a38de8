/* Knows that a threshold is compared with the kernel's own counts, which slabinfo and /proc/meminfo tell without any probe. */
#include "sampler/start_condition.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/facts.h"
#include "sampler/size.h"

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* N, with or without "objects" behind. */
static int parse_objects(const char *text, uint64_t *count)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*count = strtoull(text, &end, 10);
	const char *unit = skip_blanks(end);
	return errno || (*unit && (unit == end || (strcmp(unit, "objects") && strcmp(unit, "object")))) ? -EINVAL : 0;
}

int start_condition_parse(struct start_condition *condition, const char *text, struct error *err)
{
	const char *name = skip_blanks(text);
	/* "=NAME" is exactly one. */
	size_t name_bytes = strcspn(name + (*name == '='), ">= \t") + (*name == '=');
	const char *at = skip_blanks(name + name_bytes);
	int ret = -EINVAL;

	*condition = (struct start_condition){.text = text};
	if (name_bytes && name_bytes < sizeof(condition->name) && *at == '>') {
		memcpy(condition->name, name, name_bytes);
		condition->is_or_equal = at[1] == '=';
		condition->is_memory = !strcmp(condition->name, "SUnreclaim") || !strcmp(condition->name, "SReclaimable");
		at = skip_blanks(at + 1 + condition->is_or_equal);
		ret = condition->is_memory ? size_parse(at, &condition->threshold) :
					     parse_objects(at, &condition->threshold);
	}
	if (ret)
		return error_set(err, -EINVAL, "--start-when %s: not as 'kmalloc-1k>100000 objects' or 'SUnreclaim>2G'", text);
	return 0;
}

void start_condition_release(struct start_condition *condition)
{
	slab_cache_list_release(&condition->caches);
}

int start_condition_select(struct start_condition *condition, const struct slab_cache_list *all, struct error *err)
{
	if (condition->is_memory)
		return 0;
	return slab_cache_select(all, condition->name, &condition->caches, err);
}

int start_condition_measure(const struct start_condition *condition, uint64_t *value)
{
	struct trace_meminfo meminfo = {0};
	int ret = 0;

	*value = 0;
	if (condition->is_memory) {
		ret = facts_meminfo(&meminfo);
		*value = strcmp(condition->name, "SUnreclaim") ? meminfo.reclaimable_bytes : meminfo.unreclaimable_bytes;
	}
	for (size_t i = 0; i < condition->caches.count && !ret; i++) {
		struct slab_cache_census census = {0};

		ret = slab_cache_count(&condition->caches.caches[i], &census);
		*value += census.active_objects;
	}
	return ret;
}

bool start_condition_holds(const struct start_condition *condition, uint64_t value)
{
	return condition->is_or_equal ? value >= condition->threshold : value > condition->threshold;
}
