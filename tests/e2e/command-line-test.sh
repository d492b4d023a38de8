#!/bin/sh
# The command line, as people type it: exit statuses, outputs, caches, filters, what is said and what is not.
set -u
. "$(dirname "$0")/library.sh"
need_recording

pipes=$(workload pipes)
comm=$(basename "$pipes")
cache=kmalloc-cg-1k

# ---- exit statuses ----
for wanted in 0 3; do
	run "$slabrec" -c $cache sh -c "exit $wanted"
	status_is $wanted "exit $wanted"
done
same "slabrec.slab is the default" complete "$(ending slabrec.slab)"
run "$slabrec" -c $cache sh -c 'kill -9 $$'
status_is 137 "a command that SIGKILL ends"
run "$slabrec" -c $cache "$scratch/no-such-command"
status_is 127 "a command that is not there"
says "no-such-command: No such file" "a command that is not there is named"
same "a command that is not there: the trace is whole" complete "$(ending slabrec.slab)"
run "$slabrec" -c $cache "$scratch"
status_is 126 "a folder as command"
: > not-executable
run "$slabrec" -c $cache ./not-executable
status_is 126 "a command that cannot be executed"
says "not-executable: Permission denied" "it is named"

# refused_as WORDS OPTIONS...: slabrec's own error.
refused_as()
{
	words=$1
	shift
	run "$slabrec" "$@"
	refuses 125 "$words" "slabrec $*"
}
refused_as "which slab cache"
refused_as "unknown option --bogus" --bogus
refused_as "unknown option -x" -xq
refused_as "unknown option --quiet=3" --quiet=3
refused_as "option -d needs a value" -c $cache -d
refused_as "not a number of seconds" -c $cache -d x
refused_as "not a number of seconds" -c $cache -d 0
refused_as "not a number of seconds" -c $cache -d -1
refused_as "not a number of seconds" -c $cache -d nan
refused_as "not a number from 1" -c $cache -p x
refused_as "not a list of CPUs" -c $cache -C 1-
refused_as "not one of auto, bpf, kprobe, tracepoint" -c $cache --source ebpf
refused_as "not one of dwarf, fp, none" -c $cache --user-stack lbr
refused_as "not one of some, all, none" -c $cache --free-stacks x
refused_as "not a power of two" -c $cache -m 3
refused_as "not one of bpf, walk, return-args" -c $cache --without x
refused_as "no cache has a quote" -c 'a"b'

# ---- how much work was done ----
# work OPTIONS...: the counter in the trace, "" for none.
work()
{
	echo 100 > served
	run "$slabrec" -o work.slab -c $cache "$@"
	counter work.slab work
}
same "--work is in the trace" 1200 "$(work --work 1200 true)"
same "--work-cmd is asked before and after" 42 "$(work --work-cmd 'cat served' sh -c 'echo 142 > served')"
same "--work-cmd: no work" 0 "$(work --work-cmd 'cat served' true)"
same "--work-cmd that went down" "" "$(work --work-cmd 'cat served' sh -c 'echo 99 > served')"
says "went down from 100 to 99" "it is told"
same "--work-cmd that fails at the end" "" "$(work --work-cmd 'cat served' rm served)"
says "failed (exit status 1)" "it is told"
refused_as "printed no number" -c $cache --work-cmd 'echo none' true
refused_as "exclude each other" -c $cache --work 3 --work-cmd 'echo 3' true

# ---- the command's own surroundings ----
run "$slabrec" -q -c $cache -- sh -c 'echo "$@"' sh -c -d --help -q
same "options behind the command are the command's" "-c -d --help -q" "$(cat out)"
run "$slabrec" -q -c $cache echo -- -x
same "-- behind the command is the command's" "-- -x" "$(cat out)"
echo input | timeout 60 "$slabrec" -q -c $cache cat > out
same "the command reads standard input" input "$(cat out)"
run "$slabrec" -q -c $cache sh -c 'yes | head -n 1'
same "SIGPIPE ends what it ended before" "y," "$(cat out),$(cat err)"
# Signals 32 and 33 are the C library's own: a thread of the recorder changes what a caller made of them.
surroundings='grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status | sed "s/^\(SigIgn:.\{8\}\)../\1--/"; ls /proc/self/fd | wc -l'
timeout 60 sh -c "$surroundings" > wanted
run "$slabrec" -q -c $cache sh -c "$surroundings"
same "the command inherits no signal mask, no ignored signal, no descriptor" "$(cat wanted)" "$(cat out)"

