#!/bin/sh
# User stacks of programs without frame pointers, whose call chains are known frame by frame: dynamic and static, through signals, the vDSO,
# callbacks of libraries, threads, exec, files that are gone, other mounts.
. "$(dirname "$0")/library.sh"
need_recording
need_command python3 unshare mount

# chains FILE: copies of the program under a name of its own.
test -e "$build/tests/kernel/chains" || skip "no $build/tests/kernel/chains"
for variant in chains chains-static chains-static-pie chains-library.so chains-second.so; do
	cp "$build/tests/kernel/$variant" "$scratch/$variant"
done
cp chains short-lived

# own COMM TRACE: the chains of a program, as user-chains has them; counted: with how often.
counted()
{
	"$checkout/tests/kernel/user-chains" "$2" "$1" alloc_pipe_info
}

own()
{
	counted "$@" | cut -d ' ' -f 2-
}

# expected WAY
expected()
{
	sed -n "s/^$1 //p" "$checkout/tests/kernel/chains.expected"
}

# record_way COMM COMMAND...: once more where a busy machine left no time for all stacks.
record_way()
{
	comm=$1
	shift
	for turn in 1 2 3 4 5; do
		run "$slabrec" -c kmalloc-cg-1k -o way.slab "$@"
		test "$(counter way.slab user_stacks_degraded)" != 0 || break
	done
}

# By the source that is picked, and by perf events alone.
for program in chains chains-static chains-static-pie; do
	for way in plain varying aligned deep callback signal fault vdso thread library fork; do
		test "$program-$way" = "${program#chains-static}-$way" || test $way != library || continue
		record_way "$(echo $program | cut -c1-15)" "./$program" $way
		same "$program $way: every frame" "whole: $(expected $way)" "$(own "$comm" way.slab)"
	done
done

ways="plain varying deep callback signal fault library"
sh -c "sleep 1; exec ./chains $ways" &
run "$slabrec" --source tracepoint -t $! -d 3 -c kmalloc-cg-1k -o way.slab
same "tracepoint: every frame" "$(for way in $ways; do echo "1 whole: $(expected $way)"; done | sort)" \
	"$(counted chains way.slab | sort)"

record_way chains ./chains endless
case $(own chains way.slab) in
"from [cut]: endless_step*"*" allocate") ok "a stack that is longer than the copy is told as cut" ;;
*) fail "a stack that is longer than the copy: $(own chains way.slab)" ;;
esac
check "and counted" test "$(counter way.slab user_stacks_cut)" -gt 0
run "$slabreport" -o - way.slab
says "User stacks not whole" "the report says so" out

record_way exe ./chains exec
same "exec: every frame" "whole: $(expected exec)" "$(own exe way.slab)"

# Programs that are gone before anybody can look at them.
record_way short-lived sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ./short-lived plain; done'
same "20 programs that end at once: every frame" "whole: $(expected plain)" "$(own short-lived way.slab)"

record_way deleted sh -c 'cp chains deleted && ./deleted deleted 1'
same "a program that deletes its file: every frame" "whole: $(expected deleted)" "$(own deleted way.slab)"
record_way replaced sh -c 'cp chains replaced; ./replaced plain 1 & sleep 0.01; cp chains-static other; mv other replaced; wait'
same "a program whose file is replaced: every frame" "whole: $(expected plain)" "$(own replaced way.slab)"

mkdir -p there
cat > in-mounts << 'END'
mount --make-rprivate / && mount -t tmpfs none there && cp chains there/elsewhere && there/elsewhere plain "$@" && sleep 0.5
END
record_way elsewhere unshare -m sh in-mounts
same "a program of another mount namespace: every frame" "whole: $(expected plain)" "$(own elsewhere way.slab)"

# Stacks that are recognised: to the caller, and not where the code is another meanwhile.
for way in both far; do
	run "$slabrec" -c kmalloc-cg-1k -o way.slab ./chains $way
	same "two callers that are recognised, $way: all of them" "1502 whole: main way_$way ${way}_left ${way}_inner allocate
1502 whole: main way_$way ${way}_right ${way}_inner allocate" "$(counted chains way.slab)"
	check "most were recognised" test "$(counter way.slab user_stacks_recalled)" -ge 3000
done
run "$slabrec" -c kmalloc-cg-1k -o way.slab ./chains reload
same "another library at the same place: each has its own" "103 whole: main way_reload library_outer another_inner allocate" \
	"$(counted chains way.slab | grep another | sed 's/^102/103/')"
same "another library at the same place: and nobody another's" "103 whole: main way_reload library_outer library_inner allocate" \
	"$(counted chains way.slab | grep library_inner)"
check "what was recognised wrongly has no user part" test "$(counter way.slab user_stacks_forgotten)" -ge 1

# Beside perf on the same run: at least as many whole stacks.
if command -v perf > /dev/null; then
	ways="plain varying aligned deep callback signal fault vdso thread library"
	run "$slabrec" -c kmalloc-cg-1k -o way.slab perf record -q -e kmem:kmalloc --filter 'bytes_alloc == 1024' --call-graph dwarf,16384 \
		-o perf.data ./chains $ways
	perf script -i perf.data -F comm,ip,sym 2> /dev/null | awk '
		function done() { whole += is_pipe && (last == "_start" || last ~ /^(__)?clone3?$/); all += is_pipe; is_pipe = 0 }
		/^[^ \t]/ { done() }
		/alloc_pipe_info/ { is_pipe = 1 }
		NF >= 2 { last = $2 }
		END { done(); print whole + 0, "of", all + 0 }' > perf.whole
	ours=$(counted chains way.slab | awk '$2 == "whole:" { whole += $1 } { all += $1 } END { print whole + 0, "of", all + 0 }')
	check "whole stacks beside perf record --call-graph dwarf: $ours, perf $(cat perf.whole)" \
		test "${ours%% *}" -ge "$(cut -d ' ' -f 1 perf.whole)" -a "${ours%% *}" -ge 10
else
	echo "SKIP: beside perf: there is no perf"
fi

# What is not asked for.
run "$slabrec" --user-stack fp -c kmalloc-cg-1k -o way.slab ./chains plain
same "--user-stack fp: by frame pointers" 0 "$(counter way.slab user_stacks_whole)"
same "--user-stack fp: told" fp "$(fact way.slab user_stack)"

# contains TRACE TEXT: in what its blocks hold.
contains()
{
	python3 - "$1" "$2" << 'END'
import struct, subprocess, sys
trace, at, found = open(sys.argv[1], "rb").read(), 16, False
while at + 20 <= len(trace):
    stored, raw, codec = struct.unpack_from("<III", trace, at + 4)
    block = trace[at + 20:at + 20 + stored]
    if codec:
        block = subprocess.run(["zstd", "-dcq"], input=block, capture_output=True, check=True).stdout
    found |= sys.argv[2].encode() in block
    at += 20 + stored
sys.exit(not found)
END
}

# What a program has on its stack is nobody's business: its environment is there.
SECRET=on-the-stack-$$
export SECRET
record_way chains ./chains plain
same "with something on the stack: every frame" "whole: $(expected plain)" "$(own chains way.slab)"
check "the trace has the names of functions" contains way.slab plain_outer
if contains way.slab "$SECRET"; then
	fail "something of the stack is in the trace"
else
	ok "nothing of the stack is in the trace"
fi
finish
