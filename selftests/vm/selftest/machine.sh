#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Run with 700 MB of memory and a disk of 16 MB: is the machine as promised?

n=0 rc=0
ok()
{
	local not=
	if ! eval "$2"; then
		not='not ' rc=1
	fi
	n=$((n + 1))
	echo "${not}ok $n - $1"
}

as() { setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"; }
mounted() { [ "$(stat -f -c %T "$1")" = "$2" ]; }

echo 1..15
ok "two CPUs"			'[ "$(nproc)" = 2 ]'
ok "700 MB of memory"		'((($(sed -n "s/MemTotal: *\([0-9]*\).*/\1/p" /proc/meminfo) / 1024 - 600) ** 2 < 10000))'
ok "a disk of 16 MB"		'[ "$(blockdev --getsize64 /dev/vda)" = $((16 << 20)) ]'
ok "the disk can be written"	'mkdir /run/disk && mkfs.ext4 -q /dev/vda && mount /dev/vda /run/disk && umount /run/disk'
ok "/dev/shm"			'mounted /dev/shm tmpfs && as 1000 touch /dev/shm/x'
ok "/proc, /sys"		'mounted /proc proc && mounted /sys sysfs'
ok "debugfs, tracefs"		'mounted /sys/kernel/debug debugfs && mounted /sys/kernel/tracing tracefs'
ok "root"			'[ "$(id -un)" = root ]'
ok "user is in xseg"		'[ "$(as user id -u -n) $(as user id -G -n)" = "user user xseg" ]'
ok "other is not"		'[ "$(as other id -u -n) $(as other id -G -n)" = "other other" ]'
ok "a user sees the tree"	'as user test -r "$XSEG_SRC/Makefile"'
ok "a user has a folder"	'as user touch /run/tmp/x'
ok "modules by name"		'modprobe loop && [ -b /dev/loop0 ]'
ok "the root can be written"	'touch /usr/x "$XSEG_SRC/x" && echo x >>/etc/hosts'
ok "loopback network"		'grep -q "^ *lo:" /proc/net/dev && [ "$(cat /sys/class/net/lo/operstate)" = unknown ]'
exit $rc
