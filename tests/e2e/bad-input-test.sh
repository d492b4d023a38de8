#!/bin/sh
# What goes wrong around the programs, and traces that are none or not whole: a clear line, nothing lost, never a crash.
set -u
. "$(dirname "$0")/library.sh"
need_recording
need_command unshare setpriv

pipes=$(workload pipes)
comm=$(basename "$pipes")
cache=kmalloc-cg-1k

# in_mounts COMMANDS: run by sh where mounts are its own, with $status and the files out and err as of run.
in_mounts()
{
	run unshare --mount --propagation private sh -c "$1"
}
no_tracing='while read -r _ place type _; do
		case $type in tracefs | debugfs) echo "$place" ;; esac
	done < /proc/mounts | sort -r | xargs -r -n 1 umount -l'

# ---- rights and tracefs ----
cp "$slabrec" "$slabreport" "$scratch"
mkdir nobodys && chmod 777 nobodys
as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
run $as_nobody ./slabrec -c $cache -o nobodys/x.slab true
refuses 125 "run slabrec as root" "not root"
run $as_nobody ./slabrec --list-caches
refuses 125 "run slabrec as root" "not root: --list-caches"
run $as_nobody ./slabrec --explain -c dentry
refuses 125 "run slabrec as root" "not root: --explain"
same "not root: no file is left" "" "$(ls nobodys)"
run $as_nobody ./slabrec --help
status_is 0 "not root: --help"

in_mounts "$no_tracing
	test -e /sys/kernel/tracing/events && exit 9
	'$slabrec' -q -c $cache -o unmounted.slab true"
status_is 0 "tracefs is not mounted: slabrec mounts it"
same "tracefs is not mounted: recorded" complete "$(ending unmounted.slab)"
in_mounts "$no_tracing
	exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin '$slabrec' -c $cache -o unmountable.slab true"
refuses 125 "no tracefs: mounting it on /sys/kernel/tracing failed" "tracefs cannot be mounted"
run setpriv --bounding-set -perfmon,-sys_admin --inh-caps -perfmon,-sys_admin "$slabrec" -c $cache -o forbidden.slab true
if test "$(cat /proc/sys/kernel/perf_event_paranoid)" -ge 0; then
	refuses 125 "perf_event_open: not allowed: run slabrec as root.*perf_event_paranoid" "root without the right to perf_event_open"
fi
in_mounts "mount -t tmpfs none /sys/kernel/slab
	'$slabrec' -q -c $cache -o slabless.slab '$pipes' 20 30 '$hold'"
same "without /sys/kernel/slab: to the object" "20 live, 30 freed" "$(objects slabless.slab "$comm" alloc_pipe_info)"
in_mounts "mount -t tmpfs none /sys/kernel/btf
	'$slabrec' -q -c $cache -o btfless.slab '$pipes' 20 30 '$hold'"
same "without BTF: to the object" "20 live, 30 freed" "$(objects btfless.slab "$comm" alloc_pipe_info)"
# A container's root may not raise its limits: descriptors for each CPU are needed, and what the shell has open counts.
in_mounts "ulimit -n $((64 + 16 * $(nproc))); '$slabrec' -q -c $cache -o few.slab '$pipes' 5 30 '$hold'"
status_is 0 "as few descriptors as it needs"
for limit in 10 12 16; do
	in_mounts "ulimit -n $limit; exec setpriv --bounding-set -sys_resource --inh-caps -sys_resource '$slabrec' -q -c $cache -o toofew.slab true"
	refuses 125 "raise the limit (ulimit -n)" "ulimit -n $limit"
done
same "none of them leaves a file" "" "$(ls unmountable.slab* forbidden.slab* toofew.slab* 2> /dev/null)"

