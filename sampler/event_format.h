/* The text that tracefs gives for an event's record layout (events/.../format). Pure. */
#ifndef SLABREC_SAMPLER_EVENT_FORMAT_H
#define SLABREC_SAMPLER_EVENT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a field lies in the raw record. size_bytes 0: the event has no such field. */
struct event_field {
	uint16_t offset_bytes;
	uint16_t size_bytes;
	bool is_data_loc; /* a string: u32 of length << 16 | offset */
};

/* The named field of the format text. */
struct event_field event_format_field(const char *format, const char *name);

/*
 * Value of a flag such as "__GFP_ACCOUNT" from the print format's table of flags; 0 where it is not there. Written either as a
 * number or as a shifted one, depending on the kernel; 0 also where it is shifted by a name, whose value is not in the text.
 */
uint64_t event_format_flag(const char *format, const char *flag);

/* The field's value, zero-extended; 0 where the record is too short or the field absent. */
uint64_t event_field_u64(struct event_field field, const uint8_t *raw, size_t raw_bytes);

/* Borrowed pointer to the string in the record, "" where there is none. Always ends within the record. */
const char *event_field_string(struct event_field field, const uint8_t *raw, size_t raw_bytes);

#endif
