/* What is told about one allocation site, short in the table and whole in its card. */
#include "report/html_site.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/chart.h"
#include "report/content_text.h"
#include "report/escape.h"
#include "report/frame_text.h"
#include "report/number.h"
#include "report/ranking.h"
#include "report/render.h"
#include "report/site_sum.h"
#include "report/verdict.h"
#include "trace/cleanup.h"

#define ROWS_MAX 28u
#define ROWS_OPEN 25u
#define CARDS_MAX 5u
#define CARDS_OPEN 3u
#define PLACES_SHOWN 4u

static const char *site_bytes(const struct html *html, const struct model_site *site)
{
	if (!html->model->caches[site->cache].slot_bytes)
		return "-";
	return arena_text(html->arena, number_bytes(site->live_bytes).text);
}

static void write_name(FILE *out, const struct model_site *site)
{
	fputs("<code>", out);
	escape_html(out, site->name, HTML_NAME_MAX);
	fputs("</code>", out);
	if (*site->caller) {
		fputs(" <span class=\"caller\">&#8592; <code>", out);
		escape_html(out, site->caller, HTML_NAME_MAX);
		fputs("</code></span>", out);
	}
	if (*site->via) {
		fprintf(out, " <span class=\"caller\">&#8592; %s<code>", site->via_skips ? "&#8230; " : "");
		escape_html(out, site->via, HTML_NAME_MAX);
		fputs("</code></span>", out);
	}
}

/* Of a site and its variants. */
static struct timeline sum_timelines(const struct model *model, uint32_t first)
{
	struct timeline sum = history_timeline(&model->sites[first].lives->history);

	for (uint32_t i = first + 1, end = ranking_next(model, first); i < end; i++) {
		struct timeline timeline = history_timeline(&model->sites[i].lives->history);

		for (uint32_t bucket = 0; bucket < TIMELINE_BUCKETS; bucket++) {
			sum.allocs[bucket] = number_add(sum.allocs[bucket], timeline.allocs[bucket]);
			sum.frees[bucket] = number_add(sum.frees[bucket], timeline.frees[bucket]);
		}
	}
	return sum;
}

/* Of a site and its variants; "-" where the page's data does not tell of all. */
static const char *mean_age(const struct html *html, uint32_t first)
{
	uint64_t count = 0, sum_ns = 0;
	uint32_t end = ranking_next(html->model, first);

	for (uint32_t i = first; i < end; i++) {
		count = number_add(count, html->model->sites[i].lives->live_ages.count);
		sum_ns = number_add(sum_ns, html->model->sites[i].lives->live_ages.sum_ns);
	}
	return count && end <= html->detailed ? arena_text(html->arena, number_duration(sum_ns / count).text) : "-";
}

static void write_row(const struct html *html, const struct model_site *site, const struct timeline *timeline, const char *age, uint32_t rank)
{
	FILE *out = html->out;

	fprintf(out, "<tr><td class=\"n\">%u</td><th scope=\"row\">", rank);
	if (rank <= CARDS_MAX)
		fprintf(out, "<a href=\"#site-%u\">", rank);
	write_name(out, site);
	fputs(rank <= CARDS_MAX ? "</a>" : "", out);
	if (site->suspect.others)
		fprintf(out, " <span class=\"off\">&#183; %s user stacks</span>", number_count((uint64_t)site->suspect.others + 1).text);
	fputs("</th>", out);
	html_name_cell(out, html->model->caches[site->cache].name);
	html_number_cell(out, number_count(site->live).text);
	html_number_cell(out, site_bytes(html, site));
	html_element(out, "td", NULL, suspect_class_name(site->suspect.class));
	html_element(out, "td", NULL, site->suspect.confidence ? suspect_confidence_name(site->suspect.confidence) : "-");
	html_number_cell(out, site->suspect.confidence ? verdict_low_rate(html->arena, html->model, site) : "-");
	html_number_cell(out, number_count(site->allocs).text);
	html_number_cell(out, number_count(site->frees + site->frees_implied).text);
	html_number_cell(out, age);
	fputs("<td class=\"pic\">", out);
	chart_spark(out, timeline, html->model->duration_ns);
	fputs("</td></tr>\n", out);
}

