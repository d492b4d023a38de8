/*
 * Every format on every scene: 7-bit, the same twice, harmless with hostile names, without secrets; the XML valid by
 * both schemas, the page with a policy that fits its own style and script.
 */
#include "tests/report/scenario.h"

#include <libxml/HTMLparser.h>
#include <libxml/relaxng.h>
#include <libxml/xmlschemas.h>
#include <libxml/xmlschemastypes.h>

#include "report/content_text.h"
#include "report/pack.h"
#include "report/render.h"
#include "report/sha256.h"
#include "report/template.h"
#include "trace/cleanup.h"

typedef void scene_maker(struct scenario *scenario);

static void make_pipes(struct scenario *scenario)
{
	scenario_pipes(scenario, 300, 500);
	scenario_end(scenario);
}

static void make_nothing(struct scenario *scenario)
{
	scenario_end(scenario);
}

static void make_cut(struct scenario *scenario)
{
	scenario_pipes(scenario, 20, 10);
	trace_writer_loss(scenario->writer,
			  &(struct trace_loss){.cpu = 3, .ring = TRACE_RING_FREE, .lost = UINT64_MAX});
	trace_writer_loss(scenario->writer, &(struct trace_loss){.cpu = 3, .ring = TRACE_RING_TASK, .lost = 1});
	scenario_cut(scenario);
}

#define HOSTILE "</script><b onload=\"x\">'&]]>{{style}}\x01\xff\xe2\x80\xae\\"

static void make_hostile(struct scenario *scenario)
{
	char *huge = malloc(65001);

	memset(huge, 'A', 65000);
	huge[65000] = '\0';
	memcpy(huge, HOSTILE, strlen(HOSTILE));
	uint32_t cache = scenario_cache(scenario, HOSTILE, 1u << 31),
		 other = scenario_cache(scenario, huge, UINT32_MAX);
	uint32_t task = trace_writer_task(scenario->writer,
					  &(struct trace_task){.pid = -1,
							       .tid = INT32_MIN,
							       .comm = trace_writer_text(scenario->writer, HOSTILE),
							       .cgroup = trace_writer_text(scenario->writer, "/" HOSTILE)});
	trace_writer_fact(scenario->writer, "numa_node.0.cpus", "0");
	trace_writer_fact(scenario->writer, "numa_node.1.cpus", "1-8191");
	trace_writer_event(scenario->writer, &(struct trace_event){.kind = TRACE_EVENT_ALLOC,
								   .task = task,
								   .cache = cache,
								   .cpu = UINT32_MAX - 1,
								   .node = INT32_MAX});
	uint32_t named = STACK(scenario, HOSTILE "!" HOSTILE, "[" HOSTILE "x]" HOSTILE, HOSTILE, "kfree");
	uint32_t long_named = STACK(scenario, huge, "?");
	trace_writer_fact(scenario->writer, HOSTILE, huge);
	trace_writer_fact(scenario->writer, "kernel.release", HOSTILE);
	trace_writer_fact(scenario->writer, "source", huge);
	trace_writer_fact(scenario->writer, "cpus", "-1");
	trace_writer_counter(scenario->writer, HOSTILE, UINT64_MAX);
	trace_writer_counter(scenario->writer, "frees_unknown", UINT64_MAX);
	trace_writer_note(scenario->writer, HOSTILE);
	scenario_census(scenario, cache, TRACE_CENSUS_START, UINT64_MAX);
	scenario_census(scenario, cache, TRACE_CENSUS_END, 0);
	uint32_t text = trace_writer_text(scenario->writer, HOSTILE);
	trace_writer_probe(scenario->writer, &(struct trace_probe){.event = text,
								   .function = text,
								   .role = text,
								   .definition = text,
								   .filter = text,
								   .hits = UINT64_MAX,
								   .misses = UINT64_MAX,
								   .lost = UINT64_MAX,
								   .has_misses = true,
								   .has_lost = true,
								   .has_fault_misses = true});
	for (unsigned int i = 0; i < 5; i++) {
		scenario_alloc(scenario, cache, named, task, UINT64_MAX);
		scenario_alloc(scenario, other, long_named, task, 0);
		scenario->now_ns += 1ull << 61;
	}
	scenario_free(scenario, TRACE_EVENT_FREE, 1, named);
	scenario_end(scenario);
	free(huge);
}

