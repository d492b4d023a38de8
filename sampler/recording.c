/*
 * The order of things: what is opened before what, when probes go on and off, and what is written at the end. The steps themselves
 * live in files of their own.
 */
#include "sampler/recording.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sampler/explain.h"
#include "sampler/facts.h"
#include "sampler/recording_state.h"
#include "sampler/text_file.h"
#include "sampler/work_count.h"
#include "trace/cleanup.h"

/* How long a record may stay on its way into a ring while others overtake it. */
#define HOLD_BACK_NS 50000000u
/* After memory was asked back: how long no free makes the end, and how long it is waited for at most. */
#define RECLAIM_QUIET_NS 1000000000u
#define RECLAIM_LONGEST_NS 10000000000u
#define TICK_MS 100
/* After the end a signal means impatience, no earlier. */
#define PATIENCE_NS 2000000000u
/* A fraction of a millisecond: rings are emptied as often. */
#define RECORDS_AT_A_TIME 1024u
#define START_POLL_MS 1000
#define DURATION_REASON "the time was over"
/* Rings and events of the source that has fewest, and what else is open. */
#define FILES_LEAST 16u
#define FILES_LEAST_PER_CPU 8u
#define FLUSH_EVERY_NS 1000000000u
#define WEIGH_EVERY_NS 1000000000u
#define VERIFY_EVERY_NS 60000000000ull
/* What the end of a trace adds: totals, probes and counters; for each live object its address; for each user frame its name. */
#define CLOSING_BYTES 8192u
#define LIVE_BYTES 6u
#define USER_SYMBOL_BYTES 24u

/* ---- what to record ---- */

static int select_caches(struct recording *recording, struct error *err)
{
	int ret = slab_cache_list_read(&recording->all, err);

	for (size_t i = 0; i < recording->options->cache_count && !ret; i++)
		ret = slab_cache_select(&recording->all, recording->options->caches[i], &recording->selected, err);
	slab_cache_list_finish(&recording->selected);
	slab_cache_list_detail(&recording->selected);
	return ret;
}

static int open_target(struct recording *recording, struct error *err)
{
	char *mounts CLEANUP(cleanup_free) = text_file_read("/proc/self/mounts", NULL);

	cgroup_table_init(&recording->cgroups, NULL, mounts);
	return target_open(&recording->target, recording->options, &recording->cgroups, err);
}

/* ---- the run ---- */

