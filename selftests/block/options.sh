#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# xseg disk, options, read-only disks, resizing, wrong input.

. "$(dirname "$0")/lib.bash"

# fails TEXT COMMAND...: it fails and says so
fails()
{
	local text=$1
	shift
	! run "$@" && grep -qF -- "$text" "$dir/out"
}

fails "no segment 'nosuch'" true || fails "is not attached" xseg disk add nosuch 1
ok "no segment"
segment
ok "a segment for the kernel"
fails "no server is bound" xseg disk add "$seg" 1
ok "no server"
fails "no such port" xseg disk add "$seg" 4000
ok "no port"
run xseg disk list && grep -q 'no disks' "$dir/out"
ok "no disks"

serve -q 3 -t futex
ok "a server of three queues, of another signal type"
[ "$(xseg disk add "$seg" 1 --id 5 --queues 1 --hold 7 --timeout 9.5 --depth 16)" = /dev/xsegbd5 ] &&
	[ "$(cat /sys/block/xsegbd5/xseg/{queues,hold_ms,timeout_ms,depth} | tr '\n' ' ')" = "1 7000 9500 16 " ]
ok "a disk with options"
fails "is there already" xseg disk add "$seg" 1
ok "no second one for the same port"
xseg disk list | grep -q "xsegbd5 .* 64 MiB .* live" &&
	xseg disk list --json | python3 -c "import json, sys
d = json.load(sys.stdin)[0]
sys.exit(d['name'] != 'xsegbd5' or d['size'] != 64 << 20 or d['state'] != 'live')"
ok "it is listed"
exec 5<>/dev/xsegbd5
fails "in use" xseg disk remove xsegbd5
ok "not removed while it is open"
xseg disk remove /dev/xsegbd5 --force && [ ! -e /dev/xsegbd5 ]
ok "but by force"
! dd if=/dev/fd/5 of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null
ok "who has it open gets errors"
[ "$(xseg disk add "$seg" 1 --id 5)" = /dev/xsegbd5 ]
ok "a new one of its number meanwhile"
exec 5>&-
xseg disk remove 5
ok "which goes"
fails "no disk '5'" xseg disk remove 5
ok "not twice"

[ "$(xseg disk add "$seg" 1 --read-only)" = $disk ] && [ "$(blockdev --getro $disk)" = 1 ] &&
	! dd if=/dev/zero of=$disk bs=4k count=1 oflag=direct 2>/dev/null &&
	dd if=$disk of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null && xseg disk remove 0
ok "a read-only disk"
add && blockdev --setro $disk && ! dd if=/dev/zero of=$disk bs=4k count=1 oflag=direct 2>/dev/null &&
	blockdev --setrw $disk && dd if=/dev/zero of=$disk bs=4k count=1 oflag=direct 2>/dev/null
ok "blockdev --setro and --setrw"

unserve && serve -q 3 -s 96 && xseg disk resize xsegbd0 && [ "$(blockdev --getsize64 $disk)" = $((96 << 20)) ] &&
	dd if=/dev/zero of=$disk bs=64k seek=1500 count=1 oflag=direct 2>/dev/null
ok "grown"
unserve && serve -q 3 -s 32 && xseg disk resize xsegbd0 && [ "$(blockdev --getsize64 $disk)" = $((32 << 20)) ]
ok "shrunk"
unserve && serve -q 3 -b 4096 && fails "another block size" xseg disk resize xsegbd0
ok "not with other blocks"
xseg disk remove 0 && unserve && serve -r && add && [ "$(blockdev --getro $disk)" = 1 ] && remove
ok "read-only as the server says"

# What add and remove do not take
rc=0
for line in "" x "segment=$seg" "port=1" "segment=$seg port=x" "segment=$seg port=1 nosuch=1" \
	"segment=$seg port=1 type=nosuch" "segment=$seg port=1 type=futex" "segment=$seg port=1 id=-1" \
	"segment=$seg port=1 queues=0" "segment=$seg port=1 depth=0" "segment= port=1" \
	"segment=$(printf 'a%.0s' {1..80}) port=1" "segment=$seg port=4294967295" "segment=$seg port=255"; do
	! echo "$line" >$control/add 2>/dev/null || { echo "# taken: $line"; rc=1; }
done
for line in "" x -1 1 "0 forc" "0 force x" 99999999999; do
	! echo "$line" >$control/remove 2>/dev/null || { echo "# taken: $line"; rc=1; }
done
[ $rc = 0 ] && [ ! -e $disk ]
ok "wrong lines are refused"
! setpriv --reuid 1000 --clear-groups sh -c "echo x >$control/add" 2>/dev/null &&
	[ "$(stat -c %a $control/add)" = 200 ]
ok "for root only"

unserve && serve -n && add hold_ms=20000 && dd if=$disk of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null
ok "a server whose port keeps nothing"
unserve KILL
until_true 20 attr_is state away
dd if=$disk of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null &
d=$!
sleep 1
serve -n && wait $d && remove
ok "new I/O waits for the next one all the same"

unserve && serve -n -m die && fails "died before" xseg disk add "$seg" 1 2>/dev/null	# bash says so, too
ok "a server that dies while it is asked"

serve && echo "of somebody" >$disk && fails "is in the way" xseg disk add "$seg" 1 && remove && rm $disk
ok "a file in the disk's place"

# the question itself takes the only chunk: nothing is left for I/O
unserve; xseg detach "$seg" && xseg destroy "$seg" && segment --heap 64K --max-data 64K && serve
ok "a segment with a heap of one chunk"
fails "no room left" xseg disk add "$seg" 1 && [ ! -e $disk ] && ! grep -q xsegbd <<<"$(xseg disk list)"
ok "is too small for a disk, which says so"

finish
