#!/bin/sh
# Recordings that begin late, go on for long and end at a limit.
set -u
. "$(dirname "$0")/library.sh"
need_recording

pipes=$(workload pipes)
comm=$(basename "$pipes")
cache=kmalloc-cg-1k

# ---- --max-size ----
run "$slabrec" -c $cache --max-size 64k -o size.slab sh -c "while :; do '$pipes' 0 2000 '$hold'; done"
status_is 0 "--max-size ends the command, as -d does"
same "--max-size: the trace is whole" complete "$(ending size.slab)"
same "--max-size: why it ended" "reached --max-size" "$(fact size.slab stop.reason)"
says "^slabrec: the recording was ended: reached --max-size$" "--max-size: it is told"
bytes=$(wc -c < size.slab)
check "--max-size: about that size ($bytes)" test "$bytes" -ge 40000 -a "$bytes" -le 1000000
run "$slabreport" -f text -o - size.slab
says "reached --max-size" "--max-size: the report tells why it ended" out
run "$slabrec" -q -c $cache --max-size 1G -o size.slab "$pipes" 20 30 "$hold"
status_is 0 "a size that is not reached"
same "a size that is not reached: to the object" "20 live, 30 freed" "$(objects size.slab "$comm" alloc_pipe_info)"
check "a size that is not reached: -q says nothing" test ! -s err
: > "$hold"
sleep 0.2
rm -f "$hold"

# ---- --max-memory ----
run "$slabrec" -c $cache --max-memory 1M -o memory.slab sleep 60
status_is 0 "--max-memory ends the command"
same "--max-memory: the trace is whole" complete "$(ending memory.slab)"
says "^slabrec: the recording was ended: reached --max-memory$" "--max-memory: it is told"
same "--max-memory: why it ended" "reached --max-memory" "$(fact memory.slab stop.reason)"

# ---- --start-when ----
objects_now()
{
	awk -v name=$cache '$1 == name { print $2 }' /proc/slabinfo
}
record when.slab "$slabrec" -c $cache --start-when "$cache>=$(($(objects_now) + 2000)) objects" -o when.slab
check "--start-when waits" test ! -s when.slab.part-$recorder
"$pipes" 4000 0 "$hold"
wait_for 20 grep -q "objects now, recording" err || fail "--start-when does not begin: $(cat err)"
sleep 1.5
"$pipes" 7 5 "$hold"
ended_by INT
status_is 0 "--start-when"
same "--start-when: the trace is whole" complete "$(ending when.slab)"
same "--start-when: what came before is not in it" "7 live, 5 freed" "$(objects when.slab "$comm" alloc_pipe_info)"
check "--start-when: the census at the start has what was waited for" \
	test "$(dump when.slab | sed -n 's/^census .*phase=start active=\([0-9]*\) .*/\1/p')" -ge 2000
check "--start-when: the condition is told" test -n "$(fact when.slab start.when)"
: > "$hold"
sleep 0.2
rm -f "$hold"

record never.slab "$slabrec" -c $cache --start-when "$cache>1000000000" -o never.slab
check "waiting sets no probe" no_probes
ended_by INT
status_is 130 "Ctrl-C while waiting"
says "^slabrec: Interrupt before $cache>1000000000: nothing was recorded$" "Ctrl-C while waiting is told"
same "Ctrl-C while waiting leaves no file" "" "$(ls never.slab* 2> /dev/null)"
run "$slabrec" -q -c $cache --start-when "SUnreclaim>1000T" -o never.slab sh -c 'exit 3'
status_is 3 "a command that ends before the start"
says "^slabrec: the command ended before SUnreclaim>1000T: nothing was recorded$" "a command that ends before the start is told"
same "a command that ends before the start leaves no file" "" "$(ls never.slab* 2> /dev/null)"
run "$slabrec" -q -c $cache --start-when "SUnreclaim>4k" -o now.slab sh -c "sleep 2; '$pipes' 20 30 '$hold'"
status_is 0 "a condition that holds at once"
same "a condition that holds at once: the command is recorded from then on" "20 live, 30 freed" \
	"$(objects now.slab "$comm" alloc_pipe_info)"
run "$slabrec" -c $cache --start-when "no-such-cache>1" true
refuses 125 "no-such-cache" "--start-when with a cache that is not there"
finish