static void make_many(struct scenario *scenario)
{
	uint32_t cache = scenario_cache(scenario, "kmalloc-64", 64);
	char names[3][24];

	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(names[0], sizeof(names[0]), "outer_%u", i % 7);
		snprintf(names[1], sizeof(names[1]), "middle_%u", i % 91);
		snprintf(names[2], sizeof(names[2]), "leaf_%u", i);
		scenario_alloc(scenario, cache, STACK(scenario, names[0], names[1], names[2], "kmalloc_trace"), 0, 60);
		scenario->now_ns += MS;
	}
	scenario_end(scenario);
}

static void make_one(struct scenario *scenario)
{
	uint32_t cache = scenario_cache(scenario, "kmalloc-64", 64);

	scenario_alloc(scenario, cache, STACK(scenario, "leaf", "kmalloc_trace"), 0, 60);
	scenario_end(scenario);
}

/* Most bytes are of few objects in one cache, most objects are small ones in another. */
static void make_sizes(struct scenario *scenario)
{
	uint32_t small = scenario_cache(scenario, "kmalloc-64", 64), large = scenario_cache(scenario, "kmalloc-8k", 8192);

	for (unsigned int i = 0; i < 20; i++)
		scenario_alloc(scenario, i % 5 ? small : large,
			       i % 5 ? STACK(scenario, "many_small", "kmalloc_trace") : STACK(scenario, "few_large", "kmalloc_trace"), 0, 60);
	scenario_end(scenario);
}

/* Rings that took nothing: what there is to tell is that there is nothing. */
static void make_all_lost(struct scenario *scenario)
{
	scenario_cache(scenario, "kmalloc-64", 64);
	for (uint32_t cpu = 0; cpu < 4; cpu++)
		for (enum trace_ring ring = TRACE_RING_ALLOC; ring <= TRACE_RING_TASK; ring++)
			trace_writer_loss(scenario->writer, &(struct trace_loss){.cpu = cpu, .ring = ring, .lost = 1ull << 63, .time_ns = S});
	trace_writer_counter(scenario->writer, "lost_alloc", 1ull << 63);
	trace_writer_counter(scenario->writer, "lost_free", 1ull << 63);
	scenario_end(scenario);
}

/* Forward by centuries, back before the start, and objects that are freed before they were born. */
static void make_clock_jumps(struct scenario *scenario)
{
	static const uint64_t times[] = {S, 1ull << 62, 3, (uint64_t)-5 * S, UINT64_MAX, 1ull << 63, 2 * S};
	uint32_t cache = scenario_cache(scenario, "kmalloc-64", 64), stack = STACK(scenario, "leaf", "kmalloc_trace");
	uint64_t object = 0;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		scenario->now_ns = times[i];
		if (object)
			scenario_free(scenario, i % 2 ? TRACE_EVENT_FREE : TRACE_EVENT_FREE_IMPLIED, object, stack);
		object = scenario_alloc(scenario, cache, stack, 0, i << 60);
		scenario_census(scenario, cache, i % 2 ? TRACE_CENSUS_END : TRACE_CENSUS_START, 1ull << 63);
	}
	scenario_end(scenario);
}

/* Freed objects that are counted and not told, as many as fit and more. */
static void make_overflowing(struct scenario *scenario)
{
	uint32_t cache = scenario_cache(scenario, "kmalloc-64", UINT32_MAX), stack = STACK(scenario, "leaf", "kmalloc_trace");
	struct trace_freed freed = {.cache = cache,
				    .stack = stack,
				    .frees = 1ull << 63,
				    .frees_implied = 1ull << 63,
				    .frees_rcu = UINT64_MAX,
				    .pending_rcu = 1ull << 63,
				    .bytes_req = UINT64_MAX,
				    .sized = UINT64_MAX,
				    .other_comms = UINT64_MAX,
				    .other_frees = UINT64_MAX,
				    .timeline = {.shift = TIMELINE_FIRST_SHIFT}};

	freed.timeline.allocs[0] = freed.timeline.frees[63] = UINT64_MAX;
	freed.ages.count = freed.ages.sum_ns = freed.ages.max_ns = freed.ages.buckets[39] = UINT64_MAX;
	for (uint32_t i = 0; i < 3; i++)
		trace_writer_freed(scenario->writer, &freed);
	trace_writer_freed_older(scenario->writer, &(struct trace_freed_older){.cache = cache, .frees = UINT64_MAX});
	scenario_alloc(scenario, cache, stack, 0, 60);
	trace_writer_counter(scenario->writer, "frees_unknown", 1ull << 63);
	scenario_end(scenario);
}

