# Tests. tests/<room>/<unit>-test.c is one cmocka program, linked with its room and trace/.
UNIT_TESTS := $(patsubst %.c,$B/%,$(wildcard tests/trace/*-test.c tests/sampler/*-test.c tests/report/*-test.c))

link_test = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(PACKAGES) cmocka) $(LIBS_report)

# What the trace tests share: traces made by hand, files in memory, a trace as lines of text.
TRACE_HELPERS := $(call objects,$(addprefix tests/trace/,memory_file.c hand_made.c sample_trace.c lines.c))

$B/tests/trace/%-test: $B/tests/trace/%-test.o $(TRACE_HELPERS) $(TRACE)
	$(Q)$(link_test)
$B/tests/trace/dump $B/tests/trace/make-golden: %: %.o $(TRACE_HELPERS) $(TRACE)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(PACKAGES_trace))
$B/tests/report/make-trace $B/tests/report/make-calls $B/tests/report/make-story: %: %.o $(TRACE)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(PACKAGES_trace))
$B/tests/sampler/%-test: $B/tests/sampler/%-test.o $(SAMPLER) $(TRACE)
	$(Q)$(link_test)
$B/tests/report/%-test: $B/tests/report/%-test.o $(REPORT) $(TRACE)
	$(Q)$(link_test)

check-unit: $(UNIT_TESTS) ## cmocka tests: no root needed
	@for t in $(UNIT_TESTS); do echo "== $$t"; $$t || exit 1; done

GOLDEN_TOOLS := $B/tests/trace/dump $B/tests/trace/make-golden

check-golden: $(GOLDEN_TOOLS) ## the trace format: golden traces, bad traces, two readers compared
	@B=$B sh tests/trace/golden-test.sh
	@B=$B sh tests/trace/dump-test.sh || { status=$$?; test $$status = 77 || exit $$status; }

golden: $(GOLDEN_TOOLS) ## writes tests/golden*/ anew: only when the format changes on purpose
	$(Q)B=$B sh tests/trace/make-golden.sh

# Fuzzers have objects of their own, built by clang. A reader-fuzz needs trace/ only; any other may use report/ too.
CLANG ?= clang
FUZZ_SECONDS ?= 12
FUZZ_CFLAGS = $(filter-out -fsanitize=% --coverage -O0,$(ALL_CFLAGS)) -O1 -fsanitize=fuzzer$(comma)address$(comma)undefined \
	-fno-sanitize-recover=all
fuzz_objects = $(patsubst $B/%,$B/fuzz/%,$(1))
FUZZ_TRACE := $(call fuzz_objects,$(TRACE) $(TRACE_HELPERS))

$B/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<
$B/fuzz/gen/%.o: $B/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -c -o $@ $<
link_fuzz = $(CLANG) $(FUZZ_CFLAGS) -o $@ $^ $(shell pkg-config --libs $(PACKAGES_trace) $(PACKAGES_report)) $(LIBS_report)
$B/fuzz/reader-fuzz: $B/fuzz/tests/fuzz/reader-fuzz.o $(FUZZ_TRACE)
	$(Q)$(link_fuzz)
$B/fuzz/%-fuzz: $B/fuzz/tests/fuzz/%-fuzz.o $(FUZZ_TRACE) $(call fuzz_objects,$(REPORT))
	$(Q)$(link_fuzz)

check-fuzz: ## each tests/fuzz/*-fuzz.c for FUZZ_SECONDS, with clang's libFuzzer
	@B=$B MAKE="$(MAKE)" CLANG=$(CLANG) FUZZ_SECONDS=$(FUZZ_SECONDS) sh tests/fuzz/fuzz.sh || { status=$$?; test $$status = 77 || exit $$status; }

check-layers: ## who may include whom
	$(Q)contrib/check-layers

check-headers: ## each header compiles on its own and has its guard
	$(Q)CC='$(CC)' CFLAGS='$(ALL_CFLAGS)' contrib/check-headers

check-house: check-layers check-headers ## both, and that they fail where they have to
	@sh tests/house-test.sh
	@python3 tests/bench/run --self-test

# Workloads with a known truth, run on real kernels. Frame pointers, so that the recorder sees their callers.
WORKLOADS := $(patsubst %.c,$B/%,$(wildcard tests/kernel/*.c))
BENCH_WORKLOADS := $(patsubst %.c,$B/%,$(wildcard tests/bench/*.c))
WORKLOAD_FRAMES := -fno-omit-frame-pointer
# But for those whose chains are found without, also where the program is static, and in a library that comes later.
CHAINS := $(addprefix $B/tests/kernel/chains,-static -static-pie -library.so -second.so)
WORKLOADS += $(CHAINS)
$B/tests/kernel/chains $(CHAINS): WORKLOAD_FRAMES := -fomit-frame-pointer
$B/tests/kernel/chains-static: WORKLOAD_FRAMES += -static -DCHAINS_STATIC
$B/tests/kernel/chains-static-pie: WORKLOAD_FRAMES += -static-pie -DCHAINS_STATIC
$B/tests/kernel/chains-library.so: WORKLOAD_FRAMES += -shared -fPIC -DCHAINS_LIBRARY=library_inner
$B/tests/kernel/chains-second.so: WORKLOAD_FRAMES += -shared -fPIC -DCHAINS_LIBRARY=another_inner
$(CHAINS): tests/kernel/chains.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -O2 -g $(WORKLOAD_FRAMES) -o $@ $<
$(filter-out $(CHAINS),$(WORKLOADS)) $(BENCH_WORKLOADS): $B/%: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -O2 -g $(WORKLOAD_FRAMES) -o $@ $<

check-vm: all $(WORKLOADS) $B/tests/trace/dump ## boots the kernels of tests/vm/kernels and records truths on each; KERNELS="6.1 ..." for some
	@BUILD=$B nice -n 19 tests/vm/run $(KERNELS) || { status=$$?; test $$status = 77 || exit $$status; }

check-browser: $B/slabreport $B/tests/report/make-calls $B/tests/report/make-story $B/tests/report/make-trace ## the page in Chromium and Firefox: mouse, keys, no scripts, dark, print; pictures in build/browser
	@tests/browser/page-test $B || { status=$$?; test $$status = 77 || exit $$status; }

check-ci: all $B/tests/kernel/load-module ## the recipes of contrib/ci on a test kernel: git bisect run over versions of a module, the steps of the GitHub Actions job; logs in build/ci
	@BUILD=$(abspath $B) tests/vm/ci $(firstword $(KERNELS)) || { status=$$?; test $$status = 77 || exit $$status; }

check-exports: $B/slabreport $B/tests/report/make-calls $B/tests/report/make-story $B/tests/report/make-trace ## exports agree with the XML and are opened by what they are made for; outputs in build/exports
	@tests/exports/exports-test $B || { status=$$?; test $$status = 77 || exit $$status; }

ARCHETYPES ?= 60:1
check-archetypes: all $(WORKLOADS) ## leaks among look-alikes, recorded on 6.12: is the first suspect right? ARCHETYPES="10:3 60:6 300:2" for the whole table, "60:1 60:1:10" for one that is mended too
	@BUILD=$B tests/vm/archetypes $(or $(firstword $(KERNELS)),6.12) $(ARCHETYPES) || { status=$$?; test $$status = 77 || exit $$status; }

# Slow, and no part of check.
check-diff: all $(WORKLOADS) ## slabreport --diff on 6.12 with nothing changed and with leaks mended, and on 6.1 against 6.12: the whole table; CHANGES="60:6:1 60:6:10" for more
	@BUILD=$B tests/vm/changes $(CHANGES) || { status=$$?; test $$status = 77 || exit $$status; }

# What a recording in a VM looks like; check-archetypes leaves it.
PICTURED ?= build/vm/archetypes-6.12/60-1.slab
picture: $B/slabreport ## contrib/report.png anew: the report of PICTURED, a recording of check-archetypes, in Chromium
	@test -s $(PICTURED) || $(MAKE) check-archetypes
	@tests/browser/picture $(PICTURED) contrib/report.png $B

check-symbols: all $B/tests/report/make-trace ## records on Debian's cloud kernel and compares names with llvm-symbolizer and eu-addr2line
	@BUILD=$(abspath $B) tests/vm/symbols || { status=$$?; test $$status = 77 || exit $$status; }

# Needs root; says so and skips where it cannot record.
check-report: $B/slabreport $B/tests/report/make-trace $B/tests/report/make-story $B/tests/report/make-calls ## slabreport on golden traces and debug files: formats, exit statuses, names
	@B=$B sh tests/report/slabreport-test.sh
	@B=$B tests/report/symbols-test
	@tests/report/merge-test $B
	$(if $(SAN),,@B=$B sh tests/report/large-test.sh)

check-e2e: all $(WORKLOADS) ## the programs as people run them, on this machine's kernel; E2E="truth ..." for some
	@$(MAKE) -s SAN=1 COV= BUILD_SUFFIX=$(BUILD_SUFFIX) build/san$(BUILD_SUFFIX)/slabreport
	@BUILD=$B SANITIZED=build/san$(BUILD_SUFFIX) sh tests/e2e/run $(E2E)

check-san: ## unit and golden tests with the address and undefined behaviour sanitizers
	@$(MAKE) SAN=1 all check-unit check-golden check-report

# More events than one journal takes, and more sites than one thread judges.
check-threads: $B/slabreport $B/tests/report/make-calls ## slabreport's threads leave each other's data alone, with the thread sanitizer
	@$(MAKE) -s TSAN=1 SAN= COV= build/tsan/slabreport
	@$B/tests/report/make-calls 20000 20 > $B/threads.slab
	@build/tsan/slabreport -q -o build/tsan/threads.html $B/threads.slab
	@$B/slabreport -q -o $B/threads.html $B/threads.slab
	@cmp $B/threads.html build/tsan/threads.html && echo "threads: nothing found"

check-clang: ## the other compiler builds everything without a warning
	@$(MAKE) CC=$(CLANG) CFLAGS="-O0 -g" BUILD_SUFFIX=/clang all

# First what computes, side by side; then the emulated machines, which wait as much as they work, and in front of them, one behind the
# other, what looks at this machine's own kernel and what is short.
check: check-house all ## everything
	@$(MAKE) --no-print-directory -j$$(nproc) -Otarget check-unit check-golden check-report check-clang check-san check-threads check-fuzz check-exports
	@$(MAKE) --no-print-directory -j2 -Otarget check-vm check-beside-vm
check-beside-vm:
	@$(MAKE) --no-print-directory -j1 check-e2e
	@$(MAKE) --no-print-directory -j2 -Otarget check-browser check-ci check-archetypes check-symbols

# Slow, and no part of check.
bench: all $(WORKLOADS) $(BENCH_WORKLOADS) $B/tests/report/make-trace $B/tests/report/make-calls ## what recording costs, beside perf: writes BENCHMARKS.md; BENCH="native vm ..." for some, BENCH_LONG=1
	@BUILD=$B tests/bench/run $(BENCH) || { status=$$?; test $$status = 77 || exit $$status; }

.PHONY: bench picture check check-beside-vm check-archetypes check-browser check-ci check-diff check-exports check-symbols check-report check-vm check-e2e check-san check-clang
.PHONY: check-unit check-golden check-fuzz check-layers check-headers check-house golden
-include $(wildcard $B/tests/*/*.d $B/fuzz/*/*.d $B/fuzz/*/*/*.d)
.SECONDARY:
