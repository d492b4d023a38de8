/*
 * A report's page as input: the data that it carries.
 */
#ifndef SLABREC_REPORT_PAGE_H
#define SLABREC_REPORT_PAGE_H

#include "report/model.h"
#include "trace/error.h"

/* Most bytes of a page that is read. */
#define PAGE_BYTES_MAX (1u << 29)

/*
 * Reads the model that the page of slabreport -f html carries. 0; -ENODATA where it is no such page; -EINVAL where its data is damaged;
 * -EFBIG; or what reading failed with. name is used in sentences.
 */
int page_read(struct model *model, const char *name, int fd, struct error *err);

#endif