#define COMMON "same in all " HOSTILE
#define COMMON_BYTES (sizeof(COMMON) - 1)

/* Of nine objects of a site one is freed; of another object contents come twice. One site has one object, another no contents. */
static void make_contents(struct scenario *scenario)
{
	uint32_t cache = scenario_cache(scenario, "msg_msg-1k", 1024), stack = STACK(scenario, "caller", "many", "kmem_cache_alloc"),
		 other = STACK(scenario, "caller", "single", "kmem_cache_alloc");
	uint8_t bytes[TRACE_CONTENTS_MAX_BYTES] = {0};

	for (uint32_t i = 0; i < 9; i++)
		scenario_alloc(scenario, cache, stack, 0, 100);
	scenario_alloc(scenario, cache, other, 0, 100);
	scenario_alloc(scenario, cache, STACK(scenario, "caller", "without", "kmem_cache_alloc"), 0, 100);
	scenario->now_ns += S;
	scenario_free(scenario, TRACE_EVENT_FREE, 1, stack);
	memcpy(bytes, COMMON, COMMON_BYTES);
	for (uint64_t object = 1; object <= 10; object++) {
		bytes[COMMON_BYTES] = (uint8_t)object;
		trace_writer_contents(scenario->writer,
				      &(struct trace_contents){.object = object, .bytes = bytes, .size_bytes = 100 + (uint32_t)object});
	}
	trace_writer_contents(scenario->writer, &(struct trace_contents){.object = 10, .bytes = (const uint8_t *)"second", .size_bytes = 6});
	scenario_end(scenario);
}

/* Much to say of everything: notes, caches, deep stacks of long names. */
static void make_long_winded(struct scenario *scenario)
{
	static const char words[] = "frees that are done by another function than any of those that this kernel lets one probe are not seen";
	char names[4][64], note[512];

	for (unsigned int i = 0; i < 5; i++) {
		snprintf(note, sizeof(note), "%u: %s; %s; %s.", i, words, words, words);
		trace_writer_note(scenario->writer, note);
	}
	for (unsigned int i = 0; i < 12; i++) {
		snprintf(names[0], sizeof(names[0]), "a_rather_long_cache_name_%u", i % 6);
		uint32_t cache = scenario_cache(scenario, names[0], 1024);

		for (unsigned int k = 0; k < 4; k++)
			snprintf(names[k], sizeof(names[k]), "a_function_of_a_driver_with_a_long_name_%u_%u", i, k);
		uint32_t stack = STACK(scenario, names[0], names[1], names[2], names[3], names[0], names[1], names[2], names[3], names[0], names[1], names[2],
				       names[3], names[0], names[1], names[2], names[3], names[0], names[1], names[2], names[3], "kmalloc_trace");
		for (unsigned int object = 0; object < 20; object++) {
			scenario_alloc(scenario, cache, stack, 0, 1000);
			scenario->now_ns += 100 * MS;
		}
	}
	scenario_end(scenario);
}

static const struct {
	const char *name;
	scene_maker *make;
} scenes[] = {
	{"pipes", make_pipes},	   {"nothing", make_nothing}, {"cut", make_cut},
	{"hostile", make_hostile}, {"many", make_many},	      {"one", make_one},
	{"all lost", make_all_lost}, {"clock jumps", make_clock_jumps}, {"overflowing", make_overflowing},
	{"contents", make_contents}, {"long-winded", make_long_winded}, {"sizes", make_sizes},
};

#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

