# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# HTML in build/docs: the pages of Documentation/, and the comments of the
# public headers as the kernel's own script reads them.

DOCS	  := build/docs
DOCS_SRC  := build/docs-source
DOCS_API  := xseg signal_type kernel ioctl abi

# what kernel-doc does not know: alignment of a member, sparse marks
docs-plain = sed -e 's/ __xseg_line//' -e 's/ __xseg_shared//g'

docs:		## HTML of Documentation/ and of the public calls, in build/docs
	$(Q)$(call need,docs)
	$(Q)rm -rf $(DOCS_SRC) && mkdir -p $(DOCS_SRC)/api $(DOCS_SRC)/include
	$(Q)cp -r Documentation/*.rst Documentation/conf.py Documentation/examples $(DOCS_SRC)
	$(Q)kerneldoc=$$(scripts/kselftest-dir --top)/scripts/kernel-doc && \
	for h in $(DOCS_API); do \
		$(docs-plain) include/xseg/$$h.h >$(DOCS_SRC)/include/$$h.h && \
		{ echo "$$h.h"; echo "$$h.h" | sed 's/./=/g'; echo; \
		  perl $$kerneldoc -rst -sphinx-version 5.3.0 $(DOCS_SRC)/include/$$h.h; \
		} >$(DOCS_SRC)/api/$$h.rst || exit; \
	done
	$(Q)sphinx-build -q -W --keep-going -b html $(DOCS_SRC) $(DOCS)
	@echo '  DOCS    $(DOCS)/index.html'

.PHONY: docs
