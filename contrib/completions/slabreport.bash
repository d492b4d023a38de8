# Completes slabreport's command line in bash, without the bash-completion package. Installed as
# share/bash-completion/completions/slabreport. tests/e2e/completions-test.sh compares it with --help.

_slabreport()
{
	local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	# bash takes --format=xml for three words.
	if [[ $word == = ]]; then
		word=
	elif [[ $option == = ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $option in
	-f | --format) mapfile -t COMPREPLY < <(compgen -W 'html xml text md json junit folded pprof speedscope firefox dhat valgrind-xml' -- "$word") ;;
	--metric) mapfile -t COMPREPLY < <(compgen -W 'bytes live growth allocs frees young wasted' -- "$word") ;;
	--redact) mapfile -t COMPREPLY < <(compgen -W 'public strict none' -- "$word") ;;
	--per) mapfile -t COMPREPLY < <(compgen -W 'work time allocations' -- "$word") ;;
	--debug-dir) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	--fail-on) mapfile -t COMPREPLY < <(compgen -W 'suspect medium high live:' -- "$word") ;;
	*)
		if [[ $word == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W '-f --format -o --output --from --diff --per --metric --redact --audit --fail-on --template --whole-page --debug-dir
				--no-debuginfod -q --quiet -h --help -V --version' -- "$word")
		elif ((COMP_CWORD == 1)); then
			mapfile -t COMPREPLY < <(compgen -W "import merge" -- "$word"; compgen -f -- "$word")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
		fi
		;;
	esac
}
complete -o filenames -F _slabreport slabreport
