#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=1800
#
# Servers that answer nonsense: the disk goes on, or fails that I/O with EIO;
# with an honest server it works again, and it can be removed.

. "$(dirname "$0")/lib.bash"
seconds=${XSEG_SECONDS:-4}

# io: for some seconds, whatever comes of it
io()
{
	timeout $((seconds + 60)) fio --name=io "${on_disk[@]}" --rw=randrw \
		--bsrange=512-64k --size=48M --ioengine=libaio --iodepth=16 \
		--continue_on_error=all \
		--time_based --runtime=$seconds >"$dir/out" 2>&1
	[ $? -lt 124 ] && grep -q 'issued rwts' "$dir/out"
}

check()
{
	do_fio check --rw=randwrite --bs=4k --size=4M --ioengine=libaio --iodepth=16 \
		--verify=md5 --verify_fatal=1
}

segment
ok "a segment for the kernel"

for m in order short long state error twice unknown rewrite keep; do
	serve -q 2 -m $m && add timeout_ms=2000 && [ -b $disk ]
	ok "$m: a disk"
	io
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
		check
		ok "$m: an honest server's data verify"
		remove
		ok "$m: the disk goes"
		unserve KILL ;;
	esac
done

finish