# ---- duration ----
# lasts WHAT FROM TO COMMAND...: milliseconds.
lasts()
{
	what=$1 from=$2 to=$3
	shift 3
	before=$(date +%s%N)
	run "$@"
	took=$((($(date +%s%N) - before) / 1000000))
	check "$what ends in time ($took ms)" test $took -ge "$from" -a $took -le "$to"
}
lasts "-d 1" 1000 12000 "$slabrec" -c $cache -d 1
status_is 0 "-d 1"
same "-d 1: why it stopped" "the time was over" "$(fact slabrec.slab stop.reason)"
lasts "-d 1 with a longer command" 1000 12000 "$slabrec" -c $cache -d 1 sleep 20
status_is 0 "-d 1 with a longer command"
lasts "-d 0.5 with a command that ignores SIGTERM" 500 12000 "$slabrec" -c $cache -d 0.5 sh -c 'trap "" TERM; sleep 2'
same "-d 0.5 with a command that ignores SIGTERM: the trace" complete "$(ending slabrec.slab)"
lasts "--duration=30 with a shorter command" 0 12000 "$slabrec" -c $cache --duration=30 true
same "--duration=30 with a shorter command: why it stopped" "the command ended" "$(fact slabrec.slab stop.reason)"

# ---- output ----
timeout 60 "$slabrec" -c $cache -o - sh -c "echo hello; '$pipes' 10 20 '$hold'" > pipe.slab 2> err
same "-o -: whole" complete "$(ending pipe.slab)"
says hello "-o -: what the command prints goes to standard error"
says "10,\{0,1\}[0-9]* live\|[0-9]* live, 0 lost" "-o -: the summary too"
timeout 60 "$slabrec" -q -c $cache -o - "$pipes" 10 20 "$hold" 2> err | cat > pipe.slab
same "-o - | cat: to the object" "10 live, 20 freed" "$(objects pipe.slab "$comm" alloc_pipe_info)"
{
	timeout 60 "$slabrec" -c $cache --free-stacks all -o - "$pipes" 0 50000 "$hold" 2> err
	echo $? > status
} | head -c 100 > out
status=$(cat status)
status_is 125 "-o - into a pipe that closes early"
says "^slabrec: standard output: Broken pipe" "-o - into a pipe that closes early: said"
mkfifo fifo
timeout 60 "$slabrec" -q -c $cache -o fifo "$pipes" 10 20 "$hold" 2> err &
started="$started $!"
cat fifo > pipe.slab
wait $!
same "-o FIFO: whole" "0 complete" "$? $(ending pipe.slab)"
same "-o FIFO: to the object" "10 live, 20 freed" "$(objects pipe.slab "$comm" alloc_pipe_info)"
check "-o FIFO: it is still one" test -p fifo
timeout 60 "$slabrec" -q -c $cache -o fifo "$pipes" 10 30000 "$hold" 2> err &
started="$started $!"
{ sleep 1; cat; } < fifo > pipe.slab
wait $!
same "-o FIFO with a slow reader: to the object" "0 10 live, 30000 freed" "$? $(objects pipe.slab "$comm" alloc_pipe_info)"
run "$slabrec" -q -c $cache -o /dev/null true
status_is 0 "-o /dev/null"
check "-o /dev/null: it is still there" test -c /dev/null
run script -qec "exec '$slabrec' -c $cache -d 1 -o -" /dev/null
status_is 125 "-o - to a terminal"
says "standard output is a terminal" "-o - to a terminal: said" out

