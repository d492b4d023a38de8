#!/bin/sh
# Programs that keep exactly N objects and free exactly M: the trace says N and M, to the object, at the function that allocates.
set -u
. "$(dirname "$0")/library.sh"
need_recording

pipes=$(workload pipes)
messages=$(workload messages)
pipes_comm=$(basename "$pipes")
messages_comm=$(basename "$messages")

# nothing_missed TRACE WHAT
nothing_missed()
{
	same "$2: complete" complete "$(ending "$1")"
	same "$2: lost nothing" "0 0 0 0" \
		"$(counter "$1" lost_alloc) $(counter "$1" lost_free) $(counter "$1" lost_task) $(counter "$1" probe_misses)"
}

# within_misses TRACE FUNCTION LIVE FREED: what the program keeps and frees below that function is told to the object, or no more of it is
# missing than the trace says may have been missed.
within_misses()
{
	objects "$1" "$pipes_comm" "$2" | awk -v missed="$(counter "$1" probe_misses)" -v live="$3" -v freed="$4" '
		{
			unseen_frees = $1 - live
			unseen_allocs = live + freed - $1 - $3
			exit unseen_frees > missed || unseen_frees < -missed || unseen_allocs > missed || unseen_allocs < 0
		}'
}

# What is true by each source. The first is the one that --source auto takes here.
truths()
{
	source=$1
	for turn in 1 2 3; do
		run "$slabrec" --source $source -c kmalloc-cg-1k -o pipes.slab "$pipes" 500 3000 "$hold"
		status_is 0 "$source: pipes, run $turn"
		nothing_missed pipes.slab "$source: pipes, run $turn"
		same "$source: pipes, run $turn: to the object" "500 live, 3000 freed" "$(objects pipes.slab "$pipes_comm" alloc_pipe_info)"
		: > "$hold"
		sleep 0.2
		rm "$hold" pipes.slab.lines
	done
	same "$source: the one cache is recorded" kmalloc-cg-1k "$(caches pipes.slab)"
	same "$source: the source" $source "$(fact pipes.slab source)"
	same "$source: the command is told" "$pipes 500 3000 $hold" "$(fact pipes.slab workload.command)"
	events=$(dump pipes.slab | sed -n 's/^totals .*events=\([0-9]*\) .*/\1/p')
	bytes=$(wc -c < pipes.slab)
	check "$source: at most 8 bytes an event ($bytes for $events)" test "$bytes" -le $((events * 8))
	check "$source: the summary tells as much" grep -q "in pipes.slab ([0-7]\.[0-9] an event)" err
	check "$source: system calls of user space are in the stacks" sh -c "grep -q '^frame [0-9]* user file=[1-9]' pipes.slab.lines"

	run "$slabrec" --source $source -c kmalloc-1024 -o pipes.slab "$pipes" 200 1000 "$hold"
	nothing_missed pipes.slab "$source: pipes as one of the family"
	same "$source: pipes as one of the family: in their own cache" "200 live, 1000 freed" \
		"$(objects pipes.slab "$pipes_comm" alloc_pipe_info kmalloc-cg-1k)"

	# Call chains that a key stands for are those that the kernel gives.
	if test $source = bpf; then
		same "$source: no key was unknown or mistaken" "0 0" "$(counter pipes.slab chains_unknown) $(counter pipes.slab chains_mistaken)"
		for walk in with without; do
			option=
			test $walk = with || option="--without walk"
			run "$slabrec" --user-stack fp $option -c kmalloc-cg-1k -o $walk.slab sh -c "'$pipes' 0 5000 '$hold'; sleep 0.3; '$pipes' 100 5000 '$hold'"
			: > "$hold"
			sleep 0.2
			rm "$hold"
			"$slabreport" --format text -o - $walk.slab | awk -v comm="comm \"$pipes_comm\"" '
				/^[0-9]+\. / { is_ours = is_backtrace = 0 }
				index($0, comm) { is_ours = 1 }
				/^  backtrace/ && is_ours && !is_done { is_backtrace = is_done = 1 }
				/^$/ { is_backtrace = 0 }
				is_backtrace' > $walk.stack
		done
		check "$source: keys stand for most call chains" test "$(counter with.slab chains_by_key)" -gt 5000
		same "$source: no key without the walk" 0 "$(counter without.slab chains_by_key)"
		check "$source: the call chain has its callers" grep -q 'create_pipe_files+' with.stack
		check "$source: the same call chain with the walk and without" cmp -s with.stack without.stack
	fi

	# Files are freed by RCU, in interrupts: a cache whose frees interrupt the probes.
	run "$slabrec" --source $source -c filp -o files.slab "$pipes" 500 20000 "$hold"
	if test $source = bpf; then
		same "$source: files: complete" complete "$(ending files.slab)"
		same "$source: files: no ring lost an event" "0 0" "$(counter files.slab lost_alloc) $(counter files.slab lost_free)"
		check "$source: files, freed in interrupts: to the object, or as told ($(counter files.slab probe_misses) missed)" \
			within_misses files.slab create_pipe_files 1000 40000
	else
		nothing_missed files.slab "$source: files"
	fi
	: > "$hold"
	sleep 0.2
	rm "$hold"

	# Several at once, on all CPUs.
	run "$slabrec" --source $source -c kmalloc-cg-1k -o many.slab sh -c "
		for turn in 1 2 3 4; do '$pipes' 300 2000 '$hold' & done
		wait"
	status_is 0 "$source: four programs at once"
	nothing_missed many.slab "$source: four programs at once"
	same "$source: four programs at once: to the object" "1200 live, 8000 freed" "$(objects many.slab "$pipes_comm" alloc_pipe_info)"

	# Messages: a bucket of their own where the kernel has them.
	home=kmalloc-cg-1k
	grep -q '^msg_msg-1k ' /proc/slabinfo && home=msg_msg-1k
	run "$slabrec" --source $source -c kmalloc-1024 -o messages.slab "$messages" 300 2000 "$hold"
	status_is 0 "$source: messages"
	nothing_missed messages.slab "$source: messages"
	same "$source: messages: to the object, in $home" "300 live, 2000 freed" "$(objects messages.slab "$messages_comm" load_msg $home)"
	same "$source: messages: in no other cache" "300 live, 2000 freed" "$(objects messages.slab "$messages_comm" load_msg)"
	run "$slabrec" --source $source -c =$home -o messages.slab "$messages" 300 2000 "$hold"
	same "$source: messages by =$home alone" "300 live, 2000 freed" "$(objects messages.slab "$messages_comm" load_msg)"
	if test $home = msg_msg-1k; then
		run "$slabrec" --source $source -c kmalloc-cg-1k -o messages.slab "$messages" 300 2000 "$hold"
		status_is 0 "$source: messages are not kmalloc-cg-1k's"
		same "$source: messages are not kmalloc-cg-1k's: none counted" "0 live, 0 freed" "$(objects messages.slab "$messages_comm" load_msg)"
	fi

	# Objects from before: their frees are told apart and not taken for anything else.
	rm -f "$scratch/older"
	"$pipes" 100 0 "$scratch/older"
	run "$slabrec" --source $source -c kmalloc-cg-1k -o older.slab sh -c ": > '$scratch/older'; sleep 0.5"
	older=$(dump older.slab | grep -c "^event free_older ")
	unknown=$(counter older.slab frees_unknown)
	test $source = bpf && same "$source: every free has its cache" 0 "$unknown"
	check "$source: frees of 100 older objects are counted ($older, $unknown without a name)" test $((older + unknown)) -ge 100
	same "$source: and none of them is a free of a recorded object" "0 live, 0 freed" "$(objects older.slab "$pipes_comm" alloc_pipe_info)"
}

