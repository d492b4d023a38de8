/* Knows that only misses of frees that nobody else tells leave objects in doubt. */
#include "sampler/miss_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sampler/tracefs.h"

void miss_watch_release(struct miss_watch *watch)
{
	free(watch->misses);
	*watch = (struct miss_watch){0};
}

static void look_at(struct miss_watch *watch, const struct probe *probe, uint64_t *known, const char *profile,
		    uint64_t time_ns, struct trace_writer *writer)
{
	uint64_t misses;
	char event[160];

	if (tracefs_profile_misses(profile, probe->event, &misses) || misses <= *known)
		return;
	snprintf(event, sizeof(event), "%s:%s", probe->subsystem, probe->event);
	trace_writer_unseen(writer, &(struct trace_unseen){.from_ns = watch->looked_ns,
							   .time_ns = time_ns,
							   .cause = TRACE_UNSEEN_MISSED,
							   .event = trace_writer_text(writer, event),
							   .at_most = misses - *known});
	*known = misses;
}

int miss_watch_look(struct miss_watch *watch, const struct probe_plan *plan, const char *profile, uint64_t time_ns,
		    struct trace_writer *writer)
{
	if (!watch->misses)
		watch->misses = calloc(plan->count + 1, sizeof(*watch->misses));
	if (!watch->misses)
		return -ENOMEM;
	for (size_t i = 0; profile && i < plan->count; i++) {
		const struct probe *probe = &plan->probes[i];

		if (probe->function && probe_role_is_free(probe->role) && !probe_plan_is_witnessed(plan, probe))
			look_at(watch, probe, &watch->misses[i], profile, time_ns, writer);
	}
	watch->looked_ns = time_ns;
	return 0;
}
