/* The formats in which many machines are told: a table of three. */
#ifndef SLABREC_REPORT_RENDER_FLEET_H
#define SLABREC_REPORT_RENDER_FLEET_H

#include <stdio.h>

#include "report/fleet.h"
#include "trace/error.h"

/* Writes what has been closed, in 7-bit ASCII, the same bytes for the same recordings. 0 or a negative errno. */
typedef int fleet_render_function(const struct fleet *fleet, FILE *out, struct error *err);

/* For the format of --format; NULL where many machines are not told in it. */
fleet_render_function *fleet_renderer_find(const char *format);

fleet_render_function render_fleet_text;
fleet_render_function render_fleet_json;
fleet_render_function render_fleet_html;

#endif