static int open_signals(struct recording *recording, struct error *err)
{
	struct sigaction hangup;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	/* Under nohup it is to be ignored, and a signalfd gets ignored signals as well. */
	if (sigaction(SIGHUP, NULL, &hangup) || hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	recording->end_signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	sigaddset(&set, SIGCHLD);
	if (recording->options->snapshot_signal)
		sigaddset(&set, recording->options->snapshot_signal);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A reader of -o - that goes away, or a file size limit, is a failed write, not a death. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	recording->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return recording->signals < 0 ? error_set(err, -errno, "signalfd: %m") : 0;
}

/* A signal that came and asks us to end; 0 none. */
static int take_signal(struct recording *recording)
{
	struct signalfd_siginfo info;
	int signal_number = 0;

	while (read(recording->signals, &info, sizeof(info)) == sizeof(info)) {
		if ((int)info.ssi_signo == recording->options->snapshot_signal)
			snapshots_ask(&recording->snapshots, recording_clock_ns());
		else if (info.ssi_signo != SIGCHLD)
			signal_number = (int)info.ssi_signo;
	}
	return signal_number;
}

/*
 * True where what is written, with what the end will add, has the size that was asked for. What waits for its block is written first,
 * where it could make the difference: nobody knows how small it gets.
 */
static bool has_max_size(struct recording *recording)
{
	uint64_t wanted = recording->options->max_size_bytes;
	uint64_t closing = CLOSING_BYTES + recording->recorder.live.live_count * LIVE_BYTES +
			   recording->stacks.user_frames.count * USER_SYMBOL_BYTES;
	if (recording->recorder.digest)
		closing += digest_closing_bytes(recording->recorder.digest, &recording->recorder.live);

	if (!wanted || trace_writer_bytes(recording->writer) + trace_writer_gathered_bytes(recording->writer) + closing < wanted)
		return false;
	/* Its error is met again by the next one who writes. */
	trace_writer_flush(recording->writer, NULL);
	return trace_writer_bytes(recording->writer) + closing >= wanted;
}

/* A quarter of the machine's, unless told: whoever looks for a leak must not be the one that fills the memory. */
static uint64_t max_memory_bytes(const struct options *options)
{
	if (options->max_memory_bytes)
		return options->max_memory_bytes;
	return (uint64_t)sysconf(_SC_PHYS_PAGES) / 4 * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Our own memory, without files, programs and the rings. */
static bool has_max_memory(struct recording *recording)
{
	unsigned long long resident = 0, shared = 0;
	uint64_t now_ns = recording_clock_ns();
	char line[128];

	if (now_ns - recording->weighed_ns < WEIGH_EVERY_NS)
		return false;
	recording->weighed_ns = now_ns;
	if (text_file_line("/proc/self/statm", line, sizeof(line)) || sscanf(line, "%*u %llu %llu", &resident, &shared) != 2)
		return false;
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) >= max_memory_bytes(recording->options);
}

/* Why the recording ends by a limit that was set beforehand; NULL: it does not. */
static const char *reached_limit(struct recording *recording)
{
	const struct options *options = recording->options;

	if (options->duration_ns && recording_clock_ns() - recording->start_ns >= options->duration_ns)
		return DURATION_REASON;
	if (has_max_size(recording))
		return "reached --max-size";
	if (has_max_memory(recording))
		return options->max_memory_bytes ? "reached --max-memory" : "reached a quarter of the machine's memory (--max-memory)";
	return NULL;
}

static bool should_stop(struct recording *recording)
{
	recording->stop_signal = take_signal(recording);
	if (recording->stop_signal)
		recording->stop_reason = strsignal(recording->stop_signal);
	else if (recording->options->command && workload_has_ended(&recording->workload))
		recording->stop_reason = "the command ended";
	else
		recording->is_limit_reached = (recording->stop_reason = reached_limit(recording)) != NULL;
	return recording->stop_reason;
}

static uint64_t lost_count(const struct recording *recording)
{
	uint64_t lost = 0;

	for (size_t ring = 0; ring < TRACE_RING_COUNT; ring++)
		lost += recording->recorder.counts.lost[ring];
	return lost;
}

/*
 * Takes what is in the rings; records up to horizon_ns become events. Rings are emptied again and again in between, so that they need
 * not be large; when too much waits to become events they are left to overflow, and the loss is counted.
 */
static int take_until(struct recording *recording, uint64_t horizon_ns, struct error *err)
{
	bool has_left;
	int ret;

	do {
		has_left = !probe_session_may_drain(&recording->session, &recording->order);
		ret = has_left ? 0 : probe_session_drain(&recording->session, &recording->order);
		if (!ret)
			ret = time_order_run(&recording->order, horizon_ns, RECORDS_AT_A_TIME, recorder_take,
					     &recording->recorder);
	} while (ret > 0 || (!ret && has_left && probe_session_may_drain(&recording->session, &recording->order)));
	return ret ? error_set(err, ret, "recording: %s", strerror(-ret)) : 0;
}

/* The same; where modules went by then, what is before and after is told apart. */
static int take_records(struct recording *recording, uint64_t horizon_ns, struct error *err)
{
	struct module_watch *watch = &recording->module_watch;
	int ret = 0;

	if (module_watch_look(watch))
		kernel_image_module_came(&recording->kernel);
	while (!ret && watch->gone_count && watch->gone[0].time_ns <= horizon_ns) {
		ret = take_until(recording, watch->gone[0].time_ns, err);
		kernel_image_module_gone(&recording->kernel, watch->gone[0].name);
		stack_table_forget_chains(&recording->stacks);
		module_watch_forget(watch);
	}
	return ret ? ret : take_until(recording, horizon_ns, err);
}

static void settle_lost(struct recording *recording)
{
	for (size_t cpu = 0; cpu < recording->session.cpus.count; cpu++)
		for (enum trace_ring ring = TRACE_RING_ALLOC; ring <= TRACE_RING_FREE; ring++)
			recorder_settle_lost(&recording->recorder, (uint32_t)recording->session.cpus.cpus[cpu], ring,
					     probe_session_lost(&recording->session, cpu, ring), recording->end_ns);
}

/* All that a trace has behind its events, when the probes' totals are gathered. */
static int write_end(struct recording *recording, struct error *err)
{
	uint64_t misses = 0;

	recording_write_probes(recording, &misses);
	trace_writer_counter(recording->writer, "probe_misses", misses);
	trace_writer_fact(recording->writer, "stop.reason", recording->stop_reason);
	stack_table_write_user_symbols(&recording->stacks);
	int ret = recorder_finish(&recording->recorder, recording->order.out_of_order, err);
	return ret ? ret : trace_writer_end(recording->writer, recording->end_ns - recording->start_ns, err);
}

/* ---- snapshots ---- */

/* In the child: ends the trace of that moment in a file of its own. 0, or the status to exit with. */
static int write_snapshot(struct recording *recording, uint64_t moment_ns, uint64_t file_bytes)
{
	struct snapshot snapshot;
	struct error err = {0};
	char live[32], size[32];

	recording->end_ns = moment_ns;
	recording->stop_reason = "a snapshot; the recording went on";
	int ret = snapshot_open(&snapshot, &recording->output, file_bytes, recording->snapshots.number, &err);
	if (!ret) {
		trace_writer_redirect(recording->writer, snapshot_write, &snapshot);
		recording_write_census(recording, TRACE_CENSUS_END);
		settle_lost(recording);
		ret = recording_gather_totals(recording, &err);
	}
	probe_session_leave(&recording->session);
	snapshots_leave(&recording->snapshots);
	if (!ret)
		ret = write_end(recording, &err);
	if (!ret)
		ret = output_commit(&snapshot.output, &err);
	progress_end(&recording->progress);
	if (ret)
		fprintf(stderr, "slabrec: snapshot %u: %s\n", recording->snapshots.number, err.message);
	else if (!recording->options->is_quiet)
		fprintf(stderr, "slabrec: snapshot %s.%u: %s live, %s bytes\n", recording->output.path, recording->snapshots.number,
			progress_number(recording->recorder.live.live_count, live),
			progress_number(trace_writer_bytes(recording->writer), size));
	output_close(&snapshot.output);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Everything up to the moment that was asked for is in events. What goes wrong with a snapshot does not end the recording. */
static int take_snapshot(struct recording *recording, struct error *err)
{
	struct snapshots *snapshots = &recording->snapshots;
	uint64_t moment_ns = snapshots->asked_ns;
	int ret = trace_writer_flush(recording->writer, err);

	if (ret)
		return ret;
	int pid = snapshots_fork(snapshots, recording->output.path);
	if (!pid)
		_exit(write_snapshot(recording, moment_ns, trace_writer_bytes(recording->writer)));
	if (pid < 0) {
		progress_end(&recording->progress);
		fprintf(stderr, "slabrec: snapshot %u: %s\n", snapshots->number, strerror(-pid));
	}
	return 0;
}

/* Records up to horizon_ns become events; a snapshot that is due by then is taken of exactly its moment. */
static int take_records_to(struct recording *recording, uint64_t horizon_ns, struct error *err)
{
	struct snapshots *snapshots = &recording->snapshots;

	/* One at a time: the next is of the moment when it can be. */
	if (snapshots_is_busy(snapshots, false) && snapshots->asked_ns)
		snapshots->asked_ns = recording_clock_ns();
	if (!snapshots->asked_ns || horizon_ns < snapshots->asked_ns)
		return take_records(recording, horizon_ns, err);
	int ret = take_records(recording, snapshots->asked_ns, err);
	return ret ? ret : take_snapshot(recording, err);
}

static int tick_ms(const struct recording *recording)
{
	uint64_t duration_ns = recording->options->duration_ns;
	uint64_t past_ns = recording_clock_ns() - recording->start_ns;

	if (!duration_ns || past_ns + TICK_MS * 1000000ull < duration_ns)
		return TICK_MS;
	return past_ns < duration_ns ? (int)((duration_ns - past_ns) / 1000000) + 1 : 0;
}

static int record_until_stopped(struct recording *recording, struct error *err)
{
	int ret = 0;

	while (!ret && !should_stop(recording)) {
		probe_session_wait(&recording->session, recording->signals, tick_ms(recording));
		uint64_t now_ns = recording_clock_ns();
		recording_grant_copies(recording, now_ns);
		ret = recording_follow_cpus(recording, now_ns, err);
		if (!ret)
			ret = take_records_to(recording, now_ns - HOLD_BACK_NS, err);
		if (!ret && now_ns - recording->flushed_ns >= FLUSH_EVERY_NS) {
			recording->flushed_ns = now_ns;
			probe_session_trim(&recording->session, &recording->order);
			ret = recording_date_misses(recording, err);
			if (!ret)
				ret = trace_writer_flush(recording->writer, err);
		}
		if (recording_is_census_due(recording, now_ns)) {
			recording_write_census(recording, TRACE_CENSUS_INTERVAL);
			recording->census_count++;
		}
		if (now_ns - recording->verified_ns >= VERIFY_EVERY_NS) {
			recording->verified_ns = now_ns;
			process_table_verify(&recording->processes, now_ns);
		}
		progress_show(&recording->progress, now_ns - recording->start_ns, recorder_events(&recording->recorder),
			      recording->recorder.live.live_count, lost_count(recording));
	}
	return ret;
}

static int start(struct recording *recording, struct error *err)
{
	const struct options *options = recording->options;
	int ret = 0;

	/* With --start-when it runs already. */
	if (options->command && !options->start_when.text)
		ret = workload_start(&recording->workload, options->command, !recording->output.path,
				     &recording->file_limit, err);
	if (!ret)
		ret = probe_session_enable_tasks(&recording->session, err);
	/* Before the first event, so that it is in none. */
	if (!ret && options->work_command)
		ret = work_count_ask(options->work_command, &recording->file_limit, &recording->work_before, err);
	if (!ret && cgroup_table_scan(&recording->cgroups))
		ret = error_set(err, -ENOMEM, "cgroups: out of memory");
	if (!ret && (process_table_scan(&recording->processes) || recording_tell_processes(recording)))
		ret = error_set(err, -ENOMEM, "/proc: out of memory");
	if (ret)
		return ret;
	recording->start_ns = recording->recorder.start_ns = recording->flushed_ns = recording->verified_ns = recording_clock_ns();
	recording->cpus_checked_ns = recording->start_ns;
	recording->unwinding_ns = UNWINDING_AHEAD_NS;
	recording_write_census(recording, TRACE_CENSUS_START);
	ret = probe_session_enable(&recording->session, err);
	if (!ret)
		recording_grant_copies(recording, recording_clock_ns());
	if (!ret && options->command)
		workload_release(&recording->workload);
	return ret;
}

static uint64_t dying_from_ns;

/* Pressing Ctrl-C twice says no more than once. */
static void die(int number)
{
	if (recording_clock_ns() < dying_from_ns)
		return;
	signal(number, SIG_DFL);
	raise(number);
}

/* From here on nothing is left behind by dying: another Ctrl-C, a while after the end, does it, and the trace stays under its interim name. */
static void allow_dying(struct recording *recording)
{
	struct sigaction action = {.sa_handler = die, .sa_flags = SA_RESTART};
	sigset_t set;

	take_signal(recording); /* those that came until now asked for what is happening */
	dying_from_ns = recording->end_ns + PATIENCE_NS;
	sigemptyset(&set);
	for (const int *number = (const int[]){SIGINT, SIGQUIT, SIGTERM, SIGHUP, 0}; *number; number++) {
		sigaction(*number, &action, NULL);
		sigaddset(&set, *number);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* One that was asked for just before the end is still taken. */
static int finish_snapshots(struct recording *recording, struct error *err)
{
	int ret = 0;

	if (recording->snapshots.asked_ns) {
		snapshots_is_busy(&recording->snapshots, true);
		recording->snapshots.asked_ns = recording->end_ns;
		ret = take_snapshot(recording, err);
	}
	snapshots_wait_left(&recording->snapshots);
	return ret;
}

static void write_snapshot_counts(struct recording *recording)
{
	if (!recording->options->snapshot_signal)
		return;
	snapshots_is_busy(&recording->snapshots, true);
	trace_writer_counter(recording->writer, "snapshots", recording->snapshots.written);
	trace_writer_counter(recording->writer, "snapshots_failed", recording->snapshots.failed);
}

/* How much work was done. Events are off, but with --reclaim, where those of now are in no number. */
static void write_work(struct recording *recording)
{
	const struct options *options = recording->options;
	uint64_t units = options->work_units, after = 0;
	struct error err = {0};

	if (options->work_command && !work_count_ask(options->work_command, &recording->file_limit, &after, &err)) {
		units = after - recording->work_before;
		if (after < recording->work_before)
			error_set(&err, -ERANGE, "--work-cmd %.100s: went down from %" PRIu64 " to %" PRIu64, options->work_command,
				  recording->work_before, after);
	}
	if (!err.code && (options->work_command || units))
		trace_writer_counter(recording->writer, "work", units);
	if (!err.code)
		return;
	trace_writer_note(recording->writer, err.message);
	progress_end(&recording->progress);
	fprintf(stderr, "slabrec: %s; the trace does not tell how much work was done\n", err.message);
}

static void tell_busy_probes(struct recording *recording)
{
	const struct tracefs *tracefs = &recording->tracefs;
	char note[320];

	if (!tracefs->busy_count)
		return;
	snprintf(note, sizeof(note),
		 "%u of slabrec's probe events stay defined (%s): another tracer has enabled them. The next start of slabrec removes them when it does no more.",
		 tracefs->busy_count, tracefs->busy);
	trace_writer_note(recording->writer, note);
	progress_end(&recording->progress);
	fprintf(stderr, "slabrec: %s\n", note);
}

static int take_for_a_while(struct recording *recording, struct error *err)
{
	probe_session_wait(&recording->session, recording->signals, TICK_MS);
	uint64_t now_ns = recording_clock_ns();
	int ret = recording_follow_cpus(recording, now_ns, err);
	if (!ret)
		ret = take_records(recording, now_ns - HOLD_BACK_NS, err);
	return ret ? ret : trace_writer_flush(recording->writer, err);
}

static void tell_reclaim(struct recording *recording)
{
	char note[400];

	snprintf(note, sizeof(note), "Recorded with --reclaim: after the end the page cache, dentries and inodes were dropped and the caches shrunk.%s%.200s",
		 *recording->reclaim.problem ? " That went wrong: " : "", recording->reclaim.problem);
	trace_writer_note(recording->writer, note);
	if (!*recording->reclaim.problem)
		return;
	progress_end(&recording->progress);
	fprintf(stderr, "slabrec: --reclaim: %s\n", recording->reclaim.problem);
}

/*
 * The measured part is over: asks for memory back and takes what is freed, until nothing is for a while. Objects that the kernel frees
 * after a grace period come some time later. A signal ends the wait.
 */
static int reclaim(struct recording *recording, struct error *err)
{
	uint64_t end_ns = recording_clock_ns(), done_ns = 0, freed_ns = 0, frees = 0;
	int ret;

	recording_write_census(recording, TRACE_CENSUS_END);
	write_work(recording);
	do
		ret = take_for_a_while(recording, err);
	while (!ret && recording_clock_ns() < end_ns + 2 * HOLD_BACK_NS);
	if (ret)
		return ret;
	trace_writer_reclaim(recording->writer, &(struct trace_reclaim){.time_ns = end_ns - recording->start_ns});
	ret = reclaim_start(&recording->reclaim, &recording->selected, err);
	while (!ret && !take_signal(recording)) {
		ret = take_for_a_while(recording, err);
		uint64_t now_ns = recording_clock_ns(), so_far = recording->recorder.counts.frees + recording->recorder.counts.frees_older;

		if (so_far != frees || !freed_ns)
			freed_ns = now_ns;
		frees = so_far;
		if (!done_ns && reclaim_is_done(&recording->reclaim))
			done_ns = now_ns;
		if (done_ns && (now_ns - freed_ns > RECLAIM_QUIET_NS || now_ns - done_ns > RECLAIM_LONGEST_NS))
			break;
	}
	reclaim_wait(&recording->reclaim);
	tell_reclaim(recording);
	recording_write_census(recording, TRACE_CENSUS_INTERVAL);
	return ret;
}

/* Events are off: an object that is freed from now on is live in the trace, and its memory may be another's. */
static void peek(struct recording *recording)
{
	struct peek *from = &recording->peek;
	bool was_open = from->kcore.fd >= 0;
	char note[400];

	if (!from->size_bytes)
		return;
	peek_write(from, &recording->recorder.live, &recording->selected, recording->writer);
	trace_writer_counter(recording->writer, "peeked", from->peeked);
	trace_writer_counter(recording->writer, "peek_failed", from->failed);
	if (!*from->problem)
		return;
	snprintf(note, sizeof(note), "--peek: contents of %s could not be read: %.200s", from->peeked ? "some objects" : "objects", from->problem);
	trace_writer_note(recording->writer, note);
	/* What was wrong from the beginning was told then. */
	if (was_open) {
		progress_end(&recording->progress);
		fprintf(stderr, "slabrec: %s\n", note);
	}
}

static int finish(struct recording *recording, struct error *err)
{
	int ret = recording->options->is_reclaim ? reclaim(recording, err) : 0;

	probe_session_disable(&recording->session);
	if (ret)
		return ret;
	recording->end_ns = recording_clock_ns();
	if (!recording->options->is_reclaim) {
		recording_write_census(recording, TRACE_CENSUS_END);
		write_work(recording);
	}
	ret = take_records(recording, UINT64_MAX, err);
	if (ret)
		return ret;
	peek(recording);
	ret = recording_date_misses(recording, err);
	if (ret)
		return ret;
	ret = finish_snapshots(recording, err);
	if (ret)
		return ret;
	settle_lost(recording);
	ret = recording_gather_totals(recording, err);
	if (ret)
		return ret;
	probe_session_close(&recording->session);
	tell_busy_probes(recording);
	allow_dying(recording);
	write_snapshot_counts(recording);
	return write_end(recording, err);
}

static void summarize(const struct recording *recording)
{
	const struct recorder_counts *counts = &recording->recorder.counts;
	uint64_t events = recorder_events(&recording->recorder);
	uint64_t bytes = trace_writer_bytes(recording->writer);
	char allocs[32], frees[32], live[32], lost[32], size[32], why[WHY_BYTES];

	if (recording->options->is_quiet)
		return;
	if (recording->options->source == SOURCE_AUTO && recording->source != SOURCE_BPF && !recording->options->without_bpf)
		fprintf(stderr, "slabrec: source %s: %s\n", source_name(recording->source),
			recording_source_why(recording, why, sizeof(why)));
	if (recording->is_limit_reached && strcmp(recording->stop_reason, DURATION_REASON))
		fprintf(stderr, "slabrec: the recording was ended: %s\n", recording->stop_reason);
	fprintf(stderr, "slabrec: %s allocations, %s frees, %s live, %s lost in %.1f s; %s bytes",
		progress_number(counts->allocs, allocs), progress_number(counts->frees + counts->frees_implied, frees),
		progress_number(recording->recorder.live.live_count, live), progress_number(lost_count(recording), lost),
		(double)(recording->end_ns - recording->start_ns) / 1e9, progress_number(bytes, size));
	if (recording->output.path)
		fprintf(stderr, " in %s", recording->output.path);
	if (events)
		fprintf(stderr, " (%.1f an event)", (double)bytes / (double)events);
	fprintf(stderr, "%s%s%s\n", recording->output.has_kept_old ? "; the old one is " : "",
		recording->output.has_kept_old ? recording->output.path : "", recording->output.has_kept_old ? ".old" : "");
}

/* What the shell gets: the command's status; ours where a signal ended it. */
static int exit_status(struct recording *recording)
{
	const struct options *options = recording->options;

	if (!options->command)
		return 0;
	workload_stop(&recording->workload);
	if (!recording->workload.has_ended)
		return 128 + (recording->stop_signal ? recording->stop_signal : SIGTERM);
	/* It ended by the SIGTERM that we sent when the limit was reached, as agreed. */
	if (recording->is_limit_reached && recording->workload.status == 128 + SIGTERM)
		return 0;
	return recording->workload.status;
}

/* What is left running is not recorded, but the disk full or memory out keeps what there is. */
static int run(struct recording *recording, int *status, struct error *err)
{
	struct error later = {0};
	int ret = start(recording, err);

	if (!ret)
		ret = record_until_stopped(recording, err);
	if (!ret)
		ret = finish(recording, err);
	progress_end(&recording->progress);
	probe_session_close(&recording->session);
	if (recording->start_ns) {
		/* Everything is written: a late Ctrl-C shall not make it look otherwise. */
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		int commit = output_commit(&recording->output, ret ? &later : err);

		ret = ret ? ret : commit;
	}
	if (!ret)
		summarize(recording);
	*status = exit_status(recording);
	return ret;
}

/* Descriptors: probes x CPUs, and the files of user frames. Where no source can do with so few, half of what follows would seem missing. */
static int raise_file_limit(struct recording *recording, struct error *err)
{
	unsigned long least = FILES_LEAST + FILES_LEAST_PER_CPU * (unsigned long)sysconf(_SC_NPROCESSORS_ONLN);
	struct rlimit limit, wanted;

	if (getrlimit(RLIMIT_NOFILE, &recording->file_limit))
		return 0;
	limit = recording->file_limit;
	limit.rlim_cur = limit.rlim_max;
	wanted = limit;
	if (wanted.rlim_max < 65536)
		wanted.rlim_cur = wanted.rlim_max = 65536;
	/* Root in a container may lack CAP_SYS_RESOURCE. */
	if (!setrlimit(RLIMIT_NOFILE, &wanted))
		return 0;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max >= least)
		return 0;
	return error_set(err, -EMFILE, "%lu open files are too few, at least %lu are needed", (unsigned long)limit.rlim_max, least);
}

static void tell_probes(const struct recording *recording)
{
	char why[WHY_BYTES];

	if (!recording->options->is_verbose)
		return;
	fprintf(stderr, "slabrec: source %s: %s\n", source_name(recording->source), recording_source_why(recording, why, sizeof(why)));
	for (size_t i = 0; i < recording->selected.count; i++)
		fprintf(stderr, "slabrec: cache %s%s%s\n", recording->selected.caches[i].name,
			recording->selected.caches[i].aliases ? ", shared by " : "",
			recording->selected.caches[i].aliases ? recording->selected.caches[i].aliases : "");
	for (size_t i = 0; recording->target.sentences[i]; i++)
		fprintf(stderr, "slabrec: recorded are %s\n", recording->target.sentences[i]);
	for (size_t i = 0; i < recording->plan.count; i++) {
		const struct probe *probe = &recording->plan.probes[i];

		fprintf(stderr, "slabrec: %s: %s:%s %s %s %s if %s\n", probe_role_name(probe->role), probe->subsystem,
			probe->event, probe->kind, probe->function_name, probe->definition, *probe->filter ? probe->filter : "1");
	}
}

/* Where nothing is recorded the trace's own description goes nowhere. */
static int write_nowhere(void *context, const void *bytes, size_t size_bytes, struct error *err)
{
	(void)context;
	(void)bytes;
	(void)size_bytes;
	(void)err;
	return 0;
}

/* Opens what can fail before anything is recorded or waited for, in the order in which a person would want to hear of it. */
static int open_first(struct recording *recording, struct error *err)
{
	const struct options *options = recording->options;
	int ret = select_caches(recording, err);

	if (!ret)
		ret = open_target(recording, err);
	if (!ret && options->start_when.text)
		ret = start_condition_select(&recording->start_when, &recording->all, err);
	/* Before the first probe: whoever ends us then must not leave it behind. */
	if (!ret)
		ret = open_signals(recording, err);
	if (!ret)
		ret = tracefs_open(&recording->tracefs, err);
	if (ret)
		return ret;
	tracefs_sweep(&recording->tracefs);
	/* Before the probes are opened on the CPUs of that moment. */
	cpu_watch_open(&recording->cpu_watch);
	module_watch_open(&recording->module_watch);
	if (options->action == ACTION_EXPLAIN)
		return 0;
	ret = output_open(&recording->output, options->output, err);
	recording->output.signals = recording->end_signals;
	if (!ret && options->snapshot_signal && !recording->output.beside_path)
		ret = error_set(err, -EINVAL, "--snapshot-on: snapshots stand beside the trace: name a regular file with -o");
	return ret;
}

static int open_unwind(struct recording *recording, struct error *err)
{
	int ret = 0;

	if (recording->options->user_stacks == USER_STACKS_DWARF)
		ret = user_unwind_new(&recording->unwind, &recording->processes, &recording->files, err);
	recording->recorder.unwind = recording->unwind;
	return ret == -ENOTSUP ? 0 : ret;
}

/* Before anything is recorded, so that who cannot have it hears of that at once. */
static void open_peek(struct recording *recording)
{
	peek_open(&recording->peek, recording->options->peek_bytes, KCORE_PATH);
	if (!*recording->peek.problem)
		recording->recorder.peek = &recording->peek;
	else
		fprintf(stderr, "slabrec: --peek: %s; the recording goes on without contents\n", recording->peek.problem);
}

/* Opens the rest: from here on the trace is of now. */
static int open_all(struct recording *recording, struct error *err)
{
	const struct options *options = recording->options;
	int ret = trace_writer_new(&recording->writer, options->action == ACTION_EXPLAIN ? write_nowhere : output_write,
				   &recording->output, err);

	if (ret)
		return ret;
	facts_write_machine(recording->writer, options);
	recording_write_caches(recording);
	ret = kernel_image_init(&recording->kernel, recording->writer, err);
	if (ret)
		return ret;
	/* Without BTF positions of arguments come from the table. */
	if (options->name_offset == NAME_OFFSET_ANY)
		kernel_btf_new(&recording->btf, NULL);
	user_file_table_init(&recording->files, recording->writer);
	process_table_init(&recording->processes, recording->writer, &recording->files);
	recording->cgroups.writer = recording->writer;
	recording->processes.cgroups = &recording->cgroups;
	recording->processes.reads_cgroups = !recording->target.has_cgroup_ids;
	recording->processes.filter_pid = options->pid;
	recording->processes.is_namespaced = recording->target.is_namespaced;
	recording->processes.filter_tid = options->tid;
	recording->processes.merges_tasks = options->is_only_live;
	if (options->is_only_live)
		recorder_set_digest(&recording->recorder, &recording->digest);
	if (options->peek_bytes && options->action == ACTION_RECORD)
		open_peek(recording);
	recording->recorder.is_filtered = target_is_limited(&recording->target);
	stack_table_init(&recording->stacks, recording->writer, &recording->kernel, &recording->processes,
			 &recording->files);
	ret = open_unwind(recording, err);
	if (!ret)
		ret = recording_open_probes(recording, err);
	if (!ret) {
		recording_write_choices(recording);
		tell_probes(recording);
	}
	return ret;
}

/* ---- before the start ---- */

/* The command ended, or somebody asked us to: nothing was recorded, and the shell gets what it would without us. */
static bool is_over_before_start(struct recording *recording, int *status)
{
	const char *condition = recording->start_when.text;

	recording->stop_signal = take_signal(recording);
	bool has_command_ended = recording->options->command && workload_has_ended(&recording->workload);
	if (recording->snapshots.asked_ns)
		fprintf(stderr, "slabrec: no snapshot: nothing is recorded before %s\n", condition);
	recording->snapshots.asked_ns = 0;
	if (!recording->stop_signal && !has_command_ended)
		return false;
	progress_end(&recording->progress);
	fprintf(stderr, "slabrec: %s before %s: nothing was recorded\n",
		recording->stop_signal ? strsignal(recording->stop_signal) : "the command ended", condition);
	*status = recording->options->command ? exit_status(recording) : 128 + recording->stop_signal;
	return true;
}

/*
 * Waits for --start-when with no probe set. The command runs from now on, unrecorded: it may be what makes the condition true. *is_over:
 * the recording will not be, *status is the program's.
 */
static int wait_for_start(struct recording *recording, bool *is_over, int *status, struct error *err)
{
	const struct options *options = recording->options;
	const struct start_condition *condition = &recording->start_when;
	struct pollfd polled = {.fd = recording->signals, .events = POLLIN};
	const char *unit = condition->is_memory ? "bytes" : "objects";
	uint64_t began_ns = recording_clock_ns(), value = 0;
	char text[32];
	int ret = 0;

	if (options->command)
		ret = workload_start(&recording->workload, options->command, !recording->output.path,
				     &recording->file_limit, err);
	if (ret)
		return ret;
	workload_release(&recording->workload);
	while (!(*is_over = is_over_before_start(recording, status))) {
		ret = start_condition_measure(condition, &value);
		if (ret)
			return error_set(err, ret, "--start-when %s: %s", condition->text, strerror(-ret));
		if (start_condition_holds(condition, value))
			break;
		progress_wait(&recording->progress, condition->text, value, unit);
		poll(&polled, 1, START_POLL_MS);
	}
	recording->waited_ns = recording_clock_ns() - began_ns;
	progress_end(&recording->progress);
	if (!*is_over && !options->is_quiet)
		fprintf(stderr, "slabrec: %s: %s %s now, recording\n", condition->text, progress_number(value, text), unit);
	return 0;
}

static void connect(struct recording *recording)
{
	recorder_init(&recording->recorder, 0);
	recording->recorder.all = &recording->all;
	recording->recorder.selected = &recording->selected;
	recording->recorder.plan = &recording->plan;
	recording->recorder.processes = &recording->processes;
	recording->recorder.stacks = &recording->stacks;
	recording->recorder.kernel = &recording->kernel;
}

static void release(struct recording *recording)
{
	probe_session_close(&recording->session);
	tracefs_close(&recording->tracefs);
	workload_stop(&recording->workload);
	recorder_release(&recording->recorder);
	digest_release(&recording->digest);
	time_order_release(&recording->order);
	stack_table_release(&recording->stacks);
	user_unwind_free(recording->unwind);
	process_table_release(&recording->processes);
	cgroup_table_release(&recording->cgroups);
	target_close(&recording->target);
	user_file_table_release(&recording->files);
	kernel_image_release(&recording->kernel);
	kernel_btf_free(recording->btf);
	peek_close(&recording->peek);
	probe_plan_release(&recording->plan);
	snapshots_release(&recording->snapshots);
	free(recording->totals);
	free(recording->counts);
	free(recording->counted_cpus);
	miss_watch_release(&recording->miss_watch);
	cpu_watch_close(&recording->cpu_watch);
	module_watch_close(&recording->module_watch);
	trace_writer_free(recording->writer);
	output_close(&recording->output);
	start_condition_release(&recording->start_when);
	slab_cache_list_release(&recording->selected);
	slab_cache_list_release(&recording->all);
	for (size_t i = 0; i < recording->format_count; i++)
		free(recording->formats[i]);
	if (recording->signals >= 0)
		close(recording->signals);
	if (recording->end_signals >= 0)
		close(recording->end_signals);
}

static struct recording *recording_new(const struct options *options, struct error *err)
{
	struct recording *recording = calloc(1, sizeof(*recording));

	if (!recording) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	recording->options = options;
	recording->start_when = options->start_when;
	recording->signals = recording->end_signals = recording->output.signals = -1;
	recording->output.fd = -1;
	recording->workload.gate = recording->workload.pidfd = -1;
	recording->cpu_watch.socket = -1;
	recording->peek.kcore.fd = -1;
	snapshots_init(&recording->snapshots);
	connect(recording);
	if (!raise_file_limit(recording, err))
		return recording;
	free(recording);
	return NULL;
}

int recording_run(const struct options *options, int *status, struct error *err)
{
	struct recording *recording CLEANUP(cleanup_free) = recording_new(options, err);
	bool is_over = false;

	if (!recording)
		return err->code;
	progress_init(&recording->progress, options->is_quiet);
	int ret = open_first(recording, err);
	if (!ret && options->start_when.text)
		ret = wait_for_start(recording, &is_over, status, err);
	if (!ret && !is_over)
		ret = open_all(recording, err);
	if (!ret && !is_over) {
		recording->recorder.writer = recording->writer;
		recording->recorder.has_witnesses = recording_has_witnesses(recording);
		ret = run(recording, status, err);
	}
	release(recording);
	return ret;
}

static int explain(struct recording *recording, struct error *err)
{
	static const char *const name_offset_from[] = {
		[NAME_OFFSET_ANY] = NULL,
		[NAME_OFFSET_BTF] = "the kernel's types (BTF)",
		[NAME_OFFSET_DWARF] = "the kernel's debug file (DWARF)",
		[NAME_OFFSET_CHECKED] = "a probe that tried where cache names are",
	};
	struct explain_source sources[SOURCE_COUNT] = {{source_name(recording->source), recording->why[recording->source]}};
	struct probe_plan_facts facts = recording_plan_facts(recording);
	struct utsname kernel;
	size_t count = 1;

	/* Where one source was picked because the other cannot be had, that is said already. */
	for (enum source source = SOURCE_AUTO + 1; source < SOURCE_COUNT; source++)
		if (strcmp(recording->why[source], recording->why[recording->source]))
			sources[count++] = (struct explain_source){source_name(source), recording->why[source]};
	uname(&kernel);
	struct explain text = {
		.kernel = kernel.release,
		.sources = sources,
		.source_count = count,
		.name_offset_from = name_offset_from[recording->source == SOURCE_KPROBE ? recording->name_offset_from :
										  NAME_OFFSET_ANY],
		.filters = recording->target.sentences,
		.plan = &recording->plan,
		.facts = &facts,
		.user_stacks = recording_user_stacks(recording),
	};
	explain_write(&text, stdout);
	return fflush(stdout) || ferror(stdout) ? error_set(err, -EIO, "standard output: %m") : 0;
}

int recording_explain(const struct options *options, struct error *err)
{
	struct recording *recording CLEANUP(cleanup_free) = recording_new(options, err);

	if (!recording)
		return err->code;
	int ret = open_first(recording, err);
	if (!ret)
		ret = open_all(recording, err);
	if (!ret)
		ret = explain(recording, err);
	release(recording);
	return ret;
}

int recording_list_caches(const struct options *options, struct error *err)
{
	struct recording recording = {.options = options};
	int ret = select_caches(&recording, err);
	const struct slab_cache_list *shown = options->cache_count ? &recording.selected : &recording.all;

	if (!ret)
		printf("%-28s %9s %9s %12s  %s\n", "NAME", "OBJECT", "SLOT", "ACTIVE", "SHARED BY");
	for (size_t i = 0; i < shown->count && !ret; i++) {
		const struct slab_cache *cache = &shown->caches[i];
		struct slab_cache_census census = {0};

		slab_cache_count(cache, &census);
		printf("%-28s %9" PRIu32 " %9" PRIu32 " %12" PRIu64 "  %s\n", cache->name, cache->object_size_bytes,
		       cache->slab_size_bytes, census.active_objects, cache->aliases ? cache->aliases : "");
	}
	slab_cache_list_release(&recording.selected);
	slab_cache_list_release(&recording.all);
	return ret;
}