/* Of a binary format its bytes in hexadecimal. */
static char *render(const struct model *model, const char *format)
{
	const struct renderer *renderer = renderer_find(format);
	char *text = NULL, *hex;
	size_t size_bytes;
	FILE *out = open_memstream(&text, &size_bytes);
	struct error err = {0};

	if (renderer->render(model, out, &err))
		fail_msg("%s: %s", format, err.message);
	fclose(out);
	if (!renderer->is_binary) {
		assert_int_equal(strlen(text), size_bytes);
		return text;
	}
	hex = malloc(2 * size_bytes + 1);
	for (size_t i = 0; i < size_bytes; i++)
		sprintf(hex + 2 * i, "%02x", (uint8_t)text[i]);
	free(text);
	return hex;
}

static char *render_scene(size_t index, const char *format)
{
	struct scenario scenario;
	struct scene scene;

	scenario_begin(&scenario);
	scenes[index].make(&scenario);
	scene_read(&scene, &scenario);
	assert_int_equal(redact_model(&scene.model, REDACTION_PUBLIC, NULL), 0);
	char *text = render(&scene.model, format);
	scene_release(&scene);
	scenario_release(&scenario);
	return text;
}

static void test_ascii_and_the_same_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENES; i++)
		for (const struct renderer *renderer = renderers; renderer->name; renderer++) {
			CLEANUP(cleanup_free) char *first = render_scene(i, renderer->name);

			for (const char *at = first; *at; at++)
				if ((*at < ' ' && *at != '\n' && *at != '\t') || *at > '~')
					fail_msg("%s as %s: byte %02x", scenes[i].name, renderer->name,
						 (unsigned char)*at);
		}
	/* One trace read twice: no pointer, clock or order of a hash may show. */
	struct scenario scenario;
	scenario_begin(&scenario);
	make_pipes(&scenario);
	for (const struct renderer *renderer = renderers; renderer->name; renderer++) {
		struct scene scene;

		scene_read(&scene, &scenario);
		CLEANUP(cleanup_free) char *first = render(&scene.model, renderer->name);
		scene_release(&scene);
		scene_read(&scene, &scenario);
		CLEANUP(cleanup_free) char *second = render(&scene.model, renderer->name);
		scene_release(&scene);
		assert_string_equal(first, second);
	}
	scenario_release(&scenario);
}

/* Packed and unpacked every scene gives the same in every format, but for sites whose details a page has no room for. */
static void test_a_page_carries_it_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENES; i++) {
		struct scenario scenario;
		struct scene scene;
		struct buffer bytes = {0};
		struct model back;

		scenario_begin(&scenario);
		scenes[i].make(&scenario);
		scene_read(&scene, &scenario);
		assert_int_equal(pack_model(&scene.model, SIZE_MAX, &bytes, &(uint32_t){0}, NULL), 0);
		assert_int_equal(unpack_model(&back, bytes.bytes, bytes.size_bytes, NULL), 0);
		for (const struct renderer *renderer = renderers; renderer->name; renderer++) {
			CLEANUP(cleanup_free) char *first = render(&scene.model, renderer->name);
			CLEANUP(cleanup_free) char *second = render(&back, renderer->name);

			if (scene.model.site_count < 1000 || !strcmp(renderer->name, "html"))
				assert_string_equal(first, second);
		}
		model_release(&back);
		buffer_release(&bytes);
		scene_release(&scene);
		scenario_release(&scenario);
	}
}

static void test_no_secrets(void **state)
{
	(void)state;
	for (const struct renderer *renderer = renderers; renderer->name; renderer++) {
		CLEANUP(cleanup_free) char *text = render_scene(0, renderer->name);

		assert_null(strstr(text, "secret-host"));
		assert_null(strstr(text, "ffffffff"));
		assert_null(strstr(text, "ffff8881"));
		if (!renderer->is_binary && strcmp(renderer->name, "junit"))
			assert_non_null(strstr(text, "alloc_pipe_info"));
	}
}

static void test_text_is_narrow_and_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENES; i++) {
		CLEANUP(cleanup_free) char *text = render_scene(i, "text");
		size_t lines = 0;

		for (const char *line = text; *line; lines++) {
			size_t length = strcspn(line, "\n");

			if (length > 72)
				fail_msg("%s: %.*s", scenes[i].name, (int)length, line);
			assert_true(line[length] == '\n');
			line += length + 1;
		}
		assert_true(lines <= 100);
	}
}

