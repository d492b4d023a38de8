/*
 * Knows how to say a plan on one screen: the events that belong together (entry and return, the parts of an array) are one line, and
 * filters stand once, under a number.
 */
#include "sampler/explain.h"

#include <inttypes.h>
#include <string.h>

#include "sampler/blind_spots.h"

#define INDENT 12

struct page {
	const struct explain *explain;
	FILE *out;
};

/* Bytes until text may be broken: a blank, of filters one before && or ||. */
static size_t piece_size(const char *text, bool is_filter)
{
	size_t size = strcspn(text, " ");

	while (is_filter && text[size] && strncmp(text + size, " &&", 3) && strncmp(text + size, " ||", 3))
		size += 1 + strcspn(text + size + 1, " ");
	return size;
}

/* Fills lines with the pieces of text. The label stands before the first line, indent columns wide; the others get blanks. */
static void write_wrapped(const struct page *page, size_t indent, const char *label, const char *text, bool is_filter)
{
	size_t column = indent;

	fprintf(page->out, "%-*s", (int)indent, label);
	while (*text) {
		size_t size = piece_size(text, is_filter);
		bool is_first = column == indent;

		if (!is_first && column + 1 + size > EXPLAIN_COLUMNS) {
			fprintf(page->out, "\n%*s", (int)indent, "");
			column = indent;
			is_first = true;
		}
		fprintf(page->out, "%s%.*s", is_first ? "" : " ", (int)size, text);
		column += size + !is_first;
		text += size;
		text += *text == ' ';
	}
	fputc('\n', page->out);
}

static void write_sources(const struct page *page)
{
	const struct explain *explain = page->explain;
	char text[512];

	for (size_t i = 0; i < explain->source_count; i++) {
		snprintf(text, sizeof(text), "%s%s: %s", i ? "not " : "", explain->sources[i].name,
			 explain->sources[i].why);
		write_wrapped(page, INDENT, i ? "" : "source", text, false);
	}
	if (explain->name_offset_from) {
		snprintf(text, sizeof(text), "at byte %" PRIu32 " of struct kmem_cache, as told by %s",
			 explain->facts->name_offset_bytes, explain->name_offset_from);
		write_wrapped(page, INDENT, "cache names", text, false);
	}
	for (const char *const *filter = explain->filters; filter && *filter; filter++)
		write_wrapped(page, INDENT, filter == explain->filters ? "only" : "", *filter, false);
}

static void write_caches(const struct page *page)
{
	const struct slab_cache_list *selected = page->explain->facts->selected;

	for (size_t i = 0; i < selected->count; i++) {
		const struct slab_cache *cache = &selected->caches[i];
		char text[1024];

		snprintf(text, sizeof(text), "%s: objects of %" PRIu32 " bytes in slots of %" PRIu32 "%s%.700s", cache->name,
			 cache->object_size_bytes, cache->slab_size_bytes,
			 cache->aliases ? "; one cache with " : "", cache->aliases ? cache->aliases : "");
		write_wrapped(page, INDENT, i ? "" : selected->count > 1 ? "caches" : "cache", text, false);
	}
}

/* Parts of an array have filters that differ in the place only: that of the first stands for all. */
static bool is_filter_listed(const struct probe *probe)
{
	return *probe->filter && !probe->first;
}

static bool is_filter_repeated(const struct probe_plan *plan, size_t place)
{
	for (size_t i = 0; i < place; i++)
		if (is_filter_listed(&plan->probes[i]) && !strcmp(plan->probes[i].filter, plan->probes[place].filter))
			return true;
	return false;
}

/* Where the probe's filter stands in the list, from 1; 0 for none. */
static size_t filter_number(const struct probe_plan *plan, const struct probe *probe)
{
	size_t number = 0;

	for (size_t i = 0; i < plan->count && is_filter_listed(probe); i++) {
		if (!is_filter_listed(&plan->probes[i]) || is_filter_repeated(plan, i))
			continue;
		number++;
		if (!strcmp(plan->probes[i].filter, probe->filter))
			return number;
	}
	return 0;
}

