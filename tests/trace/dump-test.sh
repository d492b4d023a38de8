#!/bin/sh
# The C reader (tests/trace/dump) and the independent one (contrib/slabdump) say the same: of the golden and the bad traces, of
# the sample cut and damaged at many places, of a large one, and of any FILE given as argument. B: the build folder.
set -u
tools=${B:-build}/tests/trace
failed=0
count=0

for command in python3 zstd; do
	command -v $command > /dev/null && continue
	echo "dump-test: skipped: contrib/slabdump needs $command"
	test "${SLABREC_REQUIRE_VM:-}" = 1 && exit 1
	exit 77
done
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

compare()
{
	"$tools/dump" "$1" > "$scratch/c" 2> /dev/null
	c_status=$?
	timeout 120 contrib/slabdump "$1" > "$scratch/python" 2> /dev/null
	python_status=$?
	if ! cmp -s "$scratch/c" "$scratch/python" || test $c_status != $python_status; then
		echo "dump-test: $2: the readers differ (status $c_status and $python_status):"
		diff "$scratch/c" "$scratch/python" | head -n 5
		failed=1
	fi
	count=$((count + 1))
}

for trace in tests/golden/*.slab tests/golden-bad/*.slab "$@"; do
	compare "$trace" "$trace"
done

# Cut, and with one byte replaced, at places all over the sample.
sample=tests/golden/sample.slab
size_bytes=$(wc -c < $sample)
at=0
while test $at -lt "$size_bytes"; do
	head -c $at $sample > "$scratch/trace"
	compare "$scratch/trace" "$sample cut at $at"
	{
		head -c $at $sample
		printf '\252'
		tail -c +$((at + 2)) $sample
	} > "$scratch/trace"
	compare "$scratch/trace" "$sample with 0xaa at $at"
	at=$((at + 37))
done

"$tools/make-golden" events 200000 "$scratch" || exit 1
before=$(date +%s)
compare "$scratch/events.slab" "200000 events"
seconds=$(($(date +%s) - before))
if test $seconds -gt 30; then
	echo "dump-test: 200000 events took $seconds s"
	failed=1
fi
test $failed = 0 && echo "dump-test: both readers agree on $count traces; 200000 events took $seconds s"
exit $failed
