#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# xseg-blkd serves a block device: a loop device, for which it takes root.

# shellcheck source=selftests/blkd/lib.bash
. "$(dirname "$0")/lib.bash"

truncate -s 32M "$img"
if ! loop=$(losetup --show -f "$img" 2>"$dir/err"); then
	echo "1..0 # SKIP no loop device: $(cat "$dir/err")"
	exit 4
fi
trap 'losetup -d $loop; cleanup' EXIT
xseg create "$seg" --heap 64M || exit 1

for how in '' --direct; do
	what=${how:-buffered}
	# shellcheck disable=SC2086 # none or one word
	serve "file:$loop" $how; ok "$what: starts"
	disk ops "$seg" 0; ok "$what: each operation"
	fails 1 'locked; another server' xseg-blkd "$seg" "file:$loop" --port 3 --no-wait
	ok "$what: one server at a time"
	"$client" verify "$seg" 0 --seconds 600 --stall 50 >"$dir/disk" 2>&1 & disk=$!
	for i in 1 2 3; do
		sleep 0.1
		kill -KILL $server; wait $server 2>/dev/null
		# shellcheck disable=SC2086
		serve "file:$loop" $how || break
	done 2>/dev/null
	kill -TERM $disk
	ends 40 $disk 0; ok "$what: verified, three servers killed"
	stop; ok "$what: ends"
done
fails 1 'leave --create' xseg-blkd "$seg" "file:$loop" --create --size 1M
ok "a device is not made"
python3 -c 'import fcntl, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)
print("claimed", flush=True); time.sleep(600)' "$loop" >"$dir/claim" & claim=$!
until_true 10 grep -q claimed "$dir/claim"
fails 1 'it is in use: mounted' xseg-blkd "$seg" "file:$loop" --no-wait
ok "one that is claimed is refused by --no-wait"
serve_only "file:$loop"
until_true 20 grep -q 'mounted.*waiting' "$dir/server.err"; ok "and else waited for, which is said"
kill $claim; wait $claim 2>/dev/null
until_true 20 grep -q '^serving' "$dir/server"; ok "until it is free"
stop; ok "ends"
finish
