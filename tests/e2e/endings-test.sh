#!/bin/sh
# However a recording ends, its trace is whole and the status is as documented; what SIGKILL leaves can be read.
set -u
. "$(dirname "$0")/library.sh"
need_recording
need_command script

pipes=$(workload pipes)
comm=$(basename "$pipes")
cache=kmalloc-cg-1k

# ended_well WANTED WHAT TRACE
ended_well()
{
	status_is "$1" "$2"
	same "$2: the trace" complete "$(ending "$3")"
	same "$2: nothing beside it" "" "$(ls "$3".part-* 2> /dev/null)"
}

for signal in INT TERM HUP; do
	record $signal.slab "$slabrec" -c $cache -o $signal.slab
	"$pipes" 20 30 "$hold"
	ended_by $signal
	ended_well 0 "SIG$signal without a command" $signal.slab
	same "SIG$signal without a command: to the object" "20 live, 30 freed" "$(objects $signal.slab "$comm" alloc_pipe_info)"

	record $signal-command.slab "$slabrec" -c $cache -o $signal-command.slab sh -c "'$pipes' 20 30 '$hold'; : > piped; exec sleep 30"
	wait_for 20 test -e piped
	rm -f piped
	ended_by $signal
	ended_well 143 "SIG$signal with a command, which gets SIGTERM" $signal-command.slab
	same "SIG$signal with a command: to the object" "20 live, 30 freed" \
		"$(objects $signal-command.slab "$comm" alloc_pipe_info)"
done
same "why it stopped" Interrupt "$(fact INT.slab stop.reason)"
same "why it stopped" Terminated "$(fact TERM.slab stop.reason)"
same "why it stopped" Hangup "$(fact HUP.slab stop.reason)"

# A command that ends by itself, but later than told.
record slow.slab "$slabrec" -c $cache -o slow.slab sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
ended_by TERM
ended_well 5 "a command that SIGTERM makes end in its own way" slow.slab
record stubborn.slab "$slabrec" -c $cache -o stubborn.slab sh -c 'trap "" INT TERM; sleep 9; sleep 0.1'
ended_by INT
ended_well 130 "a command that ignores SIGTERM" stubborn.slab
record stubborn.slab "$slabrec" -c $cache -o stubborn.slab sh -c 'trap "" INT TERM; sleep 9; sleep 0.1'
ended_by INT INT INT
ended_well 130 "a second and a third Ctrl-C change nothing" stubborn.slab
record twice.slab "$slabrec" -c $cache -o twice.slab
ended_by INT INT
ended_well 0 "a second Ctrl-C without a command" twice.slab

# From a keyboard both programs get the signal.
{
	wait_for 20 is_recording keyboard.slab
	printf '\003'
	sleep 1
} | timeout 60 script -qec "exec '$slabrec' -c $cache -o keyboard.slab sleep 30" /dev/null > out 2> err
status=$?
ended_well 130 "Ctrl-C on a terminal" keyboard.slab
says "slabrec: .* allocations" "Ctrl-C on a terminal: the summary" out
{
	wait_for 20 is_recording keyboard.slab
	printf '\003\003'
	sleep 1
} | timeout 60 script -qec "exec '$slabrec' -c $cache -o keyboard.slab" /dev/null > out 2> err
status=$?
# The second one ends the writing at once, unless that was over already.
if [ $status = 130 ]; then
	left=$(ls keyboard.slab.part-*)
	says "^complete$|^cut " "Ctrl-C twice on a terminal ended the writing: what was written can be read" "$(ending "$left" > end; echo end)"
	rm -f "$left"
else
	ended_well 0 "Ctrl-C twice on a terminal, no command" keyboard.slab
fi

# Under nohup a closed terminal ends nothing.
record nohup.slab nohup "$slabrec" -c $cache -d 2 -o nohup.slab
ended_by HUP
ended_well 0 "SIGHUP under nohup" nohup.slab
same "SIGHUP under nohup: recorded on" "the time was over" "$(fact nohup.slab stop.reason)"

# SIGKILL: what was written stands beside the final name and can be read; the next run works as if nothing had been.
cp INT.slab killed.slab
record killed.slab "$slabrec" -c $cache -o killed.slab
"$pipes" 20 30 "$hold"
sleep 2
ended_by KILL
status_is 137 SIGKILL
left=killed.slab.part-$recorder
check "SIGKILL: the good trace of before is untouched" cmp -s INT.slab killed.slab
check "SIGKILL: cut where the last block ended" test "$(ending "$left")" = "cut at byte $(wc -c < "$left")"
same "SIGKILL: what was before can be read" "20 live, 30 freed" "$(objects "$left" "$comm" alloc_pipe_info)"
run "$slabreport" -f text -o - "$left"
status_is 0 "SIGKILL: a report"
says "cut at byte" "SIGKILL: the report says so" out
run "$slabrec" -c $cache -o killed.slab "$pipes" 20 30 "$hold"
status_is 0 "the run after SIGKILL"
same "the run after SIGKILL: to the object" "20 live, 30 freed" "$(objects killed.slab "$comm" alloc_pipe_info)"
check "the run after SIGKILL kept the old trace" cmp -s INT.slab killed.slab.old
check "no probe is left" no_probes

# A recorder whose parent is gone, as under a shell whose window was closed.
setsid sh -c "'$slabrec' -c $cache -d 1 -o orphan.slab > /dev/null 2>&1 & exit"
wait_for 20 test -e orphan.slab
same "a recorder without its parent" complete "$(ending orphan.slab)"
finish
