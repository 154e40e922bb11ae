# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Kernels that check themselves, and what is run to have them complain.

HOSTILE	     := $(B)/selftests/hostile/hostile
HOSTILE_OBJS := $(call obj,$(call sources,selftests/hostile/*.c))

HOSTILE_SECONDS ?= 60
HOSTILE_VM = VM_MEM=2560 VM_APPEND='HOSTILE_SECONDS=$(HOSTILE_SECONDS) $(HOSTILE_SEED:%=HOSTILE_SEED=%)'
DEBUG_NAMES := kasan kcsan
# these machines are slow
DEBUG_SECONDS := $(shell echo $$(($(HOSTILE_SECONDS) * 3 + 7200)))

debug-kernel:	## build the kernels kasan and kcsan, once, into the cache
	$(Q)$(call need,debug)
	$(Q)for k in $(DEBUG_NAMES); do selftests/vm/debug-kernel $$k || exit; done

check-hostile: NEED = user test kernel vm
check-hostile:	## processes that lie to the kernel, HOSTILE_SECONDS on KERNEL (6.12)
	$(call close,$@)

check-debug: NEED = user test kernel vm block debug
check-debug:	## kernel, block, hostile and fault tests on the kernels that check themselves
	$(call close,$@)

run-check-hostile:
	$(Q)$(MAKE) $(JOBS) programs $(HOSTILE)
	$(Q)for k in $(or $(KERNEL),6.12); do \
		selftests/vm/modules $$k XSEG_TEST=1 || exit; \
		$(HOSTILE_VM) $(in-vm) -t $$(($(HOSTILE_SECONDS) * 3 + 900)) -n $${k##*/}-hostile \
			$(KTEST_LOAD:%=-m %) -m xsegbd $$k $(HOSTILE); \
	done

# On each of them: what the runner finds on the console and in kmemleak is a
# failed test. Fault injection is in kasan alone, the program skips elsewhere.
# In machines of their own: the kernel tests leave no module loaded.
run-check-debug:
	$(Q)$(MAKE) $(JOBS) programs $(KTESTS) $(BTEST_PROG) $(HOSTILE) $(FAULT_KERNEL)
	$(Q)for k in $(or $(KERNEL),$(DEBUG_NAMES)); do \
		selftests/vm/modules $$k XSEG_TEST=1 || exit; \
		VM_MEM=2560 $(in-vm) -t $(DEBUG_SECONDS) -n $$k-debug $(KTEST_LOAD:%=-m %) \
			$$k $(KTEST_FILES); \
		$(HOSTILE_VM) $(in-vm) -t $(DEBUG_SECONDS) -n $$k-debug-hostile \
			$(KTEST_LOAD:%=-m %) -m xsegbd $$k $(FAULT_KERNEL) $(HOSTILE); \
		VM_MEM=3072 $(in-vm) -t $(DEBUG_SECONDS) -n $$k-debug-block \
			-m xseg_signal -m xsegbd $$k $(BTEST_FILES); \
	done

$(HOSTILE_OBJS): OBJFLAGS = -isystem build/kselftest -Wno-missing-prototypes
$(HOSTILE_OBJS): | build/kselftest

$(HOSTILE): $(HOSTILE_OBJS) $(TEST_LIB) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -o $@ $(filter %.o,$^) $(LIB_A) $(LIB_LIBS)

.PHONY: debug-kernel check-hostile check-debug run-check-hostile run-check-debug

# The library with a C library that fails: selftests/fault/shim.c
FAULT_LIBRARY := $(B)/selftests/fault/library
FAULT_OBJS    := $(call obj,selftests/fault/library.c selftests/fault/shim.c)
FAULT_KERNEL  := $(B)/selftests/fault/kernel
FAULT_KERNEL_OBJS := $(call obj,selftests/fault/kernel.c)
FAULT_WRAPS   := malloc calloc free mmap64 ftruncate64 fallocate64 memfd_create \
	linkat fchmod pread64 pwrite64 eventfd socket bind listen connect \
	sendmsg recvmsg send recv setsockopt getsockopt fopen64 getrandom dlopen \
	open64 fcntl64 pthread_create pthread_key_create pthread_setspecific

$(FAULT_OBJS) $(FAULT_KERNEL_OBJS): OBJFLAGS = -isystem build/kselftest -Wno-missing-prototypes
$(FAULT_OBJS) $(FAULT_KERNEL_OBJS): | build/kselftest

$(FAULT_KERNEL): $(FAULT_KERNEL_OBJS) $(TEST_LIB) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -rdynamic -o $@ $(filter %.o,$^) \
		-Wl,--whole-archive $(LIB_A) -Wl,--no-whole-archive $(LIB_LIBS)

$(FAULT_LIBRARY): $(FAULT_OBJS) $(TEST_LIB) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -rdynamic $(FAULT_WRAPS:%=-Wl,--wrap=%) \
		-o $@ $(filter %.o,$^) -Wl,--whole-archive $(LIB_A) -Wl,--no-whole-archive $(LIB_LIBS)
