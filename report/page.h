/*
 * A report's page as input: the data that it carries.
 */
#ifndef SLABREC_REPORT_PAGE_H
#define SLABREC_REPORT_PAGE_H

#include "report/model.h"
#include "trace/cursor.h"
#include "trace/error.h"

/* Most bytes of a page that is read. */
#define PAGE_BYTES_MAX (1u << 29)

/*
 * Reads the model that the page of slabreport -f html carries. 0; -ENODATA where it is no such page; -EINVAL where its data is damaged;
 * -EFBIG; or what reading failed with. name is used in sentences.
 */
int page_read(struct model *model, const char *name, int fd, struct error *err);
/* Adds the whole file to bytes. 0, -EFBIG, -ENOMEM or what reading failed with. */
int page_read_bytes(struct buffer *bytes, const char *name, int fd, struct error *err);
/*
 * Adds the data that the page carries to data and tells where in the page it stands. 0; -ENODATA, without a sentence, where there is none;
 * -EINVAL where it is damaged.
 */
int page_data(const struct buffer *page, struct buffer *data, size_t *begin, size_t *end, struct error *err);

#endif
