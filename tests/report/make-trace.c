/*
 * Writes a trace to standard output in which each frame that standard input names is a call stack of its own, with one object that
 * is still live: so tests ask slabreport for the name of any address. One word after the other on a line, numbers hexadecimal, "-" for none:
 *
 *   fact KEY VALUE
 *   module NAME TEXT_ADDRESS SIZE BUILD_ID
 *   file PATH BUILD_ID
 *   kernel ADDRESS SYMBOL OFFSET MODULE       MODULE: the number of its line among those of modules, 0 the kernel
 *   user FILE OFFSET SYMBOL SYMBOL_OFFSET     FILE likewise
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/writer.h"

#define WORD "%4000s"

static char words[4][4001];
static struct trace_writer *writer;
static uint64_t event_count;
static uint32_t cache;

static int write_bytes(void *context, const void *bytes, size_t size_bytes, struct error *err)
{
	return fwrite(bytes, 1, size_bytes, context) == size_bytes ? 0 : error_set(err, -EIO, "cannot write");
}

static uint64_t number(int word)
{
	return strtoull(words[word], NULL, 16);
}

static uint8_t build_id(const char *text, uint8_t *bytes)
{
	uint8_t count = 0;

	for (; text[0] && text[0] != '-' && text[1] && count < TRACE_BUILD_ID_MAX_BYTES; text += 2) {
		char digits[3] = {text[0], text[1]};

		bytes[count++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return count;
}

static uint32_t text(int word)
{
	return strcmp(words[word], "-") ? trace_writer_text(writer, words[word]) : 0;
}

static void add_frame(const struct trace_frame *frame)
{
	struct trace_node node = {.frame = trace_writer_frame(writer, frame)};
	struct trace_event event = {.kind = TRACE_EVENT_ALLOC, .time_ns = ++event_count, .object = event_count,
				    .cache = cache, .node = -1};

	if (frame->kind == TRACE_FRAME_USER && frame->symbol)
		trace_writer_user_symbol(writer, node.frame, frame->symbol, frame->symbol_offset_bytes);
	event.stack = trace_writer_node(writer, &node);
	trace_writer_event(writer, &event);
}

static int read_line(const char *what)
{
	if (!strcmp(what, "fact") && scanf(WORD WORD, words[0], words[1]) == 2) {
		trace_writer_fact(writer, words[0], words[1]);
	} else if (!strcmp(what, "module") && scanf(WORD WORD WORD WORD, words[0], words[1], words[2], words[3]) == 4) {
		struct trace_module module = {.name = text(0), .text_address = number(1), .size_bytes = number(2)};

		module.build_id_bytes = build_id(words[3], module.build_id);
		trace_writer_module(writer, &module);
	} else if (!strcmp(what, "file") && scanf(WORD WORD, words[0], words[1]) == 2) {
		struct trace_file file = {.path = text(0)};

		file.build_id_bytes = build_id(words[1], file.build_id);
		trace_writer_file(writer, &file);
	} else if (!strcmp(what, "kernel") && scanf(WORD WORD WORD WORD, words[0], words[1], words[2], words[3]) == 4) {
		add_frame(&(struct trace_frame){.kind = TRACE_FRAME_KERNEL,
						.address = number(0),
						.symbol = text(1),
						.symbol_offset_bytes = number(2),
						.module = (uint32_t)number(3)});
	} else if (!strcmp(what, "user") && scanf(WORD WORD WORD WORD, words[0], words[1], words[2], words[3]) == 4) {
		add_frame(&(struct trace_frame){.kind = TRACE_FRAME_USER,
						.file = (uint32_t)number(0),
						.address = number(1),
						.symbol = text(2),
						.symbol_offset_bytes = number(3)});
	} else {
		fprintf(stderr, "make-trace: cannot understand \"%s\"\n", what);
		return -1;
	}
	return 0;
}

int main(void)
{
	char what[16];

	if (trace_writer_new(&writer, write_bytes, stdout, NULL))
		return 1;
	cache = trace_writer_cache(writer, &(struct trace_cache){.name = trace_writer_text(writer, "kmalloc-64"),
								 .object_size_bytes = 64, .slab_size_bytes = 64});
	while (scanf("%15s", what) == 1)
		if (read_line(what))
			return 1;
	return trace_writer_end(writer, event_count + 1, NULL) ? 1 : 0;
}
