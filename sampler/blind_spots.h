/*
 * What a plan cannot see on this kernel, as sentences for --explain and for the notes of the trace. Pure: they follow from the plan
 * and from what the kernel has.
 */
#ifndef SLABREC_SAMPLER_BLIND_SPOTS_H
#define SLABREC_SAMPLER_BLIND_SPOTS_H

#include <stdbool.h>

#include "sampler/probe_plan.h"
#include "sampler/user_stacks.h"

/* Gets one sentence, borrowed for the call. */
typedef void blind_spots_tell(void *context, const char *sentence);

/* Tells each blind spot once, what costs most objects first. user_stacks: as they are recorded. */
void blind_spots_each(const struct probe_plan *plan, const struct probe_plan_facts *facts, enum user_stacks user_stacks,
		      blind_spots_tell *tell, void *context);

#endif
