#!/bin/sh
# Writes tests/golden/*.slab, tests/golden-bad/*.slab and, with the C reader, the text or sentence that belongs to each.
# "git diff" shows what changed: look at it. Called by "make golden".
set -eu
tools=$(realpath "${B:-build}/tests/trace")

"$tools/make-golden" tests/golden tests/golden-bad
for trace in tests/golden/*.slab; do
	"$tools/dump" "$trace" > "${trace%.slab}.txt"
done
cd tests/golden-bad
for trace in *.slab; do
	"$tools/dump" "$trace" > /dev/null 2> "${trace%.slab}.error" || test $? = 1
done
