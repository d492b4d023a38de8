/* Two blanks a level, but where numbers follow each other by the thousand. */
#include "report/json.h"

#include <inttypes.h>

#include "report/escape.h"

static void json_next(struct json *json, const char *key)
{
	if (json->has_element)
		fputc(',', json->out);
	if (json->depth && !json->is_dense)
		fprintf(json->out, "\n%*s", 2 * json->depth, "");
	if (key)
		fprintf(json->out, json->is_dense ? "\"%s\":" : "\"%s\": ", key);
	json->has_element = true;
}

void json_open(struct json *json, const char *key, char bracket)
{
	if (json->depth)
		json_next(json, key);
	fputc(bracket, json->out);
	json->depth++;
	json->has_element = false;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	if (json->has_element && !json->is_dense)
		fprintf(json->out, "\n%*s", 2 * json->depth, "");
	fputc(bracket, json->out);
	json->has_element = true;
}

void json_text(struct json *json, const char *key, const char *value)
{
	json_next(json, key);
	fputc('"', json->out);
	escape_json(json->out, value);
	fputc('"', json->out);
}

void json_count(struct json *json, const char *key, uint64_t value)
{
	json_next(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void json_change(struct json *json, const char *key, int64_t value)
{
	json_next(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void json_real(struct json *json, const char *key, double value)
{
	json_next(json, key);
	fprintf(json->out, "%.6g", value);
}

void json_flag(struct json *json, const char *key, bool value)
{
	json_next(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key)
{
	json_next(json, key);
	fputs("null", json->out);
}
