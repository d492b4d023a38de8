/*
 * What a public report does not say. A report is pasted into bug trackers: a kernel address in it undoes KASLR.
 */
#ifndef SLABREC_REPORT_REDACT_H
#define SLABREC_REPORT_REDACT_H

#include <stdbool.h>
#include <stdint.h>

#include "report/arena.h"

/*
 * The text without numbers that look like a 64-bit kernel address (16 hexadecimal digits that begin with ffff, with or
 * without 0x): "[kernel-address]" stands for each. The text itself where there is none, else
 * a copy in the arena ("" without memory). addresses is raised by how many there were.
 */
const char *redact_text(struct arena *arena, const char *text, uint32_t *addresses);
/* Whether the fact of this name tells where the kernel lay. */
bool redact_is_private_fact(const char *key);

#endif
