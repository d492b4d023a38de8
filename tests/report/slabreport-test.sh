#!/bin/sh
# The program as users call it: exit codes, one-line errors, outputs that are whole or absent. B is the build folder.
set -eu
B=${B:-build}
program=$(cd "$B" && pwd)/slabreport
make_trace=$(cd "$B" && pwd)/tests/report/make-trace
golden=$(pwd)/tests/golden/sample.slab
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
failed=0
formats="html xml text md json junit folded pprof speedscope firefox dhat valgrind-xml"

fail()
{
	echo "FAIL: $*" >&2
	failed=1
}

# expect STATUS PATTERN ARGUMENT...: the status, and one line on stderr that matches (no line at all for an empty pattern).
expect()
{
	status=$1 pattern=$2
	shift 2
	got=0
	"$program" "$@" >stdout 2>stderr || got=$?
	[ "$got" = "$status" ] || fail "slabreport $*: exit $got, not $status"
	if [ -n "$pattern" ]; then
		grep -q -e "$pattern" stderr || fail "slabreport $*: \"$(cat stderr)\" does not match \"$pattern\""
	elif [ -s stderr ]; then
		fail "slabreport $*: \"$(cat stderr)\""
	fi
	[ "$status" = 64 ] || [ "$(wc -l <stderr)" -le 1 ] || fail "slabreport $*: more than one line"
}

cp "$golden" slabrec.slab
expect 0 'slabrec.html: '
[ "$(tail -n 1 slabrec.html)" = "</html>" ] || fail "slabrec.html is not whole"
expect 0 '' -q -f xml
xmllint --noout --stream --relaxng "${OLDPWD}/templates/slabrec.rng" slabrec.xml 2>err || fail "$(head -n 3 err)"
xmllint --noout --schema "${OLDPWD}/templates/slabrec.xsd" slabrec.xml 2>err || fail "$(head -n 3 err)"
expect 0 '' -f text
[ -s stdout ] || fail "no text"
expect 0 '' -f json -o x.json -q
grep -q '"schema": "slabreport/1"' x.json || fail "x.json is no report"
"$program" -o - - <slabrec.slab >pipe.html || fail "cannot read a pipe"
cmp pipe.html slabrec.html || fail "a pipe and a file give different reports"
expect 0 '' --help
[ -z "$(grep '^.\{111\}' stdout)" ] || fail "--help is wider than 110 columns: $(grep '^.\{111\}' stdout)"
for format in $formats; do
	grep -q "^        $format  " stdout || fail "--help does not name $format"
done
expect 0 '' --version

expect 65 '^slabreport: none.slab: no such file; ' none.slab
expect 65 '^slabreport: \.: is a directory; ' .
: >empty.slab
expect 65 '^slabreport: empty.slab: .*empty' empty.slab
echo "this is a text and no trace" >text.slab
expect 65 '^slabreport: text.slab: not a slabrec trace' text.slab
{ printf 'slabrec\032\002\000\000\000'; printf '\000\000\000\000'; } >newer.slab
expect 65 '^slabreport: newer.slab: ' newer.slab
expect 65 '^slabreport: no/such/dir/x.html: ' -o no/such/dir/x.html
expect 65 '^slabreport: .*slabrec.slab: is a trace' -o slabrec.slab
cmp slabrec.slab "$golden" || fail "the trace was written over"
if [ -e /dev/full ]; then
	expect 65 '^slabreport: /dev/full: .*No space' -o /dev/full
	got=0
	"$program" -f text >/dev/full 2>stderr || got=$?
	[ "$got" = 65 ] || fail "a full standard output gives $got"
fi
expect 64 'no such format' -f pdf
expect 64 'unknown option --nope' --nope
expect 64 'one trace at a time' a b

