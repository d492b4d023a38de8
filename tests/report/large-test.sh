#!/bin/sh
# A million call stacks: the report for people stays short, and that for machines has them all. usage: B=build large-test.sh
set -eu
build=$(cd "${B:-build}" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
fail() { echo "FAIL: $*"; exit 1; }

stacks=1000000
"$build/tests/report/make-calls" $stacks 2 >large.slab
"$build/slabreport" -q -o large.html large.slab || fail "-f html: status $?"
for format in text json; do
	"$build/slabreport" -q -f $format -o from.$format --from large.html || fail "-f $format --from large.html: status $?"
done
"$build/slabreport" -q -f text -o large.text large.slab || fail "-f text: status $?"
[ "$(wc -l <large.text)" -le 100 ] || fail "-f text has $(wc -l <large.text) lines"
grep -q "and [0-9]*,[0-9]*,*[0-9]* more call stacks" large.text || fail "-f text does not say how many it leaves out: $(grep more large.text)"
python3 - <<END
import json
sites = json.load(open("from.json"))["site_count"]
assert sites == $stacks, sites
END
sed -n '/^     live/,/more call stacks/p' large.text >large.table
sed -n '/^     live/,/more call stacks/p' from.text >from.table
cmp large.table from.table || fail "from the page the table is another"
echo "ok: a million call stacks"