# ---- caches ----
grep -v -e '^slabinfo' -e '^#' /proc/slabinfo | cut -d ' ' -f 1 | sort > wanted
run "$slabrec" --list-caches
status_is 0 --list-caches
tail -n +2 out | cut -d ' ' -f 1 | sort > found
check "--list-caches lists those of slabinfo" cmp wanted found
says "^NAME  *OBJECT  *SLOT  *ACTIVE" "--list-caches has a heading" out
run "$slabrec" --list-caches -c 'kmalloc-cg-1*'
same "--list-caches of a glob" "kmalloc-cg-128 kmalloc-cg-16 kmalloc-cg-192 kmalloc-cg-1k" \
	"$(tail -n +2 out | cut -d ' ' -f 1 | sort | xargs)"
refused_as 'matches "kmaloc-1k"; near names: .*kmalloc-1k' -c kmaloc-1k true
refused_as 'matches "kmalloc-1000"; near names: ' -c kmalloc-1000 true
refused_as 'matches "nosuch".*--list-caches' -c $cache,nosuch true
refused_as 'matches "nosuch-\*"' -c 'nosuch-*' true

# selects WANTED OPTIONS...
selects()
{
	wanted=$1
	shift
	run "$slabrec" -q "$@" true
	same "$*" "$wanted" "$(caches slabrec.slab)"
}
family=$(awk '$4 == 1024 && $1 ~ /(^|-)(kmalloc|msg_msg|memdup_user)-([a-z]+-)*([0-9][0-9]-)?(1k|1024)$/ { print $1 }' /proc/slabinfo | sort | xargs)
selects "$family" -c kmalloc-1024
selects "$family" -c kmalloc-1k
selects kmalloc-1k -c =kmalloc-1024
selects kmalloc-cg-1k -c kmalloc-cg-1024
selects "kmalloc-cg-1k kmalloc-rcl-1k" -c kmalloc-cg-1k -c kmalloc-rcl-1k
selects "kmalloc-cg-1k kmalloc-rcl-1k" -c kmalloc-cg-1k,kmalloc-rcl-1k
selects "kmalloc-cg-1k" -c kmalloc-cg-1k,kmalloc-cg-1024 -c kmalloc-cg-1k
selects "kmalloc-cg-128 kmalloc-cg-16 kmalloc-cg-192 kmalloc-cg-1k" -c 'kmalloc-cg-1*'
selects "dentry" -c dentry
run "$slabrec" -c 'kmalloc-*' true
status_is 0 "-c 'kmalloc-*'"

# ---- what it would do ----
rm -f slabrec.slab
run "$slabrec" --explain -c $cache
status_is 0 --explain
same "--explain: nothing on standard error, no trace" ",no" "$(cat err),$(test -e slabrec.slab && echo yes || echo no)"
cp out explained
says "^cache  *$cache: objects of 1024 bytes" "--explain: the cache" explained
says "^ROLE  *ON  *KIND  *CHAIN  *FILTER  *WHY" "--explain: the probes" explained
check "--explain is at most 110 columns wide" sh -c '! grep -q "^.\{111\}" explained'
run "$slabrec" --explain -c $cache --source tracepoint
says "^source  *tracepoint: asked for" "--explain: the source" out
says "^ *not kprobe: another was asked for" "--explain: not the other" out
says "^alloc  *kmalloc  *event  *all " "--explain: a tracepoint" out
sed -n '/^Not seen/,$p' out | tail -n +2 | sed 's/^ -/@/' | tr '\n' ' ' | tr -s ' ' | tr '@' '\n' | sed 's/^ //;s/ $//' |
	grep . | sort > wanted
run "$slabrec" -q -c $cache --source tracepoint -o explain.slab true
"$slabreport" --format json -o - explain.slab |
	python3 -c 'import json, sys; print("\n".join(json.load(sys.stdin)["notes"]))' | sort > found
