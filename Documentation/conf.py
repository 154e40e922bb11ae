# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# For sphinx-build; run by `make docs`, see scripts/build/docs.mk.

project = 'xseg'
copyright = 'the xseg authors'
root_doc = 'index'
html_theme = 'alabaster'
html_show_copyright = False
highlight_language = 'none'
primary_domain = 'c'
