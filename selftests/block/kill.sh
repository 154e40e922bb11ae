#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=1800
#
# The server is killed again and again, each time followed by a new one, while
# fio writes and verifies. XSEG_KILLS: how often.

. "$(dirname "$0")/lib.bash"
kills=${XSEG_KILLS:-20}

segment
ok "a segment for the kernel"
# every other one keeps some and answers them in random order
next()
{
	local how=none
	[ $((i % 2)) = 0 ] || how=order
	serve -q 2 -j "$dir/journal" -m $how
}
# it must not have ended by itself: it does when a write is given out twice
end()
{
	kill -KILL "$server"
	wait "$server" 2>/dev/null
	[ $? = 137 ]
}
serve -q 2 -j "$dir/journal" && add && [ -b $disk ]
ok "a disk"

sync $disk
before=$(counters)

start_fio kills --rw=randrw --rwmixread=30 --bsrange=512-64k --bs_unaligned=0 --size=24M \
	--ioengine=libaio --iodepth=32 --verify=crc32c --verify_fatal=1 \
	--verify_backlog=200 --time_based --runtime=3600 --numjobs=2 --offset_increment=32M
rc=0
for ((i = 0; i < kills; i++)); do
	sleep "0.$((RANDOM % 50 + 1))"
	end || rc=1
	[ $((i % 3)) != 0 ] || sleep "0.$((RANDOM % 40))"
	next || rc=1
	kill -0 $fio 2>/dev/null || rc=1
	[ $rc = 0 ] || break
done
[ $rc = 0 ]
ok "fio goes on while the server is killed $kills times, and no write is with two"

# once more there is I/O under way
done_ios() { awk '{ print $1 + $5 }' /sys/block/xsegbd0/stat; }
moved() { [ "$(done_ios)" -gt "$1" ]; }
until_true 120 moved "$(($(done_ios) + 50))"
ok "I/O flows with the last server"

kill -TERM $fio
wait $fio
rc=$?
# 128: ended by the signal
[ $rc = 128 ] && grep -q 'err= 0:' "$dir/out" && ! grep -qE '^verify|error=|err= *[1-9]' "$dir/out"
ok "fio saw no error and no wrong byte"

attr_is failed 0 && attr_is given_up 0 && attr_is bad 0 && attr_is lost 0 && attr_is in_flight 0
ok "the disk counts no failure"

until_true 20 eval '[ "$(counters)" = "$before" ]'
ok "nothing is left in the queues"

remove && unserve TERM && xseg reap "$seg"
ok "the disk goes"

xseg fsck --idle "$seg"
ok "each request and buffer is where it belongs"

finish
