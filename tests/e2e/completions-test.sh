#!/bin/sh
# What bash, zsh and fish offer for a command line: the options of --help and no others, the words of its choices, caches, and behind
# the options of slabrec a command with its own. What is missing is to be added in contrib/completions/.
set -u
. "$(dirname "$0")/library.sh"
need_command bash zsh fish python3

# offers SHELL LINE: the candidates without what stands before them in the same word.
offers()
{
	grep -F -e "$2	" "$1.offers" | sed 's/.*	//; s/^--[a-z-]*=\(.\)/\1/; s/.*,//' | sort -u
}

for program in slabrec slabreport; do
	options_of_help $program > $program.options
	choices_of_help $program > $program.choices
	set -- "$program -" "$program --"
	while read -r option words; do
		set -- "$@" "$program $option " "$program $option="
	done < $program.choices
	set -- "$@" "slabrec -c kmalloc-1k,fil" "slabrec --cache=fil" "slabrec -c filp slabr" "slabrec -c filp -- ls --si" "slabrec -q -c filp nice /de"
	for shell in bash zsh fish; do
		"$checkout/tests/e2e/complete-in" $shell "$checkout/contrib/completions" "$@" > $shell.offers 2> err
		same "$shell: no complaint" "0 " "$? $(cat err)"
		grep -F "$program -	" $shell.offers > /dev/null || fail "$shell offers nothing for $program -"
		# zsh knows a command "-".
		{ offers $shell "$program -"; offers $shell "$program --"; } | grep -vx -e - | sort -u > found
		same "$shell: $program has the options of --help, and no others" "" "$(diff $program.options found)"
		while read -r option words; do
			wanted=$(printf '%s\n' $words | sort | xargs)
			same "$shell: $program $option WORD" "$wanted" "$(offers $shell "$program $option " | xargs)"
			same "$shell: $program $option=WORD" "$wanted" "$(offers $shell "$program $option=" | xargs)"
		done < $program.choices
	done
done
check "there are choices" test "$(cat ./*.choices | wc -l)" -ge 4
# Those of the last round are the same as those of the first.
for shell in bash zsh fish; do
	for line in "slabrec -c kmalloc-1k,fil" "slabrec --cache=fil"; do
		same "$shell: $line: caches" "$(cd /sys/kernel/slab && ls -d fil* | sort -u | xargs)" "$(offers $shell "$line" | xargs)"
	done
	same "$shell: a command's options are not slabrec's" "" "$(offers $shell "slabrec -c filp -- ls --si" | grep source)"
	same "$shell: a command's files" dev "$(offers $shell "slabrec -q -c filp nice /de" | tr -d /)"
done
PATH=$build:$PATH "$checkout/tests/e2e/complete-in" bash "$checkout/contrib/completions" "slabrec -c filp slabr" > bash.offers
same "a command" "slabrec slabreport" "$(offers bash "slabrec -c filp slabr" | xargs)"
finish
