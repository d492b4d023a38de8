/*
 * Numbers as people read them, in ASCII and the same on every machine: "2,000", "2.0 MiB", "10.2 s", "96 %".
 */
#ifndef SLABREC_REPORT_NUMBER_H
#define SLABREC_REPORT_NUMBER_H

#include <stdint.h>

/* By value, so that number_count(n).text can stand where a string is wanted; lives to the end of that expression. */
struct number {
	char text[64];
};

/* 1234567 -> "1,234,567" */
struct number number_count(uint64_t count);
/* Of more than one with the noun's plural: "1 more cache", "1,234 more caches". The noun: 32 letters at most. */
struct number number_of(uint64_t count, const char *noun);
/* The same with a sign: "+13", "-4", "0". */
struct number number_change(int64_t change);
/* 2048000 -> "2.0 MiB"; below 1024 "640 B". */
struct number number_bytes(uint64_t size_bytes);
/* 10200000000 -> "10.2 s"; ns, us, ms, s, min, h, d. */
struct number number_duration(uint64_t duration_ns);
/* "96 %" of whole; never "0 %" for something nor "100 %" for less than all; "-" where whole is 0. */
struct number number_percent(uint64_t part, uint64_t whole);
/* count per second as "196", "0.40"; "-" where duration_ns is 0. */
struct number number_rate(uint64_t count, uint64_t duration_ns);
/* Bytes per second as "201 KiB"; "-" where duration_ns is 0. */
struct number number_rate_bytes(uint64_t size_bytes, uint64_t duration_ns);

/* Sum and difference that stop at the ends of the type: counters of a trace may hold anything. */
static inline uint64_t number_add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static inline uint64_t number_multiply(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* a - b, at the ends of int64_t where it does not fit. */
int64_t number_difference(uint64_t a, uint64_t b);

#endif
