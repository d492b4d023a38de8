/* How the recording was made and how far to trust it: the strip at the top and the tables at the end of the page. */
#ifndef SLABREC_REPORT_HTML_CAPTURE_H
#define SLABREC_REPORT_HTML_CAPTURE_H

#include "report/html.h"

void html_integrity_strip(const struct html *html);
void html_caches(const struct html *html);
/* Probes, losses, counters, notes. */
void html_capture(const struct html *html);
/* The machine and the command. */
void html_environment(const struct html *html);

#endif
