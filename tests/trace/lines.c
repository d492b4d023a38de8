/* The text form of every record; lines.h is its description. */
#include "tests/trace/lines.h"

#include <inttypes.h>

/* Dictionary entries that were printed already. */
struct printed {
	uint32_t strings, modules, caches, files, frames, nodes, tasks;
};

static void print_text(FILE *out, const struct trace_reader *reader, uint32_t id)
{
	size_t size_bytes;
	const char *bytes = trace_reader_string(reader, id, &size_bytes);

	putc('"', out);
	for (size_t i = 0; i < size_bytes; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else if (byte < 0x20 || byte > 0x7e)
			fprintf(out, "\\x%02x", byte);
		else
			putc(byte, out);
	}
	putc('"', out);
}

static void print_named(FILE *out, const struct trace_reader *reader, const char *name, uint32_t id)
{
	fprintf(out, " %s=", name);
	print_text(out, reader, id);
}

static void print_build_id(FILE *out, const uint8_t *build_id, size_t size_bytes)
{
	fputs(" build_id=", out);
	for (size_t i = 0; i < size_bytes; i++)
		fprintf(out, "%02x", build_id[i]);
	putc('\n', out);
}

static void print_string(FILE *out, const struct trace_reader *reader, uint32_t id)
{
	fprintf(out, "string %u ", id);
	print_text(out, reader, id);
	putc('\n', out);
}

static void print_module(FILE *out, const struct trace_reader *reader, uint32_t id)
{
	const struct trace_module *module = trace_reader_module(reader, id);

	fprintf(out, "module %u ", id);
	print_text(out, reader, module->name);
	fprintf(out, " text=0x%" PRIx64 " size=%" PRIu64, module->text_address, module->size_bytes);
	print_build_id(out, module->build_id, module->build_id_bytes);
}

static void print_cache(FILE *out, const struct trace_reader *reader, uint32_t id)
{
	const struct trace_cache *cache = trace_reader_cache(reader, id);

	fprintf(out, "cache %u ", id);
	print_text(out, reader, cache->name);
	print_named(out, reader, "requested", cache->requested);
	print_named(out, reader, "aliases", cache->aliases);
	fprintf(out, " object_size=%u slab_size=%u per_slab=%u order=%u align=%u percpu=%u\n", cache->object_size_bytes,
		cache->slab_size_bytes, cache->objects_per_slab, cache->order, cache->align_bytes, cache->percpu_objects);
}

static void print_file(FILE *out, const struct trace_reader *reader, uint32_t id)
{
	const struct trace_file *file = trace_reader_file(reader, id);

	fprintf(out, "file %u ", id);
	print_text(out, reader, file->path);
	print_build_id(out, file->build_id, file->build_id_bytes);
}

static void print_frame(FILE *out, const struct trace_reader *reader, uint32_t id)
{
	const struct trace_frame *frame = trace_reader_frame(reader, id);

	if (frame->kind == TRACE_FRAME_USER) {
		fprintf(out, "frame %u user file=%u +0x%" PRIx64 "\n", id, frame->file, frame->address);
		return;
	}
	fprintf(out, "frame %u kernel 0x%" PRIx64, id, frame->address);
	print_named(out, reader, "symbol", frame->symbol);
	fprintf(out, " +0x%" PRIx64 " module=%u\n", frame->symbol_offset_bytes, frame->module);
}

static void print_node(FILE *out, const struct trace_reader *reader, uint32_t id)
{
	const struct trace_node *node = trace_reader_node(reader, id);

	fprintf(out, "node %u parent=%u frame=%u\n", id, node->parent, node->frame);
}

static void print_task(FILE *out, const struct trace_reader *reader, uint32_t id)
{
	const struct trace_task *task = trace_reader_task(reader, id);

	fprintf(out, "task %u pid=%u tid=%u", id, (uint32_t)task->pid, (uint32_t)task->tid);
	print_named(out, reader, "comm", task->comm);
	putc('\n', out);
}

