/* The rules, each for the part of the model that it is about; strings that nobody may see are replaced where they stand. */
#include "report/redaction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/fetch.h"
#include "report/model.h"
#include "report/model_names.h"
#include "report/private_text.h"
#include "trace/cleanup.h"
#include "trace/u64_map.h"

_Static_assert((int)REDACTED_PATHS == (int)PRIVATE_PATH, "kinds of private text come first");

struct redactor {
	struct model *model;
	struct u64_map seen; /* texts are shared by many frames, each is looked at once: from its address to that of the safe one */
	struct u64_map pids; /* from pid + 1 to the number that stands for it */
	bool failed;
};

#define PIDS_MAX 4096u
#define SITES_AHEAD 8u

static void redactor_release(struct redactor *redactor)
{
	u64_map_release(&redactor->seen);
	u64_map_release(&redactor->pids);
}

static const char *base_name(const char *path, size_t length)
{
	const char *slash = memrchr(path, '/', length);

	return slash && slash + 1 < path + length ? slash + 1 : path;
}

/* A path is shortened to its last name, anything else replaced by what it is. */
static const char *replacement(struct redactor *redactor, const char *text, const struct private_text *found)
{
	const char *begin = text + found->begin, *name = base_name(begin, found->size_bytes);

	if (found->kind != PRIVATE_PATH || begin[found->size_bytes - 1] == '/')
		return arena_format(&redactor->model->arena, "[%s]", private_kind_name(found->kind));
	return arena_format(&redactor->model->arena, "%.*s", (int)(found->size_bytes - (size_t)(name - begin)), name);
}

static const char *clean(struct redactor *redactor, const char *text)
{
	struct private_text found;
	const char *safe = text;

	for (size_t at = 0; private_text_next(safe, strlen(safe), at, &found);) {
		const char *with = replacement(redactor, safe, &found);

		redactor->model->redaction.counts[found.kind]++;
		at = found.begin + strlen(with);
		safe = arena_format(&redactor->model->arena, "%.*s%s%s", (int)found.begin, safe, with, safe + found.begin + found.size_bytes);
		if (redactor->model->arena.failed)
			return "";
	}
	return safe;
}

static void redact(struct redactor *redactor, const char **text)
{
	if (!**text || redactor->failed)
		return;
	uint64_t *safe = u64_map_put(&redactor->seen, (uintptr_t)*text);

	if (!safe) {
		redactor->failed = true;
		return;
	}
	if (!*safe)
		*safe = (uintptr_t)clean(redactor, *text);
	*text = (const char *)(uintptr_t)*safe;
}

static void drop_fact(struct model *model, uint32_t at, enum redaction_what what)
{
	memmove(&model->facts[at], &model->facts[at + 1], (--model->fact_count - at) * sizeof(*model->facts));
	model->redaction.counts[what]++;
}

/* A command without what it was given: "make [arguments]". */
static const char *command_name(struct model *model, const char *command)
{
	size_t length = strcspn(command, " ");

	if (!command[length])
		return command;
	model->redaction.counts[REDACTED_ARGUMENTS]++;
	return arena_format(&model->arena, "%.*s [arguments]", (int)length, command);
}

/* slabrec's own arguments stay, but for the number of a process. */
static const char *without_pids(struct model *model, const char *command)
{
	static const char *const options[] = {" -p ", " -t ", " --pid ", " --tid ", " --pid=", " --tid="};
	const char *text = command;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *at = strstr(text, options[i]);
		size_t begin = at ? (size_t)(at - text) + strlen(options[i]) : 0, digits = at ? strspn(text + begin, "0123456789") : 0;

		if (!digits)
			continue;
		text = arena_format(&model->arena, "%.*s[pid]%s", (int)begin, text, text + begin + digits);
		model->redaction.counts[REDACTED_PROCESSES]++;
	}
	return text;
}

static void redact_facts(struct redactor *redactor)
{
	struct model *model = redactor->model;

	for (uint32_t i = 0; i < model->fact_count;) {
		struct model_fact *fact = &model->facts[i];

		if (!strcmp(fact->key, "host.name")) {
			drop_fact(model, i, REDACTED_HOSTS);
			continue;
		}
		if (!strcmp(fact->key, "start.realtime_ns")) {
			drop_fact(model, i, REDACTED_TIMES);
			continue;
		}
		if (!strcmp(fact->key, "filter.pid") || !strcmp(fact->key, "filter.tid")) {
			fact->value = "[pid]";
			model->redaction.counts[REDACTED_PROCESSES]++;
		} else if (!strcmp(fact->key, "workload.command")) {
			fact->value = command_name(model, fact->value);
		} else if (!strcmp(fact->key, "recorder.command")) {
			fact->value = without_pids(model, fact->value);
		}
		/* A build-id names a build that others have as well. */
		if (strcmp(fact->key, "kernel.build_id"))
			redact(redactor, &fact->value);
		redact(redactor, &fact->key);
		i++;
	}
}

