/*
 * Fuzzes report/import: whatever a text says, it is refused with a sentence, or a trace comes of it that the reader takes whole and that has
 * as many allocations as were counted.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/import.h"
#include "report/recording.h"
#include "tests/trace/memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void read_back(struct memory_file *file, const struct import_totals *totals)
{
	struct recording recording = {0};
	struct trace_reader *reader = NULL;
	const char *ending;

	check(!trace_reader_new(&reader, "imported", memory_file_source, file, NULL));
	check(!recording_read(&recording, reader, NULL));
	check(trace_reader_ending(recording.reader, &ending) == TRACE_ENDING_COMPLETE);
	check(recording.capture.end.allocs == totals->allocs);
	recording_release(&recording);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	FILE *text = size_bytes ? fmemopen((void *)bytes, size_bytes, "r") : fopen("/dev/null", "r");
	struct trace_writer *writer = NULL;
	struct memory_file file = {0};
	struct import_totals totals;
	struct error err = {0};

	check(text && !trace_writer_new(&writer, memory_file_sink, &file, NULL));
	int ret = import_perf_text(writer, text, "text", &totals, &err);
	check(!ret || (ret == -ENODATA && *err.message));
	if (!ret)
		read_back(&file, &totals);
	fclose(text);
	trace_writer_free(writer);
	memory_file_release(&file);
	return 0;
}
