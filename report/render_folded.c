/* Folded stacks: "outermost;...;innermost 42", one line a path, by one metric. What reads them splits at ';' and at the last blank. */
#include "report/render.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/call_tree.h"
#include "report/escape.h"
#include "report/metric.h"
#include "report/number.h"
#include "trace/cleanup.h"

#define NAME_MAX_CHARACTERS 4096u

/* A last word of digits would be read as a number: its blank is written as bytes of no character are, as is ';'. */
static void put_name(FILE *out, const char *name)
{
	const char *blank = strrchr(name, ' '), *at = name;

	if (blank && (!blank[1] || blank[1 + strspn(blank + 1, "0123456789.")]))
		blank = NULL;
	while (*at) {
		size_t length = strcspn(at, ";");
		char *part;

		if (blank && blank >= at && (size_t)(blank - at) < length)
			length = (size_t)(blank - at);
		part = strndup(at, length);
		if (part)
			escape_ascii(out, part, NAME_MAX_CHARACTERS);
		free(part);
		at += length;
		if (*at)
			fprintf(out, "\\x%02x", (uint8_t)*at++);
	}
}

static void put_path(FILE *out, const struct model *model, const struct call_tree *tree, uint32_t node)
{
	uint32_t path[MODEL_STACK_DEPTH_MAX], depth = call_tree_path(tree, node, path);

	while (depth) {
		put_name(out, call_tree_name(tree, model, path[--depth]));
		if (depth)
			fputc(';', out);
	}
}

static void free_tree(struct call_tree *tree)
{
	call_tree_release(tree);
}

int render_folded(const struct model *model, FILE *out, struct error *err)
{
	CLEANUP(free_tree) struct call_tree tree = {0};
	int ret = call_tree_build(&tree, model, false, err);
	CLEANUP(cleanup_free) uint64_t *values = ret ? NULL : calloc(tree.node_count, sizeof(*values));

	if (ret)
		return ret;
	if (!values)
		return error_set(err, -ENOMEM, "not enough memory for the folded stacks");
	for (uint32_t i = 0; i < model->site_count; i++) {
		uint64_t *value = &values[tree.site_nodes[i]];

		*value = number_add(*value, metric_value(model, &model->sites[i], model->metric));
	}
	for (uint32_t i = 0; i < model->site_count; i++) {
		uint64_t *value = &values[tree.site_nodes[i]];

		if (!*value)
			continue;
		put_path(out, model, &tree, tree.site_nodes[i]);
		fprintf(out, " %" PRIu64 "\n", *value);
		*value = 0;
	}
	return 0;
}
