#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# What a flush or FUA acknowledged outlives the server, which has a volatile
# cache and is killed at once. XSEG_KILLS: how often.

. "$(dirname "$0")/lib.bash"
kills=${XSEG_KILLS:-8}

segment && serve -c -q 2 && add && [ -b $disk ]
ok "a disk with a volatile cache"
[ "$(cat /sys/block/xsegbd0/queue/write_cache)" = "write back" ] &&
	[ "$(cat /sys/block/xsegbd0/queue/fua)" = 1 ]
ok "the block layer knows"

# put DATA OPTION...: 64 KiB at a place of its own
put()
{
	dd if="$1" of=$disk bs=16k count=4 seek=$((4 * i)) conv=notrunc "${@:2}" 2>/dev/null
}
get() { dd if=$disk of="$dir/back" bs=16k count=4 skip=$((4 * i)) iflag=direct 2>/dev/null; }

i=0
head -c 64k /dev/urandom >"$dir/data"
put "$dir/data" oflag=direct && get && cmp -s "$dir/data" "$dir/back" &&
	unserve KILL && serve -c -q 2 && get && ! cmp -s "$dir/data" "$dir/back"
ok "what is not flushed may be lost, and is by this server"

rc=0
for ((i = 1; i <= kills; i++)); do
	head -c 64k /dev/urandom >"$dir/data"
	case $((i % 3)) in
	0) put "$dir/data" oflag=direct conv=notrunc,fsync ;;	# a flush
	1) put "$dir/data" oflag=direct,dsync ;;		# FUA
	2) put "$dir/data" conv=notrunc,fdatasync ;;		# the page cache
	esac || rc=1
	unserve KILL
	serve -c -q 2 || rc=1
	get && cmp "$dir/data" "$dir/back" || rc=1
done
[ $rc = 0 ]
ok "what is flushed is not, $kills servers killed at once"

remove
ok "the disk goes"

finish
