#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=1800
#
# Servers that answer nonsense: the disk goes on, or fails that I/O with EIO;
# with an honest server it works again, and it can be removed.

. "$(dirname "$0")/lib.bash"
seconds=${XSEG_SECONDS:-4}

# met MISDEED: the disk has met it often enough
met()
{
	case $1 in
	short|long|state|twice|unknown)
		[ "$(attr bad)" -gt 5 ] ;;
	error)	[ "$(attr failed)" -gt 0 ] ;;
	keep)	[ "$(attr given_up)" -gt 0 ] ;;
	*)	awk '{ exit !($1 + $5 > 100) }' /sys/block/xsegbd0/stat ;;
	esac
}

# io MISDEED: for some seconds, and until the disk has met it, whatever comes of it
io()
{
	start_fio io --rw=randrw --bsrange=512-64k --size=48M --ioengine=libaio --iodepth=16 \
		--continue_on_error=all --time_based --runtime=3600
	sleep "$seconds"
	until_true 120 met "$1" && kill -TERM $fio && until_true 120 eval '! kill -0 $fio' &&
		grep -q 'issued rwts' "$dir/out"
	local rc=$?
	kill -KILL $fio 2>/dev/null
	wait $fio
	[ $? -le 128 ] && return $rc
}

check()
{
	do_fio check --rw=randwrite --bs=4k --size=4M --ioengine=libaio --iodepth=16 \
		--verify=md5 --verify_fatal=1
}

segment
ok "a segment for the kernel"

for m in order short long state error twice unknown rewrite keep; do
	# only where requests get lost
	timeout=0
	case $m in twice|unknown|rewrite|keep) timeout=2000 ;; esac
	serve -q 2 -m $m && add timeout_ms=$timeout && [ -b $disk ]
	ok "$m: a disk"
	io $m
	ok "$m: I/O ends, $(attr failed) failed, $(attr bad) bad answers, $(attr given_up) given up"
	case $m in
	order)	attr_is failed 0 && attr_is bad 0 ;;
	short|long|state)
		[ "$(attr bad)" -gt 0 ] && [ "$(attr failed)" -ge "$(attr bad)" ] ;;
	error)	[ "$(attr failed)" -gt 0 ] && attr_is bad 0 ;;
	twice|unknown)
		[ "$(attr bad)" -gt 5 ] ;;
	keep)	[ "$(attr given_up)" -gt 0 ] && [ "$(attr lost)" -gt 0 ] &&
			kill -USR1 "$server" && until_true 10 attr_is lost 0 ;;
	*)	true ;;
	esac
	ok "$m: the disk knows"
	unserve KILL && serve -q 2 && until_true 20 attr_is in_flight 0 &&
		until_true 20 attr_is lost 0
	ok "$m: nothing is under way with an honest server"
	case $m in
	twice|unknown|rewrite)
		# what was forged is no longer whole: a new segment
		remove force
		ok "$m: the disk goes"
		unserve KILL
		xseg detach "$seg" && xseg destroy "$seg" && segment
		ok "$m: so does the segment" ;;
	*)
		echo 0 >/sys/block/xsegbd0/xseg/timeout_ms && check
		ok "$m: an honest server's data verify"
		remove
		ok "$m: the disk goes"
		unserve KILL ;;
	esac
done

finish