static void redact_capture(struct redactor *redactor)
{
	struct model *model = redactor->model;

	redact_facts(redactor);
	for (uint32_t i = 0; i < model->counter_count; i++)
		redact(redactor, &model->counters[i].key);
	for (uint32_t i = 0; i < model->note_count; i++)
		redact(redactor, &model->notes[i]);
	for (uint32_t i = 0; i < model->probe_count; i++) {
		struct model_probe *probe = &model->probes[i];

		redact(redactor, &probe->event);
		redact(redactor, &probe->function);
		redact(redactor, &probe->role);
		redact(redactor, &probe->definition);
		redact(redactor, &probe->filter);
	}
	for (uint32_t i = 0; i < model->cache_count; i++) {
		redact(redactor, &model->caches[i].name);
		redact(redactor, &model->caches[i].requested);
		redact(redactor, &model->caches[i].aliases);
	}
	for (uint32_t i = 0; i < model->object_count; i++) {
		redact(redactor, &model->objects[i].name);
		redact(redactor, &model->objects[i].problem);
	}
}

/* Whether any function has another name now. */
static bool redact_frames(struct redactor *redactor)
{
	struct model *model = redactor->model;
	bool has_renamed = false;

	for (uint32_t i = 0; i < model->frame_count; i++) {
		struct model_frame *frame = &model->frames[i];

		redact(redactor, &frame->function);
		redact(redactor, &frame->module);
		redact(redactor, &frame->path);
		redact(redactor, &frame->source_file);
		const char *label = model_frame_label(model, frame);
		has_renamed |= strcmp(label, frame->label);
		frame->label = label;
	}
	return has_renamed;
}

/* Numbers of processes in the order in which the report tells of them; of more than are shown anywhere the number does not matter. */
static int32_t ordinal(struct redactor *redactor, int32_t pid)
{
	uint64_t key = (uint64_t)(uint32_t)pid + 1;
	uint64_t *number = u64_map_find(&redactor->pids, key);

	if (number || redactor->pids.count == PIDS_MAX)
		return number ? (int32_t)*number : 0;
	number = u64_map_put(&redactor->pids, key);
	redactor->failed |= !number;
	if (number)
		*number = redactor->pids.count;
	return (int32_t)redactor->pids.count;
}

static void redact_tasks(struct redactor *redactor, const struct model_site *site, enum redaction_level level)
{
	for (uint32_t i = 0; i < site->task_count; i++) {
		struct model_task *task = &site->tasks[i];

		if (task->processes)
			task->pid = ordinal(redactor, task->pid);
		redact(redactor, &task->comm);
		if (level == REDACTION_STRICT) {
			task->comm = arena_format(&redactor->model->arena, "task %u", i + 1);
			redactor->model->redaction.counts[REDACTED_TASK_NAMES]++;
		}
	}
}

/* Tasks of sites lie all over the memory: these are on their way when their turn comes. */
static void expect_tasks(const struct model *model, uint32_t site)
{
	const struct model_task *tasks = site < model->site_count ? model->sites[site].tasks : NULL;

	for (uint32_t i = 0; tasks && i < model->sites[site].task_count; i++)
		fetch(&tasks[i]);
}

static void redact_people(struct redactor *redactor, enum redaction_level level)
{
	struct model *model = redactor->model;

	for (uint32_t i = 0; i < model->site_count; i++) {
		struct model_site *site = &model->sites[i];

		expect_tasks(model, i + SITES_AHEAD);
		redact_tasks(redactor, site, level);
		for (uint32_t j = 0; j < site->cgroup_count; j++)
			redact(redactor, &site->cgroups[j].path);
		if (level == REDACTION_STRICT) {
			model->redaction.counts[REDACTED_CGROUPS] += site->cgroup_count;
			site->cgroup_count = site->cgroup_paths = 0;
		}
	}
	model->redaction.counts[REDACTED_PROCESSES] += (uint32_t)redactor->pids.count;
}

