# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# xseg: the front door. What is built from what stands in scripts/build/.
# Everything made goes to build/VARIANT; the source tree stays clean.

VERSION   := 0.1.0
SOVERSION := 0

VARIANT	  ?= release
B	  := build/$(VARIANT)

PREFIX	  ?= /usr/local
BINDIR	  ?= $(PREFIX)/bin
LIBDIR	  ?= $(PREFIX)/lib
INCDIR	  ?= $(PREFIX)/include
MANDIR	  ?= $(PREFIX)/share/man
PLUGINDIR ?= $(LIBDIR)/xseg
# has udev/rules.d, sysusers.d, modules-load.d
SYSDIR	  ?= $(PREFIX)/lib
UNITDIR	  ?= $(PREFIX)/lib/systemd/system

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.SUFFIXES:

ifeq ($(V),1)
Q   :=
say :=
else
Q   := @
say  = @printf '  %-7s %s\n' $(1) $(2);
endif

all: programs	## build the library, the xseg command, plug-ins, peers, examples (default)

include scripts/build/flags.mk
include scripts/build/user.mk
include scripts/build/tests.mk
include scripts/build/install.mk
include scripts/build/check.mk
include scripts/build/vm.mk
include scripts/build/bench-vm.mk
include scripts/build/install-kernel.mk
include scripts/build/block.mk
include scripts/build/debug.mk
include scripts/build/docs.mk
include scripts/build/bench.mk

demo:		## install what is missing, build, and show a disk whose server is killed
	$(Q)$(call need,user demo kernel vm)
	$(Q)$(MAKE) $(JOBS) all
	$(Q)selftests/vm/modules 6.12 >build/demo-modules.log 2>&1 || { cat build/demo-modules.log; exit 1; }
	$(Q)XSEG_BUILD=$(abspath $(B)) scripts/demo.sh vm

demo-host:	## the same on this machine itself, which must have the modules
	$(Q)$(call need,user demo)
	$(Q)$(MAKE) $(JOBS) all
	$(Q)XSEG_BUILD=$(abspath $(B)) scripts/demo.sh host

demo-user:	## user domain only: real data between processes
	$(Q)$(call need,user demo)
	$(Q)$(MAKE) $(JOBS) all
	$(Q)XSEG_BUILD=$(abspath $(B)) scripts/demo-user.sh

clean:		## remove what was built of this VARIANT
	$(Q)rm -rf $(B)

distclean:	## remove all of build/
	$(Q)rm -rf build

help:		## list the targets
	@echo 'Targets:'
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1\t\2/p' \
		$(MAKEFILE_LIST) | awk -F'\t' '{ printf "  %-18s %s\n", $$1, $$NF }'
	@echo 'Variables:'
	@echo '  V=1                show the commands'
	@echo '  VARIANT=           release (default), asan, tsan; output in build/VARIANT'
	@echo '  CC= CFLAGS= LDFLAGS= WERROR=0   compiler, its options, warnings are no errors'
	@echo '  PREFIX= LIBDIR= DESTDIR=   where to install'
	@echo '  KERNEL=            6.1, 6.12, a release in /lib/modules, or a path'
	@echo '  FUZZ_SECONDS=30    how long check-user runs each fuzz target'
	@echo '  CRASH_STRIDE=509   how many instructions check-crash steps over (1: none)'
	@echo '  HOSTILE_SECONDS=60 HOSTILE_SEED=   how long check-hostile lies, from which seed'
	@echo '  BENCH_ONLY= BENCH_DISKS=   for bench-vm: wall or icount; words of names of disks'
	@echo '  DEPS=no            do not look for (or, as root, install) Debian packages'

.PHONY: all demo demo-host demo-user clean distclean help FORCE
FORCE:
