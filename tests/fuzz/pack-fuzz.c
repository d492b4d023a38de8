/*
 * Fuzzes report/pack: any bytes as the data of a page must be refused or be a model that every format can tell; what it packs to reads
 * back as the same bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/pack.h"
#include "report/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void render_all(const struct model *model)
{
	struct error err = {0};
	FILE *out = fopen("/dev/null", "w");

	check(out != NULL);
	for (const struct renderer *renderer = renderers; renderer->name; renderer++)
		check(!renderer->render(model, out, &err));
	fclose(out);
}

/* Against itself, so that what is hostile stands on both sides. */
static void compare(const struct model *model)
{
	struct diff_input input;
	struct diff diff;
	struct error err = {0};
	FILE *out = fopen("/dev/null", "w");

	check(out != NULL);
	diff_input_init(&input);
	check(!diff_input_add(&input, DIFF_BEFORE, "before", model, &err));
	check(!diff_input_add(&input, DIFF_AFTER, "after", model, &err));
	check(!diff_build(&diff, &input, DIFF_EXPOSURE_BEST, &err));
	for (const struct renderer *renderer = renderers; renderer->name; renderer++)
		check(!renderer->diff || !renderer->diff(&diff, out, &err));
	diff_release(&diff);
	diff_input_release(&input);
	fclose(out);
}

static void check_again(const struct model *model)
{
	struct buffer first = {0}, second = {0};
	struct model back;

	check(!pack_model(model, SIZE_MAX, &first, &(uint32_t){0}, NULL));
	check(!unpack_model(&back, first.bytes, first.size_bytes, NULL));
	check(!pack_model(&back, SIZE_MAX, &second, &(uint32_t){0}, NULL));
	check(first.size_bytes == second.size_bytes && !memcmp(first.bytes, second.bytes, first.size_bytes));
	model_release(&back);
	buffer_release(&first);
	buffer_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	struct error err = {0};
	struct model model;
	int ret = unpack_model(&model, bytes, size_bytes, &err);

	check(!ret || *err.message);
	if (ret)
		return 0;
	render_all(&model);
	compare(&model);
	check_again(&model);
	model_release(&model);
	return 0;
}
