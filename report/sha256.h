/* SHA-256 in base64: what a Content-Security-Policy names a style or script by. */
#ifndef SLABREC_REPORT_SHA256_H
#define SLABREC_REPORT_SHA256_H

#include <stddef.h>

#define SHA256_BASE64_BYTES 45 /* 44 characters and a NUL */

/* Writes the base64 of the SHA-256 of the bytes as a C string. */
void sha256_base64(const void *bytes, size_t size_bytes, char text[SHA256_BASE64_BYTES]);

#endif
