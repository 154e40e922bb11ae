# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Compiler options, variants, the one rule that compiles.

ifeq ($(origin CC),default)
CC := gcc
endif
CXX	 ?= g++
ifeq ($(origin CXX),default)
CXX := g++
endif
FUZZ_CC	 ?= clang
CFLAGS	 ?= -O2 -g
WERROR	 ?= 1

SAN_release :=
SAN_asan    := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_tsan    := -fsanitize=thread -fno-omit-frame-pointer
SAN_fuzz    := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

ifeq ($(filter $(VARIANT),release asan tsan fuzz),)
$(error VARIANT=$(VARIANT): not one of release asan tsan fuzz)
endif
SAN  := $(SAN_$(VARIANT))
XCC  := $(if $(filter fuzz,$(VARIANT)),$(FUZZ_CC),$(CC))

WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	-Wpointer-arith -Wvla -Wno-unused-parameter
# gcc warns of every fence under TSan, whose model has none
WARN += $(if $(filter tsan,$(VARIANT)),-Wno-unknown-warning-option -Wno-tsan)
WARN += $(if $(filter 1,$(WERROR)),-Werror)

# No strict aliasing, as in the kernel that compiles the same core.
XCPPFLAGS = -Iinclude -I. -D_GNU_SOURCE= -D_FILE_OFFSET_BITS=64 $(CPPFLAGS)
XCFLAGS	  = -std=gnu11 -fno-plt $(WARN) -fno-strict-aliasing $(CFLAGS) $(EXTRA_CFLAGS) $(SAN)
XLDFLAGS  = $(SAN) -Wl,-z,relro,-z,now $(LDFLAGS)

# $(call pkg,--libs NAME): asked when a recipe needs it, not before
pkg	  = $(shell pkg-config $(1))

# $(call need,GROUP...): Debian packages; installs them when root
need	  = $(if $(filter no,$(DEPS)),:,scripts/deps $(1))

# for sub-makes: as many jobs as there are CPUs, unless -j was given
JOBS	  = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

deps-user:
	$(Q)$(call need,user)
.PHONY: deps-user

# Files that change, and so rebuild, when options do or a source goes away
STAMP_flags   = $(XCC) $(XCPPFLAGS) $(XCFLAGS) $(XLDFLAGS) $(VERSION) \
		$(BINDIR) $(LIBDIR) $(INCDIR) $(PLUGINDIR) $(UNITDIR)
STAMP_objects = $(LIB_OBJS) $(TOOL_OBJS) $(BLKD_OBJS) $(TEST_LIB)
quote	      = '$(subst ','\'',$(1))'
$(B)/flags $(B)/objects: $(B)/%: FORCE | deps-user
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(STAMP_$*)) | cmp -s - $@ || \
		printf '%s\n' $(call quote,$(STAMP_$*)) >$@

# Own options of one file's kind are added as OBJFLAGS.
$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(XCC) $(XCPPFLAGS) $(XCFLAGS) $(OBJFLAGS) -MMD -MP -c -o $@ $<

obj	  = $(patsubst %.c,$(B)/obj/%.o,$(1))
sources	  = $(sort $(wildcard $(1)))
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
