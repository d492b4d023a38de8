# Completes slabrec's command line in bash, without the bash-completion package. Installed as share/bash-completion/completions/slabrec.
# tests/e2e/completions-test.sh compares it with --help.

# Names of this machine's caches behind the last comma of $1.
_slabrec_caches()
{
	local before=${1%"${1##*[,=]}"}
	local names=(/sys/kernel/slab/[!:]*)

	mapfile -t COMPREPLY < <(compgen -P "$before" -W "${names[*]##*/}" -- "${1##*[,=]}")
}

_slabrec()
{
	local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} at
	local with_value=' -c --cache -d --duration --start-when -p --pid -t --tid -G --cgroup -C --cpu --user-stack --free-stacks -o
		--output --source --peek --work --work-cmd --snapshot-on --max-size --max-memory -m --mmap-pages --maxactive --without '

	COMPREPLY=()
	# bash takes --source=bpf for three words.
	if [[ $word == = ]]; then
		word=
	elif [[ $option == = ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	# What stands behind the first word that is no option is the command's.
	for ((at = 1; at < COMP_CWORD; at++)); do
		if [[ ${COMP_WORDS[at]} == -- ]]; then
			at=$((at + 1))
			break
		elif [[ $with_value == *[[:space:]]"${COMP_WORDS[at]}"[[:space:]]* ]]; then
			at=$((at + 1))
			[[ ${COMP_WORDS[at]} != = ]] || at=$((at + 1))
		elif [[ ${COMP_WORDS[at]} != -* ]]; then
			break
		fi
	done
	if ((at < COMP_CWORD)); then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
	fi
	case $option in
	-c | --cache) _slabrec_caches "$word" ;;
	--source) mapfile -t COMPREPLY < <(compgen -W 'bpf kprobe tracepoint auto' -- "$word") ;;
	--user-stack) mapfile -t COMPREPLY < <(compgen -W 'dwarf fp none' -- "$word") ;;
	--free-stacks) mapfile -t COMPREPLY < <(compgen -W 'all some none' -- "$word") ;;
	--without)
		mapfile -t COMPREPLY < <(compgen -P "${word%"${word##*,}"}" \
			-W 'bpf walk return-args maxactive arg-names witness btf dwarf' -- "${word##*,}")
		;;
	--snapshot-on) mapfile -t COMPREPLY < <(compgen -W 'USR1 USR2 ALRM CONT WINCH URG IO PWR' -- "$word") ;;
	-o | --output) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	-G | --cgroup) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	-p | --pid | -t | --tid) mapfile -t COMPREPLY < <(cd /proc && compgen -G '[0-9]*' | grep "^$word") ;;
	-d | --duration | --start-when | -C | --cpu | --peek | --work | --max-size | --max-memory | -m | --mmap-pages | --maxactive) ;;
	*)
		if [[ $word == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W '-c --cache --list-caches --explain -d --duration --start-when -p --pid -t --tid
				-G --cgroup -C --cpu --user-stack --free-stacks -o --output --source --only-live --reclaim --peek --work --work-cmd
				--snapshot-on --max-size --max-memory -m --mmap-pages --maxactive --without -q --quiet -v --verbose
				-h --help --version' -- "$word")
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$word")
		fi
		;;
	esac
}
complete -o filenames -F _slabrec slabrec
