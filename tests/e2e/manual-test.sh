#!/bin/sh
# The manual pages: no warning of mandoc and man, the options of --help and no others, and their examples, each run as it stands there
# with what "make install" installs; only times and thresholds are made small, and the other machine of "ssh" is this one.
set -u
. "$(dirname "$0")/library.sh"
need_command make mandoc man bash xmllint perf

root=$scratch/root
man=$root/usr/share/man
run make -C "$checkout" install DESTDIR="$root" PREFIX=/usr B="${BUILD:-build}"
status_is 0 "make install"
test "$status" = 0 || exit 1

# options_of PAGE: what stands in the tags of its lists, as --option and -o.
options_of()
{
	sed -n 's/ Ns Op , Ns / /;s/^\.It Fl //p' "$1" | sed 's/ , /\n/g' | sed 's/^Fl //;s/ .*//;s/^/-/' | sort -u
}

for page in man1/slabrec.1 man1/slabreport.1 man5/slabrec-format.5; do
	name=$(basename "$page" | sed 's/\..*//')
	same "$page: mandoc" "" "$(mandoc -T lint -W warning "$man/$page" 2> /dev/null)"
	LC_ALL=C MANWIDTH=80 run man --warnings -l "$man/$page"
	same "$page is without warning" "" "$(cat err)"
	says "$name" "$page can be read" out
done
same "man finds the format" "$man/man5/slabrec-format.5" "$(MANPATH=$man man -w 5 slabrec-format)"
for program in slabrec slabreport; do
	options_of_help "$program" > wanted
	options_of "$man/man1/$program.1" > found
	same "the manual page of $program has the options of --help, and no others" "" "$(diff wanted found)"
	check "which are many" test "$(wc -l < wanted)" -ge 15
	missing=$(choices_of_help "$program" | while read -r option words; do
		for word in $words; do
			grep -q -e "Cm.* $word" "$man/man1/$program.1" || echo "$option $word"
		done
	done)
	same "the manual page of $program has the words of each choice" "" "$missing"
done

# Each record of the specification is in the page that points to it.
missing=
for record in $(sed -n 's/^| [0-9]* | \([A-Z_]*\) |.*/\1/p' "$checkout/trace/FORMAT.md"); do
	grep -q "^\.It.* $record\( \|$\)" "$man/man5/slabrec-format.5" || missing="$missing $record"
done
same "the page of the format has all its records" "" "$missing"

need_recording
mkdir examples bin
printf '#!/bin/sh\nsed "s/^/line /" /etc/passwd > /dev/null\n' > examples/test.sh
# Another machine cannot be had: what ssh would do there is done here.
printf '#!/bin/sh\nshift\nexec "$@"\n' > bin/ssh
chmod 755 examples/test.sh bin/ssh
cd examples || exit 1
PATH=$scratch/bin:$root/usr/bin:$PATH
export PATH
# What examples of reports begin with.
slabrec -q -c filp -o slabrec.slab ./test.sh && cp slabrec.slab leak.slab && cp slabrec.slab host1.slab && cp slabrec.slab host2.slab
for page in man1/slabrec.1 man1/slabreport.1 man5/slabrec-format.5; do
	python3 - "$man/$page" "$root/usr" << 'END'
import re, sys
text = open(sys.argv[1], encoding="ascii").read()
text = text[text.index("\n.Sh EXAMPLES"):]
for number, block in enumerate(re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text.split("\n.Sh ")[1], re.M | re.S)):
    block = block.replace("\\e", "\\").replace("\\&", "").replace("/usr/share/", sys.argv[2] + "/share/")
    # A snapshot takes its time; perf's recordings of everything are large.
    seconds = "1" if "kill" in block else "0.2"
    block = re.sub(r"\bsleep \d+", "sleep " + seconds, re.sub(r"-d \d+", "-d 0.3", block))
    block = re.sub(r">500000 objects", ">5 objects", block)
    open(f"example-{number:02}", "w", encoding="ascii").write(block)
END
	for example in example-*; do
		timeout 60 bash -eu -o pipefail "$example" > "$example.out" 2> err
		status=$?
		status_is 0 "$page: $(head -n 1 "$example")"
	done
	case $page in
	man1/slabrec.1)
		for trace in before shell days host; do
			case $trace in
			host) check "$page: host.html is a report" grep -q '^</html>' host.html ;;
			*) same "$page: $trace.slab is whole" complete "$(ending $trace.slab)" ;;
			esac
		done
		same "$page: a snapshot in between" complete "$(ending days.slab.1)"
		same "$page: only this shell" "1" "$(grep -c '^fact "filter.pid"' shell.slab.lines)"
		;;
	man1/slabreport.1)
		check "$page: the page" grep -q '^</html>' leak.html
		verdict=$(head -n 1 "$(grep -l 'f text leak' example-??).out")
		check "$page: the verdict ($verdict)" grep -qF -e "$verdict" "$(grep -l 'f json leak.slab' example-??).out"
		;;
	*)
		cat example-??.out > all
		says '^0000000 *73 6c 61 62 72 65 63 1a' "$page: the header" all
		says "^fact \"kernel.release\"=\"$(uname -r)\"" "$page: the kernel" all
		says '^alloc [0-9]' "$page: events are counted" all
		;;
	esac
	rm example-*
done
finish