static void write_rest(const struct html *html, uint32_t from)
{
	uint64_t live = 0, allocs = 0;

	for (uint32_t i = from; i < html->model->site_count; i++) {
		live += html->model->sites[i].live;
		allocs += html->model->sites[i].allocs;
	}
	fprintf(html->out, "<p class=\"note\">Not shown: %s with ",
		number_of(html->model->site_count - from, "more call stack").text);
	fprintf(html->out, "%s live of %s allocated objects (", number_count(live).text, number_count(allocs).text);
	fprintf(html->out, "%s of all that is live). The XML has all.</p>\n",
		number_percent(live, html->model->live).text);
}

/* The rows of those ranks; site: the first, then the first behind them. */
static void write_rows(const struct html *html, const char *caption, uint32_t rank, uint32_t last, uint32_t *site)
{
	static const char *const heads[] = {"#Rank",	   "Allocated at",   "Cache",	   "#Live",
					    "#Live bytes", "Class",	     "Confidence", "#At least", "#Allocated", "#Freed",
					    "#Mean age",   "Live over time", NULL};

	html_table(html->out, "sites", caption, heads);
	for (; rank <= last; rank++, *site = ranking_next(html->model, *site)) {
		struct model_site sum = site_sum(html->model, *site, NULL);
		struct timeline timeline = sum_timelines(html->model, *site);

		write_row(html, &sum, &timeline, mean_age(html, *site), rank);
	}
	html_table_end(html->out);
}

/* Of the classes that the model has. */
static void write_classes(const struct html *html)
{
	bool is_there[SUSPECT_CLASS_COUNT] = {0};

	for (uint32_t i = 0; i < html->model->site_count; i++)
		is_there[html->model->sites[i].suspect.class] = true;
	fputs("<details class=\"limits\"><summary>What the classes mean</summary>\n<dl>\n", html->out);
	for (uint32_t i = 0; i < SUSPECT_CLASS_COUNT; i++) {
		if (!is_there[i])
			continue;
		html_element(html->out, "dt", NULL, suspect_class_name(i));
		html_element(html->out, "dd", NULL, suspect_class_meaning(i));
	}
	fputs("</dl></details>\n", html->out);
}

void html_site_table(const struct html *html)
{
	const struct model *model = html->model;
	uint32_t shown = html->ranked < ROWS_MAX ? html->ranked : ROWS_MAX, site = 0;
	/* A few more than fit are no reason to fold them. */
	uint32_t open = shown > ROWS_OPEN + 5 ? ROWS_OPEN : shown;

	if (!model->site_count)
		return;
	html_section(html->out, "sites", "Where they were allocated");
	write_rows(html,
		   "Allocation sites: one row per cache and kernel call stack, whichever user stacks lead there; leaks first, then what is "
		   "undetermined, each by how fast and evenly it may leak, then most live bytes first (rules " SUSPECT_RULES "). At least: 95 % lower bound of a "
		   "leak's rate. Mean age: of those still live.",
		   1, open, &site);
	if (open < shown) {
		fprintf(html->out, "<details><summary>Sites %u to %u</summary>\n", open + 1, shown);
		write_rows(html, "Allocation sites, continued.", open + 1, shown, &site);
		fputs("</details>\n", html->out);
	}
	if (site < model->site_count)
		write_rest(html, site);
	write_classes(html);
}

/* Cards. */

static void write_frame(const struct html *html, const struct model_frame *frame)
{
	FILE *out = html->out;

	fprintf(out, "<li class=\"%s\"><code>",
		frame->is_user		    ? "user"
		: frame->class == NAME_CODE ? "kernel"
					    : "kernel plain");
	escape_html(out, frame->label, HTML_NAME_MAX);
	fputs("<span class=\"off\">", out);
	html_text(out, frame_text_place(html->arena, frame));
	fputs("</span></code></li>\n", out);
}

static void write_stack(const struct html *html, const struct model_site *site)
{
	const struct model_frame *frames[MODEL_STACK_DEPTH_MAX];
	uint32_t count = model_stack(html->model, site->node, frames, MODEL_STACK_DEPTH_MAX);

	if (!count) {
		fputs("<p class=\"note\">No call stack was recorded here.</p>\n", html->out);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!i || frames[i]->is_user != frames[i - 1]->is_user)
			fprintf(html->out, "%s<h3>%s stack</h3><ol class=\"stack\">\n", i ? "</ol>" : "",
				frames[i]->is_user ? "User" : "Kernel");
		write_frame(html, frames[i]);
	}
	fputs("</ol>\n", html->out);
	if (count == MODEL_STACK_DEPTH_MAX)
		fprintf(html->out, "<p class=\"note\">Shown to %u frames.</p>\n", MODEL_STACK_DEPTH_MAX);
}