# A page is its own archive, and so is XML: from either every format comes out as from the trace, the page and the XML too.
for trace in "$OLDPWD"/tests/golden/*.slab; do
	name=$(basename "$trace" .slab)
	for format in $formats; do
		"$program" -q -f $format -o "$name.$format" "$trace" 2>/dev/null
	done
	for format in $formats; do
		for carrier in html xml; do
			"$program" -q -f $format -o "from.$format" --from "$name.$carrier" || fail "--from $name.$carrier -f $format"
			cmp "from.$format" "$name.$format" || fail "$name: -f $format from the $carrier is another"
		done
	done
	xmllint --noout --stream --relaxng "$OLDPWD/templates/slabrec.rng" "$name.xml" 2>err || fail "$name: $(head -n 3 err)"
	xmllint --noout --schema "$OLDPWD/templates/slabrec.xsd" "$name.xml" 2>err || fail "$name: $(head -n 3 err)"
done
# So it is with thousands of call stacks, many of which differ in user space only; of very many a page has all when it is told to.
for calls in "1500 6 3" "12000 4 5" "12000 30 7"; do
	# shellcheck disable=SC2086 # three numbers
	"${make_trace%/*}/make-calls" $calls >calls.slab
	"$program" -q --whole-page -o calls.html calls.slab
	for format in xml text json; do
		"$program" -q -f $format -o from.$format --from calls.html
		"$program" -q -f $format -o calls.$format calls.slab
		cmp from.$format calls.$format || fail "make-calls $calls: -f $format from the page is another"
	done
	"$program" -q -o calls.html calls.slab
	"$program" -q -o from.html --from calls.html
	cmp from.html calls.html || fail "make-calls $calls: the page of the page is another"
	[ "$(wc -c <calls.html)" -lt 1150000 ] || fail "make-calls $calls: a page of $(wc -c <calls.html) bytes"
	case "$calls" in
	"12000 30 7") grep -q 'Of the last [0-9,]* of [0-9,]* call stacks it has the totals only' calls.html || fail "the page does not say what it leaves out" ;;
	*) grep -q 'Nothing that was counted is missing in it' calls.html || fail "make-calls $calls: not all is in the page" ;;
	esac
done
"$program" -q -f text -o - --from - <sample.html >stdout || fail "--from - does not read standard input"
cmp stdout sample.text || fail "--from - is another"
expect 65 'slabrec.slab: is no report of slabreport' --from slabrec.slab
grep -v '</data>' sample.xml >cut.xml
expect 65 'cut.xml: is no report of slabreport' --from cut.xml
sed "s/^\\(H4sI.\\{60\\}\\)...../\\1zzzzz/" sample.xml >damaged.xml
expect 65 'damaged.xml: the packed bytes are' --from damaged.xml
sed "/id=\"data\"/q" sample.html >cut.html
expect 65 'cut.html: is no report of slabreport' --from cut.html
sed "s/^\\(H4sI.\\{60\\}\\)...../\\1zzzzz/" sample.html >damaged.html
expect 65 'damaged.html: the packed bytes are' --from damaged.html
expect 64 'either --from a report or a trace' --from sample.html slabrec.slab

# Before and after: every format, of traces and of pages made of them, and the exit status.
for story in leaking clean; do
	"${make_trace%/*}/make-story" $story >$story.slab
	"$program" -q -o $story.html $story.slab
	"$program" -q -f xml -o $story.xml1 $story.slab
done
expect 0 'diff.html: Fixed after: ' --diff leaking.slab clean.slab -o diff.html
expect 0 '' -q --diff clean.slab clean.slab
expect 0 '' -q --diff leaking.slab,leaking.slab clean.slab,clean.slab -o several.html
expect 2 'worse.html: New after: \|worse.html: Worse after: ' --diff clean.slab leaking.slab -o worse.html
for format in html xml text md json; do
	"$program" -q -f $format -o diff.$format --diff leaking.slab clean.slab || fail "--diff -f $format"
	"$program" -q -f $format -o from.$format --diff leaking.html clean.html || fail "--diff -f $format of pages"
	# But for the names of the files, and where functions' names come from.
	sed 's/\(leaking\|clean\)\.html/\1.slab/g' from.$format | cmp - diff.$format || fail "--diff -f $format of pages is another"
	"$program" -q -f $format -o from.$format --diff leaking.xml1 clean.xml1 || fail "--diff -f $format of XML"
	sed 's/\(leaking\|clean\)\.xml1/\1.slab/g' from.$format | cmp - diff.$format || fail "--diff -f $format of XML is another"
	"$program" --audit diff.$format >stdout || fail "--diff -f $format: $(head -n 3 stdout)"
	LC_ALL=C grep -q '[^ -~	]' diff.$format && fail "--diff -f $format is not all ASCII"
	grep -qi before diff.$format && grep -qi after diff.$format || fail "--diff -f $format does not say before and after"
done
for xml in diff.xml; do
	xmllint --noout --stream --relaxng "$OLDPWD/templates/slabrec.rng" $xml 2>err || fail "$xml: $(head -n 3 err)"
	xmllint --noout --schema "$OLDPWD/templates/slabrec.xsd" $xml 2>err || fail "$xml: $(head -n 3 err)"
done
python3 -c 'import json; d = json.load(open("diff.json")); assert d["state"] == "fine" and d["exit_status"] == 0 and d["states"]["fixed"] == 1, d' ||
	fail "diff.json does not say that it is fixed"
[ "$(awk '{ if (length > 72) n++ } END { print n + 0 }' diff.text)" = 0 ] || fail "--diff -f text: a line is longer than 72"
"$program" -q -f text --redact strict --diff leaking.slab clean.slab >stdout
grep -q 'leaking\.slab' stdout && fail "--diff --redact strict names the file"
# Golden traces against each other: nothing that they hold breaks a format.
for trace in "$OLDPWD"/tests/golden/*.slab; do
	for format in html xml text md json; do
		got=0
		"$program" -q -f $format -o any.$format --diff "$golden" "$trace" 2>err || got=$?
		[ "$got" -le 3 ] && [ "$got" != 1 ] || fail "--diff sample.slab $trace -f $format: exit $got: $(cat err)"
	done
	xmllint --noout --stream --relaxng "$OLDPWD/templates/slabrec.rng" any.xml 2>err || fail "--diff $trace: $(head -n 3 err)"
	xmllint --noout --schema "$OLDPWD/templates/slabrec.xsd" any.xml 2>err || fail "--diff $trace: $(head -n 3 err)"
done
expect 3 'cannot be relied on' --diff "$OLDPWD/tests/golden/losses.slab" "$OLDPWD/tests/golden/losses.slab" -o any.html
expect 65 'none.slab: no such file' --diff leaking.slab none.slab
expect 65 'none.slab: no such file' --diff leaking.slab,none.slab clean.slab
expect 65 'text.slab: not a slabrec trace' --diff text.slab clean.slab
expect 65 'leaking.slab: has no units of work' --diff leaking.slab clean.slab --per work
expect 64 'two sides, before and after, not 1' --diff leaking.slab
expect 64 'two sides, before and after, not 3' --diff leaking.slab clean.slab clean.slab
expect 64 'use work, time or allocations' --diff leaking.slab clean.slab --per byte
expect 64 'is for --diff' --per time
expect 64 'goes without --from' --diff --from leaking.html clean.html

# Redaction: public unless asked otherwise, nothing for the audit to find; what is not redacted is found, in the page's data too.
for trace in "$OLDPWD"/tests/golden/*.slab; do
	for format in $formats; do
		for level in public strict; do
			"$program" -q -f $format --redact $level -o audited "$trace" 2>/dev/null
			"$program" --audit audited >stdout || fail "$trace -f $format --redact $level: $(head -n 3 stdout)"
		done
	done
done
"$program" -q --redact none -o open.html slabrec.slab
got=0
"$program" --audit open.html >stdout || got=$?
[ "$got" = 1 ] || fail "--audit of an open page: exit $got"
grep -q '^open.html: byte [0-9]*: path: /tmp/' stdout || fail "--audit does not tell the folder"
grep -q '^open.html: byte [0-9]* of its data: path: /tmp/' stdout || fail "--audit does not look into the data"
printf 's == 0xffff888100042600 on 52:54:00:12:34:56, 123e4567-e89b-12d3-a456-426614174000 0123456789abcdef0123456789abcdef\n' >said
"$program" --audit said >stdout || true
[ "$(wc -l <stdout)" = 4 ] || fail "--audit finds not all of four: $(cat stdout)"
"$program" -q -f xml --redact none -o open.xml slabrec.slab
grep -q '<redaction level="none"' open.xml || fail "the XML does not tell its redaction"
# What objects hold is in no report that does not ask for it.
"$program" -q -f xml --redact none -o contents.open "$OLDPWD/tests/golden/contents.slab"
grep -q '<content hex="003c2fff" text="\.&lt;/\."/>' contents.open || fail "--redact none: no contents"
xmllint --noout --relaxng "${OLDPWD}/templates/slabrec.rng" contents.open 2>err || fail "$(head -n 3 err)"
xmllint --noout --schema "${OLDPWD}/templates/slabrec.xsd" contents.open 2>err || fail "$(head -n 3 err)"
grep -q 'what="contents of objects" count="2"' contents.xml || fail "contents.xml does not count what is left out"
grep -q '<content ' contents.xml && fail "a public report tells contents"
"$program" -q --redact strict -f xml -o strict.xml slabrec.slab
grep -q '<frame .*kind="user"' strict.xml && fail "strict tells user frames"
xmllint --noout --relaxng "${OLDPWD}/templates/slabrec.rng" strict.xml 2>err || fail "$(head -n 3 err)"
# What is redacted stays so, and asking for less gives nothing back.
"$program" -q --redact strict -o strict.html slabrec.slab
"$program" -q --redact none -f xml -o again.xml --from strict.html
cmp again.xml strict.xml || fail "--redact none of a strict page is another"
"$program" -q --redact strict -f xml -o again.xml --from open.html
cmp again.xml strict.xml || fail "--redact strict of an open page is another than of the trace"
expect 64 'no such level' --redact some
expect 64 'looks at one file' --audit open.html slabrec.slab

# Another page, and one that is none.
printf '<title>{{title}}</title>{{verdict}}\n' >mine.html
"$program" -q --template mine.html -o filled.html slabrec.slab || fail "--template"
grep -q '^<title>.* live</title><p class="headline">' filled.html || fail "--template: $(head -c 200 filled.html)"
[ "$(wc -c <filled.html)" -lt 2000 ] || fail "--template: more than it asks for"
echo '{{nothing}}' >mine.html
expect 65 'mine.html: there is no slot named "nothing"' --template mine.html
: >mine.html
expect 65 'mine.html: is empty' --template mine.html
expect 65 'no.html: No such file' --template no.html

# A cut trace is reported, with a warning.
head -c "$(($(wc -c <slabrec.slab) - 3))" slabrec.slab >cut.slab
expect 0 'warning: cut.slab: cut at byte' -q -f text cut.slab
grep -q 'cut at byte' stdout || fail "the report does not say that the trace is cut"

# Exports go to files of their own, folded to standard output, by the metric that is asked for; pprof is audited inside of its packing.
for file in slabrec.junit.xml slabrec.pb.gz slabrec.speedscope.json slabrec.firefox.json slabrec.dhat.json slabrec.valgrind.xml; do
	case $file in
	*.pb.gz) format=pprof ;;
	*) format=${file#slabrec.} format=${format%.*} ;;
	esac
	[ $format != valgrind ] || format=valgrind-xml
	expect 0 '' -q -f $format slabrec.slab
	[ -s $file ] || fail "-f $format does not write $file"
done
expect 0 '' -f folded --metric live slabrec.slab
[ "$(awk '{ sum += $NF } END { print sum }' stdout)" = "$(sed -n 's/.*<recording .* live="\([0-9]*\)".*/\1/p' sample.xml)" ] || fail "folded live objects are $(cat stdout)"
printf 'file /home/me/secret/prog -\nuser 1 40 main 0\n' | "$make_trace" | "$program" -q -f pprof --redact none -o open.pb.gz -
got=0
"$program" --audit open.pb.gz >stdout || got=$?
[ "$got" = 1 ] && grep -q '^open.pb.gz: byte [0-9]* of its data: path: /home/me/secret/prog$' stdout || fail "--audit does not look into pprof: $got $(head -n 3 stdout)"
expect 64 '--metric is for --format folded' -f pprof --metric live
expect 64 'use bytes, live, growth' -f folded --metric size