#define PRINT_NEW(kind)                                                                                                \
	while (printed->kind##s < trace_reader_##kind##_count(reader))                                                 \
	print_##kind(out, reader, ++printed->kind##s)

static void print_dictionaries(FILE *out, const struct trace_reader *reader, struct printed *printed)
{
	PRINT_NEW(string);
	PRINT_NEW(module);
	PRINT_NEW(cache);
	PRINT_NEW(file);
	PRINT_NEW(frame);
	PRINT_NEW(node);
	PRINT_NEW(task);
}

static void print_event(FILE *out, const struct trace_event *event)
{
	static const char *const kinds[] = {"alloc", "free", "free_implied", "free_older", "free_rcu"};

	fprintf(out, "event %s t=%" PRIu64 " cpu=%u task=%u stack=%u", kinds[event->kind], event->time_ns, event->cpu,
		event->task, event->stack);
	if (event->kind == TRACE_EVENT_ALLOC)
		fprintf(out, " cache=%u req=%" PRIu64 " gfp=0x%x node=%d object=%" PRIu64 "\n", event->cache,
			event->bytes_req, event->gfp, event->node, event->object);
	else if (event->kind == TRACE_EVENT_FREE_OLDER)
		fprintf(out, " cache=%u\n", event->cache);
	else
		fprintf(out, " object=%" PRIu64 "\n", event->object);
}

static void print_measure(FILE *out, bool is_known, uint64_t value, const char *end)
{
	if (is_known)
		fprintf(out, "%" PRIu64 "%s", value, end);
	else
		fprintf(out, "-%s", end);
}

static void print_probe(FILE *out, const struct trace_reader *reader, const struct trace_probe *probe)
{
	fputs("probe ", out);
	print_text(out, reader, probe->event);
	print_named(out, reader, "function", probe->function);
	print_named(out, reader, "role", probe->role);
	print_named(out, reader, "definition", probe->definition);
	print_named(out, reader, "filter", probe->filter);
	fprintf(out, " hits=%" PRIu64 " misses=", probe->hits);
	print_measure(out, probe->has_misses, probe->misses, " lost=");
	print_measure(out, probe->has_lost, probe->lost, "");
	if (probe->has_passed)
		fprintf(out, " passed=%" PRIu64, probe->passed);
	fprintf(out, "%s\n", probe->is_witnessed ? " witnessed" : "");
}

static void print_probe_cpu(FILE *out, const struct trace_reader *reader, const struct trace_probe_cpu *counts)
{
	fputs("probe_cpu ", out);
	print_text(out, reader, counts->event);
	fprintf(out, " cpu=%u passed=%" PRIu64 " lost=", counts->cpu, counts->passed);
	print_measure(out, counts->has_lost, counts->lost, "\n");
}

static void print_unseen(FILE *out, const struct trace_reader *reader, const struct trace_unseen *unseen)
{
	fprintf(out, "unseen from=%" PRIu64 " t=%" PRIu64, unseen->from_ns, unseen->time_ns);
	if (unseen->cause == TRACE_UNSEEN_CPU) {
		fprintf(out, " cpu=%u\n", unseen->cpu);
		return;
	}
	fputs(" missed by ", out);
	print_text(out, reader, unseen->event);
	fprintf(out, " at_most=%" PRIu64 "\n", unseen->at_most);
}

static void print_freed(FILE *out, const struct trace_reader *reader, const struct trace_freed *freed)
{
	fprintf(out,
		"freed cache=%u stack=%u frees=%" PRIu64 " implied=%" PRIu64 " rcu=%" PRIu64 " pending=%" PRIu64
		" req=%" PRIu64 " sized=%" PRIu64,
		freed->cache, freed->stack, freed->frees, freed->frees_implied, freed->frees_rcu, freed->pending_rcu,
		freed->bytes_req, freed->sized);
	fprintf(out, " ages=%" PRIu64 ",%" PRIu64 ",%" PRIu64, freed->ages.sum_ns, freed->ages.min_ns,
		freed->ages.max_ns);
	for (uint32_t i = 0; i < AGES_BUCKETS; i++)
		if (freed->ages.buckets[i])
			fprintf(out, ",%u:%" PRIu64, i, freed->ages.buckets[i]);
	fprintf(out, " timeline=%u", freed->timeline.shift);
	for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++)
		if (freed->timeline.allocs[i] || freed->timeline.frees[i])
			fprintf(out, ",%u:%" PRIu64 "/%" PRIu64, i, freed->timeline.allocs[i],
				freed->timeline.frees[i]);
	fputs(" comms=", out);
	for (uint32_t i = 0; i < freed->comm_count; i++) {
		print_text(out, reader, freed->comms[i].id);
		fprintf(out, ":%" PRIu64 ",", freed->comms[i].count);
	}
	fprintf(out, "others:%" PRIu64 " by=", freed->other_comms);
	for (uint32_t i = 0; i < freed->freed_by_count; i++)
		fprintf(out, "%u:%" PRIu64 ",", freed->freed_by[i].id, freed->freed_by[i].count);
	fprintf(out, "others:%" PRIu64 "\n", freed->other_frees);
}

static void print_words(FILE *out, const struct trace_reader *reader, const struct trace_record *record)
{
	switch (record->type) {
	case TRACE_RECORD_FACTS:
		fputs("fact ", out);
		print_text(out, reader, record->fact.key);
		putc('=', out);
		print_text(out, reader, record->fact.value);
		putc('\n', out);
		break;
	case TRACE_RECORD_COUNTERS:
		fputs("counter ", out);
		print_text(out, reader, record->counter.key);
		fprintf(out, "=%" PRIu64 "\n", record->counter.value);
		break;
	case TRACE_RECORD_NOTES:
		fputs("note ", out);
		print_text(out, reader, record->note.text);
		putc('\n', out);
		break;
	default:
		fprintf(out, "? %d\n", record->type);
	}
}

