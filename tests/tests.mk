# Tests. tests/<room>/<unit>-test.c is one cmocka program, linked with its room and trace/.
UNIT_TESTS := $(patsubst %.c,$B/%,$(wildcard tests/trace/*-test.c tests/sampler/*-test.c tests/report/*-test.c))

link_test = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(PACKAGES) cmocka)

$B/tests/trace/%-test: $B/tests/trace/%-test.o $(TRACE)
	$(Q)$(link_test)
$B/tests/sampler/%-test: $B/tests/sampler/%-test.o $(SAMPLER) $(TRACE)
	$(Q)$(link_test)
$B/tests/report/%-test: $B/tests/report/%-test.o $(REPORT) $(TRACE)
	$(Q)$(link_test)

check-unit: $(UNIT_TESTS) ## cmocka tests: no root needed
	@for t in $(UNIT_TESTS); do echo "== $$t"; $$t || exit 1; done

.PHONY: check-unit
.SECONDARY:
