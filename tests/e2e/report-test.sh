#!/bin/sh
# Reports of a real recording: each format is what it says it is, browsers show the page, and the numbers are the trace's.
set -u
. "$(dirname "$0")/library.sh"
need_recording
need_command xmllint

pipes=$(workload pipes)
comm=$(basename "$pipes")
run "$slabrec" -q -c kmalloc-1024 "$pipes" 500 3000 "$hold"
status_is 0 "a recording"

# ---- files and messages ----
run "$slabreport"
status_is 0 "slabreport alone"
says "^slabreport: slabrec.html: .*50[0-9] " "slabreport alone tells the file and what it found"
check "slabreport alone prints nothing else" test ! -s out -a "$(wc -l < err)" = 1
check "slabreport alone writes slabrec.html" test -s slabrec.html
for format in html xml text json; do
	run "$slabreport" -q -f $format -o report.$format
	same "-q -f $format: silent" "0,," "$status,$(cat out),$(cat err)"
	run "$slabreport" -f $format -o - slabrec.slab
	check "-f $format -o - prints the same" cmp -s out report.$format
	"$slabreport" -f $format -o - - < slabrec.slab > again 2> err
	check "-f $format of standard input" test -s again
	check "-f $format is 7-bit ASCII" sh -c "! LC_ALL=C grep -q '[^ -~	]' report.$format"
done
check "the same report twice is the same" cmp -s slabrec.html report.html
chmod 640 report.html
run "$slabreport" -q -o report.html
status_is 0 "an existing report is replaced"
"$slabrec" -q -c kmalloc-cg-1k -o - "$pipes" 20 30 "$hold" | "$slabreport" -f text - > out 2> err
status=$?
status_is 0 "slabrec -o - | slabreport -"
says alloc_pipe_info "slabrec -o - | slabreport -: the function" out

for wrong in --bogus -xq "-f pdf" "-o" "a.slab b.slab"; do
	run "$slabreport" $wrong
	status_is 64 "slabreport $wrong"
	check "slabreport $wrong: said, and where help is" sh -c 'head -n 1 err | grep -q -e "^slabreport: .*\(--bogus\|-x$\|pdf\|-o\|2$\)" && grep -q -e --help err'
done

# ---- text ----
says "alloc_pipe_info" "text: the function" report.text
says "comm \"$comm\"" "text: the program" report.text
says "No ring or probe lost an event" "text: nothing lost" report.text
check "text: at most 72 columns" sh -c '! grep -q "^.\{73\}" report.text'
check "text: the function is on the first screen" sh -c 'head -n 3 report.text | grep -q alloc_pipe_info'

# ---- html ----
says "<meta http-equiv=\"Content-Security-Policy\"" "html: a content security policy" report.html
check "html: no address of another machine" sh -c "! grep -E '(src|href|action|data|poster)=\"?(https?:|ftp:|//)|url\((\"|'\'')?(https?:|//)|@import' report.html"
check "html: no script but its own" sh -c "! grep -E '<script[^>]* src=|<link[^>]* href=|<iframe|<object|<embed' report.html"
# What scripts only copy from is markup of its own: HTML 4 takes its end tags for those of the page.
python3 - << 'END'
import re
text = open("report.html", encoding="ascii").read()
parts = re.compile(r'(<script type="text/html"[^>]*>)(.*?)(</script>)', re.S)
open("page.html", "w", encoding="ascii").write(parts.sub(r"\1\3", text))
open("parts.html", "w", encoding="ascii").write("<!DOCTYPE html><html><body>" + "".join(part[1] for part in parts.findall(text)) + "</body></html>")
END
run xmllint --html --noout page.html parts.html
check "html: well-formed (as far as HTML 4 knows)" sh -c '! grep -v -E "Tag (main|section|nav|header|footer|details|summary|svg|g|rect|text|title|desc|path|line|polyline|polygon|circle|use|defs|canvas|figure|figcaption|time|template|article|aside|clipPath|symbol|mark|data|meter|progress|tspan) invalid" err | grep -q " error :"'
if command -v w3m > /dev/null; then
	w3m -dump -T text/html -cols 100 report.html > out 2> err
	check "w3m: alloc_pipe_info is on the first screen" sh -c 'head -n 25 out | grep -q alloc_pipe_info'
	check "w3m: so is the count" sh -c 'head -n 25 out | grep -q 500'
else
	echo "(no w3m: a text browser was not tried)"
fi
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if test -n "$browser"; then
	mkdir -p "$build/e2e"
	picture=$build/e2e/report.png
	rm -f "$picture"
	run "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$scratch/chromium" \
		--enable-logging=stderr --window-size=1280,2400 --screenshot="$picture" "file://$scratch/report.html"
	check "chromium: a picture of the page ($picture)" test -s "$picture"
	check "chromium: no script error, nothing that the policy forbids" sh -c '! grep "CONSOLE" err'
	cp report.html "$build/e2e/report.html"
	run "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$scratch/chromium" \
		--dump-dom "file://$scratch/report.html"
	says alloc_pipe_info "chromium: the function is in the page" out
else
	echo "(no chromium: a graphical browser was not tried)"
fi

# ---- xml ----
run xmllint --nonet --noout --relaxng "$checkout/templates/slabrec.rng" report.xml
status_is 0 "xml: valid by slabrec.rng"
run xmllint --nonet --noout --schema "$checkout/templates/slabrec.xsd" report.xml
status_is 0 "xml: valid by slabrec.xsd"
says "alloc_pipe_info" "xml: the function" report.xml

# ---- json ----
# json EXPRESSION: of the report.
json()
{
	python3 -c "
import json
report = json.load(open('report.json'))
print($1)"
}
same "json: live" "$(counter slabrec.slab live)" "$(json "report['totals']['live']")"
same "json: allocations" "$(counter slabrec.slab allocs)" "$(json "report['totals']['allocs']")"
same "json: frees" "$(counter slabrec.slab frees)" "$(json "report['totals']['frees']")"
same "json: events" "$(dump slabrec.slab | grep -c '^event ')" "$(json "report['totals']['events']")"
same "json: complete" complete "$(json "report['integrity']['trace']")"
same "json: live by cache" "$(json "report['totals']['live']")" "$(json "sum(cache['live'] for cache in report['caches'])")"
same "json: the caches" "$(caches slabrec.slab)" "$(json "' '.join(sorted(cache['name'] for cache in report['caches']))")"
check "json: the function is in the first site" sh -c "python3 -c \"
import json
print(json.load(open('report.json'))['sites'][0])\" | grep -q alloc_pipe_info"

# ---- nothing recorded, and part of the machine ----
run "$slabrec" -q -c =dma-kmalloc-1k -o nothing.slab true
for format in text html xml json; do
	run "$slabreport" -q -f $format -o nothing.$format nothing.slab
	status_is 0 "a recording of nothing as $format"
done
run xmllint --nonet --noout --relaxng "$checkout/templates/slabrec.rng" nothing.xml
status_is 0 "a recording of nothing: valid by slabrec.rng"
run "$slabrec" -q -c kmalloc-cg-1k -p $$ -C 0 -o part.slab true
run "$slabreport" -f xml -o part.xml part.slab
run xmllint --nonet --noout --schema "$checkout/templates/slabrec.xsd" part.xml
status_is 0 "a recording of one process: valid by slabrec.xsd"
run "$slabreport" -f text part.slab
says "only some processes or CPUs were recorded" "a recording of one process: said" out
finish
