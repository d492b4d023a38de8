/*
 * The model as bytes and back: what a page carries, so that the explorer can draw it and slabreport --from can write any format again.
 *
 * A pack is a list of columns: varint size of its name, the name, varint size, bytes. A column is a sequence of varints (LEB128; signed
 * ones zigzagged), one or more for each element, in the elements' order. Numbers that usually follow from others are stored as their
 * difference to what would follow. Column "strings" has, for each, varint size and the bytes; string 0 is "" and is not there.
 * Unknown columns are skipped; an absent one is empty.
 */
#ifndef SLABREC_REPORT_PACK_H
#define SLABREC_REPORT_PACK_H

#include "report/model.h"
#include "trace/cursor.h"
#include "trace/error.h"

/* As for a page: it is to fit into a bug tracker, unless the model says that it is to be whole. No limit is SIZE_MAX. */
size_t pack_page_limit(const struct model *model);

/*
 * Adds the pack of the model to out. History, ages, tasks, places, who freed and the evidence of their class go with the first sites, those that
 * matter, until all together is limit_bytes; *detailed says with how many. 0 or -ENOMEM.
 */
int pack_model(const struct model *model, size_t limit_bytes, struct buffer *out, uint32_t *detailed, struct error *err);
/* Makes the model of a pack, which may be hostile. 0, -ENOMEM or -EINVAL. */
int unpack_model(struct model *model, const void *bytes, size_t size_bytes, struct error *err);

#endif
