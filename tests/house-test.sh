#!/bin/sh
# Shows that contrib/check-layers and contrib/check-headers fail where they have to: each case puts one wrong file into a tree that
# is in order, and names the words that the complaint must have.
set -u
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
unset CFLAGS CC
failed=0
count=0

make_tree()
{
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/trace" "$scratch/tree/sampler" "$scratch/tree/report" "$scratch/tree/tests/trace"
	cd "$scratch/tree" || exit 1
	printf '#ifndef SLABREC_TRACE_READER_H\n#define SLABREC_TRACE_READER_H\nint reader(void);\n#endif\n' > trace/reader.h
	printf '#include "trace/reader.h"\n\n#include <stdio.h>\n#include <zstd.h>\n' > trace/reader.c
	printf '#ifndef SLABREC_SAMPLER_RING_H\n#define SLABREC_SAMPLER_RING_H\n#include "trace/reader.h"\n#endif\n' > sampler/ring.h
	printf '#include "sampler/ring.h"\n\n#include <linux/perf_event.h>\n#include <sys/mman.h>\n' > sampler/ring.c
	printf '#include <dwarf.h>\n#include <elfutils/libdw.h>\n' > sampler/dwarf.c
	printf '#include <libunwind-ptrace.h>\n' > sampler/unwind.c
	printf '#include <libxml/tree.h>\n#include "trace/reader.h"\n' > report/xml_writer.c
	printf '#include <elfutils/libdwfl.h>\n' > report/symbolize_dwarf.c
	printf '#ifndef SLABREC_TESTS_MEMORY_H\n#define SLABREC_TESTS_MEMORY_H\n#endif\n' > tests/trace/memory.h
	cd - > /dev/null || exit 1
}

# expect CHECK FILE CONTENT WORDS: with FILE holding CONTENT, contrib/CHECK fails and says WORDS.
expect()
{
	count=$((count + 1))
	make_tree
	printf "$3" > "$scratch/tree/$2"
	if contrib/"$1" "$scratch/tree" > "$scratch/out" 2>&1; then
		echo "house-test: $1 does not see $2: $4"
		failed=1
	elif ! grep -qF -e "$4" "$scratch/out"; then
		echo "house-test: $1 on $2 does not say \"$4\" but:"
		cat "$scratch/out"
		failed=1
	fi
}

make_tree
for check in check-layers check-headers; do
	contrib/$check "$scratch/tree" || { echo "house-test: $check fails on a tree in order"; failed=1; }
done

expect check-layers trace/x.c '#include "sampler/ring.h"\n' 'trace/ may not include sampler/'
expect check-layers trace/x.c '#include <linux/perf_event.h>\n' 'for sampler/ only'
expect check-layers trace/x.h '#include <libelf.h>\n' 'elfutils is not for this file'
expect check-layers sampler/x.c '#include "report/site.h"\n' 'sampler/ may not include report/'
expect check-layers report/x.c '#  include "sampler/ring.h"\n' 'report/ may not include sampler/'
expect check-layers report/x.c '#include "tests/trace/memory.h"\n' 'report/ may not include tests/'
expect check-layers report/x.c '#include <zstd.h>\n' 'zstd is not for this file'
expect check-layers report/x.c '#include <libxml/tree.h>\n' 'libxml2 is not for this file'
expect check-layers report/render_x.h '#include <libxml/tree.h>\n' 'libxml2 is not for this file'
expect check-layers report/render_x.c '#include <elfutils/libdw.h>\n' 'elfutils is not for this file'
expect check-layers report/symbolize_x.c '#include <elfutils/libdw.h>\n' 'elfutils is not for this file'
expect check-layers report/x.c '#include <elfutils/debuginfod.h>\n' 'libdebuginfod is not for this file'
expect check-layers report/x.c '#include <libunwind.h>\n' 'libunwind is not for this file'
expect check-layers sampler/x.c '#include <gelf.h>\n' 'one file of sampler/'
expect check-layers sampler/x.c '#include <libunwind.h>\n' 'one file of sampler/'
expect check-layers sampler/x.h '#include <bpf/btf.h>\n' 'libbpf is not for this file'
expect check-layers sampler/x.c '#include <libxml/tree.h>\n' 'libxml2 is not for this file'
expect check-layers sampler/x.c '#include <curl/curl.h>\n' 'neither of the C library'
expect check-layers sampler/x.c '#include "ring.h"\n' 'quoted from the root'
expect check-layers sampler/x.c '#include "../report/site.h"\n' 'quoted from the root'
expect check-layers sampler/ring.c '#include <stdio.h>\n#include "sampler/ring.h"\n' 'to be included first'
expect check-headers trace/x.h 'int x(void);\n' 'include guard'
expect check-headers trace/x.h '#ifndef X_H\n#define X_H\n#endif\n' 'not SLABREC_TRACE_X_H'
expect check-headers report/x.h '#ifndef SLABREC_REPORT_X_H\n#define SLABREC_REPORT_Y_H\n#endif\n' 'never defined'
expect check-headers sampler/x.h '#ifndef SLABREC_SAMPLER_X_H\n#define SLABREC_SAMPLER_X_H\nuint32_t x(void);\n#endif\n' 'on its own'
expect check-headers tests/trace/x.h '#ifndef SLABREC_TESTS_SAMPLER_X_H\n#define SLABREC_TESTS_SAMPLER_X_H\n#endif\n' 'guard'

# What every page carries has to stay small, and as people wrote it: not shortened by a program.
page_bytes=$(cat templates/report.js templates/report.css | wc -c)
widest=$(cat templates/report.js templates/report.css | wc -L)
if [ "$page_bytes" -gt 40000 ] || [ "$widest" -gt 200 ]; then
	echo "house-test: the page's script and style are $page_bytes bytes (at most 40000), the longest line $widest (at most 200)"
	failed=1
fi

# Scripts of no test: nothing else runs them in a check.
if command -v shellcheck > /dev/null; then
	shellcheck tests/bench/guest || { echo "house-test: shellcheck complains"; failed=1; }
fi

test $failed = 0 && echo "house-test: the checks refuse all $count wrong files"
exit $failed
