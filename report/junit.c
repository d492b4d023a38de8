/* In the order that the schemas of Ant and of Jenkins both take. */
#include "report/junit.h"

#include <inttypes.h>

#include "report/escape.h"

#define TEXT_MAX 4096u

static void put_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	escape_html(out, value, TEXT_MAX);
	fputc('"', out);
}

void junit_begin(FILE *out, const struct junit_suite *suite)
{
	fputs("<?xml version=\"1.0\" encoding=\"US-ASCII\"?>\n<testsuites>\n<testsuite id=\"0\" package=\"slabrec\" name=\"slabrec\"", out);
	fprintf(out, " tests=\"%" PRIu32 "\" failures=\"%" PRIu32 "\" errors=\"%" PRIu32 "\" time=\"%.3f\"", suite->tests, suite->failures,
		suite->errors, suite->seconds);
	put_attribute(out, "hostname", *suite->host ? suite->host : "localhost");
	put_attribute(out, "timestamp", *suite->timestamp ? suite->timestamp : "1970-01-01T00:00:00");
	fputs(">\n<properties>\n", out);
}

void junit_property(FILE *out, const char *name, const char *value)
{
	fputs("<property", out);
	put_attribute(out, "name", name);
	put_attribute(out, "value", value);
	fputs("/>\n", out);
}

void junit_tests(FILE *out)
{
	fputs("</properties>\n", out);
}

static void begin_test(FILE *out, const char *class, const char *name)
{
	fputs("<testcase", out);
	put_attribute(out, "classname", class);
	put_attribute(out, "name", name);
	fputs(" time=\"0\"", out);
}

void junit_pass(FILE *out, const char *class, const char *name)
{
	begin_test(out, class, name);
	fputs("/>\n", out);
}

void junit_begin_test(FILE *out, const char *class, const char *name, const char *verdict, const char *type, const char *message)
{
	begin_test(out, class, name);
	fprintf(out, ">\n<%s", verdict);
	put_attribute(out, "type", type);
	put_attribute(out, "message", message);
	fputs(">\n", out);
}

void junit_end_test(FILE *out, const char *verdict)
{
	fprintf(out, "</%s>\n</testcase>\n", verdict);
}

void junit_end(FILE *out, const char *const lines[], uint32_t count)
{
	fputs("<system-out>", out);
	for (uint32_t i = 0; lines && i < count; i++) {
		escape_html(out, lines[i], TEXT_MAX);
		fputc('\n', out);
	}
	fputs("</system-out>\n<system-err/>\n</testsuite>\n</testsuites>\n", out);
}