static void write_term(FILE *out, const char *term, const char *value)
{
	html_element(out, "dt", NULL, term);
	html_element(out, "dd", NULL, value);
}

static void write_ages(const struct html *html, const char *what, const struct history_ages *ages)
{
	if (!ages->count)
		return;
	write_term(html->out, what,
		   arena_format(html->arena, "%s / %s / %s", number_duration(ages->min_ns).text,
				number_duration(history_ages_mean_ns(ages)).text, number_duration(ages->max_ns).text));
}

static void write_sizes(const struct html *html, const struct model_site *site)
{
	const struct model_cache *cache = &html->model->caches[site->cache];

	if (!site->allocs_sized)
		return;
	uint64_t mean = site->bytes_req / site->allocs_sized;
	const char *text = arena_format(html->arena, "%s on average", number_bytes(mean).text);
	if (cache->slot_bytes)
		text = arena_format(
			html->arena, "%s, in slots of %s (%s unused)", text, number_bytes(cache->slot_bytes).text,
			number_percent(mean < cache->slot_bytes ? cache->slot_bytes - mean : 0, cache->slot_bytes)
				.text);
	write_term(html->out, "Asked for", text);
}

static void write_tasks(const struct html *html, const struct model_site *site)
{
	FILE *out = html->out;

	if (!site->task_count)
		return;
	fputs("<dt>Tasks</dt>", out);
	for (uint32_t i = 0; i < site->task_count; i++) {
		const struct model_task *task = &site->tasks[i];

		fputs("<dd><code>", out);
		escape_html(out, task->comm, HTML_NAME_MAX);
		fprintf(out, "</code> %s live of ", number_count(task->live).text);
		fputs(number_count(task->allocs).text, out);
		if (task->processes == 1)
			fprintf(out, html->model->redaction.level ? " <span class=\"off\">process no. %" PRId32 " (PIDs redacted)</span>" : " <span class=\"off\">pid %" PRId32 "</span>",
				task->pid);
		else if (task->processes)
			fprintf(out, " <span class=\"off\">%u processes</span>", task->processes);
		fputs("</dd>", out);
	}
	if (site->task_names > site->task_count || site->has_more_tasks)
		fprintf(out, "<dd class=\"off\">and %s%u more name%s</dd>", site->has_more_tasks ? "at least " : "",
			site->task_names - site->task_count, site->task_names - site->task_count == 1 ? "" : "s");
}

static void write_cgroups(const struct html *html, const struct model_site *site)
{
	FILE *out = html->out;

	if (!site->cgroup_count)
		return;
	fputs("<dt>Cgroups</dt>", out);
	for (uint32_t i = 0; i < site->cgroup_count; i++) {
		fputs("<dd><code>", out);
		escape_html(out, site->cgroups[i].path, HTML_NAME_MAX);
		fprintf(out, "</code> %s live of ", number_count(site->cgroups[i].live).text);
		fprintf(out, "%s</dd>", number_count(site->cgroups[i].allocs).text);
	}
	if (site->cgroup_paths > site->cgroup_count)
		fprintf(out, "<dd class=\"off\">and %u more</dd>", site->cgroup_paths - site->cgroup_count);
}

/* How many allocations were on which; more: how many others there are. */
static void write_places(const struct html *html, const char *what, const struct model_place *places, uint32_t count, uint32_t more, bool by_cpu)
{
	const char *list = "";

	for (uint32_t i = 0; i < count && i < PLACES_SHOWN; i++)
		list = arena_format(html->arena, "%s%s%s on %" PRId64, list, i ? ", " : "", number_count(places[i].allocs).text,
				    by_cpu ? (int64_t)places[i].cpu : (int64_t)places[i].node);
	if (count > PLACES_SHOWN)
		more += count - PLACES_SHOWN;
	if (more)
		list = arena_format(html->arena, "%s, and %u more", list, more);
	if (count)
		write_term(html->out, what, list);
}

/* A machine with one NUMA node has nothing to tell of it. */
static void write_machine_places(const struct html *html, const struct model_site *site)
{
	write_places(html, "Allocated on CPU", site->cpus, site->cpu_count, site->cpu_numbers > site->cpu_count ? site->cpu_numbers - site->cpu_count : 0, true);
	if (html->model->nr_nodes < 2)
		return;
	write_places(html, "NUMA node of the CPU", site->nodes, site->node_count, 0, false);
	write_places(html, "NUMA node asked for", site->nodes_asked, site->nodes_asked_count, 0, false);
}

