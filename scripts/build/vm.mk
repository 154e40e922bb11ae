# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The kernel modules, and virtual machines to test in: selftests/vm/run.

KERNEL	    ?=
KERNELS	    := $(or $(KERNEL),6.1 6.12)
KTEST_SRCS  := $(call sources,selftests/kernel/*.c)
KTESTS	    := $(patsubst %.c,$(B)/%,$(KTEST_SRCS))
KTEST_FILES := $(KTESTS) $(call sources,selftests/kernel/*.sh)
KTEST_LOAD  := xseg_signal $(if $(wildcard kernel/test/*.c),xseg_test)
# libxseg-user on other kernels than the one of this machine; fewer rounds of
# what runs in full there, and nothing that compiles
VM_BUILT     = $(filter $(B)/selftests/signal/%,$(TESTS))
VM_TESTS     = $(VM_BUILT) $(call sources,$(addprefix selftests/cli/,death.sh segment.sh signal.sh))
VM_ROUNDS    = XSEG_TEST_ROUNDS=$(or $(XSEG_TEST_ROUNDS),2000)

modules:	## kernel modules for KERNEL, in build/modules/VERSION (W=1 C=1 work)
	$(Q)$(call need,kernel)
	$(Q)for k in $(KERNELS); do selftests/vm/modules $$k || exit; done

vm:		## a shell in a virtual machine with KERNEL (6.12), modules and programs
	$(Q)$(call need,user kernel vm)
	$(Q)$(MAKE) $(JOBS) programs $(KTESTS)
	$(Q)[ ! -e Kbuild ] || selftests/vm/modules $(or $(KERNEL),6.12) XSEG_TEST=1
	$(Q)selftests/vm/run -b $(abspath $(B)) $(or $(KERNEL),6.12)

check-kernel: NEED = user test kernel vm
check-kernel:	## tests of module and library in virtual machines, KERNEL or 6.1 and 6.12
	$(call close,$@)

check-vm: NEED = kernel vm
check-vm:	## does the runner of virtual machines notice what goes wrong in them?
	$(call close,$@)

# a full number of rounds takes hours
in-vm = selftests/vm/run -r $(RESULTS) -b $(abspath $(B)) $(if $(XSEG_ROUNDS),-t 86400)

run-check-kernel:
	$(Q)$(MAKE) $(JOBS) programs $(VM_BUILT) $(KTESTS)
	$(Q)for k in $(KERNELS); do \
		$(if $(VM_TESTS),$(VM_ROUNDS) $(in-vm) -n $${k##*/}-user $$k $(VM_TESTS) || exit;) \
		$(if $(KTEST_FILES),selftests/vm/modules $$k XSEG_TEST=1 || exit; \
			$(in-vm) $(KTEST_LOAD:%=-m %) $$k $(KTEST_FILES) || exit;) \
	done

run-check-vm:
	$(Q)$(run-tests) selftests/vm/selftest/run

# built like the library's tests
$(call obj,$(KTEST_SRCS)): OBJFLAGS = -isystem build/kselftest -Wno-missing-prototypes
$(call obj,$(KTEST_SRCS)): | build/kselftest

$(KTESTS): $(B)/%: $(B)/obj/%.o $(TEST_LIB) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -rdynamic -o $@ $(filter %.o,$^) \
		-Wl,--whole-archive $(LIB_A) -Wl,--no-whole-archive $(LIB_LIBS)

.PHONY: modules vm check-kernel check-vm run-check-kernel run-check-vm