check "--explain: what is not seen is in the report" cmp wanted found
check "and is something ($(wc -l < wanted) lines)" test "$(wc -l < wanted)" -ge 3
refused_as "which slab cache" --explain

# ---- filters ----
# One process of ours that forks, and a program that is not its child.
family_program=$(workload pipes fam)
other_program=$(workload pipes other)
sh -c "
	until test -e '$scratch/go'; do sleep 0.05; done
	'$family_program' 20 40 '$hold'
	sh -c \"'$family_program' 5 10 '$hold'; true\"
	: > '$scratch/done'" &
tree=$!
started="$started $tree"
run "$slabrec" -c $cache -p $tree -o filtered.slab sh -c "
	'$other_program' 30 50 '$hold'
	: > '$scratch/go'
	until test -e '$scratch/done'; do sleep 0.05; done"
status_is 0 "-p"
same "-p: the process and its children" "25 live, 50 freed" \
	"$(objects filtered.slab "$(basename "$family_program")" alloc_pipe_info)"
same "-p: nobody else" "0 live, 0 freed" "$(objects filtered.slab "$(basename "$other_program")" alloc_pipe_info)"
same "-p is told" $tree "$(fact filtered.slab filter.pid)"
same "-p: in the kernel" 0 "$(counter filtered.slab allocs_not_selected)"
check "-p: which is told" sh -c "'$slabrec' --explain -c $cache -p $$ | tr -s ' \n' ' ' | grep -q 'forks: filtered in the kernel'"
: > "$hold"
sleep 0.2
rm -f "$hold" "$scratch/go" "$scratch/done"
sh -c "
	until test -e '$scratch/go'; do sleep 0.05; done
	'$family_program' 20 40 '$hold'
	: > '$scratch/done'" &
tree=$!
started="$started $tree"
run "$slabrec" -c $cache --source tracepoint -p $tree -o filtered.slab sh -c "
	'$other_program' 30 50 '$hold'
	: > '$scratch/go'
	until test -e '$scratch/done'; do sleep 0.05; done"
same "-p by tracepoints: the process" "20 live, 40 freed" "$(objects filtered.slab "$(basename "$family_program")" alloc_pipe_info)"
check "-p by tracepoints: the others are counted" test "$(counter filtered.slab allocs_not_selected)" -ge 80
refused_as "no such process" -c $cache -p 4194303 true
refused_as "no such thread" -c $cache -t 4194303 true
refused_as "would be recorded" -c $cache -t 1 -p $$ true
# A thread becomes the program; others of the same name beside it are not recorded.
rm -f go
sh -c "
	until test -e '$scratch/go'; do sleep 0.05; done
	exec '$family_program' 20 40 '$hold'" &
thread=$!
started="$started $thread"
run "$slabrec" -c $cache -t $thread -o filtered.slab sh -c "
	'$family_program' 30 50 '$hold'
	: > '$scratch/go'
	while test -e /proc/$thread/exe; do sleep 0.05; done"
status_is 0 "-t"
same "-t: the thread and nobody else" "20 live, 40 freed" \
	"$(objects filtered.slab "$(basename "$family_program")" alloc_pipe_info)"
same "-t is told" $thread "$(fact filtered.slab filter.tid)"
same "-t: filtered in the kernel" 0 "$(counter filtered.slab allocs_not_selected)"
# Tasks that are gone at once have the name they had.
brief=$(workload brief)
ln -s "$brief" other_name
run "$slabrec" -c $cache -o brief.slab "$brief" 100 3 "$scratch/other_name"
status_is 0 "brief tasks"
same "brief tasks: forked" "0 live, 300 freed" "$(objects brief.slab "$(basename "$brief")" alloc_pipe_info)"
same "brief tasks: executed" "0 live, 300 freed" "$(objects brief.slab other_name alloc_pipe_info)"
cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if grep -q '^[^ ]* [^ ]* cgroup [^ ]*perf_event' /proc/mounts || test -z "$cgroups" ||
	! mkdir -p "$cgroups/slabrec_e2e.$$/below"; then
	echo "SKIP: -G: no cgroup file system of version 2 that can be written"
