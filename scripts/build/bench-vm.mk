# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Block devices against each other, in virtual machines: see bench/vm/run.

UBLK_NULL := $(B)/bench/ublk_null
BENCH_VM  := $(filter wall icount,$(or $(BENCH_ONLY),wall icount))

bench-vm:	## compare block devices in virtual machines (BENCH_ONLY=wall or icount)
	$(Q)$(call need,user kernel vm bench-vm)
	$(Q)test -n '$(BENCH_VM)' || { echo "bench-vm: BENCH_ONLY='$(BENCH_ONLY)' is not wall or icount" >&2; exit 1; }
	$(Q)$(MAKE) $(JOBS) programs $(UBLK_NULL)
	$(Q)selftests/vm/modules 6.12 >build/bench-modules.log 2>&1 || { cat build/bench-modules.log; exit 1; }
	$(Q)bench/vm/run -b $(abspath $(B)) $(BENCH_VM)

# that header as of 6.12, whose commands Debian 12's own copy lacks
build/ublk/linux/ublk_cmd.h: FORCE
	@mkdir -p $(@D)
	$(Q)dir=$$(selftests/vm/kernel --headers 6.12) && \
		ln -sf "$${dir%-*}-common/include/uapi/linux/ublk_cmd.h" $@

$(B)/obj/bench/ublk_null.o: OBJFLAGS = -isystem build/ublk
$(B)/obj/bench/ublk_null.o: | build/ublk/linux/ublk_cmd.h
$(UBLK_NULL): $(B)/obj/bench/ublk_null.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -o $@ $< $(call pkg,--libs liburing) -lpthread

.PHONY: bench-vm