static void print_record(FILE *out, const struct trace_reader *reader, const struct trace_record *record)
{
	static const char *const phases[] = {"start", "interval", "end"};
	static const char *const rings[] = {"allocs", "frees", "tasks"};

	switch (record->type) {
	case TRACE_RECORD_EVENTS:
		print_event(out, &record->event);
		break;
	case TRACE_RECORD_CENSUS:
		fprintf(out,
			"census t=%" PRIu64 " cache=%u phase=%s active=%" PRIu64 " total=%" PRIu64 " slabs=%" PRIu64
			"\n",
			record->census.time_ns, record->census.cache, phases[record->census.phase],
			record->census.active_objects, record->census.total_objects, record->census.slabs);
		break;
	case TRACE_RECORD_MEMINFO:
		fprintf(out, "meminfo t=%" PRIu64 " phase=%s reclaimable=%" PRIu64 " unreclaimable=%" PRIu64 "\n",
			record->meminfo.time_ns, phases[record->meminfo.phase], record->meminfo.reclaimable_bytes,
			record->meminfo.unreclaimable_bytes);
		break;
	case TRACE_RECORD_LOSS:
		fprintf(out, "loss t=%" PRIu64 " cpu=%u ring=%s lost=%" PRIu64 "\n", record->loss.time_ns,
			record->loss.cpu, rings[record->loss.ring], record->loss.lost);
		break;
	case TRACE_RECORD_UNSEEN:
		print_unseen(out, reader, &record->unseen);
		break;
	case TRACE_RECORD_RECLAIM:
		fprintf(out, "reclaim t=%" PRIu64 "\n", record->reclaim.time_ns);
		break;
	case TRACE_RECORD_CONTENTS:
		fprintf(out, "contents object=%" PRIu64 " ", record->contents.object);
		for (uint32_t i = 0; i < record->contents.size_bytes; i++)
			fprintf(out, "%02x", record->contents.bytes[i]);
		fputc('\n', out);
		break;
	case TRACE_RECORD_PROBES:
		print_probe(out, reader, &record->probe);
		break;
	case TRACE_RECORD_PROBE_CPUS:
		print_probe_cpu(out, reader, &record->probe_cpu);
		break;
	case TRACE_RECORD_FREED:
		print_freed(out, reader, &record->freed);
		break;
	case TRACE_RECORD_FREED_OLDER:
		fprintf(out, "freed_older cache=%u frees=%" PRIu64 "\n", record->freed_older.cache,
			record->freed_older.frees);
		break;
	case TRACE_RECORD_LIVE:
		fprintf(out, "live object=%" PRIu64 " address=0x%" PRIx64 "\n", record->live.object,
			record->live.address);
		break;
	case TRACE_RECORD_END:
		fprintf(out, "totals t=%" PRIu64 " events=%" PRIu64 " allocs=%" PRIu64 "\n", record->end.time_ns,
			record->end.events, record->end.allocs);
		break;
	default:
		print_words(out, reader, record);
	}
}

static void print_user_symbols(FILE *out, const struct trace_reader *reader)
{
	for (uint32_t id = 1; id <= trace_reader_frame_count(reader); id++) {
		const struct trace_frame *frame = trace_reader_frame(reader, id);

		if (frame->kind != TRACE_FRAME_USER || !frame->symbol)
			continue;
		fprintf(out, "user_symbol frame=%u ", id);
		print_text(out, reader, frame->symbol);
		fprintf(out, " +0x%" PRIx64 "\n", frame->symbol_offset_bytes);
	}
}

static void print_task_cgroups(FILE *out, const struct trace_reader *reader)
{
	for (uint32_t id = 1; id <= trace_reader_task_count(reader); id++) {
		const struct trace_task *task = trace_reader_task(reader, id);

		if (!task->cgroup)
			continue;
		fprintf(out, "task_cgroup task=%u ", id);
		print_text(out, reader, task->cgroup);
		fputc('\n', out);
	}
}

int lines_print(FILE *out, struct trace_reader *reader, struct error *err)
{
	struct printed printed = {0};
	struct trace_record record;
	int ret;

	while ((ret = trace_reader_next(reader, &record, err)) > 0) {
		print_dictionaries(out, reader, &printed);
		print_record(out, reader, &record);
	}
	print_dictionaries(out, reader, &printed);
	print_user_symbols(out, reader);
	print_task_cgroups(out, reader);
	if (ret < 0) {
		fputs("end limit\n", out);
		return ret;
	}
	enum trace_ending ending = trace_reader_ending(reader, NULL);
	if (ending == TRACE_ENDING_COMPLETE)
		fputs("end complete\n", out);
	else
		fprintf(out, "end %s at byte %" PRIu64 "\n", ending == TRACE_ENDING_CUT ? "cut" : "damaged",
			trace_reader_good_bytes(reader));
	return (int)ending;
}
