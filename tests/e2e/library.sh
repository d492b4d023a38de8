# What the end-to-end tests share; sourced, never run. They record on this machine's own kernel, by tracepoints and as root.
# BUILD: the build folder; SANITIZED: one whose slabreport was made with SAN=1. One line per check; exit status 0 all well,
# 1 something failed, 77 cannot run here.
# shellcheck shell=sh disable=SC2034 # its variables are for those who source it

checkout=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$checkout" && realpath -e "${BUILD:-build}") || exit 1
sanitized=$(cd "$checkout" && realpath "${SANITIZED:-build/san}")
slabrec=$build/slabrec
slabreport=$build/slabreport
failed=0
started=

# A skip is a failure where the tests are required.
skip()
{
	echo "SKIP: $*"
	test "${SLABREC_REQUIRE_VM:-0}" = 1 && exit 1
	exit 77
}

need_command()
{
	for command in "$@"; do
		command -v "$command" > /dev/null || skip "there is no $command"
	done
}

need_recording()
{
	test "$(id -u)" = 0 || skip "recording needs root"
	need_command python3 zstd timeout
	test -d /sys/kernel/tracing/events/kmem || mount -t tracefs tracefs /sys/kernel/tracing 2> /dev/null
	test -d /sys/kernel/tracing/events/kmem || skip "no tracefs with the kmem tracepoints"
	test -r /proc/slabinfo || skip "no /proc/slabinfo"
	grep -q '^kmalloc-cg-1k ' /proc/slabinfo || skip "this kernel has no cache kmalloc-cg-1k"
}

scratch=$(mktemp -d) || exit 1
hold=$scratch/hold # workloads keep their objects until it is there
chmod 755 "$scratch"

