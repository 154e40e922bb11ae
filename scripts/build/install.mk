# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Installs the user side and the headers. The kernel's: install-kernel.mk.

HEADERS	  := $(call sources,include/xseg/*.h)
MAN1	  := $(call sources,Documentation/man/*.1)
INSTALLED := $(if $(TOOL),$(B)/install/xseg) $(if $(BLKD),$(B)/install/xseg-blkd) \
	     $(PEERS:$(B)/%=$(B)/install/%)

UNITS	  := $(patsubst packaging/%,$(B)/install/%,$(call sources,packaging/*.service))

$(UNITS): $(B)/install/%: packaging/% $(B)/flags
	@mkdir -p $(@D)
	$(call say,GEN,$@)sed -e 's|@BINDIR@|$(BINDIR)|g' $< >$@

dest	  = $(DESTDIR)$(1)
put	  = $(if $(2),install -d $(call dest,$(3)) && install -m $(1) $(2) $(call dest,$(3))/$(4),:)

install-user: programs $(INSTALLED) $(UNITS)	## library, command, plug-ins, headers, pages only
	$(Q)$(call put,755,$(INSTALLED),$(BINDIR))
	$(Q)$(call put,644,$(LIB_A) $(B)/$(LIB_FILE),$(LIBDIR))
	$(Q)ln -sf $(LIB_FILE) $(call dest,$(LIBDIR))/$(LIB_SONAME)
	$(Q)ln -sf $(LIB_SONAME) $(call dest,$(LIBDIR))/libxseg-user.so
	$(Q)$(call put,644,$(PC),$(LIBDIR)/pkgconfig)
	$(Q)$(call put,644,$(PLUGINS),$(PLUGINDIR))
	$(Q)$(call put,644,$(HEADERS),$(INCDIR)/xseg)
	$(Q)$(call put,644,$(MAN1),$(MANDIR)/man1)
	$(Q)$(call put,644,$(UNITS),$(UNITDIR))
	$(Q)test -n "$(DESTDIR)" || ldconfig 2>/dev/null || :

uninstall-user:
	$(Q)rm -f $(addprefix $(call dest,$(BINDIR))/,$(notdir $(INSTALLED))) \
		$(addprefix $(call dest,$(LIBDIR))/,libxseg-user.a libxseg-user.so $(LIB_SONAME) $(LIB_FILE)) \
		$(call dest,$(LIBDIR))/pkgconfig/$(notdir $(PC)) \
		$(addprefix $(call dest,$(PLUGINDIR))/,$(notdir $(PLUGINS))) \
		$(addprefix $(call dest,$(INCDIR))/xseg/,$(notdir $(HEADERS))) \
		$(addprefix $(call dest,$(MANDIR))/man1/,$(notdir $(MAN1))) \
		$(addprefix $(call dest,$(UNITDIR))/,$(notdir $(UNITS)))
	$(Q)rmdir $(call dest,$(PLUGINDIR)) $(call dest,$(INCDIR))/xseg 2>/dev/null || :

.PHONY: install-user uninstall-user
