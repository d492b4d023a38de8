/* Sorted by their functions from the inside out, a path is its own where it leaves both of its neighbours. */
#include "report/site_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/model_names.h"
#include "report/ranking.h"
#include "trace/cleanup.h"

#define SITES_SHOWN 256u
#define FRAMES_MOST 24u
#define FRAMES_NAMED 2u /* name and caller */

struct path {
	struct model_site *site;
	const struct model_frame *frames[FRAMES_MOST];
	uint32_t count;
};

static int frame_order(const struct model_frame *a, const struct model_frame *b)
{
	size_t a_length = a == b ? 0 : name_plain_length(a->label), b_length = a == b ? 0 : name_plain_length(b->label);
	int order = memcmp(a->label, b->label, a_length < b_length ? a_length : b_length);

	return order ? order : (a_length > b_length) - (a_length < b_length);
}

/* How many functions they have in common from the inside. */
static uint32_t common(const struct path *a, const struct path *b)
{
	uint32_t count = 0;

	if (a->site->cache != b->site->cache)
		return 0;
	while (count < a->count && count < b->count && !frame_order(a->frames[count], b->frames[count]))
		count++;
	return count;
}

static int path_order(const void *left, const void *right)
{
	const struct path *a = left, *b = right;

	if (a->site->cache != b->site->cache)
		return a->site->cache < b->site->cache ? -1 : 1;
	uint32_t same = common(a, b);
	if (same < a->count && same < b->count)
		return frame_order(a->frames[same], b->frames[same]);
	if (a->count != b->count)
		return a->count < b->count ? -1 : 1;
	return (a->site > b->site) - (a->site < b->site);
}

static bool is_same(const struct path *a, const struct path *b)
{
	return a->count == b->count && common(a, b) == a->count && a->site->cache == b->site->cache;
}

static void read_path(struct path *path, const struct model *model, struct model_site *site)
{
	path->site = site;
	path->count = model_telling_frames(model, site->node, path->frames, FRAMES_MOST);
	/* A row is a place in the kernel, whichever user stacks lead there. */
	for (uint32_t i = 0; i < path->count; i++)
		if (path->frames[i]->is_user)
			path->count = i;
}

static void name_path(struct model *model, const struct path *path, uint32_t shared)
{
	path->site->via = "";
	path->site->via_skips = shared > FRAMES_NAMED;
	if (shared >= FRAMES_NAMED && shared < path->count)
		path->site->via = model_plain_label(model, path->frames[shared]);
}

int site_path_tell_apart(struct model *model, struct error *err)
{
	CLEANUP(cleanup_free) struct path *paths = calloc(SITES_SHOWN, sizeof(*paths));
	uint32_t count = 0;

	if (!paths)
		return error_set(err, -ENOMEM, "not enough memory for the report");
	for (uint32_t i = 0; i < model->site_count; i++)
		model->sites[i].via = "";
	for (uint32_t i = 0; i < model->site_count && count < SITES_SHOWN; i = ranking_next(model, i))
		read_path(&paths[count++], model, &model->sites[i]);
	qsort(paths, count, sizeof(*paths), path_order);
	for (uint32_t first = 0, end; first < count; first = end) {
		uint32_t before = first ? common(&paths[first - 1], &paths[first]) : 0, behind = 0;

		for (end = first + 1; end < count && is_same(&paths[first], &paths[end]);)
			end++;
		if (end < count)
			behind = common(&paths[end - 1], &paths[end]);
		for (uint32_t i = first; i < end; i++)
			name_path(model, &paths[i], before > behind ? before : behind);
	}
	return 0;
}
