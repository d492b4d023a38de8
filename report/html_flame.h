/* The flame graph of the page, root on top, as inline SVG that needs no script. */
#ifndef SLABREC_REPORT_HTML_FLAME_H
#define SLABREC_REPORT_HTML_FLAME_H

#include "report/html.h"
#include "trace/error.h"

/* Writes the section; nothing where no object is live. 0 or -ENOMEM. */
int html_flame(const struct html *html, struct error *err);

#endif
