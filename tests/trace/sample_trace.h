/* A small trace with one of everything that the format knows, for tests that break it and for the golden files. */
#ifndef SLABREC_TESTS_SAMPLE_TRACE_H
#define SLABREC_TESTS_SAMPLE_TRACE_H

#include "trace/writer.h"

/* Writes it to the sink in several blocks. 0 or a negative errno with the sentence in err. */
int sample_trace_write(trace_sink *sink, void *context, struct error *err);

#endif
