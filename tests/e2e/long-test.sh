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
record_later when.slab "$slabrec" -c $cache --start-when "$cache>=$(($(objects_now) + 2000)) objects" -o when.slab
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

record_later never.slab "$slabrec" -c $cache --start-when "$cache>1000000000" -o never.slab
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

: > "$hold"
sleep 0.2
rm -f "$hold"

# ---- --only-live ----
# Two recorders at once: one tells every event, the other only what is live at the end. What the report says about the programs of this
# test is the same; other programs (the recorders among them) do this or that between the starts of the two. By frame pointers, because
# which stacks there is time to unwind is not the same for both.
messages=$(workload messages)
"$slabrec" -q -c kmalloc-1024,filp --free-stacks all --user-stack fp -o every.slab &
every=$!
started="$started $every"
record kept.slab "$slabrec" -c kmalloc-1024,filp --free-stacks all --user-stack fp --only-live --snapshot-on USR2 -o kept.slab
wait_for 20 is_open every.slab
for turn in 1 2 3 4 5 6 7 8 9 10; do
	"$pipes" 10 300 "$hold"
	"$messages" 3 100 "$hold"
done
kill -USR2 "$recorder"
wait_for 20 test -e kept.slab.1 || fail "no snapshot of --only-live: $(cat err)"
"$pipes" 10 300 "$hold"
kill -INT $every
ended_by INT
wait $every
same "--only-live is whole" complete "$(ending kept.slab)"
same "--only-live: its snapshot is whole" complete "$(ending kept.slab.1)"
cat > compare.py << 'END'
import subprocess, sys
import xml.etree.ElementTree as ElementTree

NAMESPACE = "{urn:slabrec:report:1}"

def report(trace):
    return ElementTree.fromstring(subprocess.run([sys.argv[1], "-q", "-f", "xml", "-o", "-", trace], capture_output=True).stdout)

def every(model, name):
    return model.iter(NAMESPACE + name)

def kernel_part(model):
    """node -> the functions of its stack that are the kernel's: which user stacks there are depends on when they are read."""
    frames = {frame.get("id"): (frame.get("kind"), frame.get("function")) for frame in every(model, "frame")}
    parts = {"0": ()}
    for node in every(model, "node"):
        kind, function = frames[node.get("frame")]
        parts[node.get("id")] = parts[node.get("parent")] + (function,) if kind == "kernel" else ()
    return parts

def sites(model):
    """What our programs did, by cache, stack and name: of stacks that no other program has, the whole site. And the places where
    more programs allocate than a report names."""
    caches = {cache.get("id"): cache.get("name") for cache in every(model, "cache")}
    parts, found, crowded = kernel_part(model), {}, set()
    for site in every(model, "site"):
        place = caches[site.get("cache")], parts[site.get("node")]
        ours, whole, others = found.setdefault(place, ({}, {}, set()))
        if int(site.get("task-names")) > len(site.findall(NAMESPACE + "task")):
            crowded.add(place)
        for task in site.iter(NAMESPACE + "task"):
            if task.get("comm") not in sys.argv[4:]:
                others.add(task.get("comm"))
                continue
            allocs, live = ours.get(task.get("comm"), (0, 0))
            ours[task.get("comm")] = allocs + int(task.get("allocs")), live + int(task.get("live"))
        for key in ("allocs", "frees", "frees-implied", "live", "live-bytes"):
            whole[key] = whole.get(key, 0) + int(site.get(key))
    return {place: (ours, {} if others else whole) for place, (ours, whole, others) in found.items() if ours}, crowded

all_events, kept = report(sys.argv[2]), report(sys.argv[3])
(wanted, crowded), (found, crowded_too) = sites(all_events), sites(kept)
for site in sorted((set(wanted) | set(found)) - crowded - crowded_too):
    if wanted.get(site) != found.get(site):
        print(site, "every event:", wanted.get(site), "only live:", found.get(site))