static void write_freed_by(const struct html *html, const struct model_site *site)
{
	FILE *out = html->out;

	if (!site->freed_by_count)
		return;
	fputs("<dt>Freed by</dt>", out);
	for (uint32_t i = 0; i < site->freed_by_count; i++) {
		fputs("<dd><code>", out);
		escape_html(out, site->freed_by[i].name, HTML_NAME_MAX);
		fprintf(out, "</code> %s", number_percent(site->freed_by[i].frees, site->frees_with_stack).text);
		fprintf(out, " <span class=\"off\">%s</span></dd>", number_count(site->freed_by[i].frees).text);
	}
	if (site->frees_with_stack < site->frees)
		fprintf(out, "<dd class=\"off\">of the %s frees whose stack was recorded</dd>",
			number_count(site->frees_with_stack).text);
}

static void write_freed(const struct html *html, const struct model_site *site)
{
	const char *text = arena_text(html->arena, number_count(site->frees).text);

	if (site->frees_implied)
		text = arena_format(html->arena, "%s, and %s whose free was not seen", text,
				    number_count(site->frees_implied).text);
	if (site->pending_rcu)
		text = arena_format(html->arena, "%s; the memory of %s still waits for RCU", text,
				    number_count(site->pending_rcu).text);
	write_term(html->out, "Freed", text);
}

static void write_suspect(const struct html *html, const struct model_site *site)
{
	const struct suspect *suspect = &site->suspect;

	write_term(html->out, "Class", suspect_class_name(suspect->class));
	if (suspect->confidence)
		write_term(html->out, "Confidence", arena_format(html->arena, "%s%s%s", suspect_confidence_name(suspect->confidence),
								 *suspect->limit ? ", because " : "", suspect->limit));
	if (suspect->confidence)
		write_term(html->out, "Leaks at least",
			   arena_format(html->arena, "%s, a 95 %% lower bound", verdict_low_rate(html->arena, html->model, site)));
	write_term(html->out, "Why", verdict_why(html->arena, site));
}

static void write_numbers(const struct html *html, const struct model_site *site)
{
	FILE *out = html->out;

	fputs("<dl>", out);
	write_suspect(html, site);
	write_term(out, "Live at the end",
		   arena_format(html->arena, "%s objects, %s",
				verdict_live(html->arena, site->live, site->live_at_least), site_bytes(html, site)));
	write_term(out, "Allocated", number_count(site->allocs).text);
	write_freed(html, site);
	write_ages(html, "Age of the live (min / mean / max)", &site->lives->live_ages);
	write_ages(html, "Age of the freed (min / mean / max)", &site->lives->freed_ages);
	write_sizes(html, site);
	write_tasks(html, site);
	write_cgroups(html, site);
	write_machine_places(html, site);
	write_freed_by(html, site);
	fputs("</dl>\n", out);
}

/* Every byte is written by us; what means something to HTML is an entity. */
static void write_characters(FILE *out, const uint8_t *bytes, uint32_t size_bytes)
{
	for (uint32_t i = 0; i < size_bytes; i++) {
		char character = content_character(bytes[i]);

		fprintf(out, strchr("<>&\"'", character) ? "&#%d;" : "%c", character);
	}
}

static void write_hex(FILE *out, const uint8_t *bytes, uint32_t size_bytes)
{
	for (uint32_t i = 0; i < size_bytes; i++)
		fprintf(out, i ? " %02x" : "%02x", bytes[i]);
}

/* One part after the other, the first of them marked: so many bytes are the same in all objects. */
static void write_marked(FILE *out, const uint8_t *bytes, uint32_t size_bytes, uint32_t common, const char *between,
			 void (*write)(FILE *out, const uint8_t *bytes, uint32_t size_bytes))
{
	if (common > size_bytes)
		common = size_bytes;
	if (common) {
		fputs("<mark>", out);
		write(out, bytes, common);
		fputs("</mark>", out);
	}
	if (common && common < size_bytes)
		fputs(between, out);
	write(out, bytes + common, size_bytes - common);
}