/* How many probes of the plan from place on are one line: an entry with its return, the parts of an array, or one alone. */
static size_t probes_of_line(const struct probe_plan *plan, size_t place)
{
	const struct probe *probe = &plan->probes[place];
	size_t count = 1;

	if (probe->role == PROBE_ROLE_ALLOC_RETURN && place + 1 < plan->count &&
	    plan->probes[place + 1].role == PROBE_ROLE_ALLOC_ENTRY && plan->probes[place + 1].function == probe->function)
		return 2;
	while (probe->function && place + count < plan->count && plan->probes[place + count].first &&
	       plan->probes[place + count].function == probe->function)
		count++;
	return count;
}

static const char *reason(const struct probe *probe)
{
	if (probe->function)
		return probe->function->why ? probe->function->why : "";
	if (probe->role == PROBE_ROLE_FREE_WITNESS)
		return probe->is_late ? "second witness, told after the free" : "second witness, also in interrupts";
	if (probe->raw)
		return probe->raw->is_free ? "frees, before they are done" : "allocations, once they are done";
	return "the kernel's own event";
}

static void write_probe(const struct page *page, size_t place, size_t count)
{
	const struct probe *probe = &page->explain->plan->probes[place];
	const struct probe *last = probe + count - 1;
	bool is_pair = probe->role == PROBE_ROLE_ALLOC_RETURN && count == 2;
	/* The entry carries the call chain. */
	const struct probe *told = is_pair ? last : probe;
	const struct probe_plan *plan = page->explain->plan;
	size_t filter_numbers[] = {filter_number(plan, told), is_pair ? filter_number(plan, probe) : 0};
	char kind[40], filter[48] = "-", chain[16];

	if (is_pair)
		snprintf(kind, sizeof(kind), "%s+%s", last->kind, probe->kind);
	else if (count > 1)
		snprintf(kind, sizeof(kind), "%s x%zu", probe->kind, count);
	else
		snprintf(kind, sizeof(kind), "%s", probe->function || probe->raw ? probe->kind : "event");
	if (filter_numbers[0])
		snprintf(filter, sizeof(filter), filter_numbers[1] ? "%zu,%zu" : "%zu", filter_numbers[0],
			 filter_numbers[1]);
	if (told->has_callchain && told->stack_period > 1)
		snprintf(chain, sizeof(chain), "1/%" PRIu32, told->stack_period);
	else
		snprintf(chain, sizeof(chain), "%s", told->has_callchain ? "all" : "-");
	fprintf(page->out, "%-12s %-34s %-8s %-5s %-6s %s\n", is_pair ? "alloc pair" : probe_role_name(probe->role),
		probe->function ? probe->function_name : probe->event, kind, chain, filter, reason(told));
}

static void write_probes(const struct page *page)
{
	const struct probe_plan *plan = page->explain->plan;

	fprintf(page->out, "%-12s %-34s %-8s %-5s %-6s %s\n", "ROLE", "ON", "KIND", "CHAIN", "FILTER", "WHY");
	for (size_t i = 0; i < plan->count;) {
		size_t count = probes_of_line(plan, i);

		write_probe(page, i, count);
		i += count;
	}
}

static void write_filters(const struct page *page)
{
	const struct probe_plan *plan = page->explain->plan;
	size_t number = 0;

	for (size_t i = 0; i < plan->count; i++) {
		char label[24];

		if (!is_filter_listed(&plan->probes[i]) || is_filter_repeated(plan, i))
			continue;
		snprintf(label, sizeof(label), "%2zu", ++number);
		write_wrapped(page, 4, label, plan->probes[i].filter, true);
	}
}

static void write_spot(void *context, const char *sentence)
{
	write_wrapped(context, 4, " -", sentence, false);
}

void explain_write(const struct explain *explain, FILE *out)
{
	struct page page = {.explain = explain, .out = out};

	write_wrapped(&page, INDENT, "kernel", explain->kernel, false);
	write_sources(&page);
	write_caches(&page);
	fputs("\nProbes\n", out);
	write_probes(&page);
	fputs("\nFilters, in the kernel\n", out);
	write_filters(&page);
	fputs("\nNot seen\n", out);
	blind_spots_each(explain->plan, explain->facts, explain->user_stacks, write_spot, &page);
}
