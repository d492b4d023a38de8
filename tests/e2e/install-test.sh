#!/bin/sh
# "make install" puts both programs and their pages where PREFIX says; the programs run from there.
set -u
. "$(dirname "$0")/library.sh"
need_command make

root=$scratch/root
run make -C "$checkout" install DESTDIR="$root" PREFIX=/usr B="${BUILD:-build}"
status_is 0 "make install"
test "$status" = 0 || exit 1
same "nothing but PREFIX" usr "$(ls "$root")"
for file in bin/slabrec bin/slabreport; do
	check "$file" test -x "$root/usr/$file"
	same "$file: mode" 755 "$(stat -c %a "$root/usr/$file")"
	check "$file runs" "$root/usr/$file" --version
	check "$file is the one that was built" cmp "$build/${file#bin/}" "$root/usr/$file"
done > lines
grep -v '^slabre' lines
check "both programs tell their version" test "$(grep -c '^slabre[a-z]* [0-9]' lines)" = 2
grep -q '^FAIL' lines && failed=1
for file in share/doc/slabrec/README.md share/doc/slabrec/CHANGELOG.md share/doc/slabrec/LICENSE \
	share/doc/slabrec/FORMAT.md share/slabrec/templates/report.html share/slabrec/templates/slabrec.rng \
	share/man/man1/slabrec.1 share/man/man1/slabreport.1 share/man/man5/slabrec-format.5 \
	share/bash-completion/completions/slabrec share/bash-completion/completions/slabreport share/zsh/site-functions/_slabrec \
	share/zsh/site-functions/_slabreport share/fish/vendor_completions.d/slabrec.fish share/fish/vendor_completions.d/slabreport.fish; do
	check "$file" test -s "$root/usr/$file"
	same "$file: mode" 644 "$(stat -c %a "$root/usr/$file" 2>&1)"
done
if test "$(id -u)" = 0 && test -d /sys/kernel/tracing/events/kmem; then
	run "$root/usr/bin/slabrec" -q -c kmalloc-1024 true
	status_is 0 "the installed slabrec records"
	run "$root/usr/bin/slabreport" -f text
	status_is 0 "the installed slabreport reports"
fi
finish
