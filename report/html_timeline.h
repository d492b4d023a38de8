/*
 * Live objects over time, by what is thought of the stacks that allocated them, with the kernel's own counts as dots.
 */
#ifndef SLABREC_REPORT_HTML_TIMELINE_H
#define SLABREC_REPORT_HTML_TIMELINE_H

#include "report/html.h"

/* Nothing where no object was live at the end of any part of the time. */
void html_timeline(const struct html *html);

#endif
