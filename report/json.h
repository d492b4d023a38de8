/*
 * JSON as it is written: keys and brackets with the commas in the right places, strings escaped.
 */
#ifndef SLABREC_REPORT_JSON_H
#define SLABREC_REPORT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* {.out = stream} is the start of a document. Errors stay with the stream. */
struct json {
	FILE *out;
	int depth;
	bool has_element; /* the innermost object or array is not empty */
	bool is_dense;	  /* elements are not put on lines of their own */
};

/* key is NULL in an array. bracket: '{' or '['; it is closed by '}' or ']'. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_text(struct json *json, const char *key, const char *value);
void json_count(struct json *json, const char *key, uint64_t value);
void json_change(struct json *json, const char *key, int64_t value);
/* Six digits. */
void json_real(struct json *json, const char *key, double value);
void json_flag(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

#endif