else
	folder=$cgroups/slabrec_e2e.$$
	run "$slabrec" -c $cache -G "slabrec_e2e.$$" -o filtered.slab sh -c "
		'$other_program' 30 50 '$hold'
		'$brief' 100 3 '$scratch/other_name' '$folder/below'"
	status_is 0 "-G"
	same "-G: brief tasks that moved there" "0 live, 300 freed" \
		"$(objects filtered.slab "$(basename "$brief")" alloc_pipe_info)"
	same "-G: executed ones" "0 live, 300 freed" "$(objects filtered.slab other_name alloc_pipe_info)"
	same "-G: nobody else" "0 live, 0 freed" "$(objects filtered.slab "$(basename "$other_program")" alloc_pipe_info)"
	same "-G: filtered in the kernel" 0 "$(counter filtered.slab allocs_not_selected)"
	same "-G is told" "/slabrec_e2e.$$" "$(fact filtered.slab filter.cgroup)"
	same "-G: all tasks are in that cgroup" "\"/slabrec_e2e.$$/below\"" \
		"$(dump filtered.slab | sed -n 's/^task_cgroup task=[0-9]* //p' | sort -u)"
	# A cgroup that is made while it is recorded has its path.
	run "$slabrec" -c $cache -o made.slab sh -c "mkdir '$folder/made' && '$brief' 10 3 '$scratch/other_name' '$folder/made'"
	dump made.slab > /dev/null
	check "a cgroup made meanwhile has its path" grep -q "^task_cgroup .* \"/slabrec_e2e.$$/made\"" made.slab.lines
	rmdir "$folder/made" "$folder/below" "$folder"
fi
refused_as "no such cgroup under\|no cgroup file system" -c $cache -G nosuchcgroup true
refused_as "no CPU 4000 online" -c $cache -C 4000 true
if taskset -c 1 true 2> /dev/null; then
	run "$slabrec" -c $cache -C 1 -o filtered.slab taskset -c 0 "$pipes" 30 50 "$hold"
	same "-C 1: nothing of CPU 0" "0 live, 0 freed" "$(objects filtered.slab "$comm" alloc_pipe_info)"
	run "$slabrec" -c $cache -C 1 -o filtered.slab taskset -c 1 "$pipes" 30 50 "$hold"
	same "-C 1: all of CPU 1" "30 live, 50 freed" "$(objects filtered.slab "$comm" alloc_pipe_info)"
	same "-C is told" 1 "$(fact filtered.slab filter.cpus)"
	run "$slabrec" -c $cache -C 0-1 -o filtered.slab "$pipes" 30 50 "$hold"
	same "-C 0-1: all of both" "30 live, 50 freed" "$(objects filtered.slab "$comm" alloc_pipe_info)"
fi

# ---- in a container ----
# Tasks outside have no names; its own have, also short ones, and their numbers are those of the container.
if unshare --pid --fork --mount-proc true 2> /dev/null; then
	rm -f go
	unshare --pid --fork --mount-proc "$slabrec" -c $cache -o spaced.slab sh -c "
		'$brief' 100 3 '$scratch/other_name'
		: > '$scratch/go'
		until test -e '$scratch/done'; do sleep 0.05; done" > out 2> err &
	recorder=$!
	started="$started $recorder"
	rm -f "$scratch/done"
	wait_for 20 test -e "$scratch/go" || fail "the recording in a container does not begin: $(cat err)"
	"$other_program" 30 50 "$hold"
	: > "$scratch/done"
	wait $recorder
	status=$?
	status_is 0 "in a container"
	same "in a container: its own tasks" "0 live, 300 freed" "$(objects spaced.slab "$(basename "$brief")" alloc_pipe_info)"
	same "in a container: its own programs" "0 live, 300 freed" "$(objects spaced.slab other_name alloc_pipe_info)"
	same "in a container: those outside have no name" "0 live, 0 freed" \
		"$(objects spaced.slab "$(basename "$other_program")" alloc_pipe_info)"
	check "in a container: those outside are told as such" grep -q '^task .*pid=0 tid=0 comm="\[other namespace\]"' spaced.slab.lines
	check "in a container: it is said" grep -q '^note "Tasks outside slabrec' spaced.slab.lines
	run unshare --pid --fork --mount-proc "$slabrec" -v -c $cache -t 1 -o spaced.slab true
	says "thread 1: filtered by slabrec, because its number is another one for the kernel" "in a container: -t"
