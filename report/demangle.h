/* Names of C++ and Rust functions as people write them. */
#ifndef SLABREC_REPORT_DEMANGLE_H
#define SLABREC_REPORT_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes the name that the mangled one stands for. false where it is none (then text is not to be used), or where it is longer than text.
 */
bool demangle(const char *mangled, char *text, size_t size_bytes);

#endif