# ---- the output ----
run "$slabrec" -q -c $cache -o good.slab "$pipes" 20 30 "$hold"
cp good.slab good.copy
run "$slabrec" -c $cache -o /dev/full true
refuses 125 "/dev/full: No space left on device" "-o /dev/full"
run "$slabrec" -c $cache -o nosuch/x.slab true
refuses 125 "nosuch/x.slab.*No such file or directory.*-o" "-o into a folder that is not there"
run "$slabrec" -c $cache -o nobodys true
refuses 125 "nobodys: Is a directory" "-o FOLDER"
in_mounts "mkdir -p readonly && mount -t tmpfs -o ro none readonly && '$slabrec' -c $cache -o readonly/x.slab true"
refuses 125 "readonly/x.slab.*Read-only file system" "-o into a folder that is read-only"
run "$slabrec" -c $cache -o good.slab/x.slab true
refuses 125 "good.slab/x.slab.*Not a directory" "-o into a file"
run "$slabrec" -c $cache -o "$(printf '%300s' x | tr ' ' x)" true
refuses 125 "xxxxx" "-o with a name that is too long"

run "$slabrec" -c $cache -o good.slab true
status_is 0 "an existing output"
says "; the old one is good.slab.old" "an existing output: said"
check "an existing output is kept" cmp -s good.copy good.slab.old
cp good.copy good.slab
rm -f good.slab.old
for wrong in "-c nosuch" "-c $cache -p 4194303" "-c $cache -C 4000" "-c $cache --without x"; do
	run "$slabrec" -o good.slab $wrong true
done
run timeout -s KILL 1.5 "$slabrec" -c $cache -o good.slab sleep 3
check "recordings that fail or are killed leave it alone" cmp -s good.copy good.slab
check "and none is called old" test ! -e good.slab.old
mkdir good.slab.old
: > good.slab.old/file
run "$slabrec" -c $cache -o good.slab true
status_is 125 "the old one cannot be kept"
says "good.slab: cannot be kept as good.slab.old.*; the new trace is good.slab.part-" "the old one cannot be kept: said"
check "the old one cannot be kept: it stays" cmp -s good.copy good.slab
new=$(sed -n 's/.*the new trace is \(.*\)$/\1/p' err)
same "the old one cannot be kept: neither is the new one lost" complete "$(ending "$new")"
rm -rf good.slab.old "$new"
ln -s good.slab link.slab
run "$slabrec" -q -c $cache -o link.slab true
check "-o LINK leaves what it leads to" cmp -s good.copy good.slab

# A disk that fills up: here one of 64 KiB, with a good trace on it.
in_mounts "mkdir full && mount -t tmpfs -o size=64k none full && cp good.copy full/x.slab || exit 9
	'$slabrec' -c $cache --free-stacks all -o full/x.slab '$pipes' 0 60000 '$hold'
	status=\$?
	cp full/x.slab cut.slab && cp full/x.slab.old cut.old && ls full | wc -l > cut.count
	exit \$status"
refuses 125 "full/x.slab: No space left on device: the recording was ended, what was written until then can be read" "a full disk"
check "a full disk: cut" sh -c "'$checkout/contrib/slabdump' cut.slab | tail -n 1 | grep -q '^end cut at byte'"
# The cut may lie between an allocation and its free.
live=$(objects cut.slab "$comm" alloc_pipe_info | cut -d , -f 1)
check "a full disk: what was written can be read ($live)" test "$live" = "0 live" -o "$live" = "1 live"
check "a full disk: the old trace is kept" cmp -s good.copy cut.old
same "a full disk: nothing else is left there" 2 "$(cat cut.count)"
run "$slabreport" -f text cut.slab
status_is 0 "a full disk: a report"
says "^The trace is cut at byte" "a full disk: the report says so" out
in_mounts "mkdir -p full && mount -t tmpfs -o size=4k,nr_inodes=2 none full && : > full/x || exit 9
	'$slabrec' -c $cache -o full/x.slab true"
refuses 125 "full/x.slab.*No space left on device" "a disk without room for one more file"