# CI: what --fail-on asks for decides, the report is written in any case, and JSON tells the same. The sample is 10 ms long.
expect 0 '' -q -f json -o ci.json slabrec.slab
grep -q '"state": "undetermined"' ci.json && grep -q '"fail_on": ""' ci.json && grep -q '"exit_status": 0' ci.json || fail "ci.json: $(grep -n -e state -e fail_on -e exit_status ci.json)"
expect 1 '--fail-on live:0,high: 1 call stack; the first, .* live objects' -f json -o - --fail-on live:0,high slabrec.slab
grep -q '"state": "suspects"' stdout && grep -q '"fail_on": "live:0,high"' stdout && grep -q '"exit_status": 1' stdout || fail "$(grep -n -e state -e fail_on -e exit_status stdout)"
expect 0 '' -q -o - --fail-on live:1000000 slabrec.slab
expect 3 '--fail-on suspect: Too early for a verdict' -f text --fail-on suspect slabrec.slab
[ -s stdout ] || fail "--fail-on writes no report"
expect 3 '' -q -f text --fail-on suspect slabrec.slab
head -c 300 slabrec.slab >early.slab
expect 3 'early.slab: cut at byte' -q -f text -o early.text --fail-on suspect early.slab
grep -q 'the trace breaks' early.text || fail "a trace without an allocation: $(head -n 2 early.text)"
expect 1 '' -q -f text --fail-on live:0 --from sample.html
expect 65 'none.slab: no such file' --fail-on suspect none.slab
expect 64 'use suspect, medium, high' --fail-on leaks
expect 64 'fail-on is for reports' --fail-on suspect --audit open.html

# A failed report leaves the old one.
echo old >keep.html
expect 65 'none.slab: no such file' -o keep.html none.slab
[ "$(cat keep.html)" = old ] || fail "a failure replaced the old report"
[ -z "$(find . -name '*.html.*')" ] || fail "temporary files are left"
# Kprobes on 6.1 by perf probe, while 3 pipes were kept and 5 closed.
expect 0 'probes.slab: 8 allocations, 5 frees, 3 live, 0 lost' import -o probes.slab "$OLDPWD/tests/report/perf-probes.txt"
expect 0 '' -q -f json -o probes.json probes.slab
python3 - <<'END' || fail "of kprobes: $(head -c 300 probes.json)"
import json
site, = json.load(open("probes.json"))["sites"]
assert (site["function"], site["caller"], site["cache"], site["allocs"], site["frees"], site["live"]) == \
    ("alloc_pipe_info", "create_pipe_files", "kmalloc-1k", 8, 5, 3), site
END
expect 64 'import: name one' import
expect 64 'it has no' import -f text probes.txt
expect 65 'none.data: No such file' import none.data

[ "$failed" = 0 ] && echo "ok: slabreport"
exit "$failed"
