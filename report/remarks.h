/*
 * What every format should say beside its numbers: the verdict, what was lost, what was left out, what could not be seen.
 */
#ifndef SLABREC_REPORT_REMARKS_H
#define SLABREC_REPORT_REMARKS_H

#include <stdint.h>

#include "report/arena.h"
#include "report/model.h"

/* Sentences, none empty, in the arena; sets count. NULL without memory. */
const char **remarks(struct arena *arena, const struct model *model, uint32_t *count);
/* All in one line; "" without memory. */
const char *remarks_line(struct arena *arena, const struct model *model);

#endif
