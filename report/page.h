/*
 * A report as input, an HTML page or XML: the data that it carries.
 */
#ifndef SLABREC_REPORT_PAGE_H
#define SLABREC_REPORT_PAGE_H

#include "report/model.h"
#include "trace/cursor.h"
#include "trace/error.h"

/* Most bytes of a page that is read. */
#define PAGE_BYTES_MAX (1u << 29)
/* So many tell whether a file is one. */
#define PAGE_BEGIN_BYTES 16u

/* Whether the file begins as a report in HTML or XML; reads at its beginning, wherever it stands. */
bool page_is_one(int fd);

/*
 * Reads the model that the report of slabreport -f html or -f xml carries. 0; -ENODATA where it is no such report; -EINVAL where its data is
 * damaged; -EFBIG; or what reading failed with. name is used in sentences.
 */
int page_read(struct model *model, const char *name, int fd, struct error *err);
/* Adds the whole file to bytes. 0, -EFBIG, -ENOMEM or what reading failed with. */
int page_read_bytes(struct buffer *bytes, const char *name, int fd, struct error *err);
/*
 * Adds the data that the page carries to data and tells where in the page it stands, from its first part to the end of its last. 0; -ENODATA,
 * without a sentence, where there is none; -EINVAL where it is damaged.
 */
int page_data(const struct buffer *page, struct buffer *data, size_t *begin, size_t *end, struct error *err);

#endif
