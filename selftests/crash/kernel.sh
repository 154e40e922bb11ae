#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Kill at every instruction, with kernel peers: of a sample, see crash.c.
#
# TIMEOUT=86400

CRASH_KERNEL=1 exec "$XSEG_BUILD/selftests/crash/crash"
