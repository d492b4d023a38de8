# Completes slabrec's command line in fish. Installed into share/fish/vendor_completions.d. tests/e2e/completions-test.sh compares it with
# --help.

# The words of the command that is recorded, as far as it stands there.
function __slabrec_words
    set -l words (commandline -opc)
    set -l valued -c --cache -d --duration --start-when -p --pid -t --tid -G --cgroup -C --cpu --user-stack --free-stacks -o --output \
        --source --peek --work --work-cmd --snapshot-on --max-size --max-memory -m --mmap-pages --maxactive --without
    set -e words[1]
    while set -q words[1]
        if test "$words[1]" = --
            set -e words[1]
            break
        else if contains -- $words[1] $valued
            set -e words[1]
        else if not string match -q -- '-*' $words[1]
            break
        end
        set -e words[1]
    end
    string join \n -- $words
end

# Options are slabrec's as long as there is no command.
function __slabrec_options
    test -z (__slabrec_words | string join ' ')
end

function __slabrec_command
    set -l words (__slabrec_words | string escape)
    set -l line (string trim -l -- "$words "(commandline -ct))
    string match -q -- '-*' $line
    or complete "--do-complete=$line"
end

# Names of this machine's caches behind the last comma of the word.
function __slabrec_caches
    set -l before (commandline -ct | string replace -rf '^(.*[,=])[^,=]*$' '$1' | string replace -r '^(-c|--cache=)' '')
    for cache in /sys/kernel/slab/*
        string match -q '*:*' $cache
        or echo "$before"(basename $cache)
    end
end

function __slabrec_features
    set -l before (commandline -ct | string replace -rf '^(.*,)[^,]*$' '$1' | string replace -r '^--without=' '')
    for feature in bpf walk return-args maxactive arg-names witness btf dwarf
        echo "$before$feature"
    end
end

complete -c slabrec -f -a '(__slabrec_command)'
complete -c slabrec -n __slabrec_options -s c -l cache -x -a '(__slabrec_caches)' -d 'Slab cache: a name, a glob, =NAME for exactly one'
complete -c slabrec -n __slabrec_options -l list-caches -d 'List the caches of this machine'
complete -c slabrec -n __slabrec_options -l explain -d 'Print the probes that a recording would set, and why'
complete -c slabrec -n __slabrec_options -s d -l duration -x -d 'End after so many seconds'
complete -c slabrec -n __slabrec_options -l start-when -x -d 'Begin when it holds, as "filp>500000 objects"'
complete -c slabrec -n __slabrec_options -s p -l pid -x -a '(__fish_complete_pids)' -d 'Only allocations of this process and its children'
complete -c slabrec -n __slabrec_options -s t -l tid -x -a '(__fish_complete_pids)' -d 'Only allocations of this thread'
complete -c slabrec -n __slabrec_options -s G -l cgroup -x -a '(__fish_complete_directories)' -d 'Only allocations in this cgroup and those below'
complete -c slabrec -n __slabrec_options -s C -l cpu -x -d 'Only allocations on these CPUs, as 0-3,7'
complete -c slabrec -n __slabrec_options -l user-stack -x -a 'dwarf fp none' -d 'User call chains'
complete -c slabrec -n __slabrec_options -l free-stacks -x -a 'all some none' -d 'Call chains of frees'
complete -c slabrec -n __slabrec_options -s o -l output -r -d 'Where the trace goes, - for a pipe'
complete -c slabrec -n __slabrec_options -l source -x -a 'bpf kprobe tracepoint auto' -d 'Where events come from'
complete -c slabrec -n __slabrec_options -l only-live -d 'Keep live objects and counts of the freed: for days'
complete -c slabrec -n __slabrec_options -l reclaim -d 'At the end drop caches: this changes the machine'
complete -c slabrec -n __slabrec_options -l peek -x -d 'At the end copy so many first bytes of a few live objects'
complete -c slabrec -n __slabrec_options -l work -x -d 'Units of work that the workload does'
complete -c slabrec -n __slabrec_options -l work-cmd -x -a '(__fish_complete_command)' -d 'A command that prints how many units of work were done'
complete -c slabrec -n __slabrec_options -l snapshot-on -x -a 'USR1 USR2 ALRM CONT WINCH URG IO PWR' -d 'On this signal write a trace so far'
complete -c slabrec -n __slabrec_options -l max-size -x -d 'End when the trace is this large, as 500M'
complete -c slabrec -n __slabrec_options -l max-memory -x -d 'End when slabrec itself takes this much, as 500M'
complete -c slabrec -n __slabrec_options -s m -l mmap-pages -x -d 'Ring of each CPU in pages, a power of two'
complete -c slabrec -n __slabrec_options -l maxactive -x -d 'Calls that a return probe follows at once'
complete -c slabrec -n __slabrec_options -l without -x -a '(__slabrec_features)' -d 'Do not use a feature of the kernel'
complete -c slabrec -n __slabrec_options -s q -l quiet -d 'No progress and no summary'
complete -c slabrec -n __slabrec_options -s v -l verbose -d 'Tell which probes are set and why'
complete -c slabrec -n __slabrec_options -s h -l help -d 'Tell the options'
complete -c slabrec -n __slabrec_options -l version -d 'Tell the version'
