/* Recordings from files into a fleet, one after the other: of each nothing is kept but what the fleet takes. */
#ifndef SLABREC_REPORT_FLEET_INPUT_H
#define SLABREC_REPORT_FLEET_INPUT_H

#include <stdint.h>

#include "report/fleet.h"
#include "report/redaction.h"
#include "trace/error.h"

/*
 * Reads a trace with the names that it carries itself. ordinal: its place among those that were given, from 1. 0; -ENOMEM; another negative errno
 * where it could not be read, which the fleet has noted.
 */
int fleet_read(struct fleet *fleet, const char *path, uint32_t ordinal, enum redaction_level level, struct error *err);

#endif
