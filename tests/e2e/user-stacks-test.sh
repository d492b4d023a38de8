#!/bin/sh
# User stacks of programs without frame pointers, whose call chains are known frame by frame: dynamic and static, through signals, the vDSO,
# callbacks of libraries, threads, exec, files that are gone, other mounts.
. "$(dirname "$0")/library.sh"
need_recording
need_command python3 unshare mount

# chains FILE: copies of the program under a name of its own.
test -e "$build/tests/kernel/chains" || skip "no $build/tests/kernel/chains"
for variant in chains chains-static chains-static-pie chains-library.so; do
	cp "$build/tests/kernel/$variant" "$scratch/$variant"
done
cp chains short-lived
cp chains deleted

# own COMM TRACE: the chains of a program without what is the C library's, with "whole" in front where it begins where programs and
# threads do.
own()
{
	dump "$2" > /dev/null
	"$checkout/tests/kernel/user-chains" "$1" alloc_pipe_info "$2.lines" | awk '{
		line = $2 ~ /^(_start|clone3?)$/ || ($2 == "(libc.so.6)" && $3 == "(libc.so.6)" && $4 == "thread_main") ? "whole:" : "from " $2 ":"
		for (i = 3; i <= NF; i++)
			if ($i ~ /^(main|allocate|thread_main|\(\[vdso\]\)|(way|plain|varying|aligned|deep|endless|callback|signal|fault|vdso|thread|library)_.*)$/) {
				count = $i == $(i - 1) ? count + 1 : 1
				if ($i != $(i + 1))
					line = line " " $i (count > 1 ? "*" count : "")
			}
		print line
	}'
}

# expected WAY: its frames.
expected()
{
	case $1 in
	plain) echo "main way_plain plain_outer plain_inner allocate" ;;
	varying) echo "main way_varying varying_outer varying_inner allocate" ;;
	aligned) echo "main way_aligned aligned_outer allocate" ;;
	deep) echo "main way_deep deep_step*151 allocate" ;;
	callback) echo "main way_callback callback_compare allocate" ;;
	signal) echo "main way_signal signal_raiser signal_handler allocate" ;;
	fault) echo "main way_fault fault_maker fault_handler allocate" ;;
	vdso) echo "main way_vdso vdso_caller ([vdso]) vdso_handler allocate" ;;
	thread) echo "thread_main thread_inner allocate" ;;
	library) echo "main way_library library_outer library_inner allocate" ;;
	fork) echo "main way_fork plain_outer plain_inner allocate" ;;
	esac
}

# record_way COMM FILE WAY...
record_way()
{
	comm=$1
	shift
	run "$slabrec" -c kmalloc-cg-1k -o way.slab "$@"
}

for program in chains chains-static chains-static-pie; do
	for way in plain varying aligned deep callback signal fault vdso thread library fork; do
		test "$program-$way" = "${program#chains-static}-$way" || test $way != library || continue
		record_way "$(echo $program | cut -c1-15)" "./$program" $way
		same "$program $way: every frame" "whole: $(expected $way)" "$(own "$comm" way.slab)"
	done
done

record_way chains ./chains endless
case $(own chains way.slab) in
"from ([cut]): endless_step*"*" allocate") ok "a stack that is longer than the copy is told as cut" ;;
*) fail "a stack that is longer than the copy: $(own chains way.slab)" ;;
esac
check "and counted" test "$(counter way.slab user_stacks_cut)" -gt 0
run "$slabreport" -o - way.slab
says "User stacks not whole" "the report says so" out

record_way exe ./chains exec
same "exec: every frame" "whole: $(expected plain)" "$(own exe way.slab)"

# Programs that are gone before anybody can look at them.
record_way short-lived sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ./short-lived plain; done'
same "20 programs that end at once: every frame" "whole: $(expected plain)" "$(own short-lived way.slab)"

record_way deleted ./deleted deleted 1
same "a program that deletes its file: every frame" "whole: $(expected plain | sed 's/way_plain/way_deleted/')" "$(own deleted way.slab)"
cp chains replaced
record_way replaced sh -c './replaced plain 1 & sleep 0.01; cp chains-static other; mv other replaced; wait'
same "a program whose file is replaced: every frame" "whole: $(expected plain)" "$(own replaced way.slab)"

mkdir -p there
cat > in-mounts << 'END'
mount --make-rprivate / && mount -t tmpfs none there && cp chains there/elsewhere && there/elsewhere plain "$@" && sleep 0.5
END
record_way elsewhere unshare -m sh in-mounts
same "a program of another mount namespace: every frame" "whole: $(expected plain)" "$(own elsewhere way.slab)"

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
