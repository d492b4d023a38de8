/*
 * How far to trust a recording, as a short list of checks with one sentence each.
 */
#ifndef SLABREC_REPORT_INTEGRITY_H
#define SLABREC_REPORT_INTEGRITY_H

#include <stdbool.h>
#include <stdint.h>

#include "report/arena.h"
#include "report/model.h"

#define INTEGRITY_CHECKS_MAX 17u

struct integrity_check {
	const char *what;    /* "Frees lost" */
	const char *value;   /* "0" */
	const char *meaning; /* what it does to the numbers of the report */
	bool is_good;
	bool is_minor; /* not good, and nothing that the verdict goes by */
};

/* Fills checks (INTEGRITY_CHECKS_MAX of them) and returns how many; strings live in the arena. */
uint32_t integrity_checks(struct arena *arena, const struct model *model, struct integrity_check *checks);
/* The sum in one or two sentences: "No ring or probe lost an event." or what is missing. */
const char *integrity_sentence(struct arena *arena, const struct model *model);
/* Whether nothing was lost, cut or left unexplained. */
bool integrity_is_whole(const struct model *model);

#endif
