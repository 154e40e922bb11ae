# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Installs what belongs to the kernel: modules, their sources for dkms, and the
# files by which the device gets its group and the module is loaded at boot.

PACKAGING   := kernel/packaging
# KERNEL, or the one that runs if its headers are there
RUNNING	    := $(shell uname -r)
IN_KERNELS   = $(or $(KERNEL),$(if $(wildcard /lib/modules/$(RUNNING)/build/include),$(RUNNING)))
DKMS_DIR    := /usr/src/xseg-$(VERSION)
DKMS_FILES   = Kbuild $(wildcard LICENSES/*) $(shell find core include kernel -name '*.[ch]' -not -path 'kernel/test/*')

in-modules   = DESTDIR='$(DESTDIR)' scripts/install-modules

install: install-user $(if $(IN_KERNELS),install-modules)	## install under PREFIX (and DESTDIR); modules as below
	$(if $(IN_KERNELS),,@echo '  NOTE    no modules: no headers of $(RUNNING); see Documentation/kernel.rst')

uninstall: uninstall-user uninstall-kernel	## remove what the install targets put there

install-modules: install-system	## modules of KERNEL, or of the running kernel, in /lib/modules
	$(Q)test -n '$(IN_KERNELS)' || { echo 'install-modules: no headers of $(RUNNING) (apt-get install linux-headers-$(RUNNING)); or name another kernel: KERNEL=6.12' >&2; exit 1; }
	$(Q)$(in-modules) $(IN_KERNELS)
	$(Q)$(call put,644,$(PACKAGING)/xseg.modules-load,$(SYSDIR)/modules-load.d,xseg.conf)

install-dkms: install-system	## sources in /usr/src, for: dkms install xseg/VERSION
	$(Q)rm -rf $(call dest,$(DKMS_DIR))
	$(Q)for f in $(DKMS_FILES); do \
		install -D -m 644 $$f $(call dest,$(DKMS_DIR))/$$f || exit; \
	done
	$(Q)$(call put,755,$(PACKAGING)/dkms-symvers,$(DKMS_DIR))
	$(Q)sed 's/@VERSION@/$(VERSION)/' $(PACKAGING)/dkms.conf.in >$(call dest,$(DKMS_DIR))/dkms.conf
	$(Q)$(call put,644,$(PACKAGING)/xseg.modules-load,$(SYSDIR)/modules-load.d,xseg.conf)

install-system:
	$(Q)$(call put,644,$(PACKAGING)/60-xseg.rules,$(SYSDIR)/udev/rules.d)
	$(Q)$(call put,644,$(PACKAGING)/xseg.sysusers,$(SYSDIR)/sysusers.d,xseg.conf)

uninstall-kernel:
	$(Q)$(in-modules) --remove
	$(Q)test -n '$(DESTDIR)' || ! dkms status xseg/$(VERSION) 2>/dev/null | grep -q . || \
		dkms remove xseg/$(VERSION) --all
	$(Q)rm -rf $(call dest,$(DKMS_DIR))
	$(Q)rm -f $(addprefix $(call dest,$(SYSDIR))/,udev/rules.d/60-xseg.rules sysusers.d/xseg.conf modules-load.d/xseg.conf)

check-install: NEED = user kernel vm install
check-install:	## are modules, dkms sources and the example of a kernel driver installed whole?
	$(call close,$@)

run-check-install:
	$(Q)$(MAKE) $(JOBS) programs
	$(Q)$(run-tests) $(call sources,selftests/install/*.sh)

.PHONY: install uninstall install-modules install-dkms install-system uninstall-kernel
.PHONY: check-install run-check-install
