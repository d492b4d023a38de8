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
: > "$hold"
sleep 0.2
rm -f "$hold"

# ---- --snapshot-on ----
record shot.slab "$slabrec" -c $cache --snapshot-on SIGUSR2 -o shot.slab
"$pipes" 20 30 "$hold"
kill -USR2 "$recorder"
wait_for 20 test -e shot.slab.1 || fail "no snapshot: $(cat err)"
same "a snapshot is whole while the recording goes on" complete "$(ending shot.slab.1)"
same "a snapshot, to the object" "20 live, 30 freed" "$(objects shot.slab.1 "$comm" alloc_pipe_info)"
same "a snapshot tells why it ends" "a snapshot; the recording went on" "$(fact shot.slab.1 stop.reason)"
check "a snapshot has a census at its end" grep -q '^census .*phase=end' shot.slab.1.lines
check "a snapshot has the addresses of live objects" grep -q '^live ' shot.slab.1.lines
check "a snapshot is for its owner alone" test "$(stat -c %a shot.slab.1)" = 600
"$slabreport" -f text -o - shot.slab.1 > shot.text
says "alloc_pipe_info" "a snapshot: the report" shot.text
# Under load, one after the other: none disturbs the recording, and each has what was told before it, not more.
: > shot.slab.3
sh -c "for turn in 1 2 3 4 5 6; do '$pipes' 0 5000 '$hold'; done" &
load=$!
kill -USR2 "$recorder"
wait_for 30 test -e shot.slab.2
kill -USR2 "$recorder"
wait_for 30 test -e shot.slab.4
wait $load
"$pipes" 5 0 "$hold"
kill -USR2 "$recorder" && ended_by INT
status_is 0 "a recording with snapshots"
same "a recording with snapshots is whole" complete "$(ending shot.slab)"
same "a recording with snapshots, to the object" "25 live, 30030 freed" "$(objects shot.slab "$comm" alloc_pipe_info)"
same "a recording with snapshots lost nothing" "0 0" "$(counter shot.slab lost_alloc) $(counter shot.slab lost_free)"
same "snapshots are counted" "4 0" "$(counter shot.slab snapshots) $(counter shot.slab snapshots_failed)"
check "what had a snapshot's name is as it was" test ! -s shot.slab.3
same "one asked for just before the end, to the object" "25 live, 30030 freed" \
	"$(objects shot.slab.5 "$comm" alloc_pipe_info)"
for number in 2 4 5; do
	same "snapshot $number is whole" complete "$(ending shot.slab.$number)"
	dump shot.slab.$number | grep '^event alloc' > began
	check "snapshot $number is a beginning of the recording" \
		sh -c "grep '^event alloc' shot.slab.lines | head -n $(wc -l < began) | cmp -s - began"
done
check "each snapshot is told" test "$(grep -c '^slabrec: snapshot shot.slab.[1245]: ' err)" = 4
check "nothing is left beside them" test -z "$(ls shot.slab*.part-* 2> /dev/null)"
: > "$hold"
sleep 0.2
rm -f "$hold"

# A disk that has no room for a second trace: the snapshot is told to have failed, the recording goes on.
unshare -m sh -c "
	mkdir full && mount -t tmpfs -o size=256k none full || exit 77
	env --default-signal=INT '$slabrec' -q -c $cache --free-stacks all --snapshot-on 12 -o full/x.slab 2> full.err &
	recorder=\$!
	until ls full/x.slab.part-*; do sleep 0.1; done
	until test \$(cat full/x.slab.part-* | wc -c) -gt 140000; do '$pipes' 0 3000 '$hold'; done
	kill -USR2 \$recorder
	until test -s full.err; do sleep 0.1; done
	'$pipes' 9 0 '$hold'
	kill -INT \$recorder
	wait \$recorder
	echo \$? > full.status
	ls full > full.names
	cp full/x.slab full.slab" > /dev/null 2>&1
if test -e full.status; then
	same "a full disk at a snapshot: the recording's status" 0 "$(cat full.status)"
	says "^slabrec: snapshot 1: .*No space left on device: this snapshot is not there, the recording goes on$" \
		"a full disk at a snapshot is told" full.err
	same "a full disk at a snapshot: the recording is whole" complete "$(ending full.slab)"
	same "a full disk at a snapshot: recorded on" "9 live" "$(objects full.slab "$comm" alloc_pipe_info | cut -d , -f 1)"
	same "a full disk at a snapshot is counted" "0 1" "$(counter full.slab snapshots) $(counter full.slab snapshots_failed)"
	same "a full disk at a snapshot: nothing else is left" x.slab "$(cat full.names)"
else
	fail "a full disk at a snapshot: there was none: $(cat full.err)"
fi

run "$slabrec" -c $cache --snapshot-on USR2 -o - true
refuses 125 "name a regular file" "--snapshot-on into a pipe"
run "$slabrec" -c $cache --snapshot-on INT true
refuses 125 "--snapshot-on INT: not USR1" "--snapshot-on with a signal that means something else"
finish
