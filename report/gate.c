/* Which words --fail-on knows. That it cannot be told is never taken for "fine" by who asked. */
#include "report/gate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/ranking.h"
#include "report/site_sum.h"
#include "report/verdict.h"

#define WORD_MAX 64u

/* "10/s", "4K/s", "1.5MiB/s": with a unit bytes, without one objects. */
static bool parse_rate(struct gate *gate, const char *word)
{
	static const char *const units[] = {"/s", "B/s", "K/s", "KiB/s", "M/s", "MiB/s", "G/s", "GiB/s"};
	static const double factors[] = {1, 1, 1 << 10, 1 << 10, 1 << 20, 1 << 20, 1 << 30, 1 << 30};
	char *unit;
	double rate = strspn(word, "0123456789.") ? strtod(word, &unit) : 0;

	if (!isfinite(rate) || rate <= 0)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i]))
			continue;
		if (i)
			gate->bytes_per_second = rate * factors[i];
		else
			gate->objects_per_second = rate;
		return true;
	}
	return false;
}

static bool parse_live(struct gate *gate, const char *word)
{
	char *end;

	if (strncmp(word, "live:", 5) || word[5] < '0' || word[5] > '9')
		return false;
	errno = 0;
	gate->live = strtoull(word + 5, &end, 10);
	gate->has_live = true;
	return !*end && !errno;
}

static bool parse_confidence(struct gate *gate, const char *word)
{
	static const char *const words[] = {[SUSPECT_LOW] = "suspect", [SUSPECT_MEDIUM] = "medium", [SUSPECT_HIGH] = "high"};

	for (enum suspect_confidence i = SUSPECT_LOW; i <= SUSPECT_HIGH; i++) {
		if (strcmp(word, words[i]))
			continue;
		gate->confidence = i;
		return true;
	}
	return false;
}

int gate_parse(struct gate *gate, const char *text, struct error *err)
{
	gate->text = text;
	for (const char *at = text;;) {
		size_t length = strcspn(at, ",");
		char word[WORD_MAX];

		snprintf(word, sizeof(word), "%.*s", (int)(length < WORD_MAX ? length : WORD_MAX), at);
		if (!parse_confidence(gate, word) && !parse_rate(gate, word) && !parse_live(gate, word))
			return error_set(err, -EINVAL, "--fail-on %.40s: use suspect, medium, high, a rate as 10/s or 4K/s, or live:100",
					 word);
		if (!at[length])
			return 0;
		at += length + 1;
	}
}

static bool asks_for_leaks(const struct gate *gate)
{
	return !gate || !gate->text || gate->confidence || gate->objects_per_second > 0 || gate->bytes_per_second > 0;
}

static bool is_suspect(const struct model *model, const struct model_site *site)
{
	return !*model->unreliable && suspect_is_leak(&site->suspect);
}

bool gate_is_met(const struct gate *gate, const struct model *model, uint32_t number)
{
	const struct model_site *site = &model->sites[number];
	double rate = (double)site->suspect.low_rate;

	if (!gate || !gate->text)
		return is_suspect(model, site);
	if (gate->has_live && site_sum(model, number, NULL).live_at_least > gate->live)
		return true;
	if (!is_suspect(model, site))
		return false;
	return (gate->confidence && site->suspect.confidence >= gate->confidence) ||
	       (gate->objects_per_second > 0 && rate >= gate->objects_per_second) ||
	       (gate->bytes_per_second > 0 && rate * model->caches[site->cache].slot_bytes >= gate->bytes_per_second);
}

struct gate_result gate_judge(const struct gate *gate, const struct model *model)
{
	static const uint32_t statuses[] = {
		[GATE_FINE] = 0, [GATE_SUSPECTS] = 1, [GATE_UNRELIABLE] = 3, [GATE_UNDETERMINED] = 3};
	struct gate_result result = {0};

	for (uint32_t i = 0; i < model->site_count; i = ranking_next(model, i))
		if (gate_is_met(gate, model, i) && !result.count++)
			result.first = i;
	if (*model->unreliable)
		result.state = GATE_UNRELIABLE;
	else if (result.count)
		result.state = GATE_SUSPECTS;
	else if (asks_for_leaks(gate) && verdict_is_too_early(model))
		result.state = GATE_UNDETERMINED;
	if (gate && gate->text)
		result.exit_status = statuses[result.state];
	return result;
}

const char *gate_state_name(enum gate_state state)
{
	static const char *const names[] = {[GATE_FINE] = "fine", [GATE_SUSPECTS] = "suspects", [GATE_UNRELIABLE] = "unreliable",
					    [GATE_UNDETERMINED] = "undetermined"};

	return names[state];
}
