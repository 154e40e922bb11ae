# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Tests of xsegbd.ko in virtual machines, with a server that can misbehave.

BTEST_SRCS  := $(call sources,selftests/block/*.c)
BTEST_PROG  := $(if $(BTEST_SRCS),$(B)/selftests/block/server)
BTEST_FILES := $(call sources,selftests/block/*.sh)

check-block: NEED = user kernel vm block
check-block:	## tests of the block driver in virtual machines, KERNEL or 6.1 and 6.12
	$(call close,$@)

run-check-block:
	$(Q)$(MAKE) $(JOBS) programs $(BTEST_PROG)
	$(Q)for k in $(KERNELS); do \
		selftests/vm/modules $$k XSEG_TEST=1 || exit; \
		VM_MEM=2048 $(in-vm) -n $${k##*/}-block -m xseg_signal -m xsegbd \
			$$k $(BTEST_FILES) || exit; \
	done

# it uses the insides of the library
$(BTEST_PROG): $(call obj,$(BTEST_SRCS)) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -o $@ $^ $(LIB_LIBS)

.PHONY: check-block run-check-block