clean_up()
{
	: > "$hold"
	for pid in $started; do
		kill -9 "$pid" 2> /dev/null
	done
	cd / && rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP
cd "$scratch" || exit 1

ok()
{
	echo "ok $*"
}

fail()
{
	echo "FAIL $*"
	failed=1
}

# check WHAT COMMAND...: the command succeeds.
check()
{
	what=$1
	shift
	if "$@"; then
		ok "$what"
	else
		fail "$what"
	fi
}

# run COMMAND...: its output goes to the files out and err, its exit status to $status; it has a minute.
run()
{
	timeout 60 "$@" > out 2> err
	status=$?
}

# same WHAT WANTED FOUND
same()
{
	if test "$2" = "$3"; then
		ok "$1"
	else
		fail "$1: \"$3\" and not \"$2\""
	fi
}

# status_is WANTED WHAT: of the last run.
status_is()
{
	if test "$status" = "$1"; then
		ok "$2: status $1"
	else
		fail "$2: status $status and not $1: $(head -c 300 err)"
	fi
}

# says WORDS WHAT [FILE]: they stand in FILE (else err); a basic regular expression.
says()
{
	if grep -q -e "$1" "${3:-err}"; then
		ok "$2"
	else
		fail "$2: does not say \"$1\" but: $(head -c 300 "${3:-err}")"
	fi
}

# refuses STATUS WORDS WHAT: the last run ended so, with nothing but one line that has the words.
refuses()
{
	if test "$status" = "$1" && test "$(wc -l < err)" = 1 && grep -q -e "^slabre[a-z]*: .*$2" err && test ! -s out; then
		ok "$3"
	else
		fail "$3: status $status and not $1, \"$2\" in one line, but: $(head -c 300 err)$(head -c 100 out)"
	fi
}

# workload NAME [AS]: prints the path of a copy of build/tests/kernel/NAME that has its own name, so that events of the same
# program in another test are not counted.
workload()
{
	as=${2:-$(echo "$1" | cut -c1-4)}-$$
	cp "$build/tests/kernel/$1" "$scratch/$as" && echo "$scratch/$as"
}

# dump TRACE: the lines of slabdump, read once.
dump()
{
	if test ! -e "$1.lines" || test "$1" -nt "$1.lines"; then
		"$checkout/contrib/slabdump" "$1" > "$1.lines" 2> "$1.complaint"
	fi
	cat "$1.lines"
}

ending()
{
	dump "$1" | tail -n 1 | sed 's/^end //'
}

counter()
{
	dump "$1" | sed -n "s/^counter \"$2\"=//p"
}

fact()
{
	dump "$1" | sed -n "s/^fact \"$2\"=\"\(.*\)\"$/\1/p"
}

# caches TRACE: the names, space-separated.
caches()
{
	dump "$1" | sed -n 's/^cache [0-9]* "\([^"]*\)".*/\1/p' | sort | xargs
}

# objects TRACE COMM SYMBOL [CACHE]: "LIVE live, FREED freed" of what that program allocated below that kernel function.
objects()
{
	dump "$1" | awk -v comm="comm=\"$2\"" -v symbol="symbol=\"$3\"" -v name="${4:+\"$4\"}" '
		function value(field) { return substr(field, index(field, "=") + 1) }
		$1 == "cache" && (name == "" || $3 == name) { wanted[$2] }
		$1 == "frame" && $5 == symbol { is_symbol[$2] }
		$1 == "node" && ((value($4) in is_symbol) || (value($3) in below)) { below[$2] }
		$1 == "task" && $5 == comm { is_task[$2] }
		$1 == "event" && $2 == "alloc" && (value($5) in is_task) && (value($6) in below) && (value($7) in wanted) {
			born[value($11)]
			live++
		}
		$1 == "event" && $7 ~ /^object=/ && (value($7) in born) {
			delete born[value($7)]
			live--
			freed++
		}
		END { print live + 0 " live, " freed + 0 " freed" }'
}

# frees TRACE COMM ALLOCATOR FREER: "WITH with, WITHOUT without" FREER in the stack, of the frees by that program of objects that it
# allocated below ALLOCATOR. What else a program frees (exec and exit have objects of their own) differs between machines.
frees()
{
	dump "$1" | awk -v comm="comm=\"$2\"" -v allocator="symbol=\"$3\"" -v freer="symbol=\"$4\"" '
		function value(field) { return substr(field, index(field, "=") + 1) }
		$1 == "frame" && $5 == allocator { is_allocator[$2] }
		$1 == "frame" && $5 == freer { is_freer[$2] }
		$1 == "node" && ((value($4) in is_allocator) || (value($3) in allocates)) { allocates[$2] }
		$1 == "node" && ((value($4) in is_freer) || (value($3) in frees)) { frees[$2] }
		$1 == "task" && $5 == comm { is_task[$2] }
		$1 == "event" && $2 == "alloc" && (value($5) in is_task) && (value($6) in allocates) { born[value($11)] }
		$1 == "event" && $2 == "free" && (value($5) in is_task) && (value($7) in born) {
			if (value($6) in frees)
				with++
			else
				without++
		}
		END { print with + 0 " with, " without + 0 " without" }'
}

# options_of_help PROGRAM: -o and --option, a line each. They stand in front of the explanation.
options_of_help()
{
	"$build/$1" --help | grep '^ *-' | grep -o -e '^ *--*[A-Za-z][a-z-]*' -e ', --*[A-Za-z][a-z-]*' -e '   --*[A-Za-z][a-z-]*' |
		grep -o -e '-.*' | sort -u
}

# choices_of_help PROGRAM: "OPTION WORD...", a line for each option that takes one of some words.
choices_of_help()
{
	"$build/$1" --help | sed -n 's/^ .*\(--[a-z-]*\) \([a-z]*|[a-z|]*\)  .*/\1 \2/p; s/^ .*\(--without\) .*: \(bpf, .*\)/\1 \2/p' | tr '|' ' ' | tr -d ,
	formats=$("$build/$1" --help | sed -n 's/^        \([a-z][a-z-]*\)  .*/\1/p' | xargs)
	test -z "$formats" || echo "--format $formats"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for()
{
	tries=$(($1 * 20))
	shift
	while ! "$@" 2> /dev/null; do
		tries=$((tries - 1))
		test $tries -gt 0 || return 1
		sleep 0.05
	done
}

# record_later TRACE COMMAND...: as record, but returns when it waits for something before it begins.
record_later()
{
	begins=is_open
	record "$@"
	begins=is_recording
}

# record TRACE COMMAND...: in the background, its pid in $recorder; returns when its probes are on.
record()
{
	trace=$1
	shift
	env --default-signal=HUP,INT "$@" > out 2> err &
	recorder=$!
	started="$started $recorder"
	wait_for 20 $begins "$trace" || fail "the recording of $trace does not begin: $(cat err)"
}

is_open()
{
	ls "$1".part-*
} > /dev/null

# The header comes when the file is opened, the rest each second once the probes are on.
is_recording()
{
	test "$(cat "$1".part-* | wc -c)" -gt 16
}
begins=is_recording

# ended_by SIGNAL...: sends them to $recorder and waits for its end; sets $status.
ended_by()
{
	for signal in "$@"; do
		kill "-$signal" "$recorder"
		sleep 0.1
	done
	wait_for 30 has_ended || kill -9 "$recorder"
	wait "$recorder"
	status=$?
} 2> /dev/null

has_ended()
{
	! kill -0 "$recorder"
}

# No probe of ours is left; true as well where the kernel has none.
no_probes()
{
	! grep -s slabrec_ /sys/kernel/tracing/kprobe_events
}

finish()
{
	exit $failed
}