print(len(wanted), "sites,", sum(1 for ours, whole in wanted.values() if whole), "whole,",
      sum(live for ours, whole in wanted.values() for allocs, live in ours.values()), "live")
END
python3 compare.py "$slabreport" every.slab kept.slab "$comm" "$(basename "$messages")" > compared
for trace in every.slab kept.slab; do
	"$slabreport" -q -f json -o - $trace | sed -n 's/.*"only_live": \([a-z]*\),*$/\1/p'
done > only_live
same "only_live is told" "false true" "$(tr '\n' ' ' < only_live | sed 's/ $//')"
same "--only-live: every site as by events" 1 "$(wc -l < compared)"
says "^[1-9][0-9]* sites, [1-9][0-9]* whole, [1-9][0-9]* live" "--only-live: there were sites to compare" compared
test "$(wc -l < compared)" = 1 || cat compared
python3 - "$slabreport" "$comm" kept.slab.1 kept.slab << 'END' > pipes.kept
import json, subprocess, sys

for trace in sys.argv[3:]:
    out = subprocess.run([sys.argv[1], "-q", "-f", "json", "-o", "-", trace], capture_output=True).stdout
    tasks = [task for site in json.loads(out)["sites"] if "alloc_pipe_info" in site["stack"] for task in site["tasks"]]
    ours = [task for task in tasks if task["comm"] == sys.argv[2]]
    print(sum(task["live"] for task in ours), sum(task["allocs"] - task["live"] for task in ours))
END
same "--only-live and its snapshot, to the object" "100 3000 110 3300" "$(xargs < pipes.kept)"
same "--only-live has no free" 0 "$(dump kept.slab | grep -c '^event free')"
same "--only-live: its live objects are what it told" "$(counter kept.slab live)" "$(dump kept.slab | grep -c '^event alloc')"
"$slabreport" -f text -o - kept.slab > kept.text
says "only-live" "--only-live: the report says so" kept.text
"$slabreport" -q -f xml -o kept.xml kept.slab
says '<freed-by function="free_pipe_info"' "--only-live: who frees is known" kept.xml
: > "$hold"
sleep 0.2
rm -f "$hold"

# Neither file nor recorder grows with events, of many short processes.
record grown.slab "$slabrec" -c kmalloc-1024,filp --only-live -o grown.slab
work()
{
	turns=$1
	while test "$turns" -gt 0; do
		turns=$((turns - 1))
		"$pipes" 0 500 "$hold"
		/bin/true
	done
}
# The least of some moments: on a busy machine records wait in memory for their turn.
size_now()
{
	kilobytes=
	for moment in 1 2 3 4 5 6; do
		sleep 0.5
		now=$(awk '$1 == "RssAnon:" { print $2 }' "/proc/$recorder/status")
		test "${kilobytes:-$now}" -lt "$now" || kilobytes=$now
	done
	bytes=$(cat grown.slab.part-* | wc -c)
}
work 250
size_now
before_bytes=$bytes
before_kilobytes=$kilobytes
work 750
size_now
ended_by INT
allocs=$(counter grown.slab allocs)
check "--only-live: many allocations ($allocs)" test "$allocs" -ge 1000000
check "--only-live: the file does not grow with them ($before_bytes, then $bytes bytes)" \
	test "$bytes" -le $((before_bytes + 40000))
# The objects of the second part would take 100,000 KiB. What it remembers of the last seconds, of call chains up to a limit, and what
# malloc keeps of the time when records waited come and go.
check "--only-live: the recorder does not either ($before_kilobytes, then $kilobytes KiB)" \
	test "$kilobytes" -le $((before_kilobytes + 45000))
check "--only-live: the trace is small ($(wc -c < grown.slab) bytes)" test "$(wc -c < grown.slab)" -le 300000

run "$slabrec" -c $cache --snapshot-on USR2 -o - true
refuses 125 "name a regular file" "--snapshot-on into a pipe"
run "$slabrec" -c $cache --snapshot-on INT true
refuses 125 "--snapshot-on INT: not USR1" "--snapshot-on with a signal that means something else"
finish
