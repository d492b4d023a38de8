#!/bin/sh
# Builds each tests/fuzz/*-fuzz.c and runs it for FUZZ_SECONDS. B: the build folder; MAKE and CLANG: the programs. What is found
# stays in $B/fuzz/. Seeds: the golden traces, good and bad, and tests/fuzz/NAME-seeds/ where there is one.
set -u
B=${B:-build}
seconds=${FUZZ_SECONDS:-20}
clang=${CLANG:-clang}

skip()
{
	echo "check-fuzz: skipped: $*"
	test "${SLABREC_REQUIRE_VM:-}" = 1 && exit 1
	exit 77
}

mkdir -p "$B/fuzz" || exit 1
command -v "$clang" > /dev/null || skip "there is no $clang (package clang)"
echo 'int LLVMFuzzerTestOneInput(const char *b, unsigned long n) { (void)b; return n == 0 ? 0 : 0; }' > "$B/fuzz/try.c"
"$clang" -fsanitize=fuzzer,address,undefined -o "$B/fuzz/try" "$B/fuzz/try.c" 2> "$B/fuzz/try.log" ||
	skip "$clang has no libFuzzer (package libclang-rt-dev): $(head -n 1 "$B/fuzz/try.log")"

for source in tests/fuzz/*-fuzz.c; do
	name=$(basename "$source" .c)
	corpus=$B/fuzz/$name-corpus
	seeds=$B/fuzz/$name-seeds
	${MAKE:-make} --no-print-directory -s "$B/fuzz/$name" || exit 1
	mkdir -p "$corpus" "$seeds"
	cp tests/golden/*.slab tests/golden-bad/*.slab "$seeds"
	test ! -d "tests/fuzz/$name-seeds" || cp "tests/fuzz/$name-seeds/"* "$seeds"
	echo "== $name for $seconds s"
	if ! "$B/fuzz/$name" -max_total_time="$seconds" -rss_limit_mb=512 -timeout=10 -print_final_stats=1 \
		-artifact_prefix="$B/fuzz/$name-" "$corpus" "$seeds" > "$B/fuzz/$name.log" 2>&1; then
		tail -n 40 "$B/fuzz/$name.log"
		echo "check-fuzz: $name found something: $B/fuzz/$name-* holds the input, $B/fuzz/$name.log the rest"
		exit 1
	fi
	grep -E '^(#[0-9]+.*DONE|stat::number_of_executed_units)' "$B/fuzz/$name.log"
done
