# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Benchmarks, and the check that hot calls need no more instructions than they
# did. A program whose library is not there is not built: bench/run says so.

BENCH	    := $(B)/bench
BENCH_LOADS := $(patsubst bench/%.c,$(BENCH)/%,$(call sources,bench/load-*.c))
BENCH_PAIRS := $(patsubst bench/%.c,$(BENCH)/%,$(call sources,bench/pair-*.c))
BENCH_PROGS := $(BENCH_LOADS) $(BENCH_PAIRS) $(BENCH)/wake $(BENCH)/idle $(BENCH)/scale
BENCH_CALLS := $(BENCH)/calls
# those that need what others do not, and what it is
BENCH_DPDK  := $(BENCH)/load-dpdk $(BENCH)/pair-dpdk
BENCH_ZMQ   := $(BENCH)/load-zmq
BENCH_ABLE   = $(filter-out $(if $(call pkg,--exists libdpdk && echo y),,$(BENCH_DPDK)) \
	$(if $(call pkg,--exists libzmq && echo y),,$(BENCH_ZMQ)),$(BENCH_PROGS))

bench: ## compare signals and requests with other ways (BENCH_ONLY= BENCH_REPEAT=)
	$(Q)$(if $(filter 0,$(shell id -u)),$(call need,user bench),$(call need,user))
	$(Q)$(MAKE) $(JOBS) VARIANT=release bench-programs
	$(Q)bench/run

# figures for Documentation/, from what "make bench" has left in build/bench
bench-figures: ## write what make bench has measured into Documentation/
	$(Q)bench/run --figures

bench-programs:
	$(Q)$(MAKE) $(JOBS) $(BENCH_ABLE) $(BENCH_CALLS)

check-callgrind: NEED = user callgrind
check-callgrind: ## do the hot calls need more instructions than before?
	$(call close,$@)

run-check-callgrind:
	$(Q)$(MAKE) $(JOBS) VARIANT=release $(BENCH_CALLS)
	$(Q)$(run-tests) bench/check-instructions

update-callgrind: ## write bench/instructions.txt anew
	$(Q)$(call need,user callgrind)
	$(Q)$(MAKE) $(JOBS) VARIANT=release $(BENCH_CALLS)
	$(Q)bench/check-instructions --update

$(BENCH_DPDK): LIBS = -lrte_ring -lrte_eal
$(BENCH_DPDK:$(B)/%=$(B)/obj/%.o): OBJFLAGS = $(call pkg,--cflags libdpdk)
$(BENCH_ZMQ): LIBS = $(call pkg,--libs libzmq)
$(BENCH)/load-mq: LIBS = -lrt
$(BENCH_CALLS:$(B)/%=$(B)/obj/%.o): OBJFLAGS = -DBENCH_CFLAGS='"$(CFLAGS)"'
$(BENCH_LOADS): $(call obj,bench/load.c)

$(BENCH_PROGS) $(BENCH_CALLS): $(B)/%: $(B)/obj/%.o $(call obj,bench/common.c) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -o $@ $(filter %.o,$^) $(LIB_A) $(LIB_LIBS) $(LIBS)

.PHONY: bench bench-figures bench-programs update-callgrind