# ---- slabreport ----
# reports STATUS WORDS WHAT [ARGS]: a report of the trace "bad.slab" or an error.
refused_by_report()
{
	words=$1 what=$2
	shift 2
	run "$slabreport" "$@"
	refuses 65 "$words" "$what"
	same "$what: no report is left" "" "$(ls slabrec.html bad.html 2> /dev/null)"
}
: > bad.slab
refused_by_report "bad.slab: .*empty" "an empty file" bad.slab
refused_by_report "empty" "nothing on standard input" - < /dev/null
echo "This is a shopping list: milk, eggs, bread" > bad.slab
refused_by_report "bad.slab: not a slabrec trace" "a text file" bad.slab
refused_by_report "not a slabrec trace" "this program" "$slabreport"
refused_by_report "nosuch.slab: no such file" "no file" nosuch.slab
refused_by_report "nobodys: is a directory" "a folder" nobodys
refused_by_report "slabrec.slab: no such file" "no file at all"
chmod 600 good.slab
run $as_nobody ./slabreport -o - good.slab
refuses 65 "good.slab: Permission denied" "a trace of somebody else"
# newer MAJOR MINOR: good.slab, its header changed and sealed.
newer()
{
	PYTHONDONTWRITEBYTECODE=1 python3 -c "
import importlib.machinery, importlib.util, struct, sys
loader = importlib.machinery.SourceFileLoader('slabdump', '$checkout/contrib/slabdump')
slabdump = importlib.util.module_from_spec(importlib.util.spec_from_loader('slabdump', loader))
loader.exec_module(slabdump)
data = open('good.slab', 'rb').read()
header = data[:8] + struct.pack('<HH', $1, $2)
open('bad.slab', 'wb').write(header + struct.pack('<I', slabdump.crc32c(header)) + data[16:])"
}
newer 2 0
refused_by_report "bad.slab: trace format 2.0, .* use a newer slabreport" "a newer major version" bad.slab
newer 1 7
run "$slabreport" -f text bad.slab
status_is 0 "a newer minor version is read"
run "$slabreport" -f text -o good.slab good.slab
refuses 65 "good.slab: is a trace" "-o with the name of the trace"
check "the trace is still there" cmp -s good.copy good.slab
run "$slabreport" -o /dev/full good.slab
refuses 65 "/dev/full: .*No space left on device" "-o /dev/full"
run sh -c "'$slabreport' -f text good.slab > /dev/full"
refuses 65 "No space left on device" "standard output full"
run "$slabreport" -o nosuch/x.html good.slab
refuses 65 "nosuch/x.html: .*No such file" "-o into a folder that is not there"
echo before > kept.html
in_mounts "mkdir -p full && mount -t tmpfs -o size=8k none full && cp kept.html full/x.html || exit 9
	'$slabreport' -o full/x.html good.slab
	status=\$?
	cp full/x.html kept.html && ls full | wc -l > cut.count
	exit \$status"
refuses 65 "full/x.html: .*No space left on device" "a report on a full disk"
same "a report on a full disk leaves the old one" "before 1" "$(cat kept.html) $(cat cut.count)"

head -c $(($(wc -c < good.slab) / 2)) good.slab > bad.slab
for format in text html xml json; do
	run "$slabreport" -f $format -o bad.$format bad.slab
	status_is 0 "half a trace as $format"
	says "^slabreport: warning: bad.slab: cut at byte [0-9]*: " "half a trace as $format: said"
	says "cut" "half a trace as $format: in the report too" bad.$format
done

# ---- damage ----
run "$slabrec" -q -c kmalloc-1024 -o small.slab "$pipes" 30 100 "$hold"
seed=${SEED:-$(date +%s)}
export KEEP="$build"
check "damaged traces (seed $seed), text" "$checkout/tests/e2e/damage" small.slab 300 "$seed" 200 "$slabreport" -f text -o -
check "damaged traces, html" "$checkout/tests/e2e/damage" small.slab 300 "$seed" 200 "$slabreport" -f html -o -
check "damaged traces, xml" "$checkout/tests/e2e/damage" small.slab 300 "$seed" 200 "$slabreport" -f xml -o -
if test -x "$sanitized/slabreport"; then
	check "damaged traces with sanitizers, text" "$checkout/tests/e2e/damage" small.slab 300 "$seed" 0 "$sanitized/slabreport" -f text -o -
	check "damaged traces with sanitizers, html" "$checkout/tests/e2e/damage" small.slab 100 "$seed" 0 "$sanitized/slabreport" -o -
else
	fail "there is no $sanitized/slabreport (make SAN=1)"
fi
finish
