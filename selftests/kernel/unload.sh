#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# Unloading the modules at any moment: refused while somebody needs them, done
# cleanly else. Needs both modules where insmod or modprobe finds them:
# XSEG_MODULES, or the folder of this kernel's modules.

dir=${XSEG_MODULES:-$(dirname "$(find /lib/modules/"$(uname -r)" "${XSEG_SRC:-.}/build/modules/$(uname -r)" -name xseg_signal.ko 2>/dev/null | head -1)")}
rounds=${XSEG_UNLOADS:-50}
PATH=${XSEG_BUILD:-build/release}:$PATH
nr=0 rc=0

ok()
{
	local status=$?
	nr=$((nr + 1))
	[ $status = 0 ] && echo "ok $nr - $1" && return
	echo "not ok $nr - $1"
	rc=1
}

load() { insmod "$dir/xseg_signal.ko" && insmod "$dir/xseg_test.ko"; }
unload() { rmmod xseg_test && rmmod xseg_signal; }
refused() { ! rmmod xseg_signal 2>/dev/null && [ -c /dev/xseg_signal ]; }
start() { echo "$*" >/sys/kernel/debug/xseg_test/start; }

[ -e "$dir/xseg_test.ko" ] || { echo "1..0 # SKIP no modules in $dir"; exit 4; }
rmmod xseg_test 2>/dev/null
rmmod xseg_signal 2>/dev/null
xseg destroy --force unload 2>/dev/null
xseg create unload || exit 1

load && unload
ok "loads and unloads"

load && exec 5<>/dev/xseg_signal && rmmod xseg_test && refused
ok "refused while the device is open"
exec 5>&-

insmod "$dir/xseg_test.ko" && xseg attach unload && rmmod xseg_test && refused
ok "refused while a segment is kept attached"

insmod "$dir/xseg_test.ko" && start echo unload 1 && refused
ok "refused while a kernel peer is there"

! xseg detach unload 2>/dev/null
ok "detach refused while a kernel peer is there"

rmmod xseg_test && xseg detach unload && rmmod xseg_signal
ok "a test peer that sleeps goes with its module"

failed=0
for ((i = 0; i < rounds; i++)); do
	load && xseg attach unload || failed=1
	start echo unload 1 && start direct unload 2 && start work unload 3
	start source unload 4 1 1000000 8
	start source unload 5 2 1000000 8
	start source unload 6 3 1000000 8
	sleep 0.0$((RANDOM % 5))
	rmmod xseg_test && xseg detach unload && rmmod xseg_signal || failed=1
	[ $failed = 0 ] || break
done
[ $failed = 0 ]
ok "unloaded under traffic, $rounds times"

xseg info unload >/dev/null && xseg destroy unload
ok "the segment is whole after"

echo "1..$nr"
exit $rc
