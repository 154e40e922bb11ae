# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Benchmarks, and the check that hot calls need no more instructions than they
# did. Programs whose libraries are not there are not built: bench/run says so.

BENCH	    := $(B)/bench
BENCH_OBJS  := $(call obj,bench/common.c)
BENCH_CALLS := $(BENCH)/calls

bench-link  = $(XCC) $(XLDFLAGS) -o $@ $(filter %.o,$^) $(LIB_A) $(LIB_LIBS) $(LIBS)

check-callgrind: NEED = user callgrind
check-callgrind: ## do the hot calls need more instructions than before?
	$(call close,$@)

run-check-callgrind:
	$(Q)$(MAKE) $(JOBS) VARIANT=release $(BENCH_CALLS)
	$(Q)$(run-tests) bench/check-instructions

update-callgrind: ## write bench/instructions.txt anew
	$(Q)$(call need,user callgrind)
	$(Q)$(MAKE) $(JOBS) VARIANT=release $(BENCH_CALLS)
	$(Q)bench/check-instructions --update && git --no-pager diff --stat -- bench/instructions.txt

$(B)/obj/bench/calls.o: OBJFLAGS = -DBENCH_CFLAGS='"$(CFLAGS)"'

$(BENCH_CALLS): $(B)/bench/%: $(B)/obj/bench/%.o $(BENCH_OBJS) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(bench-link)

.PHONY: update-callgrind