static void test_text_answers_first(void **state)
{
	CLEANUP(cleanup_free) char *text = render_scene(0, "text");
	size_t head = 0;

	(void)state;
	for (int line = 0; line < 6; line++)
		head += strcspn(text + head, "\n") + 1;
	CLEANUP(cleanup_free) char *first = strndup(text, head);
	assert_int_equal(strncmp(first, "Too early for a verdict: record at least 30.0 s.", 48), 0);
	assert_non_null(strstr(first, "objects"));
	assert_non_null(strstr(first, "still live"));
	assert_non_null(strstr(first, "alloc_pipe_info"));
	assert_non_null(strstr(first, "each second"));
	assert_non_null(strstr(first, "lost"));
}

static int count_elements(const xmlNode *node, const char *name)
{
	int count = 0;

	for (; node; node = node->next) {
		if (node->type == XML_ELEMENT_NODE && (!name || !strcmp((const char *)node->name, name)))
			count++;
		count += count_elements(node->children, name);
	}
	return count;
}

static void reject_attributes(const xmlNode *node)
{
	for (; node; node = node->next) {
		for (const xmlAttr *attribute = node->type == XML_ELEMENT_NODE ? node->properties : NULL; attribute;
		     attribute = attribute->next) {
			const char *name = (const char *)attribute->name;

			if (!strncmp(name, "on", 2) || !strcmp(name, "style") || !strcmp(name, "src"))
				fail_msg("<%s %s>", node->name, name);
			if (!strcmp(name, "href"))
				assert_int_equal(attribute->children->content[0], '#');
		}
		reject_attributes(node->children);
	}
}

static void ignore_error(void *context, const char *message, ...)
{
	(void)context;
	(void)message;
}

static void test_html_holds_no_foreign_element(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENES; i++) {
		CLEANUP(cleanup_free) char *html = render_scene(i, "html");
		htmlDocPtr doc = htmlReadMemory(html, (int)strlen(html), NULL, "us-ascii",
						HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET);

		assert_non_null(doc);
		const xmlNode *root = xmlDocGetRootElement(doc);
		assert_int_equal(count_elements(root, "script"), 3); /* the explorer's parts, the data, and what reads it */
		assert_int_equal(count_elements(root, "style"), 1);
		assert_int_equal(count_elements(root, "link"), 0);
		assert_int_equal(count_elements(root, "img"), 0);
		assert_int_equal(count_elements(root, "iframe"), 0);
		/* The hostile names wanted to be bold. */
		assert_null(strstr(html, "<b onload"));
		reject_attributes(root);
		assert_null(strstr(html, "http:"));
		assert_null(strstr(html, "https:"));
		xmlFreeDoc(doc);
	}
}

/* The text between the first pair of marks. */
static char *between(const char *text, const char *from, const char *to)
{
	const char *start = strstr(text, from);

	assert_non_null(start);
	start += strlen(from);
	const char *end = strstr(start, to);
	assert_non_null(end);
	return strndup(start, (size_t)(end - start));
}

static void expect_hash(const char *html, const char *directive, const char *open, const char *close)
{
	CLEANUP(cleanup_free) char *content = between(html, open, close);
	CLEANUP(cleanup_free) char *hash = between(html, directive, "'");
	char wanted[SHA256_BASE64_BYTES];

	sha256_base64(content, strlen(content), wanted);
	assert_true(strlen(content) > 100);
	assert_string_equal(hash, wanted);
}

static void test_html_policy(void **state)
{
	CLEANUP(cleanup_free) char *html = render_scene(0, "html");

	(void)state;
	assert_non_null(strstr(html, "content=\"default-src 'none'; style-src 'sha256-"));
	assert_null(strstr(html, "unsafe"));
	expect_hash(html, "style-src 'sha256-", "<style>", "</style>");
	expect_hash(html, "script-src 'sha256-", "<script>", "</script>");
}

static void test_html_says_what_it_leaves_out(void **state)
{
	CLEANUP(cleanup_free) char *html = render_scene(4, "html");

	(void)state;
	assert_non_null(strstr(html, "Not shown: 2,972 more call stacks with 2,972 live of 2,972"));
	assert_non_null(strstr(html, "no function has many of them, most has leaf_0 (&#60;1 %)"));
	assert_non_null(strstr(html, "Not drawn: "));
	assert_non_null(strstr(html, "Cards are written for the first 5 of 3,000 sites"));
	assert_true(strlen(html) < 1000 * 1000);
}

static void test_share_and_name_are_of_objects(void **state)
{
	CLEANUP(cleanup_free) char *html = render_scene(11, "html");

	(void)state;
	assert_non_null(strstr(html, "20 objects of 2 caches"));
	assert_non_null(strstr(html, "80 % of them at many_small in kmalloc-64"));
	assert_non_null(strstr(html, "<summary>What the classes mean</summary>\n<dl>\n<dt>"));
	assert_null(strstr(html, "<dt>saturating</dt>"));
}

static void test_html_of_nothing_is_whole(void **state)
{
	CLEANUP(cleanup_free) char *html = render_scene(1, "html");

	(void)state;
	assert_non_null(strstr(html, "No allocation was recorded"));
	assert_non_null(strstr(html, "</html>"));
	assert_null(strstr(html, "id=\"flamegraph\""));
	assert_null(strstr(html, "nan"));
}

/* Folded stacks have no place for any; pprof's are packed, and read by tests/exports. */
static bool has_words(const struct renderer *renderer)
{
	return !renderer->is_binary && strcmp(renderer->name, "folded") != 0;
}

static void test_cut_is_said_everywhere(void **state)
{
	(void)state;
	for (const struct renderer *renderer = renderers; renderer->name; renderer++) {
		CLEANUP(cleanup_free) char *text = render_scene(2, renderer->name);

		if (has_words(renderer))
			assert_non_null(strstr(text, "cut"));
	}
}

static void validate_rng(xmlDocPtr doc, const char *what)
{
	const struct template_file *file = template_find("slabrec.rng");
	xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewMemParserCtxt(file->bytes, (int)file->size_bytes);
	xmlRelaxNGPtr schema = xmlRelaxNGParse(parser);
	assert_non_null(schema);
	xmlRelaxNGValidCtxtPtr valid = xmlRelaxNGNewValidCtxt(schema);

	if (xmlRelaxNGValidateDoc(valid, doc))
		fail_msg("%s is not valid by slabrec.rng", what);
	xmlRelaxNGFreeValidCtxt(valid);
	xmlRelaxNGFree(schema);
	xmlRelaxNGFreeParserCtxt(parser);
}

static void validate_xsd(xmlDocPtr doc, const char *what)
{
	const struct template_file *file = template_find("slabrec.xsd");
	xmlSchemaParserCtxtPtr parser = xmlSchemaNewMemParserCtxt(file->bytes, (int)file->size_bytes);
	xmlSchemaPtr schema = xmlSchemaParse(parser);
	assert_non_null(schema);
	xmlSchemaValidCtxtPtr valid = xmlSchemaNewValidCtxt(schema);

	if (xmlSchemaValidateDoc(valid, doc))
		fail_msg("%s is not valid by slabrec.xsd", what);
	xmlSchemaFreeValidCtxt(valid);
	xmlSchemaFree(schema);
	xmlSchemaFreeParserCtxt(parser);
}

static void test_xml_is_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENES; i++) {
		CLEANUP(cleanup_free) char *xml = render_scene(i, "xml");
		xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);

		assert_non_null(doc);
		validate_rng(doc, scenes[i].name);
		validate_xsd(doc, scenes[i].name);
		xmlFreeDoc(doc);
	}
}

static void test_xml_schemas_reject(void **state)
{
	CLEANUP(cleanup_free) char *xml = render_scene(0, "xml");
	char *at = strstr(xml, "trace=\"complete\"");

	(void)state;
	assert_non_null(at);
	memcpy(at, "trace=\"complote\"", 16);
	xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);
	const struct template_file *file = template_find("slabrec.rng");
	xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewMemParserCtxt(file->bytes, (int)file->size_bytes);
	xmlRelaxNGPtr schema = xmlRelaxNGParse(parser);
	xmlRelaxNGValidCtxtPtr valid = xmlRelaxNGNewValidCtxt(schema);
	xmlRelaxNGSetValidErrors(valid, ignore_error, ignore_error, NULL);
	assert_true(xmlRelaxNGValidateDoc(valid, doc) > 0);
	xmlRelaxNGFreeValidCtxt(valid);
	xmlRelaxNGFree(schema);
	xmlRelaxNGFreeParserCtxt(parser);
	xmlFreeDoc(doc);
}