# wait_for SECONDS COMMAND...: until the command succeeds, at most so long.
wait_for()
{
	left=$(($1 * 10))
	shift
	until "$@" 2> /dev/null; do
		test $((left -= 1)) -gt 0 || return 1
		sleep 0.1
	done
}

# sums_are_exact TRACE: what the kernel emitted of the caches' own functions is the samples that came and those counted as lost. (Of
# kfree, which is of all caches, this kernel counts hits on idle CPUs of which it gives no sample: the report tells them.)
sums_are_exact()
{
	dump "$1" | awk '
		$1 == "probe" && $2 ~ /kmem_cache_/ && match($0, / hits=.*/) {
			split(substr($0, RSTART), words)
			for (i in words) {
				split(words[i], pair, "=")
				number[pair[1]] = pair[2]
			}
			is_wrong += number["passed"] != number["hits"] + number["lost"]
			passed += number["passed"]
		}
		END { exit is_wrong > 0 || !passed }'
}

# A recorder that is never its turn: more waits in its memory than it takes from the rings, which overflow, and it comes to an end.
# What it records takes its turns like others.
waits_its_turn()
{
	"$slabrec" -q --source tracepoint -m 64 -c filp -o late.slab sh -c "
		until test -e go; do sleep 0.1; done
		chrt --other --pid 0 \$\$ && '$pipes' 0 80000 '$hold' && : > over" &
	recorder=$!
	started="$started $recorder"
	chrt --idle --pid 0 $recorder
	busy=
	for cpu in $(seq "$(nproc)"); do
		timeout 120 sh -c 'while :; do :; done' &
		busy="$busy $!"
	done
	: > go
	wait_for 100 test -e over
	# shellcheck disable=SC2086 # they are several
	kill $busy
	check "never its turn: it ends all the same" wait_for 60 test -e late.slab
	kill -9 $recorder 2> /dev/null
	wait $recorder
	same "never its turn: the trace is complete" complete "$(ending late.slab)"
	check "never its turn: every event is recorded or lost" sums_are_exact late.slab
}

run "$slabrec" -c kmalloc-cg-1k -o auto.slab true
best=$(fact auto.slab source)
check "the source picked by itself ($best)" test "$best" = bpf -o "$best" = kprobe
truths "$best"
truths tracepoint
waits_its_turn
finish
