#!/bin/sh
# Every trace in tests/golden is read to exactly the text beside it; every one in tests/golden-bad ends with the sentence
# beside it and nothing else. B: the build folder.
set -u
dump=$(realpath "${B:-build}/tests/trace")/dump
failed=0
count=0

fail()
{
	echo "golden-test: $*"
	failed=1
}

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

cd tests/golden || exit 1
for trace in *.slab; do
	"$dump" "$trace" > "$scratch/out" 2> "$scratch/err" || fail "$trace: status $?"
	cmp "$scratch/out" "${trace%.slab}.txt" || fail "$trace: not the text of ${trace%.slab}.txt"
	test ! -s "$scratch/err" || fail "$trace: $(cat "$scratch/err")"
	count=$((count + 1))
done
cd ../golden-bad || exit 1
for trace in *.slab; do
	"$dump" "$trace" > "$scratch/out" 2> "$scratch/err"
	status=$?
	test $status = 1 || fail "$trace: status $status"
	cmp "$scratch/err" "${trace%.slab}.error" || fail "$trace: says \"$(cat "$scratch/err")\""
	case $(tail -n 1 "$scratch/out") in
	"end cut at byte "* | "end damaged at byte "* | "end refused" | "end limit") ;;
	*) fail "$trace: the last line is wrong: $(tail -n 1 "$scratch/out")" ;;
	esac
	count=$((count + 1))
done
for partner in ../golden/*.txt *.error; do
	test -e "${partner%.*}.slab" || fail "$partner: there is no trace"
done
test $count -ge 30 || fail "only $count traces found"
test $failed = 0 && echo "golden-test: $count traces as expected"
exit $failed
