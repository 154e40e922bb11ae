#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Loads the module that does what the kernel's command line says.

echo 1..1
act=$(sed -n 's/.*selftest=\([a-z]*\).*/\1/p' /proc/cmdline)
insmod "$XSEG_SRC/build/vm-selftest/$(uname -r)/vm_selftest.ko" act="$act" || exit 1
[ "$act" != hang ] || sleep 60
echo "ok 1 - $act"
