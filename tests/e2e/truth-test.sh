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

for turn in 1 2 3 4 5; do
	run "$slabrec" -c kmalloc-cg-1k -o pipes.slab "$pipes" 500 3000 "$hold"
	status_is 0 "pipes, run $turn"
	nothing_missed pipes.slab "pipes, run $turn"
	same "pipes, run $turn: to the object" "500 live, 3000 freed" "$(objects pipes.slab "$pipes_comm" alloc_pipe_info)"
	: > "$hold"
	sleep 0.2
	rm "$hold" pipes.slab.lines
done
same "the one cache is recorded" kmalloc-cg-1k "$(caches pipes.slab)"
source=tracepoint
test -w /sys/kernel/tracing/kprobe_events && source=kprobe
same "the source" $source "$(fact pipes.slab source)"
same "the command is told" "$pipes 500 3000 $hold" "$(fact pipes.slab workload.command)"
events=$(dump pipes.slab | sed -n 's/^totals .*events=\([0-9]*\) .*/\1/p')
bytes=$(wc -c < pipes.slab)
check "at most 8 bytes an event ($bytes for $events)" test "$bytes" -le $((events * 8))
check "the summary tells as much" grep -q "in pipes.slab ([0-7]\.[0-9] an event)" err
check "system calls of user space are in the stacks" sh -c "grep -q '^frame [0-9]* user file=[1-9]' pipes.slab.lines"

run "$slabrec" -c kmalloc-1024 -o pipes.slab "$pipes" 200 1000 "$hold"
nothing_missed pipes.slab "pipes as one of the family"
same "pipes as one of the family: in their own cache" "200 live, 1000 freed" \
	"$(objects pipes.slab "$pipes_comm" alloc_pipe_info kmalloc-cg-1k)"

# Several at once, on all CPUs.
run "$slabrec" -c kmalloc-cg-1k -o many.slab sh -c "
	for turn in 1 2 3 4; do '$pipes' 300 2000 '$hold' & done
	wait"
status_is 0 "four programs at once"
nothing_missed many.slab "four programs at once"
same "four programs at once: to the object" "1200 live, 8000 freed" "$(objects many.slab "$pipes_comm" alloc_pipe_info)"

# Messages: a bucket of their own where the kernel has them.
home=kmalloc-cg-1k
grep -q '^msg_msg-1k ' /proc/slabinfo && home=msg_msg-1k
run "$slabrec" -c kmalloc-1024 -o messages.slab "$messages" 300 2000 "$hold"
status_is 0 messages
nothing_missed messages.slab messages
same "messages: to the object, in $home" "300 live, 2000 freed" "$(objects messages.slab "$messages_comm" load_msg $home)"
same "messages: in no other cache" "300 live, 2000 freed" "$(objects messages.slab "$messages_comm" load_msg)"
run "$slabrec" -c =$home -o messages.slab "$messages" 300 2000 "$hold"
same "messages by =$home alone" "300 live, 2000 freed" "$(objects messages.slab "$messages_comm" load_msg)"
if test $home = msg_msg-1k; then
	run "$slabrec" -c kmalloc-cg-1k -o messages.slab "$messages" 300 2000 "$hold"
	status_is 0 "messages are not kmalloc-cg-1k's"
	same "messages are not kmalloc-cg-1k's: none counted" "0 live, 0 freed" "$(objects messages.slab "$messages_comm" load_msg)"
fi

# Objects from before: their frees are told apart and not taken for anything else.
"$pipes" 100 0 "$scratch/older"
run "$slabrec" -c kmalloc-cg-1k -o older.slab sh -c ": > '$scratch/older'; sleep 0.5"
older=$(dump older.slab | grep -c "^event free_older ")
unknown=$(counter older.slab frees_unknown)
check "frees of 100 older objects are counted ($older, $unknown without a name)" test $((older + unknown)) -ge 100
same "and none of them is a free of a recorded object" "0 live, 0 freed" "$(objects older.slab "$pipes_comm" alloc_pipe_info)"
finish
