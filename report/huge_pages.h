/*
 * Memory of many megabytes that is read and written all over: in huge pages where the kernel has them, which cost less to be given and
 * to be found.
 */
#ifndef SLABREC_REPORT_HUGE_PAGES_H
#define SLABREC_REPORT_HUGE_PAGES_H

#include <stddef.h>

/* count zeroed elements, to be freed by free(); those of 4 MiB and more are all in memory at once. NULL without memory. */
void *huge_pages_array(size_t count, size_t element_bytes);

#endif
