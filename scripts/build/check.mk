# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Each check X is a front target that installs what is missing, makes run-X
# and closes with one line that counts all tests; `check` does it for many.
# run-X appends to $(RESULTS) and fails only if something does not build.

FUZZ_SECONDS ?= 30
RESULTS	     := build/results
CHECKS	     := abi-check cxx-check core-kernel-check checkpatch check-user check-callgrind check-crash \
		check-crash-kernel check-sanitize check-kernel check-block check-install

run-tests     = scripts/run-tests -r $(RESULTS) -b $(abspath $(B)) -v $(VARIANT)

define close
	$(Q)$(call need,$(NEED))
	@mkdir -p build && rm -f $(RESULTS)
	$(Q)for c in $(1); do \
		$(MAKE) run-$$c || echo "0 1 0 $$c: did not build" >>$(RESULTS); \
	done; scripts/run-tests --sum $(RESULTS)
endef

check: NEED = user test callgrind kernel vm block install
check:		## all checks, closing with the number of tests passed, failed, skipped
	$(call close,$(CHECKS))

check-user: NEED = user test
check-user:	## unit tests, selftests, failing C library, tests of the command, fuzz targets
	$(call close,$@)

check-sanitize: NEED = user test
check-sanitize:	## the same tests under ASan+UBSan and under TSan
	$(call close,$@)

check-crash: NEED = user test
check-crash:	## kill at every instruction of every call (CRASH_STRIDE=)
	$(call close,$@)

check-crash-kernel: NEED = user test kernel vm
check-crash-kernel: ## the same with kernel peers, in a virtual machine, a sample (CRASH_STRIDE=)
	$(call close,$@)

core-kernel-check: NEED = user kernel
core-kernel-check: ## core/ as kernel code, both Debian header trees, W=1, sparse
	$(call close,$@)

abi-check: NEED = user test
abi-check:	## sizes and offsets of the shared layout, 64 and 32 bit, C and C++; trust.rst has each field
	$(call close,$@)

cxx-check: NEED = user test
cxx-check:	## each public header alone, as C and as C++17
	$(call close,$@)

checkpatch:	## the kernel's style checker, --strict, on all but the tests
	$(call close,$@)

check-models: NEED = models
check-models:	## the models of the protocols, each with faults that must be found
	$(call close,$@)

run-check-models:
	$(Q)$(run-tests) -t 0 Documentation/models/run.sh

run-check-user:
	$(Q)$(MAKE) $(JOBS) tests $(FAULT_LIBRARY)
	$(Q)$(MAKE) $(JOBS) VARIANT=fuzz fuzzers
	$(Q)$(run-tests) $(TESTS) $(FAULT_LIBRARY) $(CLI_TESTS) $(BLKD_TESTS)
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) $(run-tests) -t 0 scripts/run-fuzz

run-check-crash:
	$(Q)$(MAKE) $(JOBS) $(CRASH)
	$(Q)$(run-tests) -t 0 $(CRASH)

# a machine does not see the environment but through its command line
CRASH_APPEND = $(foreach v,STRIDE SCENARIO TYPE POINT,$(if $(CRASH_$v),CRASH_$v="$(CRASH_$v)"))

run-check-crash-kernel:
	$(Q)$(MAKE) $(JOBS) programs $(CRASH)
	$(Q)for k in $(or $(KERNEL),6.12); do \
		selftests/vm/modules $$k XSEG_TEST=1 || exit; \
		VM_APPEND='$(CRASH_APPEND)' $(in-vm) $(if $(CRASH_STRIDE),-t 86400) -n $${k##*/}-crash \
			-m xseg_signal -m xseg_test $$k selftests/crash/kernel.sh; \
	done

run-check-sanitize:
	$(Q)for v in asan tsan; do $(MAKE) VARIANT=$$v run-check-variant || exit; done

run-check-variant:
	$(Q)$(MAKE) $(JOBS) tests
	$(Q)$(run-tests) $(TESTS) $(CLI_TESTS) $(BLKD_TESTS)

run-core-kernel-check:
	$(Q)$(run-tests) scripts/check-core-kernel

run-abi-check:
	$(Q)CC='$(CC)' CXX='$(CXX)' $(run-tests) scripts/check-abi scripts/check-trust

run-cxx-check:
	$(Q)CC='$(CC)' CXX='$(CXX)' $(run-tests) scripts/check-headers

run-checkpatch:
	$(Q)$(run-tests) scripts/check-style

.PHONY: check check-models run-check-models checkpatch run-checkpatch run-check-variant $(CHECKS) $(CHECKS:%=run-%)
