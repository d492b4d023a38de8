/* The sites of the page: a table of the first hundred, a card for each of the first ones. */
#ifndef SLABREC_REPORT_HTML_SITE_H
#define SLABREC_REPORT_HTML_SITE_H

#include "report/html.h"

void html_site_table(const struct html *html);
void html_site_cards(const struct html *html);

#endif
