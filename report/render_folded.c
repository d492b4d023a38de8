/* Folded stacks: "outermost;...;innermost 42", one line a path, by one metric; of a comparison "... BEFORE AFTER". What reads them splits at ';' and at the last blank. */
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

typedef uint64_t value_function(const void *context, uint32_t site, uint32_t column);

/* A line for each path that has a value in any column: one, or before and after. */
static int put_lines(FILE *out, const struct model *model, value_function *value_of, const void *context, uint32_t columns, struct error *err)
{
	CLEANUP(free_tree) struct call_tree tree = {0};
	int ret = call_tree_build(&tree, model, false, err);
	CLEANUP(cleanup_free) uint64_t (*values)[2] = ret ? NULL : calloc(tree.node_count, sizeof(*values));

	if (ret)
		return ret;
	if (!values)
		return error_set(err, -ENOMEM, "not enough memory for the folded stacks");
	for (uint32_t i = 0; i < model->site_count; i++)
		for (uint32_t column = 0; column < columns; column++) {
			uint64_t *value = &values[tree.site_nodes[i]][column];

			*value = number_add(*value, value_of(context, i, column));
		}
	for (uint32_t i = 0; i < model->site_count; i++) {
		uint64_t *value = values[tree.site_nodes[i]];

		if (!value[0] && !value[1])
			continue;
		put_path(out, model, &tree, tree.site_nodes[i]);
		for (uint32_t column = 0; column < columns; column++)
			fprintf(out, " %" PRIu64, value[column]);
		fputc('\n', out);
		value[0] = value[1] = 0;
	}
	return 0;
}

static uint64_t site_value(const void *context, uint32_t site, uint32_t column)
{
	const struct model *model = context;

	(void)column;
	return metric_value(model, &model->sites[site], model->metric);
}

int render_folded(const struct model *model, FILE *out, struct error *err)
{
	return put_lines(out, model, site_value, model, 1, err);
}

/* Of bytes what stays for the same exposure, as the pictures have it; else sums of the recordings. */
static uint64_t row_value(const void *context, uint32_t row, uint32_t column)
{
	const struct diff *diff = context;
	const struct diff_count *count = &diff->rows[row].sides[column ? DIFF_AFTER : DIFF_BEFORE];

	switch (diff->stacks.metric) {
	case METRIC_LIVE:
		return count->live;
	case METRIC_ALLOCS:
		return count->allocs;
	case METRIC_FREES:
		return count->frees;
	default:
		return column ? diff->stacks.sites[row].live_bytes - diff->widths_before[row] : diff->widths_before[row];
	}
}

int render_diff_folded(const struct diff *diff, FILE *out, struct error *err)
{
	return put_lines(out, &diff->stacks, row_value, diff, DIFF_SIDES, err);
}