static void test_hostile_names_are_shown_harmless(void **state)
{
	CLEANUP(cleanup_free) char *html = render_scene(3, "html");
	CLEANUP(cleanup_free) char *xml = render_scene(3, "xml");
	CLEANUP(cleanup_free) char *json = render_scene(3, "json");

	(void)state;
	assert_non_null(strstr(html,
			       "&#60;/script&#62;&#60;b "
			       "onload=&#34;x&#34;&#62;&#39;&#38;]]&#62;{{style}}\\x01\\xff\\xe2\\x80\\xae\\x5c"));
	assert_non_null(strstr(xml, "]]&gt;{{style}}\\x01\\xff\\xe2\\x80\\xae\\x5c"));
	assert_non_null(strstr(json, "\\u003c/script>\\u003cb onload=\\u0022x\\u0022>'&]]>{{style}}\\\\x01\\\\xff"));
	/* A name of 64 KiB is cut, also where it is used often. */
	assert_true(strlen(html) < 200 * 1000);
}

static const struct model_site *site_named(const struct model *model, const char *name)
{
	for (uint32_t i = 0; i < model->site_count; i++)
		if (!strcmp(model->sites[i].name, name))
			return &model->sites[i];
	fail_msg("no site %s", name);
	return NULL;
}

static void expect_in(const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		fail_msg("not there: %s", wanted);
}

static void test_contents_are_shown_harmless(void **state)
{
	struct scenario scenario;
	struct scene scene;

	(void)state;
	scenario_begin(&scenario);
	make_contents(&scenario);
	scene_read(&scene, &scenario);
	const struct model_site *many = site_named(&scene.model, "many"), *single = site_named(&scene.model, "single");
	assert_int_equal(many->content_count, 8);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(many->contents[i].size_bytes, 102 + i);
		assert_memory_equal(many->contents[i].bytes, COMMON, COMMON_BYTES);
		assert_int_equal(many->contents[i].bytes[COMMON_BYTES], 2 + i);
	}
	assert_int_equal(content_common_bytes(many), COMMON_BYTES);
	assert_int_equal(single->content_count, 1);
	assert_int_equal(single->contents[0].size_bytes, 110);
	assert_int_equal(content_common_bytes(single), 0);
	assert_int_equal(site_named(&scene.model, "without")->content_count, 0);
	for (const struct renderer *renderer = renderers; renderer->name; renderer++) {
		CLEANUP(cleanup_free) char *text = render(&scene.model, renderer->name);

		for (const char *at = text; *at; at++)
			assert_true((*at >= ' ' && *at <= '~') || *at == '\n' || *at == '\t');
	}
	CLEANUP(cleanup_free) char *html = render(&scene.model, "html");
	assert_null(strstr(html, "<b onload"));
	expect_in(html, "ript&#62;&#60;b onload=&#34;");
	expect_in(html, "000  <mark>73 61 6d 65 20 69 6e 20 61 6c 6c 20 3c 2f 73 63</mark>  <mark>same in all &#60;/sc</mark>");
	/* The last common bytes, the first other one and those behind. */
	expect_in(html, "030  <mark>7d 01 ff e2 80 ae 5c</mark> 02 00 00 00 00 00 00 00 00  <mark>}......</mark>.........\n");
	expect_in(html, "but for contents of objects, which are shown as they are");
	CLEANUP(cleanup_free) char *lines = render(&scene.model, "text");
	expect_in(lines, "  first bytes of 8 live objects; the first 55 are the same in all (to\n    the |)\n");
	expect_in(lines, "  030 7d 01 ff e2 80 ae 5c|02 00 00 00 00 00 00 00 00  }...............\n");
	expect_in(lines, "  first bytes of a live object\n");
	CLEANUP(cleanup_free) char *md = render(&scene.model, "md");
	expect_in(md, "\nThe first bytes of 8 live objects; the first 55 are the same in all (to the |):\n\n```\n000 73 61 6d 65 20 ");
	expect_in(md, "\n030 7d 01 ff e2 80 ae 5c|02 00 00 00 00 00 00 00 00  }...............\n");
	CLEANUP(cleanup_free) char *json = render(&scene.model, "json");
	expect_in(json, "\"contents_common_bytes\": 55");
	expect_in(json, "\"73616d6520696e20616c6c203c2f736372697074");
	CLEANUP(cleanup_free) char *xml = render(&scene.model, "xml");
	expect_in(xml, "<contents common-bytes=\"55\">");
	expect_in(xml, "text=\"same in all &lt;/script&gt;&lt;b onload=&quot;x&quot;&gt;'&amp;]]&gt;{{style}}......");
	xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);
	assert_non_null(doc);
	validate_rng(doc, "contents");
	validate_xsd(doc, "contents");
	xmlFreeDoc(doc);
	scene_release(&scene);
	scenario_release(&scenario);
}