static void write_content(FILE *out, const struct model_content *content, uint32_t common)
{
	for (uint32_t at = 0; at < content->size_bytes; at += CONTENT_ROW_BYTES) {
		uint32_t count = content->size_bytes - at < CONTENT_ROW_BYTES ? content->size_bytes - at : CONTENT_ROW_BYTES;
		uint32_t same = common > at ? common - at : 0;

		fprintf(out, "%03x  ", at);
		write_marked(out, content->bytes + at, count, same, " ", write_hex);
		fprintf(out, "%*s  ", (int)(3 * (CONTENT_ROW_BYTES - count)), "");
		write_marked(out, content->bytes + at, count, same, "", write_characters);
		fputc('\n', out);
	}
}

static void write_contents(const struct html *html, const struct model_site *site)
{
	FILE *out = html->out;
	uint32_t common = content_common_bytes(site);

	if (!site->content_count)
		return;
	fputs("<h3>What is in them</h3><p class=\"note\">The ", out);
	html_text(out, content_head(html->arena, site));
	fputs(common ? " and marked.</p>\n" : ".</p>\n", out);
	for (uint32_t i = 0; i < site->content_count; i++) {
		fprintf(out, "<pre class=\"bytes\" role=\"group\" tabindex=\"0\" aria-label=\"Object %u\">", i + 1);
		write_content(out, &site->contents[i], common);
		fputs("</pre>\n", out);
	}
}

/* As in a mail: one click takes all of it, in a browser without scripts too. */
static void write_copy(const struct html *html, const struct model_site *site, uint32_t rank)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size_bytes = 0;
	FILE *memory = open_memstream(&text, &size_bytes);
	struct error err;

	if (!memory || render_text_site(html->model, site, rank, memory, &err))
		html->arena->failed = true;
	if (!memory || fclose(memory)) {
		html->arena->failed = true;
		return;
	}
	fprintf(html->out, "<p class=\"note\"><a href=\"#site-%u\">Link to this site</a></p>\n<details class=\"copy\"><summary>As text, to copy</summary>", rank);
	fprintf(html->out, "<pre role=\"group\" tabindex=\"0\" aria-label=\"Site %u as text\">", rank);
	/* Lines of printable ASCII, foreign bytes escaped already. */
	for (const char *at = text; *at; at++)
		fprintf(html->out, strchr("<>&\"'", *at) ? "&#%d;" : "%c", *at);
	fputs("</pre></details>\n", html->out);
}

static void write_card(const struct html *html, const struct model_site *site, uint32_t rank)
{
	FILE *out = html->out;
	struct timeline timeline = history_timeline(&site->lives->history);
	struct ages freed_ages = history_ages(&site->lives->freed_ages), live_ages = history_ages(&site->lives->live_ages);

	fprintf(out,
		"<details class=\"card\" id=\"site-%u\"%s><summary><span class=\"rank\">%u</span> <span "
		"class=\"name\">",
		rank, rank <= CARDS_OPEN ? " open" : "", rank);
	write_name(out, site);
	fprintf(out, "</span> <span class=\"sum\">%s live of ",
		verdict_live(html->arena, site->live, site->live_at_least));
	fprintf(out, "%s, %s, ", number_count(site->allocs).text, site_bytes(html, site));
	escape_html(out, html->model->caches[site->cache].name, HTML_NAME_MAX);
	fputs("</span></summary>\n<div class=\"body\"><div class=\"stacks\">\n", out);
	if (site->suspect.others)
		fprintf(out, "<p class=\"note\">Of %s call stacks that differ in user space only, this one has the most old objects. Sums, class, reason, "
			     "tasks, CPUs and who frees are of all; ages and the pictures of this one.</p>\n",
			number_count((uint64_t)site->suspect.others + 1).text);
	write_stack(html, site);
	write_contents(html, site);
	write_copy(html, site, rank);
	fputs("</div><div class=\"facts\">\n", out);
	write_numbers(html, site);
	chart_births(out, &site->lives->history, html->model->duration_ns);
	chart_live(out, &timeline, html->model->duration_ns);
	chart_ages(out, &freed_ages, &live_ages);
	fputs("</div></div></details>\n", out);
}

void html_site_cards(const struct html *html)
{
	const struct model *model = html->model;
	uint32_t shown = 0;

	if (!model->site_count)
		return;
	html_section(html->out, "cards", "Site by site");
	for (uint32_t i = 0; i < model->site_count && shown < CARDS_MAX; i = ranking_next(model, i)) {
		struct model_site sum = site_sum(model, i, html->arena);

		write_card(html, &sum, ++shown);
	}
	if (shown < html->ranked)
		fprintf(html->out,
			"<p class=\"note\">Cards are written for the first %u of %s sites; the XML has them all.</p>\n",
			shown, number_count(html->ranked).text);
}
