/* How numbers are written: one place, so that the same value reads the same in every format. */
#include "report/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S 1000000000u

static struct number number_text(const char *text)
{
	struct number number = {""};

	snprintf(number.text, sizeof(number.text), "%s", text);
	return number;
}

static struct number number_grouped(const char *sign, uint64_t count)
{
	struct number number = {""};
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *at = stpcpy(number.text, sign);

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
	return number;
}

struct number number_count(uint64_t count)
{
	return number_grouped("", count);
}

struct number number_of(uint64_t count, const char *noun)
{
	struct number number = number_count(count);
	size_t length = strlen(number.text);

	snprintf(number.text + length, sizeof(number.text) - length, " %s%s", noun, count == 1 ? "" : "s");
	return number;
}

struct number number_change(int64_t change)
{
	if (change < 0)
		return number_grouped("-", 0 - (uint64_t)change);
	return number_grouped(change ? "+" : "", (uint64_t)change);
}

/* Two significant digits at least: "2.0", "15", "201". */
static struct number number_scaled(double value, const char *unit)
{
	struct number number = {""};

	snprintf(number.text, sizeof(number.text), value < 99.95 ? "%.1f %s" : "%.0f %s", value, unit);
	return number;
}

struct number number_bytes(uint64_t size_bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)size_bytes;
	unsigned int unit = 0;
	struct number number = {""};

	while (value >= 1023.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	if (unit)
		return number_scaled(value, units[unit]);
	snprintf(number.text, sizeof(number.text), "%" PRIu64 " B", size_bytes);
	return number;
}

struct number number_duration(uint64_t duration_ns)
{
	static const struct {
		double unit_ns;
		const char *name;
	} units[] = {{86400e9, "d"}, {3600e9, "h"}, {60e9, "min"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "us"}};

	/* The next unit from 120 on: "90 s" says more than "1.5 min". */
	for (unsigned int i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double least = units[i].unit_ns >= 60e9 ? 2 * units[i].unit_ns : units[i].unit_ns;

		if ((double)duration_ns >= least)
			return number_scaled((double)duration_ns / units[i].unit_ns, units[i].name);
	}
	struct number number = {""};
	snprintf(number.text, sizeof(number.text), "%" PRIu64 " ns", duration_ns);
	return number;
}

struct number number_percent(uint64_t part, uint64_t whole)
{
	struct number number = {""};

	if (!whole)
		return number_text("-");
	double percent = 100.0 * (double)part / (double)whole;
	if (!part || part >= whole)
		snprintf(number.text, sizeof(number.text), "%.0f %%", percent);
	else if (percent < 1)
		return number_text("<1 %");
	else if (percent > 99)
		return number_text(">99 %");
	else
		snprintf(number.text, sizeof(number.text), "%.0f %%", percent);
	return number;
}

struct number number_rate(uint64_t count, uint64_t duration_ns)
{
	struct number number = {""};

	if (!duration_ns)
		return number_text("-");
	double rate = (double)count * NS_PER_S / (double)duration_ns;
	if (rate >= 100)
		return number_count((uint64_t)(rate + .5));
	snprintf(number.text, sizeof(number.text), rate < 9.95 && count ? "%.2f" : "%.0f", rate);
	return number;
}

struct number number_rate_bytes(uint64_t size_bytes, uint64_t duration_ns)
{
	if (!duration_ns)
		return number_text("-");
	double rate = (double)size_bytes * NS_PER_S / (double)duration_ns;
	return number_bytes(rate < 9e18 ? (uint64_t)(rate + .5) : UINT64_MAX);
}

int64_t number_difference(uint64_t a, uint64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return a > b ? INT64_MAX : INT64_MIN;
	return difference;
}
