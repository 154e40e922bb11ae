# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# libxseg-user, the xseg command, plug-ins, peer programs, examples.

LIB_OBJS  := $(call obj,$(call sources,core/*.c user/*.c user/types/*.c))
# the checker of segments, for the command and for tests
FSCK_OBJS := $(call obj,$(call sources,user/fsck/*.c))
TOOL_OBJS := $(call obj,$(call sources,user/tools/*.c)) $(FSCK_OBJS)
PLUGINS	  := $(patsubst user/plugins/%.c,$(B)/plugins/xseg-signal-%.so,$(call sources,user/plugins/*.c))
PEERS	  := $(patsubst user/peers/%.c,$(B)/%,$(call sources,user/peers/*.c))
BLKD_OBJS := $(call obj,$(call sources,user/peers/blkd/*.c))
BLKD	  := $(if $(BLKD_OBJS),$(B)/xseg-blkd)
EXAMPLES  := $(patsubst Documentation/examples/%.c,$(B)/examples/%,$(call sources,Documentation/examples/*.c))
TOOL	  := $(if $(TOOL_OBJS),$(B)/xseg)

LIB_A	  := $(B)/libxseg-user.a
LIB_SO	  := $(B)/libxseg-user.so
LIB_SONAME := libxseg-user.so.$(SOVERSION)
LIB_FILE  := libxseg-user.so.$(VERSION)
LIB_LIBS   = $(call pkg,--libs liburcu-bp) -lpthread -ldl
PC	  := $(B)/libxseg-user.pc

programs: $(LIB_A) $(LIB_SO) $(PC) $(TOOL) $(BLKD) $(PLUGINS) $(PEERS) $(EXAMPLES)
.PHONY: programs

$(LIB_OBJS): OBJFLAGS = -fPIC -fvisibility=hidden -fno-semantic-interposition \
	-DXSEG_PLUGIN_DIR='"$(PLUGINDIR)"' \
	-DXSEG_VERSION='"$(VERSION)"'
$(TOOL_OBJS): OBJFLAGS = $(call pkg,--cflags json-c) -DXSEG_VERSION='"$(VERSION)"'
$(BLKD_OBJS): OBJFLAGS = $(call pkg,--cflags json-c liburing)
$(B)/obj/user/plugins/%.o: OBJFLAGS = -fPIC

$(LIB_A): $(LIB_OBJS) $(B)/objects
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $(LIB_OBJS)

# A sanitizer's run-time library may be found only when a program starts.
$(B)/$(LIB_FILE): $(LIB_OBJS) user/libxseg-user.map $(B)/objects
	$(call say,LD,$@)$(XCC) -shared $(XLDFLAGS) -Wl,-Bsymbolic-functions $(if $(SAN),,-Wl,-z,defs) \
		-Wl,-soname,$(LIB_SONAME) -Wl,--version-script=user/libxseg-user.map \
		-o $@ $(LIB_OBJS) $(LIB_LIBS)

$(LIB_SO): $(B)/$(LIB_FILE)
	$(Q)ln -sf $(LIB_FILE) $(B)/$(LIB_SONAME)
	$(Q)ln -sf $(LIB_SONAME) $@

$(PC): user/libxseg-user.pc.in $(B)/flags
	$(call say,GEN,$@)sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
		-e 's|@INCDIR@|$(INCDIR)|g' -e 's|@PLUGINDIR@|$(PLUGINDIR)|g' \
		-e 's|@VERSION@|$(VERSION)|g' $< >$@

# Programs of the build tree find the library beside them; those that will be
# installed are linked once more, into $(B)/install, without that path.
link	    = $(XCC) $(XLDFLAGS) $(1) -o $@ $(filter %.o,$^) -L$(B) -lxseg-user $(LIBS)
$(TOOL) $(B)/install/xseg: LIBS = $(call pkg,--libs json-c)

$(BLKD) $(B)/install/xseg-blkd: LIBS = $(call pkg,--libs json-c liburing) -lpthread

$(B)/xseg $(B)/install/xseg: $(TOOL_OBJS) $(B)/objects
$(B)/xseg-blkd $(B)/install/xseg-blkd: $(BLKD_OBJS) $(B)/objects \
	$(call obj,user/tools/common.c user/tools/peer.c)
$(PEERS): $(B)/%: $(B)/obj/user/peers/%.o
$(PEERS:$(B)/%=$(B)/install/%): $(B)/install/%: $(B)/obj/user/peers/%.o
$(EXAMPLES): $(B)/examples/%: $(B)/obj/Documentation/examples/%.o
$(PLUGINS): $(B)/plugins/xseg-signal-%.so: $(B)/obj/user/plugins/%.o

$(B)/xseg $(B)/xseg-blkd $(PEERS): $(LIB_SO)
	$(call say,LD,$@)$(call link,-Wl$(comma)-rpath$(comma)'$$ORIGIN')

$(EXAMPLES): $(LIB_SO)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(call link,-Wl$(comma)-rpath$(comma)'$$ORIGIN/..')

$(B)/install/xseg $(B)/install/xseg-blkd $(PEERS:$(B)/%=$(B)/install/%): $(LIB_SO)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(call link)

$(PLUGINS): $(LIB_SO)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(call link,-shared)

comma := ,
