/* Knows what of a recording may be in a public report: its number, not its file or host. */
#include "report/fleet_input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "report/recording.h"
#include "report/symbolizer.h"
#include "trace/cleanup.h"
#include "trace/reader.h"

static int add(struct fleet *fleet, struct recording *recording, uint32_t ordinal, enum redaction_level level, struct error *err)
{
	CLEANUP(model_release) struct model model = {0};
	struct symbolizer symbolizer = symbolize_trace(recording->reader);
	int ret = model_build(&model, recording, &symbolizer, err);

	if (!ret)
		ret = redact_model(&model, level, err);
	return ret ? ret : fleet_add(fleet, &model, level == REDACTION_NONE ? model_fact(&model, "host.name") : "", ordinal, err);
}

static int read_trace(struct fleet *fleet, const char *path, const char *name, uint32_t ordinal, enum redaction_level level, struct error *err)
{
	CLEANUP(recording_release) struct recording recording = {0};
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct trace_reader *reader = NULL;

	if (fd < 0)
		return error_set(err, -errno, "%s: %m", name);
	int ret = trace_reader_open_fd(&reader, name, fd, err);
	if (!ret)
		ret = recording_read(&recording, reader, err);
	return ret ? ret : add(fleet, &recording, ordinal, level, err);
}

int fleet_read(struct fleet *fleet, const char *path, uint32_t ordinal, enum redaction_level level, struct error *err)
{
	const char *name = level == REDACTION_NONE ? path : arena_format(&fleet->arena, "recording %u", ordinal);
	int ret = read_trace(fleet, path, name, ordinal, level, err);

	fleet->level = level;
	if (ret && ret != -ENOMEM && fleet_fail(fleet, err->message, err))
		ret = -ENOMEM;
	return ret;
}
