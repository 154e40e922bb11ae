# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Test programs. All use the static library, so that unit tests reach its
# internals. It is linked whole and exported: a plug-in that a test loads then
# calls this copy of the library, not a second one of its own.

TEST_LIB  := $(call obj,$(call sources,selftests/lib/*.c))
TEST_SRCS := $(call sources,selftests/core/*.c selftests/signal/*.c)
TESTS	  := $(patsubst %.c,$(B)/%,$(TEST_SRCS))
CLI_TESTS := $(call sources,selftests/cli/*.sh)
URINGLOCK := $(B)/selftests/blkd/uringlock
BLKD_TESTS := $(URINGLOCK) $(call sources,selftests/blkd/*.sh)
BLKCLIENT_OBJS := $(call obj,$(call sources,selftests/blkd/blkclient*.c))
BLKCLIENT := $(B)/selftests/blkd/blkclient
FUZZERS	  := $(patsubst %.c,$(B)/%,$(call sources,selftests/fuzz/*.c))

# one program: kill at every instruction
CRASH_SRCS := $(call sources,selftests/crash/*.c)
CRASH	  := $(B)/selftests/crash/crash

tests: programs $(TESTS) $(BLKCLIENT) $(URINGLOCK)
fuzzers: $(FUZZERS)
.PHONY: tests fuzzers

# the kernel's kselftest.h and its harness, whose macros define test functions
build/kselftest: FORCE | deps-user
	@mkdir -p $(@D)
	$(Q)dir=$$(scripts/kselftest-dir) && ln -sfn "$$dir" $@

$(TEST_LIB) $(call obj,$(TEST_SRCS)): OBJFLAGS = -isystem build/kselftest -Wno-missing-prototypes
$(TEST_LIB) $(call obj,$(TEST_SRCS)): | build/kselftest

$(TESTS): $(B)/%: $(B)/obj/%.o $(TEST_LIB) $(FSCK_OBJS) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -rdynamic -o $@ $(filter %.o,$^) \
		-Wl,--whole-archive $(LIB_A) -Wl,--no-whole-archive \
		$(if $(filter $(B)/selftests/core/%,$@),$(call pkg,--libs cmocka)) $(LIB_LIBS)

$(BLKCLIENT): $(BLKCLIENT_OBJS) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -rdynamic -o $@ $(filter %.o,$^) \
		-Wl,--whole-archive $(LIB_A) -Wl,--no-whole-archive $(LIB_LIBS)

$(URINGLOCK): $(B)/%: $(B)/obj/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -o $@ $< $(call pkg,--libs liburing)

# the plug-in is part of it: its instructions are the victim's, too
$(CRASH): $(call obj,$(CRASH_SRCS) user/plugins/fifo.c) $(FSCK_OBJS) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -o $@ $(filter %.o,$^) $(LIB_A) $(LIB_LIBS)

$(B)/obj/selftests/fuzz/%.o: OBJFLAGS = -Wno-missing-prototypes

$(FUZZERS): $(B)/%: $(B)/obj/%.o $(TEST_LIB) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(XCC) $(XLDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(LIB_A) $(LIB_LIBS)
