/* Knows the fields of sched:sched_process_fork, which is told by the parent when the child has its number and has not run. */
#include "sampler/process_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "sampler/event_format.h"
#include "sampler/perf_ring.h"
#include "trace/cleanup.h"

#define PROCESSES_MAX 32768
#define KEY_AT (-8)
#define VALUE_AT (-16)

static void store_process(struct bpf_program *program, int key_at)
{
	bpf_program_call(program, BPF_FUNC_get_current_pid_tgid);
	bpf_program_alu_value(program, BPF_RSH, R0, 32);
	bpf_program_store(program, BPF_W, FP, key_at, R0);
}

void process_filter_write(const struct process_filter *filter, struct bpf_program *program, int key_at, bpf_program_label out)
{
	bpf_program_label not_in = bpf_program_new_label(program);
	bpf_program_label passes = bpf_program_new_label(program);

	store_process(program, key_at);
	bpf_program_look_up(program, filter->map, key_at, not_in);
	bpf_program_goto(program, passes);
	bpf_program_place(program, not_in);
	bpf_program_store_value(program, BPF_W, FP, key_at, 0);
	bpf_program_look_up(program, filter->map, key_at, out);
	bpf_program_load_from(program, BPF_W, R1, R0, 0);
	bpf_program_jump_value(program, BPF_JEQ, R1, 0, out);
	bpf_program_place(program, passes);
}

static int load_follower(struct process_filter *filter, struct event_field child, struct error *err)
{
	struct bpf_program program = {.count = 0};
	bpf_program_label out = bpf_program_new_label(&program);

	bpf_program_alu(&program, BPF_MOV, R6, R1);
	store_process(&program, KEY_AT);
	bpf_program_look_up(&program, filter->map, KEY_AT, out);
	bpf_program_load_from(&program, BPF_W, R1, R6, child.offset_bytes);
	bpf_program_store(&program, BPF_W, FP, KEY_AT, R1);
	bpf_program_store_value(&program, BPF_W, FP, VALUE_AT, 1);
	bpf_program_set_map(&program, R1, filter->map);
	bpf_program_add_to(&program, R2, FP, KEY_AT);
	bpf_program_add_to(&program, R3, FP, VALUE_AT);
	bpf_program_alu_value(&program, BPF_MOV, R4, BPF_ANY);
	bpf_program_call(&program, BPF_FUNC_map_update_elem);
	bpf_program_jump_value(&program, BPF_JEQ, R0, 0, out);
	/* No room: from now on nobody is left out here. */
	bpf_program_store_value(&program, BPF_W, FP, KEY_AT, 0);
	bpf_program_look_up(&program, filter->map, KEY_AT, out);
	bpf_program_store_value(&program, BPF_W, R0, 0, 1);
	bpf_program_place(&program, out);
	/* Others who have the tracepoint's samples still get them. */
	bpf_program_exit(&program, 1);
	filter->program = bpf_program_load_tracepoint(&program, "slabrec_fork", err);
	return filter->program < 0 ? filter->program : 0;
}

int process_filter_open(struct process_filter *filter, const struct tracefs *tracefs, struct error *err)
{
	const uint32_t nobody = 0, no = 0;
	char *format CLEANUP(cleanup_free) = NULL;
	uint64_t id;

	*filter = (struct process_filter){.map = -1, .program = -1, .event = -1};
	int ret = tracefs_event(tracefs, "sched", "sched_process_fork", &id, &format, err);
	if (ret)
		return ret;
	struct event_field child = event_format_field(format, "child_pid");
	if (child.size_bytes != sizeof(uint32_t))
		return error_set(err, -ENOTSUP, "tracepoint sched_process_fork has no child_pid");
	filter->map = bpf_program_map(BPF_MAP_TYPE_HASH, "slabrec_tasks", sizeof(uint32_t), sizeof(uint32_t), PROCESSES_MAX, 0, err);
	if (filter->map < 0)
		return filter->map;
	ret = bpf_program_map_set(filter->map, &nobody, &no);
	if (ret)
		return error_set(err, ret, "BPF map of processes: out of memory");
	ret = load_follower(filter, child, err);
	if (ret)
		return ret;
	filter->event = perf_event_run_program(id, filter->program, err);
	filter->is_on = filter->event >= 0;
	return filter->is_on ? 0 : filter->event;
}

void process_filter_close(struct process_filter *filter)
{
	int *const fds[] = {&filter->event, &filter->program, &filter->map};

	/* A zeroed one was never opened. */
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (*fds[i] > 0)
			close(*fds[i]);
	*filter = (struct process_filter){.map = -1, .program = -1, .event = -1};
}

void process_filter_add(void *context, int32_t pid)
{
	const struct process_filter *filter = context;
	const uint32_t nobody = 0, yes = 1;
	uint32_t key = (uint32_t)pid;

	if (bpf_program_map_set(filter->map, &key, &yes))
		bpf_program_map_set(filter->map, &nobody, &yes);
}
