/*
 * What a plan cannot see on this kernel, as sentences for --explain and for the notes of the trace. Pure: they follow from the plan
 * and from what the kernel has.
 */
#ifndef SLABREC_SAMPLER_BLIND_SPOTS_H
#define SLABREC_SAMPLER_BLIND_SPOTS_H

#include <stdbool.h>

#include "sampler/probe_plan.h"

/* Gets one sentence, borrowed for the call. */
typedef void blind_spots_tell(void *context, const char *sentence);

/* Tells each blind spot once, what costs most objects first. has_user_stacks: user call chains are recorded. */
void blind_spots_each(const struct probe_plan *plan, const struct probe_plan_facts *facts, bool has_user_stacks,
		      blind_spots_tell *tell, void *context);

#endif
