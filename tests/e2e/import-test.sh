#!/bin/sh
# The same run recorded by slabrec and by perf (Debian's linux-perf) at once: what is imported of perf's says the same where nothing was
# lost, and says what it lacks.
set -u
. "$(dirname "$0")/library.sh"
need_recording
need_command perf
perf script --help > /dev/null 2>&1 || skip "perf does not run here"

fields=trace:comm,pid,tid,cpu,time,event,trace,ip,sym,symoff,dso
events="-e kmem:kmalloc -e kmem:kmem_cache_alloc -e kmem:kfree -e kmem:kmem_cache_free"
pipes=$(workload pipes)
comm=$(basename "$pipes")
# On a busy machine perf loses records: then again with larger rings.
for pages in 2048 8192 32768; do
	: > "$hold"
	sleep 0.2
	rm -f "$hold" own.slab own.slab.lines imported.slab imported.slab.lines
	# shellcheck disable=SC2086 # the events are words
	run "$slabrec" -q -c kmalloc-cg-1k -o own.slab perf record -q -a -g -m $pages $events -o perf.data -- "$pipes" 300 1000 "$hold"
	status_is 0 "recorded by both"
	run "$slabreport" import perf.data -o imported.slab
	status_is 0 "import"
	! grep -q ', 0 lost$' err || break
done
says "^slabreport: imported.slab: [0-9,]* allocations, .*, 0 lost$" "import: what came of it"
same "import: whole" complete "$(ending imported.slab)"
same "slabrec saw" "300 live, 1000 freed" "$(objects own.slab "$comm" alloc_pipe_info)"
same "perf saw the same" "300 live, 1000 freed" "$(objects imported.slab "$comm" alloc_pipe_info kmalloc-cg-1k)"

# path TRACE: the kernel's part of the call stacks that the pipes come from; other programs may use the same.
path()
{
	"$slabreport" -q -f json -o - "$1" | python3 -c '
import json, sys
paths = set()
for site in json.load(sys.stdin)["sites"]:
    if site["cache"].endswith("-1k") and site["function"] == "alloc_pipe_info" and any(task["comm"] == sys.argv[1] for task in site["tasks"]):
        paths.add(" ".join(site["stack"][site["stack"].index("alloc_pipe_info"):][:6]))
print(sorted(paths))' "$comm"
}
path own.slab > wanted
path imported.slab > found
same "the same call path" "$(cat wanted)" "$(cat found)"
says "^.'alloc_pipe_info create_pipe_files" "which there is" wanted

# Held against the other, it is no change.
"$slabreport" -q -f json -o - --diff own.slab imported.slab | python3 -c '
import json, sys
diff = json.load(sys.stdin)
print(diff["state"], diff["matched"]["same"] >= 1)
' > out
same "compared with slabrec's own: nothing is worse, and the call path is the same" "fine True" "$(cat out)"

# The same by the text that perf script prints, as where there is no perf.
perf script --header --ns --show-lost-events --no-inline -F $fields -i perf.data > perf.txt 2> /dev/null
"$slabreport" import -q -o - - < perf.txt > piped.slab
check "from standard input: the same bytes" cmp piped.slab imported.slab
"$slabreport" import -q -o text.slab perf.txt
check "from a file of text: the same bytes" cmp text.slab imported.slab
# Text as perf prints it when nobody asks for anything has all but the numbers of threads' processes.
perf script -i perf.data 2> /dev/null | "$slabreport" import -q -o plain.slab -
same "from plain text" "300 live, 1000 freed" "$(objects plain.slab "$comm" alloc_pipe_info kmalloc-cg-1k)"

# What it lacks is said in every format.
for format in html xml text md json; do
	"$slabreport" -q -f $format -o - imported.slab | tr -s ' \n' '  ' > report
	check "$format: what perf lacks is said" grep -q "kmalloc's events name no cache\|kmalloc&#39;s events name no cache\|kmalloc&apos;s events name no cache" report
done
"$slabreport" -q -f xml -o - imported.slab > imported.xml
check "the model is valid" xmllint --noout --relaxng "$checkout/templates/slabrec.rng" imported.xml
"$slabreport" -q -o imported.html imported.slab
run "$slabreport" --audit imported.html
status_is 0 "a public report of it says nothing about the machine"

# Losses: rings of one page.
# shellcheck disable=SC2086 # the events are words
run perf record -q -a -g -m 1 $events -o lost.data -- ls -lR /usr/share/doc
run "$slabreport" import lost.data -o lost.slab
status_is 0 "import of a recording with losses"
lost=$(perf script --show-lost-events -i lost.data 2> /dev/null | sed -n 's/.*PERF_RECORD_LOST lost \([0-9]*\).*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }')
check "perf has lost records ($lost)" test "$lost" -gt 0
"$slabreport" -q -f json -o - lost.slab | python3 -c 'import json, sys; i = json.load(sys.stdin)["integrity"]; print(i["lost_allocs"], i["lost_frees"], i["whole"])' > out
same "as many are told as lost, of each kind at most" "$lost $lost False" "$(cat out)"

# ---- what cannot be imported ----
run "$slabreport" import own.slab
refuses 65 "is a trace of slabrec already" "a trace"
run "$slabreport" import -o own.slab perf.data
refuses 65 "own.slab: is a trace" "a trace is not written over"
run "$slabreport" import no.data
refuses 65 "no.data: No such file" "no file"
run "$slabreport" import "$scratch"
refuses 65 "is a directory" "a folder"
head -c 5000 perf.data > cut.data
run "$slabreport" import cut.data -o cut.slab
refuses 65 "cut.data: perf script failed: \|cut.data: no event" "half a perf.data"
check "of which no trace is left" test ! -e cut.slab
run perf record -q -e task-clock -o other.data true
run "$slabreport" import other.data
refuses 65 "no event of an allocator" "a perf.data of something else"
# shellcheck disable=SC2086 # the events are words
run perf record -q -a -c 10 $events -o rare.data true
run "$slabreport" import rare.data
refuses 65 "one event in 10" "a recording of one event in ten"
run env PATH=/nowhere "$slabreport" import perf.data
refuses 65 "there is no perf here to read it; where it was recorded: perf script " "without perf"
run "$slabreport" import
same "no name: status" 64 "$status"
run "$slabreport" import --format text perf.data
same "a format: status" 64 "$status"
finish