/* User frames are outermost: what is left of a stack hangs from the root. */
static int drop_user_stacks(struct model *model)
{
	CLEANUP(cleanup_free) uint32_t *nodes = calloc(model->node_count + 1, sizeof(*nodes));
	CLEANUP(cleanup_free) uint32_t *frames = calloc(model->frame_count + 1, sizeof(*frames));
	uint32_t frame_count = 0, node_count = 1, object_count = 0;

	if (!nodes || !frames)
		return -ENOMEM;
	for (uint32_t i = 0; i < model->frame_count; i++) {
		frames[i] = frame_count;
		model->redaction.counts[REDACTED_USER_FRAMES] += model->frames[i].is_user;
		if (!model->frames[i].is_user)
			model->frames[frame_count++] = model->frames[i];
		else
			frames[i] = UINT32_MAX;
	}
	for (uint32_t i = 1; i < model->node_count; i++) {
		struct model_node node = model->nodes[i];

		nodes[i] = nodes[node.parent];
		if (frames[node.frame] == UINT32_MAX)
			continue;
		nodes[i] = node_count;
		model->nodes[node_count++] = (struct model_node){.parent = nodes[node.parent], .frame = frames[node.frame]};
	}
	for (uint32_t i = 0; i < model->object_count; i++)
		if (model->objects[i].kind != SYMBOL_OBJECT_FILE)
			model->objects[object_count++] = model->objects[i];
	model->frame_count = frame_count;
	model->node_count = node_count;
	model->object_count = object_count;
	for (uint32_t i = 0; i < model->site_count; i++) {
		model->sites[i].node = nodes[model->sites[i].node];
		for (uint32_t j = 0; j < model->sites[i].freed_by_count; j++)
			model->sites[i].freed_by[j].node = nodes[model->sites[i].freed_by[j].node];
	}
	return 0;
}

/* Nobody knows what they hold. That they are missing is told where notes are. */
static void drop_contents(struct model *model)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < model->site_count; i++) {
		count += model->sites[i].content_count;
		model->sites[i].content_count = 0;
	}
	model->redaction.counts[REDACTED_CONTENTS] += count;
	const char **notes = count ? arena_array(&model->arena, model->note_count + 1, sizeof(*notes)) : NULL;
	if (!notes)
		return;
	memcpy(notes, model->notes, model->note_count * sizeof(*notes));
	notes[model->note_count++] = arena_format(
		&model->arena, "The first bytes of %u live objects were recorded (--peek) and are left out here: slabreport --redact none shows them.",
		count);
	model->notes = notes;
}

static void name_again(struct model *model)
{
	for (uint32_t i = 0; i < model->site_count; i++) {
		model_name_site(model, &model->sites[i]);
		for (uint32_t j = 0; j < model->sites[i].freed_by_count; j++)
			model->sites[i].freed_by[j].name = model_stack_name(model, model->sites[i].freed_by[j].node);
	}
}

int redact_model(struct model *model, enum redaction_level level, struct error *err)
{
	CLEANUP(redactor_release) struct redactor redactor = {.model = model};
	int ret = 0;

	model->redaction.counts[REDACTED_ADDRESSES] = model->integrity.redacted_addresses;
	if (model->redaction.level >= level)
		return 0;
	redact_capture(&redactor);
	drop_contents(model);
	bool has_renamed = redact_frames(&redactor);
	redact_people(&redactor, level);
	if (level == REDACTION_STRICT)
		ret = drop_user_stacks(model);
	if (has_renamed || level == REDACTION_STRICT)
		name_again(model);
	model->integrity.redacted_addresses = model->redaction.counts[REDACTED_ADDRESSES];
	model->redaction.level = level;
	if (ret || redactor.failed || model->arena.failed)
		return error_set(err, -ENOMEM, "not enough memory to redact the report");
	return 0;
}

static const char *const level_names[] = {"none", "public", "strict"};

const char *redaction_level_name(enum redaction_level level)
{
	return level < REDACTION_LEVELS ? level_names[level] : "";
}

bool redaction_level_find(const char *name, enum redaction_level *level)
{
	for (enum redaction_level i = 0; i < REDACTION_LEVELS; i++)
		if (!strcmp(level_names[i], name)) {
			*level = i;
			return true;
		}
	return false;
}

const char *redaction_what_name(enum redaction_what what)
{
	static const char *const names[] = {
		[REDACTED_ADDRESSES] = "kernel addresses", [REDACTED_HARDWARE] = "hardware addresses", [REDACTED_UUIDS] = "UUIDs",
		[REDACTED_IDS] = "ids of machines and containers", [REDACTED_PATHS] = "folders", [REDACTED_HOSTS] = "host names",
		[REDACTED_PROCESSES] = "process ids", [REDACTED_ARGUMENTS] = "arguments of commands", [REDACTED_TIMES] = "times of day",
		[REDACTED_USER_FRAMES] = "user frames", [REDACTED_TASK_NAMES] = "task names", [REDACTED_CGROUPS] = "cgroups",
		[REDACTED_CONTENTS] = "contents of objects"};

	return what < REDACTED_COUNT ? names[what] : "";
}