else
	echo "SKIP: in a container: no PID namespaces"
fi

# ---- how ----
if test ! -e /sys/kernel/tracing/kprobe_events; then
	refused_as "no kprobe events .*CONFIG_KPROBE_EVENTS" -c $cache --source kprobe true
	run "$slabrec" -v -c $cache --without bpf true
	says "source tracepoint: no bpf (--without bpf), no kprobe (.*CONFIG_KPROBE_EVENTS" "-v: which source and why"
fi
run "$slabrec" -v -c $cache true
says "source bpf: " "-v: the BPF filter where it works"
says "free: kmem:kfree raw kfree .*if BPF: " "-v: raw tracepoints"
for without in btf btf,dwarf; do
	run "$slabrec" -c $cache --without $without --source bpf -o how.slab "$pipes" 30 50 "$hold"
	same "--source bpf --without $without: to the object" "30 live, 50 freed" "$(objects how.slab "$comm" alloc_pipe_info)"
done
run "$slabrec" -v -c $cache --source tracepoint true
status_is 0 "--source tracepoint"
says "source tracepoint: asked for" "-v: asked for"
says "alloc: kmem:kmalloc " "-v: the probes"
says "cache $cache" "-v: the caches"
run "$slabrec" -c $cache --user-stack none -o how.slab "$pipes" 30 50 "$hold"
same "--user-stack none: no user frame" 0 "$(dump how.slab | grep -c '^frame [0-9]* user ')"
same "--user-stack none: to the object" "30 live, 50 freed" "$(objects how.slab "$comm" alloc_pipe_info)"
run "$slabrec" -c $cache --free-stacks all -o how.slab "$pipes" 30 500 "$hold"
same "--free-stacks all" "500 with, 0 without" "$(frees how.slab "$comm" alloc_pipe_info free_pipe_info)"
run "$slabrec" -c $cache --free-stacks none -o how.slab "$pipes" 30 500 "$hold"
same "--free-stacks none" "0 with, 500 without" "$(frees how.slab "$comm" alloc_pipe_info free_pipe_info)"
run "$slabrec" -c $cache -m 16 -o how.slab true
status_is 0 "-m 16"
run "$slabrec" -q -c $cache "$pipes" 1 1 "$hold"
same "-q: silent" "0,," "$status,$(cat out),$(cat err)"
run "$slabrec" -c $cache true
same "no progress where standard error is no terminal" "1 0" "$(grep -vc "source tracepoint: " err) $(grep -c "events/s" err)"
says "^slabrec: .* allocations, .* frees, .* live, .* lost in .* s; .* bytes in slabrec.slab" "the summary"
run script -qec "exec '$slabrec' -c $cache -d 2.2" /dev/null
says "1 s  .* events/s  .* live  .* lost" "progress on a terminal" out
run script -qec "exec '$slabrec' -q -c $cache -d 1.2" /dev/null
same "-q: no progress on a terminal" "" "$(cat out)"

for option in --help -h; do
	run "$slabrec" $option
	same "$option" "0,Usage: slabrec [options] [--] [command [args]]," "$status,$(head -n 1 out),$(cat err)"
done
check "--help is at most 110 columns wide" sh -c '! grep -q "^.\{111\}" out'
run "$slabrec" --version
check "--version" grep -q '^slabrec [0-9][0-9.]*$' out
run "$slabrec" --version
same "--version is slabreport's too" "$(sed 's/slabrec/slabreport/' out)" "$("$slabreport" --version)"
finish