static void test_contents_are_left_out_of_public_reports(void **state)
{
	(void)state;
	for (enum redaction_level level = REDACTION_PUBLIC; level <= REDACTION_STRICT; level++) {
		struct scenario scenario;
		struct scene scene;
		struct buffer bytes = {0};

		scenario_begin(&scenario);
		make_contents(&scenario);
		scene_read(&scene, &scenario);
		assert_int_equal(redact_model(&scene.model, level, NULL), 0);
		assert_int_equal(scene.model.redaction.counts[REDACTED_CONTENTS], 9);
		for (const struct renderer *renderer = renderers; renderer->name; renderer++) {
			CLEANUP(cleanup_free) char *text = render(&scene.model, renderer->name);

			assert_null(strstr(text, "same in all"));
			assert_null(strstr(text, "73616d6520"));
			assert_null(strstr(text, "73 61 6d 65 20"));
			/* But that there were some is said everywhere. */
			if (has_words(renderer))
				expect_in(text, "The first bytes of 9 live objects were recorded");
		}
		CLEANUP(cleanup_free) char *xml = render(&scene.model, "xml");
		expect_in(xml, "<redacted what=\"contents of objects\" count=\"9\"/>");
		assert_int_equal(pack_model(&scene.model, SIZE_MAX, &bytes, &(uint32_t){0}, NULL), 0);
		assert_null(memmem(bytes.bytes, bytes.size_bytes, COMMON, 11));
		buffer_release(&bytes);
		scene_release(&scene);
		scenario_release(&scenario);
	}
}

static void test_json_numbers(void **state)
{
	CLEANUP(cleanup_free) char *json = render_scene(0, "json");

	(void)state;
	assert_non_null(strstr(json, "\"schema\": \"slabreport/1\""));
	assert_non_null(strstr(json,
			       "\"function\": \"alloc_pipe_info\",\n      \"caller\": \"create_pipe_files\",\n"
			       "      \"cache\": \"kmalloc-cg-1k\",\n      \"call_stacks\": 1,\n      \"allocs\": 300,\n      \"frees\": 0,\n"
			       "      \"frees_implied\": 0,\n      \"pending_rcu\": 0,\n      \"live\": 300,\n      \"live_at_least\": 300,\n      "
			       "\"live_bytes\": 307200,"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ascii_and_the_same_twice),
		cmocka_unit_test(test_a_page_carries_it_all),
		cmocka_unit_test(test_no_secrets),
		cmocka_unit_test(test_text_is_narrow_and_short),
		cmocka_unit_test(test_text_answers_first),
		cmocka_unit_test(test_html_holds_no_foreign_element),
		cmocka_unit_test(test_html_policy),
		cmocka_unit_test(test_html_says_what_it_leaves_out),
		cmocka_unit_test(test_share_and_name_are_of_objects),
		cmocka_unit_test(test_html_of_nothing_is_whole),
		cmocka_unit_test(test_cut_is_said_everywhere),
		cmocka_unit_test(test_xml_is_valid),
		cmocka_unit_test(test_xml_schemas_reject),
		cmocka_unit_test(test_hostile_names_are_shown_harmless),
		cmocka_unit_test(test_contents_are_shown_harmless),
		cmocka_unit_test(test_contents_are_left_out_of_public_reports),
		cmocka_unit_test(test_json_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
