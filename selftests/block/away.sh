#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# The server is away, stopped, or gone for good: what I/O does, and that the
# disk can always be removed.

. "$(dirname "$0")/lib.bash"

reader() { dd if=$disk of=/dev/null bs=4k count=1 iflag=direct 2>"$dir/err"; }
writer() { dd if=/dev/urandom of=$disk bs=64k count=4 oflag=direct 2>"$dir/err"; }
hold=120000	# ms, where nobody is to wait for so long
case $XSEG_KERNEL in	# debug kernels may need half a minute, on a busy machine
*-amd64) most=20 ;;
*)	most=60 ;;
esac
at_once() { [ $took -lt $most ]; }
seconds() { local t=$SECONDS; "$@"; local rc=$?; took=$((SECONDS - t)); return $rc; }

# nobody sleeps where only I/O could wake him
no_d_state()
{
	local p
	for p in "$@"; do
		! grep -q '^State:.*D' "/proc/$p/status" 2>/dev/null || return 1
	done
}

segment
ok "a segment for the kernel"

serve && add hold_ms=30000 && reader
ok "a disk"
unserve KILL
until_true 20 attr_is state away
ok "without a server it says away"
writer &
w=$!
until_true 20 eval '[ "$(attr in_flight)" -gt 0 ]' && kill -0 $w
ok "I/O waits"
serve && wait $w && until_true 20 attr_is state live
ok "and goes on with the next server"

kill -STOP "$server"
writer &
w=$!
sleep 1
kill -0 $w && attr_is state live
ok "I/O waits for a stopped server"
kill -CONT "$server"
wait $w
ok "and goes on with it"

echo 2000 >/sys/block/xsegbd0/xseg/hold_ms
unserve KILL
! seconds writer && [ $took -le 15 ] && attr_is state failed
ok "I/O fails when no server came within hold_ms"
echo $hold >/sys/block/xsegbd0/xseg/hold_ms
! seconds reader && at_once
ok "at once from then on"
serve && until_true 20 attr_is state live && until_true 20 attr_is lost 0 && reader && writer
ok "until there is one"

echo 0 >/sys/block/xsegbd0/xseg/hold_ms
unserve KILL
! seconds reader && at_once
ok "hold_ms 0 fails at once"
serve && until_true 20 attr_is state live && reader
ok "the next server serves"

echo 1000 >/sys/block/xsegbd0/xseg/timeout_ms
kill -STOP "$server"
! seconds writer && [ $took -le 15 ] && [ "$(attr given_up)" -gt 0 ] && attr_is state live
ok "timeout_ms: a stopped server's I/O fails"
given_up=$(attr given_up)
[ "$(attr lost)" -gt 0 ] && ! dd if=/dev/zero of=$disk bs=4k count=1 oflag=direct 2>/dev/null &&
	attr_is given_up "$given_up"	# failed without asking the server
ok "what may yet be written is not written again meanwhile"
kill -CONT "$server"
until_true 20 attr_is lost 0 && echo 0 >/sys/block/xsegbd0/xseg/timeout_ms && writer
ok "it is when the server has answered"
echo $hold >/sys/block/xsegbd0/xseg/hold_ms

# Removed whatever the server does, under load.
for how in killed stopped alive; do
	start_fio load --rw=randrw --bs=4k --size=32M --ioengine=libaio --iodepth=32 \
		--numjobs=2 --time_based --runtime=600
	f=$fio
	until_true 120 eval '[ "$(attr in_flight)" -gt 0 ]'
	sleep 1
	case $how in
	killed) unserve KILL ;;
	stopped) kill -STOP "$server" ;;
	esac
	seconds remove force && at_once && [ ! -e $disk ]
	ok "server $how: the disk is removed under load, in $took s"
	end=$((SECONDS + 20))
	while kill -0 $f 2>/dev/null && [ $SECONDS -lt $end ]; do sleep 0.1; done
	! kill -0 $f 2>/dev/null && ! ps -eo stat,comm | grep -E '^D.*fio'
	ok "server $how: fio has ended"
	kill -KILL $f 2>/dev/null
	wait $f 2>/dev/null
	[ $how != stopped ] || unserve KILL
	[ "$server" ] || serve
	add hold_ms=$hold && reader
	ok "server $how: a new disk"
done

# While it is being added: the partition scan has nobody to read it from.
remove && unserve KILL && serve -m keep
echo "segment=$seg port=1 id=0" >$control/add &
a=$!
until_true 20 [ -d /sys/block/xsegbd0 ]
sleep 1
seconds remove force && at_once
ok "a disk that is being added is removed"
until_true 10 eval '! kill -0 $a 2>/dev/null' && no_d_state $a
ok "who added it returns"
unserve KILL

# Nothing of ours is in use any more.
xseg detach "$seg" && rmmod xsegbd && modprobe xsegbd
ok "the segment is detached, the module unloaded and loaded again"
xseg attach "$seg" && serve && add && ! rmmod xsegbd 2>/dev/null && reader
ok "the module is not unloaded while there is a disk"
! xseg detach "$seg" 2>/dev/null
ok "nor the segment detached"
remove
ok "the disk goes"

finish
