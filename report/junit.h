/*
 * JUnit's XML as it is written: one suite, its properties, then its tests. Errors stay with the stream.
 */
#ifndef SLABREC_REPORT_JUNIT_H
#define SLABREC_REPORT_JUNIT_H

#include <stdint.h>
#include <stdio.h>

struct junit_suite {
	uint32_t tests, failures, errors;
	double seconds;
	const char *host;      /* "" not told */
	const char *timestamp; /* "2026-11-21T09:00:00", "" not told */
};

/* Properties follow, to which junit_tests() puts an end. */
void junit_begin(FILE *out, const struct junit_suite *suite);
void junit_property(FILE *out, const char *name, const char *value);
void junit_tests(FILE *out);
void junit_pass(FILE *out, const char *class, const char *name);
/* verdict: "failure" or "error". What is written until junit_end_test() is its text: escaped by who writes it. */
void junit_begin_test(FILE *out, const char *class, const char *name, const char *verdict, const char *type, const char *message);
void junit_end_test(FILE *out, const char *verdict);
/* The lines go to the suite's output; lines may be NULL. */
void junit_end(FILE *out, const char *const lines[], uint32_t count);

#endif
