# Completes slabreport's command line in fish. Installed into share/fish/vendor_completions.d. tests/e2e/completions-test.sh compares it
# with --help.

complete -c slabreport -s f -l format -x -a 'html xml text md json junit folded pprof speedscope firefox dhat valgrind-xml' -d 'What to write'
complete -c slabreport -s o -l output -r -d 'Where to write it, - for standard output'
complete -c slabreport -l from -r -d 'Make it from the data in an HTML report'
complete -c slabreport -l metric -x -a 'bytes live growth allocs frees young wasted' -d 'What folded weighs by'
complete -c slabreport -l redact -x -a 'public strict none' -d 'What is left out'
complete -c slabreport -l audit -r -d 'Tell what a finished file still says about the machine'
complete -c slabreport -l fail-on -x -a 'suspect medium high live:' -d 'Exit status 1 for CI'
complete -c slabreport -l template -r -d 'The page to fill'
complete -c slabreport -l debug-dir -x -a '(__fish_complete_directories)' -d 'Look there for debug files first'
complete -c slabreport -l no-debuginfod -d 'Ask no server for debug files'
complete -c slabreport -s q -l quiet -d 'Say nothing but errors and warnings'
complete -c slabreport -s h -l help -d 'Tell the options'
complete -c slabreport -s V -l version -d 'Tell the version'
complete -c slabreport -n __fish_use_subcommand -a import -d 'Make a trace of a recording of perf'
complete -c slabreport -n __fish_use_subcommand -a merge -d 'Tell recordings of many machines as one'
