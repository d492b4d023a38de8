/*
 * What in a text tells whose machine it is, or where its kernel lay.
 */
#ifndef SLABREC_REPORT_PRIVATE_TEXT_H
#define SLABREC_REPORT_PRIVATE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum private_kind {
	PRIVATE_ADDRESS = 0, /* of the kernel: 16 hexadecimal digits that begin with ffff, with or without 0x */
	PRIVATE_MAC,	     /* six pairs of hexadecimal digits with colons */
	PRIVATE_UUID,
	PRIVATE_ID,   /* 32 or 64 hexadecimal digits: of a machine, a container */
	PRIVATE_PATH, /* absolute, of a file that not every machine has: not below /usr, /lib, /bin, /sbin or /boot */
	PRIVATE_KINDS,
};

/* One finding: bytes from begin on. */
struct private_text {
	size_t begin;
	size_t size_bytes;
	enum private_kind kind;
};

/* Finds the next at or after begin; false where there is none. */
bool private_text_next(const char *bytes, size_t size_bytes, size_t begin, struct private_text *found);
/* "kernel address", "hardware address", ... */
const char *private_kind_name(enum private_kind kind);

#endif
